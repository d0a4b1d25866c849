"""Masks of a fragment from thresholds, hysteresis, clean-up and corrections: exact or previewed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from napari_nx46.core.cleanup.objects import keep_linked
from napari_nx46.core.cleanup.step import StepContext
from napari_nx46.core.line import Line, is_local
from napari_nx46.core.mask_chain import MaskChain, MaskStage
from napari_nx46.core.score.fragment_score import FragmentScore
from napari_nx46.core.score.kernels import Kernels
from napari_nx46.core.score.smoothing import smoothing_key
from napari_nx46.core.score.weak import WeakVoxels
from napari_nx46.core.threshold.thresholds import Threshold
from napari_nx46.voxels.blocks import (
    Block,
    FloatVolume,
    Mask,
    block_shape,
    intersection,
    open_faces,
    slabs,
    whole_block,
    widened,
    within,
)
from napari_nx46.voxels.tiles import slab_thickness, slice_tiles
from napari_nx46.voxels.workers import CancelCheck, Workers, never

PREVIEW_HALO = 6
"""A preview looks at so many voxels around its block, where the steps would look farther."""


Assembly = Callable[[CancelCheck], MaskStage]
"""Makes the whole mask of a fragment before corrections."""

BySlabs = Callable[[FragmentScore, WeakVoxels, Line], Assembly | None]
"""Returns what makes it slab by slab; None where that cannot be."""


class FragmentMasks:
    """The masks of one fragment; the newest one and its stages are kept.

    Parameters
    ----------
    score : FragmentScore
    by_slabs : callable, optional
        Makes the whole mask where scores are not kept, for they are larger than the memory: equal
        to that which is made at once, in less of it.

    Attributes
    ----------
    weak : WeakVoxels
        What links the voxels of a pair beyond their scores.
    """

    def __init__(self, score: FragmentScore, by_slabs: BySlabs | None = None) -> None:
        self._score = score
        self._by_slabs = by_slabs
        self._chain = MaskChain()
        self._whole = MaskChain()
        self.weak = WeakVoxels(score)

    @property
    def kept_bytes(self) -> int:
        """Bytes of all masks that are kept, and of what they were linked by."""
        return self._chain.kept_bytes + self._whole.kept_bytes + self.weak.kept_bytes

    def clear(self) -> None:
        """Release the memory of the masks."""
        self.weak.clear()
        self._chain.clear()
        self._whole.clear()

    def whole(self, line: Line, cancelled: CancelCheck = never) -> MaskStage:
        """Return the exact mask of the fragment, assembled once for all who ask for it.

        It is kept until that of another line is asked for. May be called from several threads:
        the first one computes, and the others wait for it.
        """
        if not is_local(line.setting) and line.corrections is None:
            self._whole.clear()
            return self.completed(line, cancelled)
        shape = self._score.shape

        def compute(_number: int, _stages: tuple[MaskStage, ...]) -> MaskStage:
            blocks = slabs(whole_block(shape), slab_thickness(shape))
            parts = (self.mask(line, block, cancelled) for block in blocks)
            return MaskStage.of_slabs(line.whole_key, parts, shape)

        return self._whole.complete([line.whole_key], compute, cancelled)

    def mask(self, line: Line, block: Block, cancelled: CancelCheck = never) -> Mask:
        """Return the exact mask of a block; see `FragmentPipeline.mask`."""
        if is_local(line.setting):
            return line.corrected(self.thresholded(line, block, cancelled), block)
        return line.corrected(self.completed(line, cancelled).mask(block), block)

    def foreground_corrected(self, line: Line, cancelled: CancelCheck = never) -> int:
        """Return by how many voxels corrections make the foreground of the fragment larger."""
        if line.corrections is None:
            return 0
        computed, change = replace(line, corrections=None), 0
        for z in line.corrections.extents(slab_thickness(self._score.shape)):
            block = (z, *whole_block(self._score.shape)[1:])
            mask = self.mask(computed, block, cancelled)
            corrected = line.corrected(mask, block)
            change += int(np.count_nonzero(corrected)) - int(np.count_nonzero(mask))
        return change

    def completed(self, line: Line, cancelled: CancelCheck = never) -> MaskStage:
        """Return the whole mask before corrections, with stages that stand from the chain."""
        whole, keys = whole_block(self._score.shape), line.keys
        if self._by_slabs is not None and not self._score.keep_score:
            assemble = self._by_slabs(self._score, self.weak, line)
            if assemble is not None:
                last = [keys[-1]]
                return self._chain.complete(last, lambda *_: assemble(cancelled), cancelled)

        def compute(number: int, stages: tuple[MaskStage, ...]) -> MaskStage:
            if number == 0:
                if self._score.keep_score and smoothing_key(line.setting):
                    # Not again for every low threshold: that takes seconds a time.
                    self._score.stage(line.setting, cancelled)
                self.weak.prepare(line.setting, cancelled)
                return MaskStage.of(keys[0], self.thresholded(line, whole, cancelled))
            step = line.steps[number - 1]
            unjoined = stages[min(number - 1, line.last_unjoined)] if step.looks_back else None
            before = None if unjoined is None else unjoined.mask()
            context = self._context(line, before, whole, cancelled)
            if step.alternative_lows is not None:
                others = (
                    self._before(line.with_low(low), number - 1, cancelled)
                    for low in step.alternative_lows(line.setting)
                )
                context = replace(context, alternatives=tuple(others))
            return MaskStage.of(keys[number], step.apply(stages[-1].mask(), context))

        return self._chain.complete(keys, compute, cancelled)

    def _before(self, line: Line, done: int, cancelled: CancelCheck) -> Mask:
        """Return the whole mask after the first `done` steps; nothing is kept."""
        whole = whole_block(self._score.shape)
        mask = self.thresholded(line, whole, cancelled)
        unjoined = mask
        for number, step in enumerate(line.steps[:done]):
            if number == line.last_unjoined:
                unjoined = mask
            mask = step.apply(mask, self._context(line, unjoined, whole, cancelled))
        return mask

    def known(self, line: Line, block: Block) -> Mask | None:
        """Return the exact mask of a block if no pass over the fragment is needed for it."""
        keys = line.keys
        stages = self._chain.common(keys)
        if len(stages) < len(keys):
            return None
        return line.corrected(stages[-1].mask(block), block)

    def preview(self, line: Line, block: Block) -> Mask:
        """Return the mask of a block, computed from the block plus a halo.

        The stages that are known for the whole fragment are taken from there. Components that
        leave the block stay if the mask that was completed last has them. Steps that take longer
        than a frame are left out.
        """
        known = self._chain.common(line.keys)
        done = max(0, len(known) - 1)
        wide = widened(block, self._preview_halo(line, done, bool(known)), self._score.shape)
        mask = known[-1].mask(wide) if known else self.thresholded(line, wide)
        last_unjoined = line.last_unjoined
        unjoined = known[last_unjoined].mask(wide) if last_unjoined < len(known) else mask
        for number, step in enumerate(line.steps[done:], done):
            if step.reach(line.setting).is_whole:
                inner = widened(block, line.halo(number), self._score.shape)
                inner = intersection(inner, wide)
                mask, unjoined = mask[within(inner, wide)], unjoined[within(inner, wide)]
                wide = inner
            if number == last_unjoined:
                unjoined = mask
            if step.in_preview:
                mask = step.apply(mask, self._context(line, unjoined, wide))
        return line.corrected(mask[within(block, wide)], block)

    def _context(
        self, line: Line, unjoined: Mask | None, block: Block, cancelled: CancelCheck = never
    ) -> StepContext:
        return StepContext(
            setting=line.setting,
            unjoined=unjoined,
            workers=self._score.workers,
            block=block,
            shape=self._score.shape,
            known=self._known_before(block),
            image=self._score.sources.image,
            cancelled=cancelled,
        )

    def _known_before(self, block: Block) -> Mask | None:
        """Return what the newest mask has in a block; nothing leaves the whole fragment."""
        newest = self._chain.newest
        if newest is None or block == whole_block(self._score.shape):
            return None
        return newest.mask(block)

    def _preview_halo(self, line: Line, done: int, is_known: bool) -> tuple[int, int, int]:
        """Return how far around its block a preview looks."""
        cached = self._score.cached_stage(line.setting)
        if not is_known and (cached is None or cached.score is None):
            return 0, 0, 0  # the slices around it would have to be read from disk
        z, y, x = line.halo(done)
        return min(z, PREVIEW_HALO), min(y, PREVIEW_HALO), min(x, PREVIEW_HALO)

    def thresholded(self, line: Line, block: Block, cancelled: CancelCheck = never) -> Mask:
        """Return the mask of a block before any clean-up; exact for the whole fragment."""
        is_pair = line.setting.is_pair
        high = np.empty(block_shape(block), np.uint8)
        low = np.empty_like(high) if is_pair else high
        done = 0
        for slab in slabs(block, slab_thickness(high.shape)):
            score = self._score.score(line.setting, slab, cancelled)
            part = slice(done, done + len(score))
            high[part] = apply_threshold(self._score, score, line.threshold, slab, cancelled)
            if is_pair:
                lower = line.threshold.lower
                below = apply_threshold(self._score, score, lower, slab, cancelled)
                low[part] = self.weak.adjusted(line.setting, slab, high[part], below, cancelled)
            done = part.stop
        if not is_pair:
            return high
        return keep_linked(
            low,
            high,
            known=self._known_before(block),
            open_faces=open_faces(block, self._score.shape),
            workers=self._score.workers,
        )


def apply_threshold(
    fragment: FragmentScore,
    score: FloatVolume,
    threshold: Threshold,
    block: Block,
    cancelled: CancelCheck = never,
) -> Mask:
    """Return the mask of a block's scores by a single threshold."""
    lowest = threshold.lowest_scores(block[0])
    return reached(score, lowest, fragment.kernels, fragment.workers, cancelled)


def reached(
    score: FloatVolume,
    lowest: npt.NDArray[np.float32],
    kernels: Kernels,
    workers: Workers,
    cancelled: CancelCheck = never,
) -> Mask:
    """Return the mask of the scores that are at least the lowest one of their slice, ``(Z,)``."""
    score = np.ascontiguousarray(score)
    mask = np.empty(score.shape, np.uint8)
    workers.map(
        lambda tile: kernels.threshold_tile(score[tile], lowest[tile], mask[tile]),
        slice_tiles(score.shape),
        cancelled,
    )
    return mask
