"""Bridges: narrow places that hold two large parts of a component together."""

from __future__ import annotations

import itertools

import numpy as np
import numpy.typing as npt

from napari_nx46.core.measure.suspicions.places import Places, places_of
from napari_nx46.voxels.blocks import Mask
from napari_nx46.voxels.spans import Labels, checked_mask, find_components
from napari_nx46.voxels.workers import CancelCheck, Cancelled, Workers, never, tiles_of

__all__ = ["CUBE", "find_bridges"]

Indices = npt.NDArray[np.int64]
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
    every = np.flatnonzero(voxels)
    shifts = list(itertools.product((0, cube // 2), repeat=3))

    def find(grid: slice) -> Indices:
        return _bridges_of_grid(every, voxels.shape, cube, shifts[grid.start], smallest, cancelled)

    found = (workers or Workers(1)).map(find, tiles_of(len(shifts), 1), cancelled)
    flat, part, whole = np.concatenate(found, axis=1)
    bridges = np.zeros(voxels.shape, np.uint8)
    bridges.ravel()[flat] = 1
    joined = find_components(bridges, 26, workers=workers)
    numbers = joined.labels(np.arange(1, joined.count + 1, dtype=np.int32), bridges, workers)
    owner = numbers.ravel()[flat] - 1
    parts, wholes = np.zeros(joined.count, np.int64), np.ones(joined.count, np.int64)
    np.maximum.at(parts, owner, part)
    np.maximum.at(wholes, owner, whole)
    own = np.flatnonzero(bridges)
    places = places_of(voxels.shape, own, numbers.ravel()[own] - 1, joined.count)
    return places, parts, 2 * parts / wholes


def _bridges_of_grid(
    every: Indices,
    shape: tuple[int, int, int],
    cube: int,
    shift: tuple[int, ...],
    smallest: int,
    cancelled: CancelCheck,
) -> Indices:
    """Return the voxels of bridges of a grid, with the part and the whole of each, (3, n)."""
    from napari_nx46.core.measure.suspicions.compiled_pieces import (
        BEHIND,
        cut_into_pieces,
        parts_without,
    )

    labels, room = np.zeros(shape, np.int32), np.empty(every.size + 1, np.int32)
    count = cut_into_pieces(every, BEHIND, cube, np.array(shift, np.int64), labels, room)
    if cancelled():
        raise Cancelled
    number = labels.ravel()[every] - 1
    sizes = np.bincount(number, minlength=count).astype(np.int64)
    starts, neighbours = _graph(every, labels, count)
    second, whole = np.zeros(count, np.int64), np.zeros(count, np.int64)
    parts_without(starts, neighbours, sizes, second, whole)
    is_bridge = (second >= smallest)[number]
    number = number[is_bridge]
    return np.stack((every[is_bridge], second[number], whole[number]))


def _graph(every: Indices, labels: Labels, count: int) -> tuple[Indices, npt.NDArray[np.int32]]:
    """Return which pieces touch: the neighbours of piece i + 1 from ``starts[i]`` on, from 0."""
    from napari_nx46.core.measure.suspicions.compiled_pieces import BEHIND, link_pieces

    links = np.empty(link_pieces(every, labels, BEHIND, False, np.empty(0, np.int64)), np.int64)
    link_pieces(every, labels, BEHIND, True, links)
    links = np.unique(links)
    low, high = (links >> 32) - 1, (links & 0xFFFFFFFF) - 1
    here, there = np.concatenate((low, high)), np.concatenate((high, low))
    starts = np.concatenate(([0], np.cumsum(np.bincount(here, minlength=count))))
    return starts.astype(np.int64), there[np.argsort(here, kind="stable")].astype(np.int32)
