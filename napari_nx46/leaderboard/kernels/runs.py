"""Connected components of packed masks, by union-find over runs.

A *run* is a maximal stretch of set voxels in one row. A mask of sheets has some hundred times
fewer runs than voxels, and two runs of neighbouring rows touch if their intervals overlap: so a
component is found by union-find over runs, with one merge walk for each pair of rows.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from napari_nx46.leaderboard.kernels.union_find import find_root
from napari_nx46.leaderboard.kernels.words import lowest_bit
from napari_nx46.voxels.compiling.kernel import helper, kernel

__all__ = ["components", "extract_runs", "flag_components", "overlaps", "run_at", "runs_at"]

Ints = npt.NDArray[np.int32]
Words = npt.NDArray[np.uint64]

_ONE = np.uint64(1)
_LAST = np.uint64(63)


@kernel("(u8[:,::1], i8)")
def extract_runs(words: Words, columns: int) -> tuple[Ints, Ints, Ints]:
    """List the runs of every row.

    Parameters
    ----------
    words : ndarray of uint64
        (R, W): R rows; bits behind `columns` are zero.
    columns : int
        Length X of a row.

    Returns
    -------
    first : ndarray of int32
        (R + 1,): the runs of row r are ``first[r]`` to ``first[r + 1] - 1``.
    start, stop : ndarray of int32
        (N,): the voxels ``start <= x < stop`` of each run, ascending in a row.
    """
    rows, row_words = words.shape
    first = np.zeros(rows + 1, np.int32)
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
def _join_rows(
    parent: Ints, first: Ints, start: Ints, stop: Ints, row: int, other: int, reach: int
) -> None:
    """Unite the runs of two rows whose intervals, widened by `reach`, share a voxel."""
    a = first[row]
    b = first[other]
    while a < first[row + 1] and b < first[other + 1]:
        if start[a] < stop[b] + reach and start[b] < stop[a] + reach:
            root_a = find_root(parent, a)
            root_b = find_root(parent, b)
            if root_a < root_b:
                parent[root_b] = root_a
            else:
                parent[root_a] = root_b
        if stop[a] < stop[b]:
            a += 1
        else:
            b += 1


@kernel("(i4[::1], i4[::1], i4[::1], i8, i8, i8)")
def components(
    first: Ints, start: Ints, stop: Ints, planes: int, rows: int, connectivity: int
) -> tuple[Ints, int]:
    """Label the runs of a (Z, Y, X) mask by connected component.

    Parameters
    ----------
    first, start, stop : ndarray of int32
        The runs, as `extract_runs` returns them for rows in the order (z, y).
    planes, rows : int
        Z and Y.
    connectivity : int
        6, 18 or 26.

    Returns
    -------
    label : ndarray of int32
        (N,): the component of each run, numbered from 0 in raster order of the first voxel.
    count : int
    """
    parent = np.arange(start.size, dtype=np.int32)
    side_reach = 0 if connectivity == 6 else 1
    corner_reach = 1 if connectivity == 26 else 0
    for z in range(planes):
        for y in range(rows):
            row = z * rows + y
            if first[row] == first[row + 1]:
                continue
            if y > 0:
                _join_rows(parent, first, start, stop, row, row - 1, side_reach)
            if z == 0:
                continue
            _join_rows(parent, first, start, stop, row, row - rows, side_reach)
            if connectivity == 6:
                continue
            if y > 0:
                _join_rows(parent, first, start, stop, row, row - rows - 1, corner_reach)
            if y + 1 < rows:
                _join_rows(parent, first, start, stop, row, row - rows + 1, corner_reach)
    # A root is the smallest run of its component: the label of a parent is known before it is
    # asked for, and the labels can be written over the parents.
    count = 0
    for run in range(parent.size):
        if parent[run] == run:
            parent[run] = count
            count += 1
        else:
            parent[run] = parent[parent[run]]
    return parent, count


@helper
def run_at(first: Ints, stop: Ints, row: int, x: int) -> int:
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


@kernel("(i4[::1], i4[::1], i4[::1], i4[::1])")
def runs_at(first: Ints, stop: Ints, row: Ints, x: Ints) -> Ints:
    """Return the run that holds each voxel.

    Parameters
    ----------
    first, stop : ndarray of int32
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


@kernel("(i4[::1], i4[::1], i4[::1], i4[::1], i4[::1], i8, u1[::1])")
def flag_components(
    outer_first: Ints,
    outer_stop: Ints,
    outer_label: Ints,
    first: Ints,
    start: Ints,
    flag: int,
    flags: npt.NDArray[np.uint8],
) -> None:
    """Set `flag` on each outer component that contains one of the given runs.

    Parameters
    ----------
    outer_first, outer_stop, outer_label : ndarray of int32
        Labelled runs of a mask.
    first, start : ndarray of int32
        Runs of a mask that lies within it.
    flag : int
        Bits to set.
    flags : ndarray of uint8
        (components,): changed in place.
    """
    for row in range(first.size - 1):
        outer = outer_first[row]
        for run in range(first[row], first[row + 1]):
            while outer_stop[outer] <= start[run]:
                outer += 1
            flags[outer_label[outer]] |= flag


@kernel("(i4[::1], i4[::1], i4[::1], i4[::1], i4[::1], i4[::1])")
def overlaps(
    first_a: Ints,
    start_a: Ints,
    stop_a: Ints,
    first_b: Ints,
    start_b: Ints,
    stop_b: Ints,
) -> tuple[Ints, Ints, Ints]:
    """List the stretches of voxels that lie in a run of A and in a run of B.

    Parameters
    ----------
    first_a, start_a, stop_a, first_b, start_b, stop_b : ndarray of int32
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
