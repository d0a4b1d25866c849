"""Shortest ways within a mask from one voxel to all others."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from napari_nx46.voxels.compiling.kernel import kernel

__all__ = ["shortest_tree"]

Ints = npt.NDArray[np.int32]


@kernel("(u1[:,:,::1], i8)")
def shortest_tree(mask: npt.NDArray[np.uint8], root: int) -> tuple[Ints, Ints]:
    """Walk through a mask by faces from one of its voxels.

    Parameters
    ----------
    mask : (Z, Y, X) array of uint8
        Background at all faces of the volume.
    root : int
        A voxel of the mask, as an index into the raveled volume.

    Returns
    -------
    length, before : (Z * Y * X,) array of int32
        Steps from the root, and the voxel before each on its way; -1 where none leads, and before
        the root.
    """
    _, height, width = mask.shape
    cells = mask.reshape(-1)
    steps = (-height * width, -width, -1, 1, width, height * width)
    length = np.full(cells.size, -1, np.int32)
    before = np.full(cells.size, -1, np.int32)
    queue = np.empty(cells.size, np.int32)
    queue[0], length[root] = root, 0
    count, at = 1, 0
    while at < count:
        voxel = queue[at]
        at += 1
        for step in steps:
            other = voxel + step
            if cells[other] != 0 and length[other] < 0:
                length[other] = length[voxel] + 1
                before[other] = voxel
                queue[count] = other
                count += 1
    return length, before
