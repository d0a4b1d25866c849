"""Fragments that are written, folders of slices, and faults that are listed at once."""

from __future__ import annotations

import os
import shutil

import numpy as np
import pytest
import tifffile
from hypothesis import given
from hypothesis import strategies as st

from napari_nx46.data.fragments import FragmentError, open_data, open_readable, write_data_folder
from napari_nx46.files.atomic import WriteError
from napari_nx46.files.volumes.opening import VolumeError, VolumeWarning, open_volume
from tests.data.volumes_in_folders import probabilities, write


# Writing
@given(
    shape=st.tuples(*[st.integers(1, 9)] * 3),
    dtype=st.sampled_from(["uint8", "uint16", "float16", "float32"]),
)
def test_what_is_written_is_read_back(tmp_path_factory, shape, dtype):
    root = tmp_path_factory.mktemp("written")
    voxels = (probabilities(shape=shape) / 255).astype(dtype)
    write_data_folder(root, "1", {"p3d": voxels})
    read = open_data(root)["1"].p3d.read()
    assert read.dtype == dtype
    np.testing.assert_array_equal(read, voxels)
    assert [path.name for path in (root / "p3d").iterdir()] == ["1.tif"]
    shutil.rmtree(root)


@pytest.mark.parametrize("image_id", ["", "../1", "a/b", ".hidden", "a b", "..", "a\\b"])
def test_names_that_lead_elsewhere_are_not_written(tmp_path, image_id):
    with pytest.raises(FragmentError, match="found image_id"):
        write_data_folder(tmp_path / "root", image_id, {"p3d": probabilities()})
    with pytest.raises(FragmentError, match="found folder name"):
        write_data_folder(tmp_path / "root", "1", {image_id: probabilities()})
    assert not (tmp_path / "root").exists()


@pytest.mark.parametrize(
    "voxels",
    [
        np.zeros((2, 3)),
        np.zeros((2, 0, 3)),
        np.zeros((1, 2, 3), complex),
        np.zeros((1, 1, 1), "S1"),
    ],
    ids=lambda voxels: f"{voxels.shape} {voxels.dtype}",
)
def test_arrays_that_are_no_volumes_are_not_written(tmp_path, voxels):
    with pytest.raises(FragmentError, match="p2d: found an array of shape"):
        write_data_folder(tmp_path / "root", "1", {"p3d": probabilities(), "p2d": voxels})
    assert not (tmp_path / "root").exists()


def test_a_fault_while_writing_leaves_the_old_files_of_all_folders(tmp_path, monkeypatch):
    volumes = {"p3d": probabilities(1), "p2d": probabilities(2)}
    write_data_folder(tmp_path, "1", volumes)
    before = {path: path.read_bytes() for path in tmp_path.rglob("*.tif")}
    written = []
    real_write = tifffile.TiffWriter.write

    def failing_write(self, *args, **kwargs):
        written.append(1)
        if len(written) == 6:
            raise OSError(5, "Input/output error")
        return real_write(self, *args, **kwargs)

    monkeypatch.setattr(tifffile.TiffWriter, "write", failing_write)
    with pytest.raises(OSError, match="Input/output error"):
        write_data_folder(tmp_path, "1", {"p3d": probabilities(3), "p2d": probabilities(4)})
    assert len(written) == 6
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before


def test_a_file_that_does_not_read_back_equal_is_not_kept(tmp_path, monkeypatch):
    real_write = tifffile.TiffWriter.write
    monkeypatch.setattr(
        tifffile.TiffWriter,
        "write",
        lambda self, plane, **kwargs: real_write(self, plane ^ 1, **kwargs),
    )
    with pytest.raises(VolumeError, match="other voxels than were written"):
        write_data_folder(tmp_path, "1", {"p3d": probabilities()})
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]


def test_a_folder_that_cannot_be_made_is_reported(tmp_path):
    (tmp_path / "p3d").touch()
    with pytest.raises(OSError, match="p3d"):
        write_data_folder(tmp_path, "1", {"p3d": probabilities()})
    (tmp_path / "p2d" / "1.tif").mkdir(parents=True)
    with pytest.raises(WriteError, match=r"1\.tif"):
        write_data_folder(tmp_path, "1", {"p2d": probabilities()})


def test_arrays_in_any_memory_order_are_written_alike(tmp_path):
    voxels = probabilities()
    first = write(tmp_path / "a", "p3d", "1", voxels)
    second = write(tmp_path / "b", "p3d", "1", np.asfortranarray(voxels))
    third = write(tmp_path / "c", "p3d", "1", voxels.astype(">u1"))
    assert first.read_bytes() == second.read_bytes() == third.read_bytes()
    big_endian = voxels.astype(">u2")
    fourth = write(tmp_path / "d", "p3d", "1", big_endian)
    np.testing.assert_array_equal(open_volume(fourth).read(), voxels)


def test_paths_may_be_text(tmp_path):
    path = write(tmp_path, "p3d", "1", probabilities())
    write_data_folder(os.fspath(tmp_path), "2", {"p3d": probabilities()})
    assert open_data(os.fspath(tmp_path)).image_ids == ("1", "2")
    assert open_data(os.fspath(path)).image_ids == ("1",)


# ---- folders of slices, faults and pairing -------------------------------------------------------


def write_slices(folder, voxels):
    folder.mkdir(parents=True)
    for number, page in enumerate(voxels):
        tifffile.imwrite(folder / f"{number:03d}.tif", page)


