"""Campaigns in the background of a window: checked, run, watched, cancelled and reported."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

from psygnal import Signal

from napari_nx46.campaign.execute.ledger import CampaignProgress
from napari_nx46.campaign.execute.runner import CampaignRun, Resources
from napari_nx46.campaign.plan.preflight import CampaignPreflight, campaign_preflight
from napari_nx46.campaign.records.listing import CampaignRow, Place, campaign_rows
from napari_nx46.campaign.records.results import CampaignResults, FragmentResult, TaskState
from napari_nx46.campaign.records.store import CampaignRequest, CampaignStore
from napari_nx46.campaign.report.making import make_report
from napari_nx46.campaign.report.writing import report_targets
from napari_nx46.campaign.verdicts.judging import judge_and_keep
from napari_nx46.campaign.verdicts.rules import Rules
from napari_nx46.files.workspace import Workspace
from napari_nx46.run.job import Job, Post, Report, Work
from napari_nx46.run.pipelines import PipelineSet
from napari_nx46.voxels.workers import CancelCheck, Workers

__all__ = ["CampaignTable", "CampaignWatch", "Campaigns", "MakeRequest"]

SECONDS_BETWEEN_TABLES = 0.5
"""The table is read again no more often while a campaign runs."""

MakeRequest = Callable[[], CampaignRequest]
"""Makes what is to be run; called in the background, since a matrix file may be long."""

Show = Callable[[], None]
"""Shows what came of work, in the owner's thread."""


@dataclass(frozen=True, slots=True)
class CampaignTable:
    """A campaign as it was read last.

    Parameters
    ----------
    campaign_id : int, optional
        Within the workspace; None while there is no campaign.
    name, data : str
    rows : tuple of CampaignRow
    """

    campaign_id: int | None = None
    name: str = ""
    data: str = ""
    rows: tuple[CampaignRow, ...] = ()


@dataclass(slots=True)
class CampaignWatch:
    """What is known of a campaign while it runs; of the thread that runs it."""

    running: set[Place] = field(default_factory=set)
    reported_at: float = 0.0
    table: CampaignTable | None = None
    read: CampaignResults | None = None
    """The campaign as it was read from the workspace last."""
    ended: dict[Place, FragmentResult] = field(default_factory=dict)
    """The tasks that have ended since it began, without the figures of their slices."""

    def take(self, result: FragmentResult) -> None:
        """Follow a task."""
        place = (result.run_id, result.image_id)
        if result.state is TaskState.RUNNING:
            self.running.add(place)
        else:
            self.running.discard(place)
            self.ended[place] = replace(result, slices=())

    def results(self, read: Callable[[], CampaignResults]) -> CampaignResults:
        """Return the campaign as it stands; read again only when runs have been added to it."""
        if self.read is None or not self.ended.keys() | self.running <= self.read.fragments.keys():
            self.read = read()
        known = {place: one for place, one in self.ended.items() if place in self.read.fragments}
        return replace(self.read, fragments={**self.read.fragments, **known})

    def is_due(self) -> bool:
        """Return whether the table is to be read again."""
        now = time.monotonic()
        if now - self.reported_at < SECONDS_BETWEEN_TABLES:
            return False
        self.reported_at = now
        return True


@dataclass(frozen=True, slots=True)
class _Seen:
    """How far a campaign is, and its table as it was read last."""

    progress: CampaignProgress
    table: CampaignTable | None


