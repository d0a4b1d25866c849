"""Sheets kept apart on a tile, from as much around it as they grow."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Protocol

import numpy as np
import numpy.typing as npt

from napari_nx46.core.cleanup.sheets import MOST_LAYERS, grow_sheets, keep_apart
from napari_nx46.scale.stages import FIRST_GROWTH
from napari_nx46.voxels.blocks import (
    Block,
    Mask,
    block_shape,
    intersection,
    open_faces,
    placed,
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
    sheet if it was reached within n layers. Around voxels that were not, wider boxes are read,
    unless what lies between the sheets there ends within the box; at most so wide that sheets have
    grown as far as they ever do.

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
    tile = inputs.mask(layer, block)
    if tile is None:
        return None
    near = widened(block, (gap,) * 3, grid.shape)
    around = _Surroundings(inputs, layer, grid, widened(near, (MOST_LAYERS,) * 3, grid.shape))
    grown = _Growth(inputs, around, layer, grid, workers).around(near, growth)
    apart = np.ascontiguousarray(grown.mask)
    if grown.keys.size > 1:
        sheets = grown.keys.size
        keep_apart(apart, grown.before, grown.labels, gap, sheets, workers=workers)
    return np.ascontiguousarray(apart[within(block, near)])


@dataclass(frozen=True, eq=False, slots=True)
class _Sheets:
    """A box of the mask, of the mask before, and the sheet of each voxel of the mask.

    Parameters
    ----------
    mask, before : (Z, Y, X) array of uint8, {0, 1}
    labels : (Z, Y, X) array of int32
        Number of the voxel's sheet, 0 for none.
    keys : (n,) array of int64
        Ascending: the key of number 1, 2 and so on.
    """

    mask: Mask
    before: Mask
    labels: Labels
    keys: npt.NDArray[np.int64]

    def cut(self, part: Block) -> _Sheets:
        """Return a part of the box."""
        mask, before = (np.ascontiguousarray(one[part]) for one in (self.mask, self.before))
        return _Sheets(mask, before, np.ascontiguousarray(self.labels[part]), self.keys)

    def renumbered(self, keys: npt.NDArray[np.int64]) -> _Sheets:
        """Return the same with the numbers of more keys."""
        if keys.size == self.keys.size:
            return self
        numbers = np.concatenate([[0], np.searchsorted(keys, self.keys) + 1]).astype(np.int32)
        return replace(self, labels=numbers[self.labels], keys=keys)


@dataclass(eq=False, slots=True)
class _Surroundings:
    """What lies around a tile, read once where boxes within it are asked for again and again."""

    inputs: SheetNumbers
    layer: str
    grid: Grid
    reach: Block
    _mask: Mask | None = None
    _numbers: dict[int, Labels | None] = field(default_factory=dict)
    _keys: dict[int, npt.NDArray[np.int64]] = field(default_factory=dict)

    def mask(self, layer: str, block: Block) -> Mask | None:
        """Return a box of the layer."""
        if self._mask is None:
            self._mask = self.inputs.mask(layer, self.reach)
        return None if self._mask is None else self._mask[within(block, self.reach)].copy()

    def sheets(self, block: Block, tile: int) -> Labels | None:
        """Return a box within one tile of the layer "sheets"."""
        part = intersection(self.grid.block(tile), self.reach)
        if tile not in self._numbers:
            self._numbers[tile] = self.inputs.sheets(part, tile)
        numbers = self._numbers[tile]
        return None if numbers is None else numbers[within(block, part)]

    def sheet_keys(self, tile: int) -> npt.NDArray[np.int64]:
        """Return the key of each number of a tile."""
        if tile not in self._keys:
            self._keys[tile] = self.inputs.sheet_keys(tile)
        return self._keys[tile]


@dataclass(frozen=True, eq=False, slots=True)
class _Growth:
    """Grows the sheets of a volume, box by box; those around a few voxels from `surroundings`."""

    inputs: SheetNumbers
    surroundings: SheetNumbers
    layer: str
    grid: Grid
    workers: Workers | None

    def around(self, wanted: Block, growth: int) -> _Sheets:
        """Return a box with every voxel's own sheet, read with as wide a margin as that takes."""
        growth = min(growth, MOST_LAYERS)
        box = widened(wanted, (growth,) * 3, self.grid.shape)
        read, inner = self._read(box), within(wanted, box)
        outside = ((read.mask != 0) & (read.labels == 0)).view(np.uint8)
        grow_sheets(read.mask, read.labels, layers=growth, workers=self.workers)
        doubtful = None
        if growth < MOST_LAYERS:
            doubtful = self._doubtful(read, outside, box, inner, MOST_LAYERS - growth)
        found = read.cut(inner)
        if doubtful is None:
            return found
        boxes = [placed(part, wanted) for part in _boxes_of(doubtful, 2 * growth, self.workers)]
        again = replace(self, inputs=self.surroundings)
        return _filled(found, doubtful, wanted, boxes, [again.around(b, 2 * growth) for b in boxes])

    def _doubtful(
        self, read: _Sheets, outside: Mask, box: Block, inner: Block, layers: int
    ) -> Mask | None:
        """Return the voxels whose sheet the box does not say, and let the others grow on.

        Sheets grow through voxels that are in none. A component of those that ends within the box
        is reached there as in the whole volume, through as many layers as are left.
        """
        there = np.zeros(read.mask.shape, np.uint8)
        there[inner] = (read.mask[inner] != 0) & (read.labels[inner] == 0)
        if not there.any():
            return None
        components = find_components(outside, 26, workers=self.workers)
        leaving = components.touching(open_faces(box, self.grid.shape))
        components.paint(~leaving, 0, there, self.workers)
        grow_sheets(read.mask, read.labels, layers=layers, workers=self.workers)
        return np.ascontiguousarray(there[inner]) if there.any() else None

    def _read(self, box: Block) -> _Sheets:
        """Return a box with the sheets of the mask before."""
        from napari_nx46.core.cleanup.compiled_sheets import rank_numbers

        mask = self.inputs.mask(self.layer, box)
        shape = block_shape(box)
        before, labels = np.zeros(shape, np.uint8), np.zeros(shape, np.int32)
        if mask is None:
            return _Sheets(np.zeros(shape, np.uint8), before, labels, np.empty(0, np.int64))
        tiles = list(self.grid.overlapping(box))
        keys = {tile: self.inputs.sheet_keys(tile) for tile in tiles}
        known = np.unique(np.concatenate(list(keys.values())))
        known = known[known > 0]
        for tile in tiles:
            part = intersection(self.grid.block(tile), box)
            numbers = self.inputs.sheets(part, tile)
            if numbers is not None:
                ranks = np.where(keys[tile] > 0, np.searchsorted(known, keys[tile]) + 1, 0)
                corner = np.array([extent.start for extent in within(part, box)])
                table = np.concatenate([[0], ranks]).astype(np.int32)
                # Kernels are compiled again for arrays of another order, or not to be written to.
                numbers = np.require(numbers, np.int32, ["C", "W"])
                rank_numbers(numbers, corner, mask, table, before, labels)
        return _Sheets(mask, before, labels, known)


