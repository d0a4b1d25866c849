"""Where two masks differ, as a volume that compares the slice asked for."""

from __future__ import annotations

from collections.abc import Callable
from enum import IntEnum

import numpy as np

from napari_nx46.live.arrays.volume import LazyVolume, Voxels
from napari_nx46.live.masks.pair import PairChoice
from napari_nx46.voxels.blocks import Mask
from napari_nx46.voxels.overlap import difference

__all__ = ["DifferenceClass", "difference_classes", "lazy_difference"]


class DifferenceClass(IntEnum):
    """In which of two masks a voxel is.

    Those in one alone have the larger numbers: of a ray through a volume the maximum is shown.
    """

    NONE = 0
    BOTH = 1
    ONLY_A = 2
    ONLY_B = 3


CLASS_TABLE = np.array(
    [DifferenceClass.NONE, DifferenceClass.ONLY_A, DifferenceClass.ONLY_B, DifferenceClass.BOTH],
    np.uint8,
)
"""By the numbers of `core.overlap.difference`."""
CLASS_TABLE.flags.writeable = False


def difference_classes(mask_a: Mask, mask_b: Mask) -> Voxels:
    """Return the class of every voxel.

    Parameters
    ----------
    mask_a, mask_b : (Z, Y, X) array of uint8
        Of equal shape; what is not 0 is foreground.

    Returns
    -------
    (Z, Y, X) array of uint8
        Numbers of `DifferenceClass`.
    """
    classes: Voxels = CLASS_TABLE[difference(mask_a, mask_b)]
    return classes


def lazy_difference(pair: PairChoice) -> LazyVolume:
    """Return in which of two masks the voxels of a session's current fragment are.

    Background throughout while one of the masks is not there, and once another fragment is shown.

    Parameters
    ----------
    pair : PairChoice
    """
    session, choices = pair.choices.session, pair.choices
    fragment = session.fragment

    def compare(mask_of: Callable[[str], Mask]) -> Voxels | None:
        if session.fragment is not fragment or not pair.is_there or pair.second is None:
            return None
        return difference_classes(mask_of(pair.first), mask_of(pair.second))

    return LazyVolume(
        fragment.shape,
        lambda block: compare(lambda name: choices.mask_block(name, block)),
        lambda: compare(choices.whole_mask),
        highest=max(DifferenceClass),
    )
