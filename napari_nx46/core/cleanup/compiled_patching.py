"""Kernels that find the holes of sheets and patch them. All free the GIL.

A sheet is viewed along one axis: a *column* is what lies along that axis, and the window that is
looked through has rows and columns of pixels along the two other axes, in the order z, y, x. A
*box* of a sheet is its first voxel and the one after its last along z, y and x, (3, 2).
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from napari_nx46.voxels.blocks import Mask
from napari_nx46.voxels.compiling.kernel import helper, kernel

Positions = npt.NDArray[np.int32]
Indices = npt.NDArray[np.int64]
Labels = npt.NDArray[np.int32]
Window = npt.NDArray[np.int32]


@kernel("(i4[::1], i8[::1], i8[::1])")
def group_runs(component: Positions, offsets: Indices, order: Indices) -> None:
    """List the runs component by component; the zeroed offsets say where each begins."""
    for run in range(component.size):
        offsets[component[run] + 1] += 1
    for number in range(1, offsets.size):
        offsets[number] += offsets[number - 1]
    free = offsets.copy()
    for run in range(component.size):
        order[free[component[run]]] = run
        free[component[run]] += 1


@helper
def _widen(bottom: Window, top: Window, row: int, column: int, low: int, high: int) -> None:
    if bottom[row, column] < 0 or low < bottom[row, column]:
        bottom[row, column] = low
    top[row, column] = max(top[row, column], high)


@kernel("(i8[::1], i8[::1], i4[::1], i4[::1], i8, i8, i8[:,::1], i4[:,::1], i4[:,::1])")
def project(
    order: Indices,
    rows: Indices,
    first: Positions,
    stop: Positions,
    height: int,
    axis: int,
    box: Indices,
    bottom: Window,
    top: Window,
) -> None:
    """Write the lowest and the highest voxel of each column of a sheet; -1 where it has none."""
    for run in order:
        z, y = rows[run] // height, rows[run] % height
        if axis == 2:
            _widen(bottom, top, z - box[0, 0], y - box[1, 0], first[run], stop[run] - 1)
        else:
            row, depth = (y - box[1, 0], z) if axis == 0 else (z - box[0, 0], y)
            for x in range(first[run], stop[run]):
                _widen(bottom, top, row, x - box[2, 0], depth, depth)


@helper
def _flood(bottom: Window, seen: Mask, start: int, pixels: Indices, begin: int) -> tuple[int, int]:
    """List the background pixels joined by edges to the first one.

    Return where the list ends, and the longest side of their box, 0 if they touch the border.
    """
    height, width = bottom.shape
    pixels[begin] = start
    seen[start // width, start % width] = 1
    end = begin + 1
    low_row = high_row = start // width
    low_column = high_column = start % width
    at = begin
    while at < end:
        row, column = pixels[at] // width, pixels[at] % width
        at += 1
        low_row, high_row = min(low_row, row), max(high_row, row)
        low_column, high_column = min(low_column, column), max(high_column, column)
        for near in range(4):
            near_row = row + (near == 1) - (near == 0)
            near_column = column + (near == 3) - (near == 2)
            if not (0 <= near_row < height and 0 <= near_column < width):
                continue
            if bottom[near_row, near_column] < 0 and seen[near_row, near_column] == 0:
                seen[near_row, near_column] = 1
                pixels[end] = near_row * width + near_column
                end += 1
    if low_row == 0 or low_column == 0 or high_row == height - 1 or high_column == width - 1:
        return end, 0
    return end, max(high_row - low_row, high_column - low_column) + 1


@kernel("(i4[:,::1], i8)")
def find_holes(bottom: Window, largest_side: int) -> tuple[Indices, Indices]:
    """Return the pixels of the holes in raster order of their first pixels, and their offsets."""
    height, width = bottom.shape
    seen = np.zeros(bottom.shape, np.uint8)
    pixels = np.empty(height * width, np.int64)
    offsets = np.zeros(height * width + 1, np.int64)
    holes = 0
    for row in range(height):
        for column in range(width):
            if bottom[row, column] >= 0 or seen[row, column] != 0:
                continue
            end, side = _flood(bottom, seen, row * width + column, pixels, offsets[holes])
            if 0 < side <= largest_side:
                holes += 1
                offsets[holes] = end
    return pixels[: offsets[holes]].copy(), offsets[: holes + 1].copy()


@kernel(
    "(i8[::1], i8[::1], i8[:,:,::1], i8[::1], i8[::1], i8[::1], i4[::1], i4[::1], i8, i8, b1[::1])",
)
def screen_sheets(
    sheets: Indices,
    axes: Indices,
    boxes: Indices,
    offsets: Indices,
    order: Indices,
    rows: Indices,
    first: Positions,
    stop: Positions,
    height: int,
    largest_side: int,
    has_holes: npt.NDArray[np.bool_],
) -> None:
    """Return for each of some sheets whether it has a hole, viewed along its axis."""
    for entry in range(sheets.size):
        sheet, axis = sheets[entry], axes[entry]
        sides = boxes[sheet, :, 1] - boxes[sheet, :, 0]
        across = (sides[1 if axis == 0 else 0], sides[1 if axis == 2 else 2])
        bottom, top = np.full(across, -1, np.int32), np.full(across, -1, np.int32)
        runs = order[offsets[sheet] : offsets[sheet + 1]]
        project(runs, rows, first, stop, height, axis, boxes[sheet], bottom, top)
        has_holes[entry] = find_holes(bottom, largest_side)[1].size > 1


@kernel("(i4[:,::1], i4[:,::1], i8[::1], i4[:,::1])")
def span_columns(bottom: Window, top: Window, pixels: Indices, patch: Window) -> None:
    """Write the lowest and highest voxel of each column of a hole's patch, (n, 2)."""
    width = bottom.shape[1]
    for entry in range(pixels.size):
        row, column = pixels[entry] // width, pixels[entry] % width
        weights = low = high = 0.0
        for near in range(4):
            row_step = (near == 1) - (near == 0)
            column_step = (near == 3) - (near == 2)
            distance = 1
            # A hole's pixels are enclosed: what follows the last one is a column of the sheet.
            while bottom[row + distance * row_step, column + distance * column_step] < 0:
                distance += 1
            near_row, near_column = row + distance * row_step, column + distance * column_step
            weight = 1.0 / distance
            weights += weight
            low += weight * bottom[near_row, near_column]
            high += weight * top[near_row, near_column]
        patch[entry, 0] = np.int32(np.floor(low / weights + 0.5))
        patch[entry, 1] = np.int32(np.floor(high / weights + 0.5))


