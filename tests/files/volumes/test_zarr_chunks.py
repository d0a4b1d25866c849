"""Chunks of Zarr arrays: read as the Zarr library reads them, and refused where they lie."""

from __future__ import annotations

import json
import struct
import warnings
import zlib

import numcodecs
import numpy as np
import pytest
import zarr

from napari_nx46.files.volumes.opening import Role, VolumeError, open_volume
from tests.files.volumes.zarr_stores import (
    CODECS_3,
    COMPRESSORS_2,
    FILTERS_2,
    LITTLE,
    wrapped_codecs,
    write_2,
    write_3,
)

WRAPPED = wrapped_codecs()


def voxels_of(dtype, shape=(7, 13, 21)):
    numbers = np.random.default_rng(7).integers(0, 200, shape)
    return (numbers % 2 if dtype == "bool" else numbers).astype(dtype)


def check_equal(path):
    """Check that a store reads as the library reads it, whole and in steps."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        expected = zarr.open_array(path, mode="r")[...]
        volume = open_volume(path, role=Role.IMAGE)
        np.testing.assert_array_equal(volume.read(), expected)
        for index in (np.s_[3], np.s_[:, 5], np.s_[..., 20], np.s_[1:6:2, ::-4, 2:19:5]):
            np.testing.assert_array_equal(volume[index], expected[index])


@pytest.mark.parametrize("name", COMPRESSORS_2)
def test_compressors_of_version_2(tmp_path, name):
    path = write_2(tmp_path / "a.zarr", voxels_of("<f4"), COMPRESSORS_2[name])
    check_equal(path)


@pytest.mark.parametrize("name", FILTERS_2)
def test_filters_of_version_2(tmp_path, name):
    kind = {"packbits": "bool", "quantize": "<f4", "bitround": "<f4"}.get(name, "<u2")
    path = write_2(tmp_path / "a.zarr", voxels_of(kind), numcodecs.Zlib(), FILTERS_2[name])
    check_equal(path)


@pytest.mark.parametrize("dtype", ["|u1", "<u2", ">u2", "<f2", ">f4", "<f8", "|i1"])
@pytest.mark.parametrize("order", ["C", "F"])
def test_types_and_orders_of_version_2(tmp_path, dtype, order):
    check_equal(write_2(tmp_path / "a.zarr", voxels_of(dtype), numcodecs.Blosc(), order=order))


@pytest.mark.parametrize("name", [*CODECS_3, *WRAPPED])
def test_codecs_of_version_3(tmp_path, name):
    codecs = {**CODECS_3, **WRAPPED}[name]
    check_equal(write_3(tmp_path / "a.zarr", voxels_of("uint16", (8, 12, 21)), codecs))


@pytest.mark.parametrize("encoding", [("default", "."), ("v2", "/"), ("v2", ".")])
def test_names_of_chunks_in_version_3(tmp_path, encoding):
    name, separator = encoding
    described = {"name": name, "configuration": {"separator": separator}}
    path = tmp_path / "a.zarr"
    check_equal(write_3(path, voxels_of("uint8"), [LITTLE], chunk_key_encoding=described))


@pytest.mark.parametrize("sharded", [False, True])
def test_chunks_that_are_absent_hold_the_fill_value(tmp_path, sharded):
    voxels = voxels_of("float32", (8, 12, 20))
    voxels[:, 3:] = 0.25
    codecs = CODECS_3["sharded" if sharded else "plain"]
    path = write_3(tmp_path / "a.zarr", voxels, codecs, fill_value=0.25)
    np.testing.assert_array_equal(open_volume(path, role=Role.IMAGE).read(), voxels)


# Headers that lie


def chunk_of(path):
    """Return the file of the first chunk."""
    return next(file for name in ("0.0.0", "c/0/0/0") if (file := path / name).is_file())


def check_refused(path, content, match="chunk"):
    chunk_of(path).write_bytes(content)
    with pytest.raises(VolumeError, match=match):
        open_volume(path, role=Role.IMAGE).read()


def blosc_header(size, block, stored, flags=0x21, version=2, item=4):
    return struct.pack("<4B3I", version, 1, flags, item, size, block, stored)


BLOSC_LIES = {
    "empty": b"",
    "short": b"\2\1\x21\4",
    "start of a block": blosc_header(960, 960, 24) + struct.pack("<i", 2**30) + bytes(4),
    "negative start": blosc_header(960, 960, 24) + struct.pack("<i", -8) + bytes(4),
    "start in the table": blosc_header(960, 480, 32) + struct.pack("<2i", 16, 24) + bytes(8),
    "longer than the file": blosc_header(960, 960, 2**29) + bytes(8),
    "stored, longer than the file": blosc_header(2**29, 960, 2**29 + 16, 0x23) + bytes(8),
    "stored, of another size": blosc_header(960, 960, 40, 0x23) + bytes(24),
    "two gigabytes": blosc_header(2**31 + 512, 512, 24) + bytes(8),
    "another size": blosc_header(956, 956, 24) + bytes(8),
    "no blocks": blosc_header(960, 0, 24) + bytes(8),
    "blocks of one byte": blosc_header(960, 1, 24) + bytes(8),
    "block beyond the end": blosc_header(960, 961, 24) + bytes(8),
    "items of nothing": blosc_header(960, 960, 24, item=0) + bytes(8),
    "the future": blosc_header(960, 960, 24, flags=0x29) + bytes(8),
    "unknown compressor": blosc_header(960, 960, 24, flags=0xE1) + struct.pack("<i", 20) + bytes(4),
    "another version": blosc_header(960, 960, 24, version=9) + bytes(8),
}


@pytest.mark.parametrize("zarr_format", [2, 3])
@pytest.mark.parametrize("lie", BLOSC_LIES)
def test_blosc_headers_that_lie(tmp_path, lie, zarr_format):
    voxels = voxels_of("float32", (4, 6, 10))
    if zarr_format == 2:
        path = write_2(tmp_path / "a.zarr", voxels, numcodecs.Blosc())
    else:
        path = write_3(tmp_path / "a.zarr", voxels, CODECS_3["blosc-lz4"])
    check_refused(path, BLOSC_LIES[lie])


def bomb(size):
    return bytes(size)


@pytest.mark.parametrize("codec", ["zlib", "gzip", "bz2", "lzma", "lz4", "zstd", "blosc-zstd-0"])
@pytest.mark.parametrize("size", [239, 241, 2**26])
def test_chunks_of_another_size_than_the_metadata_say(tmp_path, codec, size):
    path = write_2(tmp_path / "a.zarr", voxels_of("uint8", (4, 6, 10)), COMPRESSORS_2[codec])
    check_refused(path, bytes(COMPRESSORS_2[codec].encode(bytes(size))))


@pytest.mark.parametrize("codec", ["zlib", "gzip", "bz2", "lzma", "lz4", "zstd"])
def test_chunks_that_are_cut_off(tmp_path, codec):
    path = write_2(tmp_path / "a.zarr", voxels_of("uint8", (4, 6, 10)), COMPRESSORS_2[codec])
    check_refused(path, chunk_of(path).read_bytes()[:-9])


def test_a_zstd_frame_without_a_size(tmp_path):
    imagecodecs = pytest.importorskip("imagecodecs")
    voxels = voxels_of("uint8", (4, 6, 10))
    path = write_2(tmp_path / "a.zarr", voxels, COMPRESSORS_2["zstd"])
    frame = bytearray(imagecodecs.zstd_encode(voxels.tobytes(), 3))
    # Two frames, one after the other, are as good as one.
    half = voxels.nbytes // 2
    parts = [voxels.tobytes()[:half], voxels.tobytes()[half:]]
    chunk_of(path).write_bytes(b"".join(imagecodecs.zstd_encode(part, 3) for part in parts))
    np.testing.assert_array_equal(open_volume(path, role=Role.IMAGE).read(), voxels)
    check_refused(path, bytes(frame) + bytes(frame))


def test_a_plain_chunk_that_is_too_long_or_too_short(tmp_path):
    path = write_2(tmp_path / "a.zarr", voxels_of("uint8", (4, 6, 10)), None)
    for size in (0, 239, 241, 10**6):
        check_refused(path, bytes(size), f"{size} bytes")


def shard(tmp_path, entries, location="end", more=b""):
    """Write a shard of 8 chunks of 30 voxels whose table is this, without a checksum."""
    codecs = [
        zarr.codecs.ShardingCodec(
            chunk_shape=(2, 3, 5), codecs=[LITTLE], index_codecs=[LITTLE], index_location=location
        )
    ]
    path = write_3(tmp_path / "a.zarr", voxels_of("uint8", (4, 6, 10)), codecs)
    table = struct.pack(f"<{len(entries)}Q", *entries)
    parts = [table, more] if location == "start" else [more, table]
    return path, b"".join(parts)


@pytest.mark.parametrize("location", ["start", "end"])
@pytest.mark.parametrize(
    "entry", [(2**62, 30), (0, 2**62), (300, 30), (0, 29), (0, 31), (2**64 - 1, 30), (2**63, 2**63)]
)
def test_tables_of_shards_that_lie(tmp_path, entry, location):
    path, content = shard(tmp_path, entry * 8, location, bytes(100))
    check_refused(path, content)


def test_a_shard_shorter_than_its_table(tmp_path):
    path, content = shard(tmp_path, (0, 30) * 7)
    check_refused(path, content, "table")


def test_a_shard_whose_chunks_are_the_same_bytes(tmp_path):
    path, content = shard(tmp_path, (0, 30) * 8, more=bytes(range(30)))
    chunk_of(path).write_bytes(content)
    expected = np.tile(np.arange(30).reshape(2, 3, 5), (2, 2, 2))
    np.testing.assert_array_equal(open_volume(path).read(), expected)


def change(path, **entries):
    file = path / ".zarray"
    file.write_text(json.dumps(json.loads(file.read_text()) | entries))


@pytest.mark.parametrize(
    "compressor",
    [
        {"id": "pcodec"},
        {"id": "zfpy", "tolerance": 0.1},
        {"id": "vlen-utf8"},
        {"id": "lzma", "format": 3, "filters": [{"id": 33, "dict_size": 2**32 - 1}]},
        {"id": "shuffle", "elementsize": 0},
        {"id": "shuffle", "elementsize": -1},
        {"id": "fixedscaleoffset", "scale": [[1], [1]], "offset": 0, "dtype": "|u1"},
        {"id": "delta", "dtype": "M8[s]"},
        {"id": "delta", "dtype": "<u8"},
        {"id": "astype", "encode_dtype": "(1000000,)u1", "decode_dtype": "|u1"},
    ],
)
def test_codecs_that_are_not_read_are_named(tmp_path, compressor):
    path = write_2(tmp_path / "a.zarr", voxels_of("uint8", (3, 5, 7)), None, chunks=(3, 5, 7))
    change(path, compressor=compressor)
    with pytest.raises(VolumeError, match=compressor["id"]):
        open_volume(path, role=Role.IMAGE).read()


@pytest.mark.parametrize(
    "compressor", [{"id": "delta", "dtype": "|O"}, {"id": "crc32", "location": "middle"}]
)
def test_codecs_that_the_library_refuses_are_refused(tmp_path, compressor):
    path = write_2(tmp_path / "a.zarr", voxels_of("uint8", (3, 5, 7)), None, chunks=(3, 5, 7))
    change(path, compressor=compressor)
    with pytest.raises(VolumeError):
        open_volume(path, role=Role.IMAGE)


def test_many_codecs_are_refused(tmp_path):
    path = write_2(tmp_path / "a.zarr", voxels_of("uint8", (3, 5, 7)), None, chunks=(3, 5, 7))
    change(path, filters=[{"id": "zlib", "level": 1}] * 1000)
    with pytest.raises(VolumeError, match="1000 codecs"):
        open_volume(path)


def test_a_bomb_within_a_bomb_is_refused(tmp_path):
    path = write_2(tmp_path / "a.zarr", voxels_of("uint8", (4, 6, 10)), numcodecs.Zlib(), None)
    change(path, filters=[{"id": "zlib", "level": 1}])
    check_refused(path, zlib.compress(zlib.compress(bytes(2**25), 9), 9))


@pytest.mark.parametrize("chunk", [1, 2, 8])
def test_slices_cut_into_very_many_chunks_are_refused(tmp_path, chunk):
    path = write_2(tmp_path / "a.zarr", voxels_of("uint8", (1, 2, 2)), None, chunks=(1, 2, 2))
    change(path, shape=[4096] * 3, chunks=[chunk] * 3)
    (path / "0.0.0").write_bytes(bytes(chunk**3))
    with pytest.raises(VolumeError, match="chunks"):
        open_volume(path)


# Chunks that are not there


def pyramid(path, levels="012", separator="/", zarr_format=2):
    voxels = voxels_of("uint8", (8, 16, 16))
    group = zarr.open_group(path, mode="w", zarr_format=zarr_format)
    for number, name in enumerate(levels):
        level = voxels[:: 2**number, :: 2**number, :: 2**number]
        encoding = {"name": "v2" if zarr_format == 2 else "default", "separator": separator}
        array = group.create_array(
            name, shape=level.shape, dtype="uint8", chunks=(2, 4, 4), chunk_key_encoding=encoding
        )
        array[...] = level
    image = {"datasets": [{"path": name} for name in levels], "version": "0.4"}
    image["axes"] = [{"name": name} for name in "zyx"]
    if zarr_format == 2:
        group.attrs["multiscales"] = [image]
    else:
        group.attrs["ome"] = {"version": "0.5", "multiscales": [image]}
    return path, voxels


def without(path, *, chunks_only=False):
    for file in sorted(path.rglob("*"), reverse=True):
        if file.is_dir():
            file.rmdir()
        elif not (chunks_only and file.name.startswith((".z", "zarr"))):
            file.unlink()
    if not chunks_only:
        path.rmdir()


@pytest.mark.parametrize("zarr_format", [2, 3])
@pytest.mark.parametrize("separator", [".", "/"])
@pytest.mark.parametrize("chunks_only", [True, False])
def test_a_level_that_is_not_there(tmp_path, zarr_format, separator, chunks_only):
    path, voxels = pyramid(tmp_path / "v.zarr", separator=separator, zarr_format=zarr_format)
    without(path / "0", chunks_only=chunks_only)
    without(path / "1")
    with pytest.raises(VolumeError, match=r"level 2 can be opened, as .*v\.zarr/2"):
        open_volume(path)
    np.testing.assert_array_equal(open_volume(path / "2").read(), voxels[::4, ::4, ::4])
    without(path / "2", chunks_only=True)
    with pytest.raises(VolumeError, match="no other level"):
        open_volume(path)


@pytest.mark.parametrize("declared", [".", "/"])
def test_chunks_of_other_names_than_declared(tmp_path, declared):
    other = "/" if declared == "." else "."
    voxels = voxels_of("uint8", (4, 6, 10))
    encoding = {"name": "v2", "separator": other}
    path = write_2(
        tmp_path / "v.zarr", voxels, None, chunks=(2, 6, 10), chunk_key_encoding=encoding
    )
    change(path, dimension_separator=declared)
    with pytest.raises(VolumeError, match="no chunk") as raised:
        open_volume(path)
    assert declared.join("000") in str(raised.value)
    assert other.join("000") in str(raised.value)
    change(path, dimension_separator=other)
    np.testing.assert_array_equal(open_volume(path).read(), voxels)


@pytest.mark.parametrize("name", ["plain", "sharded"])
def test_an_array_without_any_chunk(tmp_path, name):
    voxels = voxels_of("uint8", (4, 6, 10))
    path = write_3(tmp_path / "v.zarr", voxels, CODECS_3[name])
    without(path, chunks_only=True)
    with pytest.raises(VolumeError, match=r"no chunk of the array \(looked for .*c/0/0/0"):
        open_volume(path)
    write_3(tmp_path / "zeros.zarr", np.zeros_like(voxels), CODECS_3[name])
    with pytest.raises(VolumeError, match="no chunk"):
        open_volume(tmp_path / "zeros.zarr")


def test_files_that_are_no_chunks_do_not_count(tmp_path):
    path = write_2(tmp_path / "v.zarr", voxels_of("uint8", (4, 6, 10)), None)
    (path / "0.0.0").unlink()
    for name in ("0.0", "0.0.0.0", "0.0.1.partial", "9.0.0", "a.b.c", ".zattrs"):
        (path / name).write_bytes(b"{}")
    (path / "0.0.0").mkdir()
    with pytest.raises(VolumeError, match="no chunk"):
        open_volume(path)
