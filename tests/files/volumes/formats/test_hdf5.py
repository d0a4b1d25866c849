"""HDF5 datasets as volumes."""

from __future__ import annotations

import json

import h5py
import numpy as np
import pytest

from napari_nx46.data.fragments import open_data
from napari_nx46.files.volumes.opening import Role, VolumeError, image_id_of, open_volume
from tests.files.volumes.written_volumes import voxels_of

SHAPE = (7, 9, 11)
CHUNKS = (4, 5, 6)

STORED = {
    "contiguous": {},
    "plain chunks": {"chunks": CHUNKS},
    "gzip": {"chunks": CHUNKS, "compression": "gzip"},
    "shuffled": {"chunks": CHUNKS, "compression": "gzip", "shuffle": True},
    "lzf": {"chunks": CHUNKS, "compression": "lzf", "shuffle": True},
    "fletcher32": {"chunks": CHUNKS, "fletcher32": True},
}


def write(path, voxels, name="exported_data", **options):
    with h5py.File(path, "w") as file:
        file.create_dataset(name, data=voxels, **options)
    return path


@pytest.mark.parametrize("dtype", ["uint8", ">u2", "float32"])
@pytest.mark.parametrize("stored", STORED)
def test_datasets_are_read(tmp_path, stored, dtype):
    voxels = voxels_of(np.dtype(dtype).newbyteorder("=").name, SHAPE).astype(dtype)
    voxels[:4, :5] = 0
    path = write(tmp_path / "a.h5", voxels, **STORED[stored])
    volume = open_volume(path)
    np.testing.assert_array_equal(volume.read(), voxels)
    np.testing.assert_array_equal(volume[1:6:2, ::-3, 4], voxels[1:6:2, ::-3, 4])
    assert volume.dtype == voxels.dtype.newbyteorder("=")
    volume.release()
    np.testing.assert_array_equal(volume[3], voxels[3])


def test_chunks_that_are_absent_hold_the_fill_value(tmp_path):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        data = file.create_dataset(
            "a", SHAPE, "float32", chunks=CHUNKS, fillvalue=0.25, compression="gzip"
        )
        data[:2, :2, :2] = 1
        expected = data[...]
    np.testing.assert_array_equal(open_volume(tmp_path / "a.h5").read(), expected)


def test_filters_that_were_skipped_for_a_chunk(tmp_path):
    voxels = voxels_of("uint8", CHUNKS)
    with h5py.File(tmp_path / "a.h5", "w") as file:
        data = file.create_dataset("a", CHUNKS, "uint8", chunks=CHUNKS, compression="gzip")
        data.id.write_direct_chunk((0, 0, 0), voxels.tobytes(), filter_mask=1)
    np.testing.assert_array_equal(open_volume(tmp_path / "a.h5").read(), voxels)


def test_the_dataset_is_found_or_chosen(tmp_path):
    voxels = voxels_of("uint8", SHAPE)
    path = tmp_path / "a.h5"
    with h5py.File(path, "w") as file:
        file["raw"] = voxels ^ 1
        file["flat"] = voxels[0, 0]
        file["volumes/predictions"] = voxels
        file["z"] = file["volumes/predictions"]
        file["round"] = file["volumes"]
        file["volumes/up"] = file["/"]  # a circle
    np.testing.assert_array_equal(open_volume(path).read(), voxels)
    np.testing.assert_array_equal(open_volume(path / "raw").read(), voxels ^ 1)
    np.testing.assert_array_equal(open_volume(path / "volumes" / "predictions").read(), voxels)
    assert image_id_of(path / "volumes" / "predictions") == image_id_of(path) == "a"
    assert open_data(path / "raw").image_ids == ("a",)
    for missing in ("nothing", "volumes", "raw/more"):
        with pytest.raises(VolumeError, match=r"expected the path of one.*raw"):
            open_volume(path / missing)
    with h5py.File(path, "a") as file:
        del file["volumes/predictions"], file["z"]
        file["other"] = voxels
    with pytest.raises(VolumeError, match=r"found 2 datasets .*FILE/PATH; there are other, raw"):
        open_volume(path)