@kernel("(i4[:,::1], i4[:,::1], i8[::1], i4[:,::1], i4[:,::1])")
def overlap_columns(
    bottom: Window, top: Window, pixels: Indices, patch: Window, extended: Window
) -> None:
    """Extend the columns of a patch, all at once, to reach the four columns beside each.

    Columns that share a voxel's depth are joined by faces. The windows are given the patch's own
    columns for it, and lose them again.
    """
    width = bottom.shape[1]
    for entry in range(pixels.size):
        row, column = pixels[entry] // width, pixels[entry] % width
        bottom[row, column], top[row, column] = patch[entry, 0], patch[entry, 1]
    for entry in range(pixels.size):
        row, column = pixels[entry] // width, pixels[entry] % width
        low, high = patch[entry, 0], patch[entry, 1]
        for near in range(4):
            near_row = row + (near == 1) - (near == 0)
            near_column = column + (near == 3) - (near == 2)
            low = min(low, top[near_row, near_column])
            high = max(high, bottom[near_row, near_column])
        extended[entry, 0], extended[entry, 1] = low, high
    for entry in range(pixels.size):
        row, column = pixels[entry] // width, pixels[entry] % width
        bottom[row, column] = top[row, column] = -1


@helper
def _place(axis: int, depth: int, row: int, column: int) -> tuple[int, int, int]:
    """Return the (z, y, x) of a depth and a pixel."""
    if axis == 0:
        return depth, row, column
    if axis == 1:
        return row, depth, column
    return row, column, depth


@helper
def _touches_another(labels: Labels, sheet: int, z: int, y: int, x: int) -> bool:
    depth, height, width = labels.shape
    for near_z in range(max(z - 1, 0), min(z + 2, depth)):
        for near_y in range(max(y - 1, 0), min(y + 2, height)):
            for near_x in range(max(x - 1, 0), min(x + 2, width)):
                label = labels[near_z, near_y, near_x]
                if label not in (0, sheet):
                    return True
    return False


