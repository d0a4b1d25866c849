"""Runs of packed masks, and what lies in them.

Runs are found on words, which the cells of a mask need in any case: `voxels.spans.find_runs` starts
from voxels. What comes of them is the same, and so are their components.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from napari_nx46.leaderboard.kernels.words import lowest_bit
from napari_nx46.voxels.compiling.kernel import helper, kernel

__all__ = [
    "extract_runs",
    "find_extents",
    "find_outer_components",
    "list_first_runs",
    "overlaps",
    "rows_at",
    "run_at",
    "runs_at",
    "subtract_runs",
]

Ints = npt.NDArray[np.int32]
RowStarts = npt.NDArray[np.int64]
Words = npt.NDArray[np.uint64]

_ONE = np.uint64(1)
_LAST = np.uint64(63)
_FEW = 64
"""As many rows are gone through one by one."""


@kernel("(u8[:,::1], i8)")
def extract_runs(words: Words, columns: int) -> tuple[RowStarts, Ints, Ints]:
    """List the runs of every row.

    Parameters
    ----------
    words : ndarray of uint64
        (R, W): R rows; bits behind `columns` are zero.
    columns : int
        Length X of a row.

    Returns
    -------
    first : ndarray of int64
        (R + 1,): the runs of row r are ``first[r]`` to ``first[r + 1] - 1``.
    start, stop : ndarray of int32
        (N,): the voxels ``start <= x < stop`` of each run, ascending in a row.
    """
    rows, row_words = words.shape
    first = np.zeros(rows + 1, np.int64)
    for row in range(rows):
        found = 0
        carry = np.uint64(0)
        for w in range(row_words):
            word = words[row, w]
            begins = word & ~((word << _ONE) | carry)
            carry = word >> _LAST
            while begins:
                begins &= begins - _ONE
                found += 1
        first[row + 1] = first[row] + found
    start = np.empty(first[rows], np.int32)
    stop = np.empty(first[rows], np.int32)
    for row in range(rows):
        begun = first[row]
        ended = first[row]
        carry = np.uint64(0)
        for w in range(row_words):
            word = words[row, w]
            before = (word << _ONE) | carry
            carry = word >> _LAST
            begins = word & ~before
            while begins:
                start[begun] = 64 * w + lowest_bit(begins)
                begins &= begins - _ONE
                begun += 1
            ends = before & ~word
            while ends:
                stop[ended] = 64 * w + lowest_bit(ends)
                ends &= ends - _ONE
                ended += 1
        if ended < begun:  # the last run fills the last word, so that no bit ends it
            stop[ended] = columns
    return first, start, stop


@helper
def run_at(first: RowStarts, stop: Ints, row: int, x: int) -> int:
    """Return the run of `row` that holds voxel `x`, which must lie in one."""
    low = int(first[row])
    high = int(first[row + 1]) - 1
    while low < high:
        middle = (low + high) // 2
        if stop[middle] > x:
            high = middle
        else:
            low = middle + 1
    return low


@kernel("(i8[::1], i4[::1], i4[::1], i4[::1])")
def runs_at(first: RowStarts, stop: Ints, row: Ints, x: Ints) -> Ints:
    """Return the run that holds each voxel.

    Parameters
    ----------
    first : ndarray of int64
    stop : ndarray of int32
        The runs of a mask.
    row, x : ndarray of int32
        (N,): voxels of that mask.

    Returns
    -------
    ndarray of int32
        (N,).
    """
    runs = np.empty(row.size, np.int32)
    for k in range(row.size):
        runs[k] = run_at(first, stop, row[k], x[k])
    return runs


@kernel("(i8[::1], i8[::1])")
def rows_at(first: RowStarts, runs: RowStarts) -> Ints:
    """Return the row that holds each of some runs; fast if they are in or near raster order.

    Parameters
    ----------
    first : ndarray of int64
        (R + 1,): the runs of row r are ``first[r]`` to ``first[r + 1] - 1``.
    runs : ndarray of int64
        (N,).

    Returns
    -------
    ndarray of int32
        (N,).
    """
    rows = np.empty(runs.size, np.int32)
    row = 0
    for k in range(runs.size):
        steps = 0
        while steps < _FEW and first[row] <= runs[k] and first[row + 1] <= runs[k]:
            row += 1
            steps += 1
        if not first[row] <= runs[k] < first[row + 1]:
            low = 0
            high = first.size - 1
            while low < high:
                middle = (low + high) // 2
                if first[middle + 1] > runs[k]:
                    high = middle
                else:
                    low = middle + 1
            row = low
        rows[k] = row
    return rows


@kernel("(i4[::1], i8)")
def list_first_runs(label: Ints, count: int) -> RowStarts:
    """Return the first run of each component.

    Parameters
    ----------
    label : ndarray of int32
        (N,): the component of each run; components are numbered in the order of their first runs.
    count : int
        How many components there are.

    Returns
    -------
    ndarray of int64
        (count,): ascending.
    """
    found = np.empty(count, np.int64)
    numbered = 0
    for run in range(label.size):
        if label[run] == numbered:
            found[numbered] = run
            numbered += 1
    return found


@kernel("(i8[::1], i4[::1], i4[::1], i8[::1], i4[::1], i4[::1], i4[::1])")
def find_outer_components(
    outer_first: RowStarts,
    outer_stop: Ints,
    outer_label: Ints,
    first: RowStarts,
    start: Ints,
    label: Ints,
    found: Ints,
) -> None:
    """Write the outer component that each inner component lies in.

    Parameters
    ----------
    outer_first : ndarray of int64
    outer_stop, outer_label : ndarray of int32
        Labelled runs of a mask.
    first : ndarray of int64
    start, label : ndarray of int32
        Labelled runs of a mask that lies within it.
    found : ndarray of int32
        (components,): changed in place.
    """
    for row in range(first.size - 1):
        outer = outer_first[row]
        for run in range(first[row], first[row + 1]):
            while outer_stop[outer] <= start[run]:
                outer += 1
            found[label[run]] = outer_label[outer]


@kernel("(i8[::1], i4[::1], i4[::1], i4[::1], i8, i4[:,::1])")
def find_extents(
    first: RowStarts, start: Ints, stop: Ints, label: Ints, rows: int, boxes: Ints
) -> None:
    """Write the box around each component.

    Parameters
    ----------
    first : ndarray of int64
    start, stop, label : ndarray of int32
        Labelled runs of a mask; a label of -1 is left out.
    rows : int
        Y.
    boxes : ndarray of int32
        (components, 6): z, y, x of the first voxel and of the one after the last; overwritten.
    """
    for box in range(boxes.shape[0]):
        boxes[box, 0] = -1
    for row in range(first.size - 1):
        z = row // rows
        y = row % rows
        for run in range(first[row], first[row + 1]):
            if label[run] < 0:
                continue
            box = boxes[label[run]]
            if box[0] < 0:
                box[0] = z
                box[1] = y
                box[2] = start[run]
                box[4] = y + 1
                box[5] = stop[run]
            box[1] = min(box[1], y)
            box[2] = min(box[2], start[run])
            box[3] = z + 1
            box[4] = max(box[4], y + 1)
            box[5] = max(box[5], stop[run])


@kernel("(i8[::1], i4[::1], i4[::1], i8[::1], i4[::1], i4[::1])")
def overlaps(
    first_a: RowStarts,
    start_a: Ints,
    stop_a: Ints,
    first_b: RowStarts,
    start_b: Ints,
    stop_b: Ints,
) -> tuple[Ints, Ints, Ints]:
    """List the stretches of voxels that lie in a run of A and in a run of B.

    Parameters
    ----------
    first_a, first_b : ndarray of int64
    start_a, stop_a, start_b, stop_b : ndarray of int32
        The runs of two masks of one shape.

    Returns
    -------
    run_a, run_b, length : ndarray of int32
        (M,): the two runs, and the number of voxels that they share.
    """
    # Each step of a merge walk passes one run, so the two lists together bound the overlaps.
    bound = start_a.size + start_b.size
    run_a = np.empty(bound, np.int32)
    run_b = np.empty(bound, np.int32)
    length = np.empty(bound, np.int32)
    found = 0
    for row in range(first_a.size - 1):
        a = first_a[row]
        b = first_b[row]
        while a < first_a[row + 1] and b < first_b[row + 1]:
            shared = min(stop_a[a], stop_b[b]) - max(start_a[a], start_b[b])
            if shared > 0:
                run_a[found] = a
                run_b[found] = b
                length[found] = shared
                found += 1
            if stop_a[a] < stop_b[b]:
                a += 1
            else:
                b += 1
    return run_a[:found], run_b[:found], length[:found]


@kernel("(i8[::1], i4[::1], i4[::1], i8[::1], i4[::1], i4[::1])")
def subtract_runs(
    first_a: RowStarts,
    start_a: Ints,
    stop_a: Ints,
    first_b: RowStarts,
    start_b: Ints,
    stop_b: Ints,
) -> tuple[RowStarts, Ints, Ints]:
    """List the stretches of voxels that lie in a run of A and in none of B.

    Parameters
    ----------
    first_a, first_b : ndarray of int64
    start_a, stop_a, start_b, stop_b : ndarray of int32
        The runs of two masks of one shape.

    Returns
    -------
    first : ndarray of int64
    start, stop : ndarray of int32
        The stretches as runs.
    """
    bound = start_a.size + start_b.size
    first = np.zeros(first_a.size, np.int64)
    start = np.empty(bound, np.int32)
    stop = np.empty(bound, np.int32)
    found = 0
    for row in range(first_a.size - 1):
        b = first_b[row]
        for a in range(first_a[row], first_a[row + 1]):
            x = start_a[a]
            while b < first_b[row + 1] and stop_b[b] <= x:
                b += 1
            while b < first_b[row + 1] and start_b[b] < stop_a[a]:
                if start_b[b] > x:
                    start[found] = x
                    stop[found] = start_b[b]
                    found += 1
                x = max(x, stop_b[b])
                if stop_b[b] > stop_a[a]:
                    break
                b += 1
            if x < stop_a[a]:
                start[found] = x
                stop[found] = stop_a[a]
                found += 1
        first[row + 1] = found
    return first, start[:found], stop[:found]
