"""What a plan will take: timed on a few tiles, whose results are thrown away."""

from __future__ import annotations

import math
import shutil
import tempfile
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from napari_nx46.core.cleanup.sheets import MOST_LAYERS
from napari_nx46.core.score.measured import Measured
from napari_nx46.core.score.measuring import readings
from napari_nx46.core.score.smoothing import has_sheetness
from napari_nx46.core.score.weak import is_gated
from napari_nx46.core.threshold.thresholds import Threshold
from napari_nx46.files.volumes.origin import VolumeError
from napari_nx46.files.volumes.reading import Logits
from napari_nx46.scale.execute.book import StageBook
from napari_nx46.scale.execute.inputs import TileJob, opened
from napari_nx46.scale.execute.ledger import Ledger, TileRecord
from napari_nx46.scale.execute.tasks import compute
from napari_nx46.scale.plan.corrections import NO_CORRECTIONS
from napari_nx46.scale.plan.errors import ApplyError
from napari_nx46.scale.plan.plan import ApplyPlan
from napari_nx46.scale.plan.reach import corner_of, tiles_present
from napari_nx46.scale.thresholds import fixed_threshold
from napari_nx46.setting import ScoreFrom
from napari_nx46.voxels.blocks import Block, block_shape, widened
from napari_nx46.voxels.workers import CancelCheck, Cancelled, never

if TYPE_CHECKING:
    from napari_nx46.files.volumes.volume import Volume

__all__ = ["Estimate", "estimate", "fitted", "memory_of_a_worker"]

_MOST_TIMED = 3
_SHARE_TIMED = 16
"""Of so many tiles one is timed: what is timed is computed again."""

_READINGS = 2
"""How often all scores are counted, where the threshold is a quantile of them."""

_BYTES_A_VOXEL = 12
"""Of a tile with its halo: measured, with labels of components, and rounded up."""

_HESSIAN = 44
"""Bytes a voxel that the sheetness takes: slopes along three axes, and six of their slopes."""

_SURROUNDINGS = 5
"""Bytes a voxel that are kept around a tile where sheets grow from far away: mask and numbers."""

_USUAL_MEMORY = 2 << 30
"""What two workers keep to with any other setting."""

