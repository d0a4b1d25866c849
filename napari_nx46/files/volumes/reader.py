"""The one thing that a file format must do to serve as a volume."""

from __future__ import annotations

from typing import Protocol

import numpy as np

from napari_nx46.files.volumes.indexing import Box, Shape3D


class VolumeReader(Protocol):
    """Voxels in a file, read box by box. Any number of threads may read at once."""

    @property
    def shape(self) -> Shape3D:
        """Number of voxels along (Z, Y, X)."""
        ...

    @property
    def dtype(self) -> np.dtype:
        """Type of the voxels, in native byte order."""
        ...

    @property
    def piece_bytes(self) -> int:
        """Bytes that reading any voxel has to hold, of what is decoded in one piece."""
        ...

    def read_box(self, box: Box) -> np.ndarray:
        """Read the voxels of a box that is not empty.

        Parameters
        ----------
        box : tuple of slice
            Ascending slices in (Z, Y, X), within the volume.

        Returns
        -------
        numpy.ndarray
            A new array, in native byte order, that belongs to the caller.

        Raises
        ------
        VolumeError
            If the file is damaged there, or has changed since it was opened.
        """
        ...

    def release(self) -> None:
        """Release what is kept in memory to answer faster; it is read again when asked for."""
        ...
