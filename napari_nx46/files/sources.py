"""The one thing that a file format must do to serve as a volume."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from napari_nx46.files.indexing import Box, Shape3D
from napari_nx46.files.origin import FileStamp


class VoxelSource(Protocol):
    """Voxels in a file, read box by box. Any number of threads may read at once."""

    @property
    def shape(self) -> Shape3D:
        """Number of voxels along (Z, Y, X)."""
        ...

    @property
    def dtype(self) -> np.dtype:
        """Type of the voxels, in native byte order."""
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
        """Forget what is kept in memory to answer faster; it is read again when asked for."""
        ...


@dataclass(frozen=True)
class MappedSource:
    """Uncompressed voxels at regular distances in a file, mapped into memory while they are read.

    Attributes
    ----------
    stamp : FileStamp
        The file.
    stored_dtype : numpy.dtype
        Type of the voxels in the file, with its byte order.
    shape : tuple of int
        Number of voxels along (Z, Y, X).
    offset : int
        Place of voxel (0, 0, 0), in bytes from the start of the file.
    strides : tuple of int
        Distance of neighbours along (Z, Y, X), in bytes.
    """

    stamp: FileStamp
    stored_dtype: np.dtype
    shape: Shape3D
    offset: int
    strides: tuple[int, int, int]

    def __post_init__(self) -> None:
        reach = sum((size - 1) * step for size, step in zip(self.shape, self.strides, strict=True))
        end = self.offset + reach + self.stored_dtype.itemsize
        if end > self.stamp.size:
            raise self.stamp.origin.error(
                f"{self.stamp.size} bytes", f"at least {end}: the file is cut off"
            )

    @property
    def dtype(self) -> np.dtype:
        """Type of the voxels, in native byte order."""
        return self.stored_dtype.newbyteorder("=")

    def read_box(self, box: Box) -> np.ndarray:
        """Read a box; see `VoxelSource.read_box`."""
        self.stamp.check()
        origin = self.stamp.origin
        try:
            mapped = np.memmap(origin.path, dtype=np.uint8, mode="r")
        except (OSError, ValueError) as error:
            raise origin.error(str(error), "a readable file") from error
        voxels: np.ndarray = np.ndarray(
            self.shape, self.stored_dtype, mapped, self.offset, self.strides
        )
        return np.array(voxels[box], dtype=self.dtype, order="C")

    def release(self) -> None:
        """Do nothing: nothing is kept."""