def _boxes_of(mask: Mask, margin: int, workers: Workers | None) -> list[Block]:
    """Return boxes that hold the foreground of a mask, together if that is less with a margin."""
    boxes: list[npt.NDArray[np.int64]] = []
    for new in find_components(mask, 26, workers=workers).boxes():
        for number, box in enumerate(boxes):
            both = np.stack([np.minimum(box, new)[:, 0], np.maximum(box, new)[:, 1]], axis=1)
            if _voxels(both, margin) <= _voxels(box, margin) + _voxels(new, margin):
                boxes[number] = both
                break
        else:
            boxes.append(new)
    return [_block(box) for box in boxes]


def _voxels(box: npt.NDArray[np.int64], margin: int) -> int:
    """Return the voxels of a box with a margin."""
    return int((box[:, 1] - box[:, 0] + 2 * margin).prod())


def _block(box: npt.NDArray[np.int64]) -> Block:
    z, y, x = (slice(int(start), int(stop)) for start, stop in box)
    return z, y, x


def _filled(
    found: _Sheets, doubtful: Mask, wanted: Block, boxes: list[Block], parts: list[_Sheets]
) -> _Sheets:
    """Return the sheets of a box with those of some voxels from other boxes."""
    keys = np.unique(np.concatenate([found.keys, *(part.keys for part in parts)]))
    filled = found.renumbered(keys)
    for box, part in zip(boxes, parts, strict=True):
        place = within(box, wanted)
        labels = filled.labels[place]
        filled.labels[place] = np.where(doubtful[place], part.renumbered(keys).labels, labels)
    return filled
