"""The line along which a mask comes to be: the threshold, then one clean-up step after another.

A line is a value, made from a setting and its threshold. Whoever computes masks walks it: `masks`
on a whole fragment, keeping every stage, or on a block with a halo around it, as a preview.
"""

from __future__ import annotations

from dataclasses import dataclass

from napari_nx46.core.cleanup.step import Step
from napari_nx46.core.cleanup.steps import steps_of, unjoined_steps
from napari_nx46.core.mask_chain import StageKey
from napari_nx46.core.score.blend import ScoreKey
from napari_nx46.core.threshold.thresholds import Threshold
from napari_nx46.setting import Setting

__all__ = ["Line", "is_local"]


@dataclass(frozen=True)
class Line:
    """The stages of a mask: number 0 is the threshold, number n the n-th clean-up step.

    Parameters
    ----------
    setting : Setting
    threshold : Threshold
        The setting's; a pair of them is linked in stage 0 (hysteresis).
    steps : tuple of Step
        The clean-up steps that the setting asks for, in order.
    """

    setting: Setting
    threshold: Threshold
    steps: tuple[Step, ...]

    @classmethod
    def of(cls, setting: Setting, threshold: Threshold) -> Line:
        """Return the line of a setting."""
        return cls(setting, threshold, steps_of(setting))

    @property
    def keys(self) -> tuple[StageKey, ...]:
        """One for each stage: of what it and all before it are made from."""
        key: StageKey = (ScoreKey.of(self.setting), self.threshold.values, self.threshold.low)
        keys = [key]
        for step in self.steps:
            key = (*key, step.key(self.setting))
            keys.append(key)
        return tuple(keys)

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
