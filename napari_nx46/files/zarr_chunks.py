"""Chunks of Zarr arrays: from the bytes of a file to numbers, by the codecs of the metadata.

A `ChunkFormat` is made of the metadata alone. It knows how many bytes a chunk has at each step of
its encoding, so that a file that is longer is not read, and one that unpacks to more is refused.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Literal, Protocol

import numpy as np

from napari_nx46.files.zarr_codecs import (
    ARRAY_FILTERS,
    ArrayFilter,
    BytesCodec,
    ChunkError,
    CodecError,
    Configuration,
    Size,
    bytes_codec,
)

Index = tuple[slice, ...]
"""For each axis start and stop within an array, and an ascending step."""

_OLD_VERSION = 2
_NO_CHUNK = 2**64 - 1
_INDEX_ITEM = 16
_CHECKSUM_BYTES = 4
_MOST_CODECS = 16
_MOST_NESTED_SHARDS = 2


class Extent(Protocol):
    """Bytes that are read in parts."""

    @property
    def size(self) -> int:
        """How many there are."""
        ...

    def read(self, start: int, count: int) -> bytes:
        """Return so many bytes; raise `ChunkError` if they are not there any more."""
        ...


@dataclass(frozen=True)
class _Part:
    """A part of an extent."""

    whole: Extent
    start: int
    size: int

    def read(self, start: int, count: int) -> bytes:
        """Return bytes of the part."""
        return self.whole.read(self.start + start, count)


@dataclass(frozen=True)
class _Held:
    """Bytes in memory."""

    content: bytes

    @property
    def size(self) -> int:
        """How many there are."""
        return len(self.content)

    def read(self, start: int, count: int) -> bytes:
        """Return some of them."""
        return self.content[start : start + count]


class _Numbers(Protocol):
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


class _Plain:
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
    _transforms: tuple[_Transform, ...]
    _numbers: _Numbers
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
            extent = _Held(content)
        if not self._transforms:
            return self._numbers.read(extent, index)
        held = self._transforms[-1].shape
        numbers = self._numbers.read(extent, tuple(slice(0, size, 1) for size in held))
        for transform in reversed(self._transforms):
            numbers = transform.decode(numbers)
        return numbers[index]


class _Transform(Protocol):
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


class _Transpose:
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


class _Filtered:
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


class _FilterOfBytes:
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


class _Shard:
    """Chunks in one file, with a table of where each of them lies."""

    def __init__(
        self,
        configuration: Configuration,
        shape: tuple[int, ...],
        dtype: np.dtype,
        fill: np.ndarray,
        depth: int,
    ) -> None:
        if depth > _MOST_NESTED_SHARDS:
            raise CodecError(f"shards in shards, {depth} deep")
        self._chunk = _shape_of(configuration.get("chunk_shape"), len(shape))
        if any(size % part for size, part in zip(shape, self._chunk, strict=True)):
            raise CodecError(f"chunks of shape {self._chunk} in shards of shape {shape}")
        self._grid = tuple(size // part for size, part in zip(shape, self._chunk, strict=True))
        self._fill = fill
        self._dtype = dtype
        self._format = _format_3(configuration.get("codecs"), self._chunk, dtype, fill, depth)
        self._order, self._checked = _index_codecs(configuration.get("index_codecs"))
        location = configuration.get("index_location", "end")
        if location not in ("start", "end"):
            raise CodecError(f"codec sharding_indexed with index_location {location!r:.40}")
        self._at_start = location == "start"
        self._own_table = _INDEX_ITEM * math.prod(self._grid)
        self._own_table += _CHECKSUM_BYTES if self._checked else 0
        self.table_bytes = max(self._own_table, self._format.table_bytes)
        self.piece = self._format.piece
        # Of chunks that are stored twice, only the newer copy may be in use.
        chunks = math.prod(self._grid) * self._format.encoded.most
        self.encoded = Size(2 * chunks + self._own_table, exact=False)

    def read(self, extent: Extent, index: Index) -> np.ndarray:
        """Return a part of the numbers."""
        starts, sizes = self._table(extent)
        out = np.full(tuple(len(_range(part)) for part in index), self._fill, self._dtype)
        for place, source, target in pieces(index, self._chunk):
            start, size = int(starts[place]), int(sizes[place])
            if (start, size) == (_NO_CHUNK, _NO_CHUNK):
                continue
            if start + size > extent.size:
                raise ChunkError(f"a chunk of the shard at {start} of {size} bytes")
            out[target] = self._format.read(_Part(extent, start, size), source)
        return out

    def _table(self, extent: Extent) -> tuple[np.ndarray, np.ndarray]:
        """Return where the chunks start, and their sizes."""
        if extent.size < self._own_table:
            raise ChunkError(f"{extent.size} bytes, expected a table of {self._own_table}")
        start = 0 if self._at_start else extent.size - self._own_table
        table = extent.read(start, self._own_table)
        if self._checked is not None:
            table = self._checked.decode(table, Size(len(table) - _CHECKSUM_BYTES))
        numbers = np.frombuffer(table, self._order + "u8").reshape(*self._grid, 2)
        return numbers[..., 0], numbers[..., 1]


def pieces(index: Index, chunk: tuple[int, ...]) -> Iterator[tuple[tuple[int, ...], Index, Index]]:
    """Yield what each chunk of a regular grid has of a part of an array.

    Parameters
    ----------
    index : tuple of slice
        The part, not empty.
    chunk : tuple of int
        Shape of the chunks.

    Yields
    ------
    place : tuple of int
        Which chunk.
    source, target : tuple of slice
        Where the piece lies in the chunk, and where in the part.
    """
    along = [list(_along(part, size)) for part, size in zip(index, chunk, strict=True)]
    for crossing in product(*along):
        places, sources, targets = zip(*crossing, strict=True)
        yield places, sources, targets


def _along(part: slice, size: int) -> Iterator[tuple[int, slice, slice]]:
    """Yield what each chunk along one axis has of a part of it."""
    positions = _range(part)
    done = 0
    while done < len(positions):
        place = positions[done] // size
        first = positions[done] - place * size
        count = min(-(-(size - first) // positions.step), len(positions) - done)
        source = slice(first, first + (count - 1) * positions.step + 1, positions.step)
        yield place, source, slice(done, done + count)
        done += count


def _range(part: slice) -> range:
    """Return the positions of a slice."""
    return range(part.start, part.stop, part.step or 1)


# ---- from metadata -------------------------------------------------------------------------


def chunk_format(
    metadata: Mapping[str, object],
    shape: tuple[int, ...],
    dtype: np.dtype,
    fill: np.ndarray,
) -> ChunkFormat:
    """Return how the chunks, or shards, of an array are encoded.

    Parameters
    ----------
    metadata : mapping
        Of the array, as Zarr's own classes give them, of version 2 or 3.
    shape : tuple of int
        Of a chunk, or of a shard.
    dtype : numpy.dtype
        Type of the numbers; of version 2 with the byte order of the metadata.
    fill : numpy.ndarray
        What stands where there is no chunk, without axes.

    Raises
    ------
    CodecError
        If there is a codec that is not read, or in a way that it cannot be.
    """
    if metadata.get("zarr_format") == _OLD_VERSION:
        return _format_2(metadata, shape, dtype)
    return _format_3(metadata.get("codecs"), shape, dtype.newbyteorder("="), fill, 0)


def _format_2(
    metadata: Mapping[str, object], shape: tuple[int, ...], dtype: np.dtype
) -> ChunkFormat:
    """Return how the chunks of an array of version 2 are encoded."""
    numbers = _Plain(shape, dtype, str(metadata.get("order", "C")))
    size = numbers.encoded
    steps: list[tuple[BytesCodec, Size]] = []
    filters = metadata.get("filters") or ()
    compressor = metadata.get("compressor")
    described = [*_listed(filters), *([] if compressor is None else [compressor])]
    for entry in described:
        name, configuration = _named(entry, "id")
        codec: BytesCodec | None
        if name in ARRAY_FILTERS:
            codec = _FilterOfBytes(ArrayFilter(name, configuration, dtype), size)
        else:
            codec = bytes_codec(name, configuration, dtype.itemsize)
        if codec is None:
            raise _unknown(name)
        steps.append((codec, size))
        size = codec.encoded(size)
    return ChunkFormat(shape, dtype.newbyteorder("="), (), numbers, tuple(steps))


def _format_3(
    codecs: object, shape: tuple[int, ...], dtype: np.dtype, fill: np.ndarray, depth: int
) -> ChunkFormat:
    """Return how the chunks of an array of version 3, or those in its shards, are encoded."""
    transforms: list[_Transform] = []
    numbers: _Numbers | None = None
    steps: list[tuple[BytesCodec, Size]] = []
    held_shape, held_dtype = shape, dtype
    size = Size(0)
    for entry in _listed(codecs):
        name, configuration = _named(entry, "name")
        if numbers is not None:
            codec = bytes_codec(name, configuration, held_dtype.itemsize)
            if codec is None:
                raise _unknown(name)
            steps.append((codec, size))
            size = codec.encoded(size)
            continue
        if name == "bytes":
            numbers = _Plain(held_shape, held_dtype.newbyteorder(_byte_order(configuration)))
        elif name == "sharding_indexed":
            numbers = _Shard(configuration, held_shape, held_dtype, fill, depth + 1)
        else:
            transform = _transform(name, configuration, held_shape, held_dtype)
            transforms.append(transform)
            held_shape, held_dtype = transform.shape, transform.dtype
        if numbers is not None:
            size = numbers.encoded
    if numbers is None:
        raise CodecError("no codec that makes bytes of numbers")
    return ChunkFormat(shape, dtype, tuple(transforms), numbers, tuple(steps))


def _transform(
    name: str, configuration: Configuration, shape: tuple[int, ...], dtype: np.dtype
) -> _Transform:
    """Return a codec that makes an array of an array."""
    if name == "transpose":
        order = configuration.get("order")
        if not isinstance(order, list | tuple) or not all(type(axis) is int for axis in order):
            raise CodecError(f"codec transpose with order {order!r:.60}")
        return _Transpose(order, shape, dtype)
    if name in ARRAY_FILTERS:
        return _Filtered(ArrayFilter(name, configuration, dtype), shape)
    raise _unknown(name)


def _index_codecs(described: object) -> tuple[str, BytesCodec | None]:
    """Return the byte order of the table of a shard, and its checksum if it has one."""
    named = [_named(entry, "name") for entry in _listed(described)]
    names = [name for name, _ in named]
    if names not in (["bytes"], ["bytes", "crc32c"]):
        raise CodecError(f"codecs {', '.join(names)} of the table of a shard")
    checksum = bytes_codec("crc32c", {}, 8) if len(names) > 1 else None
    return _byte_order(named[0][1]), checksum


def _byte_order(configuration: Configuration) -> Literal["<", ">"]:
    """Return NumPy's sign of the byte order that a codec ``bytes`` writes."""
    endian = getattr(configuration.get("endian"), "value", configuration.get("endian"))
    if endian not in ("little", "big", None):
        raise CodecError(f"codec bytes with endian {endian!r:.40}")
    return ">" if endian == "big" else "<"


