"""Kernels on pieces of components: how they are linked, and which of them hold parts together."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from napari_nx46.voxels.blocks import Mask
from napari_nx46.voxels.compiling.kernel import helper, kernel
from napari_nx46.voxels.spans import Labels
from napari_nx46.voxels.union_find import find_root

Indices = npt.NDArray[np.int64]
Ints = npt.NDArray[np.int32]

BEHIND = np.array(
    [(-1, dy, dx) for dy in (-1, 0, 1) for dx in (-1, 0, 1)]
    + [(0, -1, dx) for dx in (-1, 0, 1)]
    + [(0, 0, -1)],
    np.int64,
)
"""The 13 of 26 neighbours that come before a voxel in raster order."""
BEHIND.flags.writeable = False


@kernel("(u1[:,:,::1], i8[:,::1], i8, i8, i8, i8, i4[:,:,::1], i4[::1])")
def cut_into_pieces(
    mask: Mask, behind: Indices, side: int, dz: int, dy: int, dx: int, labels: Labels, parent: Ints
) -> int:
    """Number the pieces into which a grid of cubes cuts a mask, from 1; return how many there are.

    Voxels of one piece are 26-connected within a cube ``(z + dz) // side, ...``. `parent` has room
    for a number more than there are voxels of foreground.
    """
    depth, height, width = mask.shape
    count = 0
    for z in range(depth):
        for y in range(height):
            for x in range(width):
                labels[z, y, x] = 0
                if mask[z, y, x] == 0:
                    continue
                number = 0
                for k in range(behind.shape[0]):
                    oz, oy, ox = z + behind[k, 0], y + behind[k, 1], x + behind[k, 2]
                    if oz < 0 or oy < 0 or ox < 0 or oy >= height or ox >= width:
                        continue
                    other = labels[oz, oy, ox]
                    if (
                        other == 0
                        or (oz + dz) // side != (z + dz) // side
                        or (oy + dy) // side != (y + dy) // side
                        or (ox + dx) // side != (x + dx) // side
                    ):
                        continue
                    root = find_root(parent, other)
                    if number == 0 or root == number:
                        number = root
                    else:
                        parent[max(root, number)] = min(root, number)
                        number = min(root, number)
                if number == 0:
                    count += 1
                    number = count
                    parent[count] = count
                labels[z, y, x] = number
    pieces = 0
    for number in range(1, count + 1):
        # A parent comes before, so that it has its final number already.
        if parent[number] == number:
            pieces += 1
            parent[number] = pieces
        else:
            parent[number] = parent[parent[number]]
    for z in range(depth):
        for y in range(height):
            for x in range(width):
                if labels[z, y, x] != 0:
                    labels[z, y, x] = parent[labels[z, y, x]]
    return pieces


@kernel("(i4[:,:,::1], i8[:,::1], b1, i8[::1])")
def link_pieces(labels: Labels, behind: Indices, write: bool, links: Indices) -> int:
    """Find which pieces touch by a corner at least; return how many links were found.

    A link is ``low << 32 | high``. The same one may be found more than once, but not twice in a row.
    """
    depth, height, width = labels.shape
    last = np.zeros(behind.shape[0], np.int64)
    count = 0
    for z in range(depth):
        for y in range(height):
            for x in range(width):
                number = labels[z, y, x]
                if number == 0:
                    continue
                for k in range(behind.shape[0]):
                    oz, oy, ox = z + behind[k, 0], y + behind[k, 1], x + behind[k, 2]
                    if oz < 0 or oy < 0 or ox < 0 or oy >= height or ox >= width:
                        continue
                    other = labels[oz, oy, ox]
                    if other == 0 or other == number:
                        continue
                    link = np.int64(min(number, other)) << 32 | np.int64(max(number, other))
                    if link == last[k]:
                        continue
                    last[k] = link
                    if write:
                        links[count] = link
                    count += 1
    return count


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
        Those of node i from ``starts[i]`` to ``starts[i + 1]``; both ways of every edge.
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
