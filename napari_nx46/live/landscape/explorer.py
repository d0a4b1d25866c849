"""Exploring the score of a session's fragment over one or two knobs, in a thread.

What is being computed is the latest that was asked for; every point that was computed is kept.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager

from psygnal import Signal

from napari_nx46.data.fragments import DataSet
from napari_nx46.live.derived.leaderboard_score import Label
from napari_nx46.live.derived.scoring import LabelState, ScoreFollower
from napari_nx46.live.landscape.kept import Landscapes
from napari_nx46.live.session import Session
from napari_nx46.run.job import Job, Report
from napari_nx46.run.landscape.exploring import Evaluate, Exploration, explore, fragment_scores
from napari_nx46.run.landscape.landscape import Axis, Landscape, LandscapeRequest
from napari_nx46.run.landscape.lattice import Position
from napari_nx46.voxels.workers import CancelCheck

__all__ = ["LandscapeExplorer", "OpenScores"]

OpenScores = Callable[
    [DataSet, LandscapeRequest, Label, CancelCheck], AbstractContextManager[Evaluate]
]
"""Returns what computes exact scores, and gives its memory back at the end."""

_MISSING = {
    LabelState.NONE: "This fragment has no label, which its score would be measured against.",
    LabelState.DAMAGED: "The label of this fragment cannot be read.",
    LabelState.LOADING: "The label is being read …",
    LabelState.READY: "",
}


class LandscapeExplorer:
    """Computes landscapes of the fragment that is shown, and takes their points to the sliders.

    Everything but the computing runs in the session's own thread.

    Parameters
    ----------
    session : Session
    scores : ScoreFollower
        Gives the label.
    landscapes : Landscapes
        Where every point goes once it is computed.
    open_scores : callable
        See `OpenScores`; called in a worker.

    Attributes
    ----------
    changed : Signal()
        There are more points, or there is more or less to be done.
    failed : Signal(BaseException)
    """

    changed = Signal()
    failed = Signal(BaseException)

    def __init__(
        self,
        session: Session,
        scores: ScoreFollower,
        landscapes: Landscapes,
        *,
        open_scores: OpenScores = fragment_scores,
    ) -> None:
        self.session = session
        self.landscapes = landscapes
        self._scores = scores
        self._open_scores = open_scores
        self._job: Job[Landscape] | None = None
        self._progress: Exploration | None = None
        self._signals = (
            landscapes.changed,
            landscapes.came,
            scores.scores_changed,
            scores.label_changed,
            session.setting_changed,
            session.corrections.changed,
        )
        for signal in self._signals:
            signal.connect(self._notice)
        session.fragment_changed.connect(self._leave_fragment)

    # ---- what is known ---------------------------------------------------------------------

    @property
    def running(self) -> bool:
        """Whether points are being computed."""
        return self._job is not None and self._job.running

    @property
    def progress(self) -> Exploration | None:
        """How far the computing is; None until there is a point, and while there is none."""
        return self._progress if self.running else None

    @property
    def missing(self) -> str:
        """What keeps scores from being computed, in one sentence; empty if nothing does."""
        return _MISSING[self._scores.scores.label]

    def landscape(self, names: tuple[str, ...]) -> Landscape | None:
        """Return what is known over these knobs of the fragment that is shown."""
        return self.landscapes.get(self.session.fragment.image_id, names)

    def is_current(self, landscape: Landscape) -> bool:
        """Return whether all other knobs, and the corrections, stand as they did for it."""
        session = self.session
        return landscape.request.holds_for(
            session.fragment.image_id, session.setting, session.present_corrections
        )

    # ---- what a user does ------------------------------------------------------------------

    def begin(self, axes: tuple[Axis, ...], most: int) -> None:
        """Compute scores over these knobs, in place of what is being computed.

        Points of the same values are not computed again while all other knobs stand.

        Parameters
        ----------
        axes : tuple of Axis
        most : int
            So many points are to be known in the end.
        """
        label, session = self._scores.label, self.session
        if label is None:
            return
        self._give_up()
        request = LandscapeRequest(
            session.fragment.image_id, session.setting, axes, session.present_corrections
        )
        known = self._known_to(request)
        dataset, open_scores = session.dataset, self._open_scores

        def work(cancelled: CancelCheck, report: Report) -> Landscape:
            with open_scores(dataset, known.request, label, cancelled) as evaluate:
                return explore(known, evaluate, most, report, cancelled)

        job: Job[Landscape] = Job(session.post, "nx46-landscape")
        job.progressed.connect(self._take)
        job.done.connect(self.landscapes.put)
        job.failed.connect(self.failed)
        job.ended.connect(self._notice)
        self._job = job
        job.start(work)
        self._notice()

    def cancel(self) -> None:
        """Compute no more; every point that is there stays."""
        if self._job is not None:
            self._job.cancel()

    def take(self, landscape: Landscape, position: Position) -> None:
        """Set all sliders as they stand at a point, those of other knobs too."""
        setting = landscape.request.setting_at(position)
        if setting is not None:
            self.session.apply(setting)

    def close(self) -> None:
        """Follow the session no longer."""
        for signal in self._signals:
            signal.disconnect(self._notice, missing_ok=True)
        self.session.fragment_changed.disconnect(self._leave_fragment, missing_ok=True)
        self._give_up()

    # ---- the computing ---------------------------------------------------------------------

    def _known_to(self, request: LandscapeRequest) -> Landscape:
        """Return what is known of the same knobs, if all others stand as they did for it."""
        known = self.landscapes.get(request.image_id, request.names)
        return known.over(request) if known and self.is_current(known) else Landscape(request)

    def _take(self, exploration: Exploration) -> None:
        self._progress = exploration
        self.landscapes.put(exploration.landscape)

    def _give_up(self) -> None:
        job, self._job, self._progress = self._job, None, None
        if job is not None:
            job.close()

    def _leave_fragment(self) -> None:
        self._give_up()
        self._notice()

    def _notice(self) -> None:
        self.changed.emit()
