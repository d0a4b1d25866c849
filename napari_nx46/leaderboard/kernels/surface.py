"""Count the corners of a mask's surface by what surrounds them."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from napari_nx46.leaderboard.kernels.words import lowest_bit
from napari_nx46.voxels.compiling.kernel import helper, kernel

__all__ = ["add_areas", "count_codes"]

Ints = npt.NDArray[np.int32]
Words = npt.NDArray[np.uint64]

_ONE = np.uint64(1)


@helper
def _code(low: Words, high: Words, z: int, y: int, w: int, x: np.uint64) -> np.uint64:
    """Return the code of the corner at bit x of a word."""
    code: np.uint64 = (
        (low[z, y, w] >> x & _ONE)
        | (high[z, y, w] >> x & _ONE) << np.uint64(1)
        | (low[z, y + 1, w] >> x & _ONE) << np.uint64(2)
        | (high[z, y + 1, w] >> x & _ONE) << np.uint64(3)
        | (low[z + 1, y, w] >> x & _ONE) << np.uint64(4)
        | (high[z + 1, y, w] >> x & _ONE) << np.uint64(5)
        | (low[z + 1, y + 1, w] >> x & _ONE) << np.uint64(6)
        | (high[z + 1, y + 1, w] >> x & _ONE) << np.uint64(7)
    )
    return code


@kernel("(u8[:,:,::1], u8[:,:,::1], u8[:,:,::1], i8[::1])")
def count_codes(low: Words, high: Words, chosen: Words, counts: npt.NDArray[np.int64]) -> None:
    """Count the corners of each code.

    Parameters
    ----------
    low, high : ndarray of uint64
        (Z + 1, Y + 1, W): at bit x the voxel below and above corner x of a row of corners, in the
        voxel row ``(z - 1, y - 1)``; the other three voxel rows are found one plane or row on, so
        that both have one more plane and one more row than `chosen`.
    chosen : ndarray of uint64
        (Z, Y, W): the corners to count.
    counts : ndarray of int64
        (256,): changed in place.
    """
    planes, rows, row_words = chosen.shape
    for z in range(planes):
        for y in range(rows):
            for w in range(row_words):
                corners = chosen[z, y, w]
                while corners:
                    x = np.uint64(lowest_bit(corners))
                    corners &= corners - _ONE
                    counts[_code(low, high, z, y, w, x)] += 1


@kernel(
    "(u8[:,:,::1], u8[:,:,::1], i8[::1], i4[::1], i4[::1], i4[::1], Array(f8, 1, 'C', "
    "readonly=True), i8[::1], f8[::1])"
)
def add_areas(
    low: Words,
    high: Words,
    row_starts: npt.NDArray[np.int64],
    first: Ints,
    stop: Ints,
    label: Ints,
    areas: npt.NDArray[np.float64],
    counts: npt.NDArray[np.int64],
    sums: npt.NDArray[np.float64],
) -> None:
    """Count the corners of labelled runs by code, and add the areas around them.

    Parameters
    ----------
    low, high : ndarray of uint64
        As for `count_codes`.
    row_starts : ndarray of int64
    first, stop, label : ndarray of int32
        Labelled runs of surface corners.
    areas : ndarray of float64
        (256,): by code.
    counts : ndarray of int64
        (256,): how many corners have each code; changed in place.
    sums : ndarray of float64
        (labels,): changed in place.
    """
    rows = low.shape[1] - 1
    for row in range(row_starts.size - 1):
        for run in range(row_starts[row], row_starts[row + 1]):
            for x in range(first[run], stop[run]):
                code = _code(low, high, row // rows, row % rows, x >> 6, np.uint64(x & 63))
                counts[code] += 1
                sums[label[run]] += areas[code]