def test_slices_straight_in_the_folders_are_the_fragment_of_the_data_folder(tmp_path):
    root = tmp_path / "scroll1"
    for number, folder in enumerate(("p3d", "p2d", "models/unet", "train_images", "train_labels")):
        write_slices(root / folder, probabilities(number) % 3)
    with pytest.warns(VolumeWarning, match=r"read 4 slices, 000\.tif to 003\.tif, as one volume"):
        data = open_data(root)
    assert data.image_ids == ("scroll1",)
    fragment = data["scroll1"]
    assert list(fragment.sources) == ["p3d", "p2d", "unet"]
    for number, volume in enumerate(fragment.volumes):
        np.testing.assert_array_equal(volume.read(), probabilities(number) % 3)
    assert len({note for volume in fragment.volumes for note in volume.notes}) == 5


@pytest.mark.filterwarnings("ignore:.*as one volume")
def test_folders_of_slices_lie_beside_files(tmp_path):
    write(tmp_path, "p3d", "a", probabilities(1))
    write_slices(tmp_path / "p3d" / "b", probabilities(2))
    write_slices(tmp_path / "train_labels" / "b", probabilities(3) % 3)
    data = open_data(tmp_path)
    assert data.image_ids == ("a", "b")
    np.testing.assert_array_equal(data["b"].p3d.read(), probabilities(2))
    np.testing.assert_array_equal(data["b"].label.read(), probabilities(3) % 3)


@pytest.mark.filterwarnings("ignore:.*as one volume")
def test_a_folder_of_slices_may_be_given_as_a_volume(tmp_path):
    for number, name in enumerate(("x", "y")):
        write_slices(tmp_path / name, probabilities(number))
    assert open_data(tmp_path / "x").image_ids == ("x",)
    fragment = open_data(tmp_path / "x", tmp_path / "y")["x"]
    np.testing.assert_array_equal(fragment.p2d.read(), probabilities(1))


def test_fragments_of_one_slice_are_possible_and_noted(tmp_path):
    for name in ("a", "b"):
        write(tmp_path, "p3d", name, probabilities(shape=(1, 6, 8)))
    data = open_data(tmp_path)
    assert data.image_ids == ("a", "b")
    assert "2 fragments have one slice each: a, b" in data.notes[0]
    assert open_data(tmp_path, only=["a"]).notes == ()


def test_only_the_files_of_the_chosen_fragments_are_touched(data_folder):
    (data_folder / "p3d" / "20.tif").write_bytes(b"")
    (data_folder / "train_labels" / "100.tif").unlink()
    (data_folder / "p3d" / "b ad.tif").touch()
    assert open_data(data_folder, only=["100"]).image_ids == ("100",)
    with pytest.raises(VolumeError, match=r"20\.tif"):
        open_data(data_folder, only=["20"])
    with pytest.raises(FragmentError, match=r"no fragment 21; there are 100, 20, a-b_c\.d"):
        open_data(data_folder, only=["21", "20"])


def test_all_faults_are_listed_at_once_and_cost_no_other_fragment(data_folder):
    (data_folder / "p3d" / "20.tif").write_bytes(b"")
    write(data_folder, "p2d", "100", probabilities(shape=(3, 6, 8)))
    (data_folder / "p3d" / "b ad.tif").touch()
    with pytest.raises(FragmentError, match="3 faults") as refused:
        open_data(data_folder)
    for part in ("20.tif", "fragment 100: found shape", "b ad.tif"):
        assert part in str(refused.value)
    data, faults = open_readable(data_folder)
    assert data.image_ids == ("a-b_c.d",)
    assert sorted(faults) == ["100", "20"]
    assert len(data.left_out) == 1


def test_what_pairs_with_nothing_is_named(tmp_path):
    for folder, image_id in (("p3d", "1"), ("p3d", "2"), ("p2d", "1"), ("models/u", "3")):
        place = tmp_path / folder
        write(place.parent, place.name, image_id, probabilities())
    for image_id in ("1_0000", "1_0001", "9"):
        write(tmp_path, "train_images", image_id, probabilities())
    write(tmp_path, "train_labels", "8", probabilities() % 3)
    (tmp_path / "p3d" / "7.mrc").touch()
    data = open_data(tmp_path)
    assert data["1"].image.path.name == "1_0000.tif"
    notes = "\n".join(data.notes)
    for part in (
        "1_0000.tif is taken for the CT image of fragment 1",
        f"{tmp_path / 'p3d'} has no volume of 3",
        f"{tmp_path / 'p2d'} has no volume of 2, 3",
        f"{tmp_path / 'models/u'} has no volume of 1, 2",
        "2 images without a probability volume, passed over: 1_0001, 9",
        "1 label without a probability volume, passed over: 8",
        "has files that are not read (1 .mrc)",
    ):
        assert part in notes


@pytest.mark.parametrize("name", ["a.mrc", "a.png", "a.vol"])
@pytest.mark.parametrize("folder", ["p3d", "train_images", "."])
def test_files_of_other_formats_are_named_where_nothing_is_read(tmp_path, name, folder):
    (tmp_path / folder).mkdir(exist_ok=True)
    (tmp_path / folder / name).touch()
    with pytest.raises(FragmentError, match=rf"1 {name[1:]}\).*\.npz, \.zarr"):
        open_data(tmp_path)
