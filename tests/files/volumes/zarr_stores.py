"""Zarr stores of every codec that is read, as the Zarr library writes them."""

from __future__ import annotations

import warnings

import numcodecs
import zarr
from zarr.codecs import (
    BloscCodec,
    BytesCodec,
    Crc32cCodec,
    GzipCodec,
    ShardingCodec,
    TransposeCodec,
    ZstdCodec,
)
from zarr.codecs import numcodecs as wrapped

BLOSC_NAMES = ("blosclz", "lz4", "lz4hc", "zlib", "zstd")

COMPRESSORS_2 = {
    **{
        f"blosc-{name}-{shuffle}": numcodecs.Blosc(name, 5, shuffle)
        for name in BLOSC_NAMES
        for shuffle in (0, 1, 2)
    },
    "zlib": numcodecs.Zlib(),
    "gzip": numcodecs.GZip(),
    "bz2": numcodecs.BZ2(),
    "lzma": numcodecs.LZMA(),
    "lz4": numcodecs.LZ4(),
    "zstd": numcodecs.Zstd(3, checksum=True),
    "none": None,
}
FILTERS_2 = {
    "delta": [numcodecs.Delta("<u2", "<i4")],
    "fixedscaleoffset": [numcodecs.FixedScaleOffset(0, 1, "<u2", "<u4")],
    "quantize": [numcodecs.Quantize(3, "<f4")],
    "bitround": [numcodecs.BitRound(10)],
    "astype": [numcodecs.AsType("<u4", "<u2")],
    "shuffle": [numcodecs.Shuffle(2)],
    "crc32": [numcodecs.CRC32()],
    "crc32-end": [numcodecs.CRC32("end")],
    "adler32": [numcodecs.Adler32()],
    "fletcher32": [numcodecs.Fletcher32()],
    "crc32c": [numcodecs.CRC32C()],
    "packbits": [numcodecs.PackBits()],
    "two": [numcodecs.Delta("<u2"), numcodecs.Zlib(), numcodecs.CRC32()],
}
LITTLE = BytesCodec()
CODECS_3 = {
    "plain": [LITTLE],
    "big": [BytesCodec(endian="big")],
    "transposed": [TransposeCodec(order=(2, 0, 1)), LITTLE, ZstdCodec()],
    **{f"blosc-{name}": [LITTLE, BloscCodec(cname=name)] for name in BLOSC_NAMES},
    "gzip": [LITTLE, GzipCodec()],
    "zstd": [LITTLE, ZstdCodec(checksum=True)],
    "crc32c": [LITTLE, ZstdCodec(), Crc32cCodec()],
    "sharded": [ShardingCodec(chunk_shape=(2, 3, 5), codecs=[LITTLE, ZstdCodec(), Crc32cCodec()])],
    "sharded-start": [
        ShardingCodec(
            chunk_shape=(2, 3, 5), codecs=[LITTLE], index_location="start", index_codecs=[LITTLE]
        )
    ],
    "sharded-twice": [
        ShardingCodec(
            chunk_shape=(4, 6, 5),
            codecs=[ShardingCodec(chunk_shape=(2, 3, 5), codecs=[LITTLE, GzipCodec()])],
        )
    ],
    "sharded-transposed": [
        TransposeCodec(order=(1, 0, 2)),
        ShardingCodec(chunk_shape=(2, 2, 5), codecs=[LITTLE]),
        ZstdCodec(),
    ],
}


def wrapped_codecs():
    """Return the codecs of numcodecs in Zarr version 3, which warns of them."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return {
            "n-delta": [wrapped.Delta(dtype="<u2", astype="<i4"), LITTLE],
            "n-astype": [wrapped.AsType(encode_dtype="<u4", decode_dtype="<u2"), LITTLE],
            "n-scale": [wrapped.FixedScaleOffset(offset=0, scale=1, dtype="<u2"), LITTLE],
            **{
                f"n-{codec.__name__}": [LITTLE, codec()]
                for codec in (
                    *(wrapped.Blosc, wrapped.LZ4, wrapped.Zstd, wrapped.Zlib, wrapped.GZip),
                    *(wrapped.BZ2, wrapped.LZMA, wrapped.Shuffle, wrapped.CRC32),
                    *(wrapped.CRC32C, wrapped.Adler32, wrapped.Fletcher32),
                )
            },
        }


def write_2(path, voxels, compressor, filters=None, chunks=(4, 6, 10), order="C", **options):
    """Write an array of version 2."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        array = zarr.create_array(
            path, shape=voxels.shape, dtype=voxels.dtype, chunks=chunks, zarr_format=2,
            compressors=compressor, filters=filters, order=order, **options,
        )  # fmt: skip
        array[...] = voxels
    return path


def write_3(path, voxels, codecs, chunks=(4, 6, 10), **options):
    """Write an array of version 3."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        array = zarr.core.array.Array.create(
            path, shape=voxels.shape, dtype=voxels.dtype, chunk_shape=chunks, zarr_format=3,
            codecs=codecs, **options,
        )  # fmt: skip
        array[...] = voxels
    return path
