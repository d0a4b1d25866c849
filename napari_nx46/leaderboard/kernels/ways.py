"""The shortest way from one part of a mask to another part, and where parts of a component meet."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from napari_nx46.voxels.compiling.kernel import helper, kernel

__all__ = ["meeting_voxels", "shortest_way", "shortest_ways"]

Ints = npt.NDArray[np.int32]
Indices = npt.NDArray[np.int64]
RunList = tuple[Ints, Ints, Ints]
"""Row ``z * Y + y``, first voxel, and the one after the last, of each run."""

_GROUND = -1
_UNREACHED, _LEFT_OUT = -1, -2


# ---- the shortest way ----------------------------------------------------------------------


@helper
def _padded(shape: tuple[int, int, int], row: int, x: int) -> int:
    """Return the index of a voxel in a volume with a margin of one voxel."""
    z = row // shape[1]
    y = row % shape[1]
    return ((z + 1) * (shape[1] + 2) + y + 1) * (shape[2] + 2) + x + 1


@helper
def _unpadded(shape: tuple[int, int, int], index: int) -> int:
    """Return the index of a voxel without the margin."""
    width = shape[2] + 2
    z = index // (width * (shape[1] + 2)) - 1
    y = index // width % (shape[1] + 2) - 1
    return (z * shape[1] + y) * shape[2] + index % width - 1


@helper
def _painted(
    shape: tuple[int, int, int], parts: RunList, numbers: Ints, ground: RunList
) -> tuple[Ints, int]:
    """Return a volume with a margin, flat, and the voxels of the ground.

    The number of the part at its voxels, -1 on the ground, 0 elsewhere.
    """
    cells = np.zeros((shape[0] + 2) * (shape[1] + 2) * (shape[2] + 2), np.int32)
    row, first, stop = parts
    for run in range(row.size):
        start = _padded(shape, row[run], first[run])
        for index in range(start, start + stop[run] - first[run]):
            cells[index] = numbers[run]
    size = 0
    row, first, stop = ground
    for run in range(row.size):
        start = _padded(shape, row[run], first[run])
        size += stop[run] - first[run]
        for index in range(start, start + stop[run] - first[run]):
            cells[index] = _GROUND
    return cells, size


@helper
def _walk(
    shape: tuple[int, int, int],
    cells: Ints,
    part: RunList,
    low: int,
    high: int,
    number: int,
    queue: Ints,
    before: Ints,
) -> int:
    """Walk from the runs `low` to `high` of a part to the nearest other one.

    Returns where in the queue the last voxel of the way is, -1 if there is no way; `before` has
    where the voxel before each is, -1 for one beside the part. A voxel of the ground that was
    reached is marked by the part, so that nothing has to be cleared for the next one.
    """
    row, first, stop = part
    width = shape[2] + 2
    steps = (-width * (shape[1] + 2), -width, -1, 1, width, width * (shape[1] + 2))
    mark = _GROUND - number
    count = 0
    for run in range(low, high):
        start = _padded(shape, row[run], first[run])
        for index in range(start, start + stop[run] - first[run]):
            for step in steps:
                if cells[index + step] < 0 and cells[index + step] != mark:
                    cells[index + step] = mark
                    queue[count] = index + step
                    before[count] = -1
                    count += 1
    at = 0
    while at < count:
        index = queue[at]
        for step in steps:
            there = cells[index + step]
            if there > 0 and there != number:
                return at
            if there < 0 and there != mark:
                cells[index + step] = mark
                queue[count] = index + step
                before[count] = at
                count += 1
        at += 1
    return -1


@helper
def _length(before: Ints, end: int) -> int:
    """Return the number of voxels of a way."""
    length = 0
    while end >= 0:
        length += 1
        end = before[end]
    return length


@kernel(
    "(UniTuple(i8, 3), UniTuple(i4[::1], 3), i4[::1], UniTuple(i4[::1], 3), "
    "UniTuple(i4[::1], 3), i8[::1])"
)
def shortest_ways(
    shape: tuple[int, int, int],
    parts: RunList,
    numbers: Ints,
    ground: RunList,
    wanted: RunList,
    starts: Indices,
) -> tuple[Ints, Indices]:
    """Find the shortest way from some parts to the nearest other part each.

    Parameters
    ----------
    shape : three int
        (Z, Y, X).
    parts : row, first, stop
        The voxels of all parts, as runs.
    numbers : ndarray of int32
        Of the part of each run, from 1. Parts do not touch.
    ground : row, first, stop
        What may be walked on, in steps along one axis; no voxel of a part.
    wanted : row, first, stop
        The runs of the parts to begin at, part by part.
    starts : ndarray of int64
        (M + 1,): where the runs of each of these begin.

    Returns
    -------
    length : ndarray of int32
        (M,): voxels of the ground between the part and the nearest other one; 0 if there is no
        way.
    middle : ndarray of int64
        (M,): the voxel in the middle of such a way, as ``(z * Y + y) * X + x``, or -1.
    """
    cells, size = _painted(shape, parts, numbers, ground)
    queue = np.empty(size, np.int32)
    before = np.empty(size, np.int32)
    length = np.zeros(starts.size - 1, np.int32)
    middle = np.full(starts.size - 1, -1, np.int64)
    for k in range(starts.size - 1):
        first = wanted[1][starts[k]]
        number = cells[_padded(shape, wanted[0][starts[k]], first)]
        end = _walk(shape, cells, wanted, starts[k], starts[k + 1], number, queue, before)
        if end < 0:
            continue
        length[k] = _length(before, end)
        for _ in range(length[k] // 2):
            end = before[end]
        middle[k] = _unpadded(shape, queue[end])
    return length, middle


@kernel(
    "(UniTuple(i8, 3), UniTuple(i4[::1], 3), i4[::1], UniTuple(i4[::1], 3), UniTuple(i4[::1], 3))"
)
def shortest_way(
    shape: tuple[int, int, int],
    parts: RunList,
    numbers: Ints,
    ground: RunList,
    wanted: RunList,
) -> Indices:
    """Return the voxels of the shortest way from one part to another one, in their order.

    Parameters
    ----------
    shape, parts, numbers, ground
        As for `shortest_ways`.
    wanted : row, first, stop
        The runs of the part at which the way begins.

    Returns
    -------
    ndarray of int64
        (length,): ``(z * Y + y) * X + x`` of each voxel between the two parts.
    """
    cells, size = _painted(shape, parts, numbers, ground)
    queue = np.empty(size, np.int32)
    before = np.empty(size, np.int32)
    number = cells[_padded(shape, wanted[0][0], wanted[1][0])]
    end = _walk(shape, cells, wanted, 0, wanted[0].size, number, queue, before)
    way = np.empty(_length(before, end), np.int64)
    for k in range(way.size - 1, -1, -1):
        way[k] = _unpadded(shape, queue[end])
        end = before[end]
    return way


# ---- where parts of a component meet -------------------------------------------------------


@helper
def _first_behind(row_starts: Indices, stop: Ints, row: int, x: int) -> int:
    """Return the first run of a row that ends behind x."""
    low = row_starts[row]
    high = row_starts[row + 1]
    while low < high:
        middle = (low + high) // 2
        if stop[middle] > x:
            high = middle
        else:
            low = middle + 1
    return int(low)


@helper
def _rows(row_starts: Indices, runs: int) -> Ints:
    """Return the row of each run."""
    rows = np.empty(runs, np.int32)
    for row in range(row_starts.size - 1):
        for run in range(row_starts[row], row_starts[row + 1]):
            rows[run] = row
    return rows


@helper
def _meet(
    here: int,
    there: int,
    voxel: int,
    steps: int,
    distance: Ints,
    voxels: Indices,
) -> None:
    """Keep a voxel at which two pairs meet, for each of them if they have met no nearer."""
    for pair in (here, there):
        if distance[pair] < 0 or steps < distance[pair]:
            distance[pair] = steps
            voxels[pair] = voxel


@kernel(
    "(UniTuple(i8, 3), i8, i8[::1], i4[::1], i4[::1], b1[::1], i4[::1], i4[::1], i4[::1], i4[::1], "
    "i8)"
)
def meeting_voxels(
    shape: tuple[int, int, int],
    reach: int,
    row_starts: Indices,
    first: Ints,
    stop: Ints,
    chosen: npt.NDArray[np.bool_],
    stretch_run: Ints,
    stretch_first: Ints,
    stretch_stop: Ints,
    stretch_pair: Ints,
    pairs: int,
) -> Indices:
    """Find where parts of one component come together inside it.

    The parts are stretches of voxels of the mask's runs. From all of them at once the chosen runs
    are flooded, run by run, so that each run belongs to the part that is the fewest runs away.

    Parameters
    ----------
    shape : three int
        (Z, Y, X).
    reach : {1, 2, 3}
        Along how many axes neighbours may differ.
    row_starts : ndarray of int64
    first, stop : ndarray of int32
        The runs of the mask.
    chosen : ndarray of bool
        The runs that take part.
    stretch_run, stretch_first, stretch_stop, stretch_pair : ndarray of int32
        The run of each stretch, ascending; its voxels; and the part that it belongs to.
    pairs : int
        The number of parts.

    Returns
    -------
    ndarray of int64
        (pairs,): a voxel where the part meets the nearest other one, as
        ``(z * Y + y) * X + x``; -1 if it meets none.
    """
    part = np.where(chosen, _UNREACHED, _LEFT_OUT).astype(np.int32)
    steps = np.zeros(first.size, np.int32)
    row_of = _rows(row_starts, first.size)
    distance = np.full(pairs, -1, np.int32)
    voxels = np.full(pairs, -1, np.int64)
    queue = np.empty(first.size, np.int32)
    count = 0
    for k in range(stretch_run.size):
        run = stretch_run[k]
        if part[run] == _UNREACHED:
            part[run] = stretch_pair[k]
            queue[count] = run
            count += 1
        elif part[run] >= 0 and stretch_pair[k] != stretch_pair[k - 1]:
            x = (stretch_stop[k - 1] + stretch_first[k]) // 2
            voxel = row_of[run] * shape[2] + x
            _meet(stretch_pair[k - 1], stretch_pair[k], voxel, 0, distance, voxels)
    at = 0
    while at < count:
        run = queue[at]
        at += 1
        z = row_of[run] // shape[1]
        y = row_of[run] % shape[1]
        for dz in range(-1, 2):
            for dy in range(-1, 2):
                across = abs(dz) + abs(dy)
                if across == 0 or across > reach:
                    continue
                if not (0 <= z + dz < shape[0] and 0 <= y + dy < shape[1]):
                    continue
                slack = 1 if across < reach else 0
                row = (z + dz) * shape[1] + y + dy
                other = _first_behind(row_starts, stop, row, first[run] - slack)
                while other < row_starts[row + 1] and first[other] < stop[run] + slack:
                    if part[other] == _UNREACHED:
                        part[other] = part[run]
                        steps[other] = steps[run] + 1
                        queue[count] = other
                        count += 1
                    elif part[other] >= 0 and part[other] != part[run]:
                        x = min(max(first[run], first[other]), stop[run] - 1)
                        voxel = row_of[run] * shape[2] + x
                        between = steps[run] + steps[other] + 1
                        _meet(part[run], part[other], voxel, between, distance, voxels)
                    other += 1
    return voxels
