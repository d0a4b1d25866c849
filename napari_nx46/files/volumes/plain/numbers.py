"""Numbers as a header describes them: where they are in which file, in which order and type."""

from __future__ import annotations

import bz2
import gzip
import io
import math
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path, PurePosixPath
from typing import IO, cast

import numpy as np

from napari_nx46.files.naming import printable
from napari_nx46.files.regular import open_regular
from napari_nx46.files.volumes.axes import StoredAxes, find_axes
from napari_nx46.files.volumes.channels import Channels
from napari_nx46.files.volumes.decoded_reader import DecodedReader, fill, skip
from napari_nx46.files.volumes.origin import FileStamp, Origin
from napari_nx46.files.volumes.placement import Placement
from napari_nx46.files.volumes.reader import VolumeReader
from napari_nx46.files.volumes.stamps import Stamps
from napari_nx46.files.volumes.strided_reader import StridedReader

_DAMAGE = (OSError, EOFError, ValueError, zlib.error)
_MOST_HEADER_BYTES = 2**16
_PIECE = 2**16


class Packing(StrEnum):
    """How numbers are compressed, all in one piece."""

    NONE = "none"
    ZLIB = "zlib"
    GZIP = "gzip"
    BZIP2 = "bzip2"


@dataclass(frozen=True)
class Numbers:
    """The numbers of an array in a file.

    Attributes
    ----------
    path : Path
        The file, which need not be that of the header.
    start : int
        Bytes before them, or before the compressed stream.
    shape : tuple of int
        The slowest axis first.
    dtype : numpy.dtype
        Their type, with its byte order.
    names : tuple of str or None
        Of the axes.
    packing : Packing
    skipped : int
        Bytes before them within the compressed stream.
    placement : Placement or None
        Size and place of the voxels.
    """

    path: Path
    start: int
    shape: tuple[int, ...]
    dtype: np.dtype
    names: tuple[str, ...] | None
    packing: Packing = Packing.NONE
    skipped: int = 0
    placement: Placement | None = None

    @property
    def nbytes(self) -> int:
        """Bytes of all of them."""
        return math.prod(self.shape) * self.dtype.itemsize

    @property
    def strides(self) -> tuple[int, ...]:
        """Distance of neighbours along each axis, in bytes."""
        sizes = self.shape
        return tuple(
            math.prod(sizes[axis + 1 :]) * self.dtype.itemsize for axis in range(len(sizes))
        )


def open_numbers(origin: Origin, numbers: Numbers, stamps: Stamps) -> Channels:
    """Open numbers as voxels; none is read.

    Parameters
    ----------
    origin : Origin
        The file of the header.
    numbers : Numbers
    stamps : Stamps
        Takes the stamp of the file of the numbers.

    Raises
    ------
    VolumeError
        If they are no volume, or the file does not hold so many.
    """
    axes = find_axes(origin, numbers.shape, numbers.names)
    stamps.note(numbers.path)
    stamp = FileStamp.of(Origin(numbers.path, origin.image_id))
    beside = () if numbers.path == origin.path else (numbers.path,)
    if numbers.packing is Packing.NONE:
        stamp.check_holds(numbers.start + numbers.nbytes)

    def source(channel: int) -> VolumeReader:
        if numbers.packing is not Packing.NONE:
            return DecodedReader(
                stamp,
                axes.shape,
                numbers.dtype,
                lambda: _decoded(stamp.origin, numbers, axes, channel),
                numbers.nbytes,
            )
        offset, strides = axes.strided(numbers.strides, channel)
        return StridedReader(stamp, numbers.dtype, axes.shape, numbers.start + offset, strides)

    return Channels(axes.channels, source, numbers.placement, beside=beside)


def text_header(
    origin: Origin, end: Callable[[str], bool], *, alone: bool = False
) -> tuple[list[str], int]:
    """Return the lines of the header of a file, and where what follows begins.

    Parameters
    ----------
    origin : Origin
        The file.
    end : callable
        Returns whether a line is the last.
    alone : bool, optional
        Whether the end of the file may be that of the header.

    Raises
    ------
    VolumeError
        If it does not end within 64 KiB, or the file cannot be read.
    """
    try:
        with open_regular(origin.path) as stream:
            content = stream.read(_MOST_HEADER_BYTES)
    except OSError as error:
        raise origin.error(error.strerror or str(error), "a readable file") from error
    lines: list[str] = []
    place = 0
    while (stop := content.find(b"\n", place)) >= 0:
        line = content[place:stop].decode("utf-8", "replace").rstrip("\r")
        place = stop + 1
        lines.append(line)
        if end(line):
            return lines, place
    if alone and len(content) < _MOST_HEADER_BYTES:
        return [*lines, content[place:].decode("utf-8", "replace")], len(content)
    raise origin.error("a header without an end", f"one within {_MOST_HEADER_BYTES} bytes")


