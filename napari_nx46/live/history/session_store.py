"""A session's history and its workspace file: found again at the beginning, kept while it goes on.

The small things, sliders and pins among them, are read at once. The history, which may hold
thousands of pictures, is read in a thread; what is done before it has come is added to it then.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from functools import partial
from pathlib import Path

from psygnal import Signal
from pydantic import JsonValue

from napari_nx46.files.workspace import Workspace, WorkspaceError
from napari_nx46.live.history.autosave import Autosave
from napari_nx46.live.history.entries import CallLater, History, HistoryRecorder
from napari_nx46.live.history.restore import RestoredState, restore, resume
from napari_nx46.live.landscape.kept import Landscapes
from napari_nx46.live.masks.pins import Pins
from napari_nx46.live.session import Session
from napari_nx46.run.job import Post
from napari_nx46.run.landscape.landscape import Landscape
from napari_nx46.setting import Setting
from napari_nx46.voxels.corrections.corrections import Corrections

__all__ = ["SessionStore"]


class SessionStore:
    """Keeps what a user does, and brings it back.

    Everything but the reading of the history runs in the session's own thread.

    Parameters
    ----------
    session : Session
    pins : Pins
    path : Path, optional
        The workspace file, made where there is none. None keeps nothing beyond the session;
        neither does a file that cannot be used, which is reported.
    post : callable
        Runs a function later in the session's thread.
    call_later : callable
        Runs a function so many seconds later in the session's thread, unless it is cancelled.

    Attributes
    ----------
    history : History
        There from the beginning; what was kept comes into it after `begin`.
    landscapes : Landscapes
        Scores over one or two knobs; those that were kept come with the history.
    failed : Signal(BaseException)
        The workspace cannot be used, or not be written.
    problem : Signal(str)
        Something that was kept is left out, in one sentence.
    """

    failed = Signal(BaseException)
    problem = Signal(str)

    def __init__(
        self,
        session: Session,
        pins: Pins,
        path: Path | None,
        *,
        post: Post,
        call_later: CallLater,
    ) -> None:
        self.history = History()
        self.landscapes = Landscapes()
        self._session = session
        self._pins = pins
        self._path = path
        self._post = post
        self._call_later = call_later
        self._recorder: HistoryRecorder | None = None
        self._autosave: Autosave | None = None
        self._view: dict[str, JsonValue] = {}
        self._reported: set[str] = set()
        self._closed = False

    @property
    def path(self) -> Path | None:
        """The workspace file; None where nothing is kept."""
        return self._path

    @property
    def begun(self) -> bool:
        """Whether the history is there, and what is done is recorded."""
        return self._recorder is not None

    def begin(self) -> RestoredState:
        """Bring the session and the pins to where they were, and go on from there.

        Returns
        -------
        RestoredState
            Without the history; empty where nothing was kept.
        """
        state = self._restore()
        resume(self._session, state)
        for letter, setting in state.pins.items():
            corrections = state.pinned_corrections.get(letter)
            self._pins.pin(letter, setting, corrections=corrections)
        if self._path is None:
            self._go_on(RestoredState())
        else:
            path = self._path
            thread = threading.Thread(
                target=lambda: self._read_history(path), name="nx46-history", daemon=True
            )
            thread.start()
        return state

    def undo(self) -> bool:
        """Go one setting back; return whether there was an older one."""
        return self._recorder is not None and self._recorder.undo()

    def redo(self) -> bool:
        """Go one setting forth; return whether there was one."""
        return self._recorder is not None and self._recorder.redo()

    def jump(self, index: int) -> None:
        """Go to any entry of the history.

        Raises
        ------
        IndexError
            If there is none of that index.
        """
        if self._recorder is None:
            raise IndexError(f"no entry {index}: the history is not there yet")
        self._recorder.jump(index)

    def note_view(self, view: Mapping[str, JsonValue]) -> None:
        """Note where the canvas looks, see `Autosave.note_view`."""
        self._view = {**self._view, **view}
        if self._autosave is not None:
            self._autosave.note_view(self._view)

    def save_to(self, path: Path) -> bool:
        """Write all there is to a new workspace file, and wait; return whether all of it is kept.

        Parameters
        ----------
        path : Path
            What is done later is not written there.
        """
        autosave = Autosave(self._session, path, self.history, post=self._post)
        autosave.failed.connect(self._fail)
        self._note_all(autosave)
        return autosave.close()

    def flush(self) -> bool:
        """Write what is not written yet, and wait for it; return whether all of it is kept."""
        return self._autosave is None or self._autosave.flush()

    def close(self) -> None:
        """Write what is left, and follow nothing any more."""
        if self._closed:
            return
        self._closed = True
        self._pins.changed.disconnect(self._note_pins, missing_ok=True)
        self.landscapes.changed.disconnect(self._note_landscape, missing_ok=True)
        if self._recorder is not None:
            self._recorder.close()
        if self._autosave is not None:
            self._autosave.close()

    # ---- reading ---------------------------------------------------------------------------

    def _restore(self) -> RestoredState:
        """Read all but the history; where that fails nothing is kept from now on."""
        if self._path is None:
            return RestoredState()
        try:
            # The thread that reads the history checks the pages, before anything is written.
            with Workspace.open(self._path, check_pages=False) as workspace:
                state = restore(self._session, workspace, with_history=False)
        except WorkspaceError as error:
            self._path = None
            self.failed.emit(error)
            return RestoredState()
        self._notify_problems(state)
        return state

    def _read_history(self, path: Path) -> None:
        try:
            with Workspace.open(path) as workspace:
                state = restore(self._session, workspace)
        except WorkspaceError as error:
            self._post(partial(self._on_error, error))
        else:
            self._post(lambda: self._go_on(state))

    def _on_error(self, error: WorkspaceError) -> None:
        self._path = None
        if not self._closed:
            self.failed.emit(error)
            self._go_on(RestoredState())

    def _go_on(self, state: RestoredState) -> None:
        """Take up the history; record and write what is done from now on."""
        if self._closed:
            return
        self._notify_problems(state)
        self.history.go_on_from(state.history, state.history_position)
        self._recorder = HistoryRecorder(self._session, self.history, self._call_later)
        if self._path is not None:
            self._autosave = Autosave(self._session, self._path, self.history, post=self._post)
            self._autosave.failed.connect(self._fail)
            self._note_all(self._autosave)
            self._pins.changed.connect(self._note_pins)
            self.landscapes.changed.connect(self._note_landscape)
            self.landscapes.take_up(state.landscapes)

    def _fail(self, error: BaseException) -> None:
        self.failed.emit(error)

    def _notify_problems(self, state: RestoredState) -> None:
        for problem in state.problems:
            if problem not in self._reported:
                self._reported.add(problem)
                self.problem.emit(problem)

    def _note_all(self, autosave: Autosave) -> None:
        autosave.note_everything()
        autosave.note_view(self._view)
        autosave.note_pins(*self._pinned())
        for landscape in self.landscapes:
            autosave.note_landscape(landscape)

    def _note_landscape(self, landscape: Landscape) -> None:
        if self._autosave is not None:
            self._autosave.note_landscape(landscape)

    def _note_pins(self) -> None:
        if self._autosave is not None:
            self._autosave.note_pins(*self._pinned())

    def _pinned(
        self,
    ) -> tuple[dict[str, Setting], dict[str, Mapping[str, Corrections]]]:
        pins = tuple(self._pins)
        settings = {pin.letter: pin.setting for pin in pins}
        return settings, {pin.letter: pin.corrections for pin in pins}
