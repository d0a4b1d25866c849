"""Running a plan: its stages one after the other, each a flat set of tasks on a Dask cluster."""

from __future__ import annotations

import os
import shutil
from collections.abc import Generator, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace

from napari_nx46.campaign.execute.cluster import ClusterChoice
from napari_nx46.files.atomic import WriteError
from napari_nx46.scale.execute.book import StageBook
from napari_nx46.scale.execute.finish import finish, is_finished
from napari_nx46.scale.execute.inputs import TileJob
from napari_nx46.scale.execute.lanes import ClusterLanes, StartedCluster
from napari_nx46.scale.execute.ledger import Ledger
from napari_nx46.scale.execute.measuring import MeasuredTile
from napari_nx46.scale.execute.parts import Parts, owned
from napari_nx46.scale.execute.progress import ApplyProgress, ApplyState, Failure, Pace
from napari_nx46.scale.execute.scratch import Scratch
from napari_nx46.scale.execute.stages import share_of
from napari_nx46.scale.execute.tasks import TileReport, TileTask
from napari_nx46.scale.execute.thresholding import needs_measuring, with_measures
from napari_nx46.scale.plan.errors import ApplyError
from napari_nx46.scale.plan.plan import ApplyPlan
from napari_nx46.scale.plan.reach import tiles_present
from napari_nx46.voxels.blocks import block_shape
from napari_nx46.voxels.workers import CancelCheck, Cancelled, never

__all__ = ["RunOptions", "apply"]


@dataclass(frozen=True, slots=True)
class RunOptions:
    """How a plan is run; none of it changes the mask.

    Parameters
    ----------
    cluster : ClusterChoice
    part, parts : int
        Which share of the tiles, from 1, of how many; the others are done by other processes.
    restart : bool
        Begin again, whatever is there.
    keep_scratch : bool
        Leave the folder of scratch and ledger when the image is complete.
    """

    cluster: ClusterChoice = field(default_factory=ClusterChoice)
    part: int = 1
    parts: int = 1
    restart: bool = False
    keep_scratch: bool = False

    @property
    def lanes(self) -> int:
        """How many tiles are computed at a time, as far as is known."""
        return self.cluster.workers or self.cluster.threads or os.cpu_count() or 1

    def with_lanes(self, count: int) -> RunOptions:
        """Return the options with so many threads or processes of this machine."""
        if self.cluster.workers is None:
            return replace(self, cluster=ClusterChoice(threads=count))
        return replace(self, cluster=ClusterChoice(workers=count))


def apply(
    plan: ApplyPlan,
    *,
    workers: int | None = None,
    options: RunOptions | None = None,
    cluster: StartedCluster | None = None,
    cancelled: CancelCheck = never,
) -> Iterator[ApplyProgress]:
    """Run a plan, or go on with it where it was; yields now and then how far it is.

    Parameters
    ----------
    plan : ApplyPlan
        From `plan_apply`.
    workers : int, optional
        Processes of this machine; by default threads of this process, one a processor.
    options : RunOptions, optional
        Instead of `workers`.
    cluster : StartedCluster, optional
        That of the options, if it was started before.
    cancelled : callable
        Asked about twice a second.

    Yields
    ------
    ApplyProgress
        The last one says how it ended.

    Raises
    ------
    ApplyError
        If there is another image or another plan, or the cluster cannot be reached.
    VolumeError
        If a volume cannot be opened.
    WriteError
        If the folder cannot be written.

    Examples
    --------
    >>> from napari_nx46.scale import apply, plan_apply
    >>> plan = plan_apply("scroll.zarr", setting, "mask.zarr")  # doctest: +SKIP
    >>> for progress in apply(plan, workers=2):  # doctest: +SKIP
    ...     print(progress.name, progress.done, progress.total)
    """
    chosen = options or RunOptions(ClusterChoice(workers=workers))
    if is_finished(plan) and not chosen.restart:
        yield _ended(plan, ApplyState.DONE)
        return
    _check_target(plan, chosen)
    with owned(plan.work, chosen.part):
        if chosen.restart:
            _clear(plan)
        _make_folders(plan, alone=chosen.parts == 1)
        ledger_path = plan.work / Parts(chosen.part, chosen.parts, plan.work).ledger_name
        with ExitStack() as stack:
            started = cluster or stack.enter_context(StartedCluster(chosen.cluster))
            ledger = stack.enter_context(Ledger.open(ledger_path, plan.identity()))
            lanes = ClusterLanes(started)
            measuring = _Measuring(plan, lanes, cancelled)
            job = yield from measuring.job()
            if job is not None:
                yield from _Run(job, chosen, ledger, lanes, cancelled).stages()


