"""Handing tasks to the lanes of a Dask cluster, and to others where a worker dies."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Iterator
from dataclasses import dataclass, field
from queue import Empty, SimpleQueue
from typing import Generic, NamedTuple, Protocol, TypeVar

from distributed import Client, Future
from distributed.scheduler import KilledWorker

from napari_nx46.campaign.execute.cluster import CLUSTER_GONE, CampaignError

__all__ = ["Call", "Dispatcher", "Lane", "Queue", "Work"]

LOOK_SECONDS = 0.5
"""How often the workers are looked after."""

FETCH_SECONDS = 10.0
"""A report that does not come within this time has gone with its worker."""

STOP_SECONDS = 20.0
NO_WORKER_SECONDS = 60.0
MOST_DEATHS = 3
"""A task during which so many workers have died is not tried again."""


class Lane(NamedTuple):
    """Part of a worker that computes one task at a time.

    Parameters
    ----------
    address : str
        Of the worker.
    number : int
        Among the lanes of the worker.
    """

    address: str
    number: int


class Keyed(Protocol):
    """A task that is known by a key."""

    @property
    def key(self) -> str:
        """No other task's."""


TaskT = TypeVar("TaskT", bound=Keyed)
ReportT = TypeVar("ReportT")
TaskT_contra = TypeVar("TaskT_contra", bound=Keyed, contravariant=True)


class Call(NamedTuple, Generic[ReportT]):
    """What is done on a worker.

    Parameters
    ----------
    function : callable
    arguments : tuple
        What travels with it: addresses and numbers, never volumes.
    """

    function: Callable[..., ReportT]
    arguments: tuple[object, ...]


class Queue(Protocol[TaskT]):
    """The tasks that wait."""

    @property
    def tasks_left(self) -> int:
        """How many tasks no lane has taken yet."""

    def take(self, lane: Hashable) -> TaskT | None:
        """Return the next task of a lane; None if there is none for it."""

    def give_back(self, tasks: Iterable[TaskT]) -> None:
        """Let tasks that were taken be taken again, before all others."""

    def close(self, lane: Hashable) -> None:
        """Let other lanes go on with what a lane that is gone was to do."""

    def clear(self) -> None:
        """Leave out all tasks that were not taken."""


class Work(Protocol[TaskT_contra, ReportT]):
    """What the tasks do, and how one that did not end well is reported."""

    def call(self, lane: Lane, task: TaskT_contra) -> Call[ReportT]:
        """Return what a task does in a lane."""

    def failed(self, task: TaskT_contra, reason: str) -> ReportT:
        """Return the report of a task that raised."""

    def died(self, task: TaskT_contra, deaths: int) -> ReportT:
        """Return the report of a task during which so many workers died."""

    def stop(self, client: Client) -> None:
        """Let what is computed on the workers end soon."""


@dataclass(eq=False)
class _LaneState(Generic[TaskT, ReportT]):
    """The tasks that a lane was handed, in order: the first is being computed."""

    depth: int
    in_flight: dict[str, tuple[TaskT, Future[ReportT]]] = field(default_factory=dict)


