"""Whether a threshold fell where it selects something else than what was asked for.

``score >= t`` takes every voxel of a plateau at once: where a quantile falls on a score that many
voxels share (0 in an empty volume, 1 in a clipped one), far more voxels become foreground than the
quantile says. A probability may lie above every score. Both are legal, and worth a note.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
import numpy.typing as npt

from napari_nx46.core.score.fragment_score import FragmentScore
from napari_nx46.core.threshold.quantile import (
    bin_of_threshold,
    bins_to_refine,
    count_at_least,
    count_equal,
    exact_quantile,
    float32_ceiling,
)
from napari_nx46.core.threshold.thresholds import Threshold
from napari_nx46.setting import Domain, Setting, ThresholdRule
from napari_nx46.voxels.blocks import FloatVolume
from napari_nx46.voxels.workers import CancelCheck, Workers, never, tiles_of

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
        self._voxels = math.prod(shape)
        self._counts = [
            _Counted(part, *np.zeros((2, shape[0]), np.int64)) for part in _parts(threshold)
        ]
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
        counts = [counted.for_each_threshold() for counted in self._counts]
        voxels = self._voxels // len(counts[0].reached)
        return _notes(setting, counts, voxels, lambda: float(self._largest))


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
    pipeline: FragmentScore,
    setting: Setting,
    threshold: Threshold,
    cancelled: CancelCheck = never,
) -> tuple[ThresholdNote, ...]:
    """Return what is worth a note about a threshold.

    One for the whole fragment is looked up in the histogram of the scores; for one of each slice
    the scores are passed over once.

    Parameters
    ----------
    pipeline : FragmentScore
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
    if threshold.per_slice:
        tally = ThresholdTally(threshold, pipeline.shape, pipeline.workers)
        for extent, score in pipeline.score_slabs(setting, cancelled):
            tally.add(extent, score, cancelled)
        return tally.notes(setting)
    histogram = pipeline.stage(setting, cancelled).histogram

    def counted(part: Threshold) -> _Counted:
        value = part.values[0]
        low_bits = pipeline.low_bits(setting, (bin_of_threshold(value),), cancelled)
        reached = count_at_least(histogram, low_bits, value)
        return _Counted(
            part, np.array([reached]), np.array([count_equal(histogram, low_bits, value)])
        )

    def largest() -> float:
        low_bits = pipeline.low_bits(setting, bins_to_refine(histogram, 1.0), cancelled)
        return exact_quantile(histogram, low_bits, 1.0)

    counts = [counted(part) for part in _parts(threshold)]
    return _notes(setting, counts, histogram.total, largest)


@dataclass(frozen=True, eq=False, slots=True)
class _Counted:
    """How many scores reach a threshold, and equal it: of each slice, or of the whole."""

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

    def for_each_threshold(self) -> _Counted:
        """Return the counts of the slices, added up unless each has a threshold of its own."""
        if self.threshold.per_slice:
            return self
        return _Counted(
            self.threshold, self.reached.sum(keepdims=True), self.equal.sum(keepdims=True)
        )


def _parts(threshold: Threshold) -> tuple[Threshold, ...]:
    """Return the threshold, and the low one after it where there are two."""
    return (threshold,) if threshold.low is None else (threshold, threshold.lower)


def _notes(
    setting: Setting, counts: Sequence[_Counted], voxels: int, largest: Callable[[], float]
) -> tuple[ThresholdNote, ...]:
    """Return what is worth a note about counts that are each of so many voxels."""
    high = counts[0]
    if not high.reached.any():
        return (ThresholdNote(NoteKind.UNREACHED, largest(), 0.0, 0.0),)
    if setting.rule is ThresholdRule.PROBABILITY:
        return ()
    found = [_plateau(counted, voxels, is_low=counted is not high) for counted in counts]
    return tuple(note for note in found if note is not None)


def _plateau(counted: _Counted, voxels: int, *, is_low: bool) -> ThresholdNote | None:
    """Return the note on the plateau of one threshold, if there is any."""
    equal, reached = counted.equal, counted.reached
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


def _threshold_name(setting: Setting, *, is_low: bool) -> str:
    match setting.rule:
        case ThresholdRule.QUANTILE:
            low, high = f"low quantile {setting.low_quantile:g}", f"quantile {setting.quantile:g}"
            return low if is_low else high
        case ThresholdRule.PROBABILITY:
            return f"probability {setting.probability:g}"
        case ThresholdRule.ADAPTIVE:
            return "low adaptive threshold" if is_low else "adaptive threshold"


def _advice(setting: Setting) -> str:
    if setting.rule is ThresholdRule.QUANTILE and setting.domain is not Domain.NONZERO:
        return "use a probability, or the quantile of the non-zero voxels"
    return "use a probability"
