"""The codecs of Zarr chunks, each decoded into no more bytes than the chunk can have.

Chunks come from strangers, and their headers say how much memory the decoders take and where they
read. Here the sizes are known beforehand, from the metadata of the array, and what a header says
is checked against them before a decoder sees it. Importing this module imports numcodecs.
"""

from __future__ import annotations

import bz2
import lzma
import struct
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from numbers import Real
from typing import Protocol

import numpy as np
from numcodecs.registry import get_codec

from napari_nx46.files.stores.extents import ChunkError, Size

Configuration = Mapping[str, object]

_CHECKSUM_BYTES = 4
_LARGEST_ITEM = 16
_LZMA_MEMORY = 2**28
_LZMA_FORMATS = (lzma.FORMAT_AUTO, lzma.FORMAT_XZ, lzma.FORMAT_ALONE)
_BLOSC_HEADER = struct.Struct("<4B3I")
_BLOSC_VERSION = 2
_BLOSC_STORED, _BLOSC_RESERVED = 0x02, 0x08
_LZ4_SIZE = struct.Struct("<i")
_ZLIB_BITS, _GZIP_BITS = 15, 31


CHUNK_DAMAGE = (
    ValueError,
    TypeError,
    LookupError,
    ArithmeticError,
    RuntimeError,
    EOFError,
    OSError,
    struct.error,
    zlib.error,
    lzma.LZMAError,
)
"""What codecs raise at damaged bytes."""


class CodecError(ValueError):
    """A codec that is not read, or whose configuration cannot be; the message names it."""


class BytesCodec(Protocol):
    """A codec that makes bytes of bytes."""

    def encoded(self, decoded: Size) -> Size:
        """Return the size of what the codec makes of that much."""
        ...

    def decode(self, encoded: bytes, decoded: Size) -> bytes:
        """Return the content, of the size that it is known to have.

        Raises
        ------
        ChunkError, ValueError, RuntimeError, OSError, zlib.error, lzma.LZMAError
            If the bytes are damaged.
        """
        ...


@dataclass(frozen=True)
class _Compressor:
    """A compressor; `function` decodes, and never into more bytes than it is allowed."""

    function: Callable[[bytes, Size], bytes]

    def encoded(self, decoded: Size) -> Size:
        """Return the size of what the codec makes of that much."""
        return decoded.compressed()

    def decode(self, encoded: bytes, decoded: Size) -> bytes:
        """Return the content; see `BytesCodec.decode`."""
        content = self.function(encoded, decoded)
        decoded.check(len(content))
        return content


@dataclass(frozen=True)
class _Checksum:
    """A codec that adds a checksum of 4 bytes; `function` checks it and takes it off."""

    function: Callable[[bytes], bytes]

    def encoded(self, decoded: Size) -> Size:
        """Return the size of what the codec makes of that much."""
        return Size(decoded.most + _CHECKSUM_BYTES, decoded.exact)

    def decode(self, encoded: bytes, decoded: Size) -> bytes:
        """Return the content; see `BytesCodec.decode`."""
        if len(encoded) < _CHECKSUM_BYTES:
            raise ChunkError(f"{len(encoded)} bytes, expected a checksum of {_CHECKSUM_BYTES}")
        content = self.function(encoded)
        decoded.check(len(content))
        return content


@dataclass(frozen=True)
class _Shuffle:
    """Bytes that are sorted by their place in the numbers."""

    item: int

    def encoded(self, decoded: Size) -> Size:
        """Return the size of what the codec makes of that much."""
        return decoded

    def decode(self, encoded: bytes, decoded: Size) -> bytes:
        """Return the content; see `BytesCodec.decode`."""
        decoded.check(len(encoded))
        if len(encoded) % self.item:
            raise ChunkError(f"{len(encoded)} bytes, expected a multiple of {self.item}")
        return np.frombuffer(encoded, np.uint8).reshape(self.item, -1).T.tobytes()


def bytes_codec(name: str, configuration: Configuration, item: int) -> BytesCodec | None:
    """Return a codec that makes bytes of bytes.

    Parameters
    ----------
    name : str
        Its name, without ``numcodecs.`` before it.
    configuration : mapping
        What the metadata say of it.
    item : int
        Bytes of a number.

    Returns
    -------
    BytesCodec or None
        None if there is none of that name that is read.

    Raises
    ------
    CodecError
        If the configuration cannot be read.
    """
    if name in _COMPRESSORS:
        return _Compressor(_COMPRESSORS[name])
    if name == "lzma":
        return _Compressor(_lzma_decoder(configuration))
    if name == "shuffle":
        given = configuration.get("elementsize")
        size = item if given is None else given
        if not isinstance(size, int) or not 1 <= size <= 2**16:
            raise CodecError(f"codec shuffle with elementsize {size!r:.40}")
        return _Shuffle(size)
    if name in ("crc32", "crc32c", "adler32", "fletcher32"):
        return _Checksum(_checksum_decoder(name, configuration))
    return None


