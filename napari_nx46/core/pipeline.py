"""From a setting and two volumes to a mask, block by block, with the score kept between calls.

The one way to a mask: the canvas, the command line and the archive all call `FragmentPipeline`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol

import numpy as np
import numpy.typing as npt

from napari_nx46.core.quantile import (
    HIGH_BITS,
    LOW_BITS,
    Counts,
    ScoreHistogram,
    bin_of_threshold,
    bins_to_refine,
    count_at_least,
    exact_quantile,
    quantile_rank,
)
from napari_nx46.core.threshold import Threshold
from napari_nx46.core.volume import (
    Block,
    Sources,
    VolumeLike,
    block_shape,
    clipped_block,
    slabs,
    whole_block,
)
from napari_nx46.core.workers import Workers, never, tiles_of
from napari_nx46.setting import Domain, Setting

FloatVolume = npt.NDArray[np.float32]
Mask = npt.NDArray[np.uint8]
CancelCheck = Callable[[], bool]

ROWS_PER_TILE = 16
SLICES_PER_TILE = 16
INLINE_VOXELS = 1 << 19
"""A block of at most so many voxels is done at once, in the thread that asks for it."""
SLAB_VOXELS = 1 << 24
"""Voxels of a slab when a volume is streamed: 64 MiB of score."""


class Kernels(Protocol):
    """The three loops over voxels; `plain` and `compiled` each are one."""

    def score_tile(
        self,
        p3d: npt.NDArray[np.generic],
        p2d: npt.NDArray[np.generic],
        first: int,
        radius: int,
        blend: float,
        rows: slice,
        score: FloatVolume,
        counts: Counts | None,
    ) -> None:
        """Blend and z-smooth one tile."""

    def count_low_bits(self, score: FloatVolume, high_bits: int, counts: Counts) -> None:
        """Count the low bits of the scores in one bin."""

    def threshold_tile(self, score: FloatVolume, threshold: FloatVolume, mask: Mask) -> None:
        """Threshold one tile slice by slice."""


def plain_kernels() -> Kernels:
    """Return the kernels in NumPy: nothing to compile, several times slower."""
    from napari_nx46.core import plain

    return plain


def compiled_kernels() -> Kernels:
    """Return the kernels in numba: compiled at first use, then cached on disk."""
    from napari_nx46.core import compiled

    return compiled


@dataclass(frozen=True)
class ScoreKey:
    """The knobs upstream of the score: while they stand, the score stands."""

    blend: float
    z_radius: int

    @classmethod
    def of(cls, setting: Setting) -> ScoreKey:
        """Return the key of a setting."""
        return cls(setting.blend, setting.z_radius)


@dataclass(frozen=True, eq=False)
class ScoreStage:
    """What was computed of one score: its histogram, and the score itself if it is kept.

    Parameters
    ----------
    key : ScoreKey
    histogram : ScoreHistogram
        Of the whole fragment.
    score : (Z, Y, X) array of float32, optional
    low_bits : dict
        Low-bit counts of the bins that were refined so far; grows as quantiles are asked for.
    """

    key: ScoreKey
    histogram: ScoreHistogram
    score: FloatVolume | None
    low_bits: dict[int, Counts] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class MaskSlab:
    """Consecutive slices of the result.

    Parameters
    ----------
    extent : slice
        Along z.
    score : (n, Y, X) array of float32
    mask : (n, Y, X) array of uint8, {0, 1}
    """

    extent: slice
    score: FloatVolume
    mask: Mask


class FragmentPipeline:
    """The pipeline of one fragment.

    Parameters
    ----------
    sources : Sources
        The probability volumes.
    kernels : Kernels, optional
        Default: `compiled_kernels`.
    workers : Workers, optional
        Default: one thread.
    keep_score : bool
        Keep the newest score (one float32 volume) between calls. Otherwise every call that needs
        it streams the sources again in slabs, and memory stays small.

    Notes
    -----
    Methods may be called from several threads at a time. Every result is a function of the
    setting and the sources alone.
    """

    def __init__(
        self,
        sources: Sources,
        *,
        kernels: Kernels | None = None,
        workers: Workers | None = None,
        keep_score: bool = True,
    ) -> None:
        self.sources = sources
        self.kernels = kernels or compiled_kernels()
        self.workers = workers or Workers(1)
        self.keep_score = keep_score
        self._stage: ScoreStage | None = None

    @property
    def shape(self) -> tuple[int, int, int]:
        """Voxels along z, y and x."""
        return self.sources.shape

    def cached_stage(self, setting: Setting) -> ScoreStage | None:
        """Return the score stage of this setting if it is there already."""
        stage = self._stage
        return stage if stage is not None and stage.key == ScoreKey.of(setting) else None

    def stage(self, setting: Setting, cancelled: CancelCheck = never) -> ScoreStage:
        """Return the score stage of this setting, computing it where it is not there.

        Raises
        ------
        Cancelled
            If `cancelled` returned True between two tiles.
        """
        cached = self.cached_stage(setting)
        if cached is not None and (cached.score is not None or not self.keep_score):
            return cached
        self._stage = None  # frees the old score before the new one is allocated
        score = np.empty(self.shape, np.float32) if self.keep_score else None
        counts = np.zeros(HIGH_BITS, np.int64)
        whole = whole_block(self.shape)
        for slab in slabs(whole, self._slab_thickness(whole)):
            out = None if score is None else score[slab[0]]
            self._score_slab(setting, slab, out, counts, cancelled)
        stage = ScoreStage(ScoreKey.of(setting), ScoreHistogram(counts), score)
        self._stage = stage
        return stage

    def forget_score(self) -> None:
        """Give the kept score's memory back and keep none from now on; its histogram stays."""
        self.keep_score = False
        if self._stage is not None and self._stage.score is not None:
            self._stage = replace(self._stage, score=None)

    def score(self, setting: Setting, block: Block, cancelled: CancelCheck = never) -> FloatVolume:
        """Return the score of a block, float32 of the block's shape (not to be written to)."""
        stage = self.cached_stage(setting)
        if stage is not None and stage.score is not None:
            return stage.score[block]
        return self._score_slab(setting, block, None, None, cancelled)

    def mask(
        self,
        setting: Setting,
        threshold: Threshold,
        block: Block,
        cancelled: CancelCheck = never,
    ) -> Mask:
        """Return the mask of a block: uint8 {0, 1}, of the block's shape."""
        return self._threshold(self.score(setting, block, cancelled), threshold, block, cancelled)

    def slabs(
        self, setting: Setting, threshold: Threshold, cancelled: CancelCheck = never
    ) -> Iterator[MaskSlab]:
        """Yield score and mask of the whole fragment in slabs of consecutive slices."""
        whole = whole_block(self.shape)
        for slab in slabs(whole, self._slab_thickness(whole)):
            score = self.score(setting, slab, cancelled)
            yield MaskSlab(slab[0], score, self._threshold(score, threshold, slab, cancelled))

    def threshold(
        self,
        setting: Setting,
        dataset: Sequence[FragmentPipeline] = (),
        cancelled: CancelCheck = never,
    ) -> Threshold:
        """Return the exact threshold of this setting.

        Parameters
        ----------
        setting : Setting
        dataset : sequence of FragmentPipeline
            All fragments, this one among them; read only for the domain ``dataset``.
        cancelled : callable
            Asked between tiles.

        Raises
        ------
        ValueError
            If the setting's block lies outside the volume.
        Cancelled
            If `cancelled` returned True.
        """
        match setting.domain:
            case Domain.FRAGMENT:
                return Threshold((pooled_quantile([self], setting, cancelled),))
            case Domain.DATASET:
                return Threshold((pooled_quantile(dataset or [self], setting, cancelled),))
            case Domain.SLICE:
                return self._threshold_per_slice(setting, cancelled)
            case Domain.BLOCK:
                block = clipped_block(setting.block or (), self.shape)
                return Threshold((self.block_quantile(setting, block, cancelled),))

    def block_quantile(
        self, setting: Setting, block: Block, cancelled: CancelCheck = never
    ) -> float:
        """Return the exact quantile of the score over one block."""
        return scores_quantile(self.score(setting, block, cancelled), setting.quantile)

    def density(
        self, setting: Setting, threshold: Threshold, cancelled: CancelCheck = never
    ) -> float:
        """Return the exact share of foreground voxels in the whole fragment."""
        voxels = math.prod(self.shape)
        if threshold.per_slice:
            return self._foreground(setting, threshold, cancelled) / voxels
        stage = self._refined(setting, (bin_of_threshold(threshold.values[0]),), cancelled)
        return count_at_least(stage.histogram, stage.low_bits, threshold.values[0]) / voxels

    def low_bits(
        self, setting: Setting, bins: Sequence[int], cancelled: CancelCheck = never
    ) -> dict[int, Counts]:
        """Return the low-bit counts of these bins of the whole fragment's score."""
        stage = self._refined(setting, bins, cancelled)
        return {high_bits: stage.low_bits[high_bits] for high_bits in bins}

    def _foreground(self, setting: Setting, threshold: Threshold, cancelled: CancelCheck) -> int:
        parts = self.slabs(setting, threshold, cancelled)
        return sum(int(np.count_nonzero(slab.mask)) for slab in parts)

    def _threshold_per_slice(self, setting: Setting, cancelled: CancelCheck) -> Threshold:
        values: list[float] = []
        whole = whole_block(self.shape)
        for slab in slabs(whole, self._slab_thickness(whole)):
            score = self.score(setting, slab, cancelled)

            def quantile_of_slice(tile: slice, score: FloatVolume = score) -> float:
                return scores_quantile(score[tile], setting.quantile)

            values += self.workers.map(quantile_of_slice, tiles_of(len(score), 1), cancelled)
        return Threshold(tuple(values))

    def _refined(self, setting: Setting, bins: Sequence[int], cancelled: CancelCheck) -> ScoreStage:
        stage = self.stage(setting, cancelled)
        for high_bits in bins:
            if high_bits not in stage.low_bits and high_bits < HIGH_BITS:
                stage.low_bits[high_bits] = self._count_low_bits(setting, high_bits, cancelled)
        return stage

    def _count_low_bits(self, setting: Setting, high_bits: int, cancelled: CancelCheck) -> Counts:
        counts = np.zeros(LOW_BITS, np.int64)
        whole = whole_block(self.shape)
        for slab in slabs(whole, self._slab_thickness(whole)):
            score = self.score(setting, slab, cancelled)

            def count(tile: slice, score: FloatVolume = score) -> Counts:
                tile_counts = np.zeros(LOW_BITS, np.int64)
                self.kernels.count_low_bits(score[tile], high_bits, tile_counts)
                return tile_counts

            tiles = _tiles(score.shape, 0, SLICES_PER_TILE)
            counts += np.sum(self.workers.map(count, tiles, cancelled), axis=0)
        return counts

    def _threshold(
        self, score: FloatVolume, threshold: Threshold, block: Block, cancelled: CancelCheck
    ) -> Mask:
        score = np.ascontiguousarray(score)
        lowest = threshold.lowest_scores(block[0])
        mask = np.empty(score.shape, np.uint8)
        self.workers.map(
            lambda tile: self.kernels.threshold_tile(score[tile], lowest[tile], mask[tile]),
            _tiles(score.shape, 0, SLICES_PER_TILE),
            cancelled,
        )
        return mask

    def _score_slab(
        self,
        setting: Setting,
        block: Block,
        score: FloatVolume | None,
        counts: Counts | None,
        cancelled: CancelCheck,
    ) -> FloatVolume:
        """Compute the score of a block into `score`, adding its histogram to `counts`."""
        start = max(0, block[0].start - setting.z_radius)
        stop = min(self.shape[0], block[0].stop + setting.z_radius)
        p3d = _read(self.sources.p3d, (slice(start, stop), block[1], block[2]))
        first = block[0].start - start
        if self.sources.p2d is self.sources.p3d:
            p2d = p3d[first : first + block_shape(block)[0]]
        else:
            p2d = _read(self.sources.p2d, block)
        out = np.empty(block_shape(block), np.float32) if score is None else score

        def score_rows(rows: slice) -> Counts | None:
            tile_counts = None if counts is None else np.zeros(HIGH_BITS, np.int64)
            self.kernels.score_tile(
                p3d, p2d, first, setting.z_radius, setting.blend, rows, out, tile_counts
            )
            return tile_counts

        tiles = _tiles(out.shape, 1, ROWS_PER_TILE)
        for tile_counts in self.workers.map(score_rows, tiles, cancelled):
            if counts is not None and tile_counts is not None:
                counts += tile_counts
        return out

    def _slab_thickness(self, block: Block) -> int:
        """Return how many slices a pass over the fragment takes at a time."""
        _, height, width = block_shape(block)
        return max(1, SLAB_VOXELS // (height * width))


def pooled_quantile(
    pipelines: Sequence[FragmentPipeline], setting: Setting, cancelled: CancelCheck = never
) -> float:
    """Return the exact quantile over all voxels of several fragments together."""
    histogram = ScoreHistogram(np.zeros(HIGH_BITS, np.int64))
    for pipeline in pipelines:
        histogram += pipeline.stage(setting, cancelled).histogram
    bins = bins_to_refine(histogram, setting.quantile)
    low_bits = {high_bits: np.zeros(LOW_BITS, np.int64) for high_bits in bins}
    for pipeline in pipelines:
        for high_bits, counts in pipeline.low_bits(setting, bins, cancelled).items():
            low_bits[high_bits] += counts
    return exact_quantile(histogram, low_bits, setting.quantile)


def scores_quantile(score: FloatVolume, quantile: float) -> float:
    """Return the quantile of an array of scores, interpolated in float64."""
    rank = quantile_rank(score.size, quantile)
    parted = np.partition(score, (rank.lower, rank.upper), axis=None)
    return rank.interpolate(float(parted[rank.lower]), float(parted[rank.upper]))


def _tiles(shape: tuple[int, ...], axis: int, size: int) -> list[slice]:
    """Cut a block along one axis into tiles, or leave it whole where it is small."""
    return tiles_of(shape[axis], shape[axis] if math.prod(shape) <= INLINE_VOXELS else size)


def _read(volume: VolumeLike, block: Block) -> npt.NDArray[np.generic]:
    """Read a block as a C-contiguous array that the kernels take."""
    voxels = np.ascontiguousarray(volume[block])
    if voxels.dtype == np.float16:
        return voxels.astype(np.float32)
    return voxels.astype(voxels.dtype.newbyteorder("="), copy=False)
