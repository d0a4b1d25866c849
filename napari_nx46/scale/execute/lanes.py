"""Where tiles are computed: on the lanes of a Dask cluster."""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress

from distributed import Client

from napari_nx46.campaign.execute.cluster import (
    CLUSTER_GONE,
    CampaignError,
    ClusterChoice,
    connected,
)
from napari_nx46.campaign.execute.dispatch import Dispatcher
from napari_nx46.scale.execute.stages import TileQueue, runs_of
from napari_nx46.scale.execute.tasks import TileJob, TilePlugin, TileReport, TileTask, TileTasks
from napari_nx46.scale.plan.errors import ApplyError

__all__ = ["ClusterLanes"]


class ClusterLanes:
    """A cluster with a plan's plugin, made when the first task needs it.

    Parameters
    ----------
    stack : ExitStack
        Closes it.
    choice : ClusterChoice
    """

    def __init__(self, stack: ExitStack, choice: ClusterChoice) -> None:
        self._stack = stack
        self._choice = choice
        self._queue = TileQueue()
        self._client: Client | None = None
        self._job: TileJob | None = None
        self._dispatcher: Dispatcher[TileTask, TileReport] | None = None

    @contextmanager
    def working(
        self, job: TileJob, tasks: Sequence[TileTask]
    ) -> Iterator[Dispatcher[TileTask, TileReport]]:
        """Hand tasks of a job out; what is left of them when the context ends is given up."""
        if self._dispatcher is None or self._job != job:
            self._dispatcher, self._job = self._begun(job), job
        in_runs = all(task.measure is None and not task.chunks for task in tasks)
        runs = runs_of(tasks, job.plan.grid) if in_runs else [[task] for task in tasks]
        self._queue.add(runs)
        try:
            yield self._dispatcher
        finally:
            if not self._dispatcher.idle:
                self._dispatcher.stop()

    def _begun(self, job: TileJob) -> Dispatcher[TileTask, TileReport]:
        """Put what a job needs on the workers; it is taken away when the cluster is closed."""
        name = f"nx46-{uuid.uuid4().hex}"
        try:
            if self._client is None:
                self._client = self._stack.enter_context(connected(self._choice))
        except CampaignError as error:
            raise ApplyError(str(error)) from error
        client = self._client
        client.register_plugin(TilePlugin(name, job))

        def unregister() -> None:
            with suppress(*CLUSTER_GONE, AttributeError):
                client.unregister_worker_plugin(name)

        self._stack.callback(unregister)
        work = TileTasks(name, job.plan)
        return Dispatcher(client, name, self._queue, work, one_lane=self._choice.is_local)
