"""The shortest way in a mask around a line."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from napari_nx46.voxels.compiling.kernel import helper, kernel

__all__ = ["STEPS", "shortest_ring"]

Mask = npt.NDArray[np.uint8]
Ints = npt.NDArray[np.int32]

STEPS = np.array([(-1, 0, 0), (0, -1, 0), (0, 0, -1), (0, 0, 1), (0, 1, 0), (1, 0, 0)], np.int64)
"""From a voxel to those that have a face in common with it, (6, 3)."""
STEPS.flags.writeable = False


@helper
def _crosses(row: int, column: int, step: int, line_row: int, line_column: int) -> bool:
    """Return whether a step from a voxel crosses the half-plane that ends in the line.

    It lies between the rows ``line_row`` and ``line_row + 1``, in the columns behind the line's.
    """
    return column > line_column and (
        (step == 4 and row == line_row) or (step == 1 and row == line_row + 1)
    )


@helper
def _walk(
    mask: Mask,
    steps: npt.NDArray[np.int64],
    line: tuple[int, int],
    begin: int,
    end: int,
    longest: int,
    reached: Ints,
    mark: int,
    queue: Ints,
    before: Ints,
) -> int:
    """Walk from a voxel to another one, crossing the half-plane an even number of times.

    A state is ``2 * voxel + crossed``. Return where in the queue the end is, or -1 if the way would
    have more than `longest` voxels.
    """
    depth, height, width = mask.shape
    queue[0], before[0] = 2 * begin, -1
    reached[2 * begin] = mark
    count, at, level_end, length = 1, 0, 1, 1
    while at < count:
        if at == level_end:
            level_end = count
            length += 1
        state = queue[at]
        voxel = state >> 1
        if state == 2 * end:
            return at
        z, y, x = voxel // (height * width), voxel // width % height, voxel % width
        if length < longest:
            for step in range(6):
                oz, oy, ox = z + steps[step, 0], y + steps[step, 1], x + steps[step, 2]
                if oz < 0 or oy < 0 or ox < 0 or oz >= depth or oy >= height or ox >= width:
                    continue
                if mask[oz, oy, ox] == 0:
                    continue
                crossed = state & 1
                if _crosses(y, x, step, line[0], line[1]):
                    crossed = 1 - crossed
                other = 2 * ((oz * height + oy) * width + ox) + crossed
                if reached[other] != mark:
                    reached[other] = mark
                    queue[count], before[count] = other, at
                    count += 1
        at += 1
    return -1


@kernel("(u1[:,:,::1], i8[:,::1], i8, i8)")
def shortest_ring(
    mask: Mask, steps: npt.NDArray[np.int64], line_row: int, line_column: int
) -> Ints:
    """Find the shortest closed way in a mask that winds an odd number of times around a line.

    Parameters
    ----------
    mask : (Z, Y, X) array of uint8
        None of its voxels lies on the line.
    steps : (6, 3) array of int64
        As `STEPS`.
    line_row, line_column : int
        The line along the first axis.

    Returns
    -------
    (N, 3) array of int32
        Each voxel has a face in common with the next one, and the last with the first; empty if
        there is no such way. Of several the one that is found first.
    """
    depth, height, width = mask.shape
    size = mask.size
    reached = np.zeros(2 * size, np.int32)
    queue, before = np.empty(2 * size, np.int32), np.empty(2 * size, np.int32)
    best = np.zeros((0, 3), np.int32)
    longest, mark = size, 0
    if line_row + 1 >= height:
        return best
    for column in range(line_column + 1, width):
        for z in range(depth):
            if mask[z, line_row, column] == 0 or mask[z, line_row + 1, column] == 0:
                continue
            mark += 1
            end = (z * height + line_row) * width + column
            at = _walk(
                mask,
                steps,
                (line_row, line_column),
                end + width,
                end,
                longest,
                reached,
                mark,
                queue,
                before,
            )
            if at < 0:
                continue
            found = 0
            place = at
            while place >= 0:
                found += 1
                place = before[place]
            best = np.empty((found, 3), np.int32)
            for k in range(found):
                voxel = queue[at] >> 1
                best[k, 0] = voxel // (height * width)
                best[k, 1] = voxel // width % height
                best[k, 2] = voxel % width
                at = before[at]
            longest = found - 1
    return best
