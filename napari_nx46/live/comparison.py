"""A session's mask beside another one: of a pin, or of anyone's submission.

Dice and IoU, per slice and whole, follow the sliders once they have settled; the leaderboard score
against the other mask is computed where it is asked for.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from psygnal import Signal

from napari_nx46 import leaderboard
from napari_nx46.core.mask_chain import MaskStage
from napari_nx46.core.overlap import Overlap, SliceOverlaps, bits_of, compare_bits
from napari_nx46.core.pipeline import FragmentPipeline
from napari_nx46.core.threshold import Threshold
from napari_nx46.core.volume import Mask
from napari_nx46.core.workers import CancelCheck
from napari_nx46.leaderboard import LeaderboardScore
from napari_nx46.live.latest import LatestWins
from napari_nx46.live.resting import wait_for_rest
from napari_nx46.live.scoring import REST_SECONDS
from napari_nx46.live.session import Post, Session
from napari_nx46.setting import Setting

__all__ = ["ComparedMask", "Comparison", "ComparisonFollower", "packed_mask_of"]

WORKERS = max(1, min(2, os.cpu_count() or 1))


@dataclass(frozen=True, eq=False)
class ComparedMask:
    """What the session's mask is compared with.

    Parameters
    ----------
    name : str
        What people read: a letter, or the name of a file.
    mask_of : callable
        Returns the mask of a fragment by image_id, a bit a voxel, or None where there is none
        (yet). Called in the session's thread; must be quick.
    """

    name: str
    mask_of: Callable[[str], MaskStage | None]


@dataclass(frozen=True, eq=False)
class Comparison:
    """How the session's mask (A) and another one (B) agree, as it is known now.

    Parameters
    ----------
    name : str
        Of the other mask.
    image_id : str
    setting : Setting, optional
        Whose mask was compared; None while nothing has been.
    slices : SliceOverlaps, optional
    score : LeaderboardScore, optional
        Of the session's mask, the other one standing for the label; None where it was not asked
        for.
    stale : bool
        Whether they are older than the sliders.
    scoring : bool
        Whether the leaderboard score is being computed.
    """

    name: str
    image_id: str
    setting: Setting | None = None
    slices: SliceOverlaps | None = None
    score: LeaderboardScore | None = None
    stale: bool = False
    scoring: bool = False

    @property
    def whole(self) -> Overlap | None:
        """The counts of the whole fragment, with Dice and IoU; None while they are not known."""
        return None if self.slices is None else self.slices.whole


@dataclass(frozen=True)
class ComparisonKey:
    """What a comparison belongs to."""

    image_id: str
    setting: Setting


@dataclass(frozen=True, eq=False)
class ComparisonRequest:
    """What the workers are asked for.

    Parameters
    ----------
    of : ComparisonKey
    threshold : Threshold
        The exact one, which follows from the setting.
    pipeline : FragmentPipeline
    other : MaskStage
    """

    of: ComparisonKey
    threshold: Threshold
    pipeline: FragmentPipeline
    other: MaskStage

    def mask(self, cancelled: CancelCheck) -> Mask:
        """Return the session's mask of the whole fragment, uint8 {0, 1}."""
        mask = np.empty(self.pipeline.shape, np.uint8)
        for slab in self.pipeline.slabs(self.of.setting, self.threshold, cancelled):
            mask[slab.extent] = slab.mask
        return mask


@dataclass(frozen=True, eq=False)
class ComparedSlices:
    """What the first worker found."""

    request: ComparisonRequest
    slices: SliceOverlaps


@dataclass(frozen=True, eq=False)
class ScoredMask:
    """What the second worker found."""

    request: ComparisonRequest
    score: LeaderboardScore


