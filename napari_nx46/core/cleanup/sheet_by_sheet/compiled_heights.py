"""The kernels that find the heights of a sheet and bridge its holes, compiled by numba."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from napari_nx46.voxels.blocks import Mask
from napari_nx46.voxels.compiling.kernel import helper, kernel

Heights = npt.NDArray[np.int32]
"""``(rows, columns)``: the depth of a voxel in each column along the axis of a view."""

Window = npt.NDArray[np.uint8]
Ramps = npt.NDArray[np.float32]

_NEVER_ZERO = np.float32(1e-8)


@kernel("(u1[:,:,::1], i8, i4[:,::1])")
def find_heights(sheet: Mask, axis: int, heights: Heights) -> None:
    """Write the first voxel of each column along an axis, where there is one.

    Parameters
    ----------
    sheet : (Z, Y, X) array of uint8, {0, 1}
    axis : {0, 1, 2}
    heights : (rows, columns) array of int32
        Of -1 at first.
    """
    depth, rows, columns = sheet.shape
    for z in range(depth):
        for y in range(rows):
            for x in range(columns):
                if sheet[z, y, x]:
                    if axis == 0:
                        if heights[y, x] < 0:
                            heights[y, x] = z
                    elif axis == 1:
                        if heights[z, x] < 0:
                            heights[z, x] = y
                    elif heights[z, y] < 0:
                        heights[z, y] = x


@kernel("(i4[:,::1], u1[:,::1], i4[:,:,::1])")
def bridge_holes(heights: Heights, holes: Window, spans: npt.NDArray[np.int32]) -> None:
    """Write which voxels fill each column of the holes.

    Parameters
    ----------
    heights : (rows, columns) array of int32
        Of the sheet in its fragment, around the holes.
    holes : (rows, columns) array of uint8, {0, 1}
        None of them touches the border of the window.
    spans : (2, rows, columns) array of int32
        Receives the lowest and the highest voxel of the filling, where there is a hole.

    Notes
    -----
    A straight line joins the ends of each run of a hole along its row, another one those along its
    column. Both are summed up step by step in float64; their mean, by the inverse of the distances
    to the nearer end, is taken in float32 and rounded, half to even.
    """
    rows, columns = holes.shape
    ramps = np.zeros((2, rows, columns), np.float32)
    weights = np.zeros((2, rows, columns), np.float32)
    for row in range(rows):
        _bridge_line(heights[row], holes[row], ramps[0, row], weights[0, row])
    for column in range(columns):
        _bridge_line(
            heights[:, column], holes[:, column], ramps[1, :, column], weights[1, :, column]
        )
    bridged = heights.copy()
    for row in range(rows):
        for column in range(columns):
            if holes[row, column]:
                along, across = weights[0, row, column], weights[1, row, column]
                total = along * ramps[0, row, column] + across * ramps[1, row, column]
                bridged[row, column] = np.rint(total / (along + across + _NEVER_ZERO))
    for row in range(1, rows - 1):
        for column in range(1, columns - 1):
            if holes[row, column]:
                low = high = bridged[row, column]
                for y in range(row - 1, row + 2):
                    for x in range(column - 1, column + 2):
                        low, high = min(low, bridged[y, x]), max(high, bridged[y, x])
                spans[0, row, column], spans[1, row, column] = low, high


@helper
def _bridge_line(heights: Heights, holes: Window, ramp: Ramps, weight: Ramps) -> None:
    """Join the ends of each run of a hole in one row or column."""
    position = 1
    while position < holes.size:
        if not holes[position]:
            position += 1
            continue
        before = position - 1
        after = position
        while holes[after]:
            after += 1
        slope = (heights[after] - heights[before]) / (after - before)
        height = heights[before] + slope
        for inner in range(position, after):
            ramp[inner] = height
            weight[inner] = 1.0 / min(inner - before, after - inner)
            height += slope
        position = after + 1
