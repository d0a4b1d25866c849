"""How the tasks of a running campaign ended: kept in the workspace, counted, and reported."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

from napari_nx46.campaign.execute.keys import DataContents
from napari_nx46.campaign.execute.measuring import Measurement
from napari_nx46.campaign.execute.remote import TaskReport
from napari_nx46.campaign.execute.schedule import Task
from napari_nx46.campaign.records.results import FragmentResult, PlannedRun, TaskState
from napari_nx46.campaign.records.store import CampaignStore
from napari_nx46.files.volumes.origin import VolumeError
from napari_nx46.files.workspace import SavedResult

__all__ = ["CampaignProgress", "Ledger"]

Place = tuple[str, str]
"""A run_id and an image_id."""


@dataclass(frozen=True, slots=True)
class CampaignProgress:
    """How far a campaign is; tasks are counted, one for each setting and fragment.

    Parameters
    ----------
    total : int
        Of a search: those that it may come to.
    done, failed, running : int
    known : int
        Of the done ones, those whose result was there before.
    seconds_left : float, optional
        About; None while nothing is known.
    """

    total: int
    done: int = 0
    failed: int = 0
    running: int = 0
    known: int = 0
    seconds_left: float | None = None

    @property
    def waiting(self) -> int:
        """Tasks that have not begun."""
        return self.total - self.done - self.failed - self.running


class Ledger:
    """Keeps the tasks of one campaign as they end.

    Parameters
    ----------
    store : CampaignStore
    campaign_id : int
    contents : DataContents
    with_score : bool
        Whether the leaderboard score is computed.
    total : int
        Tasks of the whole campaign.
    notify : callable
        Called with every FragmentResult that is new.
    """

    def __init__(
        self,
        store: CampaignStore,
        campaign_id: int,
        contents: DataContents,
        *,
        with_score: bool,
        total: int,
        notify: Callable[[FragmentResult], None],
    ) -> None:
        self._store = store
        self._campaign_id = campaign_id
        self._contents = contents
        self._with_score = with_score
        self._total = total
        self._notify = notify
        self._ended: dict[Place, FragmentResult] = {}
        self._running: frozenset[Place] = frozenset()
        self._known = 0
        self._failed = 0
        self._computed = 0
        self._seconds = 0.0
        self._unreported: list[FragmentResult] = []

    def begin(self, runs: Sequence[PlannedRun]) -> list[Task]:
        """Return the tasks of some runs that must be computed.

        Results that are in the workspace are taken from there, and tasks that are known to fail do.
        """
        places: dict[str, list[Place]] = {}
        tasks: dict[str, Task] = {}
        with self._store.workspace.transaction():
            for run in runs:
                for image_id in self._contents.image_ids:
                    place = (run.run_id, image_id)
                    fault = self._contents.fault(image_id, run.setting)
                    if fault is not None:
                        self._fail([place], fault)
                        continue
                    key = self._contents.key(image_id, run.setting, with_score=self._with_score)
                    places.setdefault(key, []).append(place)
                    tasks.setdefault(key, Task(key, image_id, run.setting, (place,)))
            unknown = [
                Task(key, task.image_id, task.setting, tuple(places[key]))
                for key, task in tasks.items()
                if not self._is_known(key, places[key])
            ]
        self._notify_all()
        return unknown

    def end(self, task: Task, report: TaskReport) -> None:
        """Keep how a task ended; one that was stopped stays as it is."""
        with self._store.workspace.transaction():
            if report.error is not None:
                self._fail(task.places, report.error)
            elif report.measurement is not None:
                self._finish(task, report.measurement)
        self._notify_all()

    def mark_running(self, tasks: Iterable[Task]) -> None:
        """Report which tasks are being computed."""
        now = frozenset(place for task in tasks for place in task.places) - self._ended.keys()
        for run_id, image_id in sorted(now - self._running):
            self._notify(FragmentResult(run_id, image_id, TaskState.RUNNING))
        self._running = now

    def of_run(self, run_id: str) -> list[FragmentResult]:
        """Return what has ended of a run, without the figures of the slices."""
        return [one for place, one in self._ended.items() if place[0] == run_id]

    def progress(self, lanes: int) -> CampaignProgress:
        """Return how far the campaign is.

        Parameters
        ----------
        lanes : int
            That work at a time.
        """
        failed = self._failed
        left = self._total - len(self._ended)
        seconds = None
        if self._computed and lanes:
            seconds = left * self._seconds / self._computed / lanes
        return CampaignProgress(
            total=self._total,
            done=len(self._ended) - failed,
            failed=failed,
            running=len(self._running - self._ended.keys()),
            known=self._known,
            seconds_left=seconds,
        )

    def _is_known(self, key: str, places: Sequence[Place]) -> bool:
        saved = self._store.measured(key)
        if saved is None:
            return False
        self._known += len(places)
        self._done(places, saved, is_new=False)
        return True

    def _finish(self, task: Task, measured: Measurement) -> None:
        try:
            self._contents.check_unchanged(task.image_id, task.setting)
        except VolumeError as error:
            self._fail(task.places, str(error))
            return
        self._computed += 1
        self._seconds += measured.seconds
        saved = SavedResult(
            task.key, measured.metrics, measured.slices, measured.mask_sha256, measured.seconds
        )
        self._done(task.places, saved, is_new=True)

    def _done(self, places: Sequence[Place], saved: SavedResult, *, is_new: bool) -> None:
        for number, place in enumerate(places):
            new = is_new and number == 0
            self._on_result(self._store.finish(self._campaign_id, *place, saved, is_new=new))

    def _fail(self, places: Iterable[Place], reason: str) -> None:
        for place in places:
            self._on_result(self._store.fail(self._campaign_id, *place, reason))

    def _on_result(self, result: FragmentResult) -> None:
        # The figures of the slices are most of a result, and nothing asks for them again.
        self._ended[result.run_id, result.image_id] = replace(result, slices=())
        self._failed += result.state is TaskState.FAILED
        self._unreported.append(result)

    def _notify_all(self) -> None:
        """Report what was kept, now that it is: whoever listens must not hold the file back."""
        reported, self._unreported = self._unreported, []
        for result in reported:
            self._notify(result)
