"""Running a plan: its stages one after the other, each a flat set of tasks on a Dask cluster."""

from __future__ import annotations

import shutil
import uuid
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from functools import cached_property

from napari_nx46.campaign.execute.cluster import (
    CLUSTER_GONE,
    CampaignError,
    ClusterChoice,
    connected,
)
from napari_nx46.campaign.execute.dispatch import Dispatcher
from napari_nx46.core.threshold.rules import fixed_pair, threshold_of
from napari_nx46.files.atomic import WriteError
from napari_nx46.files.mask_store.layout import Index
from napari_nx46.scale.execute.errors import ApplyError
from napari_nx46.scale.execute.finish import finish, is_finished
from napari_nx46.scale.execute.ledger import Ledger, TileRecord
from napari_nx46.scale.execute.owning import owned
from napari_nx46.scale.execute.parts import Parts
from napari_nx46.scale.execute.plan import ApplyPlan
from napari_nx46.scale.execute.progress import ApplyProgress, ApplyState, Failure, Pace
from napari_nx46.scale.execute.reach import existing_chunks, present_tiles
from napari_nx46.scale.execute.stages import (
    TileQueue,
    background_tiles,
    level_tasks,
    pass_tasks,
    share_of,
)
from napari_nx46.scale.execute.tasks import TileJob, TilePlugin, TileReport, TileTask, TileTasks
from napari_nx46.scale.stages import Labelling, Pass
from napari_nx46.voxels.blocks import block_shape
from napari_nx46.voxels.merging import merge_pieces
from napari_nx46.voxels.pieces import TilePieces, uniform_pieces
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


