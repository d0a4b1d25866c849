"""A small map of a whole store, in memory: of a coarse level, or of the chunks that exist."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from napari_nx46.files.volumes.indexing import Shape3D
from napari_nx46.files.volumes.volume import Volume
from napari_nx46.run.job import Progress, Report, Work
from napari_nx46.voxels.workers import CancelCheck, Cancelled

__all__ = ["MOST_BYTES", "MOST_READ", "Overview", "overview_work"]

MOST_BYTES = 64 << 20
"""Of the level that is read for a map."""

MOST_READ = 1 << 30
"""Bytes of a level that are read to keep every n-th voxel of."""

_MOST_CELLS = 1 << 22
_SLAB_BYTES = 16 << 20


@dataclass(frozen=True, eq=False)
class Overview:
    """A map of a volume.

    Attributes
    ----------
    voxels : (z, y, x) array
    shape : tuple of int
        Of the volume that it is a map of.
    cell : tuple of float
        How many voxels of the volume one of the map is, along (z, y, x).
    limits : tuple of float
        What is drawn black and white.
    words : str
        What it was made from.
    """

    voxels: npt.NDArray[np.generic]
    shape: Shape3D
    cell: tuple[float, float, float]
    limits: tuple[float, float]
    words: str

    def plane(self, axis: int, at: float) -> npt.NDArray[np.generic]:
        """Return the slice of the map across an axis at a place in voxels of the volume."""
        number = min(int(at / self.cell[axis]), self.voxels.shape[axis] - 1)
        plane: npt.NDArray[np.generic] = self.voxels.take(max(0, number), axis=axis)
        return plane


def overview_work(levels: Sequence[Volume], shape: Shape3D) -> Work[Overview]:
    """Return the work of a job that makes a map.

    It reads the finest level of at most `MOST_BYTES`. Without one, every n-th voxel of the coarsest
    is kept if that is not too large to be read; else the map shows which chunks exist.

    Parameters
    ----------
    levels : sequence of Volume
        Of the store, the finest first.
    shape : tuple of int
        Of the level on which boxes are placed.
    """

    def work(cancelled: CancelCheck, report: Report) -> Overview:
        small = [level for level in levels if level.nbytes <= MOST_BYTES]
        if small:
            voxels = _read(small[0], 1, cancelled, report)
            return _of_values(voxels, shape, small[0], 1, f"level {small[0].level or '0'}")
        coarsest = levels[-1]
        if coarsest.nbytes <= MOST_READ:
            step = math.ceil((coarsest.nbytes / MOST_BYTES) ** (1 / 3))
            voxels = _read(coarsest, step, cancelled, report)
            words = f"every {step}th voxel along each axis; there is no coarser level"
            return _of_values(voxels, shape, coarsest, step, words)
        return _of_chunks(coarsest, shape, cancelled)

    return work


def _read(
    volume: Volume, step: int, cancelled: CancelCheck, report: Report
) -> npt.NDArray[np.generic]:
    """Read every n-th voxel of a volume, a slab of whole chunks at a time."""
    depth, height, width = volume.shape
    chunk = 1 if volume.layout is None else volume.layout.chunks[0]
    rows = max(1, _SLAB_BYTES // (height * width * volume.dtype.itemsize))
    thickness = max(1, rows // chunk) * chunk
    parts = []
    for start in range(0, depth, thickness):
        if cancelled():
            raise Cancelled
        stop = min(start + thickness, depth)
        slab = volume.shared(slice(start, stop))
        parts.append(slab[-start % step :: step, ::step, ::step])
        report(Progress(stop, depth))
    return np.concatenate(parts)


def _of_values(
    voxels: npt.NDArray[np.generic], shape: Shape3D, volume: Volume, step: int, words: str
) -> Overview:
    """Return a map of values, with the brightest parts of it white."""
    values = voxels[:: max(1, len(voxels) // 64)].astype(np.float32, copy=False)
    highest = float(np.quantile(values, 0.995)) or float(voxels.max()) or 1.0
    return Overview(voxels, shape, _cell(shape, volume, (step,) * 3), (0.0, highest), words)


def _cell(shape: Shape3D, volume: Volume, steps: Sequence[int]) -> tuple[float, float, float]:
    """Return how many voxels of a shape some voxels of a coarser volume are."""
    z, y, x = (
        step * length / own for step, length, own in zip(steps, shape, volume.shape, strict=True)
    )
    return z, y, x


def _of_chunks(volume: Volume, shape: Shape3D, cancelled: CancelCheck) -> Overview:
    """Return a map of the chunks that exist; of all where they cannot be listed."""
    layout = volume.layout
    existing = None if layout is None else layout.existing()
    if layout is None or existing is None:
        empty = np.zeros((1, 1, 1), np.uint8)
        words = "nothing: there is no coarser level, and chunks cannot be listed"
        return Overview(empty, shape, _cell(shape, volume, volume.shape), (0.0, 1.0), words)
    side = math.ceil((math.prod(volume.shape) / _MOST_CELLS) ** (1 / 3))
    cells = [max(side, chunk) for chunk in layout.chunks]
    there = np.zeros(
        [-(-length // cell) for length, cell in zip(volume.shape, cells, strict=True)], np.uint8
    )
    for box in existing:
        if cancelled():
            raise Cancelled
        z, y, x = (
            slice(part.start // cell, -(-part.stop // cell))
            for part, cell in zip(box, cells, strict=True)
        )
        there[z, y, x] = 1
    return Overview(there, shape, _cell(shape, volume, cells), (0.0, 1.0), "the chunks that exist")
