"""Chunks of Zarr arrays: from the bytes of a file to numbers.

A `ChunkFormat` is made of the metadata alone, by `zarr_formats`. It knows how many bytes a chunk
has at each step of its encoding, so that a file that is longer is not read, and one that unpacks to
more is refused.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

import numpy as np

from napari_nx46.files.stores.extents import ChunkError, Extent, Held, Part, Size
from napari_nx46.files.volumes.zarr.codecs import ArrayFilter, BytesCodec, CodecError
from napari_nx46.files.volumes.zarr.pieces import Index, pieces, positions_of

_NO_CHUNK = 2**64 - 1
_INDEX_ITEM = 16
_CHECKSUM_BYTES = 4


class Numbers(Protocol):
    """The codec that makes bytes of the numbers of a chunk."""

    @property
    def encoded(self) -> Size:
        """Bytes that it makes of them."""
        ...

    @property
    def piece(self) -> tuple[int, ...]:
        """Shape of what is decoded in one piece."""
        ...

    @property
    def table_bytes(self) -> int:
        """Bytes of the largest table of a shard; 0 without shards."""
        ...

    def read(self, extent: Extent, index: Index) -> np.ndarray:
        """Return a part of the numbers."""
        ...


class Plain:
    """Numbers one after the other, in C or Fortran order."""

    def __init__(self, shape: tuple[int, ...], stored: np.dtype, order: str = "C") -> None:
        self.shape = shape
        self.piece = shape
        self.encoded = Size(math.prod(shape) * stored.itemsize)
        self.table_bytes = 0
        self._stored = stored
        self._order = order

    def read(self, extent: Extent, index: Index) -> np.ndarray:
        """Return a part of the numbers."""
        self.encoded.check(extent.size)
        content = extent.read(0, extent.size)
        numbers = np.frombuffer(content, self._stored)
        if self._order == "F":
            return numbers.reshape(self.shape[::-1]).T[index]
        return numbers.reshape(self.shape)[index]


@dataclass(frozen=True)
class ChunkFormat:
    """How a chunk is encoded.

    Attributes
    ----------
    shape : tuple of int
        Numbers along each axis.
    dtype : numpy.dtype
        Their type, in native byte order.
    """

    shape: tuple[int, ...]
    dtype: np.dtype
    _transforms: tuple[Transform, ...]
    _numbers: Numbers
    _bytes: tuple[tuple[BytesCodec, Size], ...]

    @property
    def encoded(self) -> Size:
        """Bytes of an encoded chunk."""
        size = self._numbers.encoded
        for codec, _ in self._bytes:
            size = codec.encoded(size)
        return size

    @property
    def piece(self) -> tuple[int, ...]:
        """Shape of the part that is decoded in one piece: of a shard, one of its chunks."""
        whole = self._transforms or self._bytes
        return self.shape if whole else self._numbers.piece

    @property
    def shard(self) -> Shard | None:
        """The shard, if the chunk is one whose own chunks can be read apart."""
        whole = self._transforms or self._bytes
        return self._numbers if isinstance(self._numbers, Shard) and not whole else None

    @property
    def table_bytes(self) -> int:
        """Bytes of the largest table of a shard, which is read in one piece; 0 without shards."""
        return self._numbers.table_bytes

    def read(self, extent: Extent, index: Index) -> np.ndarray:
        """Decode a part of a chunk.

        Parameters
        ----------
        extent : Extent
            The encoded chunk.
        index : tuple of slice
            The part.

        Returns
        -------
        numpy.ndarray
            The numbers.

        Raises
        ------
        ChunkError, ValueError, RuntimeError, OSError, zlib.error, lzma.LZMAError
            If the chunk is damaged.
        """
        self.encoded.check(extent.size)
        if self._bytes:
            content = extent.read(0, extent.size)
            for codec, decoded in reversed(self._bytes):
                content = codec.decode(content, decoded)
            extent = Held(content)
        if not self._transforms:
            return self._numbers.read(extent, index)
        held = self._transforms[-1].shape
        numbers = self._numbers.read(extent, tuple(slice(0, size, 1) for size in held))
        for transform in reversed(self._transforms):
            numbers = transform.decode(numbers)
        return numbers[index]


class Transform(Protocol):
    """A codec that makes an array of an array."""

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of what it makes."""
        ...

    @property
    def dtype(self) -> np.dtype:
        """Type of what it makes."""
        ...

    def decode(self, numbers: np.ndarray) -> np.ndarray:
        """Return the array that it was made of."""
        ...


class Transpose:
    """Axes in another order."""

    def __init__(self, order: Sequence[int], shape: tuple[int, ...], dtype: np.dtype) -> None:
        if sorted(order) != list(range(len(shape))):
            raise CodecError(f"codec transpose with order {order!r:.60}")
        self.shape = tuple(shape[axis] for axis in order)
        self.dtype = dtype
        self._back = tuple(int(axis) for axis in np.argsort(order))

    def decode(self, numbers: np.ndarray) -> np.ndarray:
        """Return the array with its axes as they were."""
        return numbers.transpose(self._back)


