"""Wider bins have the counts of the scores that lie in them."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from napari_nx46.core.threshold.quantile import (
    HIGH_BITS,
    HIGH_BITS_SHIFT,
    ScoreHistogram,
    approximate_quantile,
    approximate_share_below,
)
from napari_nx46.core.threshold.rebinning import edge_bins, rebinned

SCORES = arrays(np.float32, st.integers(1, 60), elements=st.floats(0, 1, width=32))
EMPTY = ScoreHistogram(np.zeros(HIGH_BITS, np.int64))


def histogram_of(scores):
    numbers = (np.abs(scores).view(np.uint32) >> HIGH_BITS_SHIFT).astype(np.int64)
    return ScoreHistogram(np.bincount(numbers, minlength=HIGH_BITS))


@given(SCORES, st.integers(1, 40))
def test_wide_bins_count_the_scores_between_their_edges(scores, most):
    histogram = histogram_of(scores)
    bins = rebinned(histogram, edge_bins(histogram, most))
    assert len(bins.edges) == len(bins.counts) + 1 <= most + 2
    assert np.all(np.diff(bins.edges) > 0)
    for low, high, count in zip(bins.edges, bins.edges[1:], bins.counts, strict=False):
        assert count == np.count_nonzero((scores >= low) & (scores < high))
    assert bins.counts.sum() == len(scores)


def test_wide_bins_are_about_equally_wide():
    scores = np.random.default_rng(1).random(5000, dtype=np.float32)
    histogram = histogram_of(scores)
    widths = np.diff(rebinned(histogram, edge_bins(histogram, 100)).edges)
    np.testing.assert_allclose(widths, 0.01, atol=2**-9)


@pytest.mark.parametrize(("histogram", "most"), [(EMPTY, 5), (histogram_of(np.ones(3, "f4")), 0)])
def test_there_must_be_scores_and_a_bin(histogram, most):
    with pytest.raises(ValueError, match=r"no score|at least one bin"):
        edge_bins(histogram, most)


@given(SCORES, st.floats(0, 1))
def test_the_share_below_is_that_of_the_scores_to_a_bin(scores, score):
    histogram = histogram_of(scores)
    share = approximate_share_below(histogram, score)
    width = score * 2**-8 + 1e-37
    few = np.count_nonzero(scores < score - width) / len(scores)
    many = np.count_nonzero(scores <= score + width) / max(len(scores) - 1, 1)
    assert few - 1e-9 <= share <= min(many, 1.0) + 1e-9


def test_the_share_below_is_the_inverse_of_the_quantile():
    scores = np.random.default_rng(2).random(20_000, dtype=np.float32)
    histogram = histogram_of(scores)
    for quantile in (0.0, 0.1, 0.5, 0.937, 0.999):
        score = approximate_quantile(histogram, quantile)
        assert approximate_share_below(histogram, score) == pytest.approx(quantile, abs=1e-4)
    assert approximate_share_below(histogram, 2.0) == 1.0
    assert approximate_share_below(histogram, 1e30) == 1.0
    with pytest.raises(ValueError, match="at least one score"):
        approximate_share_below(EMPTY, 0.5)
