"""NumPy's ``.npy`` and nnU-Net's ``.npz`` files as voxels. No pickle is ever loaded."""

from __future__ import annotations

import io
import math
import struct
import tokenize
import zipfile
import zlib
from dataclasses import dataclass
from typing import IO

import numpy as np
from numpy.lib import format as npy_format

from napari_nx46.files.regular import open_regular
from napari_nx46.files.submission.zip_check import ZipFault, data_start, open_zip
from napari_nx46.files.volumes.axes import StoredAxes, find_axes
from napari_nx46.files.volumes.channels import Channels
from napari_nx46.files.volumes.decoded_reader import DecodedReader, fill, skip
from napari_nx46.files.volumes.origin import FileStamp, Origin, VolumeError
from napari_nx46.files.volumes.reader import VolumeReader
from napari_nx46.files.volumes.strided_reader import StridedReader

NNUNET_ARRAYS = ("probabilities", "softmax")
"""Names of the array in an ``.npz`` file of nnU-Net, version 2 and 1; the first found is read."""

MAX_HEADER_BYTES = 2**16
_NNUNET_AXES = ("C", "Z", "Y", "X")
_COPY_BYTES = 2**20
_DAMAGE = (
    zipfile.BadZipFile,
    zlib.error,
    struct.error,
    ValueError,
    LookupError,
    RuntimeError,
    EOFError,
    OSError,
)
"""What the zip and NumPy readers raise at damaged data."""

_NO_LITERAL = (TypeError, SyntaxError, tokenize.TokenError, MemoryError)
"""What NumPy raises besides at a header that is no Python literal, or one nested too deeply."""


@dataclass(frozen=True, slots=True)
class NpyHeader:
    """The header of an array in NumPy's format.

    Attributes
    ----------
    shape : tuple of int
        Its shape.
    fortran_order : bool
        Whether the first axis is the fastest.
    dtype : numpy.dtype
        Type of its elements, with their byte order.
    size : int
        Bytes of the header; the elements follow.
    """

    shape: tuple[int, ...]
    fortran_order: bool
    dtype: np.dtype
    size: int

    @property
    def data_bytes(self) -> int:
        """Bytes of the elements."""
        return math.prod(self.shape) * self.dtype.itemsize

    @property
    def strides(self) -> tuple[int, ...]:
        """Distance of neighbours along each axis, in bytes."""
        sizes = self.shape if self.fortran_order else self.shape[::-1]
        steps = [math.prod(sizes[:axis]) * self.dtype.itemsize for axis in range(len(sizes))]
        return tuple(steps if self.fortran_order else steps[::-1])


def open_npy(origin: Origin) -> Channels:
    """Open a ``.npy`` file as voxels; only its header is read.

    Parameters
    ----------
    origin : Origin
        The file.

    Returns
    -------
    Channels
        Its array, read from its place in the file.

    Raises
    ------
    VolumeError
        If it is not NumPy's format, is truncated, or is no volume of numbers; see `find_axes`.
    """
    stamp = FileStamp.of(origin)
    try:
        with open_regular(origin.path) as stream:
            header = read_header(origin, stream)
    except OSError as error:
        raise origin.error(error.strerror or str(error), "a readable file") from error
    axes = find_axes(origin, header.shape)
    stamp.check_holds(header.size + header.data_bytes)  # in all channels, whichever is read
    return _strided(stamp, header, axes, header.size)


def open_npz(origin: Origin) -> Channels:
    """Open the array of an nnU-Net ``.npz`` file; only headers are read.

    Parameters
    ----------
    origin : Origin
        The file.

    Returns
    -------
    Channels
        Of the (C, Z, Y, X) array named by one of `NNUNET_ARRAYS`. An array that is stored as it
        is, is read from its place; a compressed one is decoded at the first read, and the channel
        is kept.

    Raises
    ------
    VolumeError
        If it is no such file, is damaged, or has no such array.
    """
    stamp = FileStamp.of(origin)
    try:
        with open_zip(origin.path) as archive:
            member = _member(origin, archive)
            with archive.open(member) as stream:
                header = read_header(origin, stream)
    except NotImplementedError as error:
        raise origin.error(str(error), "an array stored plainly or deflated") from error
    except VolumeError:
        raise
    except _DAMAGE as error:
        raise origin.error(f"a damaged .npz file ({error})", "a readable one") from error
    axes = _nnunet_axes(origin, header)
    if header.size + header.data_bytes != member.file_size:
        raise origin.error(
            f"{member.file_size} bytes in member {member.filename}",
            f"{header.size + header.data_bytes} for an array of shape {header.shape}",
        )
    if member.compress_type == zipfile.ZIP_STORED:
        return _strided(stamp, header, axes, _data_start(stamp, member) + header.size)

    def deflated(channel: int) -> VolumeReader:
        return _deflated(stamp, member.filename, header, axes, channel)

    return Channels(axes.channels, deflated)


