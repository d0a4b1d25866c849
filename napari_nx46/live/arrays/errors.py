"""Where mask and label differ, as a volume that compares the slice asked for."""

from __future__ import annotations

from enum import IntEnum

import numpy as np

from napari_nx46.live.arrays.volume import LazyVolume, Voxels
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


def error_classes(mask: Mask, label: Label) -> Voxels:
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


def lazy_errors(follower: ScoreFollower) -> LazyVolume:
    """Return the error classes of a session's current fragment.

    Background throughout until the label has been loaded, and once another fragment is shown.

    Parameters
    ----------
    follower : ScoreFollower
        Has the session and the label.
    """
    session, fragment = follower.session, follower.session.fragment

    def label() -> Label | None:
        return follower.label if session.fragment is fragment else None

    def read_block(block: Block) -> Voxels | None:
        known = label()
        return None if known is None else error_classes(session.mask_block(block), known[block])

    def read_whole() -> Voxels | None:
        known = label()
        return None if known is None else error_classes(session.whole_mask(), known)

    return LazyVolume(fragment.shape, read_block, read_whole, highest=max(ErrorClass))
