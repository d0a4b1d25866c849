"""One piece of work in a thread, with progress, that can be cancelled.

>>> from napari_nx46.run.job import Job
>>> posted = []
>>> job = Job(posted.append, "example")
>>> handle = job.done.connect(print)
>>> job.start(lambda cancelled, progress: 6 * 7)
>>> job.wait(10)
>>> for function in posted:
...     function()
42
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Executor, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from psygnal import Signal

from napari_nx46.voxels.workers import CancelCheck, Cancelled

__all__ = ["Job", "Post", "Progress", "Report", "Work"]

Result = TypeVar("Result")

Post = Callable[[Callable[[], None]], None]
"""Runs a function later in the owner's thread."""

Report = Callable[[Any], None]
"""Takes how far the work is; called from the thread that works."""

Work = Callable[[CancelCheck, Report], Result]
"""Returns the result, or raises; raises `Cancelled` soon after the first argument returned True."""


@dataclass(frozen=True, slots=True)
class Progress:
    """How much of a piece of work is done.

    Parameters
    ----------
    done, total : float
        In one unit, such as slices.
    """

    done: float
    total: float


class Job(Generic[Result]):
    """Does one piece of work in a thread; it is started once.

    All signals are emitted in the owner's thread. `ended` is followed by exactly one of `done`,
    `cancelled` and `failed`.

    Parameters
    ----------
    post : callable
        Runs a function later in the owner's thread.
    name : str
        Of the thread.
    executor : Executor, optional
        Has the thread, for jobs that follow each other; else the job has a thread of its own.

    Attributes
    ----------
    progressed : Signal(object)
        What the work reported. While one report waits for the owner, only the newest is kept.
    ended : Signal()
    done : Signal(object)
        The result.
    cancelled : Signal()
    failed : Signal(BaseException)
    """

    progressed = Signal(object)
    ended = Signal()
    done = Signal(object)
    cancelled = Signal()
    failed = Signal(BaseException)

    def __init__(self, post: Post, name: str, executor: Executor | None = None) -> None:
        self._post = post
        self._name = name
        self._executor = executor
        self._future: Future[Result] | None = None
        self._has_ended = False
        self._closed = False
        self._stop = threading.Event()
        self._newest: Any = None
        self._shown: Any = None
        self._is_posted = threading.Event()

    @property
    def running(self) -> bool:
        """Whether it was started and its end has not been signalled."""
        return self._future is not None and not self._has_ended

    def start(self, work: Work[Result]) -> None:
        """Begin, or wait for the jobs that the executor has to do before.

        Parameters
        ----------
        work : callable
            Takes a function that returns True once the work is to be given up, and a function that
            takes how far it is.

        Raises
        ------
        RuntimeError
            If it was started before.
        """
        if self._future is not None:
            raise RuntimeError(f"{self._name}: the job was started before, expected a new job")
        executor = self._executor or ThreadPoolExecutor(1, thread_name_prefix=self._name)
        self._future = executor.submit(work, self._stop.is_set, self._report)
        self._future.add_done_callback(lambda future: self._post(lambda: self._finish(future)))
        if self._executor is None:
            executor.shutdown(wait=False)

    def cancel(self) -> None:
        """Ask the work to stop; what cannot be given up any more is finished."""
        self._stop.set()

    def close(self) -> None:
        """Cancel, and emit nothing any more; does not wait for the thread."""
        self._closed = True
        self.cancel()

    def wait(self, seconds: float | None = None) -> None:
        """Wait until the thread has done its work; the signals are emitted later."""
        if self._future is not None:
            wait([self._future], seconds)

    def _report(self, progress: Any) -> None:
        self._newest = progress
        if not self._is_posted.is_set():
            self._is_posted.set()
            self._post(self._show_progress)

    def _show_progress(self) -> None:
        self._is_posted.clear()
        newest = self._newest
        if newest is not self._shown and not self._closed:
            self._shown = newest
            self.progressed.emit(newest)

    def _finish(self, future: Future[Result]) -> None:
        self._has_ended = True
        if self._closed:
            return
        self._show_progress()
        self.ended.emit()
        error = future.exception()
        if error is None:
            self.done.emit(future.result())
        elif isinstance(error, Cancelled):
            self.cancelled.emit()
        else:
            self.failed.emit(error)
