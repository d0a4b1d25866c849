"""Whether a threshold fell where it selects something else than what was asked for.

``score >= t`` takes every voxel of a plateau at once: where a quantile falls on a score that many
voxels share (0 in an empty volume, 1 in a clipped one), far more voxels become foreground than the
quantile says. A probability may lie above every score. Both are legal, and worth a note.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from napari_nx46.core.quantile import float32_ceiling
from napari_nx46.core.threshold import Threshold
from napari_nx46.core.volume import FloatVolume
from napari_nx46.core.workers import CancelCheck, Workers, never, tiles_of
from napari_nx46.setting import Domain, Setting, ThresholdRule

if TYPE_CHECKING:
    from napari_nx46.core.pipeline import FragmentPipeline

__all__ = ["NoteKind", "ThresholdNote", "ThresholdTally", "note_of_metrics", "threshold_notes"]

LEAST_PLATEAU = 0.01
"""Share of the voxels from which on equal scores are a plateau."""

LEAST_SHARE_OF_FOREGROUND = 0.25
"""Share of the foreground that the plateau must have: uint8 volumes have many small ones."""

Counts = npt.NDArray[np.int64]


class NoteKind(StrEnum):
    """What is worth a note."""

    PLATEAU = "plateau"
    UNREACHED = "unreached"


@dataclass(frozen=True, slots=True)
class ThresholdNote:
    """Where a threshold fell.

    Parameters
    ----------
    kind : NoteKind
        Many voxels have exactly the score of the threshold, or none reaches it.
    value : float
        The score of the plateau; the largest score of the fragment where none reaches it.
    share : float
        Share of voxels on the plateau, of the fragment or of the slices concerned; else 0.
    foreground : float
        Share of the same voxels that reach the threshold, before hysteresis and clean-up.
    is_low : bool
        Whether it is the low threshold of a pair.
    first_slice, slice_count : int
        The first of the slices concerned and their number, where each slice has a threshold of its
        own; else 0.
    """

    kind: NoteKind
    value: float
    share: float
    foreground: float
    is_low: bool = False
    first_slice: int = 0
    slice_count: int = 0

    def as_metrics(self) -> dict[str, float]:
        """Return the note as numbers, which `note_of_metrics` reads back."""
        if self.kind is NoteKind.UNREACHED:
            return {"largest_score": self.value}
        return {
            "plateau_score": self.value,
            "plateau_share": self.share,
            "plateau_foreground": self.foreground,
            "plateau_is_low": float(self.is_low),
            "plateau_first_slice": float(self.first_slice),
            "plateau_slices": float(self.slice_count),
        }

    def text(self, setting: Setting) -> str:
        """Return the note in words, with what to do.

        Parameters
        ----------
        setting : Setting
            That the threshold belongs to.
        """
        if self.kind is NoteKind.UNREACHED:
            return self._unreached(setting)
        which = _threshold_name(setting, is_low=self.is_low)
        where = "the voxels" if not self.slice_count else self._slices()
        return (
            f"the {which} falls on {self.value:.6g}, the score of {self.share:.1%} of {where}: "
            f"all of these are foreground, and the density before clean-up is "
            f"{self.foreground:.1%}; {_advice(setting)}"
        )

    def _slices(self) -> str:
        more = "" if self.slice_count == 1 else f" and {self.slice_count - 1} more"
        return f"the voxels of slice {self.first_slice}{more}"

    def _unreached(self, setting: Setting) -> str:
        if self.value == 0:
            return "every score is 0, and the mask is empty; check that these are probabilities"
        which = _threshold_name(setting, is_low=self.is_low)
        return (
            f"no voxel reaches the {which}, and the mask is empty: the largest score is "
            f"{self.value:.6g}; choose a lower probability, or a quantile"
        )


class ThresholdTally:
    """Counts, while scores are streamed, how many reach a threshold and how many equal it.

    Parameters
    ----------
    threshold : Threshold
    shape : tuple of int
        Of the fragment, (Z, Y, X).
    workers : Workers, optional
        Threads to share the work.
    """

    def __init__(
        self,
        threshold: Threshold,
        shape: tuple[int, int, int],
        workers: Workers | None = None,
    ) -> None:
        self._workers = workers or Workers(1)
        self._slice_voxels = shape[1] * shape[2]
        self._depth = shape[0]
        parts = [threshold] if threshold.low is None else [threshold, threshold.lower]
        self._counts = [_Counted(part, *np.zeros((2, shape[0]), np.int64)) for part in parts]
        self._largest = np.float32(-np.inf)

    def add(self, extent: slice, score: FloatVolume, cancelled: CancelCheck = never) -> None:
        """Count the scores of consecutive slices.

        Parameters
        ----------
        extent : slice
            The slices, along z.
        score : (n, Y, X) array of float32
            Their scores.
        cancelled : callable
            Asked between slices.

        Raises
        ------
        Cancelled
            If `cancelled` returned True.
        """

        def count(tile: slice) -> np.float32:
            z, one = extent.start + tile.start, score[tile.start]
            for counted in self._counts:
                counted.add(z, one)
            return np.float32(one.max())

        tiles = tiles_of(len(score), 1)
        self._largest = max(self._largest, *self._workers.map(count, tiles, cancelled))

    def notes(self, setting: Setting) -> tuple[ThresholdNote, ...]:
        """Return what is worth a note, once all slices were counted.

        Parameters
        ----------
        setting : Setting
            That the threshold belongs to.
        """
        high = self._counts[0]
        if not high.reached.any():
            largest = float(self._largest)
            return (ThresholdNote(NoteKind.UNREACHED, largest, 0.0, 0.0),)
        if setting.rule is ThresholdRule.PROBABILITY:
            return ()
        found = [self._plateau(counted, is_low=counted is not high) for counted in self._counts]
        return tuple(note for note in found if note is not None)

    def _plateau(self, counted: _Counted, *, is_low: bool) -> ThresholdNote | None:
        """Return the note on the plateau of one threshold, if there is any."""
        equal, reached = counted.equal, counted.reached
        if not counted.threshold.per_slice:
            equal, reached = equal.sum(keepdims=True), reached.sum(keepdims=True)
        voxels = self._slice_voxels * (self._depth // len(equal))
        odd = (equal >= LEAST_PLATEAU * voxels) & (equal >= LEAST_SHARE_OF_FOREGROUND * reached)
        if not odd.any():
            return None
        concerned = np.flatnonzero(odd)
        value = counted.threshold.values[int(concerned[0])]
        return ThresholdNote(
            NoteKind.PLATEAU,
            value,
            float(equal[odd].sum() / (voxels * len(concerned))),
            float(reached[odd].sum() / (voxels * len(concerned))),
            is_low,
            *((int(concerned[0]), len(concerned)) if counted.threshold.per_slice else ()),
        )


def note_of_metrics(metrics: Mapping[str, float]) -> ThresholdNote | None:
    """Return the note that `ThresholdNote.as_metrics` turned into numbers, if there is any.

    Parameters
    ----------
    metrics : mapping of str to float
        These numbers and any others.
    """
    if "largest_score" in metrics:
        return ThresholdNote(NoteKind.UNREACHED, metrics["largest_score"], 0.0, 0.0)
    if "plateau_score" not in metrics:
        return None
    return ThresholdNote(
        NoteKind.PLATEAU,
        metrics["plateau_score"],
        metrics.get("plateau_share", 0.0),
        metrics.get("plateau_foreground", 0.0),
        bool(metrics.get("plateau_is_low", 0.0)),
        int(metrics.get("plateau_first_slice", 0.0)),
        int(metrics.get("plateau_slices", 0.0)),
    )


def threshold_notes(
    pipeline: FragmentPipeline,
    setting: Setting,
    threshold: Threshold,
    cancelled: CancelCheck = never,
) -> tuple[ThresholdNote, ...]:
    """Return what is worth a note about a threshold, in one pass over the scores.

    Parameters
    ----------
    pipeline : FragmentPipeline
    setting : Setting
    threshold : Threshold
        That the setting gives on this fragment.
    cancelled : callable
        Asked between slices.

    Raises
    ------
    Cancelled
        If `cancelled` returned True.
    """
    tally = ThresholdTally(threshold, pipeline.shape, pipeline.workers)
    for extent, score in pipeline.score_slabs(setting, cancelled):
        tally.add(extent, score, cancelled)
    return tally.notes(setting)


@dataclass(frozen=True, eq=False, slots=True)
class _Counted:
    """What one threshold selects: for each slice how many scores reach it, and equal it."""

    threshold: Threshold
    reached: Counts
    equal: Counts

    def add(self, z: int, score: FloatVolume) -> None:
        """Count one slice."""
        exact = self.threshold.at(z)
        lowest = np.float32(float32_ceiling(exact))
        self.reached[z] = np.count_nonzero(score >= lowest)
        if float(lowest) == exact:  # else it lies between two scores
            self.equal[z] = np.count_nonzero(score == lowest)


def _threshold_name(setting: Setting, *, is_low: bool) -> str:
    match setting.rule:
        case ThresholdRule.QUANTILE:
            return (
                f"low quantile {setting.low_quantile:g}"
                if is_low
                else (f"quantile {setting.quantile:g}")
            )
        case ThresholdRule.PROBABILITY:
            return f"probability {setting.probability:g}"
        case ThresholdRule.ADAPTIVE:
            return "low adaptive threshold" if is_low else "adaptive threshold"


def _advice(setting: Setting) -> str:
    if setting.rule is ThresholdRule.QUANTILE and setting.domain is not Domain.NONZERO:
        return "use a probability, or the quantile of the non-zero voxels"
    return "use a probability"
