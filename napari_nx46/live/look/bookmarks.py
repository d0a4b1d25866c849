"""Bookmarks: positions with a note, kept in the workspace by a thread of their own."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

from psygnal import Signal

from napari_nx46.files.atomic import write_beside
from napari_nx46.files.workspace import Bookmark, Workspace
from napari_nx46.run.csv_text import csv_bytes
from napari_nx46.run.job import Job, Post

__all__ = ["Bookmarks", "bookmarks_csv"]

THREAD_NAME = "nx46-bookmarks"
COLUMNS = ("image_id", "z", "y", "x", "note", "time")

Kept = tuple[Bookmark, ...]
Task = Callable[[Workspace], object]


class Bookmarks:
    """The bookmarks of a data set; without a workspace they last as long as the session.

    Parameters
    ----------
    path : Path, optional
        The workspace file; made when the first bookmark is kept.
    post : callable
        Runs a function later in the owner's thread.

    Attributes
    ----------
    all : tuple of Bookmark
        In the order in which they were made.
    changed : Signal(tuple)
        There are others.
    failed : Signal(BaseException)
        They could not be read or kept.
    """

    changed = Signal(tuple)
    failed = Signal(BaseException)

    def __init__(self, path: Path | None, post: Post) -> None:
        self.all: Kept = ()
        self._path = path
        self._post = post
        self._jobs: set[Job[Kept]] = set()
        self._executor = ThreadPoolExecutor(1, thread_name_prefix=THREAD_NAME)
        self._closed = False

    def read(self) -> None:
        """Read them from the workspace, if there is one."""
        if self._path is not None:
            self._submit(None)

    def add(self, bookmark: Bookmark) -> None:
        """Keep a bookmark as a new one."""
        if self._path is None:
            number = 1 + max((one.id or 0 for one in self.all), default=0)
            self._show((*self.all, replace(bookmark, id=number)))
        else:
            self._submit(lambda workspace: workspace.bookmarks.add(bookmark))

    def change_note(self, bookmark: Bookmark, note: str) -> None:
        """Give a bookmark another note."""
        changed = replace(bookmark, note=note)
        if self._path is None:
            self._show(tuple(changed if one.id == bookmark.id else one for one in self.all))
        else:
            self._submit(lambda workspace: workspace.bookmarks.change(changed))

    def remove(self, bookmarks: Iterable[Bookmark]) -> None:
        """Forget bookmarks; those that are not there any more are ignored."""
        numbers = {one.id for one in bookmarks if one.id is not None}
        if self._path is None:
            self._show(tuple(one for one in self.all if one.id not in numbers))
        else:
            self._submit(lambda workspace: workspace.bookmarks.remove(numbers))

    def save_to(self, path: Path) -> None:
        """Write all of them to another workspace file as well.

        Raises
        ------
        WorkspaceError
            If they cannot be written.
        """
        with Workspace.open(path, check_pages=False) as workspace:
            for bookmark in self.all:
                workspace.bookmarks.add(bookmark)

    def export(self, target: Path) -> None:
        """Write all of them as CSV.

        Raises
        ------
        WriteError
            If the file cannot be written.
        """
        with write_beside(target) as partial:
            partial.write_bytes(bookmarks_csv(self.all))

    def close(self) -> None:
        """Take nothing on any more; what is to be kept is kept."""
        self._closed = True
        for job in self._jobs:
            job.close()
        self._executor.shutdown(wait=False)

    def _submit(self, task: Task | None) -> None:
        if self._closed or self._path is None:
            return
        path = self._path
        job: Job[Kept] = Job(self._post, THREAD_NAME, self._executor)
        self._jobs.add(job)
        job.ended.connect(lambda: self._jobs.discard(job))
        job.done.connect(self._show)
        job.failed.connect(self._fail)
        job.start(lambda cancelled, report: _kept_after(path, task))

    def _fail(self, error: BaseException) -> None:
        self.failed.emit(error)

    def _show(self, bookmarks: Kept) -> None:
        if bookmarks != self.all:
            self.all = bookmarks
            self.changed.emit(bookmarks)


def bookmarks_csv(bookmarks: Iterable[Bookmark]) -> bytes:
    """Return bookmarks as CSV: fragment, z, y, x, note and time, one a line."""
    rows = (
        (one.image_id, one.z, one.y, one.x, one.note, one.time.isoformat()) for one in bookmarks
    )
    return csv_bytes(COLUMNS, rows)


def _kept_after(path: Path, task: Task | None) -> Kept:
    """Do a task to the workspace, and return the bookmarks in it then."""
    if task is None and not path.exists():
        return ()
    with Workspace.open(path, check_pages=False) as workspace:
        if task is not None:
            task(workspace)
        return workspace.bookmarks.all()
