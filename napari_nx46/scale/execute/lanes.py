"""Where tiles are computed: on the lanes of a Dask cluster."""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress

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
    """A cluster with the plan's plugin, made when the first task needs it."""

    def __init__(self, stack: ExitStack, job: TileJob, choice: ClusterChoice) -> None:
        self._stack = stack
        self._job = job
        self._choice = choice
        self._queue = TileQueue()
        self._dispatcher: Dispatcher[TileTask, TileReport] | None = None

    @contextmanager
    def working(self, tasks: Sequence[TileTask]) -> Iterator[Dispatcher[TileTask, TileReport]]:
        """Hand tasks out; what is left of them when the context ends is given up."""
        if self._dispatcher is None:
            self._dispatcher = self._begun()
        plan = self._job.plan
        alone = tasks and plan.level_of(tasks[0].stage) is not None
        self._queue.add([[task] for task in tasks] if alone else runs_of(tasks, plan.grid))
        try:
            yield self._dispatcher
        finally:
            if not self._dispatcher.idle:
                self._dispatcher.stop()

    def _begun(self) -> Dispatcher[TileTask, TileReport]:
        name = f"nx46-{uuid.uuid4().hex}"
        try:
            client = self._stack.enter_context(connected(self._choice))
        except CampaignError as error:
            raise ApplyError(str(error)) from error
        client.register_plugin(TilePlugin(name, self._job))

        def unregister() -> None:
            with suppress(*CLUSTER_GONE, AttributeError):
                client.unregister_worker_plugin(name)

        self._stack.callback(unregister)
        work = TileTasks(name, self._job.plan)
        return Dispatcher(client, name, self._queue, work, one_lane=self._choice.is_local)
