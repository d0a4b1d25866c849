"""Which voxels count as reaching the low threshold of a pair, beyond their scores."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from napari_nx46.core.score.blend import read_block
from napari_nx46.core.score.ensemble import effective_weights
from napari_nx46.core.score.fragment_score import FragmentScore
from napari_nx46.core.score.smoothing import sheetness_alone
from napari_nx46.setting import Averaging, ScoreFrom, Setting, Sheetness, SmoothStage
from napari_nx46.voxels.blocks import Block, FragmentVolumes, Mask, VolumeLike
from napari_nx46.voxels.workers import CancelCheck, never

__all__ = ["WeakVoxels", "changes_weak", "is_gated", "weak_key"]

HALF = 0.5


def is_gated(setting: Setting) -> bool:
    """Return whether scores below the high threshold of a pair go where they are no sheet."""
    return setting.is_pair and setting.sheetness is Sheetness.GATE


def _is_widened(setting: Setting) -> bool:
    from_networks = setting.source is ScoreFrom.PROBABILITIES
    return setting.is_pair and setting.weak_from_argmax and from_networks


def changes_weak(setting: Setting) -> bool:
    """Return whether more than the score decides which voxels reach the low threshold."""
    return is_gated(setting) or _is_widened(setting)


def weak_key(setting: Setting) -> tuple[object, ...]:
    """Return what decides beside the score; empty where nothing does."""
    key: tuple[object, ...] = ("any",) if _is_widened(setting) else ()
    if is_gated(setting):
        key = (*key, setting.sheet_threshold)
        key = (*key, setting.sheet_sigma, setting.sheet_gamma, setting.sheet_beta)
    return key


class WeakVoxels:
    """The voxels of a fragment between the thresholds of a pair.

    With the gate, scores below the high threshold become 0 where the sheetness is below its own
    threshold; with `weak_from_argmax`, voxels join where any volume that is averaged says
    foreground by itself, above a half. The thresholds are those of the scores before.

    Parameters
    ----------
    score : FragmentScore

    Notes
    -----
    The sheetness is the score of the setting that has it in place of the score. It is kept as the
    score is, one more float32 volume.
    """

    def __init__(self, score: FragmentScore) -> None:
        self._score = score
        self._sheetness: FragmentScore | None = None

    @property
    def kept_bytes(self) -> int:
        """Bytes of the sheetness, if it is kept."""
        return 0 if self._sheetness is None else self._sheetness.kept_bytes

    def clear(self) -> None:
        """Release the memory of the sheetness."""
        self._sheetness = None

    def is_ready(self, setting: Setting) -> bool:
        """Return whether those of any block are known without a pass over the fragment."""
        if not is_gated(setting):
            return True
        scores, likeness = self._scores(), sheetness_alone(setting)
        if scores.keep_score:
            return scores.cached_stage(likeness) is not None
        return scores.is_ready(likeness)

    def prepare(self, setting: Setting, cancelled: CancelCheck = never) -> None:
        """Compute what all blocks need, if it is to be kept."""
        if is_gated(setting) and self._scores().keep_score:
            self._scores().stage(sheetness_alone(setting), cancelled)

    def adjusted(
        self, setting: Setting, block: Block, high: Mask, low: Mask, cancelled: CancelCheck = never
    ) -> Mask:
        """Return which voxels of a block count as reaching the low threshold.

        Parameters
        ----------
        setting : Setting
        block : Block
        high, low : (Z, Y, X) array of uint8, {0, 1}
            Whose scores reach the two thresholds.
        cancelled : callable
            Asked between tiles.

        Raises
        ------
        ValueError
            If a volume that the setting needs is not there.
        Cancelled
            If `cancelled` returned True.
        """
        if is_gated(setting):
            likeness = self._scores().score(sheetness_alone(setting), block, cancelled)
            low = low & (high | (likeness >= np.float32(setting.sheet_threshold)))
        if _is_widened(setting):
            low = low | self._any_above_half(setting, block, cancelled)
        return low

    def _scores(self) -> FragmentScore:
        keep, made = self._score.keep_score, self._sheetness
        if made is None or made.keep_score is not keep:
            made = self._sheetness = FragmentScore(
                self._score.sources,
                kernels=self._score.kernels,
                workers=self._score.workers,
                keep_score=keep,
                measured=self._score.measured,
            )
        return made

    def _any_above_half(self, setting: Setting, block: Block, cancelled: CancelCheck) -> Mask:
        calibrated = setting.model_copy(
            update={"averaging": Averaging.PROBABILITY, "smooth_stage": SmoothStage.SCORE}
        )
        volumes = self._score.paths(calibrated, cancelled)
        found: Mask | None = None
        for volume in _averaged(volumes, setting):
            above = _above_half(volume, block)
            found = above if found is None else found | above
        if found is None:
            raise ValueError("there is no probability volume")
        return found


def _averaged(volumes: FragmentVolumes, setting: Setting) -> list[VolumeLike]:
    """Return the volumes that a setting gives a weight above 0."""
    weights = effective_weights(tuple(volumes.probabilities), setting)
    if weights is None:
        weights = {"p3d": setting.blend, "p2d": 1.0 - setting.blend}
    found = volumes.probabilities
    for name, other in (("p2d", volumes.p3d), ("p3d", volumes.p2d)):
        if other is not None:
            found.setdefault(name, other)
    return [found[name] for name, weight in weights.items() if weight > 0]


def _above_half(volume: VolumeLike, block: Block) -> Mask:
    voxels: npt.NDArray[Any] = read_block(volume, block)
    half = np.iinfo(voxels.dtype).max // 2 if voxels.dtype.kind == "u" else HALF
    above: Mask = (voxels > half).view(np.uint8)
    return above
