"""Damaged volumes are errors where they are read, and never other voxels."""

from __future__ import annotations

import io
import json
import os
import shutil
import struct
import zipfile
from pathlib import Path

import numpy as np
import pytest
import tifffile
import zarr
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_nx46.files.volumes.opening import Role, VolumeError, open_volume
from tests.files.volumes.damaged import numpy_bytes, overwrite, random_voxels, tiff_bytes


def read_or_fault(path, role=Role.PROBABILITY, most_bytes=2**26):
    """Return the voxels, or the message of the VolumeError, or neither if there are too many."""
    try:
        volume = open_volume(path, role=role)
        return (volume.read(), None) if volume.nbytes < most_bytes else (None, None)
    except VolumeError as error:
        return None, str(error)


# Laziness: damage shows where it is, when it is read
@pytest.mark.parametrize("compression", ["lzw", "zlib", "zstd"])
def test_a_damaged_page_shows_only_when_that_page_is_read(tmp_path, compression):
    path, voxels = tmp_path / "a.tif", random_voxels()
    path.write_bytes(tiff_bytes(voxels, compression=compression))
    with tifffile.TiffFile(path) as tiff:
        place, size = tiff.pages[5].dataoffsets[0], tiff.pages[5].databytecounts[0]
    overwrite(path, place, bytes(size))
    volume = open_volume(path, image_id="77")
    np.testing.assert_array_equal(volume[2], voxels[2])
    np.testing.assert_array_equal(volume[6:], voxels[6:])
    for index in (5, slice(3, 7), ...):
        with pytest.raises(VolumeError, match=r"in page 5\b") as refused:
            volume[index]
        assert str(path) in str(refused.value)
        assert "fragment 77" in str(refused.value)


@pytest.mark.parametrize("compression", ["lzw", "zlib", "zstd"])
def test_a_page_whose_data_end_early_is_damaged_not_zero(tmp_path, compression):
    path, voxels = tmp_path / "a.tif", random_voxels()
    path.write_bytes(tiff_bytes(voxels, compression=compression, metadata=None))
    with tifffile.TiffFile(path) as tiff:
        tag = tiff.pages[5].tags["StripByteCounts"]
        place = tag.valueoffset
        half = tag.value[0] // 2
        code = "<H" if tag.dtype == 3 else "<I"
    overwrite(path, place, struct.pack(code, half))
    volume = open_volume(path)
    np.testing.assert_array_equal(volume[4], voxels[4])
    with pytest.raises(VolumeError, match=r"in page 5\b"):
        volume[5]


def test_only_the_tiles_asked_for_are_decoded(tmp_path):
    path, voxels = tmp_path / "a.tif", random_voxels((3, 64, 64))
    path.write_bytes(tiff_bytes(voxels, compression="zlib", tile=(16, 16)))
    with tifffile.TiffFile(path) as tiff:
        page = tiff.pages[1]
        overwrite(path, page.dataoffsets[5], bytes(page.databytecounts[5]))
    volume = open_volume(path)
    np.testing.assert_array_equal(volume[1, :16], voxels[1, :16])
    np.testing.assert_array_equal(volume[1, 16:32, 32:], voxels[1, 16:32, 32:])
    with pytest.raises(VolumeError, match="page 1"):
        volume[1, 20, 20]


def test_a_damaged_zarr_chunk_shows_only_when_it_is_read(tmp_path):
    voxels = random_voxels()
    array = zarr.create_array(tmp_path / "a.zarr", shape=voxels.shape, dtype="u1", chunks=(2, 8, 8))
    array[...] = voxels
    (tmp_path / "a.zarr" / "c" / "2" / "1" / "0").write_bytes(b"damaged")
    volume = open_volume(tmp_path / "a.zarr")
    np.testing.assert_array_equal(volume[4, :8], voxels[4, :8])
    with pytest.raises(VolumeError, match=r"damaged data .*readable chunks"):
        volume[4]


