"""Where to look for a loop, and at which edges components of the first plane are reached."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from napari_nx46.voxels.compiling.kernel import helper, kernel

__all__ = ["lower_keys", "place_voxels"]

Ints = npt.NDArray[np.int32]
Indices = npt.NDArray[np.int64]
Words = npt.NDArray[np.uint64]

_ONE = np.uint64(1)


@kernel("(i4[:,::1], u8[:,:,::1])")
def place_voxels(squares: Ints, mask: Words) -> Ints:
    """Return the vertex of each square that shows its place, the first that lies in no mask.

    Parameters
    ----------
    squares : ndarray of int32
        (N, 4): z, y, x and normal.
    mask : ndarray of uint64
        (Z, Y, W): the mask, or the union of several.

    Returns
    -------
    ndarray of int32
        (N, 3). The order of the vertices is: along both directions of the square, along the slower
        one only, along the faster one only, the smallest one.
    """
    chosen = np.empty((squares.shape[0], 3), np.int32)
    for k in range(squares.shape[0]):
        slower = 1 if squares[k, 3] == 0 else 0
        faster = 1 if squares[k, 3] == 2 else 2
        for vertex in (3, 2, 1, 0):
            for axis in range(3):
                chosen[k, axis] = squares[k, axis]
            chosen[k, slower] += vertex >> 1
            chosen[k, faster] += vertex & 1
            z, y, x = chosen[k, 0], chosen[k, 1], chosen[k, 2]
            if mask[z, y, x >> 6] >> np.uint64(x & 63) & _ONE == 0:
                break
    return chosen


@helper
def _first_outside(
    row_starts: Indices, first: Ints, stop: Ints, row: int, low: int, high: int
) -> int:
    """Return the first voxel from `low` to `high` that lies in no run of a row; else `high`."""
    x = low
    for run in range(row_starts[row], row_starts[row + 1]):
        if stop[run] <= x:
            continue
        if first[run] > x:
            break
        x = stop[run]
    return min(x, high)


@kernel("(UniTuple(i8, 3), i8[::1], i4[::1], i4[::1], i4[::1], i8[::1])")
def lower_keys(
    shape: tuple[int, int, int],
    row_starts: Indices,
    first: Ints,
    stop: Ints,
    component: Ints,
    keys: Indices,
) -> None:
    """Lower the keys of components to those of their edges from background voxels of plane 0.

    Parameters
    ----------
    shape : three int
        (Z, Y, X).
    row_starts : ndarray of int64
    first, stop, component : ndarray of int32
        The runs of a mask, and the component of each.
    keys : ndarray of int64
        (components,): ``3 * voxel + direction`` of an edge; changed in place.
    """
    planes, rows, columns = shape
    for plane in range(min(planes, 2)):
        for y in range(rows):
            row = plane * rows + y
            for run in range(row_starts[row], row_starts[row + 1]):
                key = keys[component[run]]
                if plane == 0 and first[run] > 0:
                    key = min(key, 3 * (y * columns + first[run] - 1) + 2)
                # The row in front of it in plane 0: along z from plane 1, else along y.
                near = y - (plane == 0)
                if near >= 0:
                    x = _first_outside(row_starts, first, stop, near, first[run], stop[run])
                    if x < stop[run]:
                        key = min(key, 3 * (near * columns + x) + (plane == 0))
                keys[component[run]] = key
