"""Fragments are grouped from folders, files and what is given by hand."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
import tifffile
import zarr

from napari_nx46.data.fragments import FolderNames, Fragment, FragmentError, open_data
from napari_nx46.files.volumes.opening import Role, VolumeError, open_volume
from tests.data.volumes_in_folders import SHAPE, probabilities, write


def test_a_data_folder_gives_its_fragments_in_order(data_folder):
    data = open_data(data_folder)
    assert data.name == "data"
    assert data.root == data_folder
    assert data.image_ids == ("100", "20", "a-b_c.d")
    assert len(data) == 3
    assert [fragment.image_id for fragment in data] == list(data.image_ids)
    fragment = data["20"]
    assert fragment.shape == SHAPE
    for number, volume in enumerate((fragment.p3d, fragment.p2d, fragment.image)):
        np.testing.assert_array_equal(volume.read(), probabilities(10 * number))
    np.testing.assert_array_equal(fragment.label.read(), probabilities(30) % 3)
    roles = [v.role for v in (fragment.p3d, fragment.p2d, fragment.image, fragment.label)]
    assert roles == [Role.PROBABILITY, Role.PROBABILITY, Role.IMAGE, Role.LABEL]
    assert fragment.p3d.image_id == "20"
    assert fragment.sources == {"p3d": fragment.p3d, "p2d": fragment.p2d}


def test_a_fragment_that_is_not_there_is_a_key_error_with_those_that_are(data_folder):
    with pytest.raises(KeyError, match=r"100, 20, a-b_c\.d"):
        open_data(data_folder)["21"]


@pytest.mark.parametrize("only", ["p3d", "p2d"])
def test_with_one_source_both_paths_read_it(tmp_path, only):
    write(tmp_path, only, "1", probabilities())
    fragment = open_data(tmp_path)["1"]
    assert fragment.p3d is fragment.p2d
    assert fragment.sources == {"p3d": fragment.p3d}
    assert fragment.p3d.path == tmp_path / only / "1.tif"
    assert fragment.image is None
    assert fragment.label is None


def test_fragments_of_one_folder_may_have_different_sources_and_shapes(tmp_path):
    write(tmp_path, "p3d", "1", probabilities())
    write(tmp_path, "p2d", "2", probabilities(shape=(3, 5, 7)))
    data = open_data(tmp_path)
    assert [fragment.shape for fragment in data] == [SHAPE, (3, 5, 7)]


def test_images_and_labels_without_probabilities_are_no_fragments(data_folder):
    write(data_folder, "test_images", "77", probabilities())
    write(data_folder, "train_labels", "78", probabilities() % 3)
    assert "77" not in open_data(data_folder).image_ids
    assert "78" not in open_data(data_folder).image_ids


def test_further_models_are_found_by_name(data_folder):
    for number, name in enumerate(("unet", "A-net.2", "resnet")):
        write(data_folder / "models", name, "20", probabilities(100 + number))
    (data_folder / "models" / "empty").mkdir()
    (data_folder / "models" / ".cache").mkdir()
    (data_folder / "models" / "notes.txt").touch()
    fragment = open_data(data_folder)["20"]
    assert list(fragment.models) == ["A-net.2", "resnet", "unet"]
    assert list(fragment.sources) == ["p3d", "p2d", "A-net.2", "resnet", "unet"]
    np.testing.assert_array_equal(fragment.models["unet"].read(), probabilities(100))
    assert {volume.role for volume in fragment.models.values()} == {Role.PROBABILITY}
    assert fragment.models["unet"].image_id == "20"
    assert fragment.volumes == (*fragment.sources.values(), fragment.image, fragment.label)
    assert open_data(data_folder)["100"].models == {}


def test_a_fragment_may_have_models_alone(tmp_path):
    write(tmp_path / "models", "a", "1", probabilities(1))
    write(tmp_path / "models", "b", "1", probabilities(2))
    write(tmp_path / "models", "b", "2", probabilities(3, (3, 5, 7)))
    data = open_data(tmp_path)
    assert data.image_ids == ("1", "2")
    assert data["1"].p3d is None
    assert data["1"].p2d is None
    assert list(data["1"].sources) == ["a", "b"]
    assert list(data["2"].sources) == ["b"]
    assert data["2"].shape == (3, 5, 7)


def test_the_fragments_are_those_of_paths_and_models_together(tmp_path):
    write(tmp_path, "p3d", "1", probabilities())
    write(tmp_path, "p2d", "2", probabilities())
    write(tmp_path / "models", "unet", "3", probabilities())
    write(tmp_path / "models", "unet", "1", probabilities())
    for image_id in ("1", "4"):
        write(tmp_path, "test_images", image_id, probabilities())
    data = open_data(tmp_path)
    found = {fragment.image_id: list(fragment.sources) for fragment in data}
    assert found == {"1": ["p3d", "unet"], "2": ["p3d"], "3": ["unet"]}


def test_images_are_fragments_where_there_is_no_probability_volume_at_all(tmp_path):
    write(tmp_path, "train_images", "1", probabilities(1))
    write(tmp_path, "test_images", "2", probabilities(2))
    write(tmp_path, "train_labels", "1", probabilities() % 3)
    write(tmp_path, "train_labels", "3", probabilities() % 3)
    (tmp_path / "p3d").mkdir()
    (tmp_path / "models" / "unet").mkdir(parents=True)
    data = open_data(tmp_path)
    assert data.image_ids == ("1", "2")
    fragment = data["1"]
    assert (fragment.p3d, fragment.p2d, fragment.sources) == (None, None, {})
    assert fragment.shape == SHAPE
    assert fragment.volumes == (fragment.image, fragment.label)
    np.testing.assert_array_equal(data["2"].image.read(), probabilities(2))


@pytest.mark.parametrize("name", ["p3d", "p2d", "image", "a b", "ü", "a.", "x" * 129, "a=b", "a,b"])
def test_models_with_other_than_plain_names_are_refused(data_folder, name):
    folder = data_folder / "models" / name
    folder.mkdir(parents=True)
    np.save(folder / "20.npy", probabilities())
    with pytest.raises(FragmentError, match="found a model named"):
        open_data(data_folder)


def test_a_volume_beside_the_models_is_reported_not_passed_over(data_folder):
    write(data_folder, "models", "20", probabilities())
    with pytest.raises(
        FragmentError, match=r"models/20\.tif.*expected it in a folder of its model"
    ):
        open_data(data_folder)


def test_two_files_of_one_image_id_in_one_model_are_refused(data_folder):
    path = write(data_folder / "models", "unet", "20", probabilities())
    np.save(path.with_suffix(".npy"), probabilities())
    with pytest.raises(FragmentError, match=r"fragment 20.*unet/20\.npy and .*unet/20\.tif"):
        open_data(data_folder)


def test_folders_may_have_other_names(tmp_path):
    for folder in ("mine3d", "mine2d", "ct", "truth"):
        write(tmp_path, folder, "1", probabilities() % 3)
    write(tmp_path / "nets", "unet", "1", probabilities())
    names = FolderNames("mine3d", "mine2d", images=("scan", "ct"), labels=("truth",), models="nets")
    fragment = open_data(tmp_path, folders=names)["1"]
    folders = [v.path.parent.name for v in (fragment.p3d, fragment.p2d, fragment.image)]
    assert folders == ["mine3d", "mine2d", "ct"]
    assert fragment.label.path.parent.name == "truth"
    assert fragment.models["unet"].path == tmp_path / "nets" / "unet" / "1.tif"


def test_every_format_may_lie_in_a_data_folder(tmp_path):
    folder = tmp_path / "p3d"
    folder.mkdir()
    voxels = probabilities()
    tifffile.imwrite(folder / "1.tiff", voxels, photometric="minisblack")
    tifffile.imwrite(folder / "2.ome.tif", voxels, photometric="minisblack")
    np.save(folder / "3.npy", voxels)
    np.savez(folder / "4.npz", probabilities=np.stack([voxels, voxels // 2]))
    for name in ("5.zarr", "6.ome.zarr"):
        array = zarr.create_array(folder / name, shape=voxels.shape, dtype=voxels.dtype)
        array[...] = voxels
    data = open_data(tmp_path, channel=0)
    assert data.image_ids == ("1", "2", "3", "4", "5", "6")
    for fragment in data:
        np.testing.assert_array_equal(fragment.p3d.read(), voxels)
    np.testing.assert_array_equal(open_data(tmp_path)["4"].p3d.read(), voxels // 2)


def test_files_that_are_no_volumes_are_passed_over(data_folder):
    for name in (".hidden.tif", "notes.txt", "100.pkl", "plans.json", "x.tif.partial"):
        (data_folder / "p3d" / name).write_text("not a volume")
    (data_folder / "p3d" / "folder.tif").mkdir()
    (data_folder / "p3d" / "deeper").mkdir()
    (data_folder / "p3d" / "file.zarr").touch()
    assert open_data(data_folder).image_ids == ("100", "20", "a-b_c.d")


def test_opening_a_data_folder_reads_no_voxels(data_folder):
    path = data_folder / "p3d" / "100.tif"
    with tifffile.TiffFile(path) as tiff:
        places = [page.dataoffsets[0] for page in tiff.pages]
        sizes = [page.databytecounts[0] for page in tiff.pages]
    with open(path, "r+b") as stream:
        for place, size in zip(places, sizes, strict=True):
            stream.seek(place)
            stream.write(bytes(size))
    fragment = open_data(data_folder)["100"]
    fragment.p2d.read()
    with pytest.raises(VolumeError, match=r"100\.tif \(fragment 100\): found damaged data"):
        fragment.p3d[0]


@pytest.mark.parametrize("folder", ["p2d", "models/unet", "train_images", "train_labels"])
def test_shapes_that_differ_name_both_files_and_shapes(data_folder, folder):
    parent, name = os.path.split(data_folder / folder)
    write(Path(parent), name, "100", probabilities(shape=(4, 6, 9)) % 3)
    with pytest.raises(FragmentError) as refused:
        open_data(data_folder)
    message = str(refused.value)
    for part in (
        "fragment 100",
        str(data_folder / "p3d" / "100.tif"),
        str(data_folder / folder / "100.tif"),
        "(4, 6, 8)",
        "(4, 6, 9)",
    ):
        assert part in message


def test_two_files_of_one_image_id_are_refused(data_folder):
    np.save(data_folder / "p3d" / "100.npy", probabilities())
    with pytest.raises(FragmentError, match=r"fragment 100.*100\.npy and .*100\.tif"):
        open_data(data_folder)


def test_an_image_in_two_image_folders_is_refused(data_folder):
    write(data_folder, "test_images", "100", probabilities())
    with pytest.raises(FragmentError, match=r"test_images.*train_images"):
        open_data(data_folder)


@pytest.mark.parametrize("image_id", ["a b", "ü", "a.", "a$b", "x" * 201, "a\nb"])
def test_image_ids_that_are_no_plain_names_are_refused(tmp_path, image_id):
    (tmp_path / "p3d").mkdir()
    np.save(tmp_path / "p3d" / f"{image_id}.npy", probabilities())
    with pytest.raises(FragmentError, match="found image_id"):
        open_data(tmp_path)


def test_a_link_that_leads_nowhere_is_reported_not_passed_over(data_folder):
    (data_folder / "p3d" / "9.tif").symlink_to("missing.tif")
    with pytest.raises(VolumeError, match="nothing at this path"):
        open_data(data_folder)


def test_a_folder_without_data_says_what_was_looked_for_and_found(tmp_path):
    write(tmp_path, "train_labels", "1", probabilities() % 3)
    (tmp_path / "notes.txt").touch()
    with pytest.raises(FragmentError) as refused:
        open_data(tmp_path)
    looked_for = ("p3d", "p2d", "models/NAME", "test_images", "train_images", ".zarr")
    for part in (str(tmp_path), "notes.txt, train_labels/", *looked_for):
        assert part in str(refused.value)


@pytest.mark.parametrize("folder", ["p3d", "models/unet", "test_images"])
def test_an_empty_folder_is_no_data(tmp_path, folder):
    (tmp_path / folder).mkdir(parents=True)
    with pytest.raises(FragmentError, match="expected a folder p3d, p2d or models/NAME"):
        open_data(tmp_path)


def test_a_single_volume_is_a_fragment_of_its_name(tmp_path):
    path = write(tmp_path, "p3d", "77", probabilities())
    data = open_data(path)
    assert (data.name, data.root, data.image_ids) == ("77", None, ("77",))
    assert data["77"].p3d is data["77"].p2d
    np.testing.assert_array_equal(data["77"].p3d.read(), probabilities())


@pytest.mark.parametrize("name", ["a.zarr", "named_otherwise"])
def test_a_zarr_folder_is_a_volume_not_a_data_folder(tmp_path, name):
    array = zarr.create_array(tmp_path / name, shape=SHAPE, dtype="u1")
    array[...] = 3
    data = open_data(tmp_path / name)
    assert data.image_ids == (name.removesuffix(".zarr"),)
    assert (data.fragments[0].p3d[0] == 3).all()


def test_two_volumes_are_p3d_and_p2d(tmp_path):
    first = write(tmp_path, "p3d", "77", probabilities(1))
    np.save(tmp_path / "other.npy", probabilities(2))
    data = open_data(first, tmp_path / "other.npy")
    assert data.image_ids == ("77",)
    np.testing.assert_array_equal(data["77"].p3d.read(), probabilities(1))
    np.testing.assert_array_equal(data["77"].p2d.read(), probabilities(2))
    assert list(data["77"].sources) == ["p3d", "p2d"]


def test_two_volumes_of_different_shapes_are_refused(tmp_path):
    first = write(tmp_path, "p3d", "77", probabilities())
    second = write(tmp_path, "p2d", "77", probabilities(shape=(1, 1, 1)))
    with pytest.raises(FragmentError, match=r"\(4, 6, 8\).*\(1, 1, 1\)"):
        open_data(first, second)


def test_none_or_three_paths_and_missing_paths_are_refused(tmp_path):
    path = write(tmp_path, "p3d", "77", probabilities())
    for paths in ((), (path, path, path)):
        with pytest.raises(FragmentError, match=f"found {len(paths)} paths"):
            open_data(*paths)
    with pytest.raises(FragmentError, match=r"missing\.tif.*nothing there"):
        open_data(path, tmp_path / "missing.tif")
    with pytest.raises(VolumeError, match="neither Zarr metadata nor the slices"):
        open_data(path, tmp_path)


def test_a_folder_named_zarr_without_metadata_is_a_damaged_volume(tmp_path):
    (tmp_path / "a.zarr").mkdir()
    with pytest.raises(VolumeError, match=r"a\.zarr"):
        open_data(tmp_path / "a.zarr")


def test_fragments_and_data_sets_cannot_be_changed(data_folder):
    data = open_data(data_folder)
    with pytest.raises(AttributeError):
        data.name = "other"
    with pytest.raises(AttributeError):
        data["20"].label = None


def test_a_fragment_may_be_put_together_by_hand(tmp_path):
    volume = open_volume(write(tmp_path, "p3d", "1", probabilities()))
    assert Fragment("1", volume, volume).shape == SHAPE
    image = open_volume(volume.path, role=Role.IMAGE)
    assert Fragment("1", None, None, image).shape == SHAPE
    model = Fragment("1", None, None, models={"unet": volume})
    assert model.sources == {"unet": volume}
    assert hash(model) == hash(Fragment("1", None, None, models={"unet": volume}))


def test_what_makes_no_fragment_is_refused_by_hand_too(tmp_path):
    volume = open_volume(write(tmp_path, "p3d", "1", probabilities()))
    with pytest.raises(FragmentError, match="one path; expected both or none"):
        Fragment("1", volume, None)
    with pytest.raises(FragmentError, match="no volume to make a score from"):
        Fragment("1", None, None, label=volume)
    with pytest.raises(FragmentError, match="found a model named 'p2d'"):
        Fragment("1", volume, volume, models={"p2d": volume})
