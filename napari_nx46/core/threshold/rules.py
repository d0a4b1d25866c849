"""The rules by which a threshold follows from the scores: quantile, probability, adaptive pair."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from napari_nx46.core.score.fragment_score import FragmentScore
from napari_nx46.core.threshold.quantile import (
    HIGH_BITS,
    LOW_BITS,
    Counts,
    ScoreHistogram,
    bins_to_refine,
    exact_quantile,
    nothing_above_zero,
    positive_quantiles,
    scores_quantiles,
)
from napari_nx46.core.threshold.thresholds import Threshold
from napari_nx46.setting import Domain, Setting, ThresholdRule
from napari_nx46.voxels.blocks import Block, FloatVolume, clipped_block, slabs, whole_block
from napari_nx46.voxels.workers import CancelCheck, never, tiles_of

Pair = tuple[float, ...]
"""The threshold; with a low one after it where there are two."""


def find_threshold(
    pipeline: FragmentScore,
    setting: Setting,
    dataset: Sequence[FragmentScore],
    cancelled: CancelCheck,
) -> Threshold:
    """Return the exact threshold of a setting; see `FragmentPipeline.threshold`."""
    match setting.rule:
        case ThresholdRule.PROBABILITY:
            return threshold_of([fixed_pair(setting)])
        case ThresholdRule.ADAPTIVE:
            return _threshold_per_slice(pipeline, setting, adaptive_pair, cancelled)
        case ThresholdRule.QUANTILE:
            return _threshold_of_quantile(pipeline, setting, dataset, cancelled)


def threshold_of(pairs: Sequence[Pair], *, exact: bool = True) -> Threshold:
    """Return the threshold of one pair for all, or of one for each slice."""
    low = tuple(pair[1] for pair in pairs) if len(pairs[0]) > 1 else None
    return Threshold(tuple(pair[0] for pair in pairs), exact, low)


def fixed_pair(setting: Setting) -> Pair:
    """Return the threshold that a setting states as probability."""
    if setting.hysteresis:
        return setting.probability, setting.low_probability
    return (setting.probability,)


def quantiles_of(setting: Setting) -> Pair:
    """Return the quantile of a setting, and the low one of a pair."""
    if setting.hysteresis:
        return setting.quantile, setting.low_quantile
    return (setting.quantile,)


def quantile_pair(score: FloatVolume, setting: Setting) -> Pair:
    """Return the setting's quantiles of an array of scores, of those its domain counts."""
    return domain_quantiles(score, setting, quantiles_of(setting))


def domain_quantiles(score: FloatVolume, setting: Setting, quantiles: Sequence[float]) -> Pair:
    """Return any quantiles of an array of scores, of those that the setting's domain counts."""
    find = positive_quantiles if setting.domain is Domain.NONZERO else scores_quantiles
    return find(score, quantiles)


def adaptive_pair(score: FloatVolume, setting: Setting) -> Pair:
    """Return NX47's pair of thresholds for the scores of one slice.

    The high percentile is ``clip(base + gain * (p95 - p90) / std, min, max)``, the low one
    ``max(high - gap, low_min)``, but never above the high one (NX47 V61.2). A slice whose scores
    are all equal has no tail: its high percentile is ``clip(base, min, max)``.
    """
    p95, p90 = scores_quantiles(score, (0.95, 0.90))
    deviation = float(np.std(score, dtype=np.float64))
    tail = (p95 - p90) / deviation if deviation > 0 else 0.0
    high = setting.adaptive_base + setting.adaptive_gain * tail
    high = min(max(high, setting.adaptive_min), setting.adaptive_max)
    low = min(max(high - setting.adaptive_gap, setting.adaptive_low_min), high)
    return scores_quantiles(score, (high / 100, low / 100))


def pooled_quantile(
    pipelines: Sequence[FragmentScore],
    setting: Setting,
    quantile: float,
    cancelled: CancelCheck = never,
) -> float:
    """Return the exact quantile over all voxels of several fragments together."""
    histogram = ScoreHistogram(np.zeros(HIGH_BITS, np.int64))
    for pipeline in pipelines:
        histogram += pipeline.stage(setting, cancelled).histogram
    bins = bins_to_refine(histogram, quantile)
    low_bits = {high_bits: np.zeros(LOW_BITS, np.int64) for high_bits in bins}
    for pipeline in pipelines:
        for high_bits, counts in pipeline.low_bits(setting, bins, cancelled).items():
            low_bits[high_bits] += counts
    return exact_quantile(histogram, low_bits, quantile)


def nonzero_pair(pipeline: FragmentScore, setting: Setting, cancelled: CancelCheck = never) -> Pair:
    """Return the setting's exact quantiles over the scores of a fragment that are above 0."""
    histogram = pipeline.stage(setting, cancelled).histogram
    lowest_bin: dict[int, Counts] = {}
    if histogram.counts[0]:
        counts = pipeline.low_bits(setting, (0,), cancelled)[0].copy()
        histogram = histogram.without_zeros(int(counts[0]))
        counts[0] = 0
        lowest_bin[0] = counts
    quantiles = quantiles_of(setting)
    if not histogram.total:
        return nothing_above_zero(quantiles)
    bins = {each for quantile in quantiles for each in bins_to_refine(histogram, quantile)}
    low_bits = pipeline.low_bits(setting, sorted(bins), cancelled) | lowest_bin
    return tuple(exact_quantile(histogram, low_bits, quantile) for quantile in quantiles)


def block_pair(
    pipeline: FragmentScore, setting: Setting, block: Block, cancelled: CancelCheck = never
) -> Pair:
    """Return the setting's exact quantiles of the score over one block."""
    return quantile_pair(pipeline.score(setting, block, cancelled), setting)


def _threshold_of_quantile(
    pipeline: FragmentScore,
    setting: Setting,
    dataset: Sequence[FragmentScore],
    cancelled: CancelCheck,
) -> Threshold:
    match setting.domain:
        case Domain.FRAGMENT | Domain.DATASET:
            pooled = (dataset or [pipeline]) if setting.domain is Domain.DATASET else [pipeline]
            pair = tuple(
                pooled_quantile(pooled, setting, quantile, cancelled)
                for quantile in quantiles_of(setting)
            )
            return threshold_of([pair])
        case Domain.NONZERO:
            return threshold_of([nonzero_pair(pipeline, setting, cancelled)])
        case Domain.SLICE:
            return _threshold_per_slice(pipeline, setting, quantile_pair, cancelled)
        case Domain.BLOCK:
            block = clipped_block(setting.block or (), pipeline.shape)
            return threshold_of([block_pair(pipeline, setting, block, cancelled)])


def _threshold_per_slice(
    pipeline: FragmentScore,
    setting: Setting,
    rule: Callable[[FloatVolume, Setting], Pair],
    cancelled: CancelCheck,
) -> Threshold:
    pairs: list[Pair] = []
    for slab in slabs(whole_block(pipeline.shape), pipeline.slab_thickness):
        score = pipeline.score(setting, slab, cancelled)

        def of_slice(tile: slice, score: FloatVolume = score) -> Pair:
            return rule(score[tile], setting)

        pairs += pipeline.workers.map(of_slice, tiles_of(len(score), 1), cancelled)
    return threshold_of(pairs)
