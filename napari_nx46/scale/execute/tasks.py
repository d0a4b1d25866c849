"""What runs on a Dask worker: tiles of passes, and chunks of coarser levels.

A task carries numbers alone. What all tasks share (addresses, the setting, folders) comes once, by
a plugin; every worker opens the volumes on its own.
"""

from __future__ import annotations

import errno
import threading
import time
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
from distributed import Client, Worker, get_worker
from distributed.diagnostics.plugin import WorkerPlugin

from napari_nx46.campaign.execute.dispatch import Call, Lane
from napari_nx46.core.score.fragment_score import FragmentScore
from napari_nx46.core.score.measured import NOT_MEASURED, Measured
from napari_nx46.core.score.weak import WeakVoxels
from napari_nx46.core.threshold.thresholds import Threshold
from napari_nx46.files.mask_store.chunks import ChunkFiles, ChunkHash
from napari_nx46.files.mask_store.layout import Index
from napari_nx46.scale.execute.ledger import TileRecord
from napari_nx46.scale.execute.measuring import Measure, MeasuredTile, measure_tile
from napari_nx46.scale.execute.scratch import Scratch
from napari_nx46.scale.plan.plan import ApplyPlan
from napari_nx46.scale.plan.sources import CountedVolume
from napari_nx46.scale.stages import SHEETS, Pass
from napari_nx46.scale.tiles import TileOutput, TileWork
from napari_nx46.voxels.blocks import (
    Block,
    FloatVolume,
    Mask,
    VolumeLike,
    block_shape,
    hull,
    intersection,
)
from napari_nx46.voxels.halving import halved
from napari_nx46.voxels.pieces import TilePieces
from napari_nx46.voxels.workers import Cancelled

__all__ = [
    "TASK_ERRORS",
    "TileJob",
    "TilePlugin",
    "TileReport",
    "TileTask",
    "TileTasks",
    "compute",
    "failed_report",
    "opened",
]

_NO_ROOM = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
TASK_ERRORS = (ValueError, KeyError, MemoryError, OSError)
"""What a tile that cannot be computed raises: a damaged chunk, no memory, a full disk."""

_NOWHERE = np.float32(-1)
"""A score that reaches no threshold."""


@dataclass(frozen=True, slots=True)
class TileJob:
    """What all tasks of a plan share; travels once to each worker.

    Parameters
    ----------
    plan : ApplyPlan
    threshold : Threshold
    measured : Measured
        What scores follow from of the whole volume.
    """

    plan: ApplyPlan
    threshold: Threshold
    measured: Measured = NOT_MEASURED

    @property
    def scratch(self) -> Scratch:
        """What passes leave for later ones."""
        return Scratch(self.plan.work / "scratch", self.plan.grid)

    @property
    def files(self) -> ChunkFiles:
        """The chunks of the image while it is not complete."""
        return ChunkFiles(self.plan.layout, self.plan.partial, self.scratch.staging)


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
    """

    stage: int
    number: int
    chunks: tuple[Index, ...] = ()
    near: tuple[int, ...] = ()
    measure: Measure | None = None

    @property
    def key(self) -> str:
        """No other task's."""
        return f"{self.stage}-{self.number}"


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


@dataclass(eq=False)
class _Opened:
    """The volumes of a worker, and what computes tiles from them."""

    volumes: dict[str, CountedVolume]
    score: FragmentScore
    weak: WeakVoxels
    work: TileWork
    lock: threading.Lock = field(default_factory=threading.Lock)

    def take_bytes_read(self) -> int:
        """Return how many bytes were read since the last call."""
        with self.lock:
            total = sum(volume.bytes_read for volume in self.volumes.values())
            for volume in self.volumes.values():
                volume.bytes_read = 0
        return total


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
        self._lanes: dict[int, tuple[threading.Lock, _Opened]] = {}

    def teardown(self, worker: Worker) -> None:
        """Give the memory back."""
        self.stopped.set()
        self._lanes.clear()

    def compute(self, lane: int, task: TileTask) -> TileReport:
        """Compute a task in its lane, alone."""
        try:
            in_use, opened = self._lane(lane)
            with in_use:
                if self.stopped.is_set():
                    return TileReport()
                began = time.perf_counter()
                if task.measure is not None:
                    return _measured(self.job, opened, task, task.measure)
                record = compute(self.job, opened, task)
        except Cancelled:
            return TileReport()
        except TASK_ERRORS as error:
            return failed_report(error)
        return TileReport(record.model_copy(update={"seconds": time.perf_counter() - began}))

    def _lane(self, lane: int) -> tuple[threading.Lock, _Opened]:
        with self._opening:
            found = self._lanes.get(lane)
            if found is None:
                found = (threading.Lock(), opened(self.job))
                self._lanes[lane] = found
            return found


