"""The kernels that smooth masks, compiled by numba."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from napari_nx46.voxels.blocks import Mask
from napari_nx46.voxels.compiling.kernel import helper, kernel

Row = npt.NDArray[np.uint8]
FloatRow = npt.NDArray[np.float32]
Weights = npt.NDArray[np.float64]

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


@kernel("(u1[:,:,::1], f8[::1], i8, i8, u1[:,:,::1])")
def smooth_planes(mask: Mask, weights: Weights, start: int, stop: int, out: Mask) -> None:
    """Keep what a Gaussian of the mask leaves above a half in some planes.

    Sums and rounding are those of `scipy.ndimage.correlate1d` on float32 along z, then y, then x:
    the middle first, then pairs from the outermost inwards.

    Parameters
    ----------
    mask : (Z, Y, X) array of uint8, {0, 1}
    weights : (radius + 1,) array of float64
        Of a voxel itself, and of those at each distance.
    start, stop : int
        The planes to do.
    out : (Z, Y, X) array of uint8
        Written to, planes ``start`` to ``stop``.
    """
    depth, rows, columns = mask.shape
    radius = weights.size - 1
    along_z = np.empty((rows, columns), np.float32)
    along_y = np.empty(columns, np.float32)
    total = np.empty(columns, np.float64)
    for z in range(start, stop):
        for y in range(rows):
            for x in range(columns):
                total[x] = mask[z, y, x] * weights[0]
            for distance in range(radius, 0, -1):
                below = mask[max(z - distance, 0), y]
                above = mask[min(z + distance, depth - 1), y]
                weight = weights[distance]
                for x in range(columns):
                    total[x] += np.float64(np.int32(below[x]) + np.int32(above[x])) * weight
            for x in range(columns):
                along_z[y, x] = np.float32(total[x])
        for y in range(rows):
            middle = along_z[y]
            for x in range(columns):
                total[x] = np.float64(middle[x]) * weights[0]
            for distance in range(radius, 0, -1):
                north = along_z[max(y - distance, 0)]
                south = along_z[min(y + distance, rows - 1)]
                weight = weights[distance]
                for x in range(columns):
                    total[x] += (np.float64(north[x]) + np.float64(south[x])) * weight
            for x in range(columns):
                along_y[x] = np.float32(total[x])
            _smooth_row(along_y, weights, total)
            for x in range(columns):
                out[z, y, x] = np.uint8(np.float32(total[x]) > np.float32(0.5))


@helper
def _smooth_row(row: FloatRow, weights: Weights, total: Weights) -> None:
    """Write the sums along a row, its end voxels repeated."""
    columns, radius = row.size, weights.size - 1
    for x in range(columns):
        total[x] = np.float64(row[x]) * weights[0]
    for distance in range(radius, 0, -1):
        weight = weights[distance]
        first, last = min(distance, columns), max(columns - distance, 0)
        for x in range(min(first, last)):
            total[x] += (np.float64(row[0]) + np.float64(row[x + distance])) * weight
        for x in range(first, last):
            total[x] += (np.float64(row[x - distance]) + np.float64(row[x + distance])) * weight
        for x in range(min(first, last), first):
            total[x] += (np.float64(row[0]) + np.float64(row[columns - 1])) * weight
        for x in range(max(first, last), columns):
            before = row[max(x - distance, 0)]
            total[x] += (np.float64(before) + np.float64(row[columns - 1])) * weight


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
