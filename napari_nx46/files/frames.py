"""Files of a few named arrays, each compressed by itself, so that one is read without the others.

Scratch of work that may be killed: a file appears whole or not at all, and every array has a
checksum. Masks take a bit a voxel.
"""

from __future__ import annotations

import json
import math
import struct
import zlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from napari_nx46.files.regular import open_regular

__all__ = ["FramesError", "encode_frames", "read_frames"]

AnyArray = npt.NDArray[np.generic]

_MAGIC = b"NX46FR1\n"
_LENGTH = struct.Struct("<I")
_MOST_HEADER_BYTES = 1 << 20
_MOST_BYTES = 1 << 33
_BITS = "bits"
_DTYPES = ("uint8", "int32", "uint32", "int64", "uint64", "float32", "float64", "bool")


class FramesError(ValueError):
    """A file of arrays that is damaged, or is none."""


class _Frame(BaseModel):
    """Where an array lies in a file, and what it is."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(max_length=200)
    dtype: str
    shape: tuple[int, ...] = Field(max_length=8)
    start: int = Field(ge=0)
    size: int = Field(ge=0)
    crc: int = Field(ge=0, lt=2**32)

    @property
    def decoded(self) -> int:
        """Bytes of the array as it is packed."""
        count = math.prod(self.shape)
        return -(-count // 8) if self.dtype == _BITS else count * np.dtype(self.dtype).itemsize


_FRAMES = TypeAdapter(tuple[_Frame, ...])


def encode_frames(arrays: Mapping[str, AnyArray], bits: Iterable[str] = ()) -> bytes:
    """Return the content of a file of arrays.

    Parameters
    ----------
    arrays : mapping of str to numpy.ndarray
        Of integers, floats or bools, in native byte order.
    bits : iterable of str
        Names of those that are masks of 0 and 1: they take a bit a voxel.

    Returns
    -------
    bytes
        A function of the arrays alone.

    Examples
    --------
    >>> content = encode_frames({"mask": np.ones((2, 2, 2), np.uint8)}, bits=["mask"])
    """
    import imagecodecs

    packed = frozenset(bits)
    frames: list[_Frame] = []
    parts: list[bytes] = []
    start = 0
    for name, array in arrays.items():
        dtype = _BITS if name in packed else array.dtype.name
        if dtype != _BITS and dtype not in _DTYPES:
            raise ValueError(f"{name}: found {dtype}, expected one of {', '.join(_DTYPES)}")
        flat = np.ascontiguousarray(array).reshape(-1)
        content = (np.packbits(flat.astype(bool, copy=False)) if dtype == _BITS else flat).tobytes()
        encoded = bytes(imagecodecs.zstd_encode(content, level=1)) if content else b""
        frames.append(
            _Frame(
                name=name,
                dtype=dtype,
                shape=array.shape,
                start=start,
                size=len(encoded),
                crc=zlib.crc32(encoded),
            )
        )
        parts.append(encoded)
        start += len(encoded)
    header = json.dumps([frame.model_dump() for frame in frames]).encode()
    return b"".join((_MAGIC, _LENGTH.pack(len(header)), header, *parts))


def read_frames(path: Path, names: Iterable[str] | None = None) -> dict[str, AnyArray]:
    """Read arrays of a file.

    Parameters
    ----------
    path : Path
    names : iterable of str, optional
        Which arrays; by default all.

    Returns
    -------
    dict of str to numpy.ndarray
        Masks as uint8 {0, 1}.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    FramesError
        If the file is damaged or is none of arrays, or has none of a name.
    """
    with open_regular(path) as stream:
        try:
            file = _File.of(stream)
            wanted = file.frames if names is None else names
            return {name: file.read(name) for name in wanted}
        except (ValueError, LookupError, RuntimeError, EOFError, struct.error) as error:
            raise FramesError(f"{path}: damaged scratch ({error}); give --restart") from error


@dataclass(frozen=True, slots=True)
class _File:
    """An open file of arrays."""

    stream: BinaryIO
    frames: Mapping[str, _Frame]
    begin: int

    @classmethod
    def of(cls, stream: BinaryIO) -> _File:
        """Read the header."""
        lead = stream.read(len(_MAGIC) + _LENGTH.size)
        if not lead.startswith(_MAGIC):
            raise ValueError("it does not begin as such a file")
        (length,) = _LENGTH.unpack_from(lead, len(_MAGIC))
        if length > _MOST_HEADER_BYTES:
            raise ValueError(f"a header of {length} bytes")
        header = stream.read(length)
        try:
            frames = _FRAMES.validate_json(header)
        except ValidationError as error:
            raise ValueError("a header that is none") from error
        return cls(stream, {frame.name: frame for frame in frames}, len(lead) + length)

    def read(self, name: str) -> AnyArray:
        """Read and decode an array."""
        import imagecodecs

        if name not in self.frames:
            raise ValueError(f"no array {name}")
        frame = self.frames[name]
        if (frame.dtype != _BITS and frame.dtype not in _DTYPES) or min(frame.shape, default=0) < 0:
            raise ValueError(f"{name} of type {frame.dtype} and shape {frame.shape}")
        decoded = frame.decoded
        if decoded > _MOST_BYTES or frame.size > _MOST_BYTES:
            raise ValueError(f"{name} of shape {frame.shape}")
        if not decoded:
            return np.zeros(frame.shape, np.uint8 if frame.dtype == _BITS else frame.dtype)
        self.stream.seek(self.begin + frame.start)
        encoded = self.stream.read(frame.size)
        if len(encoded) != frame.size or zlib.crc32(encoded) != frame.crc:
            raise ValueError(f"{name} is not what was written")
        content = imagecodecs.zstd_decode(encoded, out=decoded)
        if len(content) != decoded:
            raise ValueError(f"{name} of {len(content)} bytes, expected {decoded}")
        if frame.dtype == _BITS:
            flat = np.unpackbits(np.frombuffer(content, np.uint8), count=math.prod(frame.shape))
        else:
            flat = np.frombuffer(content, frame.dtype)
        return flat.reshape(frame.shape)
