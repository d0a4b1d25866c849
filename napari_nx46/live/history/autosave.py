"""Keeping a session in its workspace while it goes on, and finding it there again.

What changes is noted in the session's thread, which costs no more than a reference; a writer
thread with a connection of its own writes the newest of it, at most a second later.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from pathlib import Path

from psygnal import Signal
from pydantic import JsonValue

from napari_nx46.files.workspace import HistoryEntry, Workspace, WorkspaceError
from napari_nx46.live.history.entries import History
from napari_nx46.live.history.restore import RestoredState, restore, resume
from napari_nx46.live.landscape.coding import saved_landscape
from napari_nx46.live.session import Session
from napari_nx46.run.job import Post
from napari_nx46.run.landscape.landscape import Landscape
from napari_nx46.setting import Setting
from napari_nx46.voxels.corrections.corrections import Corrections

__all__ = ["Autosave", "RestoredState", "restore", "resume"]

DELAY_SECONDS = 0.5
"""For so long changes are gathered before they are written: less than the second that may be
lost, by what the writing itself may take."""

PATIENCE_SECONDS = 10.0
"""For how long `Autosave.close` waits for the last writing."""

_RETRY_SECONDS = 2.0

Write = Callable[[Workspace], None]


class Autosave:
    """Writes what a user does to the workspace, in a thread of its own.

    Everything but the writing runs in the session's own thread.

    Parameters
    ----------
    session : Session
        Its setting, fragment, slice and accepted settings are followed.
    path : Path
        The workspace file; made where there is none.
    history : History
        Followed too. Its present entries count as written where the file has them.
    post : callable
        Runs a function later in the session's thread; there `failed` is emitted.
    delay_seconds : float
        For how long changes are gathered before they are written.

    Attributes
    ----------
    failed : Signal(BaseException)
        The workspace could not be written. It is reported once, and again only when writing has
        succeeded in between; until then what is to be written is kept, and tried again. What
        could never be written, e.g. a figure that is no number, is reported and let go.
    """

    failed = Signal(BaseException)

    def __init__(
        self,
        session: Session,
        path: Path,
        history: History,
        *,
        post: Post,
        delay_seconds: float = DELAY_SECONDS,
    ) -> None:
        self._session = session
        self._history = history
        self._place: dict[str, JsonValue] = {}
        self._view: dict[str, JsonValue] = {}
        self._accepted = frozenset(session.accepted)
        """Fragments whose setting was accepted at some time in this sitting."""
        self._history_rows = _HistoryRows(history.entries)
        self._writer = _Writer(
            path, lambda error: post(lambda: self.failed.emit(error)), delay_seconds
        )
        self._closed = False
        session.setting_changed.connect(self._note_setting)
        session.accepted_changed.connect(self._note_accepted)
        session.corrections.changed.connect(self._note_corrections)
        session.fragment_changed.connect(self._note_place)
        session.figures_changed.connect(self._note_place)
        history.changed.connect(self._note_history)

    def note_view(self, view: Mapping[str, JsonValue]) -> None:
        """Note where the canvas looks.

        Parameters
        ----------
        view : mapping
            E.g. ``camera_zoom`` (a number) and ``camera_center`` (two or three, along z, y, x).
            ``image_id`` and ``z`` are followed without being reported; what is not given stays.
        """
        self._view = {**self._view, **view}
        self._place = self._followed_place()
        self._note_whole_view()

    def note_pins(
        self,
        pins: Mapping[str, Setting],
        corrections: Mapping[str, Mapping[str, Corrections]] | None = None,
    ) -> None:
        """Note all pinned settings by their letters, A to Z.

        Parameters
        ----------
        pins : mapping of str to Setting
        corrections : mapping, optional
            What was corrected by hand when they were pinned, by letter and image_id.
        """
        frozen = corrections or {}
        kept = {letter: (setting, frozen.get(letter, {})) for letter, setting in pins.items()}
        self._note("pins", lambda workspace: _write_pins(workspace, kept))

    def note_landscape(self, landscape: Landscape) -> None:
        """Note a landscape of the score, in place of that of the same fragment and knobs."""
        request = landscape.request
        self._note(
            f"landscape {request.image_id} {request.names}",
            lambda workspace: workspace.landscapes.keep(saved_landscape(landscape)),
        )

    def note_state(self, key: str, value: JsonValue) -> None:
        """Note anything else that is to be found again by `Workspace.state`."""
        self._note(f"state {key}", lambda workspace: workspace.save_state(key, value))

    def note_everything(self) -> None:
        """Note what the session and the history hold now, as if all of it had changed."""
        read_as: JsonValue = {**self._session.dataset.read_as.recorded()}
        self.note_state("read_as", read_as)
        self._note_setting(self._session.setting)
        self._note_accepted()
        for image_id in self._session.corrections.by_fragment:
            self._note_corrections(image_id)
        self._note_place()
        self._note_history()

    def flush(self, timeout: float | None = PATIENCE_SECONDS) -> bool:
        """Write now, and wait for it.

        Returns
        -------
        bool
            Whether everything that was reported before is in the file.
        """
        return self._writer.flush(timeout)

    def close(self, timeout: float | None = PATIENCE_SECONDS) -> bool:
        """Follow nothing any more, write what is left and end the thread; see `flush`."""
        if not self._closed:
            self._closed = True
            self._session.setting_changed.disconnect(self._note_setting)
            self._session.accepted_changed.disconnect(self._note_accepted)
            self._session.corrections.changed.disconnect(self._note_corrections)
            self._session.fragment_changed.disconnect(self._note_place)
            self._session.figures_changed.disconnect(self._note_place)
            self._history.changed.disconnect(self._note_history)
        return self._writer.close(timeout)

    # ---- following -------------------------------------------------------------------------

    def _note_setting(self, setting: Setting) -> None:
        self._note(
            "setting",
            lambda workspace: workspace.save_state("setting", setting.model_dump(mode="json")),
        )

    def _note_accepted(self) -> None:
        """Follow the accepted settings; those of fragments that are not open now stay kept."""
        accepted = dict(self._session.accepted)
        corrections = dict(self._session.accepted_corrections)
        self._accepted |= accepted.keys()
        withdrawn = self._accepted - accepted.keys()

        def write(workspace: Workspace) -> None:
            with workspace.transaction():
                workspace.remove_accepted(withdrawn)
                workspace.set_accepted(accepted, corrections)

        self._note("accepted", write)

    def _note_corrections(self, image_id: str) -> None:
        corrections = self._session.corrections.of(image_id)
        self._note(
            f"corrections of {image_id}",
            lambda workspace: workspace.set_corrections(image_id, corrections),
        )

    def _note_place(self) -> None:
        place = self._followed_place()
        if place != self._place:
            self._place = place
            self._note_whole_view()

    def _followed_place(self) -> dict[str, JsonValue]:
        """Return fragment and slice; the latter changes only while slices along z are shown."""
        fragment, (z, *_) = self._session.fragment, self._session.view.plane
        place: dict[str, JsonValue] = {**self._place, "image_id": fragment.image_id}
        if z.stop - z.start == 1:
            place["z"] = z.start
        return place

    def _note_whole_view(self) -> None:
        view: JsonValue = {**self._view, **self._place}
        self._note("view", lambda workspace: workspace.save_state("view", view))

    def _note_history(self) -> None:
        entries, current = self._history.entries, self._history.current
        position = None if current is None else current.id
        self._note(
            "history", lambda workspace: self._history_rows.write(workspace, entries, position)
        )

    def _note(self, key: str, write: Write) -> None:
        if not self._closed:
            self._writer.put(key, write)


class _HistoryRows:
    """Writes the difference between a history and what the file has of it; in the writer's thread.

    Parameters
    ----------
    entries : tuple of HistoryEntry
        Those that the history began with.
    """

    def __init__(self, entries: tuple[HistoryEntry, ...]) -> None:
        self._first = entries
        self._written: dict[str, HistoryEntry] | None = None

    def write(
        self, workspace: Workspace, entries: tuple[HistoryEntry, ...], position: str | None
    ) -> None:
        """Write new and changed entries, and remove those that the history has dropped.

        Entries of the file that the history never had are left alone: they are another program's,
        or of fragments that are not open now.
        """
        written = self._written
        if written is None:
            there = workspace.history_ids()
            written = {entry.id: entry for entry in self._first if entry.id in there}
        present = {entry.id: entry for entry in entries}
        with workspace.transaction():
            workspace.remove_history(written.keys() - present.keys())
            for entry in entries:
                if written.get(entry.id) is not entry:
                    workspace.add_history(entry)
            workspace.save_state("history_position", position)
        self._written = present


def _write_pins(
    workspace: Workspace, pins: Mapping[str, tuple[Setting, Mapping[str, Corrections]]]
) -> None:
    """Write the pins that changed, so that the others keep the time when they were pinned."""
    with workspace.transaction():
        kept = {pin.letter: (pin.setting, pin.corrections) for pin in workspace.pins()}
        for letter in kept.keys() - pins.keys():
            workspace.remove_pin(letter)
        for letter, (setting, corrections) in pins.items():
            if kept.get(letter) != (setting, corrections):
                workspace.set_pin(letter, setting, corrections=corrections)


class _Writer:
    """A thread that writes the newest of what was put under each key.

    Parameters
    ----------
    path : Path
    fail : callable
        Called in the thread with the first error since writing last succeeded.
    delay_seconds : float
    """

    def __init__(
        self, path: Path, fail: Callable[[BaseException], None], delay_seconds: float
    ) -> None:
        self._path = path
        self._fail = fail
        self._delay_seconds = delay_seconds
        self._changed = threading.Condition()
        self._waiting: dict[str, Write] = {}
        self._begun = self._finished = 0
        self._urgent = self._ending = self._failing = self._retrying = False
        # A daemon: a disk that hangs must not keep the program from ending.
        self._thread = threading.Thread(target=self._run, name="nx46-autosave", daemon=True)
        self._thread.start()

    def put(self, key: str, write: Write) -> None:
        """Have something written, in place of what was put under the same key."""
        with self._changed:
            self._waiting[key] = write
            self._changed.notify_all()

    def flush(self, timeout: float | None) -> bool:
        """Write at once; return whether all that was put is written."""
        with self._changed:
            target = self._begun
            if self._waiting and not self._ending:
                target += 1
                self._urgent = True
                self._changed.notify_all()
            done = self._changed.wait_for(lambda: self._finished >= target, timeout)
            return done and not self._failing and not self._waiting

    def close(self, timeout: float | None) -> bool:
        """Write what is left and end the thread; return whether all that was put is written."""
        with self._changed:
            self._ending = True
            self._changed.notify_all()
        self._thread.join(timeout)
        with self._changed:
            return not (self._thread.is_alive() or self._failing or self._waiting)

    # ---- in the thread ---------------------------------------------------------------------

    def _run(self) -> None:
        workspace: Workspace | None = None
        try:
            going_on = True
            while going_on:
                going_on = self._wait_for_work()
                workspace = self._write_waiting(workspace)
        finally:
            if workspace is not None:
                workspace.close()

    def _wait_for_work(self) -> bool:
        """Wait until something has waited for long enough; return False to write a last time."""
        with self._changed:
            self._changed.wait_for(lambda: bool(self._waiting) or self._ending)
            delay = _RETRY_SECONDS if self._retrying else self._delay_seconds
            self._changed.wait_for(lambda: self._urgent or self._ending, delay)
            return not self._ending

    def _write_waiting(self, workspace: Workspace | None) -> Workspace | None:
        """Write what waits; return the workspace, which is opened for the first of it."""
        with self._changed:
            writes, self._waiting, self._urgent = self._waiting, {}, False
            self._begun += 1
        kept: dict[str, Write] = {}
        error: BaseException | None = None
        if writes and workspace is None:
            try:
                # Whoever read the history has checked the pages.
                workspace = Workspace.open(self._path, check_pages=False)
            except WorkspaceError as caught:
                kept, error = writes, caught
        if workspace is not None:
            kept, error = _write_each(workspace, writes)
        with self._changed:
            self._waiting = {**kept, **self._waiting}
            is_new = error is not None and not self._failing
            self._retrying = bool(kept)
            self._failing = error is not None or (self._failing and not writes)
            self._finished += 1
            self._changed.notify_all()
        if is_new and error is not None:
            self._fail(error)
        return workspace


def _write_each(
    workspace: Workspace, writes: Mapping[str, Write]
) -> tuple[dict[str, Write], BaseException | None]:
    """Do every write, each as a whole; return those to be tried again, and the first error."""
    kept: dict[str, Write] = {}
    errors: list[BaseException] = []
    for key, write in writes.items():
        try:
            write(workspace)
        except WorkspaceError as error:
            kept[key] = write
            errors.append(error)
        except ValueError as error:
            errors.append(error)
    return kept, errors[0] if errors else None
