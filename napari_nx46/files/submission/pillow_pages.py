"""Reading a mask TIFF back by Pillow, which shares no code with the writer.

A writer and a reader of one library could make the same mistake; an export is read back by another
one before it is kept.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from napari_nx46.files.regular import open_regular
from napari_nx46.files.submission.mask_check import PageDamage
from napari_nx46.files.volumes.tiff.structure import PageTags

if TYPE_CHECKING:
    from PIL.Image import Image

_WHITE_IS_ZERO = 0
_ORIENTATION_TAG = 0x0112


def pillow_pages(path: Path, pages: tuple[PageTags, ...]) -> Iterator[NDArray[np.uint8]]:
    """Yield the pages of a mask TIFF as they are stored; see `PageReader`.

    Parameters
    ----------
    path : Path
        The TIFF.
    pages : tuple of PageTags
        What it declares.

    Raises
    ------
    PageDamage
        If a page cannot be decoded.
    """
    from PIL.Image import DecompressionBombError
    from PIL.Image import open as open_image

    # Pillow signals damage by all of these, depending on where it meets it.
    damages = (
        *(OSError, EOFError, SyntaxError, ValueError, TypeError, LookupError, ArithmeticError),
        *(AttributeError, RuntimeError, MemoryError, struct.error, Warning),
        DecompressionBombError,
    )
    with open_regular(path) as file:
        image: Image | None = None
        for index, tags in enumerate(pages):
            try:
                image = image or open_image(file, formats=("TIFF",))
                image.seek(index)
                page = _stored_values(image, tags)
            except damages as fault:
                raise PageDamage(f"{type(fault).__name__}: {fault}") from fault
            yield page


def _stored_values(image: Image, tags: PageTags) -> NDArray[np.uint8]:
    """Return the current page as it is stored, undoing what Pillow does for the eye."""
    from PIL.Image import Transpose

    undo = {
        2: Transpose.FLIP_LEFT_RIGHT,
        3: Transpose.ROTATE_180,
        4: Transpose.FLIP_TOP_BOTTOM,
        5: Transpose.TRANSPOSE,
        6: Transpose.ROTATE_90,
        7: Transpose.TRANSVERSE,
        8: Transpose.ROTATE_270,
    }
    # It has to be asked before loading, which turns the page and drops the tag.
    orientation = image.getexif().get(_ORIENTATION_TAG)
    image.load()
    upright = image.transpose(undo[orientation]) if orientation in undo else image
    page = np.asarray(upright)
    return ~page if tags.photometric == _WHITE_IS_ZERO else page
