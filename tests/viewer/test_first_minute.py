"""The first minute of somebody who has a probability layer in napari, by mouse and keys alone."""

from __future__ import annotations

import zipfile

import numpy as np
import tifffile
from napari._qt.containers import QtLayerList
from qtpy.QtCore import QPoint, QPointF, Qt
from qtpy.QtGui import QWheelEvent
from qtpy.QtWidgets import QApplication, QDockWidget

from napari_nx46.viewer.canvas.access import Canvas
from napari_nx46.viewer.tune.dock import TuneDock
from tests.viewer.conftest import _volumes
from tests.viewer.corrections.painting import CONTROL, Painting
from tests.viewer.windows import PATIENCE, Opened, handle_center

SMALL = (1024, 700)
SHAPE = (9, 40, 48)


def chosen_in_menu(window, *path):
    """Return the action that a path through the menus of a window leads to."""
    menu = window.menuBar()
    for name in path:
        action = next(one for one in menu.actions() if one.text().replace("&", "") == name)
        menu = action.menu()
    return action


def turn_wheel(widget, position, steps):
    none = Qt.KeyboardModifier.NoModifier, Qt.ScrollPhase.NoScrollPhase, False
    where, turned = widget.mapToGlobal(position), QPoint(0, 120 * steps)
    buttons = Qt.MouseButton.NoButton
    event = QWheelEvent(QPointF(position), QPointF(where), QPoint(), turned, buttons, *none)
    QApplication.sendEvent(widget, event)


def click_layer(opened, name):
    """Click on the name of a layer in napari's list."""
    window = opened.viewer.window._qt_window
    window.findChild(QDockWidget, "layer list").raise_()
    layers = window.findChild(QtLayerList)
    opened.wait_until(lambda: not layers.visibleRegion().isEmpty())
    row = len(opened.viewer.layers) - 1 - opened.viewer.layers.index(name)
    place = layers.visualRect(layers.model().index(row, 0)).center()
    opened.qtbot.mouseClick(layers.viewport(), Qt.MouseButton.LeftButton, pos=place)


def exported(path):
    """Return the only mask of an archive."""
    with zipfile.ZipFile(path) as archive:
        (name,) = archive.namelist()
        with archive.open(name) as member:
            return tifffile.imread(member)


def click_in_dock(opened, button):
    """Scroll to a button of the dock, and click on it."""
    opened.dock.parentWidget().raise_()
    opened.panel.scroll.ensureWidgetVisible(button)
    opened.click(button)


def begin(viewer, qtbot):
    """Add a layer to a small window, and tune it from the menu."""
    viewer.window.resize(*SMALL)
    viewer.add_image(_volumes(SHAPE, 0)["p3d"], name="probability")
    window = viewer.window._qt_window
    chosen_in_menu(window, "Layers", "Segment", "Tune surface mask (NX46)").trigger()
    qtbot.waitUntil(lambda: window.findChild(TuneDock).panel is not None, timeout=PATIENCE)
    opened = Opened(viewer, window.findChild(TuneDock), qtbot)
    opened.wait_until_exact()
    assert opened.dock.viewer is viewer
    assert viewer.window.geometry()[2:] == SMALL
    opened.wait_until(lambda: Canvas(viewer).widget.width() >= SMALL[0] / 2)
    return opened


def move_slider_and_wheel(opened):
    """Drag a slider; the wheel scrolls over sliders, and zooms over the canvas."""
    session, camera, qtbot = opened.session, opened.viewer.scene.camera, opened.qtbot
    slider, bar = opened.panel.knobs["quantile"].slider, opened.panel.scroll.verticalScrollBar()
    opened.panel.scroll.ensureWidgetVisible(slider)
    before, start = session.setting, handle_center(slider)
    qtbot.mousePress(slider, Qt.MouseButton.LeftButton, pos=start)
    qtbot.mouseMove(slider, start - QPoint(25, 0))
    qtbot.mouseRelease(slider, Qt.MouseButton.LeftButton, pos=start - QPoint(25, 0))
    assert session.setting.quantile < before.quantile
    tuned, scrolled, zoom = session.setting, bar.value(), camera.zoom
    turn_wheel(slider, slider.rect().center(), -1)
    assert session.setting == tuned
    assert bar.value() > scrolled
    canvas = Canvas(opened.viewer).widget
    turn_wheel(canvas, canvas.rect().center(), -1)
    opened.wait_until(lambda: camera.zoom < zoom)


def paint_and_step_back(painting, button):
    """Paint two strokes, and take one back."""
    session = painting.session
    click_in_dock(painting.opened, button)
    assert button.isChecked()
    painting.drag((10, 10), (10, 20))
    first = session.present_corrections
    assert first.added
    painting.drag((30, 10), (30, 20))
    assert session.present_corrections.added > first.added
    painting.opened.qtbot.keyClick(painting.canvas, Qt.Key.Key_Z, CONTROL)
    assert session.present_corrections == first


def turn_in_3d(painting, button):
    """Show the mask in 3D, turn it while Space is held, and go back to slices."""
    opened, canvas, layers = painting.opened, painting.canvas, painting.viewer.layers
    three_d, camera = opened.viewer_session.three_d, painting.viewer.scene.camera
    before = [(layer.name, layer.visible) for layer in layers]
    corrected = painting.session.present_corrections
    click_in_dock(opened, opened.panel.three_d_panel.button)
    opened.wait_until(lambda: three_d.state.is_current and "corrections in 3D" in layers)
    assert button.isChecked()
    angles, middle = camera.angles, canvas.rect().center()
    opened.qtbot.keyPress(canvas, Qt.Key.Key_Space)
    painting.drag_at(middle, middle + QPoint(60, 20))
    opened.qtbot.keyRelease(canvas, Qt.Key.Key_Space)
    assert camera.angles != angles
    assert painting.session.present_corrections == corrected
    click_in_dock(opened, opened.panel.three_d_panel.button)
    assert [(layer.name, layer.visible) for layer in layers] == before
    assert button.isChecked()


def delete_mask_and_bring_it_back(opened):
    """Delete the mask in napari's list, and show it again by the dock's box."""
    layers, box = opened.viewer.layers, opened.panel.overlay_panel.visible_box
    click_layer(opened, "surface mask")
    opened.click(opened.viewer.window._qt_viewer.layerButtons.deleteButton)
    assert "surface mask" not in layers
    opened.wait_until(lambda: not box.isChecked())
    click_in_dock(opened, box)
    opened.wait_until(lambda: "surface mask" in layers)


def test_a_layer_is_tuned_corrected_seen_in_3d_and_exported(make_napari_viewer, qtbot):
    opened = begin(make_napari_viewer(show=True), qtbot)
    move_slider_and_wheel(opened)
    painting, export = Painting(opened), opened.export_panel
    button = opened.panel.corrections_panel.brush_buttons[1]
    paint_and_step_back(painting, button)
    opened.click(export.accept_button)
    turn_in_3d(painting, button)
    opened.click(export.export_button)
    opened.wait_until(lambda: "valid" in export.result_label.text())
    np.testing.assert_array_equal(exported(export.path_edit.text()), painting.expected())
    delete_mask_and_bring_it_back(opened)
    click_layer(opened, "surface mask")
    opened.click(opened.viewer.window._qt_viewer.viewerButtons.rollDimsButton)
    opened.wait_until(lambda: opened.session.view.plane[0] == slice(0, SHAPE[0]))
    opened.wait_until_exact()
    plane = opened.session.view.plane
    np.testing.assert_array_equal(opened.layer.data[plane], painting.expected()[plane])
