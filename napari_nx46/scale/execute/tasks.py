"""What runs on a Dask worker: tiles of passes, and chunks of coarser levels.

A task carries numbers alone. What all tasks share (addresses, the setting, folders) comes once, by
a plugin; every worker opens the volumes on its own.
"""

from __future__ import annotations

import errno
import threading
import time
from dataclasses import dataclass

import numpy as np
from distributed import Client, Worker, get_worker
from distributed.diagnostics.plugin import WorkerPlugin

from napari_nx46.campaign.execute.dispatch import Call, Lane
from napari_nx46.files.mask_store.chunks import ChunkHash
from napari_nx46.files.mask_store.layout import Index
from napari_nx46.scale.execute.inputs import (
    Opened,
    StoredInputs,
    TileJob,
    halo_written,
    opened,
)
from napari_nx46.scale.execute.ledger import TileRecord
from napari_nx46.scale.execute.measuring import Measure, MeasuredTile, measure_tile
from napari_nx46.scale.execute.scratch import ends_reached
from napari_nx46.scale.plan.plan import ApplyPlan
from napari_nx46.scale.stages import SHEETS, Pass
from napari_nx46.scale.tiles import TileOutput
from napari_nx46.voxels.blocks import (
    Block,
    Mask,
    block_shape,
)
from napari_nx46.voxels.halving import halved
from napari_nx46.voxels.workers import Cancelled

__all__ = [
    "TASK_ERRORS",
    "TileBatch",
    "TilePlugin",
    "TileReport",
    "TileTask",
    "TileTasks",
    "compute",
    "failed_report",
]

_NO_ROOM = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
TASK_ERRORS = (ValueError, KeyError, MemoryError, OSError)
"""What a tile that cannot be computed raises: a damaged chunk, no memory, a full disk."""

BATCH_SECONDS = 0.5
"""After which no further tile of a batch is begun."""


@dataclass(frozen=True, slots=True)
class TileTask:
    """One tile of a pass, or a group of chunks of a level.

    Parameters
    ----------
    stage, number : int
        Of the plan, and of the tile or group.
    chunks : tuple of Index
        Of the group.
    near : tuple of int
        Tiles that the pass reads the layer of, and that have foreground there.
    measure : Measure, optional
        What is counted instead.
    part : Block, optional
        Box beyond which the tile's scores reach no threshold.
    by_hand : bool
        Whether all foreground of the tile is what is added by hand.
    """

    stage: int
    number: int
    chunks: tuple[Index, ...] = ()
    near: tuple[int, ...] = ()
    measure: Measure | None = None
    part: Block | None = None
    by_hand: bool = False

    @property
    def key(self) -> str:
        """No other task's."""
        return f"{self.stage}-{self.number}"


@dataclass(frozen=True, slots=True)
class TileBatch:
    """Tasks that travel together: each way to a worker and back takes some 10 ms of CPU time.

    Parameters
    ----------
    tasks : tuple of TileTask
    """

    tasks: tuple[TileTask, ...]

    @property
    def key(self) -> str:
        """No other batch's of the same length."""
        return f"{self.tasks[0].key}+{len(self.tasks)}"


@dataclass(frozen=True, slots=True)
class TileReport:
    """How a task ended; with neither of the two it was stopped.

    Parameters
    ----------
    record : TileRecord, optional
    error : str, optional
    no_room : bool
        Whether the disk is full, so that no other task would do better.
    measured : optional
        Of a task that measures.
    """

    record: TileRecord | None = None
    error: str | None = None
    no_room: bool = False
    measured: MeasuredTile = None


