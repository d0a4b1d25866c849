"""A closed way around the place of a loop, to show what the loop is."""

from __future__ import annotations

from itertools import product

import numpy as np
import numpy.typing as npt

__all__ = ["REACHES", "cycle_around"]

Ints = npt.NDArray[np.int32]
Mask = npt.NDArray[np.uint8]

REACHES = (6, 16)
"""Voxels around the place that are looked at, the fewest first."""

_HERE = ((0, 0),)
_ASIDE = tuple(step for step in product((-1, 0, 1), repeat=2) if any(step))


def cycle_around(mask: Mask, place: tuple[int, int, int]) -> Ints:
    """Find a short closed way in a mask around a background voxel, or around one beside it.

    Through the voxel go three lines along the axes, each as far as there is background. Wanted is
    the shortest closed way of voxels with common faces, beside that part of a line and within its
    ends, that winds an odd number of times around it: nothing in the mask between these ends
    fills it. If there is none, the 8 voxels around the place across each line are tried: a loop
    that nothing fills has its place beside its rim. It is looked for within the smallest of
    `REACHES` that holds one.

    Parameters
    ----------
    mask : ndarray of uint8
        (Z, Y, X).
    place : tuple of int
        (z, y, x), background.

    Returns
    -------
    ndarray of int32
        (N, 3): the voxels in the order of the way; empty if there is none within reach.
    """
    for reach in REACHES:
        for aside in (_HERE, _ASIDE):
            found = [
                way
                for axis, (across, along) in product(range(3), aside)
                if len(way := _around_line(mask, place, axis, (across, along), reach))
            ]
            if found:
                return min(found, key=len)
    return np.zeros((0, 3), np.int32)


def _around_line(
    mask: Mask, place: tuple[int, int, int], axis: int, aside: tuple[int, int], reach: int
) -> Ints:
    """Return the shortest closed way around a line along an axis, so far aside of a place."""
    from napari_nx46.leaderboard.kernels.rings import STEPS, shortest_ring

    none = np.zeros((0, 3), np.int32)
    order = [axis, *(other for other in range(3) if other != axis)]
    box = [slice(max(at - reach, 0), at + reach + 1) for at in place]
    at, row, column = (
        place[k] - box[k].start + step for k, step in zip(order, (0, *aside), strict=True)
    )
    window = mask[tuple(box)].transpose(order)
    if not (0 <= row < window.shape[1] and 0 <= column < window.shape[2]):
        return none
    if window[at, row, column]:
        return none
    filled = np.flatnonzero(window[:, row, column])
    after = int(np.searchsorted(filled, at))
    low = int(filled[after - 1]) + 1 if after else 0
    high = int(filled[after]) if after < filled.size else len(window)
    way = shortest_ring(np.ascontiguousarray(window[low:high]), STEPS, row, column)
    moved = way + np.array([low, 0, 0], np.int32)
    cycle = np.empty_like(moved)
    for k, axis_of_window in enumerate(order):
        cycle[:, axis_of_window] = moved[:, k] + box[axis_of_window].start
    return cycle
