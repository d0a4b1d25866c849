"""Plugging of one-voxel tunnels."""

from __future__ import annotations

import numpy as np

from napari_nx46.voxels.blocks import Mask
from napari_nx46.voxels.packed import pack, plane_tiles, unpack
from napari_nx46.voxels.spans import checked_mask
from napari_nx46.voxels.workers import Workers

__all__ = ["plugged"]

MARGIN = (1, 2, 1)
"""The voxels that the kernel reads beyond the mask along z, y and x."""


def plugged(mask: Mask, workers: Workers) -> Mask:
    """Fill every background voxel that is a one-voxel tunnel; see `cleanup.plug_tunnels`.

    Parameters
    ----------
    mask : (Z, Y, X) array of uint8, {0, 1}
    workers : Workers

    Returns
    -------
    (Z, Y, X) array of uint8, {0, 1}
    """
    from napari_nx46.core.cleanup.compiled_tunnels import plug_planes

    packed = pack(checked_mask(mask), MARGIN)
    words, out = packed.words, np.empty_like(packed.words)
    inner = plane_tiles(words[1:-1])
    workers.map(lambda tile: plug_planes(words, tile.start + 1, tile.stop + 1, out), inner)
    return unpack(packed.replaced(out))
