"""The line along which a mask comes to be: threshold, clean-up steps, and corrections by hand.

A line is a value, made from a setting, its threshold, and what was corrected. Whoever computes
masks walks it: `masks` on a whole fragment, keeping every stage, or on a block with a halo around
it, as a preview.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from napari_nx46.core.cleanup.step import Step
from napari_nx46.core.cleanup.steps import steps_of, unjoined_steps
from napari_nx46.core.mask_chain import StageKey
from napari_nx46.core.score.blend import ScoreKey
from napari_nx46.core.score.weak import weak_key
from napari_nx46.core.threshold.thresholds import Threshold
from napari_nx46.setting import Setting
from napari_nx46.voxels.blocks import Block, Mask
from napari_nx46.voxels.corrections.corrections import Corrections

__all__ = ["Line", "is_local"]


@dataclass(frozen=True)
class Line:
    """The stages of a mask: number 0 is the threshold, number n the n-th clean-up step.

    Corrections come after the last stage. They look at no other voxel, so that they are applied to
    the block that is asked for, and the stages stay as they are while a mask is corrected.

    Parameters
    ----------
    setting : Setting
    threshold : Threshold
        The setting's; a pair of them is linked in stage 0 (hysteresis).
    steps : tuple of Step
        The clean-up steps that the setting asks for, in order.
    corrections : Corrections, optional
        Of the fragment.
    """

    setting: Setting
    threshold: Threshold
    steps: tuple[Step, ...]
    corrections: Corrections | None = None

    @classmethod
    def of(
        cls, setting: Setting, threshold: Threshold, corrections: Corrections | None = None
    ) -> Line:
        """Return the line of a setting; corrections that change nothing are left out."""
        corrects = corrections is not None and not corrections.is_empty
        return cls(setting, threshold, steps_of(setting), corrections if corrects else None)

    def with_low(self, low: float) -> Line:
        """Return the line of a higher low threshold, at most the high one.

        Where there is no pair, it is the threshold itself that is higher.
        """
        threshold = self.threshold
        if threshold.low is None:
            values = tuple(max(value, low) for value in threshold.values)
            return replace(self, threshold=replace(threshold, values=values))
        lows = tuple(
            min(max(low, own), high)
            for own, high in zip(threshold.low, threshold.values, strict=True)
        )
        return replace(self, threshold=replace(threshold, low=lows))

    def corrected(self, mask: Mask, block: Block) -> Mask:
        """Return the mask of a block after the last stage with the corrections."""
        return mask if self.corrections is None else self.corrections.apply(mask, block)

    @property
    def keys(self) -> tuple[StageKey, ...]:
        """One for each stage, without the corrections: what it and all before are made from."""
        key: StageKey = (
            ScoreKey.of(self.setting),
            self.threshold.values,
            self.threshold.low,
            weak_key(self.setting),
        )
        keys = [key]
        for step in self.steps:
            key = (*key, step.key(self.setting))
            keys.append(key)
        return tuple(keys)

    @property
    def whole_key(self) -> StageKey:
        """What the mask follows from, corrections included."""
        return (*self.keys[-1], self.corrections)

    @property
    def last_unjoined(self) -> int:
        """Number of the last stage before a step may join sheets, or looks back at this stage."""
        return unjoined_steps(self.steps)

    def halo(self, done: int = 0) -> tuple[int, int, int]:
        """Return how many voxels around a block the steps after the first `done` ones look at.

        Those that look at the whole fragment do not count.
        """
        reaches = (step.reach(self.setting) for step in self.steps[done:])
        local = [reach for reach in reaches if not reach.is_whole]
        z, y, x = (sum(extents) for extents in zip((0, 0, 0), *local, strict=True))
        return z, y, x


def is_local(setting: Setting) -> bool:
    """Return whether a voxel's mask depends on its own score and the threshold alone."""
    return not setting.is_pair and not steps_of(setting)