class ComparisonFollower:
    """Compares the exact mask of a session with another one.

    Parameters
    ----------
    session : Session
    post : callable
        Runs a function later in the thread that owns the session; called from the workers.
    rest_seconds : float
        For how long the sliders must not have moved before a worker takes the cores.

    Attributes
    ----------
    comparison_changed : Signal(object)
        Carries the `Comparison`, or None where there is nothing to compare with.
    failed : Signal(BaseException)
    """

    comparison_changed = Signal(object)
    failed = Signal(BaseException)

    def __init__(self, session: Session, post: Post, *, rest_seconds: float = REST_SECONDS) -> None:
        self.session = session
        self._rest_seconds = rest_seconds
        self._other: ComparedMask | None = None
        self._comparison: Comparison | None = None
        self._wanted: ComparisonRequest | None = None
        self._refused: MaskStage | None = None
        self._closed = False
        self._worker = LatestWins(
            self._compare,
            lambda found: post(lambda: self._take(found)),
            lambda error: post(lambda: self._report(error)),
        )
        self._scorer = LatestWins(
            self._score,
            lambda scored: post(lambda: self._take_score(scored)),
            lambda error: post(lambda: self._miss_score(error)),
        )
        session.fragment_changed.connect(self.refresh)
        session.setting_changed.connect(self.refresh)
        session.figures_changed.connect(self.refresh)

    # ---- what is current -------------------------------------------------------------------

    @property
    def comparison(self) -> Comparison | None:
        """The comparison, as it is known now; None where there is nothing to compare with."""
        return self._comparison

    @property
    def other(self) -> ComparedMask | None:
        """What is compared with."""
        return self._other

    @property
    def requests_begun(self) -> int:
        """How many comparisons were begun so far, stale ones included."""
        return self._worker.begun

    # ---- what a user does ------------------------------------------------------------------

    def compare_with(self, other: ComparedMask | None) -> None:
        """Compare with another mask from now on, or with none."""
        self._other = other
        self._forget()
        self.refresh()

    def ask_for_score(self) -> None:
        """Compute the leaderboard score of the session's mask against the other one.

        Nothing is done until the masks are compared: the comparison must not be stale.
        """
        comparison, request = self._comparison, self._wanted
        if self._closed or comparison is None or request is None or comparison.stale:
            return
        if comparison.slices is not None and comparison.score is None and not comparison.scoring:
            self._scorer.submit(request)
            self._publish(replace(comparison, scoring=True))

    def refresh(self) -> None:
        """Compare anew if anything has changed: the session's mask, or what the other one is."""
        if self._closed:
            return
        image_id = self.session.fragment.image_id
        other = None if self._other is None else self._other.mask_of(image_id)
        if self._other is None or other is None:
            self._forget()
            return
        if other.shape != self.session.fragment.shape:
            self._refuse(other)
            return
        self._want(self._other.name, image_id, other)

    def wait_until_idle(self, timeout: float | None = None) -> bool:
        """Wait until the workers rest; return False if that took too long.

        Their last results may still have to pass through `post`.
        """
        return all(worker.wait_until_idle(timeout) for worker in (self._worker, self._scorer))

    def close(self) -> None:
        """Tell nothing any more and end the threads, without waiting for them.

        To be called before the session is closed.
        """
        if self._closed:
            return
        self._closed = True
        self._worker.close(wait=False)
        self._scorer.close(wait=False)

    # ---- following the session -------------------------------------------------------------

    def _want(self, name: str, image_id: str, other: MaskStage) -> None:
        session, threshold = self.session, self.session.exact_threshold
        shown = self._comparison
        if shown is None or shown.image_id != image_id:
            shown = Comparison(name, image_id)
        if threshold is None or not session.settled:
            self._cancel()
            self._publish(replace(shown, stale=True, scoring=False))
            return
        of = ComparisonKey(image_id, session.setting)
        wanted = self._wanted
        if wanted is not None and wanted.of == of and wanted.other is other:
            return
        self._cancel()
        request = ComparisonRequest(of, threshold, session.pipelines[image_id], other)
        self._wanted = request
        self._worker.submit(request)
        self._publish(replace(shown, stale=True, scoring=False))

    def _cancel(self) -> None:
        self._wanted = None
        self._worker.cancel()
        self._scorer.cancel()

    def _forget(self) -> None:
        self._cancel()
        self._refused = None
        self._publish(None)

    def _refuse(self, other: MaskStage) -> None:
        """Tell, once for each mask, that it is not of the fragment's shape."""
        if self._refused is other:
            return
        self._forget()
        self._refused = other
        fragment, name = self.session.fragment, "" if self._other is None else self._other.name
        message = (
            f"fragment {fragment.image_id}: found shape {other.shape} in the mask {name}; "
            f"expected {fragment.shape} (Z, Y, X)"
        )
        self.failed.emit(ValueError(message))

    def _publish(self, comparison: Comparison | None) -> None:
        if not self._closed and not _alike(comparison, self._comparison):
            self._comparison = comparison
            self.comparison_changed.emit(comparison)

    # ---- the workers -----------------------------------------------------------------------

    def _compare(self, request: ComparisonRequest, cancelled: CancelCheck) -> ComparedSlices:
        wait_for_rest(self.session.wait_until_compiled, self._rest_seconds, cancelled)
        bits = bits_of(request.mask(cancelled))
        return ComparedSlices(request, compare_bits(bits, request.other.bits))

    def _score(self, request: ComparisonRequest, cancelled: CancelCheck) -> ScoredMask:
        score = leaderboard.score(
            request.mask(cancelled), request.other.mask(), cancelled=cancelled, workers=WORKERS
        )
        return ScoredMask(request, score)

    # ---- back in the owner's thread --------------------------------------------------------

    def _take(self, found: ComparedSlices) -> None:
        if found.request is self._wanted and self._comparison is not None:
            self._publish(
                replace(
                    self._comparison,
                    setting=found.request.of.setting,
                    slices=found.slices,
                    score=None,
                    stale=False,
                )
            )

    def _take_score(self, scored: ScoredMask) -> None:
        if scored.request is self._wanted and self._comparison is not None:
            self._publish(replace(self._comparison, score=scored.score, scoring=False))

    def _miss_score(self, error: BaseException) -> None:
        if self._comparison is not None:
            self._publish(replace(self._comparison, scoring=False))
        self._report(error)

    def _report(self, error: BaseException) -> None:
        if not self._closed:
            self.failed.emit(error)


def packed_mask_of(mask: Mask) -> MaskStage:
    """Return a mask as `ComparedMask` holds it.

    Parameters
    ----------
    mask : (Z, Y, X) array of uint8
        What is not 0 is foreground.

    Returns
    -------
    MaskStage
        With an empty key.
    """
    return MaskStage.of((), mask)


def _alike(one: Comparison | None, other: Comparison | None) -> bool:
    """Return whether two comparisons tell the same."""
    if one is None or other is None:
        return one is other
    names = ("name", "image_id", "setting", "score", "stale", "scoring")
    same = all(getattr(one, name) == getattr(other, name) for name in names)
    return same and one.slices is other.slices
