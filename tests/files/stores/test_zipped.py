"""Zarr stores in zip files."""

from __future__ import annotations

import zipfile

import numpy as np
import pytest

from napari_nx46.files.volumes.opening import VolumeError, open_volume
from tests.files.volumes.zarr_stores import CODECS_3, COMPRESSORS_2, write_2, write_3


def voxels_of():
    return np.random.default_rng(3).integers(1, 200, (8, 12, 20)).astype(np.uint8)


def zipped(folder, target, method=zipfile.ZIP_STORED):
    with zipfile.ZipFile(target, "w", method) as archive:
        for path in sorted(folder.rglob("*")):
            archive.write(path, path.relative_to(folder).as_posix())
    return target


@pytest.fixture
def store(tmp_path):
    return write_2(tmp_path / "a.zarr", voxels_of(), COMPRESSORS_2["zlib"])


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
@pytest.mark.parametrize("sharded", [False, True])
def test_zipped_stores_read_as_folders(tmp_path, method, sharded):
    path = tmp_path / "a.zarr"
    if sharded:
        write_3(path, voxels_of(), CODECS_3["sharded"])
    else:
        write_2(path, voxels_of(), COMPRESSORS_2["zlib"])
    volume = open_volume(zipped(path, tmp_path / "b.zarr.zip", method))
    np.testing.assert_array_equal(volume.read(), voxels_of())
    found, expected = volume.layout.existing(), open_volume(path).layout.existing()
    assert sorted(map(repr, found)) == sorted(map(repr, expected))
    assert volume.record()["file"] == "b.zarr.zip"


@pytest.mark.parametrize("place", [0, 1000, -30])
def test_damaged_zip_files_are_errors(tmp_path, store, place):
    path = zipped(store, tmp_path / "b.zarr.zip")
    content = bytearray(path.read_bytes())
    content[place : place + 20 or None] = bytes(len(content[place : place + 20 or None]))
    path.write_bytes(content)
    with pytest.raises(VolumeError, match=r"b\.zarr\.zip"):
        open_volume(path).read()


def rewritten(source, target, change):
    with zipfile.ZipFile(source) as old, zipfile.ZipFile(target, "w") as new:
        for name in old.namelist():
            content, method = change(name, old.read(name))
            new.writestr(name, content, method)
    return target


def test_members_that_are_not_what_they_declare(tmp_path, store):
    plain = zipped(store, tmp_path / "b.zarr.zip")
    bomb = rewritten(
        plain,
        tmp_path / "c.zarr.zip",
        lambda name, content: (bytes(2**24) if "0.0.0" in name else content, 8),
    )
    with pytest.raises(VolumeError, match=r"chunk 0\.0\.0: 16777216 bytes, expected at most"):
        open_volume(bomb).read()
    other = rewritten(
        plain,
        tmp_path / "d.zarr.zip",
        lambda name, content: (content, zipfile.ZIP_BZIP2 if "0.0.0" in name else 0),
    )
    with pytest.raises(VolumeError, match="compression method 12"):
        open_volume(other).read()
    (tmp_path / "e.zarr.zip").write_bytes(b"no zip file")
    with pytest.raises(VolumeError, match="no readable zip archive"):
        open_volume(tmp_path / "e.zarr.zip")


def test_a_zip_file_that_changes_is_noticed(tmp_path, store):
    path = zipped(store, tmp_path / "b.zarr.zip")
    volume = open_volume(path)
    zipped(store, path, zipfile.ZIP_DEFLATED)
    with pytest.raises(VolumeError, match="changed or replaced"):
        volume.read()
