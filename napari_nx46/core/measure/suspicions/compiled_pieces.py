"""Kernels on pieces of components: how they are linked, and which of them hold parts together."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

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


@helper
def _is_within(shape: tuple[int, int, int], z: int, y: int, x: int) -> bool:
    """Return whether a place lies in a volume."""
    return 0 <= z < shape[0] and 0 <= y < shape[1] and 0 <= x < shape[2]


@helper
def _join_behind(
    labels: Labels, behind: Indices, side: int, shift: Indices, place: Indices, parent: Ints
) -> int:
    """Join the pieces behind a voxel in its cube; return the number of the joint one, or 0."""
    z, y, x = place
    number = 0
    for k in range(behind.shape[0]):
        oz, oy, ox = z + behind[k, 0], y + behind[k, 1], x + behind[k, 2]
        if not _is_within(labels.shape, oz, oy, ox) or labels[oz, oy, ox] == 0:
            continue
        if (
            (oz + shift[0]) // side == (z + shift[0]) // side
            and (oy + shift[1]) // side == (y + shift[1]) // side
            and (ox + shift[2]) // side == (x + shift[2]) // side
        ):
            root = find_root(parent, labels[oz, oy, ox])
            if number == 0:
                number = root
            # The lowest number stands for all.
            parent[max(root, number)] = min(root, number)
            number = min(root, number)
    return number


@kernel("(i8[::1], i8[:,::1], i8, i8[::1], i4[:,:,::1], i4[::1])")
def cut_into_pieces(
    flat: Indices, behind: Indices, side: int, shift: Indices, labels: Labels, parent: Ints
) -> int:
    """Give the pieces into which cubes cut a mask numbers from 1; return how many there are.

    Voxels of one piece are 26-connected within a cube ``(place + shift) // side``.

    Parameters
    ----------
    flat : (n,) array of int64
        The mask's voxels, as ascending indices into the raveled volume.
    behind : (13, 3) array of int64
    side : int
    shift : (3,) array of int64
    labels : (Z, Y, X) array of int32
        Written to at these voxels; 0 elsewhere.
    parent : (n + 1,) array of int32
        Room to work in.
    """
    _, height, width = labels.shape
    place = np.zeros(3, np.int64)
    count = 0
    for voxel in flat:
        place[0] = voxel // (height * width)
        place[1] = voxel // width % height
        place[2] = voxel % width
        number = _join_behind(labels, behind, side, shift, place, parent)
        if number == 0:
            count += 1
            number = count
            parent[count] = count
        labels[place[0], place[1], place[2]] = number
    pieces = 0
    for number in range(1, count + 1):
        # A parent comes before, so that it has its final number already.
        if parent[number] == number:
            pieces += 1
            parent[number] = pieces
        else:
            parent[number] = parent[parent[number]]
    numbers = labels.reshape(-1)
    for voxel in flat:
        numbers[voxel] = parent[numbers[voxel]]
    return pieces


@kernel("(i8[::1], i4[:,:,::1], i8[:,::1], b1, i8[::1])")
def link_pieces(flat: Indices, labels: Labels, behind: Indices, write: bool, links: Indices) -> int:
    """Find which pieces touch by a corner at least; return how many links were found.

    A link is ``low << 32 | high``. The same one may be found more than once. `flat` are the voxels
    whose label is not 0.
    """
    _, height, width = labels.shape
    last = np.zeros(behind.shape[0], np.int64)
    count = 0
    for voxel in flat:
        z, y, x = voxel // (height * width), voxel // width % height, voxel % width
        number = labels[z, y, x]
        for k in range(behind.shape[0]):
            oz, oy, ox = z + behind[k, 0], y + behind[k, 1], x + behind[k, 2]
            if not _is_within(labels.shape, oz, oy, ox) or labels[oz, oy, ox] == 0:
                continue
            other = labels[oz, oy, ox]
            link = np.int64(min(number, other)) << 32 | np.int64(max(number, other))
            if other != number and link != last[k]:
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
