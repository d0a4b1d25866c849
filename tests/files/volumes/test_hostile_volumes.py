"""Volumes that are made to mislead: sizes, tables, codecs and links."""

from __future__ import annotations

import io
import json
import os
import pickle
import shutil
import struct
import zipfile
import zlib
from pathlib import Path

import numpy as np
import pytest
import tifffile
import zarr

from napari_nx46.files.volumes.numpy_reader import open_npz
from napari_nx46.files.volumes.opening import Role, VolumeError, open_volume
from napari_nx46.files.volumes.origin import Origin
from tests.files.volumes.damaged import numpy_bytes, overwrite, random_voxels, tiff_bytes


def test_absurd_sizes_are_refused_before_anything_is_allocated(tmp_path):
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(
        header, {"shape": (1, 2**20, 2**20, 2**20), "fortran_order": False, "descr": "<f4"}
    )
    with zipfile.ZipFile(tmp_path / "a.npz", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("probabilities.npy", header.getvalue())
    with pytest.raises(VolumeError, match="at most"):
        open_volume(tmp_path / "a.npz")
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(
        header, {"shape": (2**11,) * 3, "fortran_order": False, "descr": "<f4"}
    )
    (tmp_path / "a.npy").write_bytes(header.getvalue())
    with pytest.raises(VolumeError, match="cut off"):
        open_volume(tmp_path / "a.npy")


@pytest.mark.parametrize("order", ["C", "F"])
def test_a_deflated_array_is_held_whole_where_its_channels_are_mixed(tmp_path, order):
    voxels = np.asarray(random_voxels((2, 8, 16, 16)), order=order)
    np.savez_compressed(tmp_path / "a.npz", probabilities=voxels)
    source = open_npz(Origin(tmp_path / "a.npz")).source(1)
    assert source.piece_bytes == (voxels.nbytes if order == "F" else voxels[0].nbytes)
    np.testing.assert_array_equal(open_volume(tmp_path / "a.npz").read(), voxels[1])


def entry_of(path, page, code):
    """Return where the directory entry of a tag of a little-endian classic TIFF lies."""
    with tifffile.TiffFile(path) as tiff:
        return tiff.pages[page].tags[code].offset


def test_a_page_that_lacks_a_strip_is_refused_not_filled_with_zeros(tmp_path):
    path = tmp_path / "a.tif"
    path.write_bytes(tiff_bytes(random_voxels(), compression="lzw", metadata=None))
    overwrite(path, entry_of(path, 3, 278) + 8, struct.pack("<H", 8))
    with pytest.raises(VolumeError, match=r"a\.tif \(fragment 7\).*1 strip offsets.*page 3"):
        open_volume(path, image_id="7")


@pytest.mark.parametrize("code", [273, 279])
def test_a_strip_without_data_is_refused_not_filled_with_zeros(tmp_path, code):
    path = tmp_path / "a.tif"
    path.write_bytes(tiff_bytes(random_voxels(), compression="lzw", metadata=None))
    overwrite(path, entry_of(path, 5, code) + 8, bytes(4))
    with pytest.raises(VolumeError, match=r"no data for a strip.*page 5"):
        open_volume(path)


def test_strips_beyond_the_end_of_the_file_are_refused(tmp_path):
    path = tmp_path / "a.tif"
    path.write_bytes(tiff_bytes(random_voxels(), compression="lzw", metadata=None))
    overwrite(path, entry_of(path, 5, 273) + 8, struct.pack("<I", 2**31))
    with pytest.raises(VolumeError, match=r"truncated TIFF file: it has \d+ bytes.*page 5"):
        open_volume(path)


def test_an_uncompressed_strip_that_is_too_short_is_refused(tmp_path):
    path = tmp_path / "a.tif"
    path.write_bytes(tiff_bytes(random_voxels(dtype="uint16"), metadata=None))
    overwrite(path, entry_of(path, 2, 279) + 8, struct.pack("<I", 511))
    with pytest.raises(VolumeError, match=r"511 bytes.*expected 512 .*page 2"):
        open_volume(path)


def test_tables_that_readers_could_take_differently_are_refused(tmp_path):
    path = tmp_path / "a.tif"
    whole = tiff_bytes(random_voxels(), compression="lzw", metadata=None)
    path.write_bytes(whole)
    another = entry_of(path, 4, 282)
    overwrite(path, another, struct.pack("<H", 273))
    with pytest.raises(VolumeError, match=r"tag 273 twice.*page 4"):
        open_volume(path)
    path.write_bytes(whole)
    overwrite(path, another, struct.pack("<H", 324))
    with pytest.raises(VolumeError, match=r"both strips and tiles.*page 4"):
        open_volume(path)


def test_more_strips_than_can_be_kept_are_refused_before_they_are_read(tmp_path, monkeypatch):
    path = tmp_path / "a.tif"
    path.write_bytes(tiff_bytes(random_voxels(), compression="lzw", rowsperstrip=1))
    monkeypatch.setattr("napari_nx46.files.volumes.tiff.structure.MAX_VALUES", 200)
    with pytest.raises(VolumeError, match="200 in a file at most"):
        open_volume(path)


def with_first_strip(voxels, strip):
    """Return a deflated TIFF whose first strip is another one."""
    content = bytearray(tiff_bytes(voxels, compression="zlib", metadata=None))
    with tifffile.TiffFile(io.BytesIO(content)) as tiff:
        offsets, sizes = (tiff.pages.first.tags[code].valueoffset for code in (273, 279))
    struct.pack_into("<I", content, offsets, len(content))
    struct.pack_into("<I", content, sizes, len(strip))
    return bytes(content) + strip


@pytest.mark.parametrize("rows", [0, 8, 15.5, 17, 100_000])
def test_sound_streams_of_another_length_than_a_page_needs_are_damage(tmp_path, rows):
    path, voxels = tmp_path / "a.tif", random_voxels()
    stream = zlib.compress(bytes(int(16 * rows)))
    path.write_bytes(with_first_strip(voxels, stream))
    volume = open_volume(path)
    np.testing.assert_array_equal(volume[1:], voxels[1:])
    with pytest.raises(VolumeError, match=r"damaged data in page 0\b"):
        volume[0]


def test_a_strip_with_far_more_bytes_than_its_voxels_need_is_not_read(tmp_path):
    path = tmp_path / "a.tif"
    path.write_bytes(with_first_strip(random_voxels(), zlib.compress(bytes(256)) + bytes(2**17)))
    with pytest.raises(VolumeError, match=r"page 0 \(\d+ bytes for 256 bytes of voxels\)"):
        open_volume(path)[0]


def test_a_member_of_another_size_than_its_header_says_is_refused(tmp_path):
    array = numpy_bytes(np.save, random_voxels((1, 3, 4, 5)))
    for content in (array[:-1], array + b"\0"):
        for method in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            with zipfile.ZipFile(tmp_path / "a.npz", "w", method) as archive:
                archive.writestr("probabilities.npy", content)
            with pytest.raises(VolumeError, match=r"bytes in member probabilities\.npy"):
                open_volume(tmp_path / "a.npz")


def test_a_false_checksum_in_a_deflated_npz_is_damage(tmp_path):
    voxels = random_voxels((2, 8, 16, 16))
    np.savez_compressed(tmp_path / "a.npz", probabilities=voxels)
    content = bytearray((tmp_path / "a.npz").read_bytes())
    for signature, place in ((b"PK\3\4", 14), (b"PK\1\2", 16)):
        start = content.index(signature) + place
        content[start] ^= 255
    (tmp_path / "a.npz").write_bytes(content)
    for channel in (0, 1):
        with pytest.raises(VolumeError, match="CRC"):
            open_volume(tmp_path / "a.npz", channel=channel)[0]


@pytest.mark.parametrize(
    "path", ["../outside.zarr", "a/../../outside.zarr", "/etc", "..\\x", "a" * 10_000]
)
def test_ome_metadata_lead_nowhere_outside_the_folder(tmp_path, path):
    zarr.create_array(tmp_path / "outside.zarr", shape=(2, 3, 4), dtype="uint8")
    group = zarr.open_group(tmp_path / "a.zarr", mode="w")
    group.attrs["ome"] = {"multiscales": [{"datasets": [{"path": path}]}]}
    with pytest.raises(VolumeError, match="relative path within the folder"):
        open_volume(tmp_path / "a.zarr")


def test_images_of_very_many_resolutions_are_refused(tmp_path):
    group = zarr.open_group(tmp_path / "a.zarr", mode="w")
    group.create_array("0", shape=(2, 3, 4), dtype="uint8")
    group.attrs["ome"] = {"multiscales": [{"datasets": [{"path": "0"}] * 1000}]}
    with pytest.raises(VolumeError, match="1000 resolutions; expected at most 64"):
        open_volume(tmp_path / "a.zarr")


@pytest.mark.parametrize("kind", ["loop", "nowhere", "pipe"])
@pytest.mark.parametrize("separator", [".", "/"])
def test_chunks_that_are_no_files_are_listed_and_not_read(tmp_path, kind, separator):
    path = tmp_path / "a.zarr"
    keys = {"name": "v2", "separator": separator}
    array = zarr.create_array(
        path, shape=(4, 4, 4), chunks=(2, 4, 4), dtype="u1", zarr_format=2, chunk_key_encoding=keys
    )
    array[...] = 1
    chunk = path / f"1{separator}0{separator}0"
    chunk.unlink()
    if kind == "pipe":
        os.mkfifo(chunk)
    else:
        chunk.symlink_to(chunk if kind == "loop" else tmp_path / "nowhere")
    volume = open_volume(path)
    assert volume.layout is not None
    assert len(list(volume.layout.existing())) == 2
    assert volume[0:2].all()
    with pytest.raises(VolumeError, match="damaged data in"):
        volume[2:4]


def test_chunks_in_a_folder_that_cannot_be_listed_are_not_absent(tmp_path, monkeypatch):
    path = tmp_path / "a.zarr"
    keys = {"name": "v2", "separator": "/"}
    array = zarr.create_array(
        path, shape=(4, 4, 4), chunks=(2, 4, 4), dtype="u1", zarr_format=2, chunk_key_encoding=keys
    )
    array[...] = 1
    volume, listed = open_volume(path), os.scandir

    def refusing(folder):
        if str(folder) == str(path / "1"):
            raise PermissionError(13, "Permission denied")
        return listed(folder)

    monkeypatch.setattr(os, "scandir", refusing)
    with pytest.raises(VolumeError, match="cannot be listed: Permission denied"):
        list(volume.layout.existing())


@pytest.mark.parametrize("linked", ["chunk", "folder", "metadata"])
def test_links_out_of_a_zarr_folder_are_not_followed(tmp_path, linked):
    for name in ("a.zarr", "outside.zarr"):
        array = zarr.create_array(tmp_path / name, shape=(4, 4, 4), dtype="u1", chunks=(2, 4, 4))
        array[...] = 1
    inside = {"chunk": "c/0/0/0", "folder": "c/0", "metadata": "zarr.json"}[linked]
    target = tmp_path / "a.zarr" / inside
    shutil.rmtree(target) if target.is_dir() else target.unlink()
    target.symlink_to(tmp_path / "outside.zarr" / inside)
    with pytest.raises(VolumeError, match="leads out of the folder"):
        open_volume(tmp_path / "a.zarr").read()
    if linked != "metadata":
        with pytest.raises(VolumeError, match="link to a file outside"):
            open_volume(tmp_path / "a.zarr").fingerprint()


def test_a_link_to_a_zarr_folder_itself_is_followed(tmp_path):
    array = zarr.create_array(tmp_path / "real.zarr", shape=(4, 4, 4), dtype="u1")
    array[...] = 7
    (tmp_path / "a.zarr").symlink_to(tmp_path / "real.zarr")
    assert (open_volume(tmp_path / "a.zarr").read() == 7).all()


class Trace:
    """Leaves a file behind when it is unpickled."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return (Path.touch, (self.path,))


@pytest.mark.parametrize("place", ["compressor", "filters"])
def test_zarr_codecs_that_unpickle_are_refused(tmp_path, place):
    path, trace = tmp_path / "a.zarr", tmp_path / "trace"
    zarr.create_array(path, shape=(1, 1, 1), dtype="u1", zarr_format=2)[...] = 1
    metadata = json.loads((path / ".zarray").read_text())
    codec = {"id": "pickle", "protocol": 5}
    metadata.update({"compressor": None, "filters": None})
    metadata[place] = [codec] if place == "filters" else codec
    (path / ".zarray").write_text(json.dumps(metadata))
    (path / "0.0.0").write_bytes(pickle.dumps(Trace(trace)))
    with pytest.raises(VolumeError, match="pickle"):
        open_volume(path).read()
    assert not trace.exists()


@pytest.mark.parametrize("nested", [False, True])
def test_zarr_v3_codecs_that_unpickle_are_refused(tmp_path, nested):
    path = tmp_path / "a.zarr"
    zarr.create_array(path, shape=(2, 2, 2), dtype="u1", chunks=(1, 1, 1), shards=(2, 2, 2))
    metadata = json.loads((path / "zarr.json").read_text())
    codec = {"name": "numcodecs.pickle", "configuration": {"protocol": 5}}
    codecs = metadata["codecs"][0]["configuration"]["codecs"] if nested else metadata["codecs"]
    codecs.append(codec)
    (path / "zarr.json").write_text(json.dumps(metadata))
    with pytest.raises(VolumeError):
        open_volume(path)


def test_zarr_metadata_of_absurd_size_are_refused(tmp_path):
    path = tmp_path / "a.zarr"
    zarr.create_array(path, shape=(4, 4, 4), dtype="u1")
    with open(path / "zarr.json", "r+b") as stream:
        stream.truncate(2**24 + 1)
    with pytest.raises(VolumeError, match="expected at most"):
        open_volume(path)


def test_zarr_strings_and_objects_are_refused(tmp_path):
    zarr.create_array(tmp_path / "a.zarr", shape=(2, 2, 2), dtype="str")
    with pytest.raises(VolumeError, match=r"codec|elements of type"):
        open_volume(tmp_path / "a.zarr", role=Role.IMAGE)


def test_encrypted_members_of_an_npz_are_refused(tmp_path):
    np.savez(tmp_path / "a.npz", probabilities=random_voxels((1, 3, 4, 5)))
    content = bytearray((tmp_path / "a.npz").read_bytes())
    content[content.index(b"PK\1\2") + 8] |= 1
    content[content.index(b"PK\3\4") + 6] |= 1
    (tmp_path / "a.npz").write_bytes(content)
    with pytest.raises(VolumeError, match="encrypted"):
        open_volume(tmp_path / "a.npz")
