"""Damaged, truncated and hostile files: an error that names the file, and nothing else happens."""

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
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_nx46.files.volumes.numpy_reader import open_npz
from napari_nx46.files.volumes.opening import Role, VolumeError, open_volume
from napari_nx46.files.volumes.origin import Origin


def random_voxels(shape=(8, 16, 16), dtype="uint8"):
    return np.random.default_rng(1).integers(0, 200, shape).astype(dtype)


def tiff_bytes(voxels, **options):
    stream = io.BytesIO()
    tifffile.imwrite(stream, voxels, photometric="minisblack", **options)
    return stream.getvalue()


def read_or_fault(path, role=Role.PROBABILITY, most_bytes=2**26):
    """Return the voxels, or the message of the VolumeError, or neither if there are too many."""
    try:
        volume = open_volume(path, role=role)
        return (volume.read(), None) if volume.nbytes < most_bytes else (None, None)
    except VolumeError as error:
        return None, str(error)


def overwrite(path, place, content):
    with open(path, "r+b") as stream:
        stream.seek(place)
        stream.write(content)


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


def numpy_bytes(save, *arrays, **named):
    stream = io.BytesIO()
    save(stream, *arrays, **named)
    return stream.getvalue()


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


@pytest.mark.parametrize("path", ["../outside.zarr", "a/../../outside.zarr", "/etc", "..\\x"])
def test_ome_metadata_lead_nowhere_outside_the_folder(tmp_path, path):
    zarr.create_array(tmp_path / "outside.zarr", shape=(2, 3, 4), dtype="uint8")
    group = zarr.open_group(tmp_path / "a.zarr", mode="w")
    group.attrs["ome"] = {"multiscales": [{"datasets": [{"path": path}]}]}
    with pytest.raises(VolumeError, match="relative path within the folder"):
        open_volume(tmp_path / "a.zarr")


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
    with pytest.raises(VolumeError, match="more than"):
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