@helper
def _euler_change(labels: Labels, sheet: int, z: int, y: int, x: int) -> int:
    """Return by how much a voxel changes the Euler number of a sheet that it is not in yet.

    It adds a vertex, an edge to each of its neighbours, and each square and cube it completes.
    """
    depth, height, width = labels.shape
    around = np.zeros((3, 3, 3), np.bool_)
    for near_z in range(max(z - 1, 0), min(z + 2, depth)):
        for near_y in range(max(y - 1, 0), min(y + 2, height)):
            for near_x in range(max(x - 1, 0), min(x + 2, width)):
                around[near_z - z + 1, near_y - y + 1, near_x - x + 1] = (
                    labels[near_z, near_y, near_x] == sheet
                )
    change = 1
    for a in (0, 2):
        change -= around[a, 1, 1] + around[1, a, 1] + around[1, 1, a]
        for b in (0, 2):
            change += around[a, 1, 1] and around[1, b, 1] and around[a, b, 1]
            change += around[a, 1, 1] and around[1, 1, b] and around[a, 1, b]
            change += around[1, a, 1] and around[1, 1, b] and around[1, a, b]
            for c in (0, 2):
                edges = around[a, 1, 1] and around[1, b, 1] and around[1, 1, c]
                squares = around[a, b, 1] and around[a, 1, c] and around[1, b, c]
                change -= edges and squares and around[a, b, c]
    return change


@helper
def _is_free(
    labels: Labels,
    sheet: int,
    axis: int,
    corner: tuple[int, int],
    width: int,
    pixels: Indices,
    patch: Window,
) -> bool:
    """Return whether a patch touches no other sheet."""
    for entry in range(pixels.size):
        row, column = corner[0] + pixels[entry] // width, corner[1] + pixels[entry] % width
        for depth in range(patch[entry, 0], patch[entry, 1] + 1):
            z, y, x = _place(axis, depth, row, column)
            if _touches_another(labels, sheet, z, y, x):
                return False
    return True


@kernel("(u1[:,:,::1], i8, i8, UniTuple(i8, 2), i8, i8[::1], i4[:,::1])")
def write_patch(
    volume: Labels | Mask,
    value: int,
    axis: int,
    corner: tuple[int, int],
    width: int,
    pixels: Indices,
    patch: Window,
) -> None:
    """Write a value at the voxels of a patch."""
    for entry in range(pixels.size):
        row, column = corner[0] + pixels[entry] // width, corner[1] + pixels[entry] % width
        for depth in range(patch[entry, 0], patch[entry, 1] + 1):
            z, y, x = _place(axis, depth, row, column)
            volume[z, y, x] = value


@kernel("(i4[:,:,::1], i8, i8, UniTuple(i8, 2), i8, i8[::1], i4[:,::1], i8)")
def apply_patch(
    labels: Labels,
    sheet: int,
    axis: int,
    corner: tuple[int, int],
    width: int,
    pixels: Indices,
    patch: Window,
    euler: int,
) -> tuple[bool, int]:
    """Add a patch to its sheet unless it touches another or the Euler number gets worse.

    Return whether it was added, and the sheet's Euler number then.
    """
    if not _is_free(labels, sheet, axis, corner, width, pixels, patch):
        return False, euler
    patched = euler
    for entry in range(pixels.size):
        row, column = corner[0] + pixels[entry] // width, corner[1] + pixels[entry] % width
        for depth in range(patch[entry, 0], patch[entry, 1] + 1):
            z, y, x = _place(axis, depth, row, column)
            patched += _euler_change(labels, sheet, z, y, x)
            labels[z, y, x] = sheet
    if abs(1 - patched) > abs(1 - euler):
        write_patch(labels, 0, axis, corner, width, pixels, patch)
        return False, euler
    return True, patched


@kernel("(i8[::1], i8[::1], i4[::1], i4[::1], i4[:,:,::1], i8)")
def euler_number(
    order: Indices,
    rows: Indices,
    first: Positions,
    stop: Positions,
    labels: Labels,
    sheet: int,
) -> int:
    """Return what some runs of a sheet contribute to its Euler number, joined by faces.

    Each voxel counts what it begins: the edges, squares and the cube towards higher z, y, x.
    """
    depth, height, _ = labels.shape
    euler = 0
    for run in order:
        z, y = rows[run] // height, rows[run] % height
        has_z, has_y = z + 1 < depth, y + 1 < height
        before_z = before_y = before_zy = False
        # Towards lower x, so that each voxel's neighbours across x are those just looked at.
        for x in range(stop[run] - 1, first[run] - 1, -1):
            in_z = has_z and labels[z + 1, y, x] == sheet
            in_y = has_y and labels[z, y + 1, x] == sheet
            in_zy = in_z and in_y and labels[z + 1, y + 1, x] == sheet
            euler += 1 - in_z - in_y + in_zy
            if x + 1 < stop[run]:
                square_z = in_z and before_z
                square_y = in_y and before_y
                euler += square_z + square_y - 1 - (in_zy and before_zy)
            before_z, before_y, before_zy = in_z, in_y, in_zy
    return euler
