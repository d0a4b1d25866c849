"""Uncompressed voxels at regular distances in a file, read by few bounded reads.

The file is not mapped into memory: a mapped file that another program cuts off kills the process,
where a read that finds too few bytes is an error.
"""

from __future__ import annotations

from dataclasses import dataclass
from io import RawIOBase

import numpy as np

from napari_nx46.files.regular import open_regular
from napari_nx46.files.volumes.indexing import Box, Shape3D, box_shape
from napari_nx46.files.volumes.origin import FileStamp

_WIDEST_GAP = 2**13
"""Bytes between two rows that are read and dropped: a read of its own for each row costs more."""

_MOST_AT_ONCE = 2**20
"""Bytes that are read at once where some of them are dropped."""


@dataclass(frozen=True)
class StridedReader:
    """Uncompressed voxels at regular distances in a file, which is open only while it is read.

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
        extent = _extent(self.shape, self.strides, self.stored_dtype.itemsize)
        self.stamp.check_holds(self.offset + extent)

    @property
    def dtype(self) -> np.dtype:
        """Type of the voxels, in native byte order."""
        return self.stored_dtype.newbyteorder("=")

    @property
    def piece_bytes(self) -> int:
        """See `VolumeReader.piece_bytes`."""
        return self.stored_dtype.itemsize

    def read_box(self, box: Box) -> np.ndarray:
        """Read a box; see `VolumeReader.read_box`."""
        self.stamp.check()
        origin = self.stamp.origin
        voxels = np.empty(box_shape(box), self.dtype)
        along = list(zip(box, self.strides, strict=True))
        start = self.offset + sum(part.start * stride for part, stride in along)
        steps = [part.step * stride for part, stride in along]
        # The file is read in its own order, whichever of the axes is the fastest there.
        order = sorted(range(len(steps)), key=lambda axis: -steps[axis])
        try:
            with open_regular(origin.path).detach() as file:
                reader = _Reader(file, self.stored_dtype)
                reader.fill(voxels.transpose(order), start, tuple(steps[axis] for axis in order))
        except EOFError as error:
            raise origin.error(
                "a file that another program has cut off while it was read",
                "the same file; open it again",
            ) from error
        except OSError as error:
            raise origin.error(error.strerror or str(error), "a readable file") from error
        return voxels

    def release(self) -> None:
        """Do nothing: nothing is kept."""


@dataclass(frozen=True, slots=True)
class _Reader:
    """Reads voxels of a type from places in a file."""

    file: RawIOBase
    stored: np.dtype

    def fill(self, out: np.ndarray, start: int, steps: tuple[int, ...]) -> None:
        """Read voxels whose neighbours are some steps apart, in bytes, descending."""
        extent = _extent(out.shape, steps, self.stored.itemsize)
        if extent == out.nbytes and self._is_as_stored(out):
            self._read(start, out.reshape(-1).view(np.uint8).data)
        elif extent <= _MOST_AT_ONCE and self._is_dense(out.shape, steps):
            content = np.empty(extent, np.uint8)
            self._read(start, content.data)
            out[...] = np.ndarray(out.shape, self.stored, content, 0, steps)
        else:
            self._fill_rows(out, start, steps)

    def _fill_rows(self, out: np.ndarray, start: int, steps: tuple[int, ...]) -> None:
        """Read the parts along the first axis, as many at once as is worth it."""
        row = _extent(out.shape[1:], steps[1:], self.stored.itemsize)
        if self._is_as_stored(out) and row * len(out) == out.nbytes:
            view = out.reshape(-1).view(np.uint8).data
            for number in range(len(out)):
                self._read(start + number * steps[0], view[number * row : (number + 1) * row])
            return
        together = 1
        if self._is_dense(out.shape, steps):
            together = max(1, 1 + (_MOST_AT_ONCE - row) // steps[0])
        for first in range(0, len(out), together):
            place = start + first * steps[0]
            if together > 1:
                self.fill(out[first : first + together], place, steps)
            else:
                self.fill(out[first, ...], place, steps[1:])

    def _is_as_stored(self, out: np.ndarray) -> bool:
        """Return whether an array is to have its bytes as they are in the file."""
        return out.flags.c_contiguous and out.dtype == self.stored

    def _is_dense(self, shape: tuple[int, ...], steps: tuple[int, ...]) -> bool:
        """Return whether little lies between the voxels, along every axis."""
        item = self.stored.itemsize
        inner = (_extent(shape[axis:], steps[axis:], item) for axis in range(1, len(shape) + 1))
        return all(
            size == 1 or step - used <= _WIDEST_GAP
            for size, step, used in zip(shape, steps, inner, strict=True)
        )

    def _read(self, start: int, view: memoryview) -> None:
        """Fill a view of bytes from a place in the file; raise `EOFError` at its end."""
        self.file.seek(start)
        filled = self.file.readinto(view) or 0
        while filled < len(view):
            count = self.file.readinto(view[filled:])
            if not count:
                raise EOFError
            filled += count


def _extent(shape: tuple[int, ...], steps: tuple[int, ...], item: int) -> int:
    """Return the bytes from the first voxel to the end of the last."""
    return sum((size - 1) * step for size, step in zip(shape, steps, strict=True)) + item
