"""Looking for the best setting of what is open, in a thread, while the sliders follow the best."""

from __future__ import annotations

import hashlib
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from psygnal import Signal

from napari_nx46.data.fragments import DataSet
from napari_nx46.live.session import Session
from napari_nx46.run.job import Job, Report
from napari_nx46.run.suggest.searching.search import Found
from napari_nx46.run.suggest.suggest import Suggestion, SuggestRequest, suggest
from napari_nx46.run.suggest.trying.journal import JournalError
from napari_nx46.setting import Setting, SettingError
from napari_nx46.voxels.workers import CancelCheck, never

__all__ = ["LookFor", "SuggestState", "Suggester", "journal_in", "look_for"]

LookFor = Callable[
    [DataSet, str | None, SuggestRequest, Path | None, Report, CancelCheck, CancelCheck],
    Suggestion,
]
"""Searches on the data set, or on one fragment of it, with a journal; called in a worker.

Of the two checks the first one ends the search, and by the second one nobody waits any more.
"""


def look_for(
    dataset: DataSet,
    image_id: str | None,
    request: SuggestRequest,
    journal: Path | None,
    report: Report,
    cancelled: CancelCheck,
    given_up: CancelCheck = never,
) -> Suggestion:
    """Search on all fragments of a data set, or on one; see `run.suggest.suggest`.

    A journal of other data, as they were before they changed, or one that is damaged, is replaced.
    """
    fragments = list(dataset) if image_id is None else [dataset[image_id]]
    search = partial(
        suggest, fragments, request, report=report, cancelled=cancelled, given_up=given_up
    )
    if journal is None:
        return search()
    journal.parent.mkdir(parents=True, exist_ok=True)
    try:
        return search(journal=journal)
    except JournalError:
        journal.unlink()
    return search(journal=journal)


def journal_in(workspace: Path, image_id: str | None) -> Path:
    """Return where the searches of a window keep what they tried: beside its workspace.

    Parameters
    ----------
    workspace : Path
        The workspace file of the data.
    image_id : str, optional
        The fragment that is searched on; by default all.
    """
    digest = "" if image_id is None else f"-{hashlib.sha256(image_id.encode()).hexdigest()[:12]}"
    return workspace.with_name(f"suggest{digest}.journal")


@dataclass(frozen=True)
class SuggestState:
    """How far a search is.

    Parameters
    ----------
    before : Setting
        Where the sliders stood when it began.
    seconds : float
        It takes so long at most.
    begun : float
        `time.monotonic` of its beginning.
    found : Found, optional
        The best so far.
    suggestion : Suggestion, optional
        What was taken in the end.
    follows : bool
        Whether the sliders follow the best: until a user moves one.
    """

    before: Setting
    seconds: float
    begun: float
    found: Found | None = None
    suggestion: Suggestion | None = None
    follows: bool = True

    @property
    def best(self) -> Setting | None:
        """What is best as far as is known."""
        if self.suggestion is not None:
            return self.suggestion.choice.setting
        return None if self.found is None else self.found.best

    @property
    def seconds_gone(self) -> float:
        """Since it began, at most its time."""
        return min(time.monotonic() - self.begun, self.seconds)


