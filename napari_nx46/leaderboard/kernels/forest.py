"""Spanning forests of the dual graph: which squares join background cubes, and which close cycles.

`napari_nx46.leaderboard.loops` has the graph, `sweep` how cells are listed.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from napari_nx46.leaderboard.kernels.sweep import X_SQUARE, Y_SQUARE, Z_SQUARE, CellList
from napari_nx46.voxels.compiling.kernel import helper, kernel
from napari_nx46.voxels.union_find import find_root

__all__ = ["number_own_squares", "number_squares"]

Ints = npt.NDArray[np.int32]

_NO_NODE = -1


@helper
def _join(parent: Ints, here: int, there: int) -> bool:
    """Join two nodes; return False if they were joined before."""
    here = find_root(parent, here)
    there = find_root(parent, there)
    if here == there:
        return False
    parent[max(here, there)] = min(here, there)
    return True


@kernel("(UniTuple(i4[::1], 2), UniTuple(i4[::1], 2), i8, i8)")
def number_squares(
    squares: CellList, new_nodes: CellList, plane_size: int, stride: int
) -> tuple[Ints, int, Ints]:
    """Build the spanning forest of the dual graph and number the squares outside it.

    Kruskal's algorithm on the squares in descending order. The nodes are lines of background
    cubes; node 0 is the outside of the volume.

    Parameters
    ----------
    squares : first, square
        The last square of each line of background squares.
    new_nodes : first, place
        The last cube of each line of background cubes that does not reach the last plane.
    plane_size : int
        ``(Y + 1) * stride``.
    stride : int
        X + 1.

    Returns
    -------
    number : ndarray of int32
        (N,): 0 for a square of the forest; the others are 1, 2, ... in descending raster order,
        which is the order of elimination.
    count : int
        The largest number.
    parent : ndarray of int32
        (nodes + 1,): the forest as union-find; nodes are numbered from 1, layer by layer from the
        last one, in the order of the list.
    """
    first, square = squares
    node_first, node_place = new_nodes
    parent = np.arange(node_place.size + 1).astype(np.int32)
    node_at = np.zeros(plane_size, np.int32)
    nodes = 0
    number = np.zeros(square.size, np.int32)
    count = 0
    for z in range(first.size - 2, -1, -1):
        for k in range(node_first[z], node_first[z + 1]):
            nodes += 1
            node_at[node_place[k]] = nodes
        for k in range(first[z + 1] - 1, first[z] - 1, -1):
            place = square[k] // 3
            kind = square[k] % 3
            there = 0
            if kind == X_SQUARE:
                there = node_at[place - 1]
            elif kind == Y_SQUARE:
                there = node_at[place - stride]
            if not _join(parent, node_at[place], there):
                count += 1
                number[k] = count
    return number, count, parent


@helper
def _enter_layer(
    layer: int, new_nodes: CellList, own_cubes: CellList, nodes: int, node: Ints
) -> None:
    """Enter the new nodes of a layer, the union's by their numbers and the mask's own as -1.

    Layer -1 is the outside of the volume.
    """
    if layer < 0:
        node[:] = 0
        return
    first, place = new_nodes
    for k in range(first[layer], first[layer + 1]):
        nodes += 1
        node[place[k]] = nodes
    first, place = own_cubes
    for k in range(first[layer], first[layer + 1]):
        node[place[k]] = _NO_NODE


@helper
def _pass_layer(
    layer: int,
    new_nodes: CellList,
    own_cubes: CellList,
    entered: tuple[int, int],
    node_before: Ints,
    node_at: Ints,
) -> tuple[int, int]:
    """Go on to a layer; give its cubes that have no node new ones.

    Other cubes have the nodes of those behind them. Parameters and result are how many nodes of
    the union, and nodes of all, were entered.
    """
    if layer < 0:
        return entered
    of_union, nodes = entered
    first, place = new_nodes
    of_union += first[layer + 1] - first[layer]
    for k in range(first[layer], first[layer + 1]):
        node_at[place[k]] = node_before[place[k]]
    first, place = own_cubes
    for k in range(first[layer], first[layer + 1]):
        if node_before[place[k]] == _NO_NODE:
            node_before[place[k]] = nodes
            nodes += 1
        node_at[place[k]] = node_before[place[k]]
    return of_union, nodes


@helper
def _node_in_front(kind: int, place: int, stride: int, node_at: Ints, node_before: Ints) -> int:
    """Return the node in front of a square along its normal."""
    if kind == X_SQUARE:
        return int(node_at[place - 1])
    if kind == Y_SQUARE:
        return int(node_at[place - stride])
    return int(node_before[place])


@kernel(
    "(UniTuple(i4[::1], 2), UniTuple(i4[::1], 2), UniTuple(i4[::1], 2), i4[::1], i8, i8, i8)",
)
def number_own_squares(
    squares: CellList,
    own_cubes: CellList,
    new_nodes: CellList,
    union_parent: Ints,
    last_number: int,
    plane_size: int,
    stride: int,
) -> Ints:
    """Let the spanning forest grow into the background that one mask alone has.

    Kruskal's algorithm again, on the squares that are background in the mask but not in the union.
    The nodes are those that the union's forest has left apart, and the mask's own cubes.

    Parameters
    ----------
    squares : first, square
        The mask's own squares of all kinds.
    own_cubes : first, place
        The cubes that are background in the mask but not in the union.
    new_nodes : first, place
    union_parent : ndarray of int32
        As `number_squares` was given them and returned it.
    last_number : int
        The largest number of a square of the union.
    plane_size, stride : int

    Returns
    -------
    ndarray of int32
        (N,): 0 for a square of the forest; the others are numbered on from `last_number` in
        descending raster order.
    """
    first, square = squares
    union_count = union_parent.size
    parent = np.empty(union_count + own_cubes[1].size, np.int32)
    for node in range(parent.size):
        parent[node] = union_parent[node] if node < union_count else node
    entered = (0, union_count)
    node_at = np.zeros(plane_size, np.int32)  # of layer z, behind plane z
    # Of layer z - 1, where the cube in front of a z-square of the mask's own has another node:
    # any such cube of the union is the last of its line.
    node_before = np.zeros(plane_size, np.int32)
    number = np.zeros(square.size, np.int32)
    count = last_number
    for z in range(first.size - 2, -1, -1):
        _enter_layer(z - 1, new_nodes, own_cubes, entered[0], node_before)
        for k in range(first[z + 1] - 1, first[z] - 1, -1):
            place = square[k] // 3
            kind = square[k] % 3
            if kind == Z_SQUARE and node_before[place] == _NO_NODE:
                node_before[place] = node_at[place]  # no other square of that cube is larger
                continue
            here = node_at[place]
            there = _node_in_front(kind, place, stride, node_at, node_before)
            if here != there and _join(parent, here, there):
                continue
            count += 1
            number[k] = count
        entered = _pass_layer(z - 1, new_nodes, own_cubes, entered, node_before, node_at)
    return number