def test_axes_and_channels(tmp_path):
    voxels = voxels_of("float32", (2, 4, 5, 6))
    path = write(tmp_path / "a.h5", voxels, "predictions")  # as 3D U-Net writes them
    np.testing.assert_array_equal(open_volume(path).read(), voxels[1])
    last = np.moveaxis(voxels, 0, -1)[None]
    with h5py.File(tmp_path / "b.h5", "w") as file:
        file["exported_data"] = last
        tags = {"axes": [{"key": key} for key in "tzyxc"]}
        file["exported_data"].attrs["axistags"] = json.dumps(tags)
        file["exported_data"].attrs["element_size_um"] = [3.0, 2.0, 1.0]
    volume = open_volume(tmp_path / "b.h5", channel=0)
    np.testing.assert_array_equal(volume.read(), voxels[0])
    assert volume.placement.micrometres == (3.0, 2.0, 1.0)


def test_numbers_in_other_files_and_links_are_refused(tmp_path):
    voxels = voxels_of("uint8", SHAPE)
    write(tmp_path / "other.h5", voxels, "a")
    (tmp_path / "raw.bin").write_bytes(voxels.tobytes())
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["external"] = h5py.ExternalLink(str(tmp_path / "other.h5"), "/a")
        file["soft"] = h5py.SoftLink("/external")
        file.create_dataset(
            "raw", SHAPE, "uint8", external=[(str(tmp_path / "raw.bin"), 0, voxels.size)]
        )
        layout = h5py.VirtualLayout(SHAPE, "uint8")
        layout[...] = h5py.VirtualSource(str(tmp_path / "other.h5"), "a", SHAPE)
        file.create_virtual_dataset("virtual", layout)
    for name in ("external", "soft"):
        with pytest.raises(VolumeError, match=f"no dataset {name}"):
            open_volume(tmp_path / "a.h5" / name)
    for name in ("raw", "virtual"):
        with pytest.raises(VolumeError, match="numbers in other files"):
            open_volume(tmp_path / "a.h5" / name)


def test_what_cannot_be_a_volume(tmp_path):
    for number, (data, options) in enumerate(
        (
            (np.zeros(SHAPE, "S3"), {}),
            (np.zeros(SHAPE, "c8"), {}),
            (np.zeros(SHAPE, "i4"), {"chunks": CHUNKS, "scaleoffset": 0}),
        )
    ):
        path = write(tmp_path / f"{number}.h5", data, **options)
        with pytest.raises(VolumeError, match=r"elements of type|filter 6 .*expected filters"):
            open_volume(path, role=Role.IMAGE).read()
    (tmp_path / "a.h5").write_bytes(b"\x89HDF\r\n\x1a\n" + bytes(100))
    (tmp_path / "b.h5").write_bytes(b"no file of that kind")
    for name in ("a.h5", "b.h5"):
        with pytest.raises(VolumeError, match="a damaged HDF5 file"):
            open_volume(tmp_path / name)
    with h5py.File(tmp_path / "c.h5", "w") as file:
        file.create_dataset("a", (2**17, 2**17, 2**17), "uint8", chunks=(1, 1, 1))
    with pytest.raises(VolumeError, match="expected at most"):
        open_volume(tmp_path / "c.h5")


@pytest.mark.parametrize("content", [b"", bytes(30), b"\x78\x9c" + bytes(40)])
def test_chunks_that_are_damaged(tmp_path, content):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        data = file.create_dataset("a", CHUNKS, "uint8", chunks=CHUNKS, compression="gzip")
        data.id.write_direct_chunk((0, 0, 0), content or b"1")
    with pytest.raises(VolumeError, match="damaged data in"):
        open_volume(tmp_path / "a.h5").read()


def test_numbers_behind_a_user_block(tmp_path):
    voxels = voxels_of("uint8", SHAPE)
    for name, options in STORED.items():
        with h5py.File(tmp_path / f"{name}.h5", "w", userblock_size=512) as file:
            file.create_dataset("a", data=voxels, **options)
        np.testing.assert_array_equal(open_volume(tmp_path / f"{name}.h5").read(), voxels)


def test_a_file_that_changes_is_noticed(tmp_path):
    voxels = voxels_of("uint8", SHAPE)
    path = write(tmp_path / "a.h5", voxels, **STORED["gzip"])
    volume = open_volume(path)
    write(path, voxels ^ 1, **STORED["shuffled"])
    with pytest.raises(VolumeError, match="changed or replaced"):
        volume.read()
