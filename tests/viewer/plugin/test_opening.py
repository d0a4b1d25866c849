"""Opening through napari and through the dock: layers, samples, what is dropped, what is saved."""

from __future__ import annotations

import npe2
import numpy as np
import pytest
import tifffile
import zarr
from napari.layers import Image, Labels
from napari.utils.notifications import notification_manager
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QFileDialog

from napari_nx46.files.atomic import WriteError
from napari_nx46.files.submission.validation import validate_mask_file
from napari_nx46.files.volumes.opening import Volume
from napari_nx46.viewer.canvas.layers import IGNORED_LABEL_COLOR, METADATA_KEY, SURFACE_LABEL_COLOR
from napari_nx46.viewer.plugin import samples
from napari_nx46.viewer.plugin.readers import get_reader
from napari_nx46.viewer.window.launch import add_dock
from tests.viewer.windows import SHAPES, Opened, drop

PLUGIN = "napari-nx46"
FRAGMENT_LAYERS = ["CT image", "probability p2d", "probability p3d", "label"]
VOXELS = np.random.default_rng(46).random((6, 12, 14), dtype=np.float32)


def write_npy(path):
    np.save(path, VOXELS)


def write_npz(path):
    np.savez(path, probabilities=np.stack([1 - VOXELS, VOXELS]))


def write_tiff(path):
    tifffile.imwrite(path, VOXELS, photometric="minisblack")


def write_zarr(path):
    zarr.create_array(path, data=VOXELS, chunks=(2, 8, 8))


WRITERS = {".tif": write_tiff, ".tiff": write_tiff, ".npy": write_npy, ".npz": write_npz}
WRITERS[".zarr"] = write_zarr


@pytest.fixture
def _plugins_found():
    """Let npe2 find the installed plugins, as napari does when it starts."""
    npe2.PluginManager.instance().discover()


@pytest.mark.usefixtures("_plugins_found")
@pytest.mark.parametrize("suffix", WRITERS)
def test_every_format_is_read_by_the_manifest_reader(tmp_path, suffix):
    path = tmp_path / f"fragment{suffix}"
    WRITERS[suffix](path)
    (layer,) = npe2.read([str(path)], stack=False, plugin_name=PLUGIN)
    voxels, attributes, kind = layer
    assert (kind, attributes["name"], attributes["visible"]) == ("image", "probability p3d", True)
    assert attributes["metadata"][METADATA_KEY]["paths"] == [str(path)]
    assert isinstance(voxels, Volume)
    np.testing.assert_array_equal(voxels[2], VOXELS[2])


@pytest.mark.usefixtures("_plugins_found")
def test_a_data_folder_is_read_by_the_manifest_reader(data_folder):
    layers = npe2.read([str(data_folder)], stack=False, plugin_name=PLUGIN)
    assert [attributes["name"] for _, attributes, _ in layers] == FRAGMENT_LAYERS
    assert [kind for *_, kind in layers] == ["image", "image", "image", "labels"]


def test_other_folders_and_files_are_left_to_other_readers(tmp_path):
    assert get_reader(str(tmp_path)) is None
    assert get_reader(str(tmp_path / "picture.png")) is None
    assert get_reader([str(tmp_path / f"{number}.tif") for number in range(3)]) is None


def test_a_data_folder_opens_as_lazy_layers_of_which_the_lowest_is_shown(
    make_napari_viewer, data_folder, monkeypatch
):
    read = []
    monkeypatch.setattr(Volume, "read", read.append)
    viewer = make_napari_viewer()
    viewer.open(str(data_folder), plugin=PLUGIN)
    assert read == []
    assert [layer.name for layer in viewer.layers] == FRAGMENT_LAYERS
    assert [type(layer) for layer in viewer.layers] == [Image, Image, Image, Labels]
    assert [layer.visible for layer in viewer.layers] == [True, False, False, False]
    for layer in viewer.layers:
        assert isinstance(layer.data, Volume)
        assert layer.data.shape == SHAPES["a"]
        origin = layer.metadata[METADATA_KEY]
        assert (origin["paths"], origin["image_id"]) == ([str(data_folder)], "a")
    assert tuple(viewer.layers["probability p3d"].contrast_limits) == (0, 1)
    assert tuple(viewer.layers["probability p2d"].contrast_limits) == (0, 255)


def test_label_colours_tell_surface_from_ignored(make_napari_viewer, data_folder):
    viewer = make_napari_viewer()
    viewer.open(str(data_folder), plugin=PLUGIN)
    label = viewer.layers["label"]
    np.testing.assert_allclose(label.get_color(1), SURFACE_LABEL_COLOR, atol=1e-6)
    np.testing.assert_allclose(label.get_color(2), IGNORED_LABEL_COLOR, atol=1e-6)
    assert label.colormap.map(0)[3] == 0


