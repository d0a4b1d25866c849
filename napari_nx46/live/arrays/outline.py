"""The line around a mask, voxel by voxel."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from napari_nx46.live.arrays.volume import LazyVolume, Voxels
from napari_nx46.voxels.blocks import Block

__all__ = ["OUTLINE", "outlined", "outlined_mask"]

OUTLINE = 2
"""Value of the voxels around the mask, beside 0 and 1."""


def outlined(mask: Voxels) -> Voxels:
    """Return the mask of a plane with a line around it, one voxel wide.

    Parameters
    ----------
    mask : (Z, Y, X) array of uint8
        {0, 1}; of length 1 along one axis or more.

    Returns
    -------
    (Z, Y, X) array of uint8
        The mask, and `OUTLINE` where a voxel outside it has a side in common with one of the mask.
        The mask itself where it is no plane: from the outside, a shell would hide it.
    """
    if 1 not in mask.shape:
        return mask
    picture = mask != 0
    near = picture.copy()
    for axis in range(mask.ndim):
        ahead = _shifted(axis, slice(1, None))
        behind = _shifted(axis, slice(None, -1))
        near[ahead] |= picture[behind]
        near[behind] |= picture[ahead]
    outline: Voxels = near.view(np.uint8) * np.uint8(OUTLINE) - picture.view(np.uint8)
    return outline


def outlined_mask(mask: LazyVolume, drawn: Callable[[], bool]) -> LazyVolume:
    """Return a mask that is shown with a line around it while that is drawn.

    As an array it is the mask itself, {0, 1}: that is what is saved and measured.
    """

    def read(block: Block) -> Voxels | None:
        voxels = mask[block]
        return outlined(voxels) if drawn() else voxels

    return LazyVolume(mask.shape, read, lambda: np.asarray(mask))


def _shifted(axis: int, extent: slice) -> tuple[slice, ...]:
    return (*(slice(None),) * axis, extent)