class _Measuring:
    """What is counted before the first stage, where the setting does not state its threshold."""

    def __init__(self, plan: ApplyPlan, lanes: ClusterLanes, cancelled: CancelCheck) -> None:
        self._plan = plan
        self._lanes = lanes
        self._cancelled = cancelled
        self._failures: list[Failure] = []

    def job(self) -> Generator[ApplyProgress, None, TileJob | None]:
        """Return what all tasks share; None after the progress that says how it ended."""
        if not needs_measuring(self._plan):
            return TileJob(self._plan, self._plan.threshold())
        yield self._progress(ApplyState.RUNNING)
        try:
            return with_measures(self._plan, self._computed)
        except Cancelled:
            yield self._progress(ApplyState.CANCELLED, "run again to go on")
        except _Failed:
            yield self._progress(ApplyState.FAILED, "run again when that is mended")
        return None

    def _computed(self, job: TileJob, tasks: Sequence[TileTask]) -> Iterator[MeasuredTile]:
        with self._lanes.working(job, tasks) as lanes:
            while not lanes.idle:
                if self._cancelled():
                    raise Cancelled
                for task, report in lanes.step():
                    if report.error is not None:
                        place = self._plan.grid.place(task.number)
                        self._failures.append(Failure("counting", place, report.error))
                        raise _Failed
                    yield report.measured

    def _progress(self, state: ApplyState, words: str = "") -> ApplyProgress:
        count = len(self._plan.stage_names)
        tiles = len(self._plan.grid)
        failures = tuple(self._failures)
        return ApplyProgress(
            state, 0, count, "counting scores", 0, tiles, failures=failures, words=words
        )


class _Failed(Exception):
    """A tile could not be counted."""


