"""What runs on a Dask worker: a measurer for every lane, kept by a plugin for one campaign."""

from __future__ import annotations

import threading
from dataclasses import dataclass

from distributed import Client, Worker, get_worker
from distributed.diagnostics.plugin import WorkerPlugin

from napari_nx46.campaign.execute.dispatch import Call, Lane
from napari_nx46.campaign.execute.measuring import Measurement, TaskMeasurer
from napari_nx46.campaign.execute.schedule import Task
from napari_nx46.campaign.plan.source import DataSource
from napari_nx46.setting import Setting
from napari_nx46.voxels.workers import Cancelled

__all__ = ["LanePlugin", "MeasuredTasks", "TaskReport", "measure_in_lane", "stop_lanes"]


@dataclass(frozen=True, slots=True)
class TaskReport:
    """How a task ended on a worker; with neither of the two it was stopped.

    Parameters
    ----------
    measurement : Measurement, optional
    error : str, optional
        What a user can mend, e.g. a damaged file.
    """

    measurement: Measurement | None = None
    error: str | None = None


class LanePlugin(WorkerPlugin):
    """Keeps the measurers of a worker while a campaign runs.

    Parameters
    ----------
    name : str
        No other campaign's.
    source : DataSource
        Opened when the first task comes.
    memory_budget : int or None
        Of every lane, in bytes.
    """

    def __init__(self, name: str, source: DataSource, memory_budget: int | None) -> None:
        self.name = name
        self._source = source
        self._memory_budget = memory_budget

    def setup(self, worker: Worker) -> None:
        """Begin with no measurers; a plugin that travels must hold no locks."""
        self.stopped = threading.Event()
        self._opening = threading.Lock()
        self._measurers: dict[int, tuple[threading.Lock, TaskMeasurer]] = {}

    def teardown(self, worker: Worker) -> None:
        """Give the memory of all measurers back."""
        self.stopped.set()
        self._measurers.clear()

    def measure(self, lane: int, image_id: str, setting: Setting, with_score: bool) -> TaskReport:
        """Compute a task with the measurer of its lane, alone."""
        try:
            in_use, measurer = self._measurer(lane)
            with in_use:
                measurement = measurer.measure(
                    image_id, setting, with_score=with_score, cancelled=self.stopped.is_set
                )
        except Cancelled:
            return TaskReport()
        except (ValueError, KeyError, MemoryError, OSError) as error:
            return TaskReport(error=str(error) or type(error).__name__)
        return TaskReport(measurement)

    def _measurer(self, lane: int) -> tuple[threading.Lock, TaskMeasurer]:
        with self._opening:
            found = self._measurers.get(lane)
            if found is None:
                dataset, _ = self._source.opened()
                found = (threading.Lock(), TaskMeasurer(dataset, self._memory_budget))
                self._measurers[lane] = found
            return found


def measure_in_lane(
    plugin: str, lane: int, image_id: str, setting: Setting, with_score: bool
) -> TaskReport:
    """Compute a task on the worker that this runs on.

    Parameters
    ----------
    plugin : str
        Name of the campaign's `LanePlugin`.
    lane : int
        Number of the lane among those of this worker.
    image_id : str
    setting : Setting
    with_score : bool
        Whether the leaderboard score is computed, if there is a label.
    """
    found = get_worker().plugins[plugin]
    if not isinstance(found, LanePlugin):
        raise TypeError(f"the worker's plugin {plugin} is none of a campaign")
    return found.measure(lane, image_id, setting, with_score)


def stop_lanes(plugin: str, dask_worker: Worker) -> None:
    """Let the tasks of a worker end between two tiles; run by the scheduler on every worker."""
    found = dask_worker.plugins.get(plugin)
    if isinstance(found, LanePlugin):
        found.stopped.set()


@dataclass(frozen=True, slots=True)
class MeasuredTasks:
    """The tasks of a campaign, for its `Dispatcher`.

    Parameters
    ----------
    plugin : str
        Name of the registered `LanePlugin`.
    with_score : bool
        Whether the leaderboard score is computed.
    """

    plugin: str
    with_score: bool

    def call(self, lane: Lane, task: Task) -> Call[TaskReport]:
        """Return what computes a task in a lane."""
        arguments = (self.plugin, lane.number, task.image_id, task.setting, self.with_score)
        return Call(measure_in_lane, arguments)

    def failed(self, task: Task, reason: str) -> TaskReport:
        """Return the report of a task that raised."""
        del task  # the ledger knows which one
        return TaskReport(error=reason)

    def died(self, task: Task, deaths: int) -> TaskReport:
        """Return the report of a task during which so many workers died."""
        return TaskReport(
            error=f"fragment {task.image_id}: {deaths} workers died while they computed it; is "
            "there enough memory?"
        )

    def stop(self, client: Client) -> None:
        """Let the tasks of all workers end between two tiles."""
        client.run(stop_lanes, self.plugin, on_error="ignore")
