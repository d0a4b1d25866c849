"""Pieces of neighbouring tiles joined to the components of the whole volume."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from itertools import product

import numpy as np
import numpy.typing as npt

from napari_nx46.voxels.grid import Grid
from napari_nx46.voxels.piece_rules import Measures, PieceRule
from napari_nx46.voxels.pieces import Plane, TilePieces

__all__ = ["Decisions", "merge_pieces"]

Offset = tuple[int, int, int]


@dataclass(frozen=True, eq=False, slots=True)
class Decisions:
    """What becomes of the pieces of each tile.

    Parameters
    ----------
    starts : mapping of int to int
        By tile, the number of its first piece.
    ends : mapping of int to int
        By tile, the number after its last piece.
    staying : (n,) array of bool
        Whether the component of each piece stays.
    keys : (n,) array of int64
        That of the component's first voxel, 0 if it does not stay; empty if no keys were given.
    components : int
        Number of the volume's components that stay, with those within one tile.
    """

    starts: Mapping[int, int]
    ends: Mapping[int, int]
    staying: npt.NDArray[np.bool_]
    keys: npt.NDArray[np.int64]
    components: int

    def staying_of(self, tile: int) -> npt.NDArray[np.bool_]:
        """Return whether each piece of a tile stays, (n,) bool."""
        return self.staying[self.starts.get(tile, 0) : self.ends.get(tile, 0)]

    def keys_of(self, tile: int) -> npt.NDArray[np.int64]:
        """Return the key of each piece of a tile, (n,) int64."""
        return self.keys[self.starts.get(tile, 0) : self.ends.get(tile, 0)]


def merge_pieces(
    rule: PieceRule,
    grid: Grid,
    tiles: Iterable[int],
    load: Callable[[int], TilePieces],
) -> Decisions:
    """Join the pieces of all tiles, and decide on the components that they make up.

    Exact: equal to finding the components of the whole volume. The result does not depend on the
    order of the tiles. Takes some twenty bytes a piece, and the planes of a few rows of tiles.

    Parameters
    ----------
    rule : PieceRule
    grid : Grid
    tiles : iterable of int
        The tiles that have pieces; the others are taken to have none.
    load : callable
        Returns the pieces of a tile; called a few times for each.

    Returns
    -------
    Decisions
    """
    from napari_nx46.voxels.compiled_pieces import join_planes
    from napari_nx46.voxels.compiled_spans import number_components

    order = sorted(set(tiles))
    starts, ends, measures, inner = _gathered(order, load)
    parent = np.arange(measures.sizes.size, dtype=np.int64)
    # A row of tiles is met while the rows around it are joined.
    kept = lru_cache(maxsize=6 * grid.counts[2] + 8)(load)
    present = {tile for tile in order if ends[tile] > starts[tile]}
    for tile in sorted(present):
        for offset, near in _neighbours(grid, tile, rule.steps):
            if near in present:
                planes = _meeting(kept(tile), kept(near), offset)
                left = rule.steps - sum(map(abs, offset))
                join_planes(*planes, starts[tile], starts[near], left, parent)
    component = np.empty(parent.size, np.int32)
    count = number_components(parent, component)
    whole = measures.joined(component, count)
    staying = rule.stays(whole, grid.shape)
    keys = np.where(staying, whole.keys, 0)[component] if whole.keys.size else whole.keys
    components = inner + int(np.count_nonzero(staying))
    return Decisions(starts, ends, staying[component], keys, components)


def _gathered(
    order: list[int], load: Callable[[int], TilePieces]
) -> tuple[dict[int, int], dict[int, int], Measures, int]:
    """Return where the pieces of each tile begin and end, their measures, and the inner ones."""
    starts: dict[int, int] = {}
    ends: dict[int, int] = {}
    parts: list[Measures] = []
    done = inner = 0
    for tile in order:
        pieces = load(tile)
        starts[tile], done = done, done + pieces.measures.sizes.size
        ends[tile] = done
        inner += pieces.inner_staying
        parts.append(pieces.measures)
    return starts, ends, Measures.together(parts), inner


def _neighbours(grid: Grid, tile: int, steps: int) -> Iterator[tuple[Offset, int]]:
    """Yield the neighbours of a tile that come after it, each with the way there."""
    z, y, x = grid.place(tile)
    for dz, dy, dx in product((-1, 0, 1), repeat=3):
        if (dz, dy, dx) > (0, 0, 0) and abs(dz) + abs(dy) + abs(dx) <= steps:
            near = grid.tile_at((z + dz, y + dy, x + dx))
            if near is not None:
                yield (dz, dy, dx), near


def _meeting(pieces: TilePieces, others: TilePieces, offset: Offset) -> tuple[Plane, Plane]:
    """Return the parts of two tiles' planes that meet: faces, edges, or corners."""
    axis = next(axis for axis, way in enumerate(offset) if way)
    ways = offset[:axis] + offset[axis + 1 :]
    here = pieces.planes[axis, int(offset[axis] > 0)][tuple(map(_end, ways))]
    there = others.planes[axis, int(offset[axis] < 0)][tuple(_end(-way) for way in ways)]
    if not any((*here.strides, *there.strides)):  # one piece each, on all of the planes
        here, there = here[:1, :1], there[:1, :1]
    # Kernels are compiled again for arrays that must not be written to, as views are.
    return np.require(here, None, ["C", "W"]), np.require(there, None, ["C", "W"])


def _end(way: int) -> slice:
    """Return the part of an axis at which a tile meets one that lies this way."""
    return {-1: slice(0, 1), 0: slice(None), 1: slice(-1, None)}[way]
