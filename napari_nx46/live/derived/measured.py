"""What values that measure a session's scores and masks have in common."""

from __future__ import annotations

from napari_nx46.live.derived.graph import Key, Result
from napari_nx46.live.derived.leaderboard_score import Label
from napari_nx46.live.derived.of_session import SessionValue
from napari_nx46.live.derived.scoring import ScoreFollower
from napari_nx46.live.session import Session
from napari_nx46.voxels.workers import Workers

__all__ = ["MeasuredValue"]


class MeasuredValue(SessionValue[Key, Result]):
    """A value that is measured by threads of its own, against the label where there is one.

    Parameters
    ----------
    session : Session
    scores : ScoreFollower, optional
        Gives the label of the fragment that is shown; without it there is none.
    keep, rest_seconds, priority
        See `SessionValue`.
    """

    def __init__(
        self,
        session: Session,
        scores: ScoreFollower | None,
        *,
        keep: int,
        rest_seconds: float,
        priority: int,
    ) -> None:
        super().__init__(session, keep=keep, rest_seconds=rest_seconds, priority=priority)
        self.workers = Workers(session.workers.count)
        self._scores = scores

    @property
    def label(self) -> Label | None:
        """The label of the fragment that is shown, or None while there is none."""
        return None if self._scores is None else self._scores.label

    def close(self) -> None:
        """Follow the session no longer, and end the threads."""
        super().close()
        self.workers.close()
