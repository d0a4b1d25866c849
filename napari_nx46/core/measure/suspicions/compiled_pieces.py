"""Kernels on pieces of components: how they are linked, and which of them hold parts together."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from napari_nx46.voxels.compiling.kernel import helper, kernel
from napari_nx46.voxels.union_find import find_root

Indices = npt.NDArray[np.int64]
Ints = npt.NDArray[np.int32]
Flags = npt.NDArray[np.uint8]


@kernel("(i8[::1], i4[::1], i4[::1], i8, i8)")
def cut_runs(
    row_starts: Indices, first: Ints, stop: Ints, side: int, shift: int
) -> tuple[Indices, Ints, Ints]:
    """Cut runs where ``(x + shift) // side`` changes along them.

    Parameters
    ----------
    row_starts, first, stop
        See `voxels.spans.Runs`.
    side, shift : int

    Returns
    -------
    row_starts, first, stop
        Of the parts.
    """
    count = 0
    for run in range(first.size):
        count += (stop[run] - 1 + shift) // side - (first[run] + shift) // side + 1
    starts = np.zeros(row_starts.size, np.int64)
    begin, end = np.empty(count, np.int32), np.empty(count, np.int32)
    at = 0
    for row in range(row_starts.size - 1):
        for run in range(row_starts[row], row_starts[row + 1]):
            x = np.int64(first[run])
            while x < stop[run]:
                begin[at] = x
                x = min(np.int64(stop[run]), ((x + shift) // side + 1) * side - shift)
                end[at] = x
                at += 1
        starts[row + 1] = at
    return starts, begin, end


@helper
def _touch(one: int, other: int, cube: Indices, parent: Indices, links: Ints, linked: int) -> int:
    """Join two runs of one cube, or link them; return how many links there are."""
    if cube[one] != cube[other]:
        links[linked, 0] = one
        links[linked, 1] = other
        return linked + 1
    if parent[one] != parent[other]:
        here, there = find_root(parent, one), find_root(parent, other)
        parent[max(here, there)] = min(here, there)
    return linked


@kernel("(i8[::1], i4[::1], i4[::1], i8, i8[::1], i8[::1])")
def link_runs(
    row_starts: Indices, first: Ints, stop: Ints, height: int, cube: Indices, parent: Indices
) -> Ints:
    """Join the runs that touch by a corner at least and lie in one cube, and link the others.

    Parameters
    ----------
    row_starts, first, stop
        Runs of which none leads from one cube into another.
    height : int
        Rows of a slice.
    cube : (n,) array of int64
        The cube of each run.
    parent : (n,) array of int64
        Union-find forest of the runs, a parent being the lowest run; changed in place.

    Returns
    -------
    (m, 2) array of int32
        Runs of different cubes that touch.
    """
    # A run touches one before it. Of two rows, one run or the other ends at each step along them,
    # and there it touches two at most. Each run is in four pairs of rows, twice.
    links = np.empty((17 * first.size, 2), np.int32)
    linked = 0
    for row in range(row_starts.size - 1):
        begin, end = row_starts[row], row_starts[row + 1]
        if begin == end:
            continue
        z, y = row // height, row % height
        for run in range(begin + 1, end):
            if stop[run - 1] == first[run]:
                linked = _touch(run, run - 1, cube, parent, links, linked)
        for dz in range(2):
            for dy in range(-1, 2):
                if (dz == 0 and dy >= 0) or z < dz or y + dy < 0 or y + dy >= height:
                    continue
                other = row - dz * height + dy
                low, high = row_starts[other], row_starts[other + 1]
                for run in range(begin, end):
                    while low < high and stop[low] < first[run]:
                        low += 1
                    beside = low
                    while beside < high and first[beside] <= stop[run]:
                        linked = _touch(run, beside, cube, parent, links, linked)
                        beside += 1
    return links[:linked].copy()


@kernel("(i4[:,::1], i4[::1], i8)")
def graph_of_links(links: Ints, piece: Ints, count: int) -> tuple[Indices, Ints]:
    """Return the neighbours of each piece, as `parts_without` takes them.

    Parameters
    ----------
    links : (m, 2) array of int32
        Runs of different pieces that touch.
    piece : (n,) array of int32
        Of each run.
    count : int
        Number of pieces.
    """
    starts = np.zeros(count + 1, np.int64)
    for k in range(links.shape[0]):
        starts[piece[links[k, 0]] + 1] += 1
        starts[piece[links[k, 1]] + 1] += 1
    for node in range(count):
        starts[node + 1] += starts[node]
    free = starts[:-1].copy()
    neighbours = np.empty(2 * links.shape[0], np.int32)
    for k in range(links.shape[0]):
        a, b = piece[links[k, 0]], piece[links[k, 1]]
        neighbours[free[a]] = b
        neighbours[free[b]] = a
        free[a] += 1
        free[b] += 1
    return starts, neighbours


@helper
def _add_part(best: Indices, second: Indices, node: int, part: int) -> None:
    """Keep the two largest parts that a node holds together."""
    if part > best[node]:
        second[node] = best[node]
        best[node] = part
    elif part > second[node]:
        second[node] = part


@kernel("(i8[::1], i4[::1], i8[::1], i8[::1], i8[::1])")
def parts_without(
    starts: Indices, neighbours: Ints, sizes: Indices, second: Indices, whole: Indices
) -> None:
    """Find for each node of a graph the second largest part of what is left without the node.

    Parameters
    ----------
    starts : (n + 1,) array of int64
    neighbours : (m,) array of int32
        Those of node i from ``starts[i]`` to ``starts[i + 1]``; both ways of every edge, which
        may be there more than once.
    sizes : (n,) array of int64
    second : (n,) array of int64
        Written to: summed sizes of the second largest connected part; 0 where one part is left.
    whole : (n,) array of int64
        Written to: summed sizes of the component that the node is in.

    Notes
    -----
    Tarjan's articulation points by a depth-first search, with the sizes of the subtrees: below
    a node hangs a part for each child from which no edge leads above the node.
    """
    count = sizes.size
    found = np.zeros(count, np.int64)  # when a node was met, from 1
    low = np.zeros(count, np.int64)
    above = np.full(count, -1, np.int64)
    below = sizes.copy()
    apart = np.zeros(count, np.int64)
    best = np.zeros(count, np.int64)
    cursor = starts[:-1].copy()
    order = np.empty(count, np.int64)
    met = 0
    for root in range(count):
        if found[root] != 0:
            continue
        begin = met
        order[met] = root
        met += 1
        found[root] = low[root] = met
        node = root
        while node >= 0:
            if cursor[node] < starts[node + 1]:
                other = neighbours[cursor[node]]
                cursor[node] += 1
                if found[other] == 0:
                    above[other] = node
                    order[met] = other
                    met += 1
                    found[other] = low[other] = met
                    node = other
                elif other != above[node]:
                    low[node] = min(low[node], found[other])
                continue
            up = above[node]
            if up >= 0:
                low[up] = min(low[up], low[node])
                below[up] += below[node]
                if low[node] >= found[up]:
                    apart[up] += below[node]
                    _add_part(best, second, up, below[node])
            node = up
        for place in range(begin, met):
            one = order[place]
            whole[one] = below[root]
            _add_part(best, second, one, below[root] - sizes[one] - apart[one])


@helper
def _near(cubes: Indices, one: int, other: int) -> bool:
    """Return whether the cubes of two pieces are the same, or touch by a corner at least."""
    z = abs(cubes[one, 0] - cubes[other, 0])
    y = abs(cubes[one, 1] - cubes[other, 1])
    x = abs(cubes[one, 2] - cubes[other, 2])
    return bool(max(z, y, x) <= 1)


@kernel("(i8[::1], i4[::1], i8[::1], i8[:,::1], i8, u1[::1])")
def mark_narrow(
    starts: Indices, neighbours: Ints, sizes: Indices, cubes: Indices, least: int, narrow: Flags
) -> None:
    """Find the pieces that hold two parts together near them, whatever holds these farther away.

    Parameters
    ----------
    starts, neighbours, sizes
        See `parts_without`.
    cubes : (n, 3) array of int64
        The cube of each piece by its position along z, y and x.
    least : int
        Voxels that each of the two parts must have in the 27 cubes around the piece's.
    narrow : (n,) array of uint8
        Written to: 1 where a piece is narrow.
    """
    count = sizes.size
    beside = np.full(count, -1, np.int64)  # the last piece that each was found beside
    reached = np.full(count, -1, np.int64)  # the last piece that each was reached for
    queue = np.empty(count, np.int64)
    for piece in range(count):
        reached[piece] = piece
        waiting, large = 0, 0
        for k in range(starts[piece], starts[piece + 1]):
            if beside[neighbours[k]] != piece:
                beside[neighbours[k]] = piece
                waiting += 1
        for k in range(starts[piece], starts[piece + 1]):
            if reached[neighbours[k]] == piece or large > 1 or waiting + large < 2:
                continue
            queue[0] = neighbours[k]
            reached[neighbours[k]] = piece
            waiting -= 1
            size = sizes[neighbours[k]]
            head, tail = 0, 1
            # The last part need not be followed to its end, unless it may be the second large one.
            while head < tail and not (waiting == 0 and (large == 0 or size >= least)):
                node = queue[head]
                head += 1
                for j in range(starts[node], starts[node + 1]):
                    other = neighbours[j]
                    if reached[other] == piece or not _near(cubes, piece, other):
                        continue
                    reached[other] = piece
                    size += sizes[other]
                    if beside[other] == piece:
                        waiting -= 1
                    queue[tail] = other
                    tail += 1
            if size >= least:
                large += 1
        narrow[piece] = large > 1