class _Run:
    """One run of a plan in this process."""

    def __init__(
        self,
        job: TileJob,
        options: RunOptions,
        ledger: Ledger,
        lanes: ClusterLanes,
        cancelled: CancelCheck,
    ) -> None:
        plan = job.plan
        self._plan = plan
        self._job = job
        self._lanes = lanes
        self._options = options
        self._ledger = ledger
        self._cancelled = cancelled
        self._parts = Parts(options.part, options.parts, plan.work)
        self._present = tiles_present(plan, plan.sources.open(), job.threshold, job.measured)
        self._book = StageBook(job, ledger, self._present, alone=options.parts == 1)
        self._failures: list[Failure] = []
        self._no_room = False
        self._pace = Pace()
        self._stage = self._done = self._total = 0

    def stages(self) -> Iterator[ApplyProgress]:
        """Run all stages; the last progress says how it ended."""
        for stage in range(len(self._plan.stage_names)):
            self._stage = stage
            yield from self._run_stage(stage)
            if self._cancelled():
                yield self._progress(ApplyState.CANCELLED, "run again to go on")
                return
            if self._failures:
                yield self._progress(ApplyState.FAILED, self._advice())
                return
            if not self._parts.exchange(self._ledger, stage):
                yield self._progress(ApplyState.WAITING, self._parts.waiting_words(stage))
                return
            self._book.settle(stage)
        if not self._parts.finishes:
            yield self._progress(ApplyState.DONE, "part 1 completes the image")
            return
        self._lanes.close()
        try:
            finish(self._plan, self._job, self._ledger, self._present, self._cancelled)
        except Cancelled:
            yield self._progress(ApplyState.CANCELLED, "run again to go on")
            return
        self._ledger.close()
        if not self._options.keep_scratch:
            shutil.rmtree(self._plan.work, ignore_errors=True)
        yield _ended(self._plan, ApplyState.DONE)

    # ---- one stage -------------------------------------------------------------------------

    def _run_stage(self, stage: int) -> Iterator[ApplyProgress]:
        """Compute what is not done of a stage."""
        tasks = share_of(self._book.tasks(stage), self._options.part, self._options.parts)
        known = self._book.done(stage)
        waiting = [task for task in tasks if task.number not in known]
        self._total, self._done = len(tasks), len(tasks) - len(waiting)
        self._pace = Pace()
        yield self._progress()
        if not waiting:
            return
        with self._lanes.working(self._job, waiting) as lanes:
            while not (lanes.idle or self._cancelled() or self._no_room):
                for task, report in lanes.step():
                    self._take(task, report)
                yield self._progress()
        self._ledger.commit()

    def _take(self, task: TileTask, report: TileReport) -> None:
        """Note how a task ended."""
        record = report.record
        if record is not None:
            self._ledger.add(task.stage, task.number, record)
            self._done += 1
            self._pace.add(self._voxels(task), record.bytes_read)
        elif report.error is not None:
            self._no_room = self._no_room or report.no_room
            name = self._plan.stage_names[task.stage]
            self._failures.append(Failure(name, self._place(task), report.error))

    # ---- words -----------------------------------------------------------------------------

    def _progress(self, state: ApplyState = ApplyState.RUNNING, words: str = "") -> ApplyProgress:
        names, pace = self._plan.stage_names, self._pace
        left = None
        if pace.tiles_per_second and state is ApplyState.RUNNING:
            passes = len(self._plan.passes)
            later = max(0, passes - 1 - self._stage) * self._total
            left = (self._total - self._done + later) / pace.tiles_per_second
        return ApplyProgress(
            state,
            self._stage + 1,
            len(names),
            names[self._stage],
            self._done,
            self._total,
            pace.voxels_per_second,
            pace.bytes_per_second,
            left,
            tuple(self._failures),
            words,
        )

    def _advice(self) -> str:
        if self._no_room:
            free = shutil.disk_usage(self._plan.work).free
            left = self._total - self._done
            need = self._bytes_of_a_tile() * left
            return (
                f"the disk is full: {free / 1e9:.1f} GB are free, and about {need / 1e9:.1f} GB "
                "more are needed for this stage; make room and run again to go on"
            )
        return "run again to go on with those: all others are done"

    def _bytes_of_a_tile(self) -> float:
        sizes = [
            sum(size for size, _ in one.files.values()) + sum(chunk.size for chunk in one.chunks)
            for _, one in self._ledger.records(self._stage)
        ]
        return sum(sizes) / max(1, len(sizes))

    def _voxels(self, task: TileTask) -> int:
        if task.chunks:
            return len(task.chunks) * self._plan.output.chunk**3
        z, y, x = block_shape(self._plan.grid.block(task.number))
        return z * y * x

    def _place(self, task: TileTask) -> tuple[int, int, int]:
        return task.chunks[0] if task.chunks else self._plan.grid.place(task.number)


def _ended(plan: ApplyPlan, state: ApplyState) -> ApplyProgress:
    names = plan.stage_names
    return ApplyProgress(state, len(names), len(names), names[-1], 0, 0)


def _check_target(plan: ApplyPlan, options: RunOptions) -> None:
    """Check that no other image is at the place of the new one."""
    if options.restart and options.parts > 1:
        raise ApplyError(
            f"--restart: one part cannot begin again for all; remove {plan.work} and {plan.partial}"
        )
    if plan.out.exists() and not options.restart:
        raise ApplyError(
            f"{plan.out}: found an image of another plan; choose another name, or give --restart, "
            "which replaces it"
        )
    if not plan.out.parent.is_dir():
        raise ApplyError(f"{plan.out}: the folder {plan.out.parent} does not exist")


def _clear(plan: ApplyPlan) -> None:
    """Remove what an earlier run of any plan left unfinished; a complete image stays."""
    for path in (plan.partial, *plan.work.glob("*")):
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        elif path.suffix != ".lock":
            path.unlink(missing_ok=True)


def _make_folders(plan: ApplyPlan, *, alone: bool) -> None:
    try:
        plan.partial.mkdir(exist_ok=True)
        Scratch(plan.work / "scratch", plan.grid).make(alone=alone)
    except OSError as error:
        raise WriteError(plan.out, error.strerror or str(error), error.errno) from error
