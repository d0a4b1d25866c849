"""The kernels that fill gaps and diagonals, 64 voxels at a time, compiled by numba.

They do some planes of a packed mask in a margin of background that is as wide as they look, and a
row wider along y: a plane is one long row, and its first and last words have neighbours, too.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from napari_nx46.core.cleanup.compiled_bits import (
    Row,
    at_least,
    count,
    east_by,
    east_of,
    west_by,
    west_of,
)
from napari_nx46.voxels.compiling.kernel import helper, kernel
from napari_nx46.voxels.packed import Words

Support = npt.NDArray[np.uint64]
"""``(3, Z, Y, W)``: the foreground with enough neighbours across z, y and x."""

_NONE = np.uint64(0)


@kernel("(u8[:,:,::1], i8, i8, i8, i8, u8[:,:,:,::1])")
def find_support(
    words: Words, neighbours: int, margin: int, start: int, stop: int, support: Support
) -> None:
    """Find the foreground with so many of its eight neighbours in the plane across each axis."""
    _, rows, row_words = words.shape
    for z in range(start, stop):
        below = words[z - 1].reshape(-1)
        plane = words[z].reshape(-1)
        above = words[z + 1].reshape(-1)
        across_z = support[0, z].reshape(-1)
        across_y = support[1, z].reshape(-1)
        across_x = support[2, z].reshape(-1)
        for word in range(margin * row_words, (rows - margin) * row_words):
            own = plane[word]
            if own == _NONE:
                across_z[word] = across_y[word] = across_x[word] = _NONE
                continue
            north, south = word - row_words, word + row_words
            inside = (_NONE, _NONE, _NONE, _NONE)
            for at in (north, word, south):
                inside = count(inside, west_of(plane, at))
                inside = count(inside, east_of(plane, at))
            inside = count(count(inside, plane[north]), plane[south])
            upright = (_NONE, _NONE, _NONE, _NONE)
            for side in (below, plane, above):
                upright = count(upright, west_of(side, word))
                upright = count(upright, east_of(side, word))
            upright = count(count(upright, below[word]), above[word])
            facing = (_NONE, _NONE, _NONE, _NONE)
            for side in (below, plane, above):
                facing = count(facing, side[north])
                facing = count(facing, side[south])
            facing = count(count(facing, below[word]), above[word])
            across_z[word] = own & at_least(inside, neighbours)
            across_y[word] = own & at_least(upright, neighbours)
            across_x[word] = own & at_least(facing, neighbours)


@kernel("(u8[:,:,::1], u8[:,:,:,::1], i8, i8, i8, i8, u8[:,:,::1])")
def fill_gaps(
    words: Words, support: Support, gap: int, margin: int, start: int, stop: int, out: Words
) -> None:
    """Fill between two voxels of support on a line along an axis with at most `gap` between."""
    _, rows, row_words = words.shape
    for z in range(start, stop):
        plane = words[z].reshape(-1)
        filled = out[z].reshape(-1)
        within = support[1, z].reshape(-1)
        line = support[2, z].reshape(-1)
        for word in range(margin * row_words, (rows - margin) * row_words):
            y, x = word // row_words, word % row_words
            found = plane[word]
            # The farther the one end, the nearer the other: `behind` grows as `step` shrinks.
            behind_z = behind_y = behind_x = _NONE
            for step in range(gap, 0, -1):
                other = gap + 1 - step
                behind_z |= support[0, z + other, y, x]
                behind_y |= within[word + other * row_words]
                behind_x |= east_by(line, word, other)
                found |= support[0, z - step, y, x] & behind_z
                found |= within[word - step * row_words] & behind_y
                found |= west_by(line, word, step) & behind_x
            filled[word] = found


@kernel("(u8[:,:,::1], i8, i8, i8, u8[:,:,::1])")
def fill_diagonals(words: Words, margin: int, start: int, stop: int, out: Words) -> None:
    """Fill the voxels that lie between two on a diagonal of their surroundings of 3 x 3 x 3."""
    _, rows, row_words = words.shape
    for z in range(start, stop):
        below = words[z - 1].reshape(-1)
        plane = words[z].reshape(-1)
        above = words[z + 1].reshape(-1)
        filled = out[z].reshape(-1)
        for word in range(margin * row_words, (rows - margin) * row_words):
            north, south = word - row_words, word + row_words
            found = plane[word]
            found |= _crossed(plane, north, plane, south)
            found |= below[north] & above[south] | below[south] & above[north]
            for at, opposite in ((north, south), (word, word), (south, north)):
                found |= _crossed(below, at, above, opposite)
            filled[word] = found


@helper
def _crossed(row: Row, word: int, opposite_row: Row, opposite: int) -> np.uint64:
    """Return the voxels between a diagonal pair of two rows, either way along x."""
    crossed: np.uint64 = west_of(row, word) & east_of(opposite_row, opposite)
    crossed |= east_of(row, word) & west_of(opposite_row, opposite)
    return crossed


@kernel("(u8[:,:,::1], i8, i8, i8, u8[:,:,::1])")
def bridge_squares(words: Words, margin: int, start: int, stop: int, out: Words) -> None:
    """Fill the squares of 2 x 2 voxels that hold a diagonal pair and nothing else."""
    _, rows, row_words = words.shape
    for z in range(start, stop):
        plane = words[z].reshape(-1)
        filled = out[z].reshape(-1)
        for word in range(margin * row_words, (rows - margin) * row_words):
            found = plane[word]
            to_west, to_east = west_of(plane, word), east_of(plane, word)
            for at in (word - row_words, word + row_words):
                found |= plane[at] & to_west & ~west_of(plane, at)
                found |= plane[at] & to_east & ~east_of(plane, at)
            for side in (words[z - 1].reshape(-1), words[z + 1].reshape(-1)):
                found |= side[word] & to_west & ~west_of(side, word)
                found |= side[word] & to_east & ~east_of(side, word)
                for at in (word - row_words, word + row_words):
                    found |= side[word] & plane[at] & ~side[at]
            filled[word] = found
