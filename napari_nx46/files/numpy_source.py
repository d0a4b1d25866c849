"""NumPy's ``.npy`` and nnU-Net's ``.npz`` files as voxels. No pickle is ever loaded."""

from __future__ import annotations

import io
import math
import struct
import threading
import tokenize
import zipfile
import zlib
from dataclasses import dataclass
from typing import IO

import numpy as np
from numpy.lib import format as npy_format

from napari_nx46.files.indexing import Box, Shape3D
from napari_nx46.files.origin import (
    MAX_DECODED_BYTES,
    FileStamp,
    Origin,
    VolumeError,
    check_shape,
)
from napari_nx46.files.sources import MappedSource, VoxelSource
from napari_nx46.regular_files import open_regular

NNUNET_ARRAY = "probabilities"
"""Name of the array in an nnU-Net ``.npz`` file."""

MAX_HEADER_BYTES = 2**16
_NNUNET_AXES = ("C", "Z", "Y", "X")
_COPY_BYTES = 2**20
_LOCAL_HEADER = struct.Struct("<4s22xHH")
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


def open_npy(origin: Origin) -> VoxelSource:
    """Open a ``.npy`` file as voxels; only its header is read.

    Parameters
    ----------
    origin : Origin
        The file.

    Returns
    -------
    VoxelSource
        Its array, mapped into memory.

    Raises
    ------
    VolumeError
        If it is not NumPy's format, is truncated, or has not three axes of numbers.
    """
    stamp = FileStamp.of(origin)
    try:
        with open_regular(origin.path) as stream:
            header = _read_header(origin, stream)
    except OSError as error:
        raise origin.error(error.strerror or str(error), "a readable file") from error
    shape = check_shape(origin, header.shape)
    z, y, x = header.strides
    return MappedSource(stamp, header.dtype, shape, header.size, (z, y, x))


def open_npz(origin: Origin, channel: int) -> VoxelSource:
    """Open the array ``probabilities`` of an nnU-Net ``.npz`` file; only headers are read.

    Parameters
    ----------
    origin : Origin
        The file.
    channel : int
        Which of the C channels of the (C, Z, Y, X) array; negative ones count from the last.

    Returns
    -------
    VoxelSource
        The channel. An array that is stored as it is, is mapped into memory; a compressed one is
        decoded at the first read, and the channel is kept.

    Raises
    ------
    VolumeError
        If it is no such file, is damaged, or has no such array or channel.
    """
    stamp = FileStamp.of(origin)
    try:
        with open_regular(origin.path) as file, zipfile.ZipFile(file) as archive:
            member = _member(origin, archive)
            with archive.open(member) as stream:
                header = _read_header(origin, stream)
    except NotImplementedError as error:
        raise origin.error(str(error), "an array stored plainly or deflated") from error
    except VolumeError:
        raise
    except _DAMAGE as error:
        raise origin.error(f"a damaged .npz file ({error})", "a readable one") from error
    shape, chosen = _channel(origin, header, channel)
    if header.size + header.data_bytes != member.file_size:
        raise origin.error(
            f"{member.file_size} bytes in member {member.filename}",
            f"{header.size + header.data_bytes} for an array of shape {header.shape}",
        )
    if member.compress_type == zipfile.ZIP_STORED:
        start = _data_start(stamp, member) + header.size
        c, z, y, x = header.strides
        return MappedSource(stamp, header.dtype, shape, start + chosen * c, (z, y, x))
    return DeflatedChannel(stamp, member.filename, header, shape, chosen)


class DeflatedChannel:
    """One channel of a compressed array, decoded at the first read and kept until released.

    Parameters
    ----------
    stamp : FileStamp
        The ``.npz`` file.
    member : str
        Name of the array's member.
    header : NpyHeader
        Header of the (C, Z, Y, X) array.
    shape : tuple of int
        Shape of the channel, (Z, Y, X).
    channel : int
        The channel, counted from 0.
    """

    def __init__(
        self, stamp: FileStamp, member: str, header: NpyHeader, shape: Shape3D, channel: int
    ) -> None:
        self.shape = shape
        self.dtype = header.dtype.newbyteorder("=")
        self._stamp = stamp
        self._member = member
        self._header = header
        self._channel = channel
        self._voxels: np.ndarray | None = None
        self._lock = threading.Lock()
        held = header.data_bytes if header.fortran_order else math.prod(shape) * self.dtype.itemsize
        if held > MAX_DECODED_BYTES:
            raise stamp.origin.error(
                f"a compressed array that needs {held} bytes of memory",
                f"at most {MAX_DECODED_BYTES}; store it uncompressed, or as Zarr",
            )

    def read_box(self, box: Box) -> np.ndarray:
        """Read a box; see `VoxelSource.read_box`."""
        self._stamp.check()
        with self._lock:
            if self._voxels is None:
                self._voxels = self._decode()
            voxels = self._voxels
        return voxels[box].copy()

    def release(self) -> None:
        """Forget the decoded channel."""
        with self._lock:
            self._voxels = None

    def _decode(self) -> np.ndarray:
        """Decode the member to its end, so that its checksum is verified, and keep the channel."""
        origin = self._stamp.origin
        try:
            with (
                open_regular(origin.path) as file,
                zipfile.ZipFile(file) as archive,
                archive.open(self._member) as stream,
            ):
                _skip(stream, self._header.size)
                voxels = self._read_channel(stream)
                while stream.read(_COPY_BYTES):
                    pass
        except _DAMAGE as error:
            raise origin.error(
                f"damaged data in member {self._member} ({error})", "a whole array"
            ) from error
        return voxels.astype(self.dtype, order="C", copy=False)

    def _read_channel(self, stream: IO[bytes]) -> np.ndarray:
        """Return the channel, in the byte order of the file."""
        header = self._header
        if header.fortran_order:
            everything = np.empty(header.shape[::-1], header.dtype)
            _fill(stream, everything)
            return np.ascontiguousarray(everything.T[self._channel])
        voxels = np.empty(self.shape, header.dtype)
        _skip(stream, self._channel * voxels.nbytes)
        _fill(stream, voxels)
        return voxels


