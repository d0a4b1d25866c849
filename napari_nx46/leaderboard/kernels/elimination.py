"""Elimination over F2: which squares survive a list of relations of at most four terms.

Squares are numbers from 1; 0 is the zero. A relation says that the sum of its squares is zero, and
eliminates the one with the largest number. Which squares are eliminated by a set of relations is a
property of the space that they span, so relations may be taken in any order: those of one or two
terms first, by union-find, and by row reduction what then still has three or four.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from napari_nx46.voxels.compiling.kernel import helper, kernel
from napari_nx46.voxels.union_find import find_root

__all__ = ["merge_squares", "merge_two", "row_pivots", "survivors", "take_relation"]

Ints = npt.NDArray[np.int32]


@helper
def take_relation(parent: Ints, relations: Ints, at: int, a: int, b: int, c: int, d: int) -> int:
    """Eliminate by the relation ``a + b + c + d = 0``, or keep it in a row if it has more terms.

    Return the next free row of `relations`, which must have row `at`.
    """
    a, b = find_root(parent, a), find_root(parent, b)
    c, d = find_root(parent, c), find_root(parent, d)
    if a == b:
        a = b = 0
    elif a == c:
        a = c = 0
    elif a == d:
        a = d = 0
    if b == c:
        b = c = 0
    elif b == d:
        b = d = 0
    if c == d:
        c = d = 0
    terms = (a > 0) + (b > 0) + (c > 0) + (d > 0)
    if terms > 2:
        relations[at, 0] = a
        relations[at, 1] = b
        relations[at, 2] = c
        relations[at, 3] = d
        return at + 1
    if terms > 0:
        largest = max(a, b, c, d)
        parent[largest] = a + b + c + d - largest  # the other one, or 0
    return at


@helper
def merge_two(parent: Ints, a: int, b: int) -> int:
    """Eliminate by the relation ``a + b = 0``; return what both are then."""
    a, b = find_root(parent, a), find_root(parent, b)
    root = min(a, b)
    parent[max(a, b)] = root
    return root


@kernel("(i4[::1], i4[:,::1])")
def merge_squares(parent: Ints, relations: Ints) -> Ints:
    """Eliminate by all relations that come down to one or two terms.

    Parameters
    ----------
    parent : ndarray of int32
        (N + 1,): union-find forest; a root is the smallest number of its set. Changed in place.
    relations : ndarray of int32
        (R, 4). Overwritten.

    Returns
    -------
    ndarray of int32
        (M, 4): the relations that are left, in terms of roots.
    """
    left = relations.shape[0]
    merged = True
    while merged:
        merged = False
        kept = 0
        for k in range(left):
            before = kept
            a, b, c, d = relations[k, 0], relations[k, 1], relations[k, 2], relations[k, 3]
            kept = take_relation(parent, relations, kept, a, b, c, d)
            merged |= kept == before
        left = kept
    return relations[:left].copy()


@helper
def _add(a: Ints, a_terms: int, b: Ints, total: Ints) -> int:
    """Write the sum over F2 of two descending lists into `total`; return its length."""
    i = 0
    j = 0
    terms = 0
    while i < a_terms and j < b.size:
        if a[i] == b[j]:
            i += 1
            j += 1
        elif a[i] > b[j]:
            total[terms] = a[i]
            i += 1
            terms += 1
        else:
            total[terms] = b[j]
            j += 1
            terms += 1
    while i < a_terms:
        total[terms] = a[i]
        i += 1
        terms += 1
    while j < b.size:
        total[terms] = b[j]
        j += 1
        terms += 1
    return terms


@kernel("(i4[:,::1], i8)")
def row_pivots(relations: Ints, squares: int) -> npt.NDArray[np.bool_]:
    """Eliminate by row reduction.

    Parameters
    ----------
    relations : ndarray of int32
        (R, 4): rows in descending order, padded with 0 behind.
    squares : int
        The largest number.

    Returns
    -------
    ndarray of bool
        (squares + 1,): True for each eliminated square.
    """
    start = np.full(squares + 1, -1, np.int64)  # of the row whose first term is this square
    length = np.zeros(squares + 1, np.int32)
    pool = np.empty(max(1024, 8 * relations.shape[0]), np.int32)
    used = 0
    row = np.empty(squares + 1, np.int32)
    total = np.empty(squares + 1, np.int32)
    for k in range(relations.shape[0]):
        terms = 0
        while terms < 4 and relations[k, terms] > 0:
            row[terms] = relations[k, terms]
            terms += 1
        while terms > 0 and start[row[0]] >= 0:
            pivot = row[0]
            other = pool[start[pivot] : start[pivot] + length[pivot]]
            terms = _add(row, terms, other, total)
            row, total = total, row
        if terms == 0:
            continue
        while used + terms > pool.size:
            pool = np.concatenate((pool, np.empty_like(pool)))
        for term in range(terms):
            pool[used + term] = row[term]
        start[row[0]] = used
        length[row[0]] = terms
        used += terms
    return start >= 0


@kernel("(i4[::1], i4[::1])")
def survivors(number: Ints, parent: Ints) -> Ints:
    """Return which squares of a list no relation has eliminated.

    Parameters
    ----------
    number : ndarray of int32
        (N,): the number of each square; 0 is zero.
    parent : ndarray of int32
        The union-find forest of the numbers.

    Returns
    -------
    ndarray of int32
        Positions in the list, descending.
    """
    found = np.empty(number.size, np.int32)
    count = 0
    for k in range(number.size - 1, -1, -1):
        if number[k] > 0 and parent[number[k]] == number[k]:
            found[count] = k
            count += 1
    return found[:count].copy()
