"""Trying mends: the score of a block around an error first, then the whole score, both measured."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from napari_nx46 import leaderboard
from napari_nx46.core.line import Line
from napari_nx46.core.masks import FragmentMasks
from napari_nx46.core.pipeline import FragmentPipeline
from napari_nx46.core.threshold.thresholds import Threshold
from napari_nx46.leaderboard import COMPETITION
from napari_nx46.live.derived.leaderboard_score import WORKERS, Label
from napari_nx46.live.errors.listing import Listing
from napari_nx46.live.errors.mends import Mend
from napari_nx46.setting import Setting, threshold_knobs
from napari_nx46.voxels.blocks import Block, Mask, intersection, whole_block, widened
from napari_nx46.voxels.corrections.corrections import Corrections
from napari_nx46.voxels.workers import CancelCheck

__all__ = ["Ground", "Trial", "block_around", "try_mends"]

BLOCK_REACH = 48
"""The block around a place reaches so many voxels to either side, but not out of its octant."""

_ONE_OCTANT = replace(COMPETITION, octants=(1, 1, 1))


@dataclass(frozen=True, slots=True)
class Trial:
    """What a mend was measured to gain.

    Parameters
    ----------
    mend : Mend
    block_gain : float, optional
        Points that the score of the block gains; None until it is measured.
    gain : float, optional
        Points that the whole score gains; None until it is measured.
    """

    mend: Mend
    block_gain: float | None = None
    gain: float | None = None


@dataclass(frozen=True, eq=False)
class Ground:
    """What is changed by mends, and measured against.

    Parameters
    ----------
    pipeline : FragmentPipeline
    prepare : callable
        Returns the pipelines that the threshold of a setting depends on besides.
    label : (Z, Y, X) array of uint8
    setting : Setting
    threshold : Threshold
        The setting's, exact.
    corrections : Corrections
    score : float
        The whole score without any mend.
    """

    pipeline: FragmentPipeline
    prepare: Callable[[Setting], Sequence[FragmentPipeline]]
    label: Label
    setting: Setting
    threshold: Threshold
    corrections: Corrections
    score: float

    def threshold_of(self, setting: Setting, cancelled: CancelCheck) -> Threshold:
        """Return the exact threshold of a setting."""
        if threshold_knobs(setting) == threshold_knobs(self.setting):
            return self.threshold
        return self.pipeline.threshold(setting, self.prepare(setting), cancelled)


def block_around(listing: Listing, row: int, shape: tuple[int, int, int]) -> Block:
    """Return the block in which mends of an item are tried first."""
    z, y, x = (slice(at, at + 1) for at in np.minimum(listing.place_of(row), np.array(shape) - 1))
    block = widened((z, y, x), (BLOCK_REACH,) * 3, shape)
    octant = listing.octant_of(row)
    return block if octant is None else intersection(block, listing.octants[octant])


def try_mends(
    ground: Ground,
    mends: Sequence[Mend],
    block: Block,
    report: Callable[[tuple[Trial, ...]], object],
    cancelled: CancelCheck,
) -> tuple[Trial, ...]:
    """Measure what mends gain: in the block first, then in the whole score, the best ones first.

    Parameters
    ----------
    ground : Ground
    mends : sequence of Mend
    block : Block
        Around the error.
    report : callable
        Takes what is measured so far, after each measurement.
    cancelled : callable
        Asked between and within measurements.

    Returns
    -------
    tuple of Trial
        The one that gains most first.

    Raises
    ------
    Cancelled
        If `cancelled` returned True.
    """
    lab = _Lab(ground, cancelled)
    trials = [Trial(mend) for mend in mends]
    report(tuple(trials))
    before = lab.block_score(_present(ground), block)
    for number, trial in enumerate(trials):
        gain = lab.block_score(trial.mend, block) - before
        trials[number] = replace(trial, block_gain=gain)
        report(tuple(trials))
    trials.sort(key=lambda trial: -(trial.block_gain or 0.0))
    present = lab.whole_mask(_present(ground))
    for number, trial in enumerate(trials):
        gain = lab.whole_gain(trial.mend, present)
        trials[number] = replace(trial, gain=gain)
        report(tuple(trials))
    return tuple(sorted(trials, key=lambda trial: -(trial.gain or 0.0)))


def _present(ground: Ground) -> Mend:
    return Mend("", ground.setting, ground.corrections, by_hand=False)


class _Lab:
    """Computes masks beside the session, whose own stages stay as they are."""

    def __init__(self, ground: Ground, cancelled: CancelCheck) -> None:
        self._ground = ground
        self._cancelled = cancelled
        self._masks = FragmentMasks(ground.pipeline)

    def block_score(self, mend: Mend, block: Block) -> float:
        """Return the score of a block; steps that look at the whole fragment see the block."""
        label = self._ground.label[block]
        mask = self._masks.preview(self._line(mend), block)
        return leaderboard.score(
            mask, label, parameters=_ONE_OCTANT, cancelled=self._cancelled, workers=WORKERS
        ).value

    def whole_mask(self, mend: Mend) -> Mask:
        """Return the exact mask of the whole fragment."""
        whole = whole_block(self._ground.pipeline.shape)
        return self._masks.mask(self._line(mend), whole, self._cancelled)

    def whole_gain(self, mend: Mend, present: Mask) -> float:
        """Return what the whole score gains."""
        mask = self.whole_mask(mend)
        if np.array_equal(mask, present):
            return 0.0
        found = leaderboard.score(
            mask, self._ground.label, cancelled=self._cancelled, workers=WORKERS
        )
        return found.value - self._ground.score

    def _line(self, mend: Mend) -> Line:
        threshold = self._ground.threshold_of(mend.setting, self._cancelled)
        return Line.of(mend.setting, threshold, mend.corrections)
