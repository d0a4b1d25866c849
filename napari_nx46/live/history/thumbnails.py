"""Small pictures of masks, for the history."""

from __future__ import annotations

import io
import math

import numpy as np
import numpy.typing as npt

from napari_nx46.live.session import Session
from napari_nx46.voxels.blocks import Mask

__all__ = ["LONGEST_THUMBNAIL_SIDE", "thumbnail_of", "thumbnail_png"]

LONGEST_THUMBNAIL_SIDE = 96
"""Pixels."""

_GREY_STEP = 17
_FEW_GREYS = tuple(round(grey / _GREY_STEP) * _GREY_STEP for grey in range(256))
"""Sixteen greys from black to white: a history holds thousands of pictures, and they pack well."""


def thumbnail_png(mask: Mask) -> bytes:
    """Return a small picture of a mask.

    Parameters
    ----------
    mask : (Z, Y, X) array of uint8 {0, 1}
        One plane across any axis; of a whole volume the middle slice is taken.

    Returns
    -------
    bytes
        PNG in grey, at most `LONGEST_THUMBNAIL_SIDE` pixels along either side: white is
        foreground, grey the share of it where several voxels make a pixel.
    """
    from PIL import Image

    plane = np.ascontiguousarray(_plane_of(mask)) * np.uint8(255)
    picture = Image.fromarray(plane)
    factor = math.ceil(max(picture.size) / LONGEST_THUMBNAIL_SIDE)
    if factor > 1:
        picture = picture.reduce(factor).point(_FEW_GREYS)
    content = io.BytesIO()
    picture.save(content, "PNG", optimize=True)
    return content.getvalue()


def _plane_of(mask: Mask) -> npt.NDArray[np.uint8]:
    axis = next((axis for axis, length in enumerate(mask.shape) if length == 1), 0)
    plane: npt.NDArray[np.uint8] = mask.take(mask.shape[axis] // 2, axis=axis)
    return plane


def thumbnail_of(session: Session) -> bytes | None:
    """Return the picture of what is shown; None where the sources cannot be read."""
    try:
        return thumbnail_png(session.mask_block(session.view.plane))
    except (ValueError, OSError):
        return None