def _member(origin: Origin, archive: zipfile.ZipFile) -> zipfile.ZipInfo:
    """Return the member with the array, checked to be readable without surprises."""
    name = f"{NNUNET_ARRAY}.npy"
    members = [info for info in archive.infolist() if info.filename == name]
    if len(members) != 1:
        names = sorted({info.filename for info in archive.infolist()})
        shown = ", ".join(names[:10]) or "nothing"
        raise origin.error(f"{len(members)} arrays {name} among {shown}", f"one array {name}")
    member = members[0]
    if member.flag_bits & 1:
        raise origin.error("an encrypted member", "a plain .npz file")
    if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise origin.error(
            f"zip compression method {member.compress_type}", "an array stored plainly or deflated"
        )
    return member


def _channel(origin: Origin, header: NpyHeader, channel: int) -> tuple[Shape3D, int]:
    """Return the shape of a channel of the array, and its number counted from 0."""
    if len(header.shape) != len(_NNUNET_AXES):
        raise origin.error(
            f"an array {NNUNET_ARRAY} of shape {header.shape}",
            f"four axes, ({', '.join(_NNUNET_AXES)})",
        )
    shape = check_shape(origin, header.shape[1:])
    return shape, check_channel(origin, channel, header.shape[0])


def check_channel(origin: Origin, channel: int, channels: int) -> int:
    """Check that there is a channel, and count it from 0.

    Parameters
    ----------
    origin : Origin
        The file, for the message.
    channel : int
        The channel; negative ones count from the last.
    channels : int
        How many there are.

    Returns
    -------
    int
        The channel, counted from 0.

    Raises
    ------
    VolumeError
        If there is no such channel.
    """
    if not -channels <= channel < channels:
        raise origin.error(f"{channels} channel(s)", f"one with the number {channel}")
    return channel % channels


def _data_start(stamp: FileStamp, member: zipfile.ZipInfo) -> int:
    """Return the place of a stored member's first byte."""
    with open_regular(stamp.origin.path) as stream:
        stream.seek(member.header_offset)
        header = stream.read(_LOCAL_HEADER.size)
    if len(header) < _LOCAL_HEADER.size or not header.startswith(b"PK\3\4"):
        raise stamp.origin.error("a damaged .npz file (no local header)", "a readable one")
    _, name_size, extra_size = _LOCAL_HEADER.unpack(header)
    start: int = member.header_offset + _LOCAL_HEADER.size + name_size + extra_size
    return start


def _read_header(origin: Origin, stream: IO[bytes]) -> NpyHeader:
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
        raise origin.error(f"no readable NumPy header ({error})", "a NumPy array") from error
    if dtype.hasobject or dtype.kind not in "biuf":
        raise origin.error(f"elements of type {dtype}", "integers or real numbers")
    if any(size < 0 for size in shape):
        raise origin.error(f"shape {shape}", "sizes that are not negative")
    size = npy_format.MAGIC_LEN + len(length_bytes) + len(text)
    return NpyHeader(shape, fortran_order, dtype, size)


def _skip(stream: IO[bytes], count: int) -> None:
    """Read and drop a number of bytes."""
    while count > 0:
        dropped = len(stream.read(min(count, _COPY_BYTES)))
        if not dropped:
            raise EOFError(f"it ends {count} bytes too early")
        count -= dropped


def _fill(stream: IO[bytes], array: np.ndarray) -> None:
    """Read the elements of a C-contiguous array."""
    view = array.reshape(-1).view(np.uint8)
    filled = 0
    while filled < len(view):
        part = stream.read(min(len(view) - filled, _COPY_BYTES))
        if not part:
            raise EOFError(f"it ends {len(view) - filled} bytes too early")
        view[filled : filled + len(part)] = np.frombuffer(part, np.uint8)
        filled += len(part)
