"""Curves over the threshold, against counting the voxels themselves."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from napari_nx46.core.measure.curves import (
    density_over_quantiles,
    labelled_histogram,
    precision_recall,
    precision_recall_at,
)
from napari_nx46.voxels.workers import Cancelled, Workers

QUANTILES = [0.0, 0.1, 0.5, 0.8, 0.95, 0.999, 1.0]


def scores_and_label(seed, shape=(6, 9, 11), levels=None):
    rng = np.random.default_rng(seed)
    label = rng.choice(3, shape, p=(0.7, 0.2, 0.1)).astype(np.uint8)
    score = np.clip(rng.normal(0.3 + 0.3 * (label == 1), 0.2), 0, 1)
    if levels is not None:
        score = np.round(score * levels) / levels
    return score.astype(np.float32), label


def histogram_of(score, label, parts=(0,)):
    edges = [*parts, len(score)]
    cuts = [slice(low, high) for low, high in pairwise(edges)]
    return labelled_histogram((score[cut] for cut in cuts), (label[cut] for cut in cuts))


def assert_counted(curve, index, score, label):
    """Check one point against the voxels that reach its threshold."""
    reaching = score.astype(np.float64) >= curve.thresholds[index]
    judged, true = reaching & (label != 2), label == 1
    both = np.count_nonzero(judged & true)
    assert curve.density[index] == np.count_nonzero(reaching) / score.size
    assert curve.quantiles[index] == 1 - np.count_nonzero(reaching) / score.size
    assert curve.precision[index] == (both / judged.sum() if judged.any() else 1.0)
    assert curve.recall[index] == (both / true.sum() if true.any() else 1.0)
    voxels = judged.sum() + true.sum()
    assert curve.dice[index] == (2 * both / voxels if voxels else 1.0)


@given(st.integers(0, 2**32 - 1), st.sampled_from([None, 1, 10, 255]))
def test_every_point_over_the_quantile_is_what_counting_gives(seed, levels):
    score, label = scores_and_label(seed, levels=levels)
    curve = precision_recall(histogram_of(score, label), QUANTILES)
    for index, quantile in enumerate(QUANTILES):
        assert_counted(curve, index, score, label)
        exact = np.quantile(score.astype(np.float64), quantile, method="lower")
        assert curve.thresholds[index] <= exact <= curve.thresholds[index] * (1 + 2**-8)


@given(st.integers(0, 2**32 - 1), st.lists(st.floats(0, 1.0), min_size=1, max_size=8))
def test_every_point_over_the_threshold_is_what_counting_gives(seed, thresholds):
    score, label = scores_and_label(seed)
    curve = precision_recall_at(histogram_of(score, label), thresholds)
    for index, threshold in enumerate(thresholds):
        assert_counted(curve, index, score, label)
        assert curve.thresholds[index] <= np.nextafter(np.float32(threshold), np.float32(2))
        assert curve.thresholds[index] * (1 + 2**-8) >= threshold or threshold < 1e-37


def test_thresholds_on_the_edges_of_bins_are_taken_as_they_are():
    score, label = scores_and_label(3, levels=4)
    edges = [0.0, 0.25, 0.5, 0.75, 1.0]
    curve = precision_recall_at(histogram_of(score, label), edges)
    assert curve.thresholds.tolist() == edges


def test_a_threshold_above_all_scores_selects_nothing():
    score, label = scores_and_label(4)
    curve = precision_recall_at(histogram_of(score * np.float32(0.5), label), [0.9, 1e30])
    assert curve.density.tolist() == curve.recall.tolist() == [0.0, 0.0]
    assert curve.precision.tolist() == [1.0, 1.0]


def test_the_histogram_does_not_depend_on_slabs_and_threads():
    score, label = scores_and_label(5, shape=(20, 8, 9))
    whole = histogram_of(score, label)
    workers = Workers(3)
    try:
        parallel = labelled_histogram([score], [label], workers=workers)
    finally:
        workers.close()
    halves = histogram_of(score[:7], label[:7]) + histogram_of(score[7:], label[7:])
    for other in (histogram_of(score, label, (0, 3, 4, 17)), parallel, halves):
        for name in ("surface", "background", "ignored"):
            expected = getattr(whole, name).counts
            np.testing.assert_array_equal(getattr(other, name).counts, expected)
    totals = [whole.background.total, whole.surface.total, whole.ignored.total]
    assert totals == np.bincount(label.ravel(), minlength=3).tolist()
    assert whole.all_scores.total == score.size


def test_a_zero_with_a_sign_counts_as_zero():
    score = np.array([[[-0.0, 0.0, 0.5]]], np.float32)
    curve = precision_recall_at(histogram_of(score, np.ones(score.shape, np.uint8)), [0.0, 0.25])
    assert curve.density.tolist() == [1.0, 1 / 3]


def test_the_density_over_the_quantile_needs_no_label():
    score, label = scores_and_label(6, levels=20)
    histogram = histogram_of(score, label)
    densities = density_over_quantiles(histogram.all_scores, QUANTILES)
    assert densities.tolist() == precision_recall(histogram, QUANTILES).density.tolist()


def test_what_no_curve_can_be_made_from_is_refused():
    score, label = scores_and_label(7)
    with pytest.raises(ValueError, match="shape"):
        labelled_histogram([score], [label[:, :4]])
    with pytest.raises(ValueError, match=r"0, 1 and 2, found 3"):
        labelled_histogram([score], [label + np.uint8(1)])
    with pytest.raises(ValueError, match="shorter"):
        labelled_histogram([score, score], [label])
    empty, histogram = labelled_histogram([], []), histogram_of(score, label)
    with pytest.raises(ValueError, match="at least one"):
        precision_recall(empty, [0.5])
    with pytest.raises(ValueError, match="at least one"):
        precision_recall_at(empty, [0.5])
    with pytest.raises(ValueError, match=r"1\.5"):
        precision_recall(histogram, [1.5])
    for threshold in (-0.1, float("nan")):
        with pytest.raises(ValueError, match="at least 0"):
            precision_recall_at(histogram, [threshold])
    with pytest.raises(Cancelled):
        labelled_histogram([score], [label], cancelled=lambda: True)
