"""Two masks beside each other: the session's, those of pins, or of anyone's submission.

Dice and IoU, per slice and whole, follow the sliders once they have settled; the leaderboard score
of the one against the other is computed where it is asked for.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, replace

from psygnal import Signal

from napari_nx46 import leaderboard
from napari_nx46.core.mask_chain import MaskStage
from napari_nx46.leaderboard import LeaderboardScore
from napari_nx46.live.derived.comparison_request import ComparisonRequest, KeptMask, OwnMask
from napari_nx46.live.derived.latest import LatestWins
from napari_nx46.live.derived.of_session import REST_SECONDS
from napari_nx46.live.derived.resting import wait_for_rest
from napari_nx46.live.session import Post, Session
from napari_nx46.setting import Setting
from napari_nx46.voxels.blocks import Mask
from napari_nx46.voxels.overlap import Overlap, SliceOverlaps, compare_bits
from napari_nx46.voxels.workers import CancelCheck

__all__ = [
    "LIVE",
    "OWN_MASK",
    "ComparedMask",
    "Comparison",
    "ComparisonFollower",
    "packed_mask_of",
]

LIVE = "live"
"""Names the mask that follows the sliders."""

KeptPair = tuple[MaskStage | None, MaskStage | None]

WORKERS = max(1, min(2, os.cpu_count() or 1))


@dataclass(frozen=True, eq=False)
class ComparedMask:
    """A mask that is compared.

    Parameters
    ----------
    name : str
        What people read: a letter, or the name of a file.
    mask_of : callable, optional
        Returns the mask of a fragment by image_id, a bit a voxel, or None where there is none
        (yet). Called in the session's thread; must be quick. Without it, it is the session's own
        mask.
    """

    name: str
    mask_of: Callable[[str], MaskStage | None] | None


OWN_MASK = ComparedMask(LIVE, None)
"""The session's own mask."""


@dataclass(frozen=True, eq=False)
class Comparison:
    """How two masks, A and B, agree, as it is known now.

    Parameters
    ----------
    name : str
        Of the second mask (B).
    image_id : str
    setting : Setting, optional
        Whose mask was compared; None while nothing has been, and where none is the session's own.
    slices : SliceOverlaps, optional
    score : LeaderboardScore, optional
        Of the first mask, the second one standing for the label; None where it was not asked for.
    stale : bool
        Whether they are older than the sliders.
    scoring : bool
        Whether the leaderboard score is being computed.
    first : str
        Name of the first mask (A).
    """

    name: str
    image_id: str
    setting: Setting | None = None
    slices: SliceOverlaps | None = None
    score: LeaderboardScore | None = None
    stale: bool = False
    scoring: bool = False
    first: str = LIVE

    @property
    def whole(self) -> Overlap | None:
        """The counts of the whole fragment, with Dice and IoU; None while they are not known."""
        return None if self.slices is None else self.slices.whole


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
    """Compares two masks, of which one may be the session's own.

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
        self._pair: tuple[ComparedMask, ComparedMask] | None = None
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
    def pair(self) -> tuple[ComparedMask, ComparedMask] | None:
        """What is compared with what."""
        return self._pair

    @property
    def requests_begun(self) -> int:
        """How many comparisons were begun so far, stale ones included."""
        return self._worker.begun

    # ---- what a user does ------------------------------------------------------------------

    def compare(self, first: ComparedMask, second: ComparedMask) -> None:
        """Compare two masks from now on."""
        self._pair = (first, second)
        self._forget()
        self.refresh()

    def compare_with(self, other: ComparedMask) -> None:
        """Compare the session's own mask with another one from now on."""
        self.compare(OWN_MASK, other)

    def stop(self) -> None:
        """Compare nothing."""
        self._pair = None
        self._forget()

    def ask_for_score(self) -> None:
        """Compute the leaderboard score of the first mask against the second one.

        Nothing is done until the masks are compared: the comparison must not be stale.
        """
        comparison, request = self._comparison, self._wanted
        if self._closed or comparison is None or request is None or comparison.stale:
            return
        if comparison.slices is not None and comparison.score is None and not comparison.scoring:
            self._scorer.submit(request)
            self._publish(replace(comparison, scoring=True))

    def refresh(self) -> None:
        """Compare anew if anything has changed: a mask, or the fragment."""
        if self._closed:
            return
        image_id = self.session.fragment.image_id
        kept = self._kept_masks(image_id)
        if self._pair is None or kept is None:
            self._forget()
            return
        for compared, stage in zip(self._pair, kept, strict=True):
            if stage is not None and stage.shape != self.session.fragment.shape:
                self._refuse(compared.name, stage)
                return
        self._want(self._pair, kept)

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

    def _kept_masks(self, image_id: str) -> KeptPair | None:
        """Return both masks, None standing for the session's own; None where one is not there."""
        if self._pair is None:
            return None
        kept = []
        for compared in self._pair:
            stage = None if compared.mask_of is None else compared.mask_of(image_id)
            if stage is None and compared.mask_of is not None:
                return None
            kept.append(stage)
        first, second = kept
        return first, second

    def _want(self, pair: tuple[ComparedMask, ComparedMask], kept: KeptPair) -> None:
        shown, image_id = self._comparison, self.session.fragment.image_id
        if shown is None or shown.image_id != image_id:
            first, second = pair
            shown = Comparison(second.name, image_id, first=first.name)
        sides = [self._own_mask() if stage is None else KeptMask(stage) for stage in kept]
        first_side, second_side = sides
        if first_side is None or second_side is None:
            self._cancel()
            self._publish(replace(shown, stale=True, scoring=False))
            return
        request, wanted = ComparisonRequest(image_id, first_side, second_side), self._wanted
        if wanted is not None and wanted.same_as(request):
            return
        self._cancel()
        self._wanted = request
        self._worker.submit(request)
        self._publish(replace(shown, stale=True, scoring=False))

    def _own_mask(self) -> OwnMask | None:
        """Return the session's own mask; None while its exact threshold is not known."""
        session, threshold = self.session, self.session.exact_threshold
        if threshold is None or not session.settled:
            return None
        pipeline = session.pipelines[session.fragment.image_id]
        return OwnMask(session.setting, threshold, pipeline)

    def _cancel(self) -> None:
        self._wanted = None
        self._worker.cancel()
        self._scorer.cancel()

    def _forget(self) -> None:
        self._cancel()
        self._refused = None
        self._publish(None)

    def _refuse(self, name: str, stage: MaskStage) -> None:
        """Tell, once for each mask, that it is not of the fragment's shape."""
        if self._refused is stage:
            return
        self._forget()
        self._refused = stage
        fragment = self.session.fragment
        message = (
            f"fragment {fragment.image_id}: found shape {stage.shape} in the mask {name}; "
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
        bits = request.first.bits(cancelled)
        return ComparedSlices(request, compare_bits(bits, request.second.bits(cancelled)))

    def _score(self, request: ComparisonRequest, cancelled: CancelCheck) -> ScoredMask:
        mask, label = request.first.mask(cancelled), request.second.mask(cancelled)
        return ScoredMask(
            request, leaderboard.score(mask, label, cancelled=cancelled, workers=WORKERS)
        )

    # ---- back in the owner's thread --------------------------------------------------------

    def _take(self, found: ComparedSlices) -> None:
        if found.request is self._wanted and self._comparison is not None:
            self._publish(
                replace(
                    self._comparison,
                    setting=found.request.setting,
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
    names = ("first", "name", "image_id", "setting", "score", "stale", "scoring")
    same = all(getattr(one, name) == getattr(other, name) for name in names)
    return same and one.slices is other.slices
