"""The next coarser level of a mask: what becomes of 2 x 2 x 2 voxels."""

from __future__ import annotations

from enum import StrEnum

import numpy as np
import numpy.typing as npt

from napari_nx46.voxels.compiling.kernel import kernel

__all__ = ["Pyramid", "halved"]

Voxels = npt.NDArray[np.uint8]


class Pyramid(StrEnum):
    """What a voxel of a coarser level is made from.

    ``mean`` is the mean of 2 x 2 x 2 voxels, rounded down; ``majority`` the largest value where at
    least four of them are above 0, else 0; ``max`` the largest of them.
    """

    MEAN = "mean"
    MAJORITY = "majority"
    MAX = "max"


def halved(voxels: Voxels, pyramid: Pyramid = Pyramid.MEAN) -> Voxels:
    """Return the next coarser level of a block that begins at even places.

    Parameters
    ----------
    voxels : (Z, Y, X) array of uint8
        Contiguous. An odd last voxel along an axis counts twice.
    pyramid : Pyramid, optional

    Returns
    -------
    (ceil(Z / 2), ceil(Y / 2), ceil(X / 2)) array of uint8

    Examples
    --------
    >>> halved(np.array([[[255, 0], [255, 255]]], np.uint8)).tolist()
    [[[191]]]
    """
    z, y, x = voxels.shape
    out = np.empty((-(-z // 2), -(-y // 2), -(-x // 2)), np.uint8)
    voxels = np.ascontiguousarray(voxels)
    if pyramid is Pyramid.MEAN:
        _mean(voxels, out)
    else:
        _largest(voxels, 4 if pyramid is Pyramid.MAJORITY else 1, out)
    return out


@kernel("(u1[:,:,::1], u1[:,:,::1])")
def _mean(voxels: Voxels, out: Voxels) -> None:
    """Write the mean of eight voxels, rounded down."""
    depth, height, width = voxels.shape
    row = np.empty(width, np.uint16)
    for z in range(out.shape[0]):
        above, below = 2 * z, min(2 * z + 1, depth - 1)
        for y in range(out.shape[1]):
            near, far = 2 * y, min(2 * y + 1, height - 1)
            for x in range(width):
                row[x] = (
                    np.uint16(voxels[above, near, x])
                    + np.uint16(voxels[above, far, x])
                    + np.uint16(voxels[below, near, x])
                    + np.uint16(voxels[below, far, x])
                )
            for x in range(width // 2):
                out[z, y, x] = (row[2 * x] + row[2 * x + 1]) >> 3
            if width % 2:
                out[z, y, width // 2] = row[width - 1] >> 2


@kernel("(u1[:,:,::1], i8, u1[:,:,::1])")
def _largest(voxels: Voxels, least: int, out: Voxels) -> None:
    """Write the largest of eight voxels where at least so many of them are above 0."""
    depth, height, width = voxels.shape
    for z in range(out.shape[0]):
        for y in range(out.shape[1]):
            for x in range(out.shape[2]):
                count, largest = 0, np.uint8(0)
                for place in range(8):
                    value = voxels[
                        min(2 * z + (place >> 2), depth - 1),
                        min(2 * y + ((place >> 1) & 1), height - 1),
                        min(2 * x + (place & 1), width - 1),
                    ]
                    count += value > 0
                    largest = max(largest, value)
                out[z, y, x] = largest if count >= least else np.uint8(0)
