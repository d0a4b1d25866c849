"""The kernels that make a coarser level of a mask, compiled by numba."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from napari_nx46.voxels.compiling.kernel import kernel

__all__ = ["largest_of_eight", "mean_of_eight"]

Voxels = npt.NDArray[np.uint8]


@kernel("(u1[:,:,::1], u1[:,:,::1])")
def mean_of_eight(voxels: Voxels, out: Voxels) -> None:
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
def largest_of_eight(voxels: Voxels, least: int, out: Voxels) -> None:
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
