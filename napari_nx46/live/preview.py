"""A threshold at once: from the histogram if it is there, else from a sample of the fragment."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce
from operator import add

import numpy as np
import numpy.typing as npt

from napari_nx46.core.pipeline import FragmentPipeline, Kernels, ScoreStage
from napari_nx46.core.quantile import approximate_quantile, bins_to_refine, exact_quantile
from napari_nx46.core.threshold import Threshold
from napari_nx46.core.volume import Block, Sources, VolumeLike, clipped_block, slabs, whole_block
from napari_nx46.setting import Domain, Setting

SAMPLE_COLUMNS_PER_AXIS = 8
SLICES_PER_READ = 16


class ScoreSample:
    """Some columns of a fragment, which stand for all of them.

    Parameters
    ----------
    sources : Sources
        Volumes in memory; 8 x 8 columns are copied.
    kernels : Kernels
    """

    def __init__(self, sources: Sources, kernels: Kernels) -> None:
        p3d = _columns(sources.p3d, sources.shape)
        p2d = p3d if sources.p2d is sources.p3d else _columns(sources.p2d, sources.shape)
        self._pipeline = FragmentPipeline(Sources(p3d, p2d), kernels=kernels, keep_score=False)
        self._whole = whole_block(self._pipeline.shape)
        self._quantile_shift = 0.0

    def use_kernels(self, kernels: Kernels) -> None:
        """Compute with these kernels from now on."""
        self._pipeline.kernels = kernels

    def threshold(self, setting: Setting) -> Threshold:
        """Return the threshold of the sample, corrected by what `learn` was told."""
        quantile = min(max(setting.quantile + self._quantile_shift, 0.0), 1.0)
        corrected = setting.changed(quantile=quantile)
        value = self._pipeline.block_quantile(corrected, self._whole)
        return Threshold((value,), exact=False)

    def learn(self, setting: Setting, exact: Threshold) -> None:
        """Note by how much the sample's quantile differs from the fragment's."""
        below = np.count_nonzero(self._pipeline.score(setting, self._whole) < exact.values[0])
        self._quantile_shift = below / int(np.prod(self._pipeline.shape)) - setting.quantile


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
        if setting.domain is Domain.SLICE:
            return self.plane_threshold(setting, plane)
        if setting.domain is Domain.BLOCK and setting.block is not None and not three_d:
            block = clipped_block(setting.block, self.pipeline.shape)
            return Threshold((self.pipeline.block_quantile(setting, block),))
        return self.fragment_threshold(setting, plane)

    def fragment_threshold(self, setting: Setting, plane: Block) -> Threshold:
        """Return a preview of the threshold over all of the pool.

        From the histograms, exactly where its bin has been refined before; else from the sample;
        else from the displayed plane alone.
        """
        cached = [pipeline.cached_stage(setting) for pipeline in self.pool]
        stages = [stage for stage in cached if stage is not None]
        if len(stages) == len(cached):
            return _pooled_threshold(stages, setting.quantile)
        if self.sample is not None:
            return self.sample.threshold(setting)
        return Threshold((self.pipeline.block_quantile(setting, plane),), exact=False)

    def plane_threshold(self, setting: Setting, plane: Block) -> Threshold:
        """Return the thresholds per slice, known for the slices of the plane alone.

        Where the plane lies in one slice, it is the slice's own. A plane across slices is judged
        by the rows or columns that it shows: the whole slices would be the whole fragment.
        """
        depth, *within_slice = whole_block(self.pipeline.shape)
        values = [0.0] * depth.stop
        one_slice_shown = plane[0].stop - plane[0].start == 1
        y, x = within_slice if one_slice_shown else plane[1:]
        for z in range(plane[0].start, plane[0].stop):
            one_slice = (slice(z, z + 1), y, x)
            values[z] = self.pipeline.block_quantile(setting, one_slice)
        return Threshold(tuple(values), exact=False)


def _pooled_threshold(stages: Sequence[ScoreStage], quantile: float) -> Threshold:
    histogram = reduce(add, (stage.histogram for stage in stages))
    bins = bins_to_refine(histogram, quantile)
    if all(high_bits in stage.low_bits for stage in stages for high_bits in bins):
        low_bits = {
            high_bits: np.sum([stage.low_bits[high_bits] for stage in stages], axis=0)
            for high_bits in bins
        }
        return Threshold((exact_quantile(histogram, low_bits, quantile),))
    return Threshold((approximate_quantile(histogram, quantile),), exact=False)


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
