"""Where tiles are computed: on the lanes of a Dask cluster."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from types import TracebackType
from typing import Self

from distributed import Client

from napari_nx46.campaign.execute.cluster import (
    CLUSTER_GONE,
    CampaignError,
    ClusterChoice,
    connected,
)
from napari_nx46.campaign.execute.dispatch import Dispatcher
from napari_nx46.scale.execute.inputs import TileJob
from napari_nx46.scale.execute.stages import TileQueue, runs_of
from napari_nx46.scale.execute.tasks import (
    TileBatch,
    TilePlugin,
    TileReport,
    TileTask,
    TileTasks,
)
from napari_nx46.scale.plan.errors import ApplyError

__all__ = ["ClusterLanes", "StartedCluster"]


class StartedCluster:
    """A cluster that is made, and closed, in the background: both take seconds of waiting.

    Use it as a context manager, at whose end it is closed.

    Parameters
    ----------
    choice : ClusterChoice
    """

    def __init__(self, choice: ClusterChoice) -> None:
        self.choice = choice
        self._stack = ExitStack()
        self._thread = ThreadPoolExecutor(1, "nx46-cluster")
        self._client: Future[Client] = self._thread.submit(
            lambda: self._stack.enter_context(connected(choice, [TilePlugin.__module__]))
        )
        self._closed: Future[None] | None = None

    def client(self) -> Client:
        """Return what is connected to it, once it is there.

        Raises
        ------
        ApplyError
            If it cannot be reached.
        """
        try:
            return self._client.result()
        except CampaignError as error:
            raise ApplyError(str(error)) from error

    def before_closing(self, call: Callable[[], None]) -> None:
        """Have something called before the client is closed."""
        self._stack.callback(call)

    def begin_to_close(self) -> None:
        """Let it end while something else is done."""
        if self._closed is None:
            self._closed = self._thread.submit(self._stack.close)
            self._thread.shutdown(wait=False)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.begin_to_close()
        if self._closed is not None:
            self._closed.result()


class ClusterLanes:
    """A cluster with a plan's plugin, which is put there when the first task needs it.

    Parameters
    ----------
    cluster : StartedCluster
    """

    def __init__(self, cluster: StartedCluster) -> None:
        self._cluster = cluster
        self._queue = TileQueue()
        self._job: TileJob | None = None
        self._dispatcher: Dispatcher[TileBatch, tuple[TileReport, ...]] | None = None

    @contextmanager
    def working(self, job: TileJob, tasks: Sequence[TileTask]) -> Iterator[Self]:
        """Hand tasks of a job out; what is left of them when the context ends is given up."""
        if self._dispatcher is None or self._job != job:
            self._dispatcher, self._job = self._begun(job), job
        in_runs = all(task.measure is None and not task.chunks for task in tasks)
        runs = runs_of(tasks, job.plan.grid) if in_runs else [[task] for task in tasks]
        self._queue.add(runs)
        try:
            yield self
        finally:
            if not self.idle:
                self._dispatcher.stop()

    @property
    def idle(self) -> bool:
        """Whether no task is left."""
        return self._dispatcher is None or self._dispatcher.idle

    def step(self) -> Iterator[tuple[TileTask, TileReport]]:
        """Hand out tasks, wait a moment at most, and yield the reports that have come."""
        for batch, reports in () if self._dispatcher is None else self._dispatcher.step():
            self._queue.go_on(batch, len(reports))
            yield from zip(batch.tasks, reports, strict=False)

    def close(self) -> None:
        """Let the cluster end in the background; there are no more tasks."""
        self._cluster.begin_to_close()

    def _begun(self, job: TileJob) -> Dispatcher[TileBatch, tuple[TileReport, ...]]:
        """Put what a job needs on the workers; it is taken away when the cluster is closed."""
        name = f"nx46-{uuid.uuid4().hex}"
        client = self._cluster.client()
        client.register_plugin(TilePlugin(name, job))

        def unregister() -> None:
            with suppress(*CLUSTER_GONE, AttributeError):
                client.unregister_worker_plugin(name)

        self._cluster.before_closing(unregister)
        work = TileTasks(name, job.plan)
        is_local = self._cluster.choice.is_local
        return Dispatcher(client, name, self._queue, work, one_lane=is_local)
