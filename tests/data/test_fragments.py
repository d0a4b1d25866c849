"""Fragments: what a data folder, a file or two files become, and what they may not be."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import numpy as np
import pytest
import tifffile
import zarr
from hypothesis import given
from hypothesis import strategies as st

from napari_nx46.data.fragments import (
    FolderNames,
    Fragment,
    FragmentError,
    open_data,
    open_readable,
    write_data_folder,
)
from napari_nx46.files.atomic import WriteError
from napari_nx46.files.volumes.opening import Role, VolumeError, VolumeWarning, open_volume

SHAPE = (4, 6, 8)


def probabilities(seed=0, shape=SHAPE):
    return np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)


def write(root, folder, image_id, voxels):
    write_data_folder(root, image_id, {folder: voxels})
    return root / folder / f"{image_id}.tif"


@pytest.fixture
def data_folder(tmp_path):
    root = tmp_path / "data"
    for number, image_id in enumerate(("20", "100", "a-b_c.d")):
        write_data_folder(
            root,
            image_id,
            {
                "p3d": probabilities(number),
                "p2d": probabilities(number + 10),
                "train_images": probabilities(number + 20),
                "train_labels": probabilities(number + 30) % 3,
            },
        )
    return root


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
    (tmp_path / "p3d" / "7.nii.gz").touch()
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
        "has files that are not read (1 .nii.gz)",
    ):
        assert part in notes


@pytest.mark.parametrize("name", ["a.nii.gz", "a.nii", "a.h5", "a.mrc", "a.png"])
@pytest.mark.parametrize("folder", ["p3d", "train_images", "."])
def test_files_of_other_formats_are_named_where_nothing_is_read(tmp_path, name, folder):
    (tmp_path / folder).mkdir(exist_ok=True)
    (tmp_path / folder / name).touch()
    with pytest.raises(FragmentError, match=rf"1 {name[1:]}\).*\.npz, \.zarr"):
        open_data(tmp_path)
