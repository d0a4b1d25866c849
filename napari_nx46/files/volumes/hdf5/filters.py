"""The filters of HDF5 chunks, as the codecs of Zarr chunks, whose sizes are bounded."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from napari_nx46.files.naming import printable
from napari_nx46.files.stores.extents import Size
from napari_nx46.files.volumes.zarr.chunks import ChunkFormat, Plain
from napari_nx46.files.volumes.zarr.codecs import BytesCodec, CodecError, bytes_codec

__all__ = ["CodecError", "Filter", "chunk_format"]

_CODECS = {1: "zlib", 2: "shuffle", 3: "fletcher32", 32001: "blosc", 32015: "zstd"}
_LZF = 32000


@dataclass(frozen=True, slots=True)
class Filter:
    """A step of the encoding of chunks.

    Attributes
    ----------
    number : int
        As registered with the HDF Group.
    name : str
        As the file gives it.
    """

    number: int
    name: str

    @classmethod
    def of(cls, described: tuple[int, int, tuple[int, ...], bytes]) -> Filter:
        """Return a filter as h5py describes it."""
        return cls(described[0], described[3].decode("utf-8", "replace"))


@dataclass(frozen=True)
class _Lzf:
    """LZF, which h5py brings: one block of known size."""

    def encoded(self, decoded: Size) -> Size:
        """Return the size of what the codec makes of that much."""
        return decoded.compressed()

    def decode(self, encoded: bytes, decoded: Size) -> bytes:
        """Return the content; see `BytesCodec.decode`."""
        import imagecodecs

        content = bytes(imagecodecs.lzf_decode(encoded, out=max(decoded.most, 1)))
        decoded.check(len(content))
        return content


def chunk_format(
    shape: tuple[int, ...], dtype: np.dtype, filters: tuple[Filter, ...], skipped: int
) -> ChunkFormat:
    """Return how a chunk is encoded.

    Parameters
    ----------
    shape : tuple of int
        Of a chunk.
    dtype : numpy.dtype
        Of the numbers, with its byte order.
    filters : tuple of Filter
        In the order in which they were applied.
    skipped : int
        A bit for each filter that was not.

    Raises
    ------
    CodecError
        If a filter is not read; the message names it.
    """
    numbers = Plain(shape, dtype)
    size = numbers.encoded
    steps: list[tuple[BytesCodec, Size]] = []
    for place, one in enumerate(filters):
        if skipped >> place & 1:
            continue
        known = _CODECS.get(one.number)
        codec = _Lzf() if one.number == _LZF else bytes_codec(known or "", {}, dtype.itemsize)
        if codec is None:
            raise CodecError(f"filter {one.number} ({printable(one.name)})")
        steps.append((codec, size))
        size = codec.encoded(size)
    return ChunkFormat(shape, dtype.newbyteorder("="), (), numbers, tuple(steps))
