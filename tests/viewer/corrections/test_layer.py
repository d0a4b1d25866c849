"""Masks are corrected by napari's own tools: what is painted is in the mask, and stays there."""

from __future__ import annotations

import io
import zipfile

import numpy as np
import pytest
import tifffile
from qtpy.QtCore import Qt

from napari_nx46.files.corrections import read_corrections
from tests.viewer.corrections.painting import CONTROL, SHIFT, component_at

ONE_WINDOW = True
VOLUMES = ("p3d", "p2d", "test_images")


def test_what_is_painted_is_in_the_mask_at_once_and_napari_undoes_it(painting):
    corrections, session = painting.corrections, painting.session
    assert corrections.layer is None
    corrections.paint(1)
    painting.drag((10, 8), (10, 30))
    added = painting.labels()
    assert added[4, 10, 8:31].all()
    assert added.sum() == added[4].sum() > 23
    painting.assert_is_shown()
    corrections.paint(2)
    painting.click(12, 20)
    both = painting.labels()
    assert both[4, 12, 20] == 2
    painting.assert_is_shown()
    painting.opened.wait_until_exact()
    assert session.figures.fragment_density == painting.expected().mean()
    canvas = painting.canvas
    for labels in (added, np.zeros_like(added)):
        painting.opened.qtbot.keyClick(canvas, Qt.Key.Key_Z, CONTROL)
        np.testing.assert_array_equal(painting.labels(), labels)
        painting.assert_is_shown()
    painting.opened.qtbot.keyClick(canvas, Qt.Key.Key_Z, CONTROL | SHIFT)
    np.testing.assert_array_equal(painting.labels(), added)
    painting.opened.wait_until_exact()


def test_the_canvas_draws_what_was_painted_and_the_corrected_mask(painting):
    opened = painting.opened
    painting.corrections.paint(1)
    painting.drag((20, 5), (25, 40))
    painting.corrections.paint(2)
    painting.drag((5, 10), (35, 12))
    opened.session.change(quantile=0.8)
    opened.wait_until_exact()
    z = opened.session.view.slice_index
    np.testing.assert_array_equal(painting.drawn(), painting.labels()[z])
    opened.show_mask_alone()
    np.testing.assert_array_equal(opened.drawn_mask(), painting.expected()[z])


def test_the_brush_leaves_nothing_on_the_canvas_but_what_it_painted(painting):
    viewer, canvas = painting.viewer, painting.canvas
    painting.corrections.show(True)
    before = viewer.screenshot(canvas_only=True, flash=False)
    painting.corrections.paint(1)
    painting.opened.qtbot.mouseMove(canvas, canvas.rect().center())
    for visible in (False, True):
        painting.opened.layer.visible = visible
    painting.corrections.stop_painting()
    np.testing.assert_array_equal(viewer.screenshot(canvas_only=True, flash=False), before)


def test_a_slider_keeps_what_was_painted_and_the_export_has_it(painting):
    opened, session = painting.opened, painting.session
    painting.corrections.paint(1)
    painting.drag((20, 5), (25, 40))
    opened.type_into(opened.panel.knobs["quantile"].spin_box, "0.97")
    opened.wait_until_exact()
    painting.assert_is_shown()
    session.accept()
    frozen = painting.expected()
    painting.corrections.paint(2)
    painting.click(22, 20)
    assert "corrected since" in opened.export_panel.accepted_label.text()
    opened.click(opened.export_panel.export_button)
    opened.wait_until(lambda: not opened.export_panel.running)
    target = opened.export_panel.target
    with zipfile.ZipFile(target) as archive:
        mask = tifffile.imread(io.BytesIO(archive.read("a.tif")))
    np.testing.assert_array_equal(mask, frozen)
    saved = read_corrections(target.with_name(target.stem + ".corrections.npz"))
    assert saved == session.accepted_corrections
    opened.wait_until_exact()


@pytest.mark.parametrize("order", [(1, 0, 2), (2, 0, 1), (0, 2, 1)])
def test_any_plane_is_painted(painting, order):
    painting.viewer.dims.order = order
    painting.viewer.reset_view()
    painting.opened.wait_until(
        lambda: (
            painting.session.view.plane[order[0]].stop
            == painting.session.view.plane[order[0]].start + 1
        )
    )
    painting.corrections.paint(1)
    painting.corrections.layer.brush_size = 1
    place = [0, 0, 0]
    place[order[0]] = painting.session.view.plane[order[0]].start
    place[order[1]], place[order[2]] = 3, 5
    painting.click(3, 5)
    assert np.argwhere(painting.labels()).tolist() == [place]
    painting.assert_is_shown()
    painting.opened.wait_until_exact()


def test_the_brush_reaches_into_other_slices_and_fill_fills_a_region(painting):
    layer = painting.corrections.labels()
    painting.corrections.paint(1)
    layer.n_edit_dimensions, layer.brush_size = 3, 7
    painting.click(20, 20)
    assert set(np.nonzero(painting.labels())[0]) == {1, 2, 3, 4, 5, 6, 7}
    ball = painting.labels() == 1
    layer.mode, layer.selected_label = "fill", 2
    painting.click(20, 20)
    np.testing.assert_array_equal(painting.labels(), 2 * ball)
    layer.mode = "erase"
    layer.n_edit_dimensions, layer.brush_size = 2, 40
    painting.click(20, 20)
    assert not painting.labels()[4].any()
    assert (painting.labels()[3] == 2 * ball[3]).all()
    painting.assert_is_shown()
    painting.opened.wait_until_exact()


