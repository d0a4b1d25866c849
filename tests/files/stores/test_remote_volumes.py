"""Zarr stores on servers: read as on the disk, with each fault of a server."""

from __future__ import annotations

import threading
import warnings

import numpy as np
import pytest
import zarr

from napari_nx46.files.stores.access import Access, Retries
from napari_nx46.files.volumes.opening import Role, VolumeError, VolumeWarning, open_volume
from tests.files.volumes.zarr_stores import CODECS_3, COMPRESSORS_2, write_2, write_3

SHAPE = (8, 12, 20)
WAYS = ("http", "s3")


def voxels_of(dtype="uint8", shape=SHAPE):
    return np.random.default_rng(5).integers(1, 200, shape).astype(dtype)


def blosc(path, voxels, separator, **options):
    encoding = {"name": "v2", "separator": separator}
    compressor = COMPRESSORS_2["blosc-zstd-1"]
    return write_2(path, voxels, compressor, chunk_key_encoding=encoding, **options)


def image(path, version, voxels, levels=3, names="zyx"):
    """Write an OME-Zarr image of levels that are halved."""
    group = zarr.create_group(path, zarr_format=2 if version == "0.4" else 3)
    for level in range(levels):
        part = voxels[..., :: 2**level, :: 2**level, :: 2**level]
        chunks = (*(1,) * (voxels.ndim - 3), 4, 6, 10)
        group.create_array(str(level), data=part, chunks=chunks)
    described = {
        "version": version,
        "axes": [{"name": name, "unit": "micrometer"} for name in names],
        "datasets": [
            {
                "path": str(level),
                "coordinateTransformations": [
                    {"type": "scale", "scale": [1.0] * (voxels.ndim - 3) + [2.0 * 2**level] * 3}
                ],
            }
            for level in range(levels)
        ],
    }
    group.attrs.update(
        {"multiscales": [described]} if version == "0.4" else {"ome": {"multiscales": [described]}}
    )
    return path


def unnamed(path, voxels):
    return image(path, "0.4", voxels[None], 1, ["dim_0", "dim_1", "dim_2", "dim_3"])


LAYOUTS = {
    "v2 .": lambda path, voxels: blosc(path, voxels, "."),
    "v2 /": lambda path, voxels: blosc(path, voxels, "/"),
    "v3": lambda path, voxels: write_3(path, voxels, CODECS_3["blosc-zstd"]),
    "v3 sharded": lambda path, voxels: write_3(path, voxels, CODECS_3["sharded"]),
    "v3 sharded, table first": lambda path, voxels: write_3(
        path, voxels, CODECS_3["sharded-start"]
    ),
    "v3 sharded twice": lambda path, voxels: write_3(path, voxels, CODECS_3["sharded-twice"]),
    "ome 0.4": lambda path, voxels: image(path, "0.4", voxels),
    "ome 0.5": lambda path, voxels: image(path, "0.5", voxels),
    "unnamed (1, Z, Y, X)": unnamed,
}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_stores_on_servers_read_as_on_the_disk(server, opened, layout):
    voxels = voxels_of()
    voxels[4:, 6:, 10:] = 0
    path = LAYOUTS[layout](server.folder / "a.zarr", voxels)
    here = open_volume(path)
    np.testing.assert_array_equal(here.read(), voxels)
    for way in WAYS:
        far = opened("a.zarr", way)
        np.testing.assert_array_equal(far.read(), voxels)
        np.testing.assert_array_equal(far[1:7:2, 5, ::-3], voxels[1:7:2, 5, ::-3])
        assert (far.shape, far.dtype, far.placement) == (here.shape, here.dtype, here.placement)
        assert far.layout.metadata_sha256 == here.layout.metadata_sha256 == far.fingerprint()
        assert far.layout.chunks == here.layout.chunks
        assert far.path is None
    np.testing.assert_array_equal(open_volume(path.as_uri()).read(), voxels)


