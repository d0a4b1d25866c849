"""A volume that computes the slice asked for, and passes for an array."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from napari_nx46.files.volumes.indexing import Index, select
from napari_nx46.voxels.blocks import Block, block_shape

__all__ = ["LazyVolume", "Voxels"]

Voxels = npt.NDArray[np.uint8]
"""``(Z, Y, X)`` uint8."""


class LazyVolume:
    """Voxels of a fragment, ``(Z, Y, X)`` uint8, computed where they are asked for.

    napari reads it like an array, and only ever the slice it draws. Its shape is the fragment's:
    make another one for another fragment.

    Parameters
    ----------
    shape : tuple of 3 int
    read_block : callable
        Returns a block as it is shown: previewed while the sliders move. None while that is not
        known: it is 0 throughout then.
    read_whole : callable
        Returns the exact voxels of the whole fragment, for what saves or measures them, or None.
    highest : int
        The highest value that there may be; 1 for a mask.
    """

    ndim = 3
    dtype = np.dtype(np.uint8)

    def __init__(
        self,
        shape: tuple[int, int, int],
        read_block: Callable[[Block], Voxels | None],
        read_whole: Callable[[], Voxels | None],
        *,
        highest: int = 1,
    ) -> None:
        self.shape = shape
        self.highest = highest
        self._read_block = read_block
        self._read_whole = read_whole

    @property
    def size(self) -> int:
        """Number of voxels."""
        return int(np.prod(self.shape))

    def __len__(self) -> int:
        """Return the number of slices."""
        return self.shape[0]

    def __getitem__(self, index: Index) -> Voxels:
        """Return what an index asks for, as it is shown.

        Where the sources cannot be read it is 0: an error would leave napari with half a layer,
        and the session signals it when it draws the slice.
        """
        selection = select(index, self.shape)
        if 0 in selection.box_shape:
            return selection.arrange(np.empty(selection.box_shape, np.uint8))
        z, y, x = (slice(extent.start, extent.stop) for extent in selection.box)
        try:
            voxels = self._read_block((z, y, x))
        except (ValueError, OSError):
            voxels = None
        if voxels is None:
            voxels = np.zeros(block_shape((z, y, x)), np.uint8)
        return selection.arrange(voxels[tuple(slice(None, None, e.step) for e in selection.box)])

    def __array__(
        self, dtype: npt.DTypeLike | None = None, copy: bool | None = None
    ) -> npt.NDArray[np.generic]:
        """Return the exact voxels of the whole fragment."""
        known = self._read_whole()
        voxels = np.zeros(self.shape, np.uint8) if known is None else known
        return voxels if dtype is None else voxels.astype(dtype, copy=False)

    def __deepcopy__(self, memo: dict[int, object]) -> npt.NDArray[np.generic]:
        """Return an ordinary array: napari duplicates a layer by a deep copy of its data."""
        return np.array(self)