@pytest.mark.parametrize("dock_first", [True, False])
def test_two_volumes_opened_as_layers_become_the_two_paths(
    make_napari_viewer, data_folder, qtbot, dock_first
):
    p3d, p2d = (data_folder / folder / "a.tif" for folder in ("p3d", "p2d"))
    viewer = make_napari_viewer()
    dock = add_dock(viewer) if dock_first else None
    for path in (p3d, p2d):
        viewer.open(str(path), plugin=PLUGIN)
        qtbot.wait(10)
    dock = dock or add_dock(viewer)
    qtbot.waitUntil(lambda: dock.viewer_session is not None and len(dock.viewer_session.paths) == 2)
    opened = Opened(viewer, dock, qtbot)
    opened.wait_until_exact()
    assert opened.session.fragment.p3d.path == p3d
    assert opened.session.fragment.p2d.path == p2d
    np.testing.assert_array_equal(np.asarray(opened.layer.data), opened.expected_mask())


def test_one_volume_is_read_by_both_paths(open_viewer_session, tmp_path):
    write_npy(tmp_path / "one.npy")
    opened = open_viewer_session(tmp_path / "one.npy")
    assert opened.session.fragment.p2d is opened.session.fragment.p3d
    np.testing.assert_array_equal(np.asarray(opened.layer.data), opened.expected_mask())
    assert [layer.name for layer in opened.viewer.layers] == ["probability p3d", "surface mask"]


def test_a_folder_or_two_volumes_dropped_on_the_dock_are_opened(
    make_napari_viewer, data_folder, qtbot
):
    viewer = make_napari_viewer()
    dock = add_dock(viewer)
    drop(dock, data_folder)
    assert dock.viewer_session.session.dataset.image_ids == ("a", "b", "c")
    p3d, p2d = (data_folder / folder / "b.tif" for folder in ("p3d", "p2d"))
    drop(dock, p3d, p2d)
    opened = Opened(viewer, dock, qtbot)
    opened.wait_until_exact()
    assert opened.session.dataset.image_ids == ("b",)
    assert opened.session.fragment.p2d.path == p2d


def test_the_open_buttons_open_what_their_dialogs_give(
    make_napari_viewer, data_folder, monkeypatch, qtbot
):
    dock = add_dock(make_napari_viewer())
    monkeypatch.setattr(QFileDialog, "getExistingDirectory", lambda *_: "")
    qtbot.mouseClick(dock.open_folder_button, Qt.MouseButton.LeftButton)
    assert dock.viewer_session is None
    monkeypatch.setattr(QFileDialog, "getExistingDirectory", lambda *_: str(data_folder))
    qtbot.mouseClick(dock.open_folder_button, Qt.MouseButton.LeftButton)
    assert dock.viewer_session.session.dataset.image_ids == ("a", "b", "c")
    chosen = [str(data_folder / "p3d" / "c.tif")]
    monkeypatch.setattr(QFileDialog, "getOpenFileNames", lambda *_: (chosen, ""))
    qtbot.mouseClick(dock.open_volumes_button, Qt.MouseButton.LeftButton)
    assert dock.viewer_session.session.dataset.image_ids == ("c",)


def test_the_sample_opens_from_the_menu_and_the_dock_tunes_it(
    make_napari_viewer, tmp_path, monkeypatch, qtbot
):
    monkeypatch.setattr(samples, "user_cache_path", lambda name, **_: tmp_path / "cache" / name)
    viewer = make_napari_viewer()
    dock = add_dock(viewer)
    viewer.open_sample(PLUGIN, "wound")
    qtbot.waitUntil(lambda: dock.viewer_session is not None)
    opened = Opened(viewer, dock, qtbot)
    opened.wait_until_exact()
    assert opened.session.dataset.image_ids == ("sample-pressed", "sample-torn", "sample-wound")
    np.testing.assert_array_equal(np.asarray(opened.layer.data), opened.expected_mask())
    # The layers are those of the fragment that was asked for.
    assert viewer.layers["CT image"].metadata[METADATA_KEY]["image_id"] == "sample-wound"
    assert opened.session.fragment.image_id == "sample-wound"


def test_samples_are_made_once_and_equal_those_of_the_repository(tmp_path, monkeypatch, repository):
    monkeypatch.setattr(samples, "user_cache_path", lambda name, **_: tmp_path / name)
    folder = samples.sample_folder()
    written = {path: path.stat().st_mtime_ns for path in folder.rglob("*.tif")}
    assert len(written) == 12
    for path in written:
        there = repository / "sample_data" / path.relative_to(folder)
        np.testing.assert_array_equal(tifffile.imread(path), tifffile.imread(there))
    samples.open_torn()
    assert {path: path.stat().st_mtime_ns for path in folder.rglob("*.tif")} == written


def test_the_mask_layer_is_saved_as_a_valid_mask(opened, tmp_path):
    opened.session.change(quantile=0.85, z_radius=4)
    target = tmp_path / "mask.tif"
    saved = opened.viewer.layers["surface mask"].save(str(target), plugin=PLUGIN)
    assert [str(path) for path in saved] == [str(target)]
    report = validate_mask_file(target, expected_shape=SHAPES["a"])
    assert report.errors == ()
    np.testing.assert_array_equal(tifffile.imread(target), opened.expected_mask())
    assert [path.name for path in tmp_path.iterdir() if "mask" in path.name] == ["mask.tif"]


