"""A threshold at once: from the histogram if it is there, else from a sample of the fragment."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import reduce
from operator import add

import numpy as np
import numpy.typing as npt

from napari_nx46.core.pipeline import FragmentPipeline
from napari_nx46.core.score.blend import PathKey, ScoreStage, as_two_paths
from napari_nx46.core.score.kernels import Kernels
from napari_nx46.core.score.smoothing import plain_mean
from napari_nx46.core.threshold.quantile import (
    ScoreHistogram,
    approximate_quantile,
    bins_to_refine,
    exact_quantile,
    nothing_above_zero,
)
from napari_nx46.core.threshold.rules import (
    adaptive_pair,
    block_pair,
    domain_quantiles,
    fixed_pair,
    quantile_pair,
    threshold_of,
)
from napari_nx46.core.threshold.search import Pair, quantiles_of
from napari_nx46.core.threshold.thresholds import Threshold
from napari_nx46.setting import Domain, ScoreFrom, Setting, ThresholdRule
from napari_nx46.voxels.blocks import (
    Block,
    FloatVolume,
    FragmentVolumes,
    VolumeLike,
    clipped_block,
    slabs,
    whole_block,
)

SAMPLE_COLUMNS_PER_AXIS = 8
SLICES_PER_READ = 16


class ScoreSample:
    """Some columns of a fragment, which stand for all of them.

    Parameters
    ----------
    paths : FragmentVolumes
        Probability volumes in memory; 8 x 8 columns are copied.
    kernels : Kernels
    key : PathKey
        What the volumes follow from.
    """

    def __init__(self, paths: FragmentVolumes, kernels: Kernels, key: PathKey) -> None:
        columns = {name: _columns(v, paths.shape) for name, v in paths.probabilities.items()}
        p3d = columns.pop("p3d", None)
        p2d = columns.pop("p2d", p3d if paths.p2d is paths.p3d else None)
        self._pipeline = FragmentPipeline(
            FragmentVolumes(p3d, p2d, columns), kernels=kernels, keep_score=False
        )
        self._whole = whole_block(self._pipeline.shape)
        self._key = key
        self._shifts = (0.0, 0.0)

    def can_answer(self, setting: Setting) -> bool:
        """Return whether the sample is one of the volumes that this setting averages."""
        return PathKey.of(setting) == self._key

    def use_kernels(self, kernels: Kernels) -> None:
        """Compute with these kernels from now on."""
        self._pipeline.kernels = kernels

    def threshold(self, setting: Setting) -> Threshold:
        """Return the threshold of the sample, corrected by what `learn` found."""
        shifted = [
            min(max(quantile + shift, 0.0), 1.0)
            for quantile, shift in zip(quantiles_of(setting), self._shifts, strict=False)
        ]
        found = domain_quantiles(self._score(setting), setting, shifted)
        return threshold_of([found], exact=False)

    def learn(self, setting: Setting, exact: Threshold) -> None:
        """Note by how much the sample's quantiles differ from the fragment's."""
        score = self._score(setting)
        if setting.domain is Domain.NONZERO:
            score = score[score > 0]
            if not score.size:
                return
        values = (exact.values[0], (exact.low or exact.values)[0])
        quantiles = (*quantiles_of(setting), setting.quantile)
        high, low = (
            np.count_nonzero(score < value) / score.size - quantile
            for value, quantile in zip(values, quantiles, strict=False)
        )
        self._shifts = (high, low)

    def _score(self, setting: Setting) -> FloatVolume:
        averaged = setting if self._key.source is ScoreFrom.PROBABILITIES else as_two_paths(setting)
        # The columns are of volumes that the other knobs have been applied to, and are no
        # neighbours that could be smoothed.
        return self._pipeline.score(plain_mean(averaged), self._whole)


@dataclass(frozen=True)
class PreviewSource:
    """What a preview of the threshold can be made from.

    Parameters
    ----------
    pipeline : FragmentPipeline
    pool : tuple of FragmentPipeline
        Those whose scores the quantile is taken over together; as a rule just `pipeline`.
    sample : ScoreSample, optional
        Not there until the fragment has been loaded.
    """

    pipeline: FragmentPipeline
    pool: tuple[FragmentPipeline, ...]
    sample: ScoreSample | None

    def threshold(self, setting: Setting, plane: Block, *, three_d: bool) -> Threshold:
        """Return a preview of the setting's threshold, good for the displayed plane."""
        if setting.rule is ThresholdRule.PROBABILITY:
            return threshold_of([fixed_pair(setting)])
        if setting.rule is ThresholdRule.ADAPTIVE:
            return self.plane_threshold(setting, plane, adaptive_pair)
        if setting.domain is Domain.SLICE:
            return self.plane_threshold(setting, plane, quantile_pair)
        if setting.domain is Domain.BLOCK and setting.block is not None and not three_d:
            block = clipped_block(setting.block, self.pipeline.shape)
            return threshold_of([block_pair(self.pipeline, setting, block)])
        return self.fragment_threshold(setting, plane)

    def fragment_threshold(self, setting: Setting, plane: Block) -> Threshold:
        """Return a preview of the threshold over all of the pool.

        From the histograms, exactly where its bin has been refined before; else from the sample;
        else from the displayed plane alone.
        """
        cached = [pipeline.cached_stage(setting) for pipeline in self.pool]
        stages = [stage for stage in cached if stage is not None]
        if len(stages) == len(cached):
            return _pooled_threshold(stages, setting)
        if self.sample is not None and self.sample.can_answer(setting):
            return self.sample.threshold(setting)
        return threshold_of([block_pair(self.pipeline, setting, plane)], exact=False)

    def plane_threshold(
        self, setting: Setting, plane: Block, rule: Callable[[FloatVolume, Setting], Pair]
    ) -> Threshold:
        """Return the thresholds per slice, known for the slices of the plane alone.

        Where the plane lies in one slice, it is the slice's own. A plane across slices is judged
        by the rows or columns that it shows: the whole slices would be the whole fragment. Slices
        before and beyond have the outermost known threshold.
        """
        depth, *within_slice = whole_block(self.pipeline.shape)
        first, stop = plane[0].start, plane[0].stop
        y, x = within_slice if stop - first == 1 else plane[1:]
        pairs = [
            rule(self.pipeline.score(setting, (slice(z, z + 1), y, x)), setting)
            for z in range(first, stop)
        ]
        around = [pairs[0]] * first + pairs + [pairs[-1]] * (depth.stop - stop)
        return threshold_of(around, exact=False)