def _deflated(
    stamp: FileStamp, member: str, header: NpyHeader, axes: StoredAxes, channel: int
) -> DecodedReader:
    """Return one channel of a compressed array."""
    held = 0 if _is_one_piece(header, axes) else header.data_bytes

    def decode() -> np.ndarray:
        """Decode the member to its end, so that its checksum is verified."""
        origin = stamp.origin
        try:
            with open_zip(origin.path) as archive, archive.open(member) as stream:
                skip(stream, header.size)
                voxels = _read_channel(stream, header, axes, channel)
                while stream.read(_COPY_BYTES):
                    pass
        except _DAMAGE as error:
            raise origin.error(
                f"damaged data in member {member} ({error})", "a whole array"
            ) from error
        return voxels

    return DecodedReader(stamp, axes.shape, header.dtype, decode, held)


def _is_one_piece(header: NpyHeader, axes: StoredAxes) -> bool:
    """Return True if the voxels of a channel follow each other, z first."""
    leading = (1, *header.shape)[: (axes.channel or 0) + 1]
    return not header.fortran_order and math.prod(leading) == 1


def _read_channel(
    stream: IO[bytes], header: NpyHeader, axes: StoredAxes, channel: int
) -> np.ndarray:
    """Return a channel, in the byte order of the file."""
    if not _is_one_piece(header, axes):
        order = -1 if header.fortran_order else 1
        everything = np.empty(header.shape[::order], header.dtype)
        fill(stream, everything)
        array = everything.T if header.fortran_order else everything
        z, y, x = (slice(0, size, 1) for size in axes.shape)
        chosen = array[axes.index(channel, (z, y, x))]
        return np.ascontiguousarray(chosen).reshape(axes.shape)
    voxels = np.empty(axes.shape, header.dtype)
    skip(stream, channel * voxels.nbytes)
    fill(stream, voxels)
    return voxels


def _member(origin: Origin, archive: zipfile.ZipFile) -> zipfile.ZipInfo:
    """Return the member with the array, checked to be readable without surprises."""
    names = [info.filename for info in archive.infolist()]
    wanted = [f"{array}.npy" for array in NNUNET_ARRAYS]
    name = next((one for one in wanted if one in names), None)
    if name is None or names.count(name) != 1:
        count = 0 if name is None else names.count(name)
        shown = ", ".join(sorted(set(names))[:10]) or "nothing"
        raise origin.error(
            f"{count} arrays {name or wanted[0]} among {shown}", f"one array {' or '.join(wanted)}"
        )
    member = archive.getinfo(name)
    if member.flag_bits & 1:
        raise origin.error("an encrypted member", "a plain .npz file")
    if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise origin.error(
            f"zip compression method {member.compress_type}", "an array stored plainly or deflated"
        )
    return member


def _nnunet_axes(origin: Origin, header: NpyHeader) -> StoredAxes:
    """Return the axes of nnU-Net's array, whose channels always come first."""
    if len(header.shape) < len(_NNUNET_AXES):
        raise origin.error(
            f"an array of shape {header.shape}", f"four axes, ({', '.join(_NNUNET_AXES)})"
        )
    # The names have no effect on an array with more axes, of size 1, around the four.
    return find_axes(origin, header.shape, _NNUNET_AXES)


def _strided(stamp: FileStamp, header: NpyHeader, axes: StoredAxes, start: int) -> Channels:
    """Return the channels of an array that is stored as it is, from a place in the file."""

    def strided(channel: int) -> VolumeReader:
        offset, strides = axes.strided(header.strides, channel)
        return StridedReader(stamp, header.dtype, axes.shape, start + offset, strides)

    return Channels(axes.channels, strided)


def _data_start(stamp: FileStamp, member: zipfile.ZipInfo) -> int:
    """Return the place of a stored member's first byte."""
    with open_regular(stamp.origin.path) as stream:
        try:
            return data_start(stream, member)
        except ZipFault as fault:
            raise stamp.origin.error(f"a damaged .npz file ({fault})", "a readable one") from fault


def read_header(origin: Origin, stream: IO[bytes]) -> NpyHeader:
    """Read the header of an array of numbers, refusing headers that are long or odd."""
    try:
        version = npy_format.read_magic(stream)
        length_format = "<H" if version == (1, 0) else "<I"
        length_bytes = stream.read(struct.calcsize(length_format))
        (length,) = struct.unpack(length_format, length_bytes)
        if version not in ((1, 0), (2, 0)) or length > MAX_HEADER_BYTES:
            raise origin.error(
                f"a header of version {version} and {length} bytes",
                f"version (1, 0) or (2, 0) and at most {MAX_HEADER_BYTES} bytes",
            )
        text = stream.read(length)
        parse = (
            npy_format.read_array_header_1_0
            if version == (1, 0)
            else npy_format.read_array_header_2_0
        )
        shape, fortran_order, dtype = parse(io.BytesIO(length_bytes + text))
    except VolumeError:
        raise
    except (*_DAMAGE, *_NO_LITERAL) as error:
        found = f"no readable NumPy header ({error})"
        raise origin.error(found, "a NumPy array", "not-numpy") from error
    if dtype.hasobject or dtype.kind not in "biuf":
        raise origin.error(f"elements of type {dtype}", "integers or real numbers")
    if any(isinstance(size, bool) or size < 0 for size in shape):
        raise origin.error(f"shape {shape}", "integers that are not negative")
    size = npy_format.MAGIC_LEN + len(length_bytes) + len(text)
    return NpyHeader(shape, fortran_order, dtype, size)
