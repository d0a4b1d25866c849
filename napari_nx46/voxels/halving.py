"""The next coarser level of a mask: what becomes of 2 x 2 x 2 voxels."""

from __future__ import annotations

from enum import StrEnum

import numpy as np
import numpy.typing as npt

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
    from napari_nx46.voxels.compiled_halving import largest_of_eight, mean_of_eight

    z, y, x = voxels.shape
    out = np.empty((-(-z // 2), -(-y // 2), -(-x // 2)), np.uint8)
    voxels = np.ascontiguousarray(voxels)
    if pyramid is Pyramid.MEAN:
        mean_of_eight(voxels, out)
    else:
        largest_of_eight(voxels, 4 if pyramid is Pyramid.MAJORITY else 1, out)
    return out
