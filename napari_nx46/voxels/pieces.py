"""Components of a volume that is cut into tiles: found tile by tile, and decided on together.

A *piece* is a component of one tile. What no other tile has a part of is decided on in the tile;
of the others, the numbers on the tile's faces, sizes and flags are all that is needed to join them
exactly (`napari_nx46.voxels.merging`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import product
from typing import Self

import numpy as np
import numpy.typing as npt

from napari_nx46.voxels.blocks import (
    Block,
    Mask,
    OpenFaces,
    block_shape,
    open_faces,
)
from napari_nx46.voxels.piece_rules import Flag, Measures, PieceRule
from napari_nx46.voxels.spans import Components, Labels, find_components
from napari_nx46.voxels.workers import Workers

__all__ = [
    "FACES",
    "TilePieces",
    "flip_decided",
    "label_numbers",
    "label_pieces",
    "uniform_pieces",
]

Plane = npt.NDArray[np.int32]
"""``(rows, columns)`` int32: 0, or the number of a piece, from 1."""

LARGEST_FLIP = 1 / 16
"""Of so large a share of a tile, all pieces are found again more quickly than some are followed."""

Face = tuple[int, int]
"""Axis, and 0 for its low or 1 for its high end."""

FACES: tuple[Face, ...] = tuple(product(range(3), range(2)))


@dataclass(frozen=True, eq=False, slots=True)
class TilePieces:
    """The components of a tile that touch a face beyond which the volume goes on.

    Parameters
    ----------
    planes : mapping of (int, int) to (rows, columns) array of int32
        By axis and end, the numbers of the pieces on that face of the tile, from 1, in raster order
        of their first voxels; only faces beyond which the volume goes on.
    measures : Measures
        Of each.
    inner_keys : (m,) array of int64
        The keys of the pieces that touch no such face, numbered after the others; 0 for what does
        not stay; empty if keys are not asked for.
    inner_staying : int
        Number of pieces that touch no such face and stay.
    """

    planes: Mapping[Face, Plane]
    measures: Measures
    inner_keys: npt.NDArray[np.int64]
    inner_staying: int = 0

    @property
    def faces(self) -> OpenFaces:
        """For each axis, whether the volume goes on below and above the tile."""
        z, y, x = (((axis, 0) in self.planes, (axis, 1) in self.planes) for axis in range(3))
        return z, y, x

    def all_keys(self, keys: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        """Return the keys of all numbers of the tile, from 1, 0 for what does not stay.

        Parameters
        ----------
        keys : (n,) array of int64
            Those of the pieces, as they were decided on (`Decisions.keys_of`).
        """
        return np.concatenate([keys, self.inner_keys])

    def arrays(self) -> dict[str, npt.NDArray[np.generic]]:
        """Return all of it as arrays by name, which `of_arrays` reads back."""
        planes = {f"plane{axis}{end}": plane for (axis, end), plane in self.planes.items()}
        return {
            **planes,
            "sizes": self.measures.sizes,
            "flags": self.measures.flags,
            "boxes": self.measures.boxes,
            "keys": self.measures.keys,
            "inner_keys": self.inner_keys,
            "inner_staying": np.array(self.inner_staying),
        }

    @classmethod
    def of_arrays(cls, arrays: Mapping[str, npt.NDArray[np.generic]]) -> Self:
        """Return the pieces that `arrays` gave.

        Raises
        ------
        KeyError
            If an array is missing.
        """
        planes = {
            (axis, end): np.asarray(arrays[name], np.int32)
            for axis, end in FACES
            if (name := f"plane{axis}{end}") in arrays
        }
        return cls(
            planes,
            Measures(
                np.asarray(arrays["sizes"], np.int64),
                np.asarray(arrays["flags"], np.bool_),
                np.asarray(arrays["boxes"], np.int64),
                np.asarray(arrays["keys"], np.int64),
            ),
            np.asarray(arrays["inner_keys"], np.int64),
            int(arrays["inner_staying"]),
        )


def label_pieces(
    mask: Mask,
    rule: PieceRule,
    block: Block,
    shape: tuple[int, int, int],
    *,
    marks: Mask | None = None,
    workers: Workers | None = None,
) -> tuple[Mask, TilePieces]:
    """Return the mask of a tile with all decided that the tile alone decides, and its pieces.

    Parameters
    ----------
    mask : (Z, Y, X) array of uint8, {0, 1}
        Of the tile.
    rule : PieceRule
    block : Block
        The tile's place in the volume.
    shape : tuple of int
        Voxels of the volume along z, y and x.
    marks : (Z, Y, X) array of uint8, {0, 1}, optional
        The second mask, for a rule that asks for it.
    workers : Workers, optional

    Returns
    -------
    mask : (Z, Y, X) array of uint8, {0, 1}
        A new array.
    pieces : TilePieces

    Raises
    ------
    ValueError
        If an array is no (Z, Y, X) uint8 array, or the shapes differ.
    """
    faces = open_faces(block, shape)
    components = find_components(
        mask, rule.connectivity, background=rule.background, workers=workers
    )
    measures = _measures(components, rule, block, shape, marks, workers)
    outer = components.touching(faces)
    staying = rule.stays(measures, shape)
    decided, changed = mask.copy(), ~(outer | staying)
    if changed.any():
        components.paint(changed, int(rule.background), decided, workers)
    planes = _planes(components, np.where(outer, np.cumsum(outer), 0).astype(np.int32), faces)
    kept = int(np.count_nonzero(staying & ~outer))
    return decided, TilePieces(planes, measures.of_some(outer), np.empty(0, np.int64), kept)


def label_numbers(
    mask: Mask,
    rule: PieceRule,
    block: Block,
    shape: tuple[int, int, int],
    workers: Workers | None = None,
) -> tuple[Labels, TilePieces]:
    """Return the number of every voxel's component in a tile, and its pieces with their keys.

    Parameters are those of `label_pieces`.

    Returns
    -------
    numbers : (Z, Y, X) array of int32
        0, or a number: first of the pieces that touch a face beyond which the volume goes on,
        from 1; then one for all others that do not stay, then the others.
    pieces : TilePieces
    """
    faces = open_faces(block, shape)
    components = find_components(mask, rule.connectivity, workers=workers)
    measures = replace(
        _measures(components, rule, block, shape, None, workers),
        keys=_keys(components, block, shape),
    )
    outer = components.touching(faces)
    staying = rule.stays(measures, shape) & ~outer
    outer_count, inner_count = int(np.count_nonzero(outer)), int(np.count_nonzero(staying))
    numbers = np.full(components.count, outer_count + 1, np.int32)
    numbers[outer] = np.arange(1, outer_count + 1)
    numbers[staying] = np.arange(outer_count + 2, outer_count + 2 + inner_count)
    planes = _planes(components, np.where(outer, numbers, 0).astype(np.int32), faces)
    inner_keys = np.concatenate([np.zeros(1, np.int64), measures.keys[staying]])
    pieces = TilePieces(planes, measures.of_some(outer), inner_keys, inner_count)
    return components.labels(numbers, mask, workers), pieces


def uniform_pieces(
    rule: PieceRule, is_foreground: bool, block: Block, shape: tuple[int, int, int]
) -> TilePieces:
    """Return the pieces of a tile that is all background, or all foreground, without its voxels.

    Only of rules that ask for no second mask. The planes take no memory.

    Parameters
    ----------
    rule : PieceRule
    is_foreground : bool
    block, shape
        As of `label_pieces`.
    """
    extents = block_shape(block)
    faces = open_faces(block, shape)
    is_piece = is_foreground != rule.background
    is_open = any(map(any, faces))
    count = int(is_piece and is_open)
    planes = {
        (axis, end): np.broadcast_to(np.int32(count), extents[:axis] + extents[axis + 1 :])
        for axis, end in FACES
        if faces[axis][end]
    }
    is_outside = not all(map(all, faces)) and rule.flag is Flag.OUTSIDE
    ends = np.array([[extent.start, extent.stop] for extent in block], np.int64)
    measures = Measures.of(
        np.full(count, np.prod(extents), np.int64),
        np.full(count, is_outside),
        np.broadcast_to(ends, (count * rule.needs_boxes, 3, 2)),
    )
    return TilePieces(planes, measures, np.empty(0, np.int64))


def flip_decided(
    mask: Mask,
    rule: PieceRule,
    pieces: TilePieces,
    staying: npt.NDArray[np.bool_],
    workers: Workers | None = None,
) -> Mask:
    """Return the mask of a tile after `label_pieces` with what was decided with other tiles.

    Parameters
    ----------
    mask : (Z, Y, X) array of uint8, {0, 1}
        As `label_pieces` returned it.
    rule : PieceRule
    pieces : TilePieces
    staying : (n,) array of bool
        Whether each piece stays.
    workers : Workers, optional

    Returns
    -------
    (Z, Y, X) array of uint8, {0, 1}
        The argument itself where nothing changes.
    """
    from napari_nx46.voxels.compiled_pieces import flip_components

    if staying.all():
        return mask
    flipped, value = mask.copy(), int(rule.background)
    if pieces.measures.sizes[~staying].sum() > mask.size * LARGEST_FLIP:
        components = find_components(
            mask, rule.connectivity, background=rule.background, workers=workers
        )
        # The pieces are numbered as they were: those that changed meanwhile touch no face.
        changes = components.touching(pieces.faces)
        changes[changes] = ~staying
        components.paint(changes, value, flipped, workers)
        return flipped
    chosen = np.concatenate([np.zeros(1, np.bool_), ~staying])
    seeds = np.concatenate(list(_seeds(pieces, chosen, mask.shape)))
    flip_components(flipped, seeds, rule.steps, value)
    return flipped


def _seeds(
    pieces: TilePieces, changes: npt.NDArray[np.bool_], shape: tuple[int, ...]
) -> Iterator[Plane]:
    """Yield the voxels on the faces that belong to pieces which change, (n, 3) int32."""
    for (axis, end), plane in pieces.planes.items():
        found = np.argwhere(changes[plane]).astype(np.int32)
        yield np.ascontiguousarray(np.insert(found, axis, end * (shape[axis] - 1), axis=1))


def _measures(
    components: Components,
    rule: PieceRule,
    block: Block,
    shape: tuple[int, int, int],
    marks: Mask | None,
    workers: Workers | None,
) -> Measures:
    """Return what a rule asks for of the components of a tile."""
    boxes: npt.NDArray[np.int64] | None = None
    if rule.needs_boxes:
        starts = np.array([extent.start for extent in block], np.int64)
        boxes = components.boxes() + starts[:, None]
    flags = _flags(components, rule, open_faces(block, shape), marks, workers)
    return Measures.of(components.sizes(), flags, boxes)


def _flags(
    components: Components,
    rule: PieceRule,
    faces: OpenFaces,
    marks: Mask | None,
    workers: Workers | None,
) -> npt.NDArray[np.bool_] | None:
    match rule.flag:
        case Flag.NONE:
            return None
        case Flag.OUTSIDE:
            z, y, x = ((not low, not high) for low, high in faces)
            return components.touching((z, y, x))
        case Flag.MARKED:
            if marks is None:
                raise ValueError("a rule that asks for marked components needs the second mask")
            return components.overlapping(marks, workers)


def _planes(components: Components, numbers: Plane, faces: OpenFaces) -> dict[Face, Plane]:
    return {
        (axis, end): _plane(components, numbers, axis, end)
        for axis, end in FACES
        if faces[axis][end]
    }


def _plane(components: Components, numbers: Plane, axis: int, end: int) -> Plane:
    """Return the numbers of the components on one face of their mask."""
    from napari_nx46.voxels.compiled_pieces import paint_ends, paint_rows

    runs = components.runs
    shape = runs.shape
    depth, height, width = shape
    plane = np.zeros(shape[:axis] + shape[axis + 1 :], np.int32)
    where = runs.row_starts, runs.first, runs.stop, components.component, numbers
    if axis == 2:
        paint_ends(bool(end), width, *where, plane.reshape(-1))
    else:
        rows = np.arange(depth * height, dtype=np.int64).reshape(depth, height)
        face = np.ascontiguousarray(rows[-end] if axis == 0 else rows[:, -end])
        paint_rows(face, width, *where, plane.reshape(-1))
    return plane


def _keys(
    components: Components, block: Block, shape: tuple[int, int, int]
) -> npt.NDArray[np.int64]:
    """Return one more than the place in the volume of each component's first voxel."""
    runs = components.runs
    # Components are numbered by their first runs: a first run has a number above all before it.
    highest = np.maximum.accumulate(components.component)
    first = np.flatnonzero(np.diff(highest, prepend=-1))
    row = np.searchsorted(runs.row_starts, first, side="right") - 1
    z, y = np.divmod(row, runs.shape[1])
    place = (z + block[0].start) * shape[1] + y + block[1].start
    keys: npt.NDArray[np.int64] = place * shape[2] + runs.first[first] + block[2].start + 1
    return keys
