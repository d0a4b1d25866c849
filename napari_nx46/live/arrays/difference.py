"""Where two masks differ, as an array-like that compares the slice asked for."""

from __future__ import annotations

from enum import IntEnum

import numpy as np

from napari_nx46.live.arrays.classes import Classes, LazyClasses
from napari_nx46.live.masks.pair import PairChoice
from napari_nx46.voxels.blocks import Block, Mask
from napari_nx46.voxels.overlap import difference

__all__ = ["DifferenceClass", "LazyDifference", "difference_classes"]


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


def difference_classes(mask_a: Mask, mask_b: Mask) -> Classes:
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
    classes: Classes = CLASS_TABLE[difference(mask_a, mask_b)]
    return classes


class LazyDifference(LazyClasses):
    """In which of two masks the voxels of a session's current fragment are.

    Background throughout while one of the masks is not there.

    Parameters
    ----------
    pair : PairChoice
    """

    def __init__(self, pair: PairChoice) -> None:
        super().__init__(pair.choices.session)
        self._pair = pair

    def classes(self, block: Block) -> Classes | None:
        """Return the classes of a block of the masks as they are shown."""
        pair = self._pair
        if not pair.is_there or pair.second is None:
            return None
        masks = (pair.choices.mask_block(name, block) for name in (pair.first, pair.second))
        return difference_classes(*masks)

    def whole_classes(self) -> Classes | None:
        """Return the classes of the exact masks of the whole fragment."""
        pair = self._pair
        if not pair.is_there or pair.second is None:
            return None
        masks = (pair.choices.whole_mask(name) for name in (pair.first, pair.second))
        return difference_classes(*masks)
