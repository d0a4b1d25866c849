"""Exact thresholds of scores that are counted piece by piece, in one or a few rounds.

A search is a generator: it yields what has to be counted next over all scores, is sent the counts,
and returns the threshold. Counts of parts add up, so that the result does not depend on how the
scores were cut, nor on any order.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from napari_nx46.core.score.kernels import Kernels
from napari_nx46.core.threshold.moments import Moments
from napari_nx46.core.threshold.quantile import (
    HIGH_BITS,
    LOW_BITS,
    Counts,
    ScoreHistogram,
    bins_to_refine,
    exact_quantile,
    nothing_above_zero,
)
from napari_nx46.setting import Domain, Setting, ThresholdRule
from napari_nx46.voxels.blocks import FloatVolume

__all__ = [
    "CountRequest",
    "Pair",
    "ScoreCounts",
    "Search",
    "adaptive_percentiles",
    "count_scores",
    "find",
    "quantiles_of",
    "search_of",
    "search_quantiles",
]

Pair = tuple[float, ...]
"""The threshold; with a low one after it where there are two."""


@dataclass(frozen=True)
class CountRequest:
    """What is to be counted over all scores.

    Parameters
    ----------
    histogram : bool
        The scores themselves, over the bins of `quantile`.
    bins : tuple of int
        The low bits of the scores in these bins.
    moments : bool
        The sums that the standard deviation follows from.
    """

    histogram: bool = False
    bins: tuple[int, ...] = ()
    moments: bool = False


@dataclass(frozen=True, eq=False, slots=True)
class ScoreCounts:
    """What was counted for a request; counts of parts are added.

    Parameters
    ----------
    histogram : (65536,) array of int64
        Empty if it was not asked for.
    low_bits : mapping of int to (16384,) array of int64
        By bin, for those that were asked for.
    moments : Moments
        Of no scores if they were not asked for.
    """

    histogram: Counts
    low_bits: Mapping[int, Counts]
    moments: Moments

    @classmethod
    def none(cls, request: CountRequest) -> ScoreCounts:
        """Return what is counted where there are no scores."""
        return cls(
            np.zeros(HIGH_BITS if request.histogram else 0, np.int64),
            {high_bits: np.zeros(LOW_BITS, np.int64) for high_bits in request.bins},
            Moments.none(),
        )

    def __add__(self, other: ScoreCounts) -> ScoreCounts:
        return ScoreCounts(
            self.histogram + other.histogram,
            {bin_: counts + other.low_bits[bin_] for bin_, counts in self.low_bits.items()},
            self.moments + other.moments,
        )


Search = Generator[CountRequest, ScoreCounts, Pair]


def find(search: Search, count: Callable[[CountRequest], ScoreCounts]) -> Pair:
    """Return what a search finds.

    Parameters
    ----------
    search : Search
    count : callable
        Counts over all scores what is asked for.
    """
    try:
        request = next(search)
        while True:
            request = search.send(count(request))
    except StopIteration as found:
        pair: Pair = found.value
        return pair


def count_scores(score: FloatVolume, request: CountRequest, kernels: Kernels) -> ScoreCounts:
    """Count what a request asks for in an array of scores.

    Parameters
    ----------
    score : (Z, Y, X) array of float32
        From 0 on, no NaN.
    request : CountRequest
    kernels : Kernels
    """
    counted = ScoreCounts.none(request)
    score = np.require(score, np.float32, ["C", "W"])
    if request.histogram:
        # With no smoothing and a weight of 1 the kernel copies, and counts on the way.
        rows, copied = slice(0, score.shape[1]), np.empty_like(score)
        kernels.score_tile(score, score, 0, 0, 1.0, rows, copied, counted.histogram)
    for high_bits, counts in counted.low_bits.items():
        kernels.count_low_bits(score, high_bits, counts)
    return replace(counted, moments=Moments.of(score)) if request.moments else counted


def quantiles_of(setting: Setting) -> Pair:
    """Return the quantile of a setting, and the low one of a pair."""
    if setting.hysteresis:
        return setting.quantile, setting.low_quantile
    return (setting.quantile,)


def search_of(setting: Setting) -> Search:
    """Return the search for the thresholds of scores that have one in common.

    They are those of one slice where each slice has its own, else of all of the setting's domain.

    Parameters
    ----------
    setting : Setting
        By quantile, or adaptive.

    Raises
    ------
    ValueError
        As the search goes on: if there are no scores.
    """
    if setting.rule is ThresholdRule.ADAPTIVE:
        return _adaptive(setting)
    if setting.domain is Domain.NONZERO:
        return _above_zero(quantiles_of(setting))
    return search_quantiles(quantiles_of(setting))


def adaptive_percentiles(
    p95: float, p90: float, deviation: float, setting: Setting
) -> tuple[float, float]:
    """Return NX47's high and low percentile.

    The high one is ``clip(base + gain * (p95 - p90) / std, min, max)``, the low one
    ``max(high - gap, low_min)``, but never above the high one (NX47 V61.2). Scores that are all
    equal have no tail: their high percentile is ``clip(base, min, max)``.
    """
    tail = (p95 - p90) / deviation if deviation > 0 else 0.0
    high = setting.adaptive_base + setting.adaptive_gain * tail
    high = min(max(high, setting.adaptive_min), setting.adaptive_max)
    low = min(max(high - setting.adaptive_gap, setting.adaptive_low_min), high)
    return high, low


def search_quantiles(quantiles: Sequence[float]) -> Search:
    """Search for quantiles of all scores, in two rounds."""
    counted = yield CountRequest(histogram=True)
    return (yield from _refined(ScoreHistogram(counted.histogram), {}, quantiles))


def _above_zero(quantiles: Sequence[float]) -> Search:
    """Search for quantiles of the scores that are above 0: all but one of the lowest bin."""
    counted = yield CountRequest(histogram=True, bins=(0,))
    zeros = int(counted.low_bits[0][0])
    histogram = ScoreHistogram(counted.histogram).without_zeros(zeros)
    if not histogram.total:
        return nothing_above_zero(quantiles)
    lowest = counted.low_bits[0].copy()
    lowest[0] = 0
    return (yield from _refined(histogram, {0: lowest}, quantiles))


def _adaptive(setting: Setting) -> Search:
    counted = yield CountRequest(histogram=True, moments=True)
    histogram = ScoreHistogram(counted.histogram)
    p95, p90 = yield from _refined(histogram, {}, (0.95, 0.90))
    high, low = adaptive_percentiles(p95, p90, counted.moments.deviation, setting)
    return (yield from _refined(histogram, {}, (high / 100, low / 100)))


def _refined(
    histogram: ScoreHistogram, known: Mapping[int, Counts], quantiles: Sequence[float]
) -> Search:
    """Search for quantiles of a histogram; the low bits of some bins may be known."""
    bins = {each for quantile in quantiles for each in bins_to_refine(histogram, quantile)}
    counted = yield CountRequest(bins=tuple(sorted(bins - known.keys())))
    low_bits = {**counted.low_bits, **known}
    return tuple(exact_quantile(histogram, low_bits, quantile) for quantile in quantiles)
