"""Bridges: narrow places that hold large parts of a component together, alone or with others."""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from napari_nx46.core.measure.suspicions.joints import joined_parts
from napari_nx46.core.measure.suspicions.links import linked_pieces
from napari_nx46.core.measure.suspicions.places import Held, places_of, voxels_of
from napari_nx46.voxels.blocks import Mask
from napari_nx46.voxels.spans import Runs, checked_mask, find_components, find_runs
from napari_nx46.voxels.workers import CancelCheck, Cancelled, Workers, never, tiles_of

__all__ = ["CUBE", "NEARBY", "find_bridges"]

Indices = npt.NDArray[np.int64]

CUBE = 8
"""Side of the cubes that a bridge is narrow enough to lie in."""

NEARBY = 2 * CUBE**2
"""Voxels of a sheet as wide as a cube and two voxels thick."""


@dataclass(frozen=True, slots=True)
class _Sizes:
    """The arguments of `find_bridges`."""

    smallest: int
    cube: int
    nearby: int


def find_bridges(
    mask: Mask,
    smallest: int,
    *,
    cube: int = CUBE,
    nearby: int = NEARBY,
    workers: Workers | None = None,
    cancelled: CancelCheck = never,
) -> tuple[Held, Held]:
    """Find where a component falls apart into large parts if a few voxels are removed.

    A grid of cubes of `cube` voxels a side cuts each 26-connected component into pieces: what is
    26-connected within a cube. A piece is a bridge if its component without it has two
    26-connected parts of at least `smallest` voxels. This is done for eight grids, shifted by none
    or half a cube along each axis: whatever half a cube holds lies within a cube of one of them.
    Bridges of all grids that touch by a corner at least are one.

    Parts that are held together in several places have no bridge. A piece is narrow if removing it
    leaves two parts of at least `nearby` voxels of what is 26-connected with it within 3 x 3 x 3
    cubes around its own. Without the narrow pieces of all grids a component has other parts; those
    of at least `smallest` voxels are joined two and two where narrow pieces, those that touch
    taken as one, touch both. A pair that one bridge holds together is not listed again.

    Parameters
    ----------
    mask : (Z, Y, X) array of uint8, {0, 1}
    smallest : int
    cube : int
        From 2.
    nearby : int
    workers : Workers, optional
        Threads to share the work.
    cancelled : callable
        Asked between the grids.

    Returns
    -------
    bridges : Held
        The parts are what removing a piece of each leaves, at most; the share is of half the
        component.
    joints : Held
        All joints of two parts are one set of voxels, whose 26-connected pieces are the joints; the
        share is of half of both parts.

    Raises
    ------
    ValueError
        If the mask is no (Z, Y, X) uint8 array, `smallest` or `nearby` is below 1, or `cube`
        below 2.
    Cancelled
        If `cancelled` returned True.
    """
    if smallest < 1 or nearby < 1 or cube < 2:
        raise ValueError(
            "expected smallest >= 1, nearby >= 1 and cube >= 2, "
            f"found {smallest}, {nearby} and {cube}"
        )
    voxels = checked_mask(mask).copy()
    components = find_components(voxels, 26, workers=workers)
    # Two parts and a voxel between them.
    components.paint(components.sizes() <= 2 * smallest, 0, voxels, workers)
    runs = find_runs(voxels, workers=workers)
    shifts = list(itertools.product((0, cube // 2), repeat=3))
    sizes = _Sizes(smallest, cube, nearby)

    def find(grid: slice) -> tuple[Indices, Indices]:
        return _of_grid(runs, shifts[grid.start], sizes, cancelled)

    found = (workers or Workers(1)).map(find, tiles_of(len(shifts), 1), cancelled)
    bridges = _joined_bridges(voxels.shape, np.concatenate([one for one, _ in found], axis=1))
    if cancelled():
        raise Cancelled
    narrow = np.zeros_like(voxels)
    for _, flat in found:
        narrow.ravel()[flat] = 1
    return bridges, joined_parts(voxels, narrow, bridges.places, smallest, workers=workers)


def _joined_bridges(shape: tuple[int, int, int], found: Indices) -> Held:
    """Return the bridges of all grids; voxels with the part and the whole of each, (3, n)."""
    flat, part, whole = found
    bridges = np.zeros(shape, np.uint8)
    bridges.ravel()[flat] = 1
    joined = find_components(bridges, 26)
    own, numbers = voxels_of(joined)
    owner = numbers[np.searchsorted(own, flat)]
    parts, wholes = np.zeros(joined.count, np.int64), np.ones(joined.count, np.int64)
    np.maximum.at(parts, owner, part)
    np.maximum.at(wholes, owner, whole)
    return Held(places_of(shape, own, numbers, joined.count), parts, 2 * parts / wholes)


def _of_grid(
    runs: Runs, shift: tuple[int, ...], sizes: _Sizes, cancelled: CancelCheck
) -> tuple[Indices, Indices]:
    """Return voxels of bridges with the part and the whole of each, (3, n), and narrow ones."""
    from napari_nx46.core.measure.suspicions.compiled_pieces import (
        cut_runs,
        mark_narrow,
        parts_without,
    )

    cube = sizes.cube
    cut = Runs(runs.shape, *cut_runs(runs.row_starts, runs.first, runs.stop, cube, shift[2]))
    cubes = _cubes(cut, cube, shift)
    _, height, width = runs.shape
    across, along = ((length + cube) // cube + 1 for length in (height, width))
    pieces, links = linked_pieces(cut, (cubes[:, 0] * across + cubes[:, 1]) * along + cubes[:, 2])
    if cancelled():
        raise Cancelled
    voxels = pieces.sizes()
    second, whole = np.zeros(pieces.count, np.int64), np.zeros(pieces.count, np.int64)
    parts_without(*links, voxels, second, whole)
    narrow = np.zeros(pieces.count, np.uint8)
    mark_narrow(*links, voxels, _of_pieces(cubes, pieces.component), sizes.nearby, narrow)
    flat, piece = voxels_of(pieces, second >= sizes.smallest)
    return np.stack((flat, second[piece], whole[piece])), voxels_of(pieces, narrow > 0)[0]


def _cubes(runs: Runs, cube: int, shift: tuple[int, ...]) -> Indices:
    """Return in which cube along z, y and x each run lies, (n, 3)."""
    z, y = np.divmod(runs.rows(), runs.shape[1])
    corners = np.stack((z, y, runs.first), axis=1)
    cubes: Indices = (corners + np.array(shift)) // cube
    return cubes


def _of_pieces(cubes: Indices, piece: npt.NDArray[np.int32]) -> Indices:
    """Return the cube of each piece, by that of each run."""
    _, first = np.unique(piece, return_index=True)
    return np.ascontiguousarray(cubes[first])
