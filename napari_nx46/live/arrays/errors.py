"""Where mask and label differ, as an array-like that compares the slice asked for."""

from __future__ import annotations

from enum import IntEnum

import numpy as np

from napari_nx46.live.arrays.classes import Classes, LazyClasses
from napari_nx46.live.derived.leaderboard_score import Label
from napari_nx46.live.derived.scoring import ScoreFollower
from napari_nx46.voxels.blocks import Block, Mask


class ErrorClass(IntEnum):
    """How a voxel of the mask agrees with the label.

    The worse a class is, the larger is its number: of a ray through a volume the maximum is shown.
    """

    BACKGROUND = 0
    IGNORED = 1
    TRUE_POSITIVE = 2
    FALSE_POSITIVE = 3
    FALSE_NEGATIVE = 4


CLASS_TABLE = np.array(
    [
        *(ErrorClass.BACKGROUND, ErrorClass.FALSE_POSITIVE),  # label 0, mask 0 and 1
        *(ErrorClass.FALSE_NEGATIVE, ErrorClass.TRUE_POSITIVE),  # label 1
        *(ErrorClass.IGNORED, ErrorClass.IGNORED),  # label 2
    ],
    np.uint8,
)
CLASS_TABLE.flags.writeable = False


def error_classes(mask: Mask, label: Label) -> Classes:
    """Return the class of every voxel.

    Parameters
    ----------
    mask : (Z, Y, X) array of uint8
        0 and 1.
    label : (Z, Y, X) array of uint8
        0 background, 1 surface, 2 ignore.

    Returns
    -------
    (Z, Y, X) array of uint8
        Numbers of `ErrorClass`.
    """
    classes = np.empty(mask.shape, np.uint8)
    for z in range(len(mask)):  # a slice stays in the processor's cache
        classes[z] = CLASS_TABLE[(label[z] << 1) | mask[z]]
    return classes


class LazyErrors(LazyClasses):
    """The error classes of a session's current fragment, ``(Z, Y, X)`` uint8.

    Background throughout until the label has been loaded.

    Parameters
    ----------
    follower : ScoreFollower
    """

    def __init__(self, follower: ScoreFollower) -> None:
        super().__init__(follower.session)
        self._follower = follower

    def classes(self, block: Block) -> Classes | None:
        """Return the classes of a block of the mask as it is shown; None without a label."""
        label = self._follower.label
        return (
            None if label is None else error_classes(self.session.mask_block(block), label[block])
        )

    def whole_classes(self) -> Classes | None:
        """Return the classes of the exact mask of the whole fragment."""
        label = self._follower.label
        return None if label is None else error_classes(self.session.whole_mask(), label)
