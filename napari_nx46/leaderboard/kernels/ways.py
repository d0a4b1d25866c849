"""Where labelled parts of a mask come closest to each other, and the way between them.

The parts are given as runs with numbers from 1, and what may be walked on as further runs. From all
parts at once the walk floods what may be walked on, so that each voxel belongs to the part that is
nearest; where the floods of two parts meet lies the shortest way between them. The nearest other
part of a part is always found so: on the way to it, the first voxel that belongs to another part
is no farther from that one.

Voxels are kept by their *rank* among all of these voxels, so that memory goes with their number.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from napari_nx46.leaderboard.kernels.words import count_bits_of_word
from napari_nx46.voxels.compiling.kernel import helper, kernel

__all__ = ["shortest_way", "shortest_ways"]

Ints = npt.NDArray[np.int32]
Indices = npt.NDArray[np.int64]
Words = npt.NDArray[np.uint64]
RunList = tuple[Ints, Ints, Ints]
"""Row ``z * Y + y``, first voxel, and the one after the last, of each run."""

_ONE = np.uint64(1)


@helper
def _set_bits(words: Words, runs: RunList) -> None:
    """Set the bits of runs."""
    row, first, stop = runs
    for run in range(row.size):
        for x in range(first[run], stop[run]):
            words[row[run], x >> 6] |= _ONE << np.uint64(x & 63)


@helper
def _ranks(words: Words) -> Ints:
    """Return the number of bits before each word, (rows, words), and at the end of all."""
    rows, row_words = words.shape
    before = np.empty(rows * row_words + 1, np.int32)
    count = 0
    for row in range(rows):
        for w in range(row_words):
            before[row * row_words + w] = count
            count += count_bits_of_word(words[row, w])
    before[rows * row_words] = count
    return before


@helper
def _rank(words: Words, before: Ints, row: int, x: int) -> int:
    """Return the rank of a voxel, -1 if it is not one of the mask."""
    word = words[row, x >> 6]
    bit = _ONE << np.uint64(x & 63)
    if not word & bit:
        return -1
    return int(before[row * words.shape[1] + (x >> 6)]) + count_bits_of_word(word & (bit - _ONE))


@helper
def _neighbours(
    voxel: int,
    shape: tuple[int, int, int],
    reach: int,
    words: Words,
    before: Ints,
    voxels: Indices,
    ranks: Indices,
) -> int:
    """Write the neighbours of a voxel that are in the mask, and their ranks; return how many."""
    depth, height, width = shape
    z = voxel // (height * width)
    y = voxel // width % height
    x = voxel % width
    count = 0
    for dz in range(-1, 2):
        for dy in range(-1, 2):
            if not (0 <= z + dz < depth and 0 <= y + dy < height):
                continue
            for dx in range(-1, 2):
                steps = abs(dz) + abs(dy) + abs(dx)
                if steps == 0 or steps > reach or not 0 <= x + dx < width:
                    continue
                row = (z + dz) * height + y + dy
                rank = _rank(words, before, row, x + dx)
                if rank >= 0:
                    voxels[count] = row * width + x + dx
                    ranks[count] = rank
                    count += 1
    return count


@helper
def _flood(
    shape: tuple[int, int, int],
    reach: int,
    parts: RunList,
    numbers: Ints,
    ground: RunList,
) -> tuple[Words, Ints, Ints, Ints, Indices]:
    """Walk from the parts over the ground until everything that can be reached was.

    Returns the words and ranks of all voxels, by rank the part of each and its distance, and the
    voxels of the ground in the order in which they were reached.
    """
    depth, height, width = shape
    words = np.zeros((depth * height, (width + 63) // 64), np.uint64)
    _set_bits(words, parts)
    _set_bits(words, ground)
    before = _ranks(words)
    part = np.zeros(before[-1], np.int32)
    distance = np.zeros(before[-1], np.int32)
    row, first, stop = parts
    for run in range(row.size):
        for x in range(first[run], stop[run]):
            part[_rank(words, before, row[run], x)] = numbers[run]
    row, first, stop = ground
    size = 0
    for run in range(row.size):
        size += stop[run] - first[run]
    reached = np.empty(size, np.int64)
    count = 0
    voxels = np.empty(26, np.int64)
    ranks = np.empty(26, np.int64)
    for run in range(row.size):
        for x in range(first[run], stop[run]):
            voxel = row[run] * width + x
            found = _neighbours(voxel, shape, reach, words, before, voxels, ranks)
            for k in range(found):
                if part[ranks[k]] > 0 and distance[ranks[k]] == 0:
                    here = _rank(words, before, row[run], x)
                    part[here] = part[ranks[k]]
                    distance[here] = 1
                    reached[count] = voxel
                    count += 1
                    break
    at = 0
    while at < count:
        voxel = reached[at]
        at += 1
        here = _rank(words, before, voxel // width, voxel % width)
        found = _neighbours(voxel, shape, reach, words, before, voxels, ranks)
        for k in range(found):
            if part[ranks[k]] == 0:
                part[ranks[k]] = part[here]
                distance[ranks[k]] = distance[here] + 1
                reached[count] = voxels[k]
                count += 1
    return words, before, part, distance, reached[:count]


@helper
def _one_back(
    voxel: int,
    shape: tuple[int, int, int],
    reach: int,
    words: Words,
    before: Ints,
    part: Ints,
    distance: Ints,
    voxels: Indices,
    ranks: Indices,
) -> int:
    """Return a neighbour that is one step nearer to the same part."""
    here = _rank(words, before, voxel // shape[2], voxel % shape[2])
    found = _neighbours(voxel, shape, reach, words, before, voxels, ranks)
    for k in range(found):
        if part[ranks[k]] == part[here] and distance[ranks[k]] == distance[here] - 1:
            return int(voxels[k])
    return voxel


@helper
def _meetings(
    shape: tuple[int, int, int],
    reach: int,
    count: int,
    words: Words,
    before: Ints,
    part: Ints,
    distance: Ints,
    reached: Indices,
) -> tuple[Ints, Indices, Indices]:
    """Return, by part, the least voxels of a way to another part, and where its halves meet."""
    length = np.zeros(count + 1, np.int32)
    near = np.full(count + 1, -1, np.int64)
    far = np.full(count + 1, -1, np.int64)
    voxels = np.empty(26, np.int64)
    ranks = np.empty(26, np.int64)
    for k in range(reached.size):
        voxel = reached[k]
        here = _rank(words, before, voxel // shape[2], voxel % shape[2])
        found = _neighbours(voxel, shape, reach, words, before, voxels, ranks)
        for n in range(found):
            there = ranks[n]
            if part[there] == part[here]:
                continue
            between = distance[here] + distance[there]
            for a, inside, beside in (
                (part[here], voxel, voxels[n]),
                (part[there], voxels[n], voxel),
            ):
                if length[a] == 0 or between < length[a]:
                    length[a] = between
                    near[a] = inside
                    far[a] = beside
    return length, near, far


@kernel("(UniTuple(i8, 3), i8, UniTuple(i4[::1], 3), i4[::1], i8, UniTuple(i4[::1], 3))")
def shortest_ways(
    shape: tuple[int, int, int],
    reach: int,
    parts: RunList,
    numbers: Ints,
    count: int,
    ground: RunList,
) -> tuple[Ints, Indices]:
    """Find the shortest way from each part to another one.

    Parameters
    ----------
    shape : three int
        (Z, Y, X).
    reach : {1, 3}
        Whether a step leads along one axis, or along up to three: 6 or 26 neighbours.
    parts : row, first, stop
        The voxels of all parts, as runs.
    numbers : ndarray of int32
        Of the part of each run, from 1 to `count`. Parts do not touch.
    count : int
    ground : row, first, stop
        What may be walked on; no voxel of a part.

    Returns
    -------
    length : ndarray of int32
        (count + 1,): voxels of the ground between the part and the nearest other one; 0 if there
        is no way.
    middle : ndarray of int64
        (count + 1,): the voxel in the middle of such a way, as ``(z * Y + y) * X + x``, or -1.
    """
    words, before, part, distance, reached = _flood(shape, reach, parts, numbers, ground)
    length, near, far = _meetings(shape, reach, count, words, before, part, distance, reached)
    voxels = np.empty(26, np.int64)
    ranks = np.empty(26, np.int64)
    for a in range(count + 1):
        if near[a] < 0:
            continue
        middle = (length[a] + 1) // 2
        own = distance[_rank(words, before, near[a] // shape[2], near[a] % shape[2])]
        # From the part, the way goes over its own voxels and then over those of the other part.
        voxel, back = near[a], own - middle
        if back < 0:
            voxel, back = far[a], middle - own - 1
        for _ in range(back):
            voxel = _one_back(voxel, shape, reach, words, before, part, distance, voxels, ranks)
        near[a] = voxel
    return length, near


@kernel("(UniTuple(i8, 3), i8, UniTuple(i4[::1], 3), i4[::1], i8, i8, UniTuple(i4[::1], 3))")
def shortest_way(
    shape: tuple[int, int, int],
    reach: int,
    parts: RunList,
    numbers: Ints,
    count: int,
    number: int,
    ground: RunList,
) -> Indices:
    """Return the voxels of the shortest way from one part to another one, in their order.

    Parameters
    ----------
    shape, reach, parts, numbers, count, ground
        As for `shortest_ways`.
    number : int
        The part at which the way begins.

    Returns
    -------
    ndarray of int64
        (length,): ``(z * Y + y) * X + x`` of each voxel between the two parts.
    """
    words, before, part, distance, reached = _flood(shape, reach, parts, numbers, ground)
    length, near, far = _meetings(shape, reach, count, words, before, part, distance, reached)
    way = np.empty(length[number], np.int64)
    if way.size == 0:
        return way
    voxels = np.empty(26, np.int64)
    ranks = np.empty(26, np.int64)
    own = distance[_rank(words, before, near[number] // shape[2], near[number] % shape[2])]
    voxel = near[number]
    for k in range(own - 1, -1, -1):
        way[k] = voxel
        voxel = _one_back(voxel, shape, reach, words, before, part, distance, voxels, ranks)
    voxel = far[number]
    for k in range(own, way.size):
        way[k] = voxel
        voxel = _one_back(voxel, shape, reach, words, before, part, distance, voxels, ranks)
    return way