class ArrayFilter:
    """A codec that makes other numbers of the numbers of a chunk, one for one.

    Parameters
    ----------
    name : str
        Its name, one of `ARRAY_FILTERS`.
    configuration : mapping
        What the metadata say of it.
    dtype : numpy.dtype
        Type of the numbers, if the configuration does not say it.

    Raises
    ------
    CodecError
        If the configuration cannot be read.
    """

    def __init__(self, name: str, configuration: Configuration, dtype: np.dtype) -> None:
        decoded, encoded = ARRAY_FILTERS[name]
        self.name = name
        self.decoded = _number_type(name, configuration.get(decoded, dtype))
        self.encoded = _number_type(name, configuration.get(encoded) or self.decoded)
        if name == "packbits":
            self.decoded, self.encoded = np.dtype(bool), np.dtype(np.uint8)
        numbers = {key: configuration[key] for key in ("scale", "offset") if key in configuration}
        if not all(isinstance(number, Real) for number in numbers.values()):
            raise CodecError(f"codec {name} with {numbers!r:.60}")
        given: dict[str, object] = {"id": name, **configuration}
        if decoded:
            given[decoded] = self.decoded.str
        try:
            self._codec = None if name == "bitround" else get_codec(given)
        except (TypeError, ValueError, LookupError) as error:
            raise CodecError(f"codec {name} that cannot be configured ({error})") from error

    def encoded_count(self, count: int) -> int:
        """Return how many numbers the codec makes of so many."""
        return 1 + -(-count // 8) if self.name == "packbits" else count

    def decode(self, numbers: np.ndarray, count: int) -> np.ndarray:
        """Return the numbers that these were made of.

        Parameters
        ----------
        numbers : numpy.ndarray
            One axis, of the type `encoded`.
        count : int
            How many numbers there are to be.

        Raises
        ------
        ChunkError
            If there are more or fewer.
        """
        if self._codec is None:
            return numbers
        with np.errstate(all="ignore"):
            found = np.asarray(self._codec.decode(numbers)).reshape(-1)
        if found.size != count:
            raise ChunkError(f"{found.size} numbers, expected {count}")
        return found


ARRAY_FILTERS = {
    "delta": ("dtype", "astype"),
    "fixedscaleoffset": ("dtype", "astype"),
    "quantize": ("dtype", "astype"),
    "astype": ("decode_dtype", "encode_dtype"),
    "bitround": ("", ""),
    "packbits": ("", ""),
}
"""Names of the filters, and where their configuration says what type they decode to and from."""


def _number_type(name: str, described: object) -> np.dtype:
    """Return a type of numbers that metadata describe."""
    try:
        dtype = np.dtype(described)  # type: ignore[call-overload]
    except (TypeError, ValueError, SyntaxError) as error:
        raise CodecError(f"codec {name} of type {described!r:.40}") from error
    if not isinstance(dtype, np.dtype) or dtype.kind not in "biuf" or dtype.shape:
        raise CodecError(f"codec {name} of type {described!r:.40}")
    return dtype


# ---- compressors ---------------------------------------------------------------------------


def _decode_blosc(encoded: bytes, decoded: Size) -> bytes:
    """Decode a Blosc buffer whose header and table of blocks agree with its length."""
    from numcodecs import blosc

    if len(encoded) < _BLOSC_HEADER.size:
        raise ChunkError(f"{len(encoded)} bytes, expected a Blosc header")
    version, _, flags, item, size, block, stored = _BLOSC_HEADER.unpack_from(encoded)
    if version != _BLOSC_VERSION or flags & _BLOSC_RESERVED:
        raise ChunkError(f"a Blosc header of version {version} with flags {flags:#x}")
    decoded.check(size)
    if stored != len(encoded):
        raise ChunkError(f"{len(encoded)} bytes, but {stored} in the Blosc header")
    if size == 0:
        return b""
    if item < 1 or not 1 <= block <= size:
        raise ChunkError(f"Blosc blocks of {block} bytes, items of {item}")
    if flags & _BLOSC_STORED:
        if stored != _BLOSC_HEADER.size + size:
            raise ChunkError(f"{stored} bytes, expected a Blosc header and {size}")
        return encoded[_BLOSC_HEADER.size :]
    _check_blosc_blocks(encoded, -(-size // block))
    content: bytes = blosc.decompress(encoded)
    return content


def _check_blosc_blocks(encoded: bytes, blocks: int) -> None:
    """Check that all blocks of a Blosc buffer start behind its table and before its end."""
    table = _BLOSC_HEADER.size + 4 * blocks
    if table > len(encoded):
        raise ChunkError(f"{len(encoded)} bytes, expected a table of {blocks} Blosc blocks")
    starts = np.frombuffer(encoded, "<i4", blocks, _BLOSC_HEADER.size)
    if starts.min() < table or starts.max() > len(encoded) - 4:
        raise ChunkError("a Blosc block that starts outside the chunk")


def _decode_zstd(encoded: bytes, decoded: Size) -> bytes:
    """Decode Zstandard frames into a buffer of known size."""
    import imagecodecs

    return bytes(imagecodecs.zstd_decode(encoded, out=max(decoded.most, 1)))


def _decode_lz4(encoded: bytes, decoded: Size) -> bytes:
    """Decode an LZ4 block with its size before it."""
    from numcodecs import lz4

    if len(encoded) < _LZ4_SIZE.size:
        raise ChunkError(f"{len(encoded)} bytes, expected an LZ4 header")
    (size,) = _LZ4_SIZE.unpack_from(encoded)
    if size < 1:
        raise ChunkError(f"{size} bytes in the LZ4 header")
    decoded.check(size)
    content: bytes = lz4.decompress(encoded)
    return content


class _Stream(Protocol):
    """What zlib, bz2 and lzma have in common: one stream that is decoded piece by piece."""

    @property
    def eof(self) -> bool: ...

    @property
    def unused_data(self) -> bytes: ...

    def decompress(self, data: bytes, max_length: int, /) -> bytes: ...


def _decode_streams(
    encoded: bytes, decoded: Size, make: Callable[[], _Stream], *, single: bool = False
) -> bytes:
    """Decode streams that follow each other, each to its end."""
    parts, left = [], decoded.most
    while True:
        stream = make()
        part = stream.decompress(encoded, left + 1)
        left -= len(part)
        if left < 0:
            raise ChunkError(f"more than {decoded.most} bytes")
        if not stream.eof:
            raise ChunkError("a compressed stream that is cut off")
        parts.append(part)
        # Files of tapes and disks are filled up with zeros.
        encoded = stream.unused_data.lstrip(b"\0")
        if not encoded or single:
            return b"".join(parts)


def _decode_zlib(encoded: bytes, decoded: Size) -> bytes:
    """Decode a zlib stream."""
    return _decode_streams(encoded, decoded, lambda: zlib.decompressobj(_ZLIB_BITS), single=True)


def _decode_gzip(encoded: bytes, decoded: Size) -> bytes:
    """Decode gzip members."""
    return _decode_streams(encoded, decoded, lambda: zlib.decompressobj(_GZIP_BITS))


def _decode_bz2(encoded: bytes, decoded: Size) -> bytes:
    """Decode bzip2 streams."""
    return _decode_streams(encoded, decoded, bz2.BZ2Decompressor)


def _lzma_decoder(configuration: Configuration) -> Callable[[bytes, Size], bytes]:
    """Return what decodes LZMA streams, whose headers may ask for a bounded memory only."""
    container = configuration.get("format", lzma.FORMAT_XZ)
    if container not in _LZMA_FORMATS or not isinstance(container, int):
        raise CodecError(f"codec lzma with format {container!r:.40}")

    def decode(encoded: bytes, decoded: Size) -> bytes:
        return _decode_streams(
            encoded, decoded, lambda: lzma.LZMADecompressor(container, memlimit=_LZMA_MEMORY)
        )

    return decode


_COMPRESSORS: Mapping[str, Callable[[bytes, Size], bytes]] = {
    "blosc": _decode_blosc,
    "zstd": _decode_zstd,
    "lz4": _decode_lz4,
    "zlib": _decode_zlib,
    "gzip": _decode_gzip,
    "bz2": _decode_bz2,
}


# ---- checksums -----------------------------------------------------------------------------


def _checksum_decoder(name: str, configuration: Configuration) -> Callable[[bytes], bytes]:
    """Return what checks and takes off a checksum of numcodecs."""
    location = configuration.get("location")
    if location not in (None, "start", "end"):
        raise CodecError(f"codec {name} with location {location!r:.40}")
    codec = get_codec({"id": name} | ({} if location is None else {"location": location}))

    def decode(encoded: bytes) -> bytes:
        return bytes(codec.decode(encoded))

    return decode
