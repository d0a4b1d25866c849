"""Clean-up of one-voxel tunnels."""

from __future__ import annotations

import numpy as np

from napari_nx46.voxels.blocks import Mask
from napari_nx46.voxels.packed import pack, plane_tiles, unpack
from napari_nx46.voxels.spans import checked_mask
from napari_nx46.voxels.workers import Workers

__all__ = ["plug_tunnels"]

MARGIN = (1, 2, 1)
"""The voxels that the kernel reads beyond the mask along z, y and x."""


def plug_tunnels(mask: Mask, *, workers: Workers | None = None) -> Mask:
    """Fill tunnels that are one voxel wide: straight, diagonal, or diagonal in space.

    A background voxel is filled if one of its six neighbours is foreground, and if filling it alone
    raises the Euler number of the 6-connected foreground by exactly 1: it fills one loop (or shuts
    a cavity). All such voxels are filled at once. Part of the first-place solution.

    Reach: 1 voxel along each axis. Outside the fragment lies background.

    Parameters
    ----------
    mask : (Z, Y, X) array of uint8, {0, 1}
    workers : Workers, optional

    Returns
    -------
    (Z, Y, X) array of uint8, {0, 1}
        At least the mask itself, in a new array.

    Raises
    ------
    ValueError
        If the mask is no (Z, Y, X) uint8 array.

    Examples
    --------
    >>> ring = np.ones((1, 3, 3), np.uint8)
    >>> ring[0, 1, 1] = 0
    >>> bool(plug_tunnels(ring).all())
    True
    """
    from napari_nx46.core.cleanup.compiled_tunnels import plug_planes

    packed = pack(checked_mask(mask), MARGIN)
    words, out = packed.words, np.empty_like(packed.words)
    inner = plane_tiles(words[1:-1])
    threads = workers or Workers(1)
    threads.map(lambda tile: plug_planes(words, tile.start + 1, tile.stop + 1, out), inner)
    return unpack(packed.replaced(out))
