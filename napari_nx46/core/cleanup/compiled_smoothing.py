"""The kernel that takes the majority of small windows, compiled by numba."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from napari_nx46.voxels.blocks import Mask
from napari_nx46.voxels.compiling.kernel import helper, kernel

Row = npt.NDArray[np.uint8]

_CUBE, _CROSS, _SLICE = 0, 1, 2


@kernel("(u1[:,:,::1], i8, i8, i8, u1[:,:,::1])")
def take_majority(mask: Mask, window: int, start: int, stop: int, out: Mask) -> None:
    """Give each voxel of some planes the majority of its window, the outer voxels repeated.

    Parameters
    ----------
    mask : (Z, Y, X) array of uint8, {0, 1}
    window : int
        0 for 3 x 3 x 3 voxels, 1 for a voxel and its six neighbours, 2 for 3 x 3 within the slice,
        3 for 3 along z.
    start, stop : int
        The planes to do.
    out : (Z, Y, X) array of uint8
        Written to, planes ``start`` to ``stop``.
    """
    depth, rows, columns = mask.shape
    stack = np.empty(columns, np.uint8)
    beside = np.empty(columns, np.uint8)
    for z in range(start, stop):
        below, above = max(z - 1, 0), min(z + 1, depth - 1)
        for y in range(rows):
            north, south = max(y - 1, 0), min(y + 1, rows - 1)
            stack[:] = 0
            beside[:] = 0
            half = 1
            if window == _CUBE:
                half = 13
                for plane in (below, z, above):
                    for row in (north, y, south):
                        _add(mask[plane, row], stack)
            elif window == _CROSS:
                half = 3
                _add(mask[z, y], stack)
                for plane in (below, above):
                    _add(mask[plane, y], beside)
                for row in (north, south):
                    _add(mask[z, row], beside)
            elif window == _SLICE:
                half = 4
                for row in (north, y, south):
                    _add(mask[z, row], stack)
            else:
                for plane in (below, z, above):
                    _add(mask[plane, y], beside)
            _decide(stack, beside, half, out[z, y])


@helper
def _decide(stack: Row, beside: Row, half: int, out: Row) -> None:
    """Write where three of the stack beside each other, and what else counts, exceed a half."""
    last = stack.size - 1
    for x in range(1, last):
        out[x] = np.uint8(stack[x - 1] + stack[x] + stack[x + 1] + beside[x] > half)
    for x in (0, last):
        total = stack[max(x - 1, 0)] + stack[x] + stack[min(x + 1, last)] + beside[x]
        out[x] = np.uint8(total > half)


@helper
def _add(row: Row, count: Row) -> None:
    for x in range(count.size):
        count[x] += row[x]
