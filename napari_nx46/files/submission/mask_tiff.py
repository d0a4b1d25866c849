"""Writing one binary mask as a 3D multi-page TIFF, slice by slice."""

from __future__ import annotations

import io
from collections.abc import Generator, Iterable, Iterator
from contextlib import ExitStack
from enum import StrEnum
from pathlib import Path
from typing import IO, TYPE_CHECKING, BinaryIO, cast

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

Shape = tuple[int, int, int]
"""(Z, Y, X)."""

_AXES = 3
_LARGEST_VALUE = 255

CLASSIC_TIFF_LIMIT = 2**32 - 2**26
"""Bytes of voxels beyond which 32-bit offsets may not suffice, tables included."""


class MaskError(ValueError):
    """A mask that cannot be written as it is; the message says what was found and expected."""


class Compression(StrEnum):
    """How the pages of a mask are compressed."""

    ZLIB = "zlib"
    LZW = "lzw"
    NONE = "none"


class MaskFormat(StrEnum):
    """What a mask in a folder is: a multi-page TIFF, or an OME-Zarr image with a pyramid."""

    TIFF = "tiff"
    OME_ZARR = "ome-zarr"

    @property
    def suffix(self) -> str:
        """How the name of a mask ends."""
        return ".tif" if self is MaskFormat.TIFF else ".zarr"


class MaskValues(StrEnum):
    """Whose convention the values of a mask follow."""

    KAGGLE = "kaggle"
    """The competition's: {0, 1}."""
    NX47 = "nx47"
    """NX47's: {0, 255}."""

    @property
    def foreground(self) -> int:
        """The value of a foreground voxel; the background is 0."""
        return 255 if self is MaskValues.NX47 else 1


def check_shape(shape: tuple[int, ...], name: str) -> None:
    """Check that a shape is one of a volume.

    Parameters
    ----------
    shape : tuple of int
        Should be (Z, Y, X), each at least 1.
    name : str
        What has this shape, for the message.

    Raises
    ------
    MaskError
        If it is not.
    """
    if len(shape) != _AXES or min(shape) < 1:
        raise MaskError(
            f"{name}: found shape {tuple(shape)}, expected (Z, Y, X), each of them at least 1"
        )


def iterate_slices(
    slabs: Iterable[NDArray[np.uint8]], shape: Shape, name: str
) -> Generator[NDArray[np.uint8], None, None]:
    """Go through a mask slice by slice and check it on the way.

    Parameters
    ----------
    slabs : iterable of ndarray
        uint8 arrays (n, Y, X) with values {0, 1}, consecutive in z, n at least 0.
    shape : tuple of int
        (Z, Y, X) of the whole mask.
    name : str
        What is gone through, for messages.

    Yields
    ------
    ndarray
        Each slice, (Y, X) uint8, C-contiguous.

    Raises
    ------
    MaskError
        If a slab has another dtype, shape or value, or there are too few or too many slices.
    """
    check_shape(shape, name)
    z = 0
    for slab in slabs:
        _check_slab(slab, shape, z, name)
        for page in slab:
            yield np.ascontiguousarray(page)
        z += len(slab)
    if z != shape[0]:
        raise MaskError(f"{name}: found {z} slices, expected {shape[0]}")


def write_mask(
    target: Path | BinaryIO,
    slabs: Iterable[NDArray[np.uint8]],
    shape: Shape,
    *,
    compression: Compression = Compression.ZLIB,
    foreground: int = 1,
    name: str = "mask",
) -> None:
    """Write a mask as a multi-page TIFF, one page a slice, never holding more than a slab.

    The same mask gives the same bytes: no date, no software, no description is written.

    Parameters
    ----------
    target : Path or binary file
        Where to write. A path is overwritten as it stands; for a file that appears whole or not
        at all see `napari_nx46.files.submission.writing.write_mask_file`. A file must be open for
        reading and writing, seekable and empty.
    slabs : iterable of ndarray
        uint8 arrays (n, Y, X) with values {0, 1}, consecutive in z.
    shape : tuple of int
        (Z, Y, X) of the whole mask.
    compression : Compression
        Compression of the pages.
    foreground : int
        The value, 1 to 255, that is written for 1.
    name : str
        What is written, for messages.

    Raises
    ------
    MaskError
        If the slabs do not make up a binary mask of this shape.
    OSError
        If writing fails.
    """
    import tifffile

    if not 1 <= foreground <= _LARGEST_VALUE:
        raise MaskError(f"{name}: found foreground value {foreground}, expected 1 to 255")
    check_shape(shape, name)
    pages = (page * np.uint8(foreground) for page in iterate_slices(slabs, shape, name))
    with ExitStack() as stack:
        file = stack.enter_context(target.open("w+b")) if isinstance(target, Path) else target
        writer = stack.enter_context(
            tifffile.TiffWriter(
                cast("IO[bytes]", _OnlyFile(file)),
                bigtiff=_needs_bigtiff(shape),
                byteorder="<",
                ome=False,
            )
        )
        writer.write(
            _all_of(pages, shape, name),
            shape=shape,
            dtype=np.uint8,
            photometric="minisblack",
            compression=None if compression is Compression.NONE else compression.value,
            metadata=None,
            software=False,
            maxworkers=1,
        )


def _all_of(
    pages: Iterator[NDArray[np.uint8]], shape: Shape, name: str
) -> Iterator[NDArray[np.uint8]]:
    """Yield the pages; make the end known only once the last has been checked.

    tifffile takes as many pages as it needs and would not notice one too many.
    """
    for z in range(shape[0]):
        page = next(pages, None)
        if page is None:  # iterate_slices raises before this can happen
            raise MaskError(f"{name}: found {z} slices, expected {shape[0]}")
        if z == shape[0] - 1 and next(pages, None) is not None:
            raise MaskError(f"{name}: found more slices than the {shape[0]} expected")
        yield page


def _check_slab(slab: NDArray[np.uint8], shape: Shape, z: int, name: str) -> None:
    if slab.dtype != np.uint8:
        raise MaskError(f"{name}: found dtype {slab.dtype} at slice {z}, expected uint8")
    if slab.ndim != _AXES or slab.shape[1:] != shape[1:]:
        raise MaskError(
            f"{name}: found a slab of shape {slab.shape} at slice {z}, "
            f"expected (n, {shape[1]}, {shape[2]})"
        )
    if z + len(slab) > shape[0]:
        raise MaskError(f"{name}: found at least {z + len(slab)} slices, expected {shape[0]}")
    if slab.size and int(slab.max()) > 1:
        raise MaskError(f"{name}: found value {int(slab.max())} near slice {z}, expected 0 and 1")


def _needs_bigtiff(shape: Shape) -> bool:
    return shape[0] * (shape[1] * shape[2] + 4096) > CLASSIC_TIFF_LIMIT


class _OnlyFile(io.BufferedIOBase):
    """A file without name and descriptor.

    tifffile cannot take a nameless file as it is, and NumPy, given a descriptor, reports a full
    disk without saying so.
    """

    def __init__(self, file: BinaryIO) -> None:
        self._file = file

    def readable(self) -> bool:
        return True

    def writable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def read(self, size: int | None = -1, /) -> bytes:
        return self._file.read(-1 if size is None else size)

    def write(self, content: ReadableBuffer, /) -> int:
        return self._file.write(content)

    def seek(self, offset: int, whence: int = io.SEEK_SET, /) -> int:
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        return self._file.tell()

    def flush(self) -> None:
        # It is flushed once more when it is collected, after the file was closed.
        if not self._file.closed:
            self._file.flush()