def _measured(job: TileJob, opened: _Opened, task: TileTask, measure: Measure) -> TileReport:
    """Return the report of a task that measures."""
    plan, image = job.plan, opened.volumes.get("image")
    found = measure_tile(plan.setting, plan.grid, task.number, measure, opened.score, image)
    return TileReport(TileRecord(bytes_read=opened.take_bytes_read()), measured=found)


def failed_report(error: Exception) -> TileReport:
    """Return the report of a task that raised one of `TASK_ERRORS`."""
    no_room = isinstance(error, OSError) and error.errno in _NO_ROOM
    return TileReport(error=str(error) or type(error).__name__, no_room=no_room)


def opened(job: TileJob) -> _Opened:
    """Open the volumes of a plan."""
    plan = job.plan
    volumes = {
        name: CountedVolume(volume, plan.sources.box)
        for name, volume in plan.sources.open().items()
    }
    fragment = plan.sources.fragment(volumes)
    score = FragmentScore(fragment, keep_score=False, measured=job.measured)
    work = TileWork(plan.setting, job.threshold, plan.grid)
    return _Opened(volumes, score, WeakVoxels(score), work)


@dataclass(frozen=True, slots=True)
class _Inputs:
    """The inputs of a tile, read from the volumes and from scratch."""

    job: TileJob
    opened: _Opened
    halo: tuple[int, int, int]
    near: tuple[int, ...]
    counts: dict[str, int] = field(default_factory=dict)

    @property
    def image(self) -> VolumeLike | None:
        """The CT, if there is one."""
        return self.opened.volumes.get("image")

    def score(self, block: Block) -> FloatVolume | None:
        """Return the scores of a box; those where the CT is not above reach no threshold."""
        plan = self.job.plan
        score = self.opened.score.score(plan.setting, block)
        for name, volume in self.opened.volumes.items():
            nothing = volume.without_prediction(block)
            if nothing is not None:
                self.counts[f"no prediction in {name}"] = int(np.count_nonzero(nothing))
        if plan.ct_above is None:
            return score
        there = self.on_ct(block)
        lowest = self.job.threshold.lower.lowest_scores(block[0])[:, None, None]
        self.counts["reached"] = int(np.count_nonzero(score >= lowest))
        self.counts["reached where the CT is not above"] = int(
            np.count_nonzero((score >= lowest) & ~there)
        )
        return np.where(there, score, _NOWHERE)

    def weak(self, block: Block, high: Mask, low: Mask) -> Mask:
        """Return which voxels of a box count as reaching the low threshold."""
        plan = self.job.plan
        weak = self.opened.weak.adjusted(plan.setting, block, high, low)
        return weak if plan.ct_above is None else weak & self.on_ct(block)

    def on_ct(self, block: Block) -> npt.NDArray[np.bool_]:
        """Return where the CT is above what counts as background."""
        found: npt.NDArray[np.bool_] = (
            np.asarray(self.opened.volumes["image"][block]) > self.job.plan.ct_above
        )
        return found

    def mask(self, layer: str, block: Block) -> Mask | None:
        """Return any box of a layer."""
        return self.job.scratch.mask(layer, block, self.halo, self.near)

    def filled(self, layer: str, block: Block) -> Block | None:
        """Return a box that has all foreground of a box: that of the tiles which have any."""
        grid = self.job.plan.grid
        parts = [intersection(grid.block(tile), block) for tile in self.near]
        return hull(parts) if parts else None

    def pieces(self, name: str, tile: int) -> TilePieces:
        """Return the pieces of a tile."""
        return self.job.scratch.pieces(name, tile)

    def staying(self, name: str, tile: int) -> npt.NDArray[np.bool_]:
        """Return which of them stay."""
        return self.job.scratch.staying(name, tile)

    def sheets(self, block: Block, tile: int) -> npt.NDArray[np.int32] | None:
        """Return the sheets of a box within a tile."""
        return self.job.scratch.sheets(block, tile, halo_written(self.job.plan, SHEETS))

    def sheet_keys(self, tile: int) -> npt.NDArray[np.int64]:
        """Return the key of each sheet of a tile."""
        scratch = self.job.scratch
        try:
            return scratch.pieces(SHEETS, tile).all_keys(scratch.keys(SHEETS, tile))
        except FileNotFoundError:
            return np.empty(0, np.int64)


