"""Where mask and label differ, as an array-like that compares the slice asked for."""

from __future__ import annotations

from enum import IntEnum

import numpy as np
import numpy.typing as npt

from napari_nx46.core.volume import Mask
from napari_nx46.files.indexing import Index, select
from napari_nx46.live.scoring import Label, ScoreFollower

Classes = npt.NDArray[np.uint8]


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


class LazyErrors:
    """The error classes of a session's current fragment, ``(Z, Y, X)`` uint8.

    Background throughout until the label has been loaded, and when the session has gone on to
    another fragment: make another one for that.

    Parameters
    ----------
    follower : ScoreFollower
    """

    ndim = 3
    dtype = np.dtype(np.uint8)

    def __init__(self, follower: ScoreFollower) -> None:
        self._follower = follower
        self._fragment = follower.session.fragment
        self.shape = self._fragment.shape

    @property
    def size(self) -> int:
        """Number of voxels."""
        return int(np.prod(self.shape))

    def __len__(self) -> int:
        """Return the number of slices."""
        return self.shape[0]

    def __getitem__(self, index: Index) -> Classes:
        """Return what an index asks for, of the mask as it is shown."""
        selection = select(index, self.shape)
        label = self._label()
        if label is None or 0 in selection.box_shape:
            return selection.arrange(np.zeros(selection.box_shape, np.uint8))
        z, y, x = block = tuple(slice(extent.start, extent.stop) for extent in selection.box)
        steps = tuple(slice(None, None, extent.step) for extent in selection.box)
        mask = self._follower.session.mask_block((z, y, x))
        return selection.arrange(error_classes(mask[steps], label[block][steps]))

    def __array__(
        self, dtype: npt.DTypeLike | None = None, copy: bool | None = None
    ) -> npt.NDArray[np.generic]:
        """Return the classes of the exact mask of the whole fragment."""
        label = self._label()
        if label is None:
            classes = np.zeros(self.shape, np.uint8)
        else:
            classes = error_classes(self._follower.session.whole_mask(), label)
        return classes if dtype is None else classes.astype(dtype, copy=False)

    def _label(self) -> Label | None:
        follower = self._follower
        return follower.label if follower.session.fragment is self._fragment else None
