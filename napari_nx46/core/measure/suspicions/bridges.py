"""Bridges: narrow places that hold two large parts of a component together."""

from __future__ import annotations

import itertools

import numpy as np
import numpy.typing as npt

from napari_nx46.core.measure.suspicions.places import Places, places_of, voxels_of
from napari_nx46.voxels.blocks import Mask
from napari_nx46.voxels.spans import Runs, checked_mask, find_components, find_runs
from napari_nx46.voxels.workers import CancelCheck, Cancelled, Workers, never, tiles_of

__all__ = ["CUBE", "find_bridges"]

Indices = npt.NDArray[np.int64]
Ints = npt.NDArray[np.int32]
Floats = npt.NDArray[np.float64]

CUBE = 8
"""Side of the cubes that a bridge is narrow enough to lie in."""


def find_bridges(
    mask: Mask,
    smallest: int,
    *,
    cube: int = CUBE,
    workers: Workers | None = None,
    cancelled: CancelCheck = never,
) -> tuple[Places, Indices, Floats]:
    """Find where a component falls apart into two large parts if a few voxels are removed.

    A grid of cubes of `cube` voxels a side cuts each 26-connected component into pieces: what is
    26-connected within a cube. A piece is a bridge if its component without it has two
    26-connected parts of at least `smallest` voxels. This is done for eight grids, shifted by none
    or half a cube along each axis: whatever half a cube holds lies within a cube of one of them.
    Bridges of all grids that touch by a corner at least are one.

    Parameters
    ----------
    mask : (Z, Y, X) array of uint8, {0, 1}
    smallest : int
    cube : int
        From 2.
    workers : Workers, optional
        Threads to share the work.
    cancelled : callable
        Asked between the grids.

    Returns
    -------
    places : Places
        The voxels of the bridges.
    part : (n,) array of int64
        Voxels of the second largest part that removing a piece of each leaves, at most.
    share : (n,) array of float64
        The same as a share of half the component, in (0, 1]: 1 for two halves.

    Raises
    ------
    ValueError
        If the mask is no (Z, Y, X) uint8 array, `smallest` is below 1 or `cube` below 2.
    Cancelled
        If `cancelled` returned True.
    """
    if smallest < 1 or cube < 2:
        raise ValueError(f"expected smallest >= 1 and cube >= 2, found {smallest} and {cube}")
    voxels = checked_mask(mask).copy()
    components = find_components(voxels, 26, workers=workers)
    # Two parts and a voxel between them.
    components.paint(components.sizes() <= 2 * smallest, 0, voxels, workers)
    runs = find_runs(voxels, workers=workers)
    shifts = list(itertools.product((0, cube // 2), repeat=3))

    def find(grid: slice) -> Indices:
        return _bridges_of_grid(runs, cube, shifts[grid.start], smallest, cancelled)

    found = (workers or Workers(1)).map(find, tiles_of(len(shifts), 1), cancelled)
    flat, part, whole = np.concatenate(found, axis=1)
    bridges = np.zeros(voxels.shape, np.uint8)
    bridges.ravel()[flat] = 1
    joined = find_components(bridges, 26, workers=workers)
    own, numbers = voxels_of(joined)
    owner = numbers[np.searchsorted(own, flat)]
    parts, wholes = np.zeros(joined.count, np.int64), np.ones(joined.count, np.int64)
    np.maximum.at(parts, owner, part)
    np.maximum.at(wholes, owner, whole)
    places = places_of(voxels.shape, own, numbers, joined.count)
    return places, parts, 2 * parts / wholes


def _bridges_of_grid(
    runs: Runs, cube: int, shift: tuple[int, ...], smallest: int, cancelled: CancelCheck
) -> Indices:
    """Return the voxels of bridges of a grid, with the part and the whole of each, (3, n)."""
    from napari_nx46.core.measure.suspicions.compiled_pieces import cut_runs, parts_without

    cut = Runs(runs.shape, *cut_runs(runs.row_starts, runs.first, runs.stop, cube, shift[2]))
    row, length = cut.rows(), (cut.stop - cut.first).astype(np.int64)
    piece, starts, neighbours = _pieces(cut, row, cube, shift)
    count = starts.size - 1
    if cancelled():
        raise Cancelled
    sizes = np.bincount(piece, length, minlength=count).astype(np.int64)
    second, whole = np.zeros(count, np.int64), np.zeros(count, np.int64)
    parts_without(starts, neighbours, sizes, second, whole)
    is_bridge = (second >= smallest)[piece]
    piece, length = piece[is_bridge], length[is_bridge]
    begin = row[is_bridge] * runs.shape[2] + cut.first[is_bridge]
    within = np.arange(length.sum()) - np.repeat(np.cumsum(length) - length, length)
    return np.stack(
        (
            np.repeat(begin, length) + within,
            np.repeat(second[piece], length),
            np.repeat(whole[piece], length),
        )
    )


def _pieces(
    runs: Runs, row: Indices, cube: int, shift: tuple[int, ...]
) -> tuple[Ints, Indices, Ints]:
    """Return the piece of each run, and which pieces touch, as `parts_without` takes them."""
    from napari_nx46.core.measure.suspicions.compiled_pieces import graph_of_links, link_runs
    from napari_nx46.voxels.compiled_spans import number_components

    _, height, width = runs.shape
    across, along = ((length + cube) // cube + 1 for length in (height, width))
    of_z, of_y = (row // height + shift[0]) // cube, (row % height + shift[1]) // cube
    in_cube = (of_z * across + of_y) * along + (runs.first + shift[2]) // cube
    parent = np.arange(row.size)
    links = link_runs(runs.row_starts, runs.first, runs.stop, height, in_cube, parent)
    piece = np.empty(row.size, np.int32)
    count = number_components(parent, piece)
    return piece, *graph_of_links(links, piece, count)
