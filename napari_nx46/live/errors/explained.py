"""What is wrong or suspicious in a session's mask, as a value that follows the sliders."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from napari_nx46 import leaderboard
from napari_nx46.live.derived.leaderboard_score import WORKERS
from napari_nx46.live.derived.mask_bits import MaskBits, mask_bits_of
from napari_nx46.live.derived.of_session import REST_SECONDS, SessionValue
from napari_nx46.live.derived.scoring import ScoreFollower
from napari_nx46.live.errors.listing import Listing, listing_of
from napari_nx46.live.errors.suspected import list_suspicions
from napari_nx46.live.session import Session
from napari_nx46.voxels.workers import CancelCheck

__all__ = ["Explained", "ListKey"]


@dataclass(frozen=True)
class ListKey:
    """What is listed of which mask.

    Parameters
    ----------
    mask : MaskBits
    suspicions : bool
        What is suspicious in it, or else its errors against the label.
    """

    mask: MaskBits
    suspicions: bool


class Explained(SessionValue[ListKey, Listing]):
    """The list of errors of the exact mask of the whole fragment, computed while it is watched.

    Of a fragment without a label, or where it is chosen, the list of what is suspicious.

    Parameters
    ----------
    session : Session
    scores : ScoreFollower
        Gives the label.
    rest_seconds : float
        See `SessionValue`.
    """

    def __init__(
        self, session: Session, scores: ScoreFollower, *, rest_seconds: float = REST_SECONDS
    ) -> None:
        self._scores = scores
        self._watched = self._chosen = False
        super().__init__(session, rest_seconds=rest_seconds, priority=2)

    def watch(self, watched: bool) -> None:
        """Follow the session, or do so no longer; what is known stays, and gets stale."""
        self._watched = watched
        self.touch()

    @property
    def lists_suspicions(self) -> bool:
        """Whether what is suspicious is listed instead of errors against the label."""
        return self._chosen or not self._scores.has_label

    def list_suspicions(self, wanted: bool) -> None:
        """List what is suspicious though there is a label, or no longer so."""
        if wanted != self._chosen:
            self._chosen = wanted
            self.clear()
            self.touch()

    def is_ready(self) -> bool:
        """Return whether the kernels of masks, and those of the score, are compiled."""
        return super().is_ready() and (self.lists_suspicions or self._scores.is_compiled())

    def key(self) -> ListKey | None:
        """Return the mask, once its threshold is known, and the label where it is needed."""
        mask = mask_bits_of(self.session) if self._watched else None
        suspicions = self.lists_suspicions
        if mask is None or not (suspicions or self._scores.label is not None):
            return None
        return ListKey(mask, suspicions)

    def prepare(self, key: ListKey) -> Callable[[CancelCheck], Listing]:
        """Return the function that makes the list."""
        if key.suspicions:
            return partial(list_suspicions, key.mask)
        label = self._scores.label
        assert label is not None  # `key` asked for it

        def explain(cancelled: CancelCheck) -> Listing:
            mask = key.mask.mask(cancelled)
            found = leaderboard.explain(mask, label, cancelled=cancelled, workers=WORKERS)
            return listing_of(found)

        return explain