def data_file(origin: Origin, name: str) -> Path:
    """Return the file beside a header that holds its numbers.

    Raises
    ------
    VolumeError
        If it is not in the folder of the header.
    """
    parts = PurePosixPath(name).parts
    plain = bool(parts) and ".." not in parts and not any(c in name for c in "\\:\0%")
    folder = origin.path.parent.resolve()
    path = folder / name
    if not plain or name.startswith("/") or not path.resolve().is_relative_to(folder):
        raise origin.error(f"numbers in the file {printable(name)!r}", "a file in the same folder")
    return path


def whole_numbers(origin: Origin, text: str, what: str) -> tuple[int, ...]:
    """Return numbers that a header lists.

    Raises
    ------
    VolumeError
        If they are none.
    """
    try:
        return tuple(map(int, text.split()))
    except ValueError as error:
        raise origin.error(f"{what} {printable(text)!r}", "whole numbers") from error


def real_numbers(text: str) -> tuple[float, ...] | None:
    """Return real numbers that a header lists; None if they are none, or not finite."""
    try:
        found = tuple(map(float, text.split()))
    except ValueError:
        return None
    return found if all(map(math.isfinite, found)) else None


def placed(
    scale: tuple[float, ...] | None, translate: tuple[float, ...] | None, unit: str | None
) -> Placement | None:
    """Return size and place of voxels that a header gives along (x, y, z); None of none.

    Parameters
    ----------
    scale, translate : tuple of float or None
        The fastest axis first.
    unit : str or None
    """
    if scale is None or len(scale) < len("xyz") or min(scale[:3]) <= 0:
        return None
    moved = translate if translate is not None and len(translate) >= len("xyz") else (0.0,) * 3
    if set(scale[:3]) == {1.0} and not any(moved[:3]):
        return None  # what writers put where nobody has measured
    return Placement.of(scale[2::-1], moved[2::-1], unit)


def _decoded(origin: Origin, numbers: Numbers, axes: StoredAxes, channel: int) -> np.ndarray:
    """Return a channel of compressed numbers, which are decoded to their end."""
    everything = np.empty(numbers.shape, numbers.dtype)
    try:
        with open_regular(numbers.path) as file, _unpacked(file, numbers) as stream:
            skip(stream, numbers.skipped)
            fill(stream, everything)
            if stream.read(1):  # the end is where checksums are compared
                raise ValueError(f"more than {numbers.nbytes} bytes")
    except _DAMAGE as error:
        raise origin.error(f"damaged compressed numbers ({error})", "whole ones") from error
    z, y, x = (slice(0, size, 1) for size in axes.shape)
    chosen = everything[axes.index(channel, (z, y, x))]
    return np.ascontiguousarray(chosen).reshape(axes.shape)


@contextmanager
def _unpacked(file: IO[bytes], numbers: Numbers) -> Iterator[IO[bytes]]:
    """Give the stream of what is compressed in a file."""
    file.seek(numbers.start)
    if numbers.packing is Packing.GZIP:
        with gzip.GzipFile(fileobj=file, mode="rb") as unzipped:
            yield cast(IO[bytes], unzipped)
    elif numbers.packing is Packing.BZIP2:
        with bz2.BZ2File(file) as unzipped:
            yield unzipped
    else:
        with io.BufferedReader(_ZlibStream(file), _PIECE) as unzipped:
            yield unzipped


class _ZlibStream(io.RawIOBase):
    """What is compressed with zlib in a file, never more than is asked for at a time."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._stream = zlib.decompressobj()
        self._left = b""

    def readable(self) -> bool:
        """Return True."""
        return True

    def readinto(self, buffer: object) -> int:
        """Fill a buffer; return how many bytes there were."""
        view = memoryview(buffer).cast("B")  # type: ignore[arg-type]
        while not self._stream.eof:
            content = self._left or self._file.read(_PIECE)
            if not content:
                raise EOFError("a compressed stream that is cut off")
            found = self._stream.decompress(content, len(view))
            self._left = self._stream.unconsumed_tail
            if found:
                view[: len(found)] = found
                return len(found)
        return 0
