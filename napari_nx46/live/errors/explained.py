"""Everything that a session's mask loses against the label, as a value that follows the sliders."""

from __future__ import annotations

from collections.abc import Callable

from napari_nx46 import leaderboard
from napari_nx46.live.derived.leaderboard_score import WORKERS
from napari_nx46.live.derived.mask_bits import MaskBits, mask_bits_of
from napari_nx46.live.derived.of_session import REST_SECONDS, SessionValue
from napari_nx46.live.derived.scoring import ScoreFollower
from napari_nx46.live.errors.listing import Listing, listing_of
from napari_nx46.live.session import Session
from napari_nx46.voxels.workers import CancelCheck

__all__ = ["Explained"]


class Explained(SessionValue[MaskBits, Listing]):
    """The list of errors of the exact mask of the whole fragment, computed while it is watched.

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
        self._watched = False
        super().__init__(session, rest_seconds=rest_seconds, priority=2)

    def watch(self, watched: bool) -> None:
        """Follow the session, or do so no longer; what is known stays, and gets stale."""
        self._watched = watched
        self.touch()

    def is_ready(self) -> bool:
        """Return whether the kernels of the score are compiled."""
        return self._scores.is_compiled()

    def key(self) -> MaskBits | None:
        """Return the mask, once its threshold and the label are known."""
        has_label = self._scores.label is not None
        return mask_bits_of(self.session) if self._watched and has_label else None

    def prepare(self, key: MaskBits) -> Callable[[CancelCheck], Listing]:
        """Return the function that finds the errors."""
        label = self._scores.label
        assert label is not None  # `key` asked for it

        def explain(cancelled: CancelCheck) -> Listing:
            mask = key.mask(cancelled)
            found = leaderboard.explain(mask, label, cancelled=cancelled, workers=WORKERS)
            return listing_of(found)

        return explain
