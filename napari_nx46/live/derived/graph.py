"""Values that follow the sliders: computed in workers by key, the newest request only.

Each `Value` says by a key what it depends on now, and how it is computed for a key. The `Graph`
has the threads, waits until the sliders rest, and computes what is asked for by priority.
Everything but the computing runs in the owner's thread.

>>> from napari_nx46.live.derived.graph import Graph, Value
>>> class Area(Value[int, int]):
...     side = 3
...
...     def key(self):
...         return self.side
...
...     def prepare(self, key):
...         return lambda cancelled: key * key
>>> posted = []
>>> graph = Graph(posted.append)
>>> area = graph.add(Area())
>>> area.touch()
>>> area.state.busy, graph.wait_until_idle(10)
(True, True)
>>> posted.pop()()
>>> area.state
State(result=9, stale=False, busy=False)
>>> graph.close()
"""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Hashable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from threading import Condition
from typing import Any, Generic, TypeVar

from psygnal import Signal

from napari_nx46.run.job import Post
from napari_nx46.voxels.ending import close_at_exit
from napari_nx46.voxels.workers import CancelCheck, Cancelled

__all__ = ["Graph", "State", "Value"]

Key = TypeVar("Key", bound=Hashable)
Result = TypeVar("Result")
AnyValue = TypeVar("AnyValue", bound="Value[Any, Any]")


@dataclass(frozen=True)
class State(Generic[Result]):
    """A result as it is known now.

    Parameters
    ----------
    result : Result, optional
        The newest one.
    stale : bool
        Whether it is not the one that is wanted.
    busy : bool
        Whether that one is being computed.
    """

    result: Result | None = None
    stale: bool = False
    busy: bool = False

    @property
    def is_current(self) -> bool:
        """Whether there is a result, and it is the one that is wanted."""
        return self.result is not None and not self.stale