def compute(job: TileJob, opened: _Opened, task: TileTask) -> TileRecord:
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
    inputs = _Inputs(job, opened, halo_written(job.plan, part.reads), task.near)
    output = opened.work.run(part, task.number, inputs)
    counts = {**output.counts, **inputs.counts}
    if part.writes is None:
        record = _result(job, inputs, task.number, output, counts)
    else:
        record = _left(job, part, task.number, output, counts)
    return record.model_copy(update={"bytes_read": opened.take_bytes_read()})


def halo_written(plan: ApplyPlan, layer: str | None) -> tuple[int, int, int]:
    """Return how thick the slabs of a layer are: the halo of the pass that reads it."""
    for part in plan.passes:
        if layer is not None and (part.reads == layer or (layer == SHEETS and part.parts)):
            return part.halo(plan.setting)
    return 0, 0, 0


def _left(
    job: TileJob, part: Pass, tile: int, output: TileOutput, counts: dict[str, int]
) -> TileRecord:
    """Write what a pass leaves for later ones."""
    scratch, files = job.scratch, {}
    if part.writes is not None and output.mask is not None:
        halo = halo_written(job.plan, part.writes)
        files[f"layers/{part.writes}"] = scratch.write_mask(part.writes, tile, output.mask, halo)
    for name, pieces in output.pieces.items():
        files[f"pieces/{name}"] = scratch.write_pieces(name, tile, pieces)
    if output.sheets is not None:
        halo = halo_written(job.plan, SHEETS)
        files[f"layers/{SHEETS}"] = scratch.write_sheets(tile, output.sheets, halo)
    return TileRecord(counts=counts, files=files)


def _result(
    job: TileJob, inputs: _Inputs, tile: int, output: TileOutput, counts: dict[str, int]
) -> TileRecord:
    """Write the chunks of a tile's mask, of the levels that the tile has whole chunks of."""
    plan, mask = job.plan, output.mask
    block = plan.grid.block(tile)
    if mask is not None and plan.ct_above is not None and len(plan.passes) > 1:
        mask = mask * inputs.on_ct(block)
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


def compute_in_lane(plugin: str, lane: int, task: TileTask) -> TileReport:
    """Compute a task on the worker that this runs on.

    Parameters
    ----------
    plugin : str
        Name of the run's `TilePlugin`.
    lane : int
        Number of the lane among those of this worker.
    task : TileTask
    """
    found = get_worker().plugins[plugin]
    if not isinstance(found, TilePlugin):
        raise TypeError(f"the worker's plugin {plugin} is none of a plan")
    return found.compute(lane, task)


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

    def call(self, lane: Lane, task: TileTask) -> Call[TileReport]:
        """Return what computes a task in a lane."""
        return Call(compute_in_lane, (self.plugin, lane.number, task))

    def failed(self, task: TileTask, reason: str) -> TileReport:
        """Return the report of a task that raised."""
        return TileReport(error=f"{self._name(task)}: {reason}")

    def died(self, task: TileTask, deaths: int) -> TileReport:
        """Return the report of a task during which so many workers died."""
        return TileReport(
            error=f"{self._name(task)}: {deaths} workers died while they computed "
            "it; is there enough memory? a smaller --tile needs less"
        )

    def _name(self, task: TileTask) -> str:
        return "counting" if task.measure is not None else self.plan.stage_names[task.stage]

    def stop(self, client: Client) -> None:
        """Let the tasks of all workers end between two tiles."""
        client.run(stop_tiles, self.plugin, on_error="ignore")