class Filtered:
    """Numbers that a filter has changed one for one."""

    def __init__(self, codec: ArrayFilter, shape: tuple[int, ...]) -> None:
        self.dtype = codec.encoded
        count = math.prod(shape)
        self.shape = shape if codec.encoded_count(count) == count else (1 + -(-count // 8),)
        self._decoded_shape = shape
        self._codec = codec

    def decode(self, numbers: np.ndarray) -> np.ndarray:
        """Return the numbers as they were."""
        flat = np.ascontiguousarray(numbers, self._codec.encoded).reshape(-1)
        count = math.prod(self._decoded_shape)
        return self._codec.decode(flat, count).reshape(self._decoded_shape)


class FilterOfBytes:
    """A filter of an array of version 2, which works on bytes whatever their type is."""

    def __init__(self, codec: ArrayFilter, decoded: Size) -> None:
        if not decoded.exact or decoded.most % codec.decoded.itemsize:
            raise CodecError(f"codec {codec.name} on {decoded.most} bytes")
        self._codec = codec
        self._count = decoded.most // codec.decoded.itemsize

    def encoded(self, decoded: Size) -> Size:
        """Return the size of what the filter makes of that much."""
        del decoded  # it is the one that the filter was made for
        return Size(self._codec.encoded_count(self._count) * self._codec.encoded.itemsize)

    def decode(self, encoded: bytes, decoded: Size) -> bytes:
        """Return the content; see `BytesCodec.decode`."""
        numbers = np.frombuffer(encoded, self._codec.encoded)
        content = self._codec.decode(numbers, self._count).tobytes()
        decoded.check(len(content))
        return content


@dataclass(frozen=True, slots=True)
class TableFormat:
    """How the table of a shard is written.

    Attributes
    ----------
    order : str
        NumPy's sign of its byte order.
    checksum : BytesCodec or None
        What checks it.
    at_start : bool
        Whether it is at the start of the shard, not at the end.
    """

    order: Literal["<", ">"]
    checksum: BytesCodec | None
    at_start: bool


class Shard:
    """Chunks in one file, with a table of where each of them lies."""

    def __init__(
        self,
        shape: tuple[int, ...],
        chunk: ChunkFormat,
        fill: np.ndarray,
        table: TableFormat,
    ) -> None:
        if any(size % part for size, part in zip(shape, chunk.shape, strict=True)):
            raise CodecError(f"chunks of shape {chunk.shape} in shards of shape {shape}")
        self._grid = tuple(size // part for size, part in zip(shape, chunk.shape, strict=True))
        self._fill = fill
        self._chunk = chunk
        self._table_format = table
        self._own_table = _INDEX_ITEM * math.prod(self._grid)
        self._own_table += _CHECKSUM_BYTES if table.checksum else 0
        self.table_bytes = max(self._own_table, self._chunk.table_bytes)
        self.piece = self._chunk.piece
        # Of chunks that are stored twice, only the newer copy may be in use.
        chunks = math.prod(self._grid) * self._chunk.encoded.most
        self.encoded = Size(2 * chunks + self._own_table, exact=False)

    @property
    def chunk_shape(self) -> tuple[int, ...]:
        """Shape of the chunks in it."""
        return self._chunk.shape

    @property
    def own_table(self) -> tuple[int, bool]:
        """Bytes of its table, and whether it is at the start, not at the end."""
        return self._own_table, self._table_format.at_start

    def read(self, extent: Extent, index: Index) -> np.ndarray:
        """Return a part of the numbers."""
        self.encoded.check(extent.size)
        table = self.table(extent)
        out = np.full(
            tuple(len(positions_of(part)) for part in index), self._fill, self._chunk.dtype
        )
        for place, source, target in pieces(index, self._chunk.shape):
            found = self.read_chunk(extent, table, place, source)
            if found is not None:
                out[target] = found
        return out

    def read_chunk(
        self, extent: Extent, table: np.ndarray, place: tuple[int, ...], index: Index
    ) -> np.ndarray | None:
        """Return a part of one of its chunks; None if it is not there.

        Parameters
        ----------
        extent : Extent
            The shard.
        table : numpy.ndarray
            Its table.
        place : tuple of int
            Which chunk of the shard.
        index : tuple of slice
            The part.
        """
        start, size = (int(number) for number in table[place])
        if (start, size) == (_NO_CHUNK, _NO_CHUNK):
            return None
        if start + size > extent.size:
            raise ChunkError(f"a chunk of the shard at {start} of {size} bytes")
        return self._chunk.read(Part(extent, start, size), index)

    def table(self, extent: Extent) -> np.ndarray:
        """Return where the chunks of a shard start, and their sizes, along the last axis."""
        if extent.size < self._own_table:
            raise ChunkError(f"{extent.size} bytes, expected a table of {self._own_table}")
        start = 0 if self._table_format.at_start else extent.size - self._own_table
        table = extent.read(start, self._own_table)
        if self._table_format.checksum is not None:
            table = self._table_format.checksum.decode(table, Size(len(table) - _CHECKSUM_BYTES))
        return np.frombuffer(table, self._table_format.order + "u8").reshape(*self._grid, 2)