def _listed(described: object) -> Sequence[object]:
    """Return the codecs that metadata list, which are few."""
    if not isinstance(described, list | tuple):
        raise CodecError(f"{described!r:.60} where codecs are listed")
    if len(described) > _MOST_CODECS:
        raise CodecError(f"{len(described)} codecs, at most {_MOST_CODECS} are read")
    return described


def _named(entry: object, key: str) -> tuple[str, Configuration]:
    """Return the name of a codec, without where it comes from, and its configuration."""
    if isinstance(entry, str):
        return entry.removeprefix("numcodecs."), {}
    if not isinstance(entry, Mapping):
        raise CodecError(f"{entry!r:.60} where a codec is described")
    name = str(entry.get(key)).removeprefix("numcodecs.")
    if key == "id":
        return name, {field: value for field, value in entry.items() if field != key}
    configuration = entry.get("configuration")
    return name, configuration if isinstance(configuration, Mapping) else {}


def _shape_of(described: object, axes: int) -> tuple[int, ...]:
    """Return the shape of the chunks in a shard."""
    sizes = tuple(described) if isinstance(described, list | tuple) else ()
    if len(sizes) != axes or not all(isinstance(size, int) and size > 0 for size in sizes):
        raise CodecError(f"chunks of shape {described!r:.60} in a shard")
    return sizes


def _unknown(name: str) -> CodecError:
    """Return the error of a codec that is not read."""
    return CodecError(f"codec {name:.60}")