def test_opening_reads_metadata_only(server, opened):
    image(server.folder / "a.zarr", "0.4", voxels_of())
    for way in WAYS:
        opened("a.zarr", way)
    named = {path.rpartition("/")[2] for path in server.asked}
    assert named <= {"zarr.json", ".zarray", ".zgroup", ".zattrs", "bucket"}


@pytest.mark.parametrize("way", WAYS)
def test_a_level_is_chosen_by_its_path(server, opened, way):
    voxels = voxels_of()
    image(server.folder / "a.zarr", "0.5", voxels)
    volume = opened("a.zarr", way, level="1")
    np.testing.assert_array_equal(volume.read(), voxels[::2, ::2, ::2])
    assert volume.placement.scale == (4.0, 4.0, 4.0)
    assert volume.record()["level"] == "1"
    with pytest.raises(VolumeError, match="no array at level 7"):
        opened("a.zarr", way, level="7")
    with pytest.raises(VolumeError, match="a relative path"):
        opened("a.zarr", way, level="../b.zarr")


def test_levels_that_are_declared_and_missing_are_reported(server, opened):
    path = image(server.folder / "a.zarr", "0.4", voxels_of())
    (path / "1" / ".zarray").unlink()
    with pytest.warns(VolumeWarning, match="level 1 of the image are declared, but not there"):
        volume = opened("a.zarr")
    assert any("level 1" in note for note in volume.notes)


def chunk_names(path):
    return sorted(
        file.relative_to(path).as_posix()
        for file in path.rglob("*")
        if file.is_file() and file.name[-1].isdigit()
    )


@pytest.mark.parametrize("layout", ["v2 /", "v3 sharded"])
def test_chunks_that_exist_are_listed_once(server, opened, layout):
    voxels = voxels_of(shape=(16, 12, 20))
    voxels[4:8] = 0
    path = LAYOUTS[layout](server.folder / "a.zarr", voxels)
    server.page = 3  # of keys
    expected = {
        repr(tuple(slice(at, at + side) for at, side in zip(corner, (4, 6, 10), strict=True)))
        for corner in np.ndindex(16, 12, 20)
        if all(at % side == 0 for at, side in zip(corner, (4, 6, 10), strict=True))
        and not 4 <= corner[0] < 8
    }
    for volume in (open_volume(path), opened("a.zarr", "s3")):
        found = list(volume.layout.existing())
        assert len(found) == len(expected) == len(chunk_names(path))
        assert set(map(repr, found)) == expected
    assert opened("a.zarr").layout.existing() is None


# Faults


FAULTS = {"503": 503, "429": 429, "cut": "cut", "hang": "hang"}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("layout", ["v2 .", "v3 sharded"])
@pytest.mark.parametrize("fault", FAULTS)
def test_what_fails_for_a_while_is_asked_for_again(server, opened, layout, fault, way):
    voxels = voxels_of()
    name = chunk_names(LAYOUTS[layout](server.folder / "a.zarr", voxels))[0]
    volume = opened("a.zarr", way)
    server.faults[name] = [FAULTS[fault]] * 2
    np.testing.assert_array_equal(volume.read(), voxels)
    server.always[name] = FAULTS[fault]
    with pytest.raises(VolumeError, match=f"no answer to {name}, asked for 3 times") as error:
        opened("a.zarr", way, disk=0).read()
    assert "a.zarr" in str(error.value)
    assert error.value.code == "unreachable"


@pytest.mark.parametrize("status", [400, 410])
def test_what_never_changes_is_asked_for_once(server, opened, status):
    name = chunk_names(LAYOUTS["v2 ."](server.folder / "a.zarr", voxels_of()))[0]
    volume = opened("a.zarr")
    server.always[name] = status
    with pytest.raises(VolumeError, match=rf"asked for once \({status}"):
        volume.read()
    assert server.asked[f"/a.zarr/{name}"] == 1


