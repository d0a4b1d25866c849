"""The kernel that plugs tunnels, 64 voxels at a time, compiled by numba."""

from __future__ import annotations

import numpy as np

from napari_nx46.core.cleanup.compiled_bits import Counter, Row, count, east_of, west_of
from napari_nx46.voxels.compiling.kernel import helper, kernel
from napari_nx46.voxels.packed import Words

_NONE = np.uint64(0)


@kernel("(u8[:,:,::1], i8, i8, u8[:,:,::1])")
def plug_planes(words: Words, start: int, stop: int, out: Words) -> None:
    """Fill the background voxels that are one-voxel tunnels, planes ``start`` to ``stop``.

    Parameters
    ----------
    words : (Z, Y, W) array of uint64
        A packed mask in a margin of background: one plane, two rows and a byte on either side.
    start, stop : int
        Between 1 and ``Z - 1``: the outermost planes have no neighbours on one side.
    out : (Z, Y, W) array of uint64
        Written to, planes ``start`` to ``stop`` without their margin rows. What lies in the margin
        along x afterwards means nothing.

    Notes
    -----
    A plane is one long row here. The second row of margin keeps the word before the first and
    the word after the last neighbour within it.
    """
    _, rows, row_words = words.shape
    for z in range(start, stop):
        below = words[z - 1].reshape(-1)
        plane = words[z].reshape(-1)
        above = words[z + 1].reshape(-1)
        filled = out[z].reshape(-1)
        for word in range(2 * row_words, (rows - 2) * row_words):
            filled[word] = plane[word] | _plugs(below, plane, above, word, row_words)


@helper
def _plugs(below: Row, plane: Row, above: Row, word: int, row_words: int) -> np.uint64:
    """Return the tunnel voxels of a word.

    A voxel added to the foreground adds a vertex to its cubical complex, an edge for each
    foreground neighbour by a face, a square for each of the 12 unit squares and a cube for each of
    the 8 unit cubes that it completes. The Euler number grows by 1 - edges + squares - cubes, which
    is 1 where there are as many squares as edges and cubes together.
    """
    north, south = plane[word - row_words], plane[word + row_words]
    west, east = west_of(plane, word), east_of(plane, word)
    faces = north | south | west | east | below[word] | above[word]
    candidates: np.uint64 = faces & ~plane[word]
    if candidates == _NONE:
        return _NONE
    north_west = north & west & west_of(plane, word - row_words)
    north_east = north & east & east_of(plane, word - row_words)
    south_west = south & west & west_of(plane, word + row_words)
    south_east = south & east & east_of(plane, word + row_words)
    squares = (_NONE, _NONE, _NONE, _NONE)
    for square in (north_west, north_east, south_west, south_east):
        squares = count(squares, square)
    others = (_NONE, _NONE, _NONE, _NONE)
    for face in (north, south, west, east):
        others = count(others, face)
    for side in (below, above):
        face = side[word]
        to_north = face & north & side[word - row_words]
        to_south = face & south & side[word + row_words]
        to_west = face & west & west_of(side, word)
        to_east = face & east & east_of(side, word)
        for square in (to_north, to_south, to_west, to_east):
            squares = count(squares, square)
        others = count(others, face)
        for cube in (
            north_west & to_north & to_west & west_of(side, word - row_words),
            north_east & to_north & to_east & east_of(side, word - row_words),
            south_west & to_south & to_west & west_of(side, word + row_words),
            south_east & to_south & to_east & east_of(side, word + row_words),
        ):
            others = count(others, cube)
    return candidates & ~_unequal(squares, others)


@helper
def _unequal(counter: Counter, other: Counter) -> np.uint64:
    """Return the bits whose counters differ."""
    return (
        (counter[0] ^ other[0])
        | (counter[1] ^ other[1])
        | (counter[2] ^ other[2])
        | (counter[3] ^ other[3])
    )
