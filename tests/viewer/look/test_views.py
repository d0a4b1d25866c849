"""Three views share one cursor with the viewer; the probe follows the mouse."""

from __future__ import annotations

import numpy as np
import pytest
from qtpy.QtCore import QPoint, Qt
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QApplication

from napari_nx46.viewer.canvas.access import Canvas
from napari_nx46.viewer.look.slice_view import SliceView, outlined
from napari_nx46.viewer.look.views_dock import ViewsDock
from napari_nx46.viewer.window.docks import open_dock_of

ONE_WINDOW = True


@pytest.fixture
def views(shown):
    """Return the panel of the views in a window that is drawn."""
    panel = open_dock_of(shown.viewer, ViewsDock).panel
    shown.wait_until(lambda: panel.slices.state.is_current)
    return panel


def click(view: SliceView, row, column):
    place = view.place_of(row, column)
    QTest.mouseClick(
        view, Qt.MouseButton.LeftButton, pos=QPoint(round(place.x()), round(place.y()))
    )


def pixels(view):
    """Return the slice as the widget paints it, voxel by voxel."""
    image = view.grab().toImage()
    height, width = view._image.height(), view._image.width()
    places = [[view.place_of(row, column) for column in range(width)] for row in range(height)]
    return np.array(
        [[image.pixelColor(round(p.x()), round(p.y())).getRgb()[:3] for p in row] for row in places]
    )


def test_a_click_in_one_view_moves_the_cursor_in_all_and_in_the_viewer(shown, views):
    xy, xz, yz = views.views
    click(xz, 4, 17)
    assert shown.viewer_session.cursor_voxel[0] == 4
    assert shown.viewer_session.cursor_voxel[2] == 17
    assert shown.viewer.dims.current_step[0] == 4
    click(yz, 6, 21)
    click(xy, 33, 8)
    assert shown.viewer_session.cursor_voxel == (6, 33, 8)
    shown.wait_until(
        lambda: views.slices.state.is_current and views.slices.state.result.key.voxel == (6, 33, 8)
    )
    np.testing.assert_array_equal(views.slices.state.result.masks[1], shown.expected_mask()[:, 33])
    shown.viewer.dims.set_current_step(0, 2)
    shown.wait_until(lambda: "z = 2" in xy._text)


def test_the_wheel_goes_through_the_slices_of_a_view(shown, views):
    shown.viewer_session.go_to_voxel((3, 10, 10))
    xz = views.views[1]
    xz.stepped.emit(2)
    assert shown.viewer_session.cursor_voxel == (3, 12, 10)
    xz.stepped.emit(-100)
    assert shown.viewer_session.cursor_voxel == (3, 0, 10)


