"""The kernels of the clean-up steps that look at a voxel's surroundings, compiled by numba.

They free the GIL and do some planes, or columns, of the whole at a time; for the words see
`packed`.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from napari_nx46.voxels.blocks import Mask
from napari_nx46.voxels.compiling.kernel import helper, kernel
from napari_nx46.voxels.packed import Words

Row = npt.NDArray[np.uint64]

_ONE = np.uint64(1)
_LAST = np.uint64(63)
_NONE = np.uint64(0)


@kernel("(u8[:,:,::1], i8[:,::1], i8, i8, u8[:,:,::1])")
def dilate_planes(
    words: Words, element: npt.NDArray[np.int64], start: int, stop: int, out: Words
) -> None:
    """Dilate a packed mask, planes ``start`` to ``stop``.

    Parameters
    ----------
    words : (Z, Y, W) array of uint64
        Beyond its faces lies background. It needs as much margin along x as the element reaches:
        a plane is one long row here, and the margin keeps its rows from reaching each other.
    element : (n, 3) array of int64
        See `morphology.Element.rows`.
    out : (Z, Y, W) array of uint64
        Written to, planes ``start`` to ``stop``.

    Notes
    -----
    Widening by one voxel along x distributes over the union. So the planes that must be widened
    most come first, and every round of widening serves all that were added before it.
    """
    planes, rows, row_words = words.shape
    reached = np.empty(rows * row_words, np.uint64)
    widened = np.empty(rows * row_words, np.uint64)
    for z in range(start, stop):
        reached[:] = _NONE
        half_width = element[0, 2]
        for part in range(element.shape[0]):
            while half_width > element[part, 2]:
                _widen(reached, widened)
                reached, widened = widened, reached
                half_width -= 1
            source = z + element[part, 0]
            if 0 <= source < planes:
                _add_shifted(words[source].reshape(-1), element[part, 1] * row_words, reached)
        for _ in range(half_width):
            _widen(reached, widened)
            reached, widened = widened, reached
        row = out[z].reshape(-1)
        for word in range(row.size):
            row[word] = reached[word]


@helper
def _add_shifted(plane: Row, shift: int, reached: Row) -> None:
    """Add the plane, moved by so many words, to what was reached."""
    if shift >= 0:
        moved, held = plane[shift:], reached[: reached.size - shift]
    else:
        moved, held = plane[: plane.size + shift], reached[-shift:]
    for word in range(held.size):
        held[word] |= moved[word]


@helper
def _widen(row: Row, widened: Row) -> None:
    """Dilate a row of words by one voxel to either side."""
    last = row.size - 1
    for word in range(1, last):
        widened[word] = (
            row[word]
            | (row[word] << _ONE)
            | (row[word] >> _ONE)
            | (row[word - 1] >> _LAST)
            | (row[word + 1] << _LAST)
        )
    widened[0] = row[0] | (row[0] << _ONE) | (row[0] >> _ONE)
    widened[last] = row[last] | (row[last] << _ONE) | (row[last] >> _ONE)
    if last > 0:
        widened[0] |= row[1] << _LAST
        widened[last] |= row[last - 1] >> _LAST


@kernel("(u1[:,::1], i8, i8, i8, u1[:,::1])")
def majority_columns(mask: Mask, radius: int, start: int, stop: int, out: Mask) -> None:
    """Take the majority over ``2 radius + 1`` planes, the outer planes repeated.

    Parameters
    ----------
    mask : (Z, N) array of uint8, {0, 1}
        Every plane as one long row.
    radius : int
        At most 127, so that a count fits into a byte.
    start, stop : int
        The columns to do.
    out : (Z, N) array of uint8
        Written to, columns ``start`` to ``stop``.
    """
    last = mask.shape[0] - 1
    count = np.zeros(stop - start, np.uint8)
    for step in range(-radius, radius + 1):
        _add(mask[min(max(step, 0), last), start:stop], count)
    for z in range(mask.shape[0]):
        if z > 0:
            _add(mask[min(z + radius, last), start:stop], count)
            _subtract(mask[max(z - 1 - radius, 0), start:stop], count)
        majority = out[z, start:stop]
        for x in range(count.size):
            majority[x] = np.uint8(count[x] > radius)


@helper
def _add(row: npt.NDArray[np.uint8], count: npt.NDArray[np.uint8]) -> None:
    for x in range(count.size):
        count[x] += row[x]


@helper
def _subtract(row: npt.NDArray[np.uint8], count: npt.NDArray[np.uint8]) -> None:
    for x in range(count.size):
        count[x] -= row[x]
