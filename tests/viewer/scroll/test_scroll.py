"""A store larger than memory in a window: boxes on its map, tuned, and applied to all of it."""

from __future__ import annotations

import numpy as np
import pytest
import zarr
from qtpy.compat import isalive

from napari_nx46.data.fragments import StorePlace
from napari_nx46.data.fragments.boxes import Box
from napari_nx46.files.volumes.opening import open_volume
from napari_nx46.masks import make_mask
from napari_nx46.viewer.plugin import readers
from napari_nx46.viewer.plugin.readers import get_reader, read_layers
from napari_nx46.viewer.scroll.dock import ScrollDock
from napari_nx46.viewer.tune import dock as tune_dock
from napari_nx46.viewer.window.docks import open_dock_of
from napari_nx46.viewer.window.launch import add_dock
from napari_nx46.voxels.corrections.corrections import Corrections
from tests.files.stores.server import BUCKET, served
from tests.live.scroll.stores import waves, write_image
from tests.viewer.windows import PATIENCE

SHAPE = (96, 96, 96)


@pytest.fixture(scope="module")
def voxels():
    return waves(SHAPE)


@pytest.fixture
def store(tmp_path, voxels):
    write_image(tmp_path / "scroll.zarr", voxels, chunk=32)
    return tmp_path / "scroll.zarr"


class Window:
    """A window with a store in the dock Scroll."""

    def __init__(self, viewer, qtbot):
        self.viewer = viewer
        self.qtbot = qtbot
        self.tune = add_dock(viewer)
        self.dock = open_dock_of(viewer, ScrollDock)

    def wait_until(self, condition):
        self.qtbot.waitUntil(lambda: bool(condition()), timeout=PATIENCE)

    def wait_for_map(self):
        self.wait_until(lambda: self.dock.panel is not None and self.dock.panel.overview)
        return self.dock.panel


@pytest.fixture
def window(make_napari_viewer, qtbot):
    window = Window(make_napari_viewer(show=True), qtbot)
    yield window
    if window.tune.viewer_session is not None:
        window.tune.close_session()


def test_boxes_are_placed_on_the_map_of_what_is_larger_than_memory(
    window, store, monkeypatch, tmp_path
):
    monkeypatch.setattr(tune_dock, "DEFAULT_MEMORY_BUDGET", 1000)
    window.tune.open_paths(store)
    panel = window.wait_for_map()
    assert panel.overview.words == "level 0"
    panel.box_panel.side_box.setValue(32)
    panel.box_panel.add_button.click()
    assert panel.boxes.boxes == (Box((32, 32, 32), (64, 64, 64)),)
    # Dragged and resized in one slice, it is drawn so in the other.
    roi, below = (plane.rois[0] for plane in panel.map_view.planes)
    roi.setPos((10, 4), finish=True)
    assert panel.boxes.boxes == (Box((32, 4, 10), (64, 36, 42)),)
    roi.setSize((40, 30), finish=True)
    assert panel.boxes.boxes == (Box((32, 4, 10), (64, 34, 50)),)
    assert (tuple(below.pos()), tuple(below.size())) == ((10, 32), (40, 32))
    below.setPos((10, 90), finish=True)  # beyond the end
    assert panel.boxes.boxes == (Box((64, 4, 10), (96, 34, 50)),)
    model = panel.box_panel.model
    assert model.setData(model.index(0, 1), "0:32,0:32,0:32")
    panel.map_view.z_slider.setValue(70)
    panel.box_panel.add_button.click()
    boxes = panel.boxes.boxes
    assert [str(box) for box in boxes] == ["0:32,0:32,0:32", "54:86,32:64,32:64"]
    assert panel.box_panel.table.chosen[0] == 1
    # The file has them when they are gone from the map.
    panel.box_panel.write(tmp_path / "boxes.json")
    panel.box_panel.remove_button.click()
    assert panel.boxes.boxes == boxes[:1]
    panel.box_panel.read(tmp_path / "boxes.json")
    assert panel.boxes.boxes == boxes


