"""Quantiles from histograms equal those of NumPy."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_nx46.core.score import plain
from napari_nx46.core.threshold import quantile as quantile_module
from napari_nx46.core.threshold.quantile import (
    HIGH_BITS,
    LOW_BITS,
    ScoreHistogram,
    approximate_quantile,
    bin_of_threshold,
    bins_to_refine,
    count_at_least,
    exact_quantile,
    float32_ceiling,
    quantile_rank,
    scores_quantiles,
)

SCORES = st.lists(st.floats(0, 1, width=32), min_size=1, max_size=60)
QUANTILES = st.one_of(st.floats(0, 1), st.sampled_from([0.0, 0.5, 0.97, 0.999, 1.0]))


def histogram_of(scores):
    bits = scores.view(np.uint32) >> 14
    return ScoreHistogram(np.bincount(bits, minlength=HIGH_BITS))


def low_bits_of(scores, high_bits):
    counts = np.zeros(LOW_BITS, np.int64)
    plain.count_low_bits(scores, high_bits, counts)
    return counts


@settings(max_examples=300, deadline=None)
@given(values=SCORES, quantile=QUANTILES)
def test_quantile_equals_numpy_in_float64(values, quantile):
    scores = np.abs(np.array(values, np.float32))
    expected = np.quantile(scores.astype(np.float64), quantile)
    histogram = histogram_of(scores)
    low_bits = {b: low_bits_of(scores, b) for b in bins_to_refine(histogram, quantile)}
    assert exact_quantile(histogram, low_bits, quantile) == expected
    assert scores_quantiles(scores, (quantile,)) == (expected,)


def test_scores_that_are_too_many_to_sort_have_the_same_quantiles(monkeypatch):
    scores = np.random.default_rng(3).random((7, 11, 13), np.float32)
    quantiles = (0.99, 0.0, 0.5, 1.0)
    ordered = scores_quantiles(scores, quantiles)
    assert ordered == tuple(np.quantile(scores.astype(np.float64), quantiles).tolist())
    monkeypatch.setattr(quantile_module, "MOST_SORTED", 0)
    assert scores_quantiles(scores, quantiles) == ordered


@settings(max_examples=200, deadline=None)
@given(values=SCORES, threshold=st.floats(-0.5, 1.5))
def test_count_at_least_equals_a_comparison(values, threshold):
    scores = np.abs(np.array(values, np.float32))
    bin_ = bin_of_threshold(threshold)
    found = count_at_least(histogram_of(scores), {bin_: low_bits_of(scores, bin_)}, threshold)
    assert found == np.count_nonzero(scores.astype(np.float64) >= threshold)


@settings(max_examples=100, deadline=None)
@given(first=SCORES, second=SCORES, quantile=QUANTILES)
def test_histograms_merge(first, second, quantile):
    parts = [np.abs(np.array(values, np.float32)) for values in (first, second)]
    merged = histogram_of(parts[0]) + histogram_of(parts[1])
    np.testing.assert_array_equal(merged.counts, histogram_of(np.concatenate(parts)).counts)


@settings(max_examples=200, deadline=None)
@given(values=SCORES, quantile=QUANTILES)
def test_approximate_quantile_is_within_a_bin_of_an_order_statistic(values, quantile):
    scores = np.sort(np.abs(np.array(values, np.float32)))
    rank = quantile_rank(scores.size, quantile)
    approximate = np.float32(approximate_quantile(histogram_of(scores), quantile))
    assert approximate.view(np.uint32) >> 14 == scores[rank.lower].view(np.uint32) >> 14


@given(threshold=st.floats(0, 1))
def test_float32_ceiling_is_the_lowest_float32_at_least_as_large(threshold):
    ceiling = np.float32(float32_ceiling(threshold))
    assert float(ceiling) >= threshold
    assert float(np.nextafter(ceiling, np.float32(-1))) < threshold


@pytest.mark.parametrize(("total", "quantile"), [(0, 0.5), (3, 1.5), (3, -0.1)])
def test_impossible_quantiles_are_refused(total, quantile):
    with pytest.raises(ValueError, match="quantile"):
        quantile_rank(total, quantile)
