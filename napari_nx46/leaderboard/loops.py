"""Dimension 1 of Betti matching: the loops that two masks have in common.

Let A and B be two masks and C their union. The filtration of Stucki et al. (2024, "Efficient
Betti matching enables topology-aware 3D segmentation via persistent homology", arXiv 2407.04683)
starts with a mask and then adds all other cells in raster order. A loop of A *dies* at the square
where it becomes the boundary of something in C plus the squares added so far; a loop of A is
matched with a loop of B if both die at the same square. With ``D_A`` the squares at which loops of
A die, the number of matched loops is the size of the intersection of ``D_A`` and ``D_B``.

Duality
-------
By Alexander duality a loop dies where, going backwards through the squares, a cycle of the
*background* appears. Take the dual graph: its nodes are the cubes and one node for the outside of
the volume, and each background square of C joins the two cubes beside it. (A cell is background
if one of its vertices is.) The spanning forest of the largest squares is found by Kruskal's
algorithm; each square s outside the forest closes one cycle. Each background edge of A makes the
sum of the (at most four) squares around it zero: a cycle once around an edge is no cycle of the
background. These relations over F2, with the forest set to zero too, are solved by elimination,
each for its last square: first come the background squares of C in descending raster order, then
the squares that are background in A but not in C, in descending raster order too. The squares of
C that no relation eliminates are ``D_A``: the loops that die there *survive* in C. The other
squares that no relation eliminates are those at which a loop of A dies inside C, *filled* by B:
the forest grows over them as over those of C, so that there is one for each such loop.

Why few cells are needed
------------------------
1. *Lines of cubes.* A background z-square with a cube on both sides is the largest square of the
   cube in front of it, and so in the forest. A cube is therefore one node with the cube behind it,
   up to the next foreground z-square: the nodes are lines along z, and the lines that reach the
   last plane are the outside.
2. *Lines of squares.* The relation of a background x-edge behind plane 0 has two z-squares, which
   are zero, and the y-squares in front of it and behind it, which are thus the same. A class of
   y-squares is a line along z up to the next foreground x-edge, represented by its last square;
   if it reaches the last plane it is zero. The same holds for x-squares and y-edges.
3. The relation of a background z-edge repeats that of the z-edge behind it unless one of its four
   lines begins, or the z-edge behind it is foreground.
4. The relations of C hold for A and for B: they are solved once. What A adds lies where C has
   foreground that A has not.

What is left to look at lies beside foreground, is found by operations on packed masks, and is
some percent of the cells where 7 % of the voxels are foreground.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from napari_nx46.leaderboard.bits import (
    Cells,
    count_bits,
    leading_bits,
)
from napari_nx46.voxels.packed import Words, shift_up

__all__ = ["LoopDeaths", "count_matched_loops", "eliminated_by", "find_loop_deaths"]

Indices = npt.NDArray[np.int64]
Ints = npt.NDArray[np.int32]
CellList = tuple[Ints, Ints]


@dataclass(frozen=True, slots=True, eq=False)
class LoopDeaths:
    """The squares at which the loops of a mask die, in descending raster order.

    Parameters
    ----------
    surviving : ndarray of int32
        (N, 4): squares (z, y, x, normal) of the union's background.
    filled : ndarray of int32
        (M, 4): squares of the union, which are background in this mask alone.
    """

    surviving: Ints
    filled: Ints


@dataclass(frozen=True, slots=True, eq=False)
class _Grid:
    """The size of a volume, for places: see `napari_nx46.leaderboard.kernels.sweep`."""

    planes: int
    rows: int
    columns: int

    @property
    def stride(self) -> int:
        return self.columns + 1

    @property
    def plane_size(self) -> int:
        return (self.rows + 1) * self.stride

    def squares(self, squares: CellList, positions: Ints) -> Ints:
        """Return (z, y, x, normal) of the squares at some positions of a list."""
        first, square = squares
        place, normal = np.divmod(square[positions], 3)
        row, column = np.divmod(place, self.stride)
        plane = np.searchsorted(first, positions, side="right") - 1
        return np.stack((plane, row - 1, column - 1, normal), axis=1).astype(np.int32)


@dataclass(frozen=True, slots=True, eq=False)
class _UnionBackground:
    """The dual graph of the union's background, solved as far as it holds for both masks.

    Parameters
    ----------
    squares : first, square
        The square that represents each line of squares.
    number : ndarray of int32
        Their numbers in the order of elimination; 0 is zero.
    count : int
        The largest number.
    parent : ndarray of int32
        (count + 1,): union-find forest of the squares.
    relations : ndarray of int32
        (R, 4): what union-find could not solve.
    nodes : first, place
        The nodes of the dual graph.
    forest : ndarray of int32
        Which of them the spanning forest joins, as union-find.
    """

    squares: CellList
    number: Ints
    count: int
    parent: Ints
    relations: Ints
    nodes: CellList
    forest: Ints


@dataclass(frozen=True, slots=True, eq=False)
class _OwnBackground:
    """What a mask adds to the background of the union, solved together with it.

    Parameters
    ----------
    squares : first, square
        The squares that are background in the mask but not in the union.
    number : ndarray of int32
        Their numbers, behind those of the union; 0 is zero.
    parent : ndarray of int32
        Of all squares: those that are their own parent are not eliminated, but for 0.
    """

    squares: CellList
    number: Ints
    parent: Ints


def count_matched_loops(
    prediction: Cells, label: Cells, union: Cells, columns: int, *, label_first: bool
) -> int:
    """Count the loops of two masks that die at the same square.

    Parameters
    ----------
    prediction, label, union : Cells
        The two masks and their union.
    columns : int
        X.
    label_first : bool
        Which mask to take first; if none of its loops lives in the union the other one is not
        looked at. The one with fewer loops is the better choice.

    Returns
    -------
    int
    """
    grid = _grid(union, columns)
    background = _solve_union(union, grid)
    first, second = (label, prediction) if label_first else (prediction, label)
    of_first = _surviving(first, union, background, grid)
    if not of_first.size:
        return 0
    of_second = _surviving(second, union, background, grid)
    return int(np.intersect1d(of_first, of_second, assume_unique=True).size)


def find_loop_deaths(masks: Sequence[Cells], union: Cells, columns: int) -> list[LoopDeaths]:
    """Find where loops die; those of two masks that die at the same square are matched.

    Parameters
    ----------
    masks : sequence of Cells
        Those whose loops are wanted.
    union : Cells
        The union of prediction and label.
    columns : int
        X.

    Returns
    -------
    list of LoopDeaths
        Of each mask, with as many squares as it has loops.
    """
    grid = _grid(union, columns)
    background = _solve_union(union, grid)
    return [_deaths_of(mask, union, background, grid) for mask in masks]


def eliminated_by(relations: Ints, last: int) -> Indices:
    """Find which numbers relations over F2 eliminate, each the largest one that it can.

    Parameters
    ----------
    relations : ndarray of int32
        (R, 4): sums that are zero; 0 stands for none. Overwritten.
    last : int
        The largest number.

    Returns
    -------
    ndarray of int64
        Ascending.
    """
    from napari_nx46.leaderboard.kernels.elimination import merge_squares

    parent = np.arange(last + 1, dtype=np.int32)
    left = merge_squares(parent, np.ascontiguousarray(relations))
    parent[_pivots(left)] = 0
    return np.flatnonzero(parent[1:] != np.arange(1, last + 1)) + 1


def _grid(union: Cells, columns: int) -> _Grid:
    planes, rows, _ = union.vertices.shape
    return _Grid(planes, rows, columns)


def _surviving(mask: Cells, union: Cells, background: _UnionBackground, grid: _Grid) -> Ints:
    """Return the squares of the union at which loops of a mask die, by their place in its list."""
    from napari_nx46.leaderboard.kernels.elimination import survivors

    return survivors(background.number, _own_background(mask, union, background, grid).parent)


def _deaths_of(mask: Cells, union: Cells, background: _UnionBackground, grid: _Grid) -> LoopDeaths:
    """Return the squares at which the loops of a mask die."""
    from napari_nx46.leaderboard.kernels.elimination import survivors

    own = _own_background(mask, union, background, grid)
    return LoopDeaths(
        grid.squares(background.squares, survivors(background.number, own.parent)),
        grid.squares(own.squares, survivors(own.number, own.parent)),
    )


def _solve_union(union: Cells, grid: _Grid) -> _UnionBackground:
    """Find the squares of the union's background that matter, and merge them."""
    from napari_nx46.leaderboard.kernels.elimination import merge_squares
    from napari_nx46.leaderboard.kernels.forest import number_squares
    from napari_nx46.leaderboard.kernels.sweep import common_relations

    all_voxels = leading_bits(grid.columns, grid.columns)
    all_edges = leading_bits(grid.columns - 1, grid.columns)
    last_cubes = _before_foreground(union.squares_z)
    last_y = _before_foreground(union.edges_x)
    last_x = _before_foreground(union.edges_y)
    bottom_z = np.zeros_like(union.vertices)
    bottom_z[0, :-1] = all_edges & ~union.squares_z[0, :-1]

    squares = _list_squares(bottom_z, last_y, last_x, grid)
    nodes = _list(last_cubes, grid)
    number, count, forest = number_squares(squares, nodes, grid.plane_size, grid.stride)
    bottom_edges_y = np.zeros_like(union.vertices[:1])
    bottom_edges_y[0, :-1] = all_voxels & ~union.edges_y[0, :-1]
    bottom_edges_x = all_edges & ~union.edges_x[:1]
    parent = np.arange(count + 1, dtype=np.int32)
    relations = common_relations(
        parent,
        squares,
        number,
        _list(_edges_with_new_relation(union, last_y, last_x), grid),
        _list(bottom_edges_y, grid)[1],
        _list(bottom_edges_x, grid)[1],
        grid.plane_size,
        grid.stride,
    )
    left = merge_squares(parent, relations)
    return _UnionBackground(squares, number, count, parent, left, nodes, forest)


