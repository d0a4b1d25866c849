"""Two masks beside each other: the session's, those of pins, or of anyone's submission.

Dice and IoU, per slice and whole, follow the sliders once they have settled; the leaderboard score
of the one against the other is computed where it is asked for.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass

from psygnal import Signal

from napari_nx46 import leaderboard
from napari_nx46.core.mask_chain import MaskStage
from napari_nx46.leaderboard import LeaderboardScore
from napari_nx46.live.derived.comparison_request import ComparisonRequest, KeptMask
from napari_nx46.live.derived.mask_bits import mask_bits_of
from napari_nx46.live.derived.of_session import REST_SECONDS, SessionValue
from napari_nx46.live.session import Session
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


@dataclass(frozen=True)
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
    """How the two masks of a request agree, slice by slice."""

    request: ComparisonRequest
    slices: SliceOverlaps


class PairOverlap(SessionValue[ComparisonRequest, ComparedSlices]):
    """How two masks agree, slice by slice.

    Parameters
    ----------
    session : Session
    request : callable
        Returns the two masks, or None while one is not known.
    rest_seconds : float
        See `SessionValue`.
    """

    def __init__(
        self,
        session: Session,
        request: Callable[[], ComparisonRequest | None],
        *,
        rest_seconds: float,
    ) -> None:
        super().__init__(session, rest_seconds=rest_seconds, priority=4)
        self._request = request

    def key(self) -> ComparisonRequest | None:
        """Return the two masks, or None while one is not known."""
        return self._request()

    def prepare(self, key: ComparisonRequest) -> Callable[[CancelCheck], ComparedSlices]:
        """Return the function that compares the masks."""

        def compare(cancelled: CancelCheck) -> ComparedSlices:
            bits = key.first.bits(cancelled)
            return ComparedSlices(key, compare_bits(bits, key.second.bits(cancelled)))

        return compare


class PairScore(SessionValue[ComparisonRequest, LeaderboardScore]):
    """The leaderboard score of one mask, another one standing for the label.

    Attributes
    ----------
    request : ComparisonRequest, optional
        The masks whose score was asked for.
    """

    request: ComparisonRequest | None = None

    def __init__(self, session: Session) -> None:
        super().__init__(session, rest_seconds=0.0, priority=5)

    def key(self) -> ComparisonRequest | None:
        """Return the masks whose score was asked for."""
        return self.request

    def prepare(self, key: ComparisonRequest) -> Callable[[CancelCheck], LeaderboardScore]:
        """Return the function that computes the score."""

        def score(cancelled: CancelCheck) -> LeaderboardScore:
            mask, label = key.first.mask(cancelled), key.second.mask(cancelled)
            return leaderboard.score(mask, label, cancelled=cancelled, workers=WORKERS)

        return score


class ComparisonFollower:
    """Compares two masks, of which one may be the session's own.

    Parameters
    ----------
    session : Session
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

    def __init__(self, session: Session, *, rest_seconds: float = REST_SECONDS) -> None:
        self.session = session
        self._pair: tuple[ComparedMask, ComparedMask] | None = None
        self._comparison: Comparison | None = None
        self._refused: MaskStage | None = None
        self._closed = False
        self._overlap = PairOverlap(session, self._request, rest_seconds=rest_seconds)
        self._score = PairScore(session)
        for value in (self._overlap, self._score):
            value.changed.connect(self._publish)
            value.failed.connect(self.failed)
        session.fragment_changed.connect(self.touch)
        session.setting_changed.connect(self.touch)
        session.figures_changed.connect(self.touch)

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
    def begun(self) -> int:
        """How many comparisons were begun so far, stale ones included."""
        return self._overlap.begun

    # ---- what a user does ------------------------------------------------------------------

    def compare(self, first: ComparedMask, second: ComparedMask) -> None:
        """Compare two masks from now on."""
        self.stop()
        self._pair = (first, second)
        self.touch()

    def compare_with(self, other: ComparedMask) -> None:
        """Compare the session's own mask with another one from now on."""
        self.compare(OWN_MASK, other)

    def stop(self) -> None:
        """Compare nothing."""
        self._pair = self._refused = None
        self._clear()

    def ask_for_score(self) -> None:
        """Compute the leaderboard score of the first mask against the second one.

        Nothing is done until the masks are compared: the comparison must not be stale.
        """
        found = self._overlap.state.result
        if found is not None and self._overlap.state.is_current:
            self._score.request = found.request
            self._score.touch()

    def touch(self) -> None:
        """Re-run the comparison if an input changed: a mask, or the fragment."""
        if self._closed:
            return
        kept = self._kept_masks()
        misfit = self._misfit(kept)
        if misfit is not None:
            self._refuse(*misfit)
        elif not kept:
            self._clear()
        else:
            self._refused = None
            self._overlap.touch()
            self._publish()

    def close(self) -> None:
        """Disconnect from the session; to be called before that is closed."""
        if not self._closed:
            self._closed = True
            self._overlap.close()
            self._score.close()

    # ---- following the session -------------------------------------------------------------

    def _kept_masks(self) -> list[MaskStage | None]:
        """Return both masks, None standing for the session's own; nothing unless both are there."""
        kept = []
        for compared in self._pair or ():
            mask_of = compared.mask_of
            stage = None if mask_of is None else mask_of(self.session.fragment.image_id)
            if stage is None and mask_of is not None:
                return []
            kept.append(stage)
        return kept

    def _misfit(self, kept: list[MaskStage | None]) -> tuple[str, MaskStage] | None:
        """Return a mask that is not of the fragment's shape, after its name; None if all are."""
        shape = self.session.fragment.shape
        named = zip((one.name for one in self._pair or ()), kept, strict=False)
        return next(((name, one) for name, one in named if one and one.shape != shape), None)

    def _fitting_masks(self) -> list[MaskStage | None]:
        """Return both masks if both are there and of the fragment's shape, else nothing."""
        kept = self._kept_masks()
        return kept if self._misfit(kept) is None else []

    def _request(self) -> ComparisonRequest | None:
        """Return what is compared, once all of it is known."""
        kept = [] if self._closed else self._fitting_masks()
        if not kept:
            return None
        first, second = (
            mask_bits_of(self.session) if stage is None else KeptMask(stage) for stage in kept
        )
        if first is None or second is None:
            return None
        return ComparisonRequest(self.session.fragment.image_id, first, second)

    def _clear(self) -> None:
        self._score.request = None
        self._overlap.drop_results()
        self._score.drop_results()
        self._publish()

    def _refuse(self, name: str, stage: MaskStage) -> None:
        """Report, once for each mask, that it is not of the fragment's shape."""
        if self._refused is stage:
            return
        self._clear()
        self._refused = stage
        fragment = self.session.fragment
        message = (
            f"fragment {fragment.image_id}: found shape {stage.shape} in the mask {name}; "
            f"expected {fragment.shape} (Z, Y, X)"
        )
        self.failed.emit(ValueError(message))

    def _publish(self) -> None:
        comparison = self._current()
        if not self._closed and comparison != self._comparison:
            self._comparison = comparison
            self.comparison_changed.emit(comparison)

    def _current(self) -> Comparison | None:
        """Return the comparison as it is known now."""
        overlap, score = self._overlap.state, self._score.state
        if self._pair is None or not self._fitting_masks():
            return None
        found = overlap.result
        is_of_these = found is not None and self._score.request == found.request
        first, second = self._pair
        return Comparison(
            second.name,
            self.session.fragment.image_id,
            setting=None if found is None else found.request.setting,
            slices=None if found is None else found.slices,
            score=score.result if is_of_these and score.is_current else None,
            stale=not overlap.is_current,
            scoring=is_of_these and score.busy,
            first=first.name,
        )


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
