"""Masks packed to 64 voxels a word, and the cells of their cubical complex as such words.

A packed mask has the shape (Z, Y, W) with ``W = ceil(X / 64)``: bit k of word w is the voxel
``x = 64 * w + k``. Bits behind the end of a row are zero, so that a shift may read over it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

__all__ = [
    "Cells",
    "Mask",
    "Words",
    "cells_of",
    "count_bits",
    "euler_characteristic",
    "leading_bits",
    "pack",
    "shift_down",
    "shift_up",
]

Mask = npt.NDArray[np.bool_]
Words = npt.NDArray[np.uint64]

_WORD = 64
_ONE = np.uint64(1)
_LAST = np.uint64(_WORD - 1)


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


def pack(mask: Mask, *, width: int | None = None) -> Words:
    """Pack the rows of a mask into words.

    Parameters
    ----------
    mask : ndarray of bool
        (Z, Y, X).
    width : int, optional
        Bits that a row must be able to hold; X by default.

    Returns
    -------
    ndarray of uint64
        (Z, Y, W).
    """
    planes, rows, columns = mask.shape
    row_words = -(-max(columns, width or 0) // _WORD)
    packed = np.zeros((planes, rows, row_words * (_WORD // 8)), np.uint8)
    packed[:, :, : -(-columns // 8)] = np.packbits(mask, axis=-1, bitorder="little")
    words: Words = packed.view("<u8").astype(np.uint64, copy=False)
    return words


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
    words: Words = pack(row)[0, 0]
    return words


def shift_up(words: Words) -> Words:
    """Return words whose bit x is bit ``x - 1`` of the argument; bit 0 is zero."""
    shifted = words << _ONE
    shifted[..., 1:] |= words[..., :-1] >> _LAST
    return shifted


def shift_down(words: Words) -> Words:
    """Return words whose bit x is bit ``x + 1`` of the argument; the last bit is zero."""
    shifted = words >> _ONE
    shifted[..., :-1] |= words[..., 1:] << _LAST
    return shifted


def count_bits(words: Words) -> int:
    """Return the number of set bits."""
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