def apply(
    plan: ApplyPlan,
    *,
    workers: int | None = None,
    options: RunOptions | None = None,
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
        job = TileJob(plan, threshold_of([fixed_pair(plan.setting)]))
        _make_folders(plan, job, alone=chosen.parts == 1)
        ledger_path = plan.work / Parts(chosen.part, chosen.parts, plan.work).ledger_name
        with Ledger.open(ledger_path, plan.identity()) as ledger:
            yield from _Run(plan, job, chosen, ledger, cancelled).stages()


class _Run:
    """One run of a plan in this process."""

    def __init__(
        self,
        plan: ApplyPlan,
        job: TileJob,
        options: RunOptions,
        ledger: Ledger,
        cancelled: CancelCheck,
    ) -> None:
        self._plan = plan
        self._job = job
        self._options = options
        self._ledger = ledger
        self._cancelled = cancelled
        self._parts = Parts(options.part, options.parts, plan.work)
        self._failures: list[Failure] = []
        self._no_room = False
        self._pace = Pace()
        self._stage = self._done = self._total = 0

    def stages(self) -> Iterator[ApplyProgress]:
        """Run all stages; the last progress says how it ended."""
        with ExitStack() as stack:
            lanes = _Lanes(stack, self._job, self._options.cluster)
            for stage in range(len(self._plan.stage_names)):
                self._stage = stage
                yield from self._run_stage(stage, lanes)
                if self._cancelled():
                    yield self._progress(ApplyState.CANCELLED, "run again to go on")
                    return
                if self._failures:
                    yield self._progress(ApplyState.FAILED, self._advice())
                    return
                if not self._parts.exchange(self._ledger, stage):
                    waiting = self._parts.waiting_words(stage)
                    yield self._progress(ApplyState.WAITING, waiting)
                    return
                self._settle(stage)
        if not self._parts.finishes:
            yield self._progress(ApplyState.DONE, "part 1 completes the image")
            return
        try:
            finish(self._plan, self._job, self._ledger, self._tiles_present, self._cancelled)
        except Cancelled:
            yield self._progress(ApplyState.CANCELLED, "run again to go on")
            return
        self._ledger.close()
        if not self._options.keep_scratch:
            shutil.rmtree(self._plan.work, ignore_errors=True)
        yield _ended(self._plan, ApplyState.DONE)

    # ---- one stage -------------------------------------------------------------------------

    def _run_stage(self, stage: int, lanes: _Lanes) -> Iterator[ApplyProgress]:
        """Compute what is not done of a stage."""
        tasks = share_of(self._tasks(stage), self._options.part, self._options.parts)
        known = {
            tile for tile, record in self._ledger.records(stage) if self._is_there(tile, record)
        }
        waiting = [task for task in tasks if task.number not in known]
        self._total, self._done = len(tasks), len(tasks) - len(waiting)
        self._pace = Pace()
        yield self._progress()
        if not waiting:
            return
        with lanes.working(waiting) as dispatcher:
            while not (dispatcher.idle or self._cancelled() or self._no_room):
                for task, report in dispatcher.step():
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

    def _tasks(self, stage: int) -> list[TileTask]:
        """Return all tasks of a stage, those of other parts too."""
        plan = self._plan
        level = plan.level_of(stage)
        if level is not None:
            return level_tasks(plan, stage, self._chunks(level - 1))
        part = plan.passes[stage]
        if part.reads is None:
            return [TileTask(stage, tile) for tile in self._tiles_present]
        return pass_tasks(plan, part, self._foreground(part.reads), self._filled(part))

    @cached_property
    def _tiles_present(self) -> list[int]:
        """The tiles whose volumes have any chunk."""
        plan = self._plan
        corner = (0, 0, 0)
        if plan.sources.box is not None:
            z, y, x = (start for start, _ in plan.sources.box)
            corner = (z, y, x)
        existing = existing_chunks(plan.sources.open())
        present = present_tiles(existing, plan.shape, plan.tile, plan.source_halo(), corner)
        return [int(tile) for tile in present.reshape(-1).nonzero()[0]]

    def _foreground(self, layer: str) -> set[int]:
        """Return the tiles of a layer that have foreground."""
        writer = next(one for one in self._plan.passes if one.writes == layer)
        kind = f"layers/{layer}"
        return {tile for tile, one in self._ledger.records(writer.number) if kind in one.files}

    def _filled(self, part: Pass) -> set[int]:
        """Return the tiles without a file of pieces that are background to be filled."""
        if part.decides is None or not part.decides.rule.background:
            return set()
        known = self._labelled(part.decides)
        scratch, name = self._job.scratch, part.decides.name
        absent = (tile for tile in range(len(self._plan.grid)) if tile not in known)
        return {tile for tile in absent if not scratch.staying(name, tile).all()}

    def _labelled(self, labelling: Labelling) -> set[int]:
        """Return the tiles that have a file of pieces."""
        kind = f"pieces/{labelling.name}"
        writers = (one for one in self._plan.passes if labelling in one.labellings)
        return {
            tile
            for one in writers
            for tile, record in self._ledger.records(one.number)
            if kind in record.files
        }

    def _chunks(self, level: int) -> set[Index]:
        """Return the chunks of a level that have foreground."""
        stages = len(self._plan.stage_names)
        last = len(self._plan.passes) - 1
        made = last if level < self._plan.levels_with_tiles else None
        writers = [
            stage for stage in range(stages) if stage == made or self._plan.level_of(stage) == level
        ]
        return {
            chunk.index
            for stage in writers
            for _, record in self._ledger.records(stage)
            for chunk in record.chunks
            if chunk.level == level
        }

    def _is_there(self, tile: int, record: TileRecord) -> bool:
        """Return whether what a tile left in scratch is still there."""
        return self._job.scratch.missing(record.files, tile) is None

    # ---- between stages --------------------------------------------------------------------

    def _settle(self, stage: int) -> None:
        """Decide on the pieces that a stage found, and give back what nobody reads any more."""
        if stage >= len(self._plan.passes):
            return
        part, scratch = self._plan.passes[stage], self._job.scratch
        for labelling in part.labellings:
            if not scratch.has_decisions(labelling.name):
                self._decide(labelling)

    def _decide(self, labelling: Labelling) -> None:
        grid, scratch, rule = self._plan.grid, self._job.scratch, labelling.rule
        known = self._labelled(labelling)
        more = background_tiles(grid, rule, known) if rule.background else {}
        if more is None:
            absent = (tile for tile in range(len(grid)) if tile not in known)
            more = {
                tile: uniform_pieces(rule, False, grid.block(tile), grid.shape) for tile in absent
            }
        uniform = more

        def load(tile: int) -> TilePieces:
            found = uniform.get(tile)
            return scratch.pieces(labelling.name, tile) if found is None else found

        decisions = merge_pieces(rule, grid, [*known, *uniform], load)
        scratch.write_decisions(labelling.name, decisions)

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


class _Lanes:
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
        self._queue.add(tasks)
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
            f"{plan.out}: found an image of another plan; choose another name, or give --restart "
            "to replace it"
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


def _make_folders(plan: ApplyPlan, job: TileJob, *, alone: bool) -> None:
    try:
        plan.partial.mkdir(exist_ok=True)
        job.scratch.make(alone=alone)
    except OSError as error:
        raise WriteError(plan.out, error.strerror or str(error), error.errno) from error