def test_chunks_that_are_absent_hold_the_fill_value(server, opened):
    voxels = voxels_of()
    path = LAYOUTS["v2 /"](server.folder / "a.zarr", voxels)
    (path / chunk_names(path)[0]).unlink()
    voxels[:4, :6, :10] = 0
    for way in WAYS:
        np.testing.assert_array_equal(opened("a.zarr", way).read(), voxels)


def test_a_refused_chunk_is_an_error_unless_it_counts_as_absent(server, opened):
    voxels = voxels_of()
    path = LAYOUTS["v2 ."](server.folder / "a.zarr", voxels)
    name = chunk_names(path)[0]
    server.always[name] = 403
    with pytest.raises(VolumeError, match=f"{name} refused by the server .403 .*absent-on-403"):
        opened("a.zarr").read()
    voxels[:4, :6, :10] = 0
    np.testing.assert_array_equal(opened("a.zarr", absent_on_403=True).read(), voxels)


def test_metadata_that_are_refused(server, opened):
    LAYOUTS["v2 ."](server.folder / "a.zarr", voxels_of())
    server.always["zarr.json"] = 403  # as buckets answer that may not be listed
    np.testing.assert_array_equal(opened("a.zarr").read(), voxels_of())
    server.always[".zarray"] = 401
    with pytest.raises(VolumeError, match=r"\.zarray refused|\.zgroup refused|zarr.json refused"):
        opened("a.zarr")


def test_a_bucket_that_may_not_be_listed_is_taken_on_trust(server, opened):
    LAYOUTS["v2 ."](server.folder / "a.zarr", voxels_of())
    server.always["/bucket"] = 403
    volume = opened("a.zarr", "s3")
    assert volume.layout.existing() is None
    np.testing.assert_array_equal(volume.read(), voxels_of())


@pytest.mark.parametrize("fault", ["empty", "short"])
@pytest.mark.parametrize("layout", ["v2 .", "v3"])
def test_a_chunk_that_does_not_decode_is_an_error(server, opened, layout, fault):
    name = chunk_names(LAYOUTS[layout](server.folder / "a.zarr", voxels_of()))[0]
    server.always[name] = fault
    with pytest.raises(VolumeError, match=f"damaged data in .* .chunk {name}: "):
        opened("a.zarr").read()


def test_a_chunk_that_is_longer_than_it_can_be_is_not_fetched(server, opened):
    path = LAYOUTS["v2 ."](server.folder / "a.zarr", voxels_of())
    name = chunk_names(path)[0]
    volume = opened("a.zarr")
    (path / name).write_bytes(bytes(2**23))
    with pytest.raises(VolumeError, match="8388608 bytes, expected at most"):
        volume[:2, :2, :2]
    assert volume[4:, 6:, 10:].any()


def test_a_server_without_ranges_gives_no_shards(server, opened):
    LAYOUTS["v3 sharded"](server.folder / "a.zarr", voxels_of())
    server.ranges = False
    with pytest.raises(VolumeError, match="gives no parts of files"):
        opened("a.zarr").read()


def test_a_server_that_never_answered_is_given_up_sooner(server):
    patient = Retries(tries=6, first_wait=0.001, longest_wait=0.001)
    access = Access(retries=patient)
    LAYOUTS["v2 ."](server.folder / "a.zarr", voxels_of())
    server.always[".zarray"] = 503
    with pytest.raises(VolumeError, match="asked for 6 times"):
        open_volume(f"{server.url}/a.zarr", access=access)
    server.server_close()
    with pytest.raises(VolumeError, match=r"asked for 3 times .nothing answers"):
        open_volume(f"{server.url}/a.zarr", access=access)


def test_nothing_at_an_address(server, opened):
    with pytest.raises(VolumeError, match=r"missing\.zarr: found no Zarr metadata"):
        opened("missing.zarr")
    server.server_close()
    with pytest.raises(VolumeError, match=r"asked for 3 times .*; expected a server that gives it"):
        opened("missing.zarr")
    for url in ("ftp://127.0.0.1/a.zarr", "file://elsewhere/a.zarr", "http://127.0.0.1/a?b"):
        with pytest.raises(VolumeError, match="expected"):
            open_volume(url)


