"""From a setting and the volumes of a fragment to a mask, with the stages kept between calls.

The one way to a mask: the canvas, the command line and the archive all call `FragmentPipeline`.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from napari_nx46.core.line import Line, is_local
from napari_nx46.core.mask_chain import MaskStage
from napari_nx46.core.masks import BySlabs, FragmentMasks, apply_threshold
from napari_nx46.core.score.fragment_score import FragmentScore
from napari_nx46.core.score.kernels import Kernels
from napari_nx46.core.threshold.quantile import bin_of_threshold, count_at_least
from napari_nx46.core.threshold.rules import find_threshold
from napari_nx46.core.threshold.thresholds import Threshold
from napari_nx46.setting import Setting
from napari_nx46.voxels.blocks import Block, FloatVolume, FragmentVolumes, Mask
from napari_nx46.voxels.corrections.corrections import Corrections
from napari_nx46.voxels.workers import CancelCheck, Workers, never


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


class FragmentPipeline(FragmentScore):
    """The pipeline of one fragment: its scores, thresholds and masks.

    Parameters are those of `FragmentScore`, and `by_slabs` of `FragmentMasks`.
    """

    def __init__(
        self,
        sources: FragmentVolumes,
        *,
        kernels: Kernels | None = None,
        workers: Workers | None = None,
        keep_score: bool = True,
        by_slabs: BySlabs | None = None,
    ) -> None:
        super().__init__(sources, kernels=kernels, workers=workers, keep_score=keep_score)
        self._masks = FragmentMasks(self, by_slabs)

    @property
    def kept_bytes(self) -> int:
        """Bytes of what is kept between calls: score, paths, low bits and masks."""
        return super().kept_bytes + self._masks.kept_bytes

    def is_ready(self, setting: Setting) -> bool:
        """Return whether any block's mask can be previewed without a pass over the fragment."""
        return super().is_ready(setting) and self._masks.weak.is_ready(setting)

    def clear_score(self) -> None:
        """Give the memory of what was kept back and keep nothing from now on but histograms."""
        super().clear_score()
        self._masks.clear()

    # ---- the threshold ---------------------------------------------------------------------

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
            If the setting's block lies outside the volume, or a volume that it needs is not there.
        Cancelled
            If `cancelled` returned True.
        """
        return find_threshold(self, setting, dataset, cancelled)

    # ---- the mask --------------------------------------------------------------------------

    def mask(
        self,
        setting: Setting,
        threshold: Threshold,
        block: Block,
        cancelled: CancelCheck = never,
        corrections: Corrections | None = None,
    ) -> Mask:
        """Return the exact mask of a block: uint8 {0, 1}, of the block's shape.

        A hysteresis pair and the clean-up steps need the whole fragment; it is computed once.
        Otherwise a large block is computed slab by slab, to save memory. Corrections come last;
        `known_mask`, `preview`, `density` and `slabs` take them too.
        """
        return self._masks.mask(Line.of(setting, threshold, corrections), block, cancelled)

    def whole_mask(
        self,
        setting: Setting,
        threshold: Threshold,
        cancelled: CancelCheck = never,
        corrections: Corrections | None = None,
    ) -> MaskStage:
        """Return the exact mask of the whole fragment, a bit a voxel.

        It is kept until another one is asked for, so that all who measure, score or compare it
        share one assembly, from whatever threads they ask.
        """
        return self._masks.whole(Line.of(setting, threshold, corrections), cancelled)

    def known_mask(
        self,
        setting: Setting,
        threshold: Threshold,
        block: Block,
        corrections: Corrections | None = None,
    ) -> Mask | None:
        """Return the exact mask of a block if no pass over the fragment is needed for it."""
        line = Line.of(setting, threshold, corrections)
        if is_local(setting):
            return self._masks.mask(line, block) if self.is_ready(setting) else None
        return self._masks.known(line, block)

    def thresholded(
        self,
        setting: Setting,
        threshold: Threshold,
        block: Block,
        corrections: Corrections | None = None,
    ) -> Mask:
        """Return the mask of a block by the high threshold alone, without any clean-up."""
        mask = apply_threshold(self, self.score(setting, block), threshold, block)
        return Line.of(setting, threshold, corrections).corrected(mask, block)

    def preview(
        self,
        setting: Setting,
        threshold: Threshold,
        block: Block,
        corrections: Corrections | None = None,
    ) -> Mask:
        """Return the mask of a block computed from the block plus a halo."""
        line = Line.of(setting, threshold, corrections)
        if is_local(setting):
            return self._masks.mask(line, block)
        return self._masks.preview(line, block)

    def density(
        self,
        setting: Setting,
        threshold: Threshold,
        cancelled: CancelCheck = never,
        corrections: Corrections | None = None,
    ) -> float:
        """Return the exact share of foreground voxels in the whole fragment."""
        voxels, line = math.prod(self.shape), Line.of(setting, threshold, corrections)
        if is_local(setting) and threshold.per_slice:
            return self._masks.whole(line, cancelled).foreground / voxels
        foreground = self._foreground(line, cancelled)
        change = self._masks.foreground_corrected(line, cancelled)
        return (foreground + change) / voxels

    def slabs(
        self,
        setting: Setting,
        threshold: Threshold,
        cancelled: CancelCheck = never,
        corrections: Corrections | None = None,
    ) -> Iterator[MaskSlab]:
        """Yield score and mask of the whole fragment in slabs of consecutive slices."""
        line = Line.of(setting, threshold, corrections)
        if not is_local(setting):
            self._masks.completed(line, cancelled)
        for slab in self._whole_in_slabs():
            score = self.score(setting, slab, cancelled)
            if is_local(setting):
                mask = apply_threshold(self, score, threshold, slab, cancelled)
                mask = line.corrected(mask, slab)
            else:
                mask = self._masks.mask(line, slab, cancelled)
            yield MaskSlab(slab[0], score, mask)

    def _foreground(self, line: Line, cancelled: CancelCheck) -> int:
        """Return the number of foreground voxels without corrections."""
        setting, threshold = line.setting, line.threshold
        if not is_local(setting):
            return self._masks.completed(line, cancelled).foreground
        bin_of = bin_of_threshold(threshold.values[0])
        low_bits = self.low_bits(setting, (bin_of,), cancelled)
        histogram = self.stage(setting, cancelled).histogram
        return int(count_at_least(histogram, low_bits, threshold.values[0]))