_PROCESS_BYTES = 300 << 20
"""Of a process that computes nothing: Python, compiled kernels, Dask."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """What a plan will take, about.

    Parameters
    ----------
    shape : tuple of int
        Voxels of the mask along (Z, Y, X).
    tile, tiles, tiles_present : int
        Side of the tiles, how many, and how many of them have chunks.
    workers : int
        How many tiles are computed at a time.
    bytes_to_read : int
        Of the volumes, decoded.
    seconds : float
    scratch_bytes, output_bytes : int
        On the disk of the image.
    memory_bytes : int
        Of all workers together.
    free_bytes : int
        Of that disk, now.
    notes : tuple of str
        What a user should know.
    """

    shape: tuple[int, int, int]
    tile: int
    tiles: int
    tiles_present: int
    workers: int
    bytes_to_read: int
    seconds: float
    scratch_bytes: int
    output_bytes: int
    memory_bytes: int
    free_bytes: int
    notes: tuple[str, ...] = ()

    @property
    def fits(self) -> bool:
        """Whether the disk has room for image and scratch."""
        return self.scratch_bytes + self.output_bytes <= self.free_bytes


def memory_of_a_worker(plan: ApplyPlan) -> int:
    """Return about how many bytes a worker takes while it computes a tile."""
    halos = [plan.source_halo(), *(one.halo(plan.setting) for one in plan.passes)]
    cell = max(plan.setting.patch_blocks if plan.setting.patch_holes else 0, plan.tile)
    usual = _voxels_around(plan, cell, (max(axis) for axis in zip(*halos, strict=True)))
    needed = usual * (_BYTES_A_VOXEL + 4 * len(plan.sources.addresses))
    if has_sheetness(plan.setting) or is_gated(plan.setting):
        needed += usual * _HESSIAN
    if any(one.parts is not None for one in plan.passes):
        # A tile may need all that its sheets can have grown from.
        farthest = _voxels_around(plan, plan.tile, (plan.setting.sheet_gap + MOST_LAYERS,) * 3)
        needed = max(needed, farthest * (_BYTES_A_VOXEL + _SURROUNDINGS))
    return needed


def _voxels_around(plan: ApplyPlan, side: int, halo: Iterable[int]) -> int:
    """Return the voxels of a cube with a halo, as far as the volume goes."""
    sides = (side + 2 * more for more in halo)
    return math.prod(min(one, length) for one, length in zip(sides, plan.shape, strict=True))


def fitted(plan: ApplyPlan, workers: int, memory: int, *, processes: bool) -> tuple[ApplyPlan, int]:
    """Return a plan and a number of workers that keep to an amount of memory.

    Fewer workers come first, then smaller tiles.

    Parameters
    ----------
    plan : ApplyPlan
    workers : int
    memory : int
        Bytes of all workers together.
    processes : bool
        Whether each worker is a process.

    Raises
    ------
    ApplyError
        If one worker with the smallest tile needs more.
    """
    while True:
        for count in range(workers, 0, -1):
            if _together(plan, count, processes) <= memory:
                return plan, count
        smaller = _smaller(plan)
        if smaller is None:
            needed = _together(plan, 1, processes)
            raise ApplyError(
                f"--memory: found {memory / 2**30:.2g} GiB; one worker with tiles of {plan.tile} "
                f"voxels needs {needed / 2**30:.2g}"
            )
        plan = smaller


def _smaller(plan: ApplyPlan) -> ApplyPlan | None:
    """Return the plan with half the tile; None where a chunk has no room in that."""
    tile = plan.tile // 2 // plan.output.chunk * plan.output.chunk
    return replace(plan, tile=tile) if tile else None


def estimate(
    plan: ApplyPlan,
    *,
    workers: int = 1,
    processes: bool = False,
    cancelled: CancelCheck = never,
) -> Estimate:
    """Return what a plan will take, from up to three tiles that are computed and thrown away.

    Where one of them cannot be read, a note says why.

    Parameters
    ----------
    plan : ApplyPlan
    workers : int
        How many tiles are computed at a time.
    processes : bool
        Whether each worker is a process.
    cancelled : callable
        Asked between tiles.

    Raises
    ------
    VolumeError
        If a volume cannot be opened.
    Cancelled
        If `cancelled` returned True.
    """
    volumes = plan.sources.open()
    stated = fixed_threshold(plan.setting)
    threshold = stated or Threshold((0.5,), low=(0.4,) if plan.setting.is_pair else None)
    from_ct = plan.setting.source is not ScoreFrom.PROBABILITIES
    measured = Measured(intensities=(0.0, 255.0) if from_ct else None)
    present = tiles_present(plan, volumes, threshold, measured)
    timed: list[TileRecord] = []
    faults: list[str] = []
    count = min(_MOST_TIMED, max(1, len(present) // _SHARE_TIMED))
    middles = range(1, 2 * count, 2)
    tiles = list(present)
    chosen = sorted({tiles[len(tiles) * n // (2 * count)] for n in middles}) if tiles else []
    with tempfile.TemporaryDirectory(prefix="nx46-") as folder:
        for number, tile in enumerate(chosen):
            if cancelled():
                raise Cancelled
            job = TileJob(_alone(plan, tile, Path(folder) / f"{number}.zarr"), threshold, measured)
            try:
                timed += _timed(job)
            except VolumeError as error:  # the run goes on with all other tiles, and names it
                faults.append(f"a tile that was to be timed cannot be read: {error}")
    share = len(present) / max(1, len(chosen) - len(faults))
    times = 1 + (0 if stated is not None else _READINGS) + readings(plan.setting)
    return Estimate(
        shape=plan.shape,
        tile=plan.tile,
        tiles=len(plan.grid),
        tiles_present=len(present),
        workers=workers,
        bytes_to_read=times * _bytes_to_read(plan, volumes, present),
        seconds=sum(one.seconds for one in timed) * share * times / workers,
        scratch_bytes=int(share * sum(size for one in timed for size, _ in one.files.values())),
        output_bytes=int(share * sum(chunk.size for one in timed for chunk in one.chunks)),
        memory_bytes=_together(plan, workers, processes),
        free_bytes=shutil.disk_usage(plan.out.parent).free,
        notes=(*_notes(plan), *faults),
    )


def _notes(plan: ApplyPlan) -> Iterator[str]:
    """Yield what a user should know of a plan."""
    for name, address in plan.sources.addresses.items():
        if address.logits is Logits.DISTANCE:
            yield f"{name}: its values are read as signed distances, negative inside"
        elif address.logits is not None:
            yield (
                f"{name}: its values are read as logits, by {address.logits}; "
                "--logits distance reads signed distances"
            )
    smaller, apart = _smaller(plan), any(one.parts is not None for one in plan.passes)
    if apart and smaller is not None and _together(plan, 2, processes=True) > _USUAL_MEMORY:
        yield (
            f"sheets are kept apart from as much around a tile as they grow: a worker takes "
            f"{memory_of_a_worker(plan) / 2**30:.1f} GiB; --tile {smaller.tile} takes "
            f"{memory_of_a_worker(smaller) / 2**30:.1f}, and longer"
        )
    cell = plan.setting.patch_blocks
    if plan.setting.patch_holes and cell > plan.tile:
        times = math.ceil(cell / plan.tile) ** 3
        yield (
            f"each block of {cell} voxels is patched for up to {times} tiles of {plan.tile}: "
            f"--tile {cell} is faster, and takes more memory"
        )


def _together(plan: ApplyPlan, workers: int, processes: bool) -> int:
    return workers * memory_of_a_worker(plan) + _PROCESS_BYTES * (1 + workers * processes)


def _alone(plan: ApplyPlan, tile: int, out: Path) -> ApplyPlan:
    """Return the plan of a tile as a volume of its own."""
    block = plan.grid.block(tile)
    z, y, x = (
        (part.start + start, part.stop + start)
        for part, start in zip(block, corner_of(plan), strict=True)
    )
    sources = plan.sources.model_copy(update={"box": (z, y, x)})
    return replace(
        plan, sources=sources, shape=block_shape(block), out=out, corrections=NO_CORRECTIONS
    )


def _timed(job: TileJob) -> list[TileRecord]:
    """Compute a tile as a volume of its own, and return what each stage left of it."""
    plan = job.plan
    plan.partial.mkdir()
    job.scratch.make()
    records = []
    volumes = opened(job)
    with Ledger.open(plan.work / "ledger.sqlite", plan.identity()) as ledger:
        whole = {tile: plan.grid.block(tile) for tile in range(len(plan.grid))}
        book = StageBook(job, ledger, whole)
        for stage in range(len(plan.stage_names)):
            for task in book.tasks(stage):
                began = time.perf_counter()
                record = compute(job, volumes, task)
                seconds = time.perf_counter() - began
                records.append(record.model_copy(update={"seconds": seconds}))
                ledger.add(stage, task.number, record)
            book.settle(stage)
    return records


def _bytes_to_read(
    plan: ApplyPlan, volumes: Mapping[str, Volume], present: Mapping[int, Block]
) -> int:
    """Return how many bytes of the volumes are read, with halos, as they are decoded."""
    item = sum(volume.dtype.itemsize for volume in volumes.values())
    halo = plan.source_halo()
    return item * sum(
        math.prod(block_shape(widened(box, halo, plan.shape))) for box in present.values()
    )
