"""Exact quantiles from histograms that can be merged across blocks and fragments.

The bits of a non-negative float32, read as an integer, order as the number does. A histogram over
the high bits finds the bin in which an order statistic lies; a second one over the low bits within
that bin finds the order statistic itself (a radix selection in two digits). Counts add up, so the
result does not depend on how the volume was cut.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from napari_nx46.voxels.blocks import FloatVolume

HIGH_BITS_SHIFT = 14
HIGH_BITS = 1 << 16
"""Bins of the histogram: scores up to 1.0 and a little beyond use 65,025 of them."""
LOW_BITS = 1 << HIGH_BITS_SHIFT
LOW_BITS_MASK = LOW_BITS - 1

MOST_SORTED = 1 << 20
"""So many scores NumPy sorts faster than it finds some order statistics among them."""

LEAST_SCORE = float(np.nextafter(np.float32(0), np.float32(1)))
"""The lowest float32 above 0."""

Counts = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class ScoreHistogram:
    """How many scores have each pattern of high bits.

    Parameters
    ----------
    counts : (65536,) array of int64
        Number of scores per bin, in ascending order of the score.
    """

    counts: Counts

    def __add__(self, other: ScoreHistogram) -> ScoreHistogram:
        return ScoreHistogram(self.counts + other.counts)

    @cached_property
    def cumulative(self) -> Counts:
        """Number of scores up to and including each bin, ``(65536,)`` int64."""
        return np.cumsum(self.counts)

    @property
    def total(self) -> int:
        """Number of scores."""
        return int(self.cumulative[-1])

    def without_zeros(self, zeros: int) -> ScoreHistogram:
        """Return the histogram without `zeros` scores that are 0."""
        counts = self.counts.copy()
        counts[0] -= zeros
        return ScoreHistogram(counts)

    def bin_of_rank(self, rank: int) -> int:
        """Return the bin in which the score of this rank (from 0, ascending) lies."""
        return int(np.searchsorted(self.cumulative, rank, side="right"))

    def below(self, high_bits: int) -> int:
        """Return the number of scores in lower bins than this one."""
        return int(self.cumulative[high_bits - 1]) if high_bits else 0


@dataclass(frozen=True)
class QuantileRank:
    """Where a quantile lies between two order statistics (`numpy.quantile`, method linear).

    Parameters
    ----------
    lower, upper : int
        Ranks of the two, from 0, ascending.
    fraction : float
        Way from the lower to the upper, in [0, 1).
    """

    lower: int
    upper: int
    fraction: float

    def interpolate(self, lower: float, upper: float) -> float:
        """Interpolate in float64, rounded as NumPy does it: from the nearer end."""
        difference = upper - lower
        if self.fraction >= 0.5:
            return upper - difference * (1 - self.fraction)
        return lower + difference * self.fraction


def quantile_rank(total: int, quantile: float) -> QuantileRank:
    """Return where the quantile of `total` values lies.

    Raises
    ------
    ValueError
        If there are no values or the quantile is outside [0, 1].
    """
    if total < 1:
        raise ValueError("a quantile needs at least one value")
    if not 0.0 <= quantile <= 1.0:
        raise ValueError(f"expected a quantile in [0, 1], found {quantile}")
    position = (total - 1) * quantile
    lower = int(position)
    return QuantileRank(lower, min(lower + 1, total - 1), position - lower)


def scores_quantiles(score: FloatVolume, quantiles: Sequence[float]) -> tuple[float, ...]:
    """Return quantiles of an array of scores, as `numpy.quantile` of their float64 values does.

    Parameters
    ----------
    score : array of float32
        At least one, no NaN.
    quantiles : sequence of float
        In [0, 1], in any order.

    Raises
    ------
    ValueError
        If there are no scores or a quantile is outside [0, 1].
    """
    ranks = [quantile_rank(score.size, quantile) for quantile in quantiles]
    if score.size <= MOST_SORTED:
        ordered = np.sort(score, axis=None)
    else:
        needed = sorted({rank for each in ranks for rank in (each.lower, each.upper)})
        ordered = np.partition(score, needed, axis=None)
    return tuple(
        rank.interpolate(float(ordered[rank.lower]), float(ordered[rank.upper])) for rank in ranks
    )


def positive_quantiles(score: FloatVolume, quantiles: Sequence[float]) -> tuple[float, ...]:
    """Return quantiles of the scores above 0; `LEAST_SCORE` each if there are none.

    Parameters
    ----------
    score : array of float32
        No NaN.
    quantiles : sequence of float
        In [0, 1], in any order.
    """
    positive = score[score > 0]
    return scores_quantiles(positive, quantiles) if positive.size else nothing_above_zero(quantiles)


def nothing_above_zero(quantiles: Sequence[float]) -> tuple[float, ...]:
    """Return the quantiles of no scores at all: a threshold that no score of 0 reaches."""
    return (LEAST_SCORE,) * len(quantiles)


def bins_to_refine(histogram: ScoreHistogram, quantile: float) -> tuple[int, ...]:
    """Return the one or two bins whose low bits must be counted for this quantile."""
    rank = quantile_rank(histogram.total, quantile)
    return tuple(sorted({histogram.bin_of_rank(rank.lower), histogram.bin_of_rank(rank.upper)}))


def exact_quantile(
    histogram: ScoreHistogram, low_bits: Mapping[int, Counts], quantile: float
) -> float:
    """Return the quantile of the scores, as `numpy.quantile` of their float64 values gives it.

    Parameters
    ----------
    histogram : ScoreHistogram
    low_bits : mapping
        For each bin of `bins_to_refine`, the ``(16384,)`` counts of its low bits.
    quantile : float
        In [0, 1].
    """
    rank = quantile_rank(histogram.total, quantile)
    return rank.interpolate(
        _order_statistic(histogram, low_bits, rank.lower),
        _order_statistic(histogram, low_bits, rank.upper),
    )


def approximate_quantile(histogram: ScoreHistogram, quantile: float) -> float:
    """Return the quantile to the width of a bin (2**-9 of the value), without a second pass."""
    rank = quantile_rank(histogram.total, quantile)
    high_bits = histogram.bin_of_rank(rank.lower)
    share = (rank.lower - histogram.below(high_bits)) / int(histogram.counts[high_bits])
    return score_of_bits(high_bits, int(share * LOW_BITS))


def approximate_share_below(histogram: ScoreHistogram, score: float) -> float:
    """Return the quantile at which a score lies: the inverse of `approximate_quantile`.

    Parameters
    ----------
    histogram : ScoreHistogram
        With at least one score.
    score : float
        In units of probability.

    Returns
    -------
    float
        In [0, 1]; within a bin, scores are taken to be spread evenly.

    Raises
    ------
    ValueError
        If there are no scores.
    """
    if not histogram.total:
        raise ValueError("a share needs at least one score")
    bits = _lowest_bits(score)
    high_bits = bits >> HIGH_BITS_SHIFT
    if high_bits >= HIGH_BITS:
        return 1.0
    within = int(histogram.counts[high_bits]) * (bits & LOW_BITS_MASK) / LOW_BITS
    return min((histogram.below(high_bits) + within) / max(histogram.total - 1, 1), 1.0)


def count_at_least(
    histogram: ScoreHistogram, low_bits: Mapping[int, Counts], threshold: float
) -> int:
    """Return how many scores are at least the threshold.

    Parameters
    ----------
    histogram : ScoreHistogram
    low_bits : mapping
        The counts of the low bits for the bin of the threshold (`bin_of_threshold`).
    threshold : float
        A float64; compared exactly.
    """
    high_bits = bin_of_threshold(threshold)
    if high_bits >= HIGH_BITS:
        return 0
    lowest = _lowest_bits(threshold) & LOW_BITS_MASK
    above = histogram.total - histogram.below(high_bits) - int(histogram.counts[high_bits])
    if not histogram.counts[high_bits]:
        return above
    return above + int(low_bits[high_bits][lowest:].sum())


def count_equal(histogram: ScoreHistogram, low_bits: Mapping[int, Counts], score: float) -> int:
    """Return how many scores are equal to one.

    Parameters
    ----------
    histogram : ScoreHistogram
    low_bits : mapping
        The counts of the low bits for the bin of the score (`bin_of_threshold`).
    score : float
        At least 0; no score is equal to a number that is no float32.
    """
    high_bits = bin_of_threshold(score)
    if float32_ceiling(score) != score or high_bits >= HIGH_BITS:
        return 0
    if not histogram.counts[high_bits]:
        return 0
    return int(low_bits[high_bits][_lowest_bits(score) & LOW_BITS_MASK])


def bin_of_threshold(threshold: float) -> int:
    """Return the bin of the lowest float32 that is at least the threshold."""
    return _lowest_bits(threshold) >> HIGH_BITS_SHIFT


def float32_ceiling(threshold: float) -> float:
    """Return the lowest float32 that is at least this float64: both select the same scores."""
    rounded = np.float32(threshold)
    if float(rounded) < threshold:
        rounded = np.nextafter(rounded, np.float32(np.inf))
    return float(rounded)


def score_of_bits(high_bits: int, low_bits: int) -> float:
    """Return the float32 that has these high and low bits."""
    return float(np.uint32((high_bits << HIGH_BITS_SHIFT) | low_bits).view(np.float32))


def _lowest_bits(threshold: float) -> int:
    """Return the bits of the lowest non-negative float32 that is at least the threshold."""
    ceiling = np.float32(max(float32_ceiling(threshold), 0.0))
    return int(np.abs(ceiling).view(np.uint32))


def _order_statistic(histogram: ScoreHistogram, low_bits: Mapping[int, Counts], rank: int) -> float:
    high_bits = histogram.bin_of_rank(rank)
    within = rank - histogram.below(high_bits)
    low = int(np.searchsorted(np.cumsum(low_bits[high_bits]), within, side="right"))
    return score_of_bits(high_bits, low)