# ---- components ------------------------------------------------------------------------------


def test_a_click_keeps_or_removes_a_component_whole(painting):
    opened, session = painting.opened, painting.session
    session.change(quantile=0.97)
    opened.wait_until_exact()
    mask, z = opened.expected_mask(), session.view.slice_index
    y, x = (int(one[0]) for one in np.nonzero(mask[z]))
    component = component_at(mask, (z, y, x))
    painting.click(y, x, CONTROL)
    opened.wait_until(lambda: not session.present_corrections.is_empty)
    np.testing.assert_array_equal(painting.labels(), component)
    session.change(quantile=0.999)
    opened.wait_until_exact()
    assert session.whole_mask()[component].all()
    painting.corrections.paint(1)
    painting.click(y, x, CONTROL | SHIFT)
    opened.wait_until(lambda: session.present_corrections.erased > 0)
    labels = painting.labels()
    assert (labels[component] == 2).all()
    assert not (labels == 1).any()
    assert painting.corrections.painting == 1
    opened.wait_until_exact()
    painting.assert_is_shown()
    assert not session.whole_mask()[component].any()
    opened.qtbot.keyClick(painting.canvas, Qt.Key.Key_Z, CONTROL)
    np.testing.assert_array_equal(painting.labels(), component)
    opened.wait_until_exact()


def test_background_drags_and_plain_clicks_correct_nothing(painting, notifications):
    opened, session = painting.opened, painting.session
    mask, z = opened.expected_mask(), session.view.slice_index
    y, x = (int(one[0]) for one in np.nonzero(mask[z] == 0))
    painting.click(y, x, CONTROL)
    opened.wait_until(lambda: any("no voxel of the mask" in one for one in notifications()))
    y, x = (int(one[0]) for one in np.nonzero(mask[z]))
    painting.drag((y, x), (y + 10, x + 10), CONTROL)
    painting.click(y, x)
    painting.click(y, x, SHIFT)
    assert session.graph.wait_until_idle(20)
    assert session.present_corrections.is_empty


# ---- the layer -------------------------------------------------------------------------------


def test_the_layer_follows_the_fragment_and_undo_stays_with_it(painting):
    opened, session, corrections = painting.opened, painting.session, painting.corrections
    corrections.paint(1)
    painting.click(10, 10)
    of_a = session.corrections.of("a")
    session.show_fragment("b")
    opened.wait_until_exact()
    layer = corrections.layer
    assert layer.data.shape == session.fragment.shape
    assert not np.asarray(layer.data).any()
    layer.undo()
    assert session.corrections.by_fragment == {"a": of_a}
    layer.data[0, 0:3, 0:4] = 2
    layer.refresh()
    assert session.corrections.of("b").erased == 12
    session.show_fragment("a")
    opened.wait_until_exact()
    np.testing.assert_array_equal(np.asarray(corrections.layer.data), of_a.whole_labels())
    painting.assert_is_shown()


def test_a_deleted_layer_leaves_what_was_corrected(painting):
    opened, corrections = painting.opened, painting.corrections
    corrections.paint(1)
    painting.click(10, 10)
    present = painting.session.present_corrections
    painting.viewer.layers.remove(corrections.layer)
    opened.wait_until(lambda: corrections.layer is None)
    assert painting.session.present_corrections == present
    assert corrections.painting is None
    corrections.show(True)
    painting.assert_is_shown()


def test_a_copy_of_the_layer_is_an_ordinary_one(painting):
    painting.corrections.paint(1)
    painting.click(10, 10)
    copied = painting.corrections.layer.as_layer_data_tuple()
    duplicate = painting.viewer.add_labels(copied[0])
    painting.opened.wait_until(lambda: isinstance(duplicate.data, np.ndarray))
    duplicate.data[:] = 2
    assert painting.session.present_corrections.erased == 0


def test_changes_from_elsewhere_are_drawn(painting):
    opened, session = painting.opened, painting.session
    painting.corrections.show(True)
    z = session.view.slice_index
    present = session.present_corrections
    labels = np.zeros(present.shape, np.uint8)
    labels[z, 4:9, 6:20] = 1
    session.corrections.change("a", type(present).of(labels))
    np.testing.assert_array_equal(painting.drawn(), labels[z])
    session.corrections.undo("a")
    np.testing.assert_array_equal(painting.drawn(), np.zeros_like(labels[z]))
    painting.corrections.labels().data[z] = 2
    opened.wait_until(lambda: session.present_corrections.erased == labels[z].size)
    assert (painting.drawn() == 2).all()


def test_a_label_that_there_is_not_is_not_painted(painting, notifications):
    painting.corrections.paint(2)
    painting.corrections.layer.selected_label = 3
    assert painting.corrections.layer.selected_label == 1
    assert any("found the label 3" in one for one in notifications())


def test_painting_is_toggled_and_reported(painting):
    seen = []
    painting.corrections.painting_changed.connect(seen.append)
    for _ in range(2):
        painting.corrections.toggle_painting()
    assert seen[-1] is None
    assert 1 in seen
    painting.corrections.paint(2)
    assert painting.corrections.painting == 2
    painting.viewer.layers.selection.active = painting.opened.layer
    assert painting.corrections.painting is None
    assert seen[-1] is None
    painting.corrections.paint(2)
    painting.corrections.layer.mode = "erase"
    assert painting.corrections.painting == 0