# What is kept


@pytest.mark.parametrize("layout", ["v2 .", "v3 sharded"])
def test_nothing_is_fetched_twice(server, opened, layout):
    voxels = voxels_of()
    LAYOUTS[layout](server.folder / "a.zarr", voxels)
    volume = opened("a.zarr")
    np.testing.assert_array_equal(volume.read(), voxels)
    sent = server.sent
    np.testing.assert_array_equal(volume[3], voxels[3])
    volume.release()
    np.testing.assert_array_equal(volume.read(), voxels)
    assert server.sent == sent  # from the disk
    again = opened("a.zarr")
    metadata = server.sent
    np.testing.assert_array_equal(again.read(), voxels)
    assert server.sent == metadata


@pytest.mark.parametrize("tags", [True, False])
def test_what_is_kept_for_long_is_confirmed(server, opened, tags):
    voxels = voxels_of()
    path = LAYOUTS["v2 ."](server.folder / "a.zarr", voxels)
    server.tags = tags
    opened("a.zarr", fresh=0.0).read()
    for file in chunk_names(path):
        (path / file).unlink()
    LAYOUTS["v2 ."](server.folder / "b.zarr", voxels + 1)
    for file in chunk_names(server.folder / "b.zarr"):
        (server.folder / "b.zarr" / file).rename(path / file)
    if tags:
        np.testing.assert_array_equal(opened("a.zarr", fresh=0.0).read(), voxels + 1)
    np.testing.assert_array_equal(opened("a.zarr", disk=0).read(), voxels + 1)


def test_what_is_kept_and_unchanged_is_not_sent_again(server, opened):
    voxels = voxels_of()
    LAYOUTS["v2 ."](server.folder / "a.zarr", voxels)
    opened("a.zarr", fresh=0.0).read()
    again, before = opened("a.zarr", fresh=0.0), server.sent
    np.testing.assert_array_equal(again.read(), voxels)
    assert server.sent == before


@pytest.mark.parametrize("disk", [0, 2**20])
def test_a_damaged_chunk_is_fetched_again(server, opened, disk):
    voxels = voxels_of()
    name = chunk_names(LAYOUTS["v2 ."](server.folder / "a.zarr", voxels))[0]
    server.faults[name] = ["short"]
    np.testing.assert_array_equal(opened("a.zarr", disk=disk).read(), voxels)


def test_threads_that_read_the_same_chunks_fetch_them_once(server, opened):
    voxels = voxels_of()
    path = LAYOUTS["v2 ."](server.folder / "a.zarr", voxels)
    volume = opened("a.zarr", disk=0)
    found = []
    threads = [threading.Thread(target=lambda: found.append(volume.read())) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(np.array_equal(one, voxels) for one in found)
    assert {server.asked[f"/a.zarr/{name}"] for name in chunk_names(path)} == {1}


# Whole scrolls


def test_shapes_of_whole_scrolls(tmp_path):
    array = zarr.create_array(
        tmp_path / "a.zarr", shape=(1, 2**14, 2**14, 2**13), chunks=(1, 64, 64, 64), dtype="uint8"
    )
    array[0, 64:128, 64:128, 128:192] = 7
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        volume = open_volume(tmp_path / "a.zarr", role=Role.IMAGE)
    assert volume.shape == (2**14, 2**14, 2**13)
    assert volume[70, 70, 130] == 7
    assert volume[2**14 - 1, 2**14 - 1, 2**13 - 1] == 0
    assert list(volume.layout.existing()) == [(slice(64, 128), slice(64, 128), slice(128, 192))]
    with pytest.raises(VolumeError, match="to be read at once"):
        volume.read()