class TilePlugin(WorkerPlugin):
    """Keeps the opened volumes of a worker while a plan runs.

    Parameters
    ----------
    name : str
        No other run's.
    job : TileJob
    """

    def __init__(self, name: str, job: TileJob) -> None:
        self.name = name
        self.job = job

    def setup(self, worker: Worker) -> None:
        """Begin with nothing opened; a plugin that travels must hold no locks."""
        self.stopped = threading.Event()
        self._opening = threading.Lock()
        self._lanes: dict[int, tuple[threading.Lock, Opened]] = {}

    def teardown(self, worker: Worker) -> None:
        """Give the memory back."""
        self.stopped.set()
        self._lanes.clear()

    def compute_batch(self, lane: int, batch: TileBatch) -> tuple[TileReport, ...]:
        """Compute tasks in their lane, alone, until one fails or they have taken long enough.

        Returns
        -------
        tuple of TileReport
            Of the first tasks; there is at least one.
        """
        try:
            in_use, opened = self._lane(lane)
        except TASK_ERRORS as error:
            return (failed_report(error),)
        reports: list[TileReport] = []
        with in_use:
            began = time.perf_counter()
            for task in batch.tasks:
                reports.append(self._computed(opened, task))
                if reports[-1].record is None or time.perf_counter() - began > BATCH_SECONDS:
                    break
        return tuple(reports)

    def _computed(self, opened: Opened, task: TileTask) -> TileReport:
        if self.stopped.is_set():
            return TileReport()
        began = time.perf_counter()
        try:
            if task.measure is not None:
                return _measured(self.job, opened, task, task.measure)
            record = compute(self.job, opened, task)
        except Cancelled:
            return TileReport()
        except TASK_ERRORS as error:
            return failed_report(error)
        return TileReport(record.model_copy(update={"seconds": time.perf_counter() - began}))

    def _lane(self, lane: int) -> tuple[threading.Lock, Opened]:
        with self._opening:
            found = self._lanes.get(lane)
            if found is None:
                found = (threading.Lock(), opened(self.job))
                self._lanes[lane] = found
            return found


def _measured(job: TileJob, opened: Opened, task: TileTask, measure: Measure) -> TileReport:
    """Return the report of a task that measures."""
    plan, image = job.plan, opened.volumes.get("image")
    found = measure_tile(plan.setting, plan.grid, task.number, measure, opened.score, image)
    return TileReport(TileRecord(bytes_read=opened.take_bytes_read()), measured=found)


def failed_report(error: Exception) -> TileReport:
    """Return the report of a task that raised one of `TASK_ERRORS`."""
    no_room = isinstance(error, OSError) and error.errno in _NO_ROOM
    return TileReport(error=str(error) or type(error).__name__, no_room=no_room)


def compute(job: TileJob, opened: Opened, task: TileTask) -> TileRecord:
    """Compute a task, and write what it leaves.

    Raises
    ------
    VolumeError, FramesError, WriteError, OSError
        If something cannot be read or written.
    """
    level = job.plan.level_of(task.stage)
    if level is not None:
        made = (job.files.make_coarser(level, index) for index in task.chunks)
        return TileRecord(chunks=tuple(chunk for chunk in made if chunk is not None))
    part = job.plan.passes[task.stage]
    inputs = StoredInputs(job, opened, halo_written(job.plan, part.reads), task.near, task.part)
    by_hand = TileOutput(None)
    output = by_hand if task.by_hand else opened.work.run(part, task.number, inputs)
    counts = {**output.counts, **inputs.counts}
    if part.writes is None:
        record = _result(job, inputs, task.number, output, counts)
    else:
        record = _left(job, part, task.number, output, counts)
    return record.model_copy(update={"bytes_read": opened.take_bytes_read()})


def _left(
    job: TileJob, part: Pass, tile: int, output: TileOutput, counts: dict[str, int]
) -> TileRecord:
    """Write what a pass leaves for later ones."""
    scratch, files, ends = job.scratch, {}, None
    if part.writes is not None and output.mask is not None:
        halo = halo_written(job.plan, part.writes)
        ends = ends_reached(output.mask, halo)
        files[f"layers/{part.writes}"] = scratch.write_mask(part.writes, tile, output.mask, halo)
    for name, pieces in output.pieces.items():
        files[f"pieces/{name}"] = scratch.write_pieces(name, tile, pieces)
    if output.sheets is not None:
        halo = halo_written(job.plan, SHEETS)
        files[f"layers/{SHEETS}"] = scratch.write_sheets(tile, output.sheets, halo)
    return TileRecord(counts=counts, files=files, ends=ends)


