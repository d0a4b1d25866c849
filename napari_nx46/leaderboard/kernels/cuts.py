"""Where to cut what joins one part of a mask to its other parts."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from napari_nx46.voxels.compiling.kernel import helper, kernel

__all__ = ["FREE", "HERE", "THERE", "voxels_between"]

Indices = npt.NDArray[np.int64]

HERE, THERE, FREE = 1, 2, 3
_OF_HERE, _OF_THERE = 4, 5


@helper
def _flood(cells: npt.NDArray[np.uint8], steps: Indices) -> Indices:
    """Let both parts grow into what is free, a step at a time; return what they reach."""
    free = 0
    for index in range(cells.size):
        free += cells[index] == FREE
    queue = np.empty(free, np.int64)
    count = 0
    for index in range(cells.size):
        if cells[index] != FREE:
            continue
        beside = 0
        for step in steps:
            there = cells[index + step]
            if there == HERE:
                beside = _OF_HERE
                break
            if there == THERE:
                beside = _OF_THERE
        if beside > 0:
            cells[index] = beside
            queue[count] = index
            count += 1
    at = 0
    while at < count:
        index = queue[at]
        for step in steps:
            if cells[index + step] == FREE:
                cells[index + step] = cells[index]
                queue[count] = index + step
                count += 1
        at += 1
    return queue[:count]


@kernel("(u1[::1], i8[::1])")
def voxels_between(cells: npt.NDArray[np.uint8], steps: Indices) -> Indices:
    """Find the free voxels that part `HERE` from `THERE` halfway between them.

    Both parts are flooded into what is free, a step at a time, so that each free voxel belongs to
    the nearer one, at equal distances to `HERE`. Those at which the floods come together are found.

    Parameters
    ----------
    cells : ndarray of uint8
        A raveled volume with a margin of zeros: `HERE`, `THERE`, `FREE`, or 0 for background.
        Overwritten. No voxel of `HERE` is a neighbour of one of `THERE`.
    steps : ndarray of int64
        From a voxel to each of its neighbours.

    Returns
    -------
    ndarray of int64
        Without these voxels no way through the others leads from `HERE` to `THERE`. Unordered.
    """
    reached = _flood(cells, steps)
    found = 0
    for index in reached:
        for step in steps:
            there = cells[index + step]
            of_here = cells[index] == _OF_HERE
            if (of_here and there in (THERE, _OF_THERE)) or (not of_here and there == HERE):
                reached[found] = index
                found += 1
                break
    return reached[:found].copy()