def _own_background(
    mask: Cells, union: Cells, background: _UnionBackground, grid: _Grid
) -> _OwnBackground:
    """Find what is background in the mask alone, and solve it together with the union."""
    from napari_nx46.leaderboard.kernels.elimination import merge_squares
    from napari_nx46.leaderboard.kernels.forest import number_own_squares
    from napari_nx46.leaderboard.kernels.sweep import own_relations

    squares = _list_squares(
        union.squares_z & ~mask.squares_z,
        _by_plane(union.squares_y & ~mask.squares_y),
        _by_plane(union.squares_x & ~mask.squares_x),
        grid,
    )
    number = number_own_squares(
        squares,
        _list(_by_plane(union.cubes & ~mask.cubes), grid),
        background.nodes,
        background.forest,
        background.count,
        grid.plane_size,
        grid.stride,
    )
    last = max(background.count, int(number.max(initial=0)))
    parent = np.arange(last + 1, dtype=np.int32)
    parent[: background.count + 1] = background.parent
    relations = own_relations(
        parent,
        background.squares,
        background.number,
        squares,
        number,
        _list(_by_plane(union.edges_z & ~mask.edges_z), grid),
        _list(union.edges_y & ~mask.edges_y, grid),
        _list(union.edges_x & ~mask.edges_x, grid),
        grid.plane_size,
        grid.stride,
    )
    left = merge_squares(parent, np.concatenate((background.relations, relations)))
    parent[_pivots(left)] = 0
    return _OwnBackground(squares, number, parent)