def test_the_levels_of_a_store_are_one_layer_read_behind_the_window(window, store, voxels):
    window.dock.open(StorePlace(str(store)))
    panel = window.wait_for_map()
    (layer,) = window.viewer.layers
    assert layer.multiscale
    assert [level.shape for level in layer.data] == [(96,) * 3, (48,) * 3, (24,) * 3]
    assert tuple(layer.scale) == (4, 4, 4)
    pyramid = panel.store_layer.layers.pyramid
    layer.data[0][40]  # asks for it
    window.wait_until(lambda: pyramid.is_complete)
    assert np.array_equal(layer.data[0][40], voxels[40])
    # The canvas is drawn again when what was missing has come.
    window.viewer.dims.set_current_step(0, 40)
    window.wait_until(lambda: pyramid.is_complete and drawn_brightly(window.viewer))
    window.viewer.layers.clear()
    assert not panel.store_layer.shown
    panel.show_button.click()
    assert panel.store_layer.shown


def test_a_store_on_a_server_and_one_without_levels_are_typed(
    window, store, voxels, monkeypatch, tmp_path
):
    array = zarr.create_array(tmp_path / "plain.zarr", data=voxels, chunks=(32,) * 3)
    assert array.shape == SHAPE
    with served(tmp_path) as server:
        monkeypatch.setenv("NX46_S3_ENDPOINT", server.url)
        monkeypatch.setenv("NX46_CACHE_DISK", "0")
        for typed, levels in ((f"s3://{BUCKET}/scroll.zarr", 3), (tmp_path / "plain.zarr", 1)):
            before = window.dock.panel
            window.dock.row.store_edit.setText(str(typed))
            window.dock.row.open_button.click()
            window.wait_until(lambda before=before: window.dock.panel not in (None, before))
            panel = window.wait_for_map()
            assert "96 × 96 × 96" in window.dock.row.about_label.text()
            assert len(panel.scroll.paths) == (levels if levels > 1 else 0)
            layers = panel.store_layer.layers
            layers.pyramid.levels[0][40]  # asks for it
            window.wait_until(lambda pyramid=layers.pyramid: pyramid.is_complete)
            assert np.array_equal(layers.pyramid.levels[0][40], voxels[40])
            panel.store_layer.show(False)


def drawn_brightly(viewer):
    """Return whether the canvas shows more than its background and dark noise."""
    picture = viewer.screenshot(canvas_only=True, flash=False)[..., :3]
    return (picture.max(axis=-1) > 200).mean() > 0.1


def test_boxes_are_tuned_and_the_accepted_setting_is_applied_to_all(
    window, store, voxels, tmp_path
):
    boxes = (Box((0, 0, 0), (32, 32, 32)), Box((54, 32, 32), (86, 64, 64)))
    window.dock.open(StorePlace(str(store), boxes=boxes))
    panel = window.wait_for_map()
    apply_panel = panel.apply_panel
    assert not apply_panel.apply_button.isEnabled()
    panel.tune_button.click()
    session = window.tune.viewer_session.session
    for fragment, box in zip(session.dataset, boxes, strict=True):
        assert np.array_equal(fragment.p3d.read(), voxels[box.slices])
    session.change(quantile=0.8, z_radius=1)
    assert "accept" in apply_panel.words.text().lower()
    first = session.dataset.image_ids[0]
    labels = np.zeros((32, 32, 32), np.uint8)
    labels[3:6, 4, 4:9] = 1
    session.corrections.change(first, Corrections.of(labels))
    session.accept(session.dataset.image_ids)
    out = tmp_path / "mask.zarr"
    # What stands there already is replaced by a press on its own button alone.
    out.mkdir()
    apply_panel.out_edit.setText(str(out))
    apply_panel.apply_button.click()
    window.wait_until(lambda: apply_panel.words.text().startswith("Not applied"))
    window.wait_until(lambda: not apply_panel.running)
    assert "found an image of another plan" in apply_panel.words.text()
    assert "press Begin again, which replaces it" in apply_panel.words.text()
    assert apply_panel.restart_button.isVisibleTo(apply_panel)
    session.corrections.change(first, Corrections.of(2 * labels))
    apply_panel.restart_button.click()
    window.wait_until(lambda: not apply_panel.running and apply_panel.written)
    assert not apply_panel.restart_button.isVisibleTo(apply_panel)
    assert "since a setting was accepted" in apply_panel.words.text()
    assert apply_panel.words.text().startswith("✓")
    frozen = apply_panel.preflight.plan.setting
    assert frozen.rule == "probability"
    expected = make_mask(voxels, setting=frozen)
    assert 0 < expected.mean() < 1
    expected[boxes[0].slices][labels > 0] = 1
    assert np.array_equal(open_volume(out, role="image").read(), 255 * expected)
    check_side_by_side(window, panel)


