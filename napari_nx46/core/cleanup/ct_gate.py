"""What the CT image supports: outside the papyrus a network's positives are phantoms."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from napari_nx46.core.cleanup.arguments import require_at_least_zero
from napari_nx46.core.cleanup.morphology import dilate_by_cube
from napari_nx46.voxels.blocks import Block, Mask, VolumeLike, whole_block, widened, within
from napari_nx46.voxels.spans import checked_mask

__all__ = ["confine_to_ct", "ct_support"]


def ct_support(image: VolumeLike, block: Block, threshold: float, margin: int = 0) -> Mask:
    """Return where a CT image supports what is found: it is finite and above a threshold.

    Parameters
    ----------
    image : VolumeLike
        ``(Z, Y, X)``, of any real type.
    block : Block
    threshold : float
        In the image's own values. villa takes 0, and 5 in its example, for uint8.
    margin : int
        So many voxels at the rim of the support do not count, either (by a cube); what lies beyond
        the faces of the fragment makes no rim.

    Returns
    -------
    (Z, Y, X) array of uint8, {0, 1}
        Of the block's shape.

    Examples
    --------
    >>> image = np.array([[[0, 9, 9, 9]]], np.uint8)
    >>> ct_support(image, (slice(0, 1), slice(0, 1), slice(0, 4)), 5, margin=1)
    array([[[0, 0, 1, 1]]], dtype=uint8)
    """
    z, y, x = image.shape
    wide = widened(block, (margin,) * 3, (z, y, x))
    voxels: npt.NDArray[Any] = image[wide]
    empty = ~(np.isfinite(voxels) & (voxels > threshold))
    if margin:
        empty = dilate_by_cube(empty.view(np.uint8), margin).view(np.bool_)
    supported: Mask = (~empty[within(block, wide)]).astype(np.uint8)
    return supported


def confine_to_ct(
    mask: Mask,
    image: VolumeLike,
    threshold: float,
    margin: int = 0,
    *,
    block: Block | None = None,
) -> Mask:
    """Remove what lies where the CT image has no support for it.

    43.3 % of the positives that were published for scrolls have none. Part of villa's finalising
    step.

    Reach: none, but for the margin in the image.

    Parameters
    ----------
    mask : (Z, Y, X) array of uint8, {0, 1}
    image : VolumeLike
        The CT image of the whole fragment.
    threshold, margin
        See `ct_support`.
    block : Block, optional
        Where the mask lies in its fragment; by default it is all of it.

    Returns
    -------
    (Z, Y, X) array of uint8, {0, 1}
        At most the mask itself, in a new array.

    Raises
    ------
    ValueError
        If the mask is no (Z, Y, X) uint8 array, or a knob is below 0.

    Examples
    --------
    >>> confine_to_ct(np.ones((1, 1, 2), np.uint8), np.array([[[0, 9]]], np.uint8), 0)
    array([[[0, 1]]], dtype=uint8)
    """
    require_at_least_zero(ct_threshold=threshold, ct_margin=margin)
    z, y, x = checked_mask(mask).shape
    return mask & ct_support(image, block or whole_block((z, y, x)), threshold, margin)
