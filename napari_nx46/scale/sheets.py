"""Sheets kept apart on a tile, from as much around it as they grow."""

from __future__ import annotations

from typing import Protocol

import numpy as np
import numpy.typing as npt

from napari_nx46.core.cleanup.sheets import grow_sheets, keep_apart
from napari_nx46.scale.stages import FIRST_GROWTH
from napari_nx46.voxels.blocks import (
    Block,
    Mask,
    block_shape,
    intersection,
    open_faces,
    widened,
    within,
)
from napari_nx46.voxels.grid import Grid
from napari_nx46.voxels.spans import Labels, find_components
from napari_nx46.voxels.workers import Workers

__all__ = ["SheetNumbers", "part_sheets"]


class SheetNumbers(Protocol):
    """What sheets are kept apart by: a mask, and the sheets of the mask before."""

    def mask(self, layer: str, block: Block) -> Mask | None:
        """Return any box of a layer, uint8 {0, 1}, or None where it has no foreground."""

    def sheets(self, block: Block, tile: int) -> Labels | None:
        """Return a box within one tile of the layer "sheets", or None where all is 0."""

    def sheet_keys(self, tile: int) -> npt.NDArray[np.int64]:
        """Return the key of each number of a tile, from 1; see `TilePieces.all_keys`."""


def part_sheets(
    inputs: SheetNumbers,
    layer: str,
    grid: Grid,
    block: Block,
    gap: int,
    *,
    growth: int = FIRST_GROWTH,
    workers: Workers | None = None,
) -> Mask | None:
    """Return the mask of a tile after `keep_sheets_apart` of the whole volume.

    Sheets grow in layers: what lies n voxels from the end of the box that was read has its right
    sheet if it was reached within n layers. Where a voxel near the tile was not, a wider box is
    read, unless its component ends within the box.

    Parameters
    ----------
    inputs : SheetNumbers
    layer : str
        Of the mask after the steps that may have joined sheets.
    grid : Grid
    block : Block
        Of the tile.
    gap : int
        Voxels of background that are left between two sheets.
    growth : int
        Layers that sheets grow at first.
    workers : Workers, optional

    Returns
    -------
    (Z, Y, X) array of uint8, {0, 1}, or None
        None where all is background.
    """
    if inputs.mask(layer, block) is None:
        return None
    near = widened(block, (gap,) * 3, grid.shape)
    while True:
        box = widened(block, (gap + growth,) * 3, grid.shape)
        mask = inputs.mask(layer, box)
        if mask is None:
            return None
        before, labels, sheets = _labels(inputs, grid, box, mask)
        if _grown(mask, labels, box, near, growth, grid.shape, workers):
            break
        growth *= 2
    inner = within(near, box)
    apart = np.ascontiguousarray(mask[inner])
    if sheets > 1:
        unjoined, numbers = np.ascontiguousarray(before[inner]), np.ascontiguousarray(labels[inner])
        keep_apart(apart, unjoined, numbers, gap, sheets, workers=workers)
    return np.ascontiguousarray(apart[within(block, near)])


def _grown(
    mask: Mask,
    labels: Labels,
    box: Block,
    near: Block,
    growth: int,
    shape: tuple[int, int, int],
    workers: Workers | None,
) -> bool:
    """Grow the sheets in place, and return whether those near the tile are certain."""
    inner, faces = within(near, box), open_faces(box, shape)
    grow_sheets(mask, labels, layers=growth, workers=workers)
    unreached = (mask[inner] != 0) & (labels[inner] == 0)
    if not unreached.any():
        return True
    components = find_components(mask, 26, workers=workers)
    there = np.zeros(mask.shape, np.uint8)
    there[inner] = unreached
    if (components.touching(faces) & components.overlapping(there, workers)).any():
        return False
    grow_sheets(mask, labels, workers=workers)
    return True


def _labels(inputs: SheetNumbers, grid: Grid, box: Block, mask: Mask) -> tuple[Mask, Labels, int]:
    """Return the mask before the joining, the sheet of each voxel of the mask, and the highest.

    Sheets are numbered by the order of their keys among those of the box's tiles.
    """
    tiles = list(grid.overlapping(box))
    keys = {tile: inputs.sheet_keys(tile) for tile in tiles}
    known = np.unique(np.concatenate([np.zeros(1, np.int64), *keys.values()]))
    before = np.zeros(block_shape(box), np.uint8)
    labels = np.zeros(block_shape(box), np.int32)
    for tile in tiles:
        part = intersection(grid.block(tile), box)
        numbers = inputs.sheets(part, tile)
        if numbers is not None:
            ranks = np.searchsorted(known, keys[tile]).astype(np.int32)
            ranks = np.concatenate([np.zeros(1, np.int32), ranks])
            place = within(part, box)
            before[place] = numbers != 0
            labels[place] = ranks[numbers] * (mask[place] != 0)
    return before, labels, known.size - 1