class Dispatcher(Generic[TaskT, ReportT]):
    """Keeps every lane of a cluster busy with the tasks of a queue.

    A worker of one lane has its next task waiting at its side while it computes, so that it never
    waits for a round trip. Tasks are pinned to their worker, which holds what they share.

    Parameters
    ----------
    client : distributed.Client
    name : str
        No other dispatcher's.
    queue : Queue
    work : Work
    one_lane : bool
        Whether a worker is one lane, however many threads it has; else each thread is one.
    """

    def __init__(
        self,
        client: Client,
        name: str,
        queue: Queue[TaskT],
        work: Work[TaskT, ReportT],
        *,
        one_lane: bool,
    ) -> None:
        self._client = client
        self._name = name
        self._queue = queue
        self._work = work
        self._one_lane = one_lane
        self._lanes: dict[Lane, _LaneState[TaskT, ReportT]] = {}
        self._lane_of: dict[str, Lane] = {}
        self._ended: SimpleQueue[str | None] = SimpleQueue()
        self._deaths: Counter[str] = Counter()
        self._next_look = 0.0
        self._last_worker = time.monotonic()
        self._submitted = 0

    @property
    def lanes(self) -> int:
        """How many lanes there are now."""
        return len(self._lanes)

    @property
    def computing(self) -> list[TaskT]:
        """The tasks that are being computed."""
        heads = (next(iter(state.in_flight.values()), None) for state in self._lanes.values())
        return [head[0] for head in heads if head is not None]

    @property
    def idle(self) -> bool:
        """Whether nothing is in flight and nothing waits."""
        return not self._lane_of and not self._queue.tasks_left

    def wake(self) -> None:
        """Let `step` return at once; may be called from any thread."""
        self._ended.put(None)

    def step(self) -> Iterator[tuple[TaskT, ReportT]]:
        """Hand out tasks, wait a moment at most, and yield the reports that have come.

        Yields
        ------
        (task, report)
            Each task once.

        Raises
        ------
        CampaignError
            If the cluster is gone, or has had no worker for long.
        """
        yield from self._look_after_workers()
        self._fill()
        if self._lane_of or self._queue.tasks_left:
            for number in self._numbers_ended():
                yield from self._collect(number)

    def stop(self) -> None:
        """Give up: what is computed ends between two tiles, what waits is left out."""
        self._queue.clear()
        try:
            self._work.stop(self._client)
        except CLUSTER_GONE:
            return  # and its tasks with it
        deadline = time.monotonic() + STOP_SECONDS
        while self._lane_of and time.monotonic() < deadline and self._has_workers():
            for number in self._numbers_ended():
                self._taken_out(number)
        self._client.cancel([future for _, future in self._in_flight()])

    # ---- workers ---------------------------------------------------------------------------

    def _look_after_workers(self) -> Iterator[tuple[TaskT, ReportT]]:
        """Open the lanes of new workers, close those of dead ones."""
        now = time.monotonic()
        if now < self._next_look:
            return
        self._next_look = now + LOOK_SECONDS
        threads = self._threads()
        if threads:
            self._last_worker = now
        elif now - self._last_worker > NO_WORKER_SECONDS:
            raise CampaignError(
                f"the cluster has had no worker for {NO_WORKER_SECONDS:.0f} s; start one, and give "
                "the command again: what is done is kept"
            )
        lanes = {address: 1 if self._one_lane else count for address, count in threads.items()}
        wanted = {Lane(address, n) for address, count in lanes.items() for n in range(count)}
        for lane in [lane for lane in self._lanes if lane not in wanted]:
            yield from self._close(lane)
        for lane in sorted(wanted - self._lanes.keys()):
            self._lanes[lane] = _LaneState(depth=2 if lanes[lane.address] == 1 else 1)

    def _has_workers(self) -> bool:
        """Return whether a worker is left that has a task."""
        try:
            threads = self._threads()
        except CampaignError:
            return False
        return any(lane.address in threads for lane in self._lane_of.values())

    def _threads(self) -> dict[str, int]:
        try:
            found: dict[str, int] = self._client.nthreads()
        except CLUSTER_GONE as error:
            raise _lost_cluster(str(error)) from error
        if self._client.status != "running":
            raise _lost_cluster(str(self._client.status))
        return found

    def _close(self, lane: Lane) -> Iterator[tuple[TaskT, ReportT]]:
        """Give the tasks of a lane whose worker is gone to others."""
        state = self._lanes.pop(lane)
        self._queue.close(lane)
        tasks = [task for task, _ in state.in_flight.values()]
        self._client.cancel([future for _, future in state.in_flight.values()], force=True)
        for number in state.in_flight:
            del self._lane_of[number]
        for task in reversed(tasks):
            yield from self._try_again(task, blamed=task is tasks[0])

    def _try_again(self, task: TaskT, *, blamed: bool) -> Iterator[tuple[TaskT, ReportT]]:
        self._deaths[task.key] += blamed
        if self._deaths[task.key] < MOST_DEATHS:
            self._queue.give_back([task])
        else:
            yield task, self._work.died(task, MOST_DEATHS)

    # ---- tasks -----------------------------------------------------------------------------

    def _fill(self) -> None:
        for lane, state in self._lanes.items():
            while len(state.in_flight) < state.depth:
                task = self._queue.take(lane)
                if task is None:
                    break
                self._submit(lane, state, task)

    def _submit(self, lane: Lane, state: _LaneState[TaskT, ReportT], task: TaskT) -> None:
        self._submitted += 1
        number = f"{self._name}-{self._submitted}"
        call = self._work.call(lane, task)
        future = self._client.submit(
            call.function,
            *call.arguments,
            key=number,
            workers=[lane.address],
            allow_other_workers=False,
            pure=False,
        )
        state.in_flight[number] = (task, future)
        self._lane_of[number] = lane
        future.add_done_callback(lambda ended: self._ended.put(ended.key))

    def _numbers_ended(self) -> list[str]:
        """Wait a moment for a task to end; return all that have."""
        ended = []
        try:
            ended.append(self._ended.get(timeout=LOOK_SECONDS))
            while True:
                ended.append(self._ended.get_nowait())
        except Empty:
            return [number for number in ended if number is not None]

    def _collect(self, number: str) -> Iterator[tuple[TaskT, ReportT]]:
        taken = self._taken_out(number)
        if taken is None:
            return  # its lane was closed before
        task, future = taken
        report = self._report_of(task, future)
        if report is None:
            yield from self._try_again(task, blamed=True)
        else:
            yield task, report

    def _taken_out(self, number: str) -> tuple[TaskT, Future[ReportT]] | None:
        lane = self._lane_of.pop(number, None)
        return None if lane is None else self._lanes[lane].in_flight.pop(number)

    def _in_flight(self) -> list[tuple[TaskT, Future[ReportT]]]:
        return [pair for state in self._lanes.values() for pair in state.in_flight.values()]

    def _report_of(self, task: TaskT, future: Future[ReportT]) -> ReportT | None:
        """Return the report of a task that has ended; None if it went with its worker."""
        try:
            if future.status == "error":
                error = future.exception(timeout=FETCH_SECONDS)
                if isinstance(error, KilledWorker):
                    return None
                return self._work.failed(task, f"{type(error).__name__}: {error}")
            if future.status != "finished":
                return None
            report: ReportT = future.result(timeout=FETCH_SECONDS)
        except CLUSTER_GONE:  # or it timed out
            return None
        return report


def _lost_cluster(reason: str) -> CampaignError:
    return CampaignError(
        f"the cluster is gone ({reason}); give the command again to go on: what is done is kept"
    )
