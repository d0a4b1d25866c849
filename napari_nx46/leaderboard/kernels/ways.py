"""The shortest way from one part of a mask to another part, and where parts of a component meet."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from napari_nx46.leaderboard.kernels.runs import run_at
from napari_nx46.voxels.compiling.kernel import helper, kernel

__all__ = ["meeting_voxels", "shortest_ways"]

Ints = npt.NDArray[np.int32]
Indices = npt.NDArray[np.int64]
PartRuns = tuple[Indices, Ints, Ints, Ints]
GroundRuns = tuple[Indices, Ints, Ints]
Bits = npt.NDArray[np.uint64]

_ONE = np.uint64(1)
_ALL = np.uint64(0xFFFFFFFFFFFFFFFF)
_UNREACHED, _LEFT_OUT = -1, -2


# ---- the shortest way ----------------------------------------------------------------------


@helper
def _width(shape: tuple[int, int, int]) -> int:
    """Return the bits of a row: whole words, with one bit or more behind the last voxel."""
    return (shape[2] // 64 + 1) * 64


@helper
def _padded(shape: tuple[int, int, int], row: int, x: int) -> int:
    """Return the index of a voxel in a volume with a margin around its rows and planes."""
    z = row // shape[1]
    y = row % shape[1]
    return ((z + 1) * (shape[1] + 2) + y + 1) * _width(shape) + x


@helper
def _unpadded(shape: tuple[int, int, int], index: int) -> int:
    """Return the index of a voxel without the margin."""
    width = _width(shape)
    z = index // (width * (shape[1] + 2)) - 1
    y = index // width % (shape[1] + 2) - 1
    return (z * shape[1] + y) * shape[2] + index % width


@helper
def _has(bits: Bits, index: int) -> bool:
    """Return whether a bit is set."""
    return bool(bits[index >> 6] >> np.uint64(index & 63) & _ONE)


@helper
def _flip(bits: Bits, index: int) -> None:
    """Change a bit."""
    bits[index >> 6] ^= _ONE << np.uint64(index & 63)


@helper
def _of_run(low: int, high: int, word: int) -> np.uint64:
    """Return the bits of a word that lie in the run from `low` to `high`."""
    bits = _ALL
    if word == low >> 6:
        bits &= _ALL << np.uint64(low & 63)
    if word == high >> 6:
        bits &= _ALL >> np.uint64(63 - (high & 63))
    return bits


@helper
def _painted(
    shape: tuple[int, int, int], row_starts: Indices, first: Ints, stop: Ints
) -> tuple[Bits, int]:
    """Return the voxels of runs as bits, and how many there are."""
    bits = np.zeros((shape[0] + 2) * (shape[1] + 2) * (_width(shape) >> 6), np.uint64)
    size = 0
    for row in range(row_starts.size - 1):
        begin = _padded(shape, row, 0)
        for run in range(row_starts[row], row_starts[row + 1]):
            size += stop[run] - first[run]
            low = begin + first[run]
            high = begin + stop[run] - 1
            for word in range(low >> 6, (high >> 6) + 1):
                bits[word] |= _of_run(low, high, word)
    return bits, size


@helper
def _walk(
    shape: tuple[int, int, int],
    is_part: Bits,
    is_free: Bits,
    parts: PartRuns,
    wanted: Ints,
    rows: Ints,
    queue: Ints,
    before: Ints,
) -> tuple[int, int]:
    """Walk from the runs `wanted` of one part to the nearest other part.

    Returns where in the queue the last voxel of the way is, -1 if there is no way, and how many
    voxels are in the queue; `before` has where the voxel before each is, -1 for one beside the
    part. The voxels of the queue are no longer free.
    """
    row_starts, first, stop, number = parts
    width = _width(shape)
    steps = (-width * (shape[1] + 2), -width, -1, 1, width, width * (shape[1] + 2))
    count = 0
    for k in range(wanted.size):
        run = wanted[k]
        start = _padded(shape, rows[k], first[run])
        for index in range(start, start + stop[run] - first[run]):
            for step in steps:
                if _has(is_free, index + step):
                    _flip(is_free, index + step)
                    queue[count] = index + step
                    before[count] = -1
                    count += 1
    at = 0
    while at < count:
        index = queue[at]
        for step in steps:
            there = index + step
            if _has(is_free, there):
                _flip(is_free, there)
                queue[count] = there
                before[count] = at
                count += 1
            elif _has(is_part, there):
                # Only what lies beside this part can touch it: all else has come to another one.
                if before[at] >= 0:
                    return at, count
                voxel = _unpadded(shape, there)
                row = voxel // shape[2]
                other = run_at(row_starts, stop, row, voxel % shape[2])
                if number[other] != number[wanted[0]]:
                    return at, count
        at += 1
    return -1, count


@helper
def _length(before: Ints, end: int) -> int:
    """Return the number of voxels of a way."""
    length = 0
    while end >= 0:
        length += 1
        end = before[end]
    return length


@kernel(
    "(UniTuple(i8, 3), Tuple((i8[::1], i4[::1], i4[::1], i4[::1])), "
    "Tuple((i8[::1], i4[::1], i4[::1])), i4[::1], i4[::1], i8[::1])"
)
def shortest_ways(
    shape: tuple[int, int, int],
    parts: PartRuns,
    ground: GroundRuns,
    wanted: Ints,
    rows: Ints,
    starts: Indices,
) -> tuple[Ints, Indices, Indices]:
    """Find the shortest way from some parts to the nearest other part each.

    Parameters
    ----------
    shape : three int
        (Z, Y, X).
    parts : row_starts, first, stop, number
        The runs of all parts, and which part each belongs to. Parts do not touch.
    ground : row_starts, first, stop
        What may be walked on, in steps along one axis, as runs; no voxel of a part.
    wanted, rows : ndarray of int32
        The runs of the parts to begin at, part by part, and their rows ``z * Y + y``.
    starts : ndarray of int64
        (M + 1,): where the runs of each of these begin.

    Returns
    -------
    length : ndarray of int32
        (M,): voxels of the ground between the part and the nearest other one; 0 if there is no
        way.
    middle : ndarray of int64
        (M,): the voxel in the middle of such a way, as ``(z * Y + y) * X + x``, or -1.
    last_way : ndarray of int64
        The voxels of the way from the last of the parts, in their order.
    """
    is_part, _ = _painted(shape, parts[0], parts[1], parts[2])
    is_free, size = _painted(shape, ground[0], ground[1], ground[2])
    queue = np.empty(size, np.int32)
    before = np.empty(size, np.int32)
    length = np.zeros(starts.size - 1, np.int32)
    middle = np.full(starts.size - 1, -1, np.int64)
    last_way = np.empty(0, np.int64)
    for k in range(starts.size - 1):
        here = slice(starts[k], starts[k + 1])
        end, count = _walk(shape, is_part, is_free, parts, wanted[here], rows[here], queue, before)
        for reached in range(count):
            _flip(is_free, queue[reached])
        length[k] = _length(before, end)
        if k == starts.size - 2:
            last_way = np.empty(length[k], np.int64)
        for place in range(length[k] - 1, -1, -1):
            if place == (length[k] - 1) // 2:
                middle[k] = _unpadded(shape, queue[end])
            if k == starts.size - 2:
                last_way[place] = _unpadded(shape, queue[end])
            end = before[end]
    return length, middle, last_way


# ---- where parts of a component meet -------------------------------------------------------


@helper
def _first_behind(row_starts: Indices, stop: Ints, row: int, x: int, guess: int) -> int:
    """Return the first run of a row that ends behind x; fast if it is the guess or little later."""
    low = row_starts[row]
    high = row_starts[row + 1]
    if low <= guess <= high and (guess == low or stop[guess - 1] <= x):
        while guess < high and stop[guess] <= x:
            guess += 1
        return guess
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
    guesses = np.zeros(9, np.int64)  # runs are reached row by row, mostly
    at = 0
    while at < count:
        run = queue[at]
        at += 1
        if 0 <= distance[part[run]] <= steps[run] + 1:
            continue  # what it may meet from here on is no nearer
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
                side = 3 * dz + dy + 4
                x = first[run] - slack
                other = _first_behind(row_starts, stop, row, x, guesses[side])
                guesses[side] = other
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