@pytest.mark.parametrize("name", ["a.npy", "a.npz", "a.tif"])
def test_opening_reads_a_header_and_no_voxel(tmp_path, name, monkeypatch):
    voxels = random_voxels((64, 256, 256))
    path = tmp_path / name
    if name == "a.npy":
        np.save(path, voxels)
    elif name == "a.npz":
        np.savez_compressed(path, probabilities=voxels[None])
    else:
        path.write_bytes(tiff_bytes(voxels))
    read = []
    real_open = io.open

    class Counting(io.FileIO):
        def readinto(self, buffer):
            count = super().readinto(buffer)
            read.append(count)
            return count

    def counting_open(file, mode="r", *args, **kwargs):
        if mode == "rb" and (isinstance(file, int) or Path(file) == path):
            return io.BufferedReader(Counting(file), 4096)
        return real_open(file, mode, *args, **kwargs)

    monkeypatch.setattr("builtins.open", counting_open)
    monkeypatch.setattr("io.open", counting_open)
    open_volume(path)
    monkeypatch.undo()
    assert 0 < sum(read) < 200_000


def test_the_visible_part_of_a_deflated_npz_is_decoded_once(tmp_path, monkeypatch):
    voxels = random_voxels()
    np.savez_compressed(tmp_path / "a.npz", probabilities=np.stack([voxels, voxels]))
    volume = open_volume(tmp_path / "a.npz")
    opened = []
    real = zipfile.ZipFile.open
    monkeypatch.setattr(
        zipfile.ZipFile, "open", lambda *args, **kwargs: opened.append(1) or real(*args, **kwargs)
    )
    for z in range(8):
        np.testing.assert_array_equal(volume[z], voxels[z])
    assert len(opened) == 1
    assert volume._source._voxels.nbytes == voxels.nbytes
    volume.release()
    volume[0]
    assert len(opened) == 2


# Truncation
@pytest.mark.parametrize(
    "options",
    [{}, {"compression": "lzw"}, {"bigtiff": True}, {"tile": (16, 16)}, {"truncate": True},
     {"ome": True}, {"metadata": None, "compression": "zlib"}],
    ids=str,
)  # fmt: skip
def test_a_truncated_tiff_is_never_a_shorter_volume(tmp_path, options):
    voxels = random_voxels()
    whole = tiff_bytes(voxels, **options)
    path = tmp_path / "a.tif"
    for size in [0, 1, 7, 8, 9, *range(16, len(whole), 61), len(whole) - 1]:
        path.write_bytes(whole[:size])
        read, fault = read_or_fault(path)
        if fault is None:
            np.testing.assert_array_equal(read, voxels)
        else:
            assert str(path) in fault