def test_each_view_paints_the_picture_with_the_outline_of_the_mask(shown, views):
    shown.viewer_session.go_to_voxel((4, 20, 24))
    shown.wait_until(lambda: views.slices.state.result.key.voxel == (4, 20, 24))
    shown.wait_until(lambda: views.slices.state.is_current)
    image, mask = shown.session.fragment.image.read(), shown.expected_mask()
    for view in views.views:
        at = (4, 20, 24)[view.axis]
        expected = outlined(
            image.take(at, view.axis),
            mask.take(at, view.axis),
            shown.viewer_session.overlay.color,
        )
        difference = np.abs(pixels(view).astype(int) - expected).max(axis=-1)
        rows, columns = (one for one in range(3) if one != view.axis)
        cursor = ((4, 20, 24)[rows], (4, 20, 24)[columns])
        off = np.ones(difference.shape, bool)
        off[cursor[0]] = off[:, cursor[1]] = False
        off[: max(3, off.shape[0] // 4), : off.shape[1] // 2] = False  # under the text
        assert np.mean(difference[off] <= 2) > 0.97


def test_voxels_are_painted_by_their_sizes(shown, views):
    view = views.views[1]
    across = np.zeros((10, 20), np.uint8)
    view.resize(200, 200)
    view.show_slice(across, across, "#ff00ff", (0, 0), "", (4.0, 1.0))
    target = view._target()
    assert target.height() / target.width() == pytest.approx(2)
    assert view.place_of(9, 0).y() - view.place_of(0, 0).y() == pytest.approx(0.9 * target.height())


def test_an_outline_is_the_voxels_beside_others():
    mask = np.zeros((6, 7), np.uint8)
    mask[1:5, 1:6] = 1
    painted = outlined(np.zeros((6, 7), np.uint8), mask, "#0a141e")
    expected = mask.astype(bool)
    expected[2:4, 2:5] = False
    np.testing.assert_array_equal(painted.any(axis=-1), expected)
    assert tuple(painted[1, 1]) == (10, 20, 30)


def test_a_click_on_the_canvas_moves_the_cursor_and_a_drag_does_not(shown, views):
    shown.viewer_session.go_to_voxel((3, 0, 0))
    canvas = Canvas(shown.viewer).widget
    centre = canvas.rect().center()
    QTest.mouseClick(canvas, Qt.MouseButton.LeftButton, pos=centre)
    QApplication.processEvents()
    moved = shown.viewer_session.cursor_voxel
    assert moved[0] == 3
    assert moved != (3, 0, 0)
    QTest.mousePress(canvas, Qt.MouseButton.LeftButton, pos=centre)
    QTest.mouseMove(canvas, centre + QPoint(40, 30))
    QTest.mouseRelease(canvas, Qt.MouseButton.LeftButton, pos=centre + QPoint(40, 30))
    assert shown.viewer_session.cursor_voxel == moved


def test_the_probe_says_what_is_under_the_mouse(shown, views):
    probe, text = views.probe_panel.probe, views.probe_panel.label
    assert "Move the mouse" in text.text()
    mask = shown.expected_mask()
    z = shown.session.view.slice_index
    y, x = (int(at) for at in np.argwhere(mask[z])[5])
    views.probe_panel.look_at((z, y, x))
    shown.wait_until(lambda: probe.state.is_current and probe.state.result.key.exact)
    lines = text.text().split("\n")
    fragment = shown.session.fragment
    assert lines[0] == f"z {z}, y {y}, x {x}"
    assert f"CT {fragment.image.read()[z, y, x]}" in lines
    assert "in the mask" in lines
    assert any(line.startswith("component of") for line in lines)
    assert any(line.startswith("label") for line in lines)
    assert {line.split()[0] for line in lines} >= {"score", "p3d", "p2d"}
    views.probe_panel.look_at(None)
    assert "Move the mouse" in text.text()


def test_the_probe_follows_the_mouse_over_the_canvas(shown, views):
    canvas = Canvas(shown.viewer).widget
    QTest.mouseMove(canvas, canvas.rect().center() + QPoint(3, 2))
    QTest.mouseMove(canvas, canvas.rect().center())
    shown.wait_until(lambda: views.probe_panel.probe.voxel is not None)
    assert views.probe_panel.probe.voxel[0] == shown.session.view.slice_index
    layer = shown.layer
    assert shown.viewer_session.overlay.voxel_at(layer.data_to_world((1, 2, 3))) == (1, 2, 3)
    assert shown.viewer_session.overlay.voxel_at(layer.data_to_world((1, 2, 3000))) is None


def test_nothing_is_computed_while_the_views_are_hidden(shown, views):
    views.parentWidget().parentWidget().hide()
    begun = views.slices.begun
    shown.viewer.dims.set_current_step(0, 1)
    shown.session.change(quantile=0.8)
    shown.wait_until_exact()
    assert views.slices.begun == begun
    views.parentWidget().parentWidget().show()
    shown.wait_until(lambda: views.slices.state.is_current)


def test_the_views_follow_another_fragment_and_end_with_their_dock(
    shown, views, send_deferred_deletes
):
    shown.session.step_fragment(1)
    shown.wait_until(lambda: views.slices.state.is_current)
    assert views.slices.state.result.key.image_id == shown.session.fragment.image_id
    mouse = shown.viewer.mouse_move_callbacks, shown.viewer.mouse_drag_callbacks
    before = [len(callbacks) for callbacks in mouse]
    shown.viewer.window.remove_dock_widget(views.parentWidget())
    send_deferred_deletes()
    assert [len(callbacks) for callbacks in mouse] == [count - 1 for count in before]
    shown.viewer.dims.set_current_step(0, 1)