def _result(
    job: TileJob, inputs: StoredInputs, tile: int, output: TileOutput, counts: dict[str, int]
) -> TileRecord:
    """Write the chunks of a tile's mask, of the levels that the tile has whole chunks of."""
    plan, mask = job.plan, output.mask
    block = plan.grid.block(tile)
    if mask is not None and plan.ct_above is not None and len(plan.passes) > 1:
        mask = mask * inputs.on_ct(block)
    if plan.corrections.by_fragment:
        computed = np.zeros(block_shape(block), np.uint8) if mask is None else mask
        mask = plan.corrections.apply(computed, block)
    kept = 0 if mask is None else int(np.count_nonzero(mask))
    counts["kept"] = kept
    if mask is None or not kept:
        return TileRecord(counts=counts, slices=(0,) * block_shape(block)[0])
    slices = tuple(int(np.count_nonzero(plane)) for plane in mask)
    return TileRecord(counts=counts, chunks=tuple(_written(job, block, mask)), slices=slices)


def _written(job: TileJob, block: Block, mask: Mask) -> list[ChunkHash]:
    files, voxels = job.files, mask * np.uint8(job.plan.output.value)
    z, y, x = (part.start for part in block)
    written = files.write_block(0, (z, y, x), voxels)
    for level in range(1, min(job.plan.levels_with_tiles, len(files.layout.shapes))):
        voxels = halved(voxels, files.layout.kind)
        z, y, x = z // 2, y // 2, x // 2
        written += files.write_block(level, (z, y, x), voxels)
    return written


# ---- for the dispatcher ------------------------------------------------------------------------


def compute_in_lane(plugin: str, lane: int, batch: TileBatch) -> tuple[TileReport, ...]:
    """Compute tasks on the worker that this runs on.

    Parameters
    ----------
    plugin : str
        Name of the run's `TilePlugin`.
    lane : int
        Number of the lane among those of this worker.
    batch : TileBatch
    """
    found = get_worker().plugins[plugin]
    if not isinstance(found, TilePlugin):
        raise TypeError(f"the worker's plugin {plugin} is none of a plan")
    return found.compute_batch(lane, batch)


def stop_tiles(plugin: str, dask_worker: Worker) -> None:
    """Begin no other tile on a worker; run by the scheduler on every worker."""
    found = dask_worker.plugins.get(plugin)
    if isinstance(found, TilePlugin):
        found.stopped.set()


@dataclass(frozen=True, slots=True)
class TileTasks:
    """The tasks of a plan, for its `Dispatcher`.

    Parameters
    ----------
    plugin : str
        Name of the registered `TilePlugin`.
    plan : ApplyPlan
    """

    plugin: str
    plan: ApplyPlan

    def call(self, lane: Lane, task: TileBatch) -> Call[tuple[TileReport, ...]]:
        """Return what computes a batch in a lane."""
        return Call(compute_in_lane, (self.plugin, lane.number, task))

    def failed(self, task: TileBatch, reason: str) -> tuple[TileReport, ...]:
        """Return the report of a task that raised; none of several, which one is not known of."""
        if len(task.tasks) > 1:
            return ()
        return (TileReport(error=f"{self._name(task)}: {reason}"),)

    def died(self, task: TileBatch, deaths: int) -> tuple[TileReport, ...]:
        """Return the report of a task during which so many workers died."""
        words = (
            f"{self._name(task)}: {deaths} workers died while they computed it; is there enough "
            "memory? a smaller --tile needs less"
        )
        return (TileReport(error=words),)

    def _name(self, batch: TileBatch) -> str:
        task = batch.tasks[0]
        return "counting" if task.measure is not None else self.plan.stage_names[task.stage]

    def stop(self, client: Client) -> None:
        """Let the tasks of all workers end between two tiles."""
        client.run(stop_tiles, self.plugin, on_error="ignore")