class Suggester:
    """Runs one search at a time; everything but the computing runs in the session's own thread.

    Parameters
    ----------
    session : Session
    workspace : Path, optional
        The workspace file of the data: what searches tried is kept beside it, and the next one
        computes nothing of it again.
    search : callable
        See `LookFor`.

    Attributes
    ----------
    changed : Signal()
        Something better was found, or the search began or ended.
    failed : Signal(BaseException)
    """

    changed = Signal()
    failed = Signal(BaseException)

    def __init__(
        self, session: Session, workspace: Path | None = None, *, search: LookFor = look_for
    ) -> None:
        self.session = session
        self._workspace = workspace
        self._search = search
        self._job: Job[Suggestion] | None = None
        self._given_up = threading.Event()
        self._stopped = False
        self._state: SuggestState | None = None
        session.setting_changed.connect(self._notice_moved)

    @property
    def running(self) -> bool:
        """Whether a search goes on."""
        return self._job is not None and self._job.running

    @property
    def stopping(self) -> bool:
        """Whether it was stopped and is summing up."""
        return self._stopped and self.running

    @property
    def state(self) -> SuggestState | None:
        """How far the newest search is; None before the first."""
        return self._state

    @property
    def can_take(self) -> bool:
        """Whether the sliders stand elsewhere than at the best."""
        best = None if self._state is None else self._state.best
        return best is not None and best != self.session.setting

    @property
    def can_undo(self) -> bool:
        """Whether the sliders stand elsewhere than when the search began."""
        return self._state is not None and self._state.before != self.session.setting

    def begin(self, seconds: float, *, all_fragments: bool, seed: int = 0) -> None:
        """Search from where the sliders stand, in place of what goes on.

        Parameters
        ----------
        seconds : float
        all_fragments : bool
            Or that which is shown.
        seed : int
        """
        session = self.session
        self._give_up()
        try:
            request = SuggestRequest(session.setting, seconds=seconds, seed=seed, band=session.band)
        except SettingError as error:
            self.failed.emit(error)
            return
        dataset, search = session.dataset, self._search
        image_id = None if all_fragments else session.fragment.image_id

        given_up = threading.Event()
        journal = None if self._workspace is None else journal_in(self._workspace, image_id)

        def work(cancelled: CancelCheck, report: Report) -> Suggestion:
            return search(dataset, image_id, request, journal, report, cancelled, given_up.is_set)

        self._given_up = given_up
        self._stopped = False
        self._state = SuggestState(session.setting, seconds, time.monotonic())
        job: Job[Suggestion] = Job(session.post, "nx46-suggest")
        job.progressed.connect(self._take_progress)
        job.done.connect(self._take_result)
        job.failed.connect(self.failed)
        job.ended.connect(self.changed)
        self._job = job
        job.start(work)
        self.changed.emit()

    def stop(self) -> None:
        """End the search; what is best so far is kept."""
        if self._job is not None:
            self._stopped = True
            self._job.cancel()
            self.changed.emit()

    def take(self) -> None:
        """Set the sliders as they stand at the best."""
        if self._state is not None and self._state.best is not None:
            self._move(follows=True)

    def undo(self) -> None:
        """Set the sliders as they stood when the search began, and follow it no longer."""
        if self._state is not None:
            self._replace(follows=False)
            self.session.apply(self._state.before)
            self.changed.emit()

    def close(self) -> None:
        """Follow the session no longer."""
        self.session.setting_changed.disconnect(self._notice_moved, missing_ok=True)
        self._give_up()

    # ---- the search ------------------------------------------------------------------------

    def _take_progress(self, found: Found) -> None:
        self._replace(found=found)
        self._follow()

    def _take_result(self, suggestion: Suggestion) -> None:
        self._replace(suggestion=suggestion)
        self._follow()

    def _follow(self) -> None:
        if self._state is not None and self._state.follows:
            self._move(follows=True)
        else:
            self.changed.emit()

    def _move(self, *, follows: bool) -> None:
        self._replace(follows=follows)
        best = None if self._state is None else self._state.best
        if best is not None:
            self.session.apply(best)
        self.changed.emit()

    def _notice_moved(self, setting: Setting) -> None:
        """Follow no longer once somebody else has moved a slider."""
        state = self._state
        if state is not None and setting != state.best:
            self._replace(follows=False)
        self.changed.emit()

    def _replace(
        self,
        *,
        found: Found | None = None,
        suggestion: Suggestion | None = None,
        follows: bool | None = None,
    ) -> None:
        state = self._state
        if state is not None:
            self._state = SuggestState(
                state.before,
                state.seconds,
                state.begun,
                state.found if found is None else found,
                state.suggestion if suggestion is None else suggestion,
                state.follows if follows is None else follows,
            )

    def _give_up(self) -> None:
        job, self._job = self._job, None
        self._given_up.set()
        if job is not None:
            job.close()
