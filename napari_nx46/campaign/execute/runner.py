"""Running a campaign: hand out its tasks, keep what comes, notify those who watch."""

from __future__ import annotations

import os
import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from distributed import Client
from psygnal import Signal
from pydantic import JsonValue

from napari_nx46.campaign.execute.cluster import CLUSTER_GONE, ClusterChoice, connected
from napari_nx46.campaign.execute.dispatch import Dispatcher
from napari_nx46.campaign.execute.keys import DataContents
from napari_nx46.campaign.execute.ledger import CampaignProgress, Ledger
from napari_nx46.campaign.execute.remote import LanePlugin, MeasuredTasks, TaskReport
from napari_nx46.campaign.execute.schedule import Schedule, Task, grouped
from napari_nx46.campaign.execute.suggest import Search, Suggester, objective_value, sampler_record
from napari_nx46.campaign.records.exports import ExportCheck, ExportChecker
from napari_nx46.campaign.records.results import CampaignResults, FragmentResult, PlannedRun
from napari_nx46.campaign.records.store import CampaignRequest, CampaignStore
from napari_nx46.campaign.verdicts.judging import judge_and_keep
from napari_nx46.campaign.verdicts.rules import Rules
from napari_nx46.files.naming import printable
from napari_nx46.files.workspace import Workspace
from napari_nx46.run.judge.kept_exports import reconcile
from napari_nx46.run.pipelines import PipelineSet
from napari_nx46.voxels.workers import CancelCheck, Cancelled, Workers, never

__all__ = ["CampaignRun", "CampaignState", "Resources"]

_OTHER_RUNS = (
    "the sampler suggests other runs now than it did when the search was begun: those that are"
    " there stay"
)


class CampaignState(StrEnum):
    """What a campaign that runs in this process is at."""

    NEW = "new"
    READING = "reading the data"
    RUNNING = "running"
    CHECKING = "checking exports"
    DONE = "done"
    CANCELLED = "cancelled"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Resources:
    """What a campaign takes of machines.

    Parameters
    ----------
    cluster : ClusterChoice
    memory_budget : int, optional
        Bytes that a fragment's volumes and score may take in each lane before they are streamed.
    """

    cluster: ClusterChoice = field(default_factory=ClusterChoice)
    memory_budget: int | None = None


