"""The cells of a packed mask's cubical complex, 64 in a word.

The words of a mask packed without a margin have the shape (Z, Y, W) with ``W = ceil(X / 64)``: bit
k of word w is the voxel ``x = 64 * w + k``. Bits behind the end of a row are zero, so that a shift
may read over it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from napari_nx46.voxels.packed import Words, pack, shift_down

__all__ = [
    "Cells",
    "Mask",
    "cells_of",
    "count_bits",
    "euler_characteristic",
    "leading_bits",
]

Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class Cells:
    """The foreground cells of a mask's cubical complex: all their vertices are in the mask.

    A cell is stored at its smallest vertex. Edges are named by their direction, squares by the
    direction of their normal; along a missing direction the arrays have their full shape.

    Parameters
    ----------
    vertices : ndarray of uint64
        (Z, Y, W).
    edges_z, edges_y, edges_x : ndarray of uint64
        (Z - 1, Y, W), (Z, Y, W), (Z, Y, W).
    squares_z, squares_y, squares_x : ndarray of uint64
        (Z, Y, W), (Z - 1, Y, W), (Z - 1, Y, W).
    cubes : ndarray of uint64
        (Z - 1, Y, W).
    """

    vertices: Words
    edges_z: Words
    edges_y: Words
    edges_x: Words
    squares_z: Words
    squares_y: Words
    squares_x: Words
    cubes: Words


def leading_bits(count: int, columns: int) -> Words:
    """Return one row of words whose first `count` bits are set.

    Parameters
    ----------
    count : int
        At least 0 and at most `columns`.
    columns : int
        Length X of a row.

    Returns
    -------
    ndarray of uint64
        (W,).
    """
    row = np.zeros((1, 1, columns), np.bool_)
    row[..., :count] = True
    words: Words = pack(row).words[0, 0]
    return words


def count_bits(words: Words) -> int:
    """Return the number of set bits.

    In one pass and without an array of counts: faster than `numpy.bitwise_count` and its sum.
    """
    from napari_nx46.leaderboard.kernels.words import count_set_bits

    return count_set_bits(np.ascontiguousarray(words).reshape(-1))


def cells_of(vertices: Words) -> Cells:
    """Find the foreground edges, squares and cubes of a packed mask.

    Parameters
    ----------
    vertices : ndarray of uint64
        (Z, Y, W).

    Returns
    -------
    Cells
    """
    edges_y = np.zeros_like(vertices)
    np.bitwise_and(vertices[:, :-1], vertices[:, 1:], out=edges_y[:, :-1])
    edges_x = vertices & shift_down(vertices)
    squares_z = edges_y & shift_down(edges_y)
    return Cells(
        vertices=vertices,
        edges_z=vertices[:-1] & vertices[1:],
        edges_y=edges_y,
        edges_x=edges_x,
        squares_z=squares_z,
        squares_y=edges_x[:-1] & edges_x[1:],
        squares_x=edges_y[:-1] & edges_y[1:],
        cubes=squares_z[:-1] & squares_z[1:],
    )


def euler_characteristic(cells: Cells) -> int:
    """Return vertices - edges + squares - cubes.

    Of cells that were found before; `voxels.euler.euler_number` finds no more than it counts.

    Parameters
    ----------
    cells : Cells

    Returns
    -------
    int
    """
    edges = sum(count_bits(words) for words in (cells.edges_z, cells.edges_y, cells.edges_x))
    squares = sum(
        count_bits(words) for words in (cells.squares_z, cells.squares_y, cells.squares_x)
    )
    return count_bits(cells.vertices) - edges + squares - count_bits(cells.cubes)
