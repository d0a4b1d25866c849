"""A class for every voxel, as an array-like that finds out about the slice asked for."""

from __future__ import annotations

from abc import ABC, abstractmethod

import numpy as np
import numpy.typing as npt

from napari_nx46.files.volumes.indexing import Index, select
from napari_nx46.live.session import Session
from napari_nx46.voxels.blocks import Block

__all__ = ["Classes", "LazyClasses"]

Classes = npt.NDArray[np.uint8]
"""``(Z, Y, X)`` uint8, 0 being background."""


class LazyClasses(ABC):
    """Classes of the voxels of a session's current fragment, ``(Z, Y, X)`` uint8.

    Background throughout while they are not known, and when the session has gone on to another
    fragment: make another one for that.

    Parameters
    ----------
    session : Session
    """

    ndim = 3
    dtype = np.dtype(np.uint8)

    def __init__(self, session: Session) -> None:
        self.session = session
        self._fragment = session.fragment
        self.shape = self._fragment.shape

    @abstractmethod
    def classes(self, block: Block) -> Classes | None:
        """Return the classes of a block, as its masks are shown; None while they are not known."""

    @abstractmethod
    def whole_classes(self) -> Classes | None:
        """Return the exact classes of the whole fragment; None while they are not known."""

    @property
    def size(self) -> int:
        """Number of voxels."""
        return int(np.prod(self.shape))

    def __len__(self) -> int:
        """Return the number of slices."""
        return self.shape[0]

    def __getitem__(self, index: Index) -> Classes:
        """Return what an index asks for, of the masks as they are shown."""
        selection = select(index, self.shape)
        z, y, x = (slice(extent.start, extent.stop) for extent in selection.box)
        current = self.session.fragment is self._fragment and 0 not in selection.box_shape
        classes = self.classes((z, y, x)) if current else None
        if classes is None:
            return selection.arrange(np.zeros(selection.box_shape, np.uint8))
        return selection.arrange(classes[tuple(slice(None, None, e.step) for e in selection.box)])

    def __array__(
        self, dtype: npt.DTypeLike | None = None, copy: bool | None = None
    ) -> npt.NDArray[np.generic]:
        """Return the classes of the whole fragment, of exact masks."""
        current = self.session.fragment is self._fragment
        known = self.whole_classes() if current else None
        classes = np.zeros(self.shape, np.uint8) if known is None else known
        return classes if dtype is None else classes.astype(dtype, copy=False)

    def __deepcopy__(self, memo: dict[int, object]) -> npt.NDArray[np.generic]:
        """Return an ordinary array: napari duplicates a layer by a deep copy of its data."""
        return np.array(self)
