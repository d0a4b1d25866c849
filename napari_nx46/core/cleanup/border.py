"""Zeroing of what lies near a fragment's faces."""

from __future__ import annotations

import numpy as np

from napari_nx46.core.cleanup.arguments import require_at_least_zero
from napari_nx46.voxels.blocks import Block, Mask, whole_block
from napari_nx46.voxels.spans import checked_mask

__all__ = ["zero_border"]


def zero_border(
    mask: Mask,
    border: int,
    *,
    block: Block | None = None,
    shape: tuple[int, int, int] | None = None,
) -> Mask:
    """Make the voxels near the fragment's faces background.

    Networks see less context there. Part of the first-place solution.

    Reach: none, once the mask's place is known.

    Parameters
    ----------
    mask : (Z, Y, X) array of uint8, {0, 1}
    border : int
        So many voxels at each of the six faces are cleared.
    block, shape : Block and three int, optional
        Where the mask lies in its fragment, and the fragment's voxels; by default it is all of it.

    Returns
    -------
    (Z, Y, X) array of uint8, {0, 1}
        A new array.

    Raises
    ------
    ValueError
        If the mask is no (Z, Y, X) uint8 array, or `border` is below 0.

    Examples
    --------
    >>> zero_border(np.ones((3, 3, 3), np.uint8), 1)[1]
    array([[0, 0, 0],
           [0, 1, 0],
           [0, 0, 0]], dtype=uint8)
    """
    require_at_least_zero(border=border)
    z, y, x = checked_mask(mask).shape
    inner = tuple(
        slice(max(0, border - extent.start), max(0, length - border - extent.start))
        for extent, length in zip(block or whole_block((z, y, x)), shape or mask.shape, strict=True)
    )
    cleared = np.zeros((z, y, x), np.uint8)
    cleared[inner] = mask[inner]
    return cleared
