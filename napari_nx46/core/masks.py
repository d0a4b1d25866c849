"""Masks of a fragment from thresholds, hysteresis and clean-up: exact, or previewed on a block."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from napari_nx46.core.cleanup import Step, StepContext, steps_of, unjoined_steps
from napari_nx46.core.mask_chain import MaskChain, MaskStage, StageKey
from napari_nx46.core.objects import keep_linked
from napari_nx46.core.score import ScoreKey
from napari_nx46.core.threshold import Threshold
from napari_nx46.core.tiles import slice_tiles
from napari_nx46.core.volume import (
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
from napari_nx46.core.workers import CancelCheck, never
from napari_nx46.setting import Setting

if TYPE_CHECKING:
    from napari_nx46.core.pipeline import FragmentPipeline

PREVIEW_HALO = 6
"""A preview looks at so many voxels around its block, where the steps would look farther."""


class FragmentMasks:
    """The masks of one fragment; the stages of the newest one are kept.

    Parameters
    ----------
    pipeline : FragmentPipeline
        Gives the scores.
    """

    def __init__(self, pipeline: FragmentPipeline) -> None:
        self._pipeline = pipeline
        self._chain = MaskChain()

    @property
    def kept_bytes(self) -> int:
        """Bytes of all masks that are kept."""
        return self._chain.kept_bytes

    def forget(self) -> None:
        """Give the memory of the stages back."""
        self._chain.forget()

    def completed(
        self, setting: Setting, threshold: Threshold, cancelled: CancelCheck = never
    ) -> MaskStage:
        """Return the whole mask, with the stages that stand taken from the chain."""
        steps = steps_of(setting)
        whole = whole_block(self._pipeline.shape)
        unjoined = unjoined_steps(steps)

        def compute(number: int, stages: tuple[MaskStage, ...]) -> Mask:
            if number == 0:
                return self.thresholded(setting, threshold, whole, cancelled)
            step = steps[number - 1]
            before = stages[min(number - 1, unjoined)].mask() if step.looks_back else None
            return step.apply(stages[-1].mask(), self._context(setting, before, whole))

        return self._chain.complete(_stage_keys(setting, threshold), compute, cancelled)

    def known(self, setting: Setting, threshold: Threshold, block: Block) -> Mask | None:
        """Return the exact mask of a block if no pass over the fragment is needed for it."""
        keys = _stage_keys(setting, threshold)
        stages = self._chain.common(keys)
        return stages[-1].mask(block) if len(stages) == len(keys) else None

    def preview(self, setting: Setting, threshold: Threshold, block: Block) -> Mask:
        """Return the mask of a block as far as the block and a little around it tell.

        The stages that are known for the whole fragment are taken from there. Of what leaves the
        block, the mask that was completed last tells whether it stays.
        """
        steps = steps_of(setting)
        known = self._chain.common(_stage_keys(setting, threshold))
        remaining = steps[max(0, len(known) - 1) :]
        halo = self._preview_halo(remaining, setting, has_stage=bool(known))
        wide = widened(block, halo, self._pipeline.shape)
        mask = known[-1].mask(wide) if known else self.thresholded(setting, threshold, wide)
        first_joining, done = unjoined_steps(steps), len(steps) - len(remaining)
        unjoined = known[first_joining].mask(wide) if first_joining < len(known) else mask
        for number, step in enumerate(remaining):
            if step.reach(setting).is_whole:
                inner = widened(block, _halo(remaining[number:], setting), self._pipeline.shape)
                inner = intersection(inner, wide)
                mask, unjoined = mask[within(inner, wide)], unjoined[within(inner, wide)]
                wide = inner
            if done + number == first_joining:
                unjoined = mask
            mask = step.apply(mask, self._context(setting, unjoined, wide))
        return mask[within(block, wide)]

    def _context(self, setting: Setting, unjoined: Mask | None, block: Block) -> StepContext:
        return StepContext(
            setting=setting,
            unjoined=unjoined,
            workers=self._pipeline.workers,
            block=block,
            shape=self._pipeline.shape,
            known=self._known_before(block),
        )

    def _known_before(self, block: Block) -> Mask | None:
        """Return what the newest mask has in a block; nothing leaves the whole fragment."""
        newest = self._chain.newest
        if newest is None or block == whole_block(self._pipeline.shape):
            return None
        return newest.mask(block)

    def _preview_halo(
        self, steps: Sequence[Step], setting: Setting, *, has_stage: bool
    ) -> tuple[int, int, int]:
        """Return how far around its block a preview looks."""
        cached = self._pipeline.cached_stage(setting)
        if not has_stage and (cached is None or cached.score is None):
            return 0, 0, 0  # the slices around it would have to be read from disk
        z, y, x = _halo(steps, setting)
        return min(z, PREVIEW_HALO), min(y, PREVIEW_HALO), min(x, PREVIEW_HALO)

    def thresholded(
        self, setting: Setting, threshold: Threshold, block: Block, cancelled: CancelCheck = never
    ) -> Mask:
        """Return the mask of a block before any clean-up; exact for the whole fragment."""
        high = np.empty(block_shape(block), np.uint8)
        low = np.empty_like(high) if setting.is_pair else high
        done = 0
        for slab in slabs(block, self._pipeline.slab_thickness):
            score = self._pipeline.score(setting, slab, cancelled)
            part = slice(done, done + len(score))
            high[part] = apply_threshold(self._pipeline, score, threshold, slab, cancelled)
            if setting.is_pair:
                low[part] = apply_threshold(self._pipeline, score, threshold.lower, slab, cancelled)
            done = part.stop
        if not setting.is_pair:
            return high
        return keep_linked(
            low,
            high,
            known=self._known_before(block),
            open_faces=open_faces(block, self._pipeline.shape),
            workers=self._pipeline.workers,
        )


def apply_threshold(
    pipeline: FragmentPipeline,
    score: FloatVolume,
    threshold: Threshold,
    block: Block,
    cancelled: CancelCheck = never,
) -> Mask:
    """Return the mask of a block's scores by a single threshold."""
    score = np.ascontiguousarray(score)
    lowest = threshold.lowest_scores(block[0])
    mask = np.empty(score.shape, np.uint8)
    pipeline.workers.map(
        lambda tile: pipeline.kernels.threshold_tile(score[tile], lowest[tile], mask[tile]),
        slice_tiles(score.shape),
        cancelled,
    )
    return mask


def is_local(setting: Setting) -> bool:
    """Return whether a voxel's mask depends on its own score and the threshold alone."""
    return not setting.is_pair and not steps_of(setting)


def _stage_keys(setting: Setting, threshold: Threshold) -> list[StageKey]:
    """Return the keys of the threshold's stage and of every clean-up step's after it."""
    keys: list[StageKey] = [(ScoreKey.of(setting), threshold.values, threshold.low)]
    for step in steps_of(setting):
        keys.append((*keys[-1], step.key(setting)))
    return keys


def _halo(steps: Sequence[Step], setting: Setting) -> tuple[int, int, int]:
    """Return how far the steps look, but for those that look at the whole fragment."""
    local = [reach for reach in (step.reach(setting) for step in steps) if not reach.is_whole]
    z, y, x = (sum(extents) for extents in zip((0, 0, 0), *local, strict=True))
    return z, y, x