def test_a_tiff_that_was_cut_off_says_so(tmp_path):
    path = tmp_path / "a.tif"
    whole = tiff_bytes(random_voxels(), compression="lzw")
    path.write_bytes(whole[: len(whole) * 2 // 3])
    with pytest.raises(VolumeError, match=r"truncated TIFF file: it has \d+ bytes.*page \d"):
        open_volume(path)


@pytest.mark.parametrize("name", ["a.npy", "stored.npz", "deflated.npz"])
def test_truncated_numpy_files_are_errors(tmp_path, name):
    path, voxels = tmp_path / name, random_voxels()
    if name == "a.npy":
        np.save(path, voxels)
    else:
        save = np.savez if name == "stored.npz" else np.savez_compressed
        save(path, probabilities=voxels[None])
    whole = path.read_bytes()
    for size in [0, 5, 9, 60, 127, 128, 300, len(whole) // 2, len(whole) - 1]:
        path.write_bytes(whole[:size])
        with pytest.raises(VolumeError, match=name):
            open_volume(path).read()


@pytest.mark.parametrize(
    "text", ["{'shape': (", "{" * 3000, "(" * 9000, "", "[1", "{'a': 1}", " \n  x\n y", "1L)"]
)
def test_numpy_headers_that_are_no_literals_are_errors(tmp_path, text):
    header = text.encode().ljust(9000) + b"\n"
    magic = b"\x93NUMPY\1\0" + struct.pack("<H", len(header))
    (tmp_path / "a.npy").write_bytes(magic + header)
    with pytest.raises(VolumeError, match="no readable NumPy header"):
        open_volume(tmp_path / "a.npy")


def test_a_file_that_shrinks_after_opening_is_an_error_not_a_crash(tmp_path):
    path = tmp_path / "a.npy"
    np.save(path, random_voxels((64, 64, 64)))
    volume = open_volume(path)
    os.truncate(path, 4096)
    with pytest.raises(VolumeError, match="changed"):
        volume[63]


# Any damage at all
SOUND = {
    "lzw.tif": tiff_bytes(random_voxels((4, 9, 11)), compression="lzw"),
    "zlib.tif": tiff_bytes(random_voxels((4, 20, 33)), compression="zlib", tile=(16, 16)),
    "plain.tif": tiff_bytes(random_voxels((4, 9, 11))),
    "ome.tif": tiff_bytes(random_voxels((4, 9, 11)), ome=True),
    "imagej.tif": tiff_bytes(random_voxels((4, 9, 11)), imagej=True),
    "one_page.tif": tiff_bytes(random_voxels((4, 9, 11)), truncate=True),
    "big.tif": tiff_bytes(random_voxels((3, 9, 11), "float32"), bigtiff=True, compression="zstd"),
}
SOUND["a.npy"] = numpy_bytes(np.save, random_voxels((4, 9, 11)))
SOUND["stored.npz"] = numpy_bytes(np.savez, probabilities=random_voxels((2, 3, 4, 5)))
SOUND["small.npz"] = numpy_bytes(np.savez_compressed, probabilities=random_voxels((2, 3, 4, 5)))


@settings(max_examples=400)
@given(
    name=st.sampled_from(sorted(SOUND)),
    flips=st.lists(st.tuples(st.floats(0, 1), st.integers(0, 255)), min_size=1, max_size=6),
    near_the_header=st.booleans(),
)
def test_damage_anywhere_gives_voxels_or_a_volume_error(
    tmp_path_factory, name, flips, near_the_header
):
    content = bytearray(SOUND[name])
    reach = min(len(content), 600) if near_the_header else len(content)
    for place, value in flips:
        content[int(place * (reach - 1))] = value
    path = tmp_path_factory.mktemp("damage") / name
    path.write_bytes(content)
    read, fault = read_or_fault(path, Role.IMAGE)
    assert fault is None or str(path) in fault
    assert read is None or read.ndim == 3
    shutil.rmtree(path.parent)


@pytest.mark.filterwarnings("ignore::zarr.errors.ZarrUserWarning")
def test_damaged_zarr_metadata_give_a_volume_error(tmp_path):
    for zarr_format, name in ((2, ".zarray"), (3, "zarr.json")):
        path = tmp_path / f"{zarr_format}.zarr"
        array = zarr.create_array(
            path, shape=(4, 5, 6), dtype="u1", chunks=(2, 2, 2), zarr_format=zarr_format
        )
        array[...] = 1
        sound = json.loads((path / name).read_text())
        replacements = (None, -1, 0, "x", [], {}, [0, 0, 0], [2**40] * 3, True, [None])
        for key in sound:
            for value in replacements:
                (path / name).write_text(json.dumps({**sound, key: value}))
                _, fault = read_or_fault(path, Role.IMAGE, most_bytes=2**20)
                assert fault is None or str(path) in fault
        for text in ("", "{", "[]", "null", "3", '"a"', "\x00" * 50, "[" * 5000):
            (path / name).write_text(text)
            with pytest.raises(VolumeError):
                open_volume(path)


@pytest.mark.parametrize(
    "image",
    [None, [], {}, [None], [{}], [{"datasets": []}], [{"datasets": [{}]}],
     [{"datasets": [{"path": 3}]}], [{"datasets": [{"path": ""}]}],
     [{"datasets": [{"path": "missing"}]}], [{"datasets": [{"path": "0"}], "axes": [3, None]}]],
    ids=str,
)  # fmt: skip
def test_odd_multiscale_metadata_give_a_volume_error(tmp_path, image):
    group = zarr.open_group(tmp_path / "a.zarr", mode="w")
    group.create_array("0", shape=(2, 3, 4, 5), dtype="uint8")
    group.attrs["ome"] = {"multiscales": image}
    with pytest.raises(VolumeError):
        open_volume(tmp_path / "a.zarr")


# Hostile
def test_page_chains_that_go_in_circles_are_refused(tmp_path):
    path = tmp_path / "a.tif"
    path.write_bytes(tiff_bytes(random_voxels(), metadata=None))
    with tifffile.TiffFile(path) as tiff:
        last = tiff.pages[7]
        tag_count = len(last.tags)
        overwrite(path, last.offset + 2 + 12 * tag_count, struct.pack("<I", tiff.pages[2].offset))
    with pytest.raises(VolumeError, match="does not end"):
        open_volume(path)
