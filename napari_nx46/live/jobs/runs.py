"""The runs of a workspace for a window: kept, scored, frozen and judged in a thread of its own.

Hashing and validating archives takes seconds, and another program may be writing the workspace:
nothing of it is ever waited for in the owner's thread.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from psygnal import Signal

from napari_nx46.data.fragments import FragmentError
from napari_nx46.files.workspace import SavedRun, Workspace
from napari_nx46.live.session import Session
from napari_nx46.run.export.export import RunResult
from napari_nx46.run.export.manifest import RunOptions
from napari_nx46.run.job import Job, Post
from napari_nx46.run.judge.kept_exports import reconcile, register_export
from napari_nx46.run.judge.kept_runs import (
    accept_best,
    add_archive,
    freeze_run,
    give_verdict,
    list_runs,
    score_run,
)
from napari_nx46.run.judge.verdict import ListedRun, RunList, Verdict, run_name
from napari_nx46.run.preflight import fitting_setting
from napari_nx46.setting import Setting
from napari_nx46.voxels.workers import CancelCheck, Workers

THREAD_NAME = "nx46-runs"
Task = Callable[[Workspace, CancelCheck], Any]
Basis = tuple[SavedRun | None, ...]


@dataclass(frozen=True, slots=True)
class Judgement:
    """The verdict on a run, and what followed from it.

    Parameters
    ----------
    run, baseline : SavedRun
        That was judged, and against what.
    verdict : Verdict
    accepted : bool
        Whether the settings of the verdict's best run are the accepted ones now.
    replaced : mapping of str to Setting
        By image_id the accepted settings that were other ones before.
    basis : tuple
        The runs on which the verdict rests, as they were.
    """

    run: SavedRun
    baseline: SavedRun
    verdict: Verdict
    accepted: bool = False
    replaced: Mapping[str, Setting] = field(default_factory=dict, hash=False)
    basis: Basis = ()


@dataclass(frozen=True, slots=True)
class _Outcome:
    """What a task returned, and the workspace after it."""

    value: Any
    runs: RunList
    notes: tuple[str, ...]


class Runs:
    """The runs in the workspace of a session.

    What is asked for is done one after the other, in the order in which it was asked for; after
    each the list is read again. All signals are emitted in the owner's thread.

    Parameters
    ----------
    session : Session
        Its accepted settings follow a verdict.
    path : Path
        The workspace file; made when the first run is kept.
    post : callable
        Runs a function later in the owner's thread.

    Attributes
    ----------
    changed : Signal(RunList)
        The list was read again; the same object as before if nothing of it is another.
    busy_changed : Signal(str)
        What is being done, in words; empty when nothing is.
    registered : Signal(SavedRun)
        An export was kept as a run.
    not_registered : Signal(BaseException)
        It was not; `failed` says it as well.
    reconciled : Signal(tuple)
        Exports that had not been kept as runs were kept, or could not be: a sentence for each.
    added : Signal(SavedRun)
        An archive was kept as a run.
    judged : Signal(Judgement)
    cancelled : Signal()
    failed : Signal(BaseException)
    """

    changed = Signal(RunList)
    busy_changed = Signal(str)
    registered = Signal(SavedRun)
    not_registered = Signal(BaseException)
    reconciled = Signal(tuple)
    added = Signal(SavedRun)
    judged = Signal(Judgement)
    cancelled = Signal()
    failed = Signal(BaseException)

    def __init__(self, session: Session, path: Path, post: Post) -> None:
        self.path = path
        self._session = session
        self._post = post
        self._list = RunList()
        self._jobs: dict[Job[_Outcome], str] = {}
        self._closed = False
        self._executor = ThreadPoolExecutor(1, thread_name_prefix=THREAD_NAME)
        self._checked: Path | None = None  # the file whose pages were checked

    # ---- what is known ---------------------------------------------------------------------

    @property
    def list(self) -> RunList:
        """The runs as they were read last."""
        return self._list

    @property
    def busy(self) -> str:
        """What is being done, in words; empty when nothing is."""
        return next(filter(None, self._jobs.values()), "")

    def can_load(self, listed: ListedRun) -> bool:
        """Return whether a run has a setting of the fragment that is shown."""
        return self._session.fragment.image_id in listed.run.settings

    def holds(self, judgement: Judgement) -> bool:
        """Return whether a verdict rests on runs that are still as they were."""
        return judgement.basis == self._basis(judgement.run)

    # ---- what a user does ------------------------------------------------------------------

    def refresh(self) -> None:
        """Read the list again; a workspace that is not there yet is not made."""
        if not self._jobs:  # whatever is done reads it anyway
            self._submit("", None)

    def register(self, result: RunResult, options: RunOptions) -> None:
        """Keep an export that has just been written as a run."""

        def work(workspace: Workspace, cancelled: CancelCheck) -> SavedRun:
            return register_export(workspace, result, options)

        words = f"Keeping {result.target.name} as a run…"
        self._submit(words, work, self.registered.emit, self.not_registered.emit, create=True)

    def add(self, archive: Path) -> None:
        """Keep an archive that lies somewhere, with the manifest beside it, as a run."""
        threads = self._session.workers.count

        def work(workspace: Workspace, cancelled: CancelCheck) -> SavedRun:
            workers = Workers(threads)
            try:
                return add_archive(workspace, archive, workers=workers, cancelled=cancelled)
            finally:
                workers.close()

        self._submit(f"Checking {archive.name}…", work, self.added.emit, create=True)

    def score(self, listed: ListedRun, name: str, score: float | None) -> None:
        """Give a run one of its scores, by the name of its field, or take it back."""
        run_id = listed.run_id

        def work(workspace: Workspace, cancelled: CancelCheck) -> SavedRun:
            return score_run(workspace, run_id, name, score)

        self._submit("Keeping the score…", work)

    def freeze(self, listed: ListedRun) -> None:
        """Freeze a run as the baseline, if its archive is there, unchanged and valid."""
        run_id = listed.run_id

        def work(workspace: Workspace, cancelled: CancelCheck) -> None:
            freeze_run(workspace, workspace.run(run_id), cancelled)

        self._submit(f"Checking the archive of {run_name(listed.run)}…", work)

    def judge(self, listed: ListedRun, *, accept: bool = True) -> None:
        """Judge a run against the baseline that is listed.

        Parameters
        ----------
        listed : ListedRun
        accept : bool
            Make the settings of the best scored run the accepted ones, here and in the workspace.

        Raises
        ------
        ValueError
            If none is frozen.
        """
        baseline = self._list.baseline
        if baseline is None:
            raise ValueError("expected a frozen baseline")
        run_id, baseline_id = listed.run_id, baseline.run_id

        def work(workspace: Workspace, cancelled: CancelCheck) -> Judgement:
            run, baseline = workspace.run(run_id), workspace.run(baseline_id)
            verdict = give_verdict(workspace, run, baseline, cancelled)
            if not accept or verdict.best_run is None:
                return Judgement(run, baseline, verdict)
            replaced = accept_best(workspace, verdict.best_run)
            return Judgement(run, baseline, verdict, True, replaced)

        self._submit(f"Checking the archive of {run_name(listed.run)}…", work, self._take_judgement)

    def load(self, listed: ListedRun) -> None:
        """Set the sliders to a run's setting of the fragment that is shown."""
        fragment = self._session.fragment
        setting = listed.run.settings.get(fragment.image_id)
        if setting is not None:
            self._session.apply(fitting_setting(setting, fragment))

    def cancel(self) -> None:
        """Give up what takes long; runs and scores that are being kept are kept."""
        for job in self._jobs:
            job.cancel()

    def close(self) -> None:
        """Take nothing on any more: what takes long is given up, what is to be kept is kept."""
        self._closed = True
        for job in self._jobs:
            job.close()
        self._executor.shutdown(wait=False)

    # ---- the worker ------------------------------------------------------------------------

    def _submit(
        self,
        words: str,
        task: Task | None,
        take: Callable[[Any], None] | None = None,
        refuse: Callable[[BaseException], None] | None = None,
        *,
        create: bool = False,
    ) -> None:
        if self._closed:
            return
        job: Job[_Outcome] = Job(self._post, THREAD_NAME, self._executor)
        job.ended.connect(lambda: self._jobs.pop(job))
        job.done.connect(lambda outcome: self._on_result(outcome, take))
        job.cancelled.connect(self._on_error)
        job.failed.connect(lambda error: self._fail(error, refuse))
        for ending in (job.done, job.cancelled, job.failed):
            ending.connect(lambda: self.busy_changed.emit(self.busy))
        self._jobs[job] = words
        self.busy_changed.emit(self.busy)
        job.start(lambda cancelled, report: self._do(task, create, cancelled))

    def _do(self, task: Task | None, create: bool, cancelled: CancelCheck) -> _Outcome:
        if task is None and not self.path.exists():
            return _Outcome(None, RunList(), ())
        path = self.path
        with Workspace.open(path, create=create, check_pages=path != self._checked) as workspace:
            self._checked = path
            value = None if task is None else task(workspace, cancelled)
            notes = reconcile(workspace)
            return _Outcome(value, list_runs(workspace), notes)

    def _on_result(self, outcome: _Outcome, take: Callable[[Any], None] | None) -> None:
        if outcome.runs != self._list:
            self._list = outcome.runs
        self.changed.emit(self._list)
        if take is not None and outcome.value is not None:
            take(outcome.value)
        if outcome.notes:
            self.reconciled.emit(outcome.notes)

    def _on_error(self) -> None:
        self.cancelled.emit()

    def _fail(self, error: BaseException, refuse: Callable[[BaseException], None] | None) -> None:
        if refuse is not None:
            refuse(error)
        self.failed.emit(error)

    def _take_judgement(self, judgement: Judgement) -> None:
        best = judgement.verdict.best_run
        if judgement.accepted and best is not None:
            try:
                self._session.accept_settings(best.settings)
            except FragmentError as error:
                self.failed.emit(error)
        self.judged.emit(replace(judgement, basis=self._basis(judgement.run)))

    def _basis(self, run: SavedRun) -> Basis:
        chosen = (self._list.find(run.id), self._list.baseline, self._list.best)
        return tuple(None if listed is None else listed.run for listed in chosen)
