"""How the chunks of a Zarr array are encoded, from the metadata of version 2 or 3."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

import numpy as np

from napari_nx46.files.stores.extents import Size
from napari_nx46.files.volumes.zarr.chunks import (
    ChunkFormat,
    Filtered,
    FilterOfBytes,
    Numbers,
    Plain,
    Shard,
    TableFormat,
    Transform,
    Transpose,
)
from napari_nx46.files.volumes.zarr.codecs import (
    ARRAY_FILTERS,
    ArrayFilter,
    BytesCodec,
    CodecError,
    Configuration,
    bytes_codec,
)

_OLD_VERSION = 2
_MOST_CODECS = 16
_MOST_NESTED_SHARDS = 2


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
    numbers = Plain(shape, dtype, str(metadata.get("order", "C")))
    size = numbers.encoded
    steps: list[tuple[BytesCodec, Size]] = []
    filters = metadata.get("filters") or ()
    compressor = metadata.get("compressor")
    described = [*_listed(filters), *([] if compressor is None else [compressor])]
    for entry in described:
        name, configuration = _named(entry, "id")
        codec: BytesCodec | None
        if name in ARRAY_FILTERS:
            codec = FilterOfBytes(ArrayFilter(name, configuration, dtype), size)
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
    transforms: list[Transform] = []
    numbers: Numbers | None = None
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
            numbers = Plain(held_shape, held_dtype.newbyteorder(_byte_order(configuration)))
        elif name == "sharding_indexed":
            numbers = _shard(configuration, held_shape, held_dtype, fill, depth + 1)
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
) -> Transform:
    """Return a codec that makes an array of an array."""
    if name == "transpose":
        order = configuration.get("order")
        if not isinstance(order, list | tuple) or not all(type(axis) is int for axis in order):
            raise CodecError(f"codec transpose with order {order!r:.60}")
        return Transpose(order, shape, dtype)
    if name in ARRAY_FILTERS:
        return Filtered(ArrayFilter(name, configuration, dtype), shape)
    raise _unknown(name)


def _shard(
    configuration: Configuration,
    shape: tuple[int, ...],
    dtype: np.dtype,
    fill: np.ndarray,
    depth: int,
) -> Shard:
    """Return how the chunks of a shard are encoded."""
    if depth > _MOST_NESTED_SHARDS:
        raise CodecError(f"shards in shards, {depth} deep")
    chunk_shape = _shape_of(configuration.get("chunk_shape"), len(shape))
    chunk = _format_3(configuration.get("codecs"), chunk_shape, dtype, fill, depth)
    return Shard(shape, chunk, fill, _table_format(configuration))


def _table_format(configuration: Configuration) -> TableFormat:
    """Return how the table of a shard is written."""
    named = [_named(entry, "name") for entry in _listed(configuration.get("index_codecs"))]
    names = [name for name, _ in named]
    if names not in (["bytes"], ["bytes", "crc32c"]):
        raise CodecError(f"codecs {', '.join(names)} of the table of a shard")
    checksum = bytes_codec("crc32c", {}, 8) if len(names) > 1 else None
    location = configuration.get("index_location", "end")
    if location not in ("start", "end"):
        raise CodecError(f"codec sharding_indexed with index_location {location!r:.40}")
    return TableFormat(_byte_order(named[0][1]), checksum, location == "start")


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