def test_what_is_no_mask_is_not_saved(opened, tmp_path):
    with pytest.raises(WriteError, match="expected a mask with 0 and one other value"):
        opened.viewer.layers["probability p2d"].save(str(tmp_path / "p.tif"), plugin=PLUGIN)
    assert not (tmp_path / "p.tif").exists()


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.int32])
def test_labels_that_are_no_mask_are_saved_as_they_are(make_napari_viewer, tmp_path, dtype):
    viewer = make_napari_viewer()
    for shape in ((4, 5, 6), (1, 5, 6), (5, 6), (2, 3, 4, 5)):
        labels = np.random.default_rng(3).integers(0, 100, shape).astype(dtype)
        layer = viewer.add_labels(labels)
        (saved,) = layer.save(str(tmp_path / f"labels{shape}.tif"), plugin=PLUGIN)
        read = tifffile.imread(saved)
        assert read.dtype == dtype
        np.testing.assert_array_equal(read.reshape(shape), labels)


def test_data_opened_in_the_dock_stay_open_when_other_layers_are_still_there(
    make_napari_viewer, data_folder, one_fragment, qtbot
):
    viewer = make_napari_viewer()
    dock = add_dock(viewer)
    viewer.open(str(data_folder), plugin=PLUGIN)
    qtbot.waitUntil(lambda: dock.viewer_session is not None)
    dock.open_paths(one_fragment)
    qtbot.wait(50)
    assert dock.viewer_session.paths == (one_fragment,)


def test_layers_of_another_fragment_of_the_open_data_are_gone_on_with(
    make_napari_viewer, tmp_path, monkeypatch, qtbot
):
    monkeypatch.setattr(samples, "user_cache_path", lambda name, **_: tmp_path / "cache" / name)
    viewer = make_napari_viewer()
    dock = add_dock(viewer)
    for key in ("torn", "pressed"):
        viewer.open_sample(PLUGIN, key)
        qtbot.waitUntil(
            lambda key=key: (
                dock.viewer_session is not None
                and dock.viewer_session.session.fragment.image_id == f"sample-{key}"
            )
        )
    assert dock.panel.fragment_panel.chooser.currentText() == "sample-pressed"
    assert [layer.name for layer in viewer.layers].count("surface mask") == 1
    shapes = {layer.data.shape for layer in viewer.layers}
    assert shapes == {dock.viewer_session.session.fragment.shape}


def test_opening_other_data_takes_the_layers_of_the_old_data_away(opened, one_fragment):
    old_layers = list(opened.viewer_session.layers)
    opened.dock.open_paths(one_fragment)
    assert old_layers
    assert not any(layer in opened.viewer.layers for layer in old_layers)
    assert all(layer in opened.viewer.layers for layer in opened.dock.viewer_session.layers)


def test_other_data_are_named_fitted_and_entitled_and_leave_no_layer(
    make_napari_viewer, data_folder, one_fragment, qtbot
):
    viewer = make_napari_viewer()
    dock = add_dock(viewer)
    dock.open_paths(data_folder)
    dock.viewer_session.session.show_fragment("c")
    viewer.scene.camera.zoom *= 5
    viewer.scene.camera.center = (0, 1000, 1000)
    viewer.open(str(one_fragment), plugin=PLUGIN)
    qtbot.waitUntil(lambda: dock.viewer_session.paths == (one_fragment,))
    assert [layer.name for layer in viewer.layers] == [*FRAGMENT_LAYERS, "surface mask"]
    assert viewer.title == "NX46 · single"
    zoom, center = viewer.scene.camera.zoom, viewer.scene.camera.center
    viewer.reset_view(margin=0.02)
    assert (zoom, center) == (viewer.scene.camera.zoom, viewer.scene.camera.center)
    dock.open_paths(data_folder)
    assert [layer.name for layer in viewer.layers] == [*FRAGMENT_LAYERS, "surface mask"]
    assert viewer.title == "NX46 · data"


def test_a_window_that_was_named_keeps_its_name(make_napari_viewer, one_fragment):
    viewer = make_napari_viewer(title="mine")
    add_dock(viewer).open_paths(one_fragment)
    assert viewer.title == "mine"


def test_two_volumes_dropped_on_the_window_that_do_not_fit_are_the_error_of_the_button(
    make_napari_viewer, one_fragment, tmp_path, qtbot, notifications
):
    viewer = make_napari_viewer()
    dock = add_dock(viewer)
    dock.open_paths(one_fragment)
    before = list(viewer.layers)
    paths = [tmp_path / "first.npy", tmp_path / "second.npy"]
    for path, voxels in zip(paths, (VOXELS, VOXELS[1:]), strict=True):
        np.save(path, voxels)
    dock._try_to_open(list(map(str, paths)))
    (by_button,) = notifications()
    notification_manager.records.clear()
    viewer.open(list(map(str, paths)), plugin=PLUGIN)
    qtbot.waitUntil(lambda: notifications() == [by_button])
    qtbot.waitUntil(lambda: list(viewer.layers) == before)
    assert dock.viewer_session.paths == (one_fragment,)
