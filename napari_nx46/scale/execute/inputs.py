"""What tiles are computed from on a worker: opened volumes, and what passes left in files."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from napari_nx46.core.score.fragment_score import FragmentScore
from napari_nx46.core.score.measured import NOT_MEASURED, Measured
from napari_nx46.core.score.weak import WeakVoxels
from napari_nx46.core.threshold.thresholds import Threshold
from napari_nx46.files.mask_store.chunks import ChunkFiles
from napari_nx46.scale.execute.scratch import Scratch
from napari_nx46.scale.plan.plan import ApplyPlan
from napari_nx46.scale.plan.sources import CountedVolume
from napari_nx46.scale.stages import SHEETS
from napari_nx46.scale.tiles import TileWork
from napari_nx46.voxels.blocks import Block, FloatVolume, Mask, VolumeLike, hull, intersection
from napari_nx46.voxels.pieces import TilePieces

__all__ = ["Opened", "StoredInputs", "TileJob", "halo_written", "opened"]

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


@dataclass(eq=False)
class Opened:
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


def opened(job: TileJob) -> Opened:
    """Open the volumes of a plan."""
    plan = job.plan
    volumes = {
        name: CountedVolume(volume, plan.sources.box)
        for name, volume in plan.sources.open().items()
    }
    fragment = plan.sources.fragment(volumes)
    score = FragmentScore(fragment, keep_score=False, measured=job.measured)
    work = TileWork(plan.setting, job.threshold, plan.grid)
    return Opened(volumes, score, WeakVoxels(score), work)


def halo_written(plan: ApplyPlan, layer: str | None) -> tuple[int, int, int]:
    """Return how thick the slabs of a layer are: the halo of the pass that reads it."""
    for part in plan.passes:
        if layer is not None and (part.reads == layer or (layer == SHEETS and part.parts)):
            return part.halo(plan.setting)
    return 0, 0, 0


@dataclass(frozen=True, slots=True)
class StoredInputs:
    """The inputs of a tile, read from the volumes and from scratch."""

    job: TileJob
    opened: Opened
    halo: tuple[int, int, int]
    near: tuple[int, ...]
    part: Block | None = None
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

    def scored(self, block: Block) -> Block:
        """Return a box in which all voxels of a tile are whose scores may reach a threshold."""
        return block if self.part is None else self.part

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