def _pooled_threshold(stages: Sequence[ScoreStage], setting: Setting) -> Threshold:
    histogram = reduce(add, (stage.histogram for stage in stages))
    if setting.domain is Domain.NONZERO:
        above_zero = histogram.without_zeros(int(histogram.counts[0]))
        if not above_zero.total:
            return threshold_of([nothing_above_zero(quantiles_of(setting))], exact=False)
        pair = tuple(approximate_quantile(above_zero, q) for q in quantiles_of(setting))
        return threshold_of([pair], exact=False)
    found = [_pooled_quantile(stages, histogram, q) for q in quantiles_of(setting)]
    pair = tuple(value for value, _ in found)
    return threshold_of([pair], exact=all(exact for _, exact in found))


def _pooled_quantile(
    stages: Sequence[ScoreStage], histogram: ScoreHistogram, quantile: float
) -> tuple[float, bool]:
    """Return the quantile, and whether it is exact since its bins were refined before."""
    bins = bins_to_refine(histogram, quantile)
    low_bits = {}
    for high_bits in bins:
        kept = [stage.low_bits.get(high_bits) for stage in stages]
        counts = [each for each in kept if each is not None]
        if len(counts) < len(stages):
            return approximate_quantile(histogram, quantile), False
        low_bits[high_bits] = np.sum(counts, axis=0)
    return exact_quantile(histogram, low_bits, quantile), True


def _columns(volume: VolumeLike, shape: tuple[int, int, int]) -> npt.NDArray[np.generic]:
    """Copy evenly spaced columns of a volume, a few slices at a time."""
    _, height, width = shape
    rows = np.unique(np.linspace(0, height - 1, SAMPLE_COLUMNS_PER_AXIS).astype(int))
    columns = np.unique(np.linspace(0, width - 1, SAMPLE_COLUMNS_PER_AXIS).astype(int))
    parts = [
        volume[slab][:, rows[:, None], columns]
        for slab in slabs(whole_block(shape), SLICES_PER_READ)
    ]
    return np.concatenate(parts)
