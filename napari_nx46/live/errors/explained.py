"""Everything that a session's mask loses against the label, as a value that follows the sliders."""

from __future__ import annotations

from collections.abc import Callable

from napari_nx46 import leaderboard
from napari_nx46.live.derived.leaderboard_score import WORKERS, ScoredBlock
from napari_nx46.live.derived.of_session import REST_SECONDS, SessionValue
from napari_nx46.live.derived.scoring import ScoreFollower
from napari_nx46.live.errors.listing import Listing, listing_of
from napari_nx46.live.session import Session
from napari_nx46.live.view import extents_of
from napari_nx46.voxels.blocks import whole_block
from napari_nx46.voxels.workers import CancelCheck

__all__ = ["Explained"]


class Explained(SessionValue[ScoredBlock, Listing]):
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

    def key(self) -> ScoredBlock | None:
        """Return the fragment and its setting, once threshold and label are known."""
        session = self.session
        if not self._watched or not session.settled or session.exact_threshold is None:
            return None
        if self._scores.label is None:
            return None
        fragment, corrections = session.fragment, session.present_corrections
        whole = extents_of(whole_block(fragment.shape))
        return ScoredBlock(fragment.image_id, session.setting, corrections, whole)

    def prepare(self, key: ScoredBlock) -> Callable[[CancelCheck], Listing]:
        """Return the function that finds the errors."""
        threshold, label = self.session.exact_threshold, self._scores.label
        assert threshold is not None and label is not None  # noqa: PT018  (`key` asked for both)
        pipeline = self.session.pipelines[key.image_id]

        def explain(cancelled: CancelCheck) -> Listing:
            mask = pipeline.mask(key.setting, threshold, key.block, cancelled, key.corrections)
            found = leaderboard.explain(mask, label, cancelled=cancelled, workers=WORKERS)
            return listing_of(found)

        return explain
