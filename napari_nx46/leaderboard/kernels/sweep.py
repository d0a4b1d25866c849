"""Plane sweep over the background of the union: from its cells to relations between squares.

`napari_nx46.leaderboard.loops` says what is computed here and why it visits so few cells.

Cells are given as lists of *places*. The place of cell (y, x) is ``(y + 1) * stride + x + 1`` with
``stride = X + 1``: an index into a flat plane that has a margin of one row and one column in
front, so that ``place - stride`` and ``place - 1`` are the cells before it even at the edge. A list
is sorted by (z, y, x), and ``first[z]`` to ``first[z + 1] - 1`` are its entries of plane z, or of
the layer between the planes z and z + 1. The sweep goes from the last plane to the first and
through every list backwards.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from napari_nx46.leaderboard.kernels.elimination import merge_two, take_relation
from napari_nx46.leaderboard.kernels.words import lowest_bit
from napari_nx46.voxels.compiling.kernel import helper, kernel

__all__ = [
    "X_SQUARE",
    "Y_SQUARE",
    "Z_SQUARE",
    "CellList",
    "common_relations",
    "list_places",
    "list_squares",
    "own_relations",
]

Ints = npt.NDArray[np.int32]
Words = npt.NDArray[np.uint64]
CellList = tuple[Ints, Ints]
"""``first`` (Z + 1,) and the places, or the squares, (N,)."""

_ONE = np.uint64(1)
Z_SQUARE, Y_SQUARE, X_SQUARE = 0, 1, 2


@kernel("(u8[:,:,::1], i8, i8)")
def list_places(words: Words, count: int, stride: int) -> CellList:
    """List the set bits of a mask as places.

    Parameters
    ----------
    words : ndarray of uint64
        (Z, Y, W).
    count : int
        Number of set bits N.
    stride : int
        X + 1.

    Returns
    -------
    first, place : ndarray of int32
        (Z + 1,) and (N,).
    """
    planes, rows, row_words = words.shape
    first = np.zeros(planes + 1, np.int32)
    place = np.empty(count, np.int32)
    at = 0
    for z in range(planes):
        for y in range(rows):
            for w in range(row_words):
                bits = words[z, y, w]
                while bits:
                    place[at] = (y + 1) * stride + 64 * w + lowest_bit(bits) + 1
                    bits &= bits - _ONE
                    at += 1
        first[z + 1] = at
    return first, place


@kernel("(u8[:,:,::1], u8[:,:,::1], u8[:,:,::1], i8, i8)")
def list_squares(
    squares_z: Words, squares_y: Words, squares_x: Words, count: int, stride: int
) -> CellList:
    """List squares of all three kinds in raster order.

    Parameters
    ----------
    squares_z, squares_y, squares_x : ndarray of uint64
        (Z, Y, W).
    count : int
        Number of set bits N.
    stride : int
        X + 1.

    Returns
    -------
    first, square : ndarray of int32
        (Z + 1,) and (N,): a square is ``3 * place + kind``, kind being 0, 1, 2 for a z-, y-,
        x-square; the kinds at one place are in this order.
    """
    planes, rows, row_words = squares_z.shape
    first = np.zeros(planes + 1, np.int32)
    square = np.empty(count, np.int32)
    at = 0
    for z in range(planes):
        for y in range(rows):
            for w in range(row_words):
                bits_z = squares_z[z, y, w]
                bits_y = squares_y[z, y, w]
                bits_x = squares_x[z, y, w]
                bits = bits_z | bits_y | bits_x
                while bits:
                    lowest = bits & ~(bits - _ONE)
                    place = (y + 1) * stride + 64 * w + lowest_bit(bits) + 1
                    bits ^= lowest
                    if bits_z & lowest:
                        square[at] = 3 * place + Z_SQUARE
                        at += 1
                    if bits_y & lowest:
                        square[at] = 3 * place + Y_SQUARE
                        at += 1
                    if bits_x & lowest:
                        square[at] = 3 * place + X_SQUARE
                        at += 1
        first[z + 1] = at
    return first, square


@helper
def _enter(
    z: int,
    squares: CellList,
    number: Ints,
    class_z: Ints,
    class_y: Ints,
    class_x: Ints,
) -> None:
    """Give the squares of a list that lie in layer or plane z their classes."""
    first, square = squares
    for k in range(first[z], first[z + 1]):
        place = square[k] // 3
        kind = square[k] % 3
        if kind == X_SQUARE:
            class_x[place] = number[k]
        elif kind == Y_SQUARE:
            class_y[place] = number[k]
        else:
            class_z[place] = number[k]


@helper
def _enter_z(z: int, squares: CellList, number: Ints, class_z: Ints) -> None:
    """Give the z-squares of a list that lie in plane z their classes."""
    first, square = squares
    for k in range(first[z], first[z + 1]):
        if square[k] % 3 == Z_SQUARE:
            class_z[square[k] // 3] = number[k]


@helper
def _clear_z(z: int, squares: CellList, class_z: Ints) -> None:
    """Make the z-squares of a list that lie in plane z zero; there may be no such plane."""
    first, square = squares
    if z < first.size - 1:
        for k in range(first[z], first[z + 1]):
            if square[k] % 3 == Z_SQUARE:
                class_z[square[k] // 3] = 0


@helper
def _gather(classes: Ints, places: Ints, found: Ints) -> None:
    """Write the classes at some places."""
    for k in range(places.size):
        found[k] = classes[places[k]]


@helper
def _most_in_a_plane(first: Ints) -> int:
    """Return the largest number of entries that a list has in a plane."""
    most = 0
    for z in range(first.size - 1):
        most = max(most, first[z + 1] - first[z])
    return most


@helper
def _enter_sides(z: int, squares: CellList, number: Ints, class_y: Ints, class_x: Ints) -> None:
    """Give the y- and x-squares of a list that lie in layer z their classes."""
    first, square = squares
    for k in range(first[z], first[z + 1]):
        kind = square[k] % 3
        if kind == X_SQUARE:
            class_x[square[k] // 3] = number[k]
        elif kind == Y_SQUARE:
            class_y[square[k] // 3] = number[k]


@kernel("(i4[::1], UniTuple(i4[::1], 2), i4[::1], UniTuple(i4[::1], 2), i4[::1], i4[::1], i8, i8)")
def common_relations(
    parent: Ints,
    squares: CellList,
    number: Ints,
    edges_z: CellList,
    bottom_edges_y: Ints,
    bottom_edges_x: Ints,
    plane_size: int,
    stride: int,
) -> Ints:
    """Eliminate by the relations that the background edges of the union give.

    Parameters
    ----------
    parent : ndarray of int32
        Union-find forest of the squares; see `elimination.merge_squares`. Changed in place.
    squares : first, square
    number : ndarray of int32
        As `number_squares` was given them and returned them.
    edges_z : first, place
        The background z-edges whose relation does not repeat the one behind them.
    bottom_edges_y, bottom_edges_x : ndarray of int32
        Places of the background edges of plane 0.
    plane_size, stride : int

    Returns
    -------
    ndarray of int32
        (R, 4): those that had more than two terms, each row a sum of squares that is zero; 0 pads
        it.
    """
    first = squares[0]
    edge_first, edge_place = edges_z
    edges = edge_place.size + bottom_edges_y.size + bottom_edges_x.size
    relations = np.empty((edges, 4), np.int32)
    written = 0
    class_z = np.zeros(plane_size, np.int32)
    class_y = np.zeros(plane_size, np.int32)
    class_x = np.zeros(plane_size, np.int32)
    for z in range(first.size - 2, -1, -1):
        _enter(z, squares, number, class_z, class_y, class_x)
        for k in range(edge_first[z + 1] - 1, edge_first[z] - 1, -1):
            p = edge_place[k]
            written = take_relation(
                parent,
                relations,
                written,
                class_x[p],
                class_x[p - stride],
                class_y[p],
                class_y[p - 1],
            )
    for p in bottom_edges_x:
        written = take_relation(
            parent, relations, written, class_y[p], class_z[p], class_z[p - stride], 0
        )
    for p in bottom_edges_y:
        written = take_relation(
            parent, relations, written, class_x[p], class_z[p], class_z[p - 1], 0
        )
    return relations[:written]


@kernel(
    "(i4[::1], UniTuple(i4[::1], 2), i4[::1], UniTuple(i4[::1], 2), i4[::1], "
    "UniTuple(i4[::1], 2), UniTuple(i4[::1], 2), UniTuple(i4[::1], 2), i8, i8)",
)
def own_relations(
    parent: Ints,
    squares: CellList,
    number: Ints,
    own_squares: CellList,
    own_number: Ints,
    edges_z: CellList,
    edges_y: CellList,
    edges_x: CellList,
    plane_size: int,
    stride: int,
) -> Ints:
    """Eliminate by the relations of edges that are background in one mask but not in the union.

    Parameters
    ----------
    parent : ndarray of int32
        Union-find forest of the squares; see `elimination.merge_squares`. Changed in place.
    squares : first, square
    number : ndarray of int32
        As `number_squares` was given them and returned them.
    own_squares : first, square
    own_number : ndarray of int32
        As `number_own_squares` was given them and returned them.
    edges_z, edges_y, edges_x : first, place
        The edges that are background in this mask but not in the union.
    plane_size, stride : int

    Returns
    -------
    ndarray of int32
        (R, 4): those that had more than two terms, each row a sum of squares that is zero; 0 pads
        it.
    """
    planes = squares[0].size - 1
    z_first, z_place = edges_z
    y_first, y_place = edges_y
    x_first, x_place = edges_x
    relations = np.empty((z_place.size + y_place.size + x_place.size, 4), np.int32)
    written = 0
    bottom = np.zeros(plane_size, np.int32)
    class_z = np.zeros(plane_size, np.int32)
    class_y = np.zeros(plane_size, np.int32)
    class_x = np.zeros(plane_size, np.int32)
    behind_y = np.empty(_most_in_a_plane(x_first), np.int32)
    behind_x = np.empty(_most_in_a_plane(y_first), np.int32)
    _enter(planes - 1, squares, number, bottom, class_y, class_x)
    for z in range(planes - 1, -1, -1):
        _gather(class_y, x_place[x_first[z] : x_first[z + 1]], behind_y)
        _gather(class_x, y_place[y_first[z] : y_first[z + 1]], behind_x)
        if z > 0:
            # Behind plane 0 the union's z-squares are in the spanning forest.
            _clear_z(z + 1, own_squares, class_z)
            _enter(z - 1, squares, number, bottom, class_y, class_x)
            _enter_sides(z - 1, own_squares, own_number, class_y, class_x)
        else:
            class_z[:] = bottom
            class_y[:] = 0
            class_x[:] = 0
        _enter_z(z, own_squares, own_number, class_z)
        for k in range(x_first[z + 1] - 1, x_first[z] - 1, -1):
            p = x_place[k]
            behind = behind_y[k - x_first[z]]
            if class_z[p] == 0 and class_z[p - stride] == 0:
                class_y[p] = merge_two(parent, behind, class_y[p])
                continue
            written = take_relation(
                parent, relations, written, behind, class_y[p], class_z[p], class_z[p - stride]
            )
        for k in range(y_first[z + 1] - 1, y_first[z] - 1, -1):
            p = y_place[k]
            behind = behind_x[k - y_first[z]]
            if class_z[p] == 0 and class_z[p - 1] == 0:
                class_x[p] = merge_two(parent, behind, class_x[p])
                continue
            written = take_relation(
                parent, relations, written, behind, class_x[p], class_z[p], class_z[p - 1]
            )
        if z == 0:
            break
        for k in range(z_first[z] - 1, z_first[z - 1] - 1, -1):
            p = z_place[k]
            if class_x[p] == class_x[p - stride] and class_y[p] == class_y[p - 1]:
                continue
            written = take_relation(
                parent,
                relations,
                written,
                class_x[p],
                class_x[p - stride],
                class_y[p],
                class_y[p - 1],
            )
    return relations[:written]