def check_side_by_side(window, panel):
    """Check that store and mask are seen side by side, and then no more."""
    panel.store_layer.show(False)
    before = list(window.viewer.layers)
    panel.apply_panel.result_button.click()
    assert window.viewer.canvas.grid.enabled
    assert len([one for one in window.viewer.layers if one not in before]) == 3
    window.wait_until(lambda: panel.result.is_complete)
    panel.apply_panel.result_button.click()
    assert not window.viewer.canvas.grid.enabled
    assert list(window.viewer.layers) == before


def test_boxes_are_spread_and_a_session_of_boxes_opens_its_store(window, store):
    box = "0:32,0:32,0:32"
    window.tune.open_paths(StorePlace(str(store), "0", (Box.parse(box),)))
    panel = window.wait_for_map()
    assert [str(one) for one in panel.boxes.boxes] == [box]
    panel.box_panel.side_box.setValue(32)
    panel.box_panel.count_box.setValue(3)
    panel.box_panel.spread_button.click()
    window.wait_until(lambda: len(panel.boxes.boxes) == 3)
    assert all(one.shape == (32, 32, 32) for one in panel.boxes.boxes)
    # A coarser level is another grid: its boxes are others.
    row = window.dock.row
    row.level_box.setCurrentText("1")
    row.level_box.activated.emit(1)
    window.wait_until(lambda: window.dock.panel is not panel)
    assert window.wait_for_map().boxes.shape == (48, 48, 48)
    assert window.dock.panel.boxes.boxes == ()


@pytest.mark.parametrize("first", ["the dock", "the window"])
def test_a_store_closes_with_its_dock_or_window(
    window, store, first, notifications, send_deferred_deletes
):
    window.dock.open(StorePlace(str(store), boxes=(Box((0, 0, 0), (32, 32, 32)),)))
    panel = window.wait_for_map()
    parts = (panel, panel.foot, panel.map_view)
    pyramid = panel.store_layer.layers.pyramid
    if first == "the dock":
        window.viewer.window.remove_dock_widget(window.dock)
        assert list(window.viewer.layers) == []
    else:
        window.viewer.close()
    send_deferred_deletes()
    assert not any(map(isalive, parts))
    pyramid.levels[0][3]  # asked for by nobody, it is not read any more
    assert pyramid.is_complete
    assert pyramid.held == 0
    assert notifications() == []


def test_napari_opens_what_is_larger_than_memory_in_this_dock(window, store, monkeypatch):
    assert get_reader(str(store)) is read_layers
    for module in (readers, tune_dock):
        monkeypatch.setattr(module, "DEFAULT_MEMORY_BUDGET", 1000)
    assert get_reader(str(store))(str(store)) == [(None,)]
    panel = window.wait_for_map()
    assert panel.scroll.place.store == str(store)


def test_what_cannot_be_opened_is_said(window, tmp_path, notifications):
    window.dock.row.store_edit.setText(str(tmp_path / "nothing.zarr"))
    window.dock.row.open_button.click()
    window.wait_until(lambda: any("nothing.zarr" in text for text in notifications()))
    assert window.dock.panel is None
    assert window.dock.introduction.isVisible()