def _edges_with_new_relation(union: Cells, last_y: Words, last_x: Words) -> Words:
    """Find the background z-edges whose relation does not repeat the one behind them.

    Parameters
    ----------
    union : Cells
    last_y, last_x : ndarray of uint64
        (Z, Y, W): the last squares of lines of background squares.

    Returns
    -------
    ndarray of uint64
        (Z, Y, W); no edge in the last plane.
    """
    edges = last_y | shift_up(last_y) | last_x
    edges[:, 1:] |= last_x[:, :-1]
    edges[:-2] |= ~union.edges_z[:-1] & union.edges_z[1:]
    edges[:-1] &= ~union.edges_z
    return edges


def _before_foreground(cells: Words) -> Words:
    """Find what is background in a plane and foreground in the next one.

    Parameters
    ----------
    cells : ndarray of uint64
        (Z, Y, W): foreground cells that lie in a plane.

    Returns
    -------
    ndarray of uint64
        (Z, Y, W): the last of each line along z, by the plane in front of it.
    """
    last = np.zeros_like(cells)
    np.bitwise_and(~cells[:-1], cells[1:], out=last[:-1])
    return last


def _by_plane(layers: Words) -> Words:
    """Return (Z - 1, Y, W) layers as (Z, Y, W), the last one empty."""
    planes = np.zeros((layers.shape[0] + 1, *layers.shape[1:]), np.uint64)
    planes[:-1] = layers
    return planes


def _list(words: Words, grid: _Grid) -> CellList:
    from napari_nx46.leaderboard.kernels.sweep import list_places

    return list_places(words, count_bits(words), grid.stride)


def _list_squares(squares_z: Words, squares_y: Words, squares_x: Words, grid: _Grid) -> CellList:
    from napari_nx46.leaderboard.kernels.sweep import list_squares

    count = count_bits(squares_z) + count_bits(squares_y) + count_bits(squares_x)
    return list_squares(squares_z, squares_y, squares_x, count, grid.stride)


def _pivots(relations: Ints) -> Ints:
    """Return the numbers of the squares that the relations eliminate, by row reduction."""
    from napari_nx46.leaderboard.kernels.elimination import row_pivots

    if relations.size == 0:
        return np.zeros(0, np.int32)
    # Numbers without gaps keep the reduction's tables small; 0 stays 0 as padding.
    present, position = np.unique(np.append(relations, 0), return_inverse=True)
    rows = position[:-1].reshape(relations.shape).astype(np.int32)
    rows = np.ascontiguousarray(np.sort(rows, axis=1)[:, ::-1])
    pivots = row_pivots(rows, present.size - 1)
    eliminated: Ints = present[pivots]
    return eliminated
