"""The kernels that plug cubes of 2 x 2 x 2 voxels, compiled by numba."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from napari_nx46.core.cleanup.cubes.table import CubeTable
from napari_nx46.voxels.blocks import Mask
from napari_nx46.voxels.compiling.kernel import helper, kernel

Row = npt.NDArray[np.uint8]


@kernel("(u1[:,:,::1], u1[::1], i8, i8, u1[:,:,::1])")
def plug_planes(mask: Mask, table: CubeTable, start: int, stop: int, out: Mask) -> int:
    """Plug every cube at once, planes ``start`` to ``stop``.

    Parameters
    ----------
    mask : (Z, Y, X) array of uint8, {0, 1}
    table : (256,) array of uint8
    start, stop : int
        The planes of the result to do; those of other tiles are left alone.
    out : (Z, Y, X) array of uint8
        Written to, planes ``start`` to ``stop``.

    Returns
    -------
    int
        How many voxels were added.
    """
    depth, rows, columns = mask.shape
    for z in range(start, stop):
        for y in range(rows):
            _copy(mask[z, y], out[z, y])
    added = 0
    for z in range(max(start - 1, 0), min(stop, depth - 1)):
        for y in range(rows - 1):
            first, second = mask[z, y], mask[z, y + 1]
            third, fourth = mask[z + 1, y], mask[z + 1, y + 1]
            before = first[0] | second[0] << 2 | third[0] << 4 | fourth[0] << 6
            for x in range(columns - 1):
                after = first[x + 1] | second[x + 1] << 2 | third[x + 1] << 4 | fourth[x + 1] << 6
                code = before | after << 1
                before = after
                more = table[code] & ~code
                if more:
                    if z >= start:
                        added += _add(more, x, out[z, y], out[z, y + 1])
                    if z + 1 < stop:
                        added += _add(more >> 4, x, out[z + 1, y], out[z + 1, y + 1])
    return added


@kernel("(u1[:,:,::1], u1[:,:,::1], u1[::1])")
def plug_in_place(near: Mask, mask: Mask, table: CubeTable) -> int:
    """Plug one cube after the other in raster order, each with those before it in place.

    Parameters
    ----------
    near : (Z, Y, X) array of uint8
        Which cubes are looked at, by their first voxel.
    mask : (Z, Y, X) array of uint8, {0, 1}
        Written to.
    table : (256,) array of uint8

    Returns
    -------
    int
        How many voxels were added.
    """
    depth, rows, columns = mask.shape
    added = 0
    for z in range(depth - 1):
        for y in range(rows - 1):
            first, second = mask[z, y], mask[z, y + 1]
            third, fourth = mask[z + 1, y], mask[z + 1, y + 1]
            for x in range(columns - 1):
                if near[z, y, x]:
                    before = first[x] | second[x] << 2 | third[x] << 4 | fourth[x] << 6
                    after = first[x + 1] | second[x + 1] << 2
                    after |= third[x + 1] << 4 | fourth[x + 1] << 6
                    code = before | after << 1
                    more = table[code] & ~code
                    if more:
                        added += _add(more, x, first, second) + _add(more >> 4, x, third, fourth)
    return added


@helper
def _add(bits: int, x: int, row: Row, next_row: Row) -> int:
    """Add the voxels of the lowest four bits, and return how many were not there."""
    added = 0
    for step in range(2):
        if bits >> step & 1 and row[x + step] == 0:
            row[x + step] = 1
            added += 1
        if bits >> (2 + step) & 1 and next_row[x + step] == 0:
            next_row[x + step] = 1
            added += 1
    return added


@helper
def _copy(row: Row, out: Row) -> None:
    for x in range(row.size):
        out[x] = row[x]