class CampaignRun:
    """A campaign that is run once, in whatever thread calls `run`.

    Parameters
    ----------
    request : CampaignRequest
    work : Path
        The workspace file; made if it is missing.
    resources : Resources
    rules : Rules
        By which its runs are judged at the end; kept with the campaign.
    check_exports : bool
        Make the archive of every run that no other rule rejects, once its tasks are done, and keep
        that of the best run as ``campaign-ID/submission.zip`` beside the workspace file.
    with_slices : bool
        Whether `run` returns the figures of the slices too, of every task.
    campaign_id : int, optional
        Of the campaign in that workspace to go on with. By default the one that was begun with an
        equal request on equal data, or a new one.
    cancelled : callable
        Asked about twice a second, besides `cancel`.

    Attributes
    ----------
    state_changed : Signal(CampaignState)
    task_changed : Signal(FragmentResult)
        A task begins, is done, or has failed. Results that were there before are reported too.
    progress_changed : Signal(CampaignProgress)
    export_checked : Signal(ExportCheck)
    warned : Signal(str)
        Something that a user should know of; the campaign goes on.

    Notes
    -----
    All signals are emitted in the thread that runs. `cancel` may be called from any other one.
    Every task is kept as it ends: a campaign that is cancelled, killed or cut off goes on where it
    was when it is run again.
    """

    state_changed = Signal(CampaignState)
    task_changed = Signal(FragmentResult)
    progress_changed = Signal(CampaignProgress)
    export_checked = Signal(ExportCheck)
    warned = Signal(str)

    def __init__(
        self,
        request: CampaignRequest,
        work: Path,
        resources: Resources = Resources(),
        *,
        rules: Rules = Rules(),
        check_exports: bool = True,
        with_slices: bool = True,
        campaign_id: int | None = None,
        cancelled: CancelCheck = never,
    ) -> None:
        self.request = request
        self.work = work
        self.resources = resources
        self.rules = rules
        self.check_exports = check_exports
        self.with_slices = with_slices
        self.campaign_id = campaign_id
        self._cancel = threading.Event()
        self._asked = cancelled
        self._image_ids: tuple[str, ...] = ()
        self._dispatcher: Dispatcher[Task, TaskReport] | None = None
        self._state = CampaignState.NEW
        self._progress = CampaignProgress(total=0)

    @property
    def state(self) -> CampaignState:
        """What the campaign is at."""
        return self._state

    @property
    def progress(self) -> CampaignProgress:
        """How far the campaign is."""
        return self._progress

    @property
    def image_ids(self) -> tuple[str, ...]:
        """The fragments; none before the data have been read."""
        return self._image_ids

    def cancel(self) -> None:
        """Let `run` return soon; what is done by then is kept."""
        self._cancel.set()
        dispatcher = self._dispatcher
        if dispatcher is not None:
            dispatcher.wake()

    def run(self) -> CampaignResults:
        """Run what is not done yet.

        Returns
        -------
        CampaignResults
            As it stands at the end. Whether it was cancelled, `state` says.

        Raises
        ------
        FragmentError, VolumeError
            If the data cannot be opened at all.
        WorkspaceError
            If the workspace cannot be read or written.
        WriteError
            If an archive cannot be written.
        CampaignError
            If the cluster cannot be reached, or is lost.
        Cancelled
            If it was cancelled before the campaign was begun.
        """
        ended = CampaignState.FAILED
        try:
            with Workspace.open(self.work) as workspace:
                for text in reconcile(workspace):
                    self.warned.emit(text)
                results = self._run(CampaignStore(workspace))
            ended = CampaignState.CANCELLED if self._cancelled() else CampaignState.DONE
        except Cancelled:
            ended = CampaignState.CANCELLED
            raise
        finally:
            self._set_state(ended)
        return results

    # ---- inside ----------------------------------------------------------------------------

    def _cancelled(self) -> bool:
        if self._asked():
            self._cancel.set()
        return self._cancel.is_set()

    def _run(self, store: CampaignStore) -> CampaignResults:
        self._set_state(CampaignState.READING)
        source, with_score = self.request.source, self.request.with_score
        contents = DataContents.of(*source.opened(), self._cancelled)
        if self.campaign_id is None:
            self.campaign_id = store.begin(self.request, contents)
        store.keep_rules(self.campaign_id, self.rules)
        self._image_ids = contents.image_ids
        plan = self.request.plan
        runs = plan.runs if isinstance(plan, Search) else len(plan.runs)
        ledger = Ledger(
            store,
            self.campaign_id,
            contents,
            with_score=with_score,
            total=runs * len(contents.image_ids),
            notify=self.task_changed.emit,
        )
        self._set_state(CampaignState.RUNNING)
        self._compute(store, ledger, self.campaign_id)
        if self.check_exports and not self._cancelled():
            self._check_exports(store, contents, self.campaign_id)
        judge_and_keep(store, store.results(self.campaign_id, with_slices=False), self.rules)
        return store.results(self.campaign_id, with_slices=self.with_slices)

    def _check_exports(
        self, store: CampaignStore, contents: DataContents, campaign_id: int
    ) -> None:
        self._set_state(CampaignState.CHECKING)
        workers = Workers(os.cpu_count() or 1)
        pipelines = PipelineSet(
            contents.dataset, workers=workers, memory_budget=self.resources.memory_budget
        )
        folder = self.work.parent / f"campaign-{campaign_id}"
        checker = ExportChecker(store, campaign_id, pipelines, self.rules, folder)
        try:
            checker.check(self.export_checked.emit, self._cancelled)
        except Cancelled:
            return  # the tasks are done; the state says that the checks are not
        finally:
            pipelines.release()
            workers.close()

    def _compute(self, store: CampaignStore, ledger: Ledger, campaign_id: int) -> None:
        """Compute batch after batch; a cluster is made when the first task needs it."""
        plan = self.request.plan
        if not isinstance(plan, Search):
            tasks = ledger.begin(plan.runs)
            self._publish(ledger, 0)
            if tasks:
                with self._dispatching() as (dispatcher, schedule):
                    schedule.add(grouped(tasks))
                    self._drain(dispatcher, schedule, ledger)
            return
        with self._dispatching() as (dispatcher, schedule):
            for batch in self._suggested(plan, store, ledger, campaign_id):
                schedule.add(grouped(ledger.begin(batch)))
                self._publish(ledger, dispatcher.lanes)
                self._drain(dispatcher, schedule, ledger)

    def _suggested(
        self, search: Search, store: CampaignStore, ledger: Ledger, campaign_id: int
    ) -> Iterator[tuple[PlannedRun, ...]]:
        """Yield the batches of a search; those of a resumed one are found done."""
        kept = store.sampler(campaign_id)
        is_other = kept is not None and kept != sampler_record()
        if is_other:
            self.warned.emit(_other_sampler_words(kept))
        suggester = Suggester(search, store.settings(campaign_id))
        while not self._cancelled() and (batch := suggester.ask()):
            store.add_runs(campaign_id, batch)
            if suggester.differs and not is_other:
                is_other = True
                self.warned.emit(_OTHER_RUNS)
            yield batch
            if not self._cancelled():
                ended = [ledger.of_run(run.run_id) for run in batch]
                suggester.tell([objective_value(search, results) for results in ended])

    @contextmanager
    def _dispatching(self) -> Iterator[tuple[Dispatcher[Task, TaskReport], Schedule]]:
        """Put what a campaign needs on a cluster's workers, and take it away afterwards."""
        name = f"nx46-{uuid.uuid4().hex}"
        plugin = LanePlugin(name, self.request.source, self.resources.memory_budget)
        schedule = Schedule()
        with connected(self.resources.cluster, [LanePlugin.__module__]) as client:
            client.register_plugin(plugin)
            self._dispatcher = Dispatcher(
                *(client, name, schedule, MeasuredTasks(name, self.request.with_score)),
                one_lane=self.resources.cluster.is_local,
            )
            try:
                yield self._dispatcher, schedule
            finally:
                self._dispatcher.stop()
                self._dispatcher = None
                _unregister(client, name)

    def _drain(
        self, dispatcher: Dispatcher[Task, TaskReport], schedule: Schedule, ledger: Ledger
    ) -> None:
        """Hand out what the schedule holds until all of it has ended."""
        while not (dispatcher.idle or self._cancelled()):
            for task, report in dispatcher.step():
                if report.measurement is not None:
                    schedule.learn(task, report.measurement.seconds)
                ledger.end(task, report)
            ledger.mark_running(dispatcher.computing)
            self._publish(ledger, dispatcher.lanes)

    def _publish(self, ledger: Ledger, lanes: int) -> None:
        progress = ledger.progress(lanes)
        if progress != self._progress:
            self._progress = progress
            self.progress_changed.emit(progress)

    def _set_state(self, state: CampaignState) -> None:
        if state is not self._state:
            self._state = state
            self.state_changed.emit(state)


def _other_sampler_words(kept: JsonValue) -> str:
    """Return that a search goes on under another sampler than it was begun with."""
    begun, now = (
        ", ".join(f"{name} {value}" for name, value in record.items())
        for record in (kept if isinstance(kept, dict) else {}, sampler_record())
    )
    return (
        f"the search was begun with another sampler ({printable(begun)}) than "
        f"goes on now ({now}): the"
        " runs that are there stay, those to come may differ from what it would have suggested"
    )


def _unregister(client: Client, plugin: str) -> None:
    """Take the measurers of a campaign off the workers; a cluster that is gone has none."""
    # A client whose connection was lost has no scheduler any more.
    with suppress(*CLUSTER_GONE, AttributeError):
        client.unregister_worker_plugin(plugin)
