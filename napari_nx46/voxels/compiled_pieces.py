"""Kernels on the pieces of tiles: joined where tiles meet, and flipped from there.

All free the GIL.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from napari_nx46.voxels.blocks import Mask
from napari_nx46.voxels.compiling.kernel import helper, kernel
from napari_nx46.voxels.union_find import find_root

Positions = npt.NDArray[np.int32]
Indices = npt.NDArray[np.int64]
Plane = npt.NDArray[np.int32]


@kernel("(i4[:,::1], i4[:,::1], i8, i8, i8, i8[::1])")
def join_planes(
    plane: Plane, other: Plane, start: int, other_start: int, steps: int, parent: Indices
) -> None:
    """Join the pieces of two planes that lie upon each other.

    Pixels meet that are at most one apart along either axis, and `steps` along both together.
    Number n of a plane is element ``start + n - 1`` of the forest; 0 is no piece.
    """
    rows, columns = plane.shape
    for row in range(rows):
        for column in range(columns):
            if plane[row, column] == 0:
                continue
            element = start + plane[row, column] - 1
            for near_row in range(max(row - 1, 0), min(row + 2, rows)):
                left = steps - abs(near_row - row)
                for near in range(max(column - 1, 0), min(column + 2, columns)):
                    number = other[near_row, near]
                    if number != 0 and abs(near - column) <= left:
                        root = find_root(parent, element)
                        other_root = find_root(parent, other_start + number - 1)
                        # The lowest element stands for all, whatever the order of joining.
                        parent[max(root, other_root)] = min(root, other_root)


@kernel("(i8[::1], i8, i8[::1], i4[::1], i4[::1], i4[::1], i4[::1], i4[::1])")
def paint_rows(
    rows: Indices,
    width: int,
    row_starts: Indices,
    first: Positions,
    stop: Positions,
    component: Positions,
    numbers: Positions,
    plane: Positions,
) -> None:
    """Write the numbers of the components in some rows, one row after the other."""
    for place in range(rows.size):
        for run in range(row_starts[rows[place]], row_starts[rows[place] + 1]):
            number = numbers[component[run]]
            for x in range(first[run], stop[run]):
                plane[place * width + x] = number


@kernel("(b1, i8, i8[::1], i4[::1], i4[::1], i4[::1], i4[::1], i4[::1])")
def paint_ends(
    at_high: bool,
    width: int,
    row_starts: Indices,
    first: Positions,
    stop: Positions,
    component: Positions,
    numbers: Positions,
    plane: Positions,
) -> None:
    """Write the numbers of the components at the first, or at the last, voxel of every row."""
    for row in range(plane.size):
        begin, end = row_starts[row], row_starts[row + 1]
        if begin == end:
            continue
        if at_high:
            if stop[end - 1] == width:
                plane[row] = numbers[component[end - 1]]
        elif first[begin] == 0:
            plane[row] = numbers[component[begin]]


@helper
def _fill_run(row: npt.NDArray[np.uint8], x: int, value: int) -> tuple[int, int]:
    """Give the run of other voxels around `x` a value, and return where it begins and stops."""
    begin, stop = x, x + 1
    while begin > 0 and row[begin - 1] != value:
        begin -= 1
    while stop < row.size and row[stop] != value:
        stop += 1
    for place in range(begin, stop):
        row[place] = value
    return begin, stop


@helper
def _pushed(stack: Positions, height: int, z: int, y: int, begin: int, stop: int) -> Positions:
    """Return the stack with a run on it, which is another array where there was no room."""
    if height == stack.shape[0]:
        larger = np.empty((2 * height, 4), np.int32)
        for entry in range(height):
            for part in range(4):
                larger[entry, part] = stack[entry, part]
        stack = larger
    stack[height, 0], stack[height, 1] = z, y
    stack[height, 2], stack[height, 3] = begin, stop
    return stack


@kernel("(u1[:,:,::1], i4[:,::1], i8, i8)")
def flip_components(mask: Mask, seeds: Positions, steps: int, value: int) -> None:
    """Give the components on which seeds lie another value, in place, run by run.

    Voxels are connected that are at most one apart along each axis, and `steps` along all of them
    together. The cost is that of the voxels that are flipped.
    """
    depth, rows, width = mask.shape
    stack = np.empty((1024, 4), np.int32)
    for seed in range(seeds.shape[0]):
        z, y, x = seeds[seed, 0], seeds[seed, 1], seeds[seed, 2]
        if mask[z, y, x] == value:
            continue
        begin, stop = _fill_run(mask[z, y], x, value)
        stack = _pushed(stack, 0, z, y, begin, stop)
        height = 1
        while height > 0:
            height -= 1
            z, y = stack[height, 0], stack[height, 1]
            begin, stop = stack[height, 2], stack[height, 3]
            for near_z in range(max(z - 1, 0), min(z + 2, depth)):
                for near_y in range(max(y - 1, 0), min(y + 2, rows)):
                    left = steps - abs(near_z - z) - abs(near_y - y)
                    if left < 0:
                        continue
                    reach = min(left, 1)
                    row = mask[near_z, near_y]
                    near, end = max(begin - reach, 0), min(stop + reach, width)
                    while near < end:
                        if row[near] == value:
                            near += 1
                        else:
                            low, near = _fill_run(row, near, value)
                            stack = _pushed(stack, height, near_z, near_y, low, near)
                            height += 1