class Value(ABC, Generic[Key, Result]):
    """A value that is computed again when its key changes.

    Parameters
    ----------
    rest_seconds : float
        For how long the key must not have changed before a worker begins.
    keep : int
        So many results are remembered: going back to a key shows its result at once.
    priority : int
        Of values that wait, the one with the lowest number is computed first.

    Attributes
    ----------
    changed : Signal(State)
    failed : Signal(BaseException)
        The computation raised this, and its result is still wanted.
    state : State
    begun : int
        How many computations were begun, stale ones included.
    """

    changed = Signal(State)
    failed = Signal(BaseException)

    def __init__(self, *, rest_seconds: float = 0.0, keep: int = 1, priority: int = 0) -> None:
        self.state: State[Result] = State()
        self.rest_seconds = rest_seconds
        self.priority = priority
        self.begun = 0
        self._keep = keep
        self._known: dict[Key, Result] = {}
        self._wanted: Key | None = None
        self._stopped_at: Key | None = None
        self._job: _Job | None = None
        self._graph: Graph | None = None

    @abstractmethod
    def key(self) -> Key | None:
        """Return what the value depends on now: where keys are equal, so are the results.

        None while an input is not known yet. Called often; must be quick.
        """

    @abstractmethod
    def prepare(self, key: Key) -> Callable[[CancelCheck], Result]:
        """Return the function that computes the result in a worker.

        It is called with a function that returns True once its result is not wanted any more, and
        may raise `Cancelled` then.
        """

    def is_ready(self) -> bool:
        """Return whether a worker may begin: kernels are compiled. Called from any thread.

        `Graph.wake` must be called when this changes.
        """
        return True

    @property
    def wanted(self) -> Key | None:
        """The key of the result that is shown or asked for."""
        return self._wanted

    def knows(self, key: Key) -> bool:
        """Return whether the result of a key is remembered."""
        return key in self._known

    def touch(self) -> None:
        """Ask for the result of the present key, unless it is known or asked for already."""
        if self._graph is None or self._graph.is_closed:
            return
        key = self.key()
        if key is not None and key == self._wanted:
            return
        self._cancel()
        self._wanted, self._stopped_at = key, None
        if key is None:
            self._publish(replace(self.state, stale=self.state.result is not None, busy=False))
        elif key in self._known:
            self._remember(key, self._known[key])
            self._publish(State(self._known[key]))
        else:
            self._job = self._graph.submit(self, key, self.prepare(key))
            self._publish(State(self.state.result, self.state.result is not None, busy=True))

    @property
    def given_up(self) -> bool:
        """Whether the result that is wanted is not computed, by `give_up`."""
        return self._wanted is not None and self._wanted == self._stopped_at

    def give_up(self) -> None:
        """Compute what is wanted no more; what is wanted next is computed, or this by `retry`."""
        if self.state.busy:
            self._cancel()
            self._stopped_at = self._wanted
            self._publish(replace(self.state, busy=False))

    def retry(self) -> None:
        """Compute what was given up."""
        if self.given_up:
            self._wanted = self._stopped_at = None
            self.touch()

    def clear(self) -> None:
        """Show no result until the next `touch`; those that are remembered stay so."""
        self._cancel()
        self._wanted = self._stopped_at = None
        self._publish(State())

    def drop_results(self) -> None:
        """Show no result, and remember none."""
        self._known.clear()
        self.clear()

    def attach(self, graph: Graph | None) -> None:
        """Belong to a graph, which calls this, or to none any more."""
        self._cancel()
        self._graph = graph

    def on_result(self, key: Key, result: Result) -> None:
        """Take a result; the graph calls this in the owner's thread."""
        self._remember(key, result)
        if key == self._wanted:
            self._publish(State(result))

    def on_error(self, key: Key, error: BaseException) -> None:
        """Take an error; the graph calls this in the owner's thread."""
        if key == self._wanted:
            self._publish(replace(self.state, busy=False))
            self.failed.emit(error)

    def _cancel(self) -> None:
        if self._job is not None and self._graph is not None:
            self._graph.cancel(self._job)
            self._job = None

    def _remember(self, key: Key, result: Result) -> None:
        """Keep the newest results, those that are looked at again being the newest."""
        self._known.pop(key, None)
        self._known[key] = result
        if len(self._known) > self._keep:
            del self._known[next(iter(self._known))]

    def _publish(self, state: State[Result]) -> None:
        if state != self.state:
            self.state = state
            self.changed.emit(state)


@dataclass(eq=False)
class _Job:
    """One computation that was asked for."""

    value: Value[Any, Any]
    key: Hashable
    compute: Callable[[CancelCheck], Any]
    due: float
    cancelled: bool = False


