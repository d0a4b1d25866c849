"""The rules by which a threshold follows from the scores: quantile, probability, adaptive pair."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from napari_nx46.core.score.fragment_score import FragmentScore
from napari_nx46.core.threshold.moments import Moments
from napari_nx46.core.threshold.quantile import positive_quantiles, scores_quantiles
from napari_nx46.core.threshold.search import (
    CountRequest,
    Pair,
    ScoreCounts,
    adaptive_percentiles,
    find,
    quantiles_of,
    search_of,
)
from napari_nx46.core.threshold.thresholds import Threshold
from napari_nx46.setting import Domain, Setting, ThresholdRule
from napari_nx46.voxels.blocks import Block, FloatVolume, clipped_block, slabs, whole_block
from napari_nx46.voxels.workers import CancelCheck, never, tiles_of


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


def quantile_pair(score: FloatVolume, setting: Setting) -> Pair:
    """Return the setting's quantiles of an array of scores, of those its domain counts."""
    return domain_quantiles(score, setting, quantiles_of(setting))


def domain_quantiles(score: FloatVolume, setting: Setting, quantiles: Sequence[float]) -> Pair:
    """Return any quantiles of an array of scores, of those that the setting's domain counts."""
    find = positive_quantiles if setting.domain is Domain.NONZERO else scores_quantiles
    return find(score, quantiles)


def adaptive_pair(score: FloatVolume, setting: Setting) -> Pair:
    """Return NX47's pair of thresholds for the scores of one slice; see `adaptive_percentiles`."""
    p95, p90 = scores_quantiles(score, (0.95, 0.90))
    high, low = adaptive_percentiles(p95, p90, Moments.of(score).deviation, setting)
    return scores_quantiles(score, (high / 100, low / 100))


def pooled_pair(
    pipelines: Sequence[FragmentScore], setting: Setting, cancelled: CancelCheck = never
) -> Pair:
    """Return the setting's exact quantiles over all voxels of several fragments together."""
    return find(
        search_of(setting), lambda request: pooled_counts(pipelines, setting, request, cancelled)
    )


def pooled_counts(
    pipelines: Sequence[FragmentScore],
    setting: Setting,
    request: CountRequest,
    cancelled: CancelCheck = never,
) -> ScoreCounts:
    """Count what a request asks for over the scores of several fragments; no moments."""
    counted = ScoreCounts.none(request)
    for pipeline in pipelines:
        histogram = pipeline.stage(setting, cancelled).histogram.counts
        if request.histogram:
            counted.histogram[...] += histogram
        # A bin without scores is not worth a pass over them.
        bins = [high_bits for high_bits in request.bins if histogram[high_bits]]
        for high_bits, counts in pipeline.low_bits(setting, bins, cancelled).items():
            counted.low_bits[high_bits][...] += counts
    return counted


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
        case Domain.DATASET:
            return threshold_of([pooled_pair(dataset or [pipeline], setting, cancelled)])
        case Domain.FRAGMENT | Domain.NONZERO:
            return threshold_of([pooled_pair([pipeline], setting, cancelled)])
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