class Campaigns:
    """The campaigns of a workspace, one thing at a time in a thread of its own.

    Parameters
    ----------
    path : Path
        The workspace file; made when a campaign begins.
    post : callable
        Runs a function later in the owner's thread; there all signals are emitted.
    rules : Rules
        To judge by. A campaign that was begun before brings its own, but for the band.

    Attributes
    ----------
    table_changed : Signal(CampaignTable)
    progress_changed : Signal(CampaignProgress)
    busy_changed : Signal(str)
        What is being done, in words; empty when nothing is.
    checked : Signal(CampaignPreflight)
    reported : Signal(Path)
        The page of a report that was written.
    ended : Signal(str)
        A campaign has ended: how, in words.
    failed : Signal(BaseException)
    """

    table_changed = Signal(CampaignTable)
    progress_changed = Signal(CampaignProgress)
    busy_changed = Signal(str)
    checked = Signal(CampaignPreflight)
    reported = Signal(Path)
    ended = Signal(str)
    failed = Signal(BaseException)

    def __init__(self, path: Path, post: Post, rules: Rules = Rules()) -> None:
        self.path = path
        self._rules = rules
        self._post = post
        self._table = CampaignTable()
        self._busy = ""
        self._job: Job[Show] | None = None
        self._run: CampaignRun | None = None
        self._closed = False

    # ---- what is known ---------------------------------------------------------------------

    @property
    def table(self) -> CampaignTable:
        """The newest campaign, as it was read last."""
        return self._table

    @property
    def rules(self) -> Rules:
        """By what runs are judged."""
        return self._rules

    @property
    def busy(self) -> str:
        """What is being done, in words; empty when nothing is."""
        return self._busy

    # ---- what a user does ------------------------------------------------------------------

    def refresh(self) -> None:
        """Read the newest campaign of the workspace; nothing of it is changed, or made."""
        self._begin("reading the campaign", lambda *_: self._read_newest(keep=False))

    def judge_by(self, rules: Rules) -> None:
        """Judge by other rules from now on, and keep the verdicts."""
        if rules != self._rules:
            self._rules = rules
            self._begin("judging", lambda *_: self._read_newest(keep=True))

    def check(self, make_request: MakeRequest, resources: Resources) -> None:
        """Look at a campaign before it runs; says `checked`."""

        def check(cancelled: CancelCheck, report: Report) -> Show:
            found = self._preflight(make_request(), resources, cancelled)
            return lambda: self.checked.emit(found)

        self._begin("checking", check)

    def start(self, make_request: MakeRequest, resources: Resources) -> None:
        """Run a campaign, or go on with one of the same plan and data."""
        self._begin("running", lambda *control: self._compute(make_request(), resources, *control))

    def report(self, folder: Path) -> None:
        """Write the report of the newest campaign into a folder; says `reported`."""
        self._begin(
            "writing the report", lambda cancelled, _: self._write_report(folder, cancelled)
        )

    def cancel(self) -> None:
        """Give up what is being done; what a campaign has done is kept."""
        if self._job is not None:
            self._job.cancel()
        run = self._run
        if run is not None:  # it waits for its cluster: it is to look at once
            run.cancel()

    def close(self) -> None:
        """Emit nothing any more and give up what is being done, without waiting for it."""
        self._closed = True
        if self._job is not None:
            self._job.close()
        self.cancel()

    # ---- one thing at a time ---------------------------------------------------------------

    def _begin(self, words: str, work: Work[Show]) -> None:
        """Do something in a thread unless something is being done; it returns what to show."""
        if self._busy or self._closed:
            return
        self._job = job = Job[Show](self._post, "nx46-campaign")
        job.progressed.connect(self._update)
        job.ended.connect(lambda: self._set_busy(""))
        job.done.connect(lambda show: show())
        job.cancelled.connect(lambda: self.ended.emit("Cancelled."))
        job.failed.connect(self._fail)
        self._set_busy(words)
        job.start(work)

    def _fail(self, error: BaseException) -> None:
        self.failed.emit(error)

    def _set_busy(self, words: str) -> None:
        self._busy = words
        self.busy_changed.emit(words)

    def _update(self, seen: _Seen) -> None:
        """Show how far a campaign is, and its table if it was read since."""
        self.progress_changed.emit(seen.progress)
        if seen.table is not None and seen.table is not self._table:
            self._show(seen.table)

    # ---- in the thread ---------------------------------------------------------------------

    def _preflight(
        self, request: CampaignRequest, resources: Resources, cancelled: CancelCheck
    ) -> CampaignPreflight:
        dataset, unopened = request.source.opened()
        cluster = resources.cluster
        return campaign_preflight(
            dataset,
            request.plan,
            unopened=unopened.values(),
            workers=cluster.workers or cluster.threads or 1,
            leaderboard=request.with_score,
            work=self.path.parent,
            cancelled=cancelled,
        )

    def _compute(
        self,
        request: CampaignRequest,
        resources: Resources,
        cancelled: CancelCheck,
        report: Report,
    ) -> Show:
        if self._rules.baseline not in (None, *request.plan.run_ids):  # it was another campaign's
            self._rules = self._rules.model_copy(update={"baseline": None})
        run = CampaignRun(
            *(request, self.path, resources),
            rules=self._rules,
            with_slices=False,
            cancelled=cancelled,
        )
        self._run = run
        watch = CampaignWatch()
        warnings: list[str] = []
        run.warned.connect(warnings.append)
        run.task_changed.connect(watch.take)
        run.progress_changed.connect(
            lambda progress: report(_Seen(progress, self._seen_table(run, watch)))
        )
        try:
            results = run.run()
        finally:
            self._run = None
        if self._rules != run.rules:  # they were changed while it ran
            with Workspace.open(self.path) as workspace:
                judge_and_keep(CampaignStore(workspace), results, self._rules)
        table = self._table_of(results)
        words = "\n".join((_words(run), *(f"⚠ {warning}" for warning in warnings)))
        return lambda: self._show_end(table, words)

    def _seen_table(self, run: CampaignRun, watch: CampaignWatch) -> CampaignTable | None:
        """Return the table of a campaign that runs, made now and then."""
        campaign_id = run.campaign_id
        if campaign_id is not None and watch.is_due():
            results = watch.results(lambda: self._read(campaign_id))
            watch.table = self._table_of(results, frozenset(watch.running))
        return watch.table

    def _read(self, campaign_id: int) -> CampaignResults:
        # The campaign that runs has checked the pages.
        with Workspace.open(self.path, create=False, check_pages=False) as workspace:
            return CampaignStore(workspace).results(campaign_id, with_slices=False)

    def _read_newest(self, *, keep: bool) -> Show:
        """Read the newest campaign, judged by the rules; keep the verdicts or leave those kept."""
        if not self.path.exists():
            return lambda: self._show(CampaignTable())
        with Workspace.open(self.path, create=False) as workspace:
            store = CampaignStore(workspace)
            newest = store.newest()
            if newest is None:
                return lambda: self._show(CampaignTable())
            results = store.results(newest, with_slices=False)
            if keep:
                judge_and_keep(store, results, self._rules)
            else:
                kept = store.rules(newest)
                self._rules = kept.model_copy(update={"band": self._rules.band})
        table = self._table_of(results)
        return lambda: self._show(table)

    def _write_report(self, folder: Path, cancelled: CancelCheck) -> Show:
        with Workspace.open(self.path, create=False) as workspace:
            store = CampaignStore(workspace)
            newest = store.newest()
            if newest is None:
                raise ValueError(f"{self.path}: found no campaign to report, expected one")
            request, results = store.request(newest), store.results(newest)
        workers = Workers(2)
        try:
            dataset, _ = request.source.opened()
            pipelines = PipelineSet(dataset, workers=workers)
            make_report(results, self._rules, folder, pipelines, cancelled=cancelled)
        finally:
            workers.close()
        page = report_targets(folder)[0]
        return lambda: self.reported.emit(page)

    def _table_of(
        self, results: CampaignResults, running: frozenset[Place] = frozenset()
    ) -> CampaignTable:
        rows = campaign_rows(results, self._rules, running)
        return CampaignTable(results.campaign_id, results.plan.name, results.data, rows)

    # ---- back in the owner's thread --------------------------------------------------------

    def _show(self, table: CampaignTable) -> None:
        self._table = table
        self.table_changed.emit(table)

    def _show_end(self, table: CampaignTable, words: str) -> None:
        self._show(table)
        self.ended.emit(words)


def _words(run: CampaignRun) -> str:
    """Return how a campaign ended."""
    progress = run.progress
    counts = f"{progress.done} of {progress.total} tasks done"
    if progress.known:
        counts += f" ({progress.known} known before)"
    if progress.failed:
        counts += f", {progress.failed} failed"
    return f"{run.state.value.capitalize()}: {counts}."
