"""Which component of the union is the first one shared by both masks, in Kruskal's order."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from napari_nx46.leaderboard.kernels.runs import run_at
from napari_nx46.leaderboard.kernels.words import lowest_bit
from napari_nx46.voxels.compiling.kernel import helper, kernel

__all__ = ["part_is_shared_before"]

Ints = npt.NDArray[np.int32]
RowStarts = npt.NDArray[np.int64]
Flags = npt.NDArray[np.uint8]
Words = npt.NDArray[np.uint64]

_ONE = np.uint64(1)
_LAST = np.uint64(63)


@helper
def _reached(union: Words, z: int, y: int, w: int) -> tuple[np.uint64, np.uint64, np.uint64]:
    """Return the background voxels of a word whose edge along z, y, x leads to the foreground."""
    planes, rows, words = union.shape
    background = ~union[z, y, w]
    to_z = union[z + 1, y, w] if z + 1 < planes else np.uint64(0)
    to_y = union[z, y + 1, w] if y + 1 < rows else np.uint64(0)
    to_x = union[z, y, w] >> _ONE
    if w + 1 < words:
        to_x |= union[z, y, w + 1] << _LAST
    return to_z & background, to_y & background, to_x & background


@kernel("(u8[:,:,::1], i8[::1], i4[::1], i4[::1], u1[::1], i8)")
def part_is_shared_before(
    union: Words, first: RowStarts, stop: Ints, label: Ints, flags: Flags, shared: int
) -> bool:
    """Say whether the growing part is shared before the first shared component is added to it.

    Parameters
    ----------
    union : ndarray of uint64
        (Z, Y, W): the mask.
    first : ndarray of int64
    stop, label : ndarray of int32
        Its runs and their components.
    flags : ndarray of uint8
        (components,): which masks have voxels in each component. At least one is `shared`.
    shared : int
        The flags of a component with voxels of both masks.

    Returns
    -------
    bool
    """
    planes, rows, words = union.shape
    part = flags[label[0]] if union[0, 0, 0] & _ONE else np.uint8(0)
    if part == shared:
        return False
    for z in range(planes):
        for y in range(rows):
            row = z * rows + y
            for w in range(words):
                to_z, to_y, to_x = _reached(union, z, y, w)
                bits = to_z | to_y | to_x
                while bits:
                    lowest = bits & ~(bits - _ONE)
                    x = 64 * w + lowest_bit(bits)
                    bits ^= lowest
                    # The edges of a voxel in their order: along z, y, x.
                    for near, next_row, next_x in (
                        (to_z, row + rows, x),
                        (to_y, row + 1, x),
                        (to_x, row, x + 1),
                    ):
                        if not near & lowest:
                            continue
                        reached = flags[label[run_at(first, stop, next_row, next_x)]]
                        if reached == shared:
                            return bool(part == shared)
                        part |= reached
                        if part == shared:
                            return True
    return False