class Graph:
    """Computes values in threads of its own.

    Parameters
    ----------
    post : callable
        Runs a function later in the owner's thread; called from the workers.
    threads : int
    """

    def __init__(self, post: Post, *, threads: int = 2) -> None:
        self.values: list[Value[Any, Any]] = []
        self.is_closed = False
        self._post = post
        self._changed = Condition()
        self._waiting: list[_Job] = []
        self._running: list[_Job] = []
        self._then: Callable[[], object] | None = None
        self._executor = ThreadPoolExecutor(threads, thread_name_prefix="nx46-graph")
        close_at_exit(self.close)

    def add(self, value: AnyValue) -> AnyValue:
        """Compute a value from now on, and return it."""
        value.attach(self)
        self.values.append(value)
        self.values.sort(key=lambda one: one.priority)
        return value

    def remove(self, value: Value[Any, Any]) -> None:
        """Compute a value no longer; its state stays as it is."""
        if value in self.values:
            self.values.remove(value)
            value.attach(None)

    def touch(self) -> None:
        """Note that an input of some values may have changed."""
        for value in tuple(self.values):
            value.touch()

    def clear(self) -> None:
        """Show no results until the next `touch`: they are of something else."""
        for value in self.values:
            value.clear()

    def wake(self) -> None:
        """Note that a value may have become ready; called from any thread."""
        with self._changed:
            self._changed.notify_all()

    def wait_until_idle(
        self, timeout: float | None = None, value: Value[Any, Any] | None = None
    ) -> bool:
        """Wait until nothing is computed or waits; return False if that took too long.

        The last results may still have to pass through `post`.

        Parameters
        ----------
        timeout : float, optional
            In seconds.
        value : Value, optional
            Wait for this one only.
        """

        def is_idle() -> bool:
            jobs = (*self._running, *self._wanted())
            return not any(value is None or job.value is value for job in jobs)

        with self._changed:
            return self._changed.wait_for(is_idle, timeout)

    def close(self, then: Callable[[], object] = lambda: None) -> None:
        """Cancel everything and end the threads, without waiting for them.

        Parameters
        ----------
        then : callable
            Called once, in whatever thread, when nothing is computed any more.
        """
        with self._changed:
            if self.is_closed:
                return
            self.is_closed = True
            for value in self.values:
                value.attach(None)
            self._waiting.clear()
            idle = not self._running
            self._then = None if idle else then
            self._changed.notify_all()
        self._executor.shutdown(wait=False)
        if idle:
            then()

    def submit(
        self, value: Value[Any, Any], key: Hashable, compute: Callable[[CancelCheck], Any]
    ) -> _Job:
        """Have a result computed once the value's rest is over; `Value.touch` calls this."""
        job = _Job(value, key, compute, time.monotonic() + value.rest_seconds)
        taken: list[_Job] = []
        with self._changed:
            self._waiting.append(job)
            self._changed.notify_all()
            future = self._executor.submit(self._serve, taken)
        future.add_done_callback(lambda future: self._finish(future, taken))
        return job

    def cancel(self, job: _Job) -> None:
        """Drop a computation that waits, and have one that runs end soon."""
        with self._changed:
            job.cancelled = True
            self._changed.notify_all()

    # ---- in the workers --------------------------------------------------------------------

    def _serve(self, taken: list[_Job]) -> Any:
        """Compute the first job that may begin; note it in `taken`."""
        with self._changed:
            # One reading of the clock for both: a rest that ended between two would be missed.
            while not (job := self._startable(now := time.monotonic())):
                if not self._wanted():
                    self._changed.notify_all()
                    return None
                self._changed.wait(self._seconds_to_wait(now))
            self._waiting.remove(job)
            self._running.append(job)
        taken.append(job)
        job.value.begun += 1
        return job.compute(lambda: job.cancelled)

    def _wanted(self) -> list[_Job]:
        """Return what waits, without what was cancelled meanwhile."""
        self._waiting = [job for job in self._waiting if not job.cancelled]
        return self._waiting

    def _startable(self, now: float) -> _Job | None:
        busy = [job.value for job in self._running]
        due = [job for job in self._wanted() if job.due <= now and job.value not in busy]
        ready = [job for job in due if job.value.is_ready()]
        return min(ready, key=lambda job: job.value.priority, default=None)

    def _seconds_to_wait(self, now: float) -> float | None:
        """Return when the next rest is over; None where a notification comes before."""
        resting = [job.due - now for job in self._waiting if job.due > now]
        return min(resting, default=None)

    def _finish(self, future: Future[Any], taken: list[_Job]) -> None:
        if not taken:
            return
        (job,) = taken
        if not job.cancelled:
            self._post(lambda: self._deliver(job, future))
        with self._changed:
            self._running.remove(job)
            then = self._then if not self._running else None
            self._changed.notify_all()
        if then is not None:
            then()

    # ---- back in the owner's thread --------------------------------------------------------

    def _deliver(self, job: _Job, future: Future[Any]) -> None:
        if self.is_closed:
            return
        error = future.exception()
        if error is None:
            job.value.on_result(job.key, future.result())
        elif not isinstance(error, Cancelled):
            job.value.on_error(job.key, error)
        self.touch()
