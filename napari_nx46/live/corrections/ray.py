"""Where a ray through a volume meets a mask first."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from napari_nx46.live.corrections.component import Voxel
from napari_nx46.voxels.blocks import Mask

__all__ = ["first_voxel"]


def first_voxel(
    mask: Mask, point: npt.NDArray[np.float64], direction: npt.NDArray[np.float64]
) -> Voxel | None:
    """Return the first voxel of a mask on a straight line; None if the line passes none.

    All voxels that the line passes are looked at in turn, as by Amanatides and Woo, "A fast voxel
    traversal algorithm for ray tracing", Eurographics 1987.

    Parameters
    ----------
    mask : (Z, Y, X) array of uint8
    point : (3,) array of float
        Any point of the line, in voxels: the first voxel's centre is 0, its faces are at -0.5
        and 0.5.
    direction : (3,) array of float
        Where the line goes.

    Examples
    --------
    >>> mask = np.zeros((4, 5, 6), np.uint8)
    >>> mask[2:, 3, 3] = 1
    >>> first_voxel(mask, np.array([0.0, 3.4, 2.6]), np.array([1.0, 0.0, 0.0]))
    (2, 3, 3)
    """
    crossed = [
        (np.arange(length + 1) - 0.5 - start) / step
        for length, start, step in zip(mask.shape, point, direction, strict=True)
        if step != 0
    ]
    if not crossed:
        return None
    # Between two faces that follow each other the line is within one voxel.
    times = np.unique(np.concatenate(crossed))
    middles = (times[:-1] + times[1:]) / 2
    places = np.floor(point + middles[:, None] * direction + 0.5).astype(int)
    places = places[((places >= 0) & (places < mask.shape)).all(axis=1)]
    hits = places[mask[tuple(places.T)] != 0]
    if not len(hits):
        return None
    z, y, x = hits[0].tolist()
    return z, y, x
