"""A session's mask as an array-like that computes the slice asked for."""

from __future__ import annotations

from typing import Protocol

import numpy as np
import numpy.typing as npt

from napari_nx46.files.volumes.indexing import Index, select
from napari_nx46.live.session import Session
from napari_nx46.voxels.blocks import Block, Mask, block_shape


class ShownSource(Protocol):
    """Gives the mask of a session's current fragment, as it is shown."""

    def mask_block(self, block: Block, /) -> Mask:
        """Return a block of it, uint8 {0, 1}."""

    def whole_mask(self) -> Mask:
        """Return all of it, exactly."""


class LazyMask:
    """The mask of a session's current fragment, ``(Z, Y, X)`` uint8 {0, 1}.

    napari reads it like an array, and only ever the slice it draws. Its shape is the fragment's:
    make another one for another fragment.

    Parameters
    ----------
    session : Session
    source : ShownSource, optional
        Gives the mask in place of the session.
    """

    ndim = 3
    dtype = np.dtype(np.uint8)

    def __init__(self, session: Session, source: ShownSource | None = None) -> None:
        self._source = source or session
        self.shape = session.fragment.shape

    @property
    def size(self) -> int:
        """Number of voxels."""
        return int(np.prod(self.shape))

    def __len__(self) -> int:
        """Return the number of slices."""
        return self.shape[0]

    def __getitem__(self, index: Index) -> Mask:
        """Return what an index asks for, as it is shown: previewed while the sliders move.

        Where the sources cannot be read it is empty: an error would leave napari with half a layer,
        and the session tells it by `failed` when it draws the slice.
        """
        selection = select(index, self.shape)
        if 0 in selection.box_shape:
            return selection.arrange(np.empty(selection.box_shape, np.uint8))
        z, y, x = (slice(extent.start, extent.stop) for extent in selection.box)
        steps = tuple(slice(None, None, extent.step) for extent in selection.box)
        try:
            mask = self._source.mask_block((z, y, x))
        except (ValueError, OSError):
            mask = np.zeros(block_shape((z, y, x)), np.uint8)
        return selection.arrange(mask[steps])

    def __array__(
        self, dtype: npt.DTypeLike | None = None, copy: bool | None = None
    ) -> npt.NDArray[np.generic]:
        """Return the exact mask of the whole fragment, for what saves or measures the layer."""
        mask = self._source.whole_mask()
        return mask if dtype is None else mask.astype(dtype, copy=False)

    def __deepcopy__(self, memo: dict[int, object]) -> npt.NDArray[np.generic]:
        """Return an ordinary array: napari duplicates a layer by a deep copy of its data."""
        return np.array(self)
