"""Docks stand as tabs, and leave the canvas half of a small window."""

from __future__ import annotations

import pytest
from napari._qt.utils import str_to_qbytearray
from napari.settings import get_settings
from qtpy.QtCore import QPoint, Qt
from qtpy.QtWidgets import QDockWidget, QMainWindow

from napari_nx46.viewer.canvas.access import Canvas
from napari_nx46.viewer.window.arrangement import NAPARI_DOCKS
from napari_nx46.viewer.window.docks import DOCKS, open_dock
from tests.viewer.windows import Opened

VOLUMES = ("p3d", "p2d", "train_labels")
SMALL, LARGE = (1024, 700), (1500, 900)
LEFT, RIGHT = Qt.DockWidgetArea.LeftDockWidgetArea, Qt.DockWidgetArea.RightDockWidgetArea
RIGHT_ENTRIES = [entry for entry in DOCKS if entry.area == "right"]


def main_window(opened):
    return opened.dock.window()


def napari_docks(opened):
    window = main_window(opened)
    return [window.findChild(QDockWidget, name) for name in NAPARI_DOCKS]


def canvas_width(opened):
    return Canvas(opened.viewer).widget.width()


def resize(opened, size):
    opened.viewer.window.resize(*size)
    opened.wait_until(lambda: opened.viewer.window.geometry()[2:] == size)
    before = None
    while before != (
        before := opened.panel.mapTo(main_window(opened), opened.panel.rect().topLeft())
    ):
        opened.qtbot.wait(100)


@pytest.mark.parametrize("way", ["menu of plugins", "own action"])
def test_docks_are_tabs_beside_the_one_that_tunes_however_they_are_opened(shown, way):
    resize(shown, LARGE)
    frame = shown.dock.parentWidget()
    for entry in RIGHT_ENTRIES:
        if way == "own action":
            widget = open_dock(shown.viewer, entry)
        else:
            _, widget = shown.viewer.window.add_plugin_dock_widget("napari-nx46", entry.name)
        beside = widget.parentWidget()
        shown.wait_until(lambda: beside in main_window(shown).tabifiedDockWidgets(frame))  # noqa: B023
        shown.wait_until(lambda: not beside.visibleRegion().isEmpty())  # noqa: B023
        assert frame.visibleRegion().isEmpty()


def test_a_dock_that_a_user_puts_elsewhere_stays_there(shown):
    resize(shown, LARGE)
    widget = open_dock(shown.viewer, RIGHT_ENTRIES[0])
    frame, window = widget.parentWidget(), main_window(shown)
    window.addDockWidget(LEFT, frame)
    frame.hide()
    open_dock(shown.viewer, RIGHT_ENTRIES[0])
    shown.qtbot.wait(50)
    assert window.dockWidgetArea(frame) == LEFT


def test_in_a_small_window_the_canvas_has_half_of_it_with_any_dock_in_front(shown):
    resize(shown, SMALL)
    assert canvas_width(shown) >= SMALL[0] / 2
    for entry in DOCKS:
        open_dock(shown.viewer, entry)
        shown.qtbot.wait(50)
        assert shown.viewer.window.geometry()[2:] == SMALL
        assert canvas_width(shown) >= SMALL[0] / 2, entry.name
    frame = shown.dock.parentWidget()
    assert set(napari_docks(shown)) <= set(main_window(shown).tabifiedDockWidgets(frame))


def test_in_a_window_of_any_width_the_canvas_has_half_of_it(shown):
    for size in ((1280, 800), LARGE, (1920, 1080)):
        resize(shown, size)
        shown.wait_until(lambda width=size[0]: canvas_width(shown) >= width / 2)


def test_naparis_own_docks_return_to_their_side_in_a_wide_window(shown):
    window = main_window(shown)
    resize(shown, SMALL)
    assert [window.dockWidgetArea(dock) for dock in napari_docks(shown)] == [RIGHT, RIGHT]
    assert not shown.dock.parentWidget().visibleRegion().isEmpty()
    resize(shown, LARGE)
    controls, layer_list = napari_docks(shown)
    assert [window.dockWidgetArea(dock) for dock in (controls, layer_list)] == [LEFT, LEFT]
    assert controls.isVisible()
    assert layer_list.isVisible()
    assert controls.geometry().bottom() < layer_list.geometry().top()


def test_what_floats_or_is_hidden_is_left_alone(shown):
    resize(shown, LARGE)
    controls, layer_list = napari_docks(shown)
    controls.setFloating(True)
    layer_list.hide()
    resize(shown, SMALL)
    assert controls.isFloating()
    assert layer_list.isHidden()
    resize(shown, LARGE)
    assert controls.isFloating()
    assert layer_list.isHidden()


def test_without_docks_of_this_plugin_a_small_window_is_as_napari_made_it(shown):
    resize(shown, SMALL)
    window = main_window(shown)
    docks = napari_docks(shown)
    shown.viewer.window.remove_dock_widget(shown.dock)
    shown.wait_until(lambda: [window.dockWidgetArea(dock) for dock in docks] == [LEFT, LEFT])


def test_the_layout_that_napari_keeps_for_the_next_window_is_its_own(shown):
    get_settings().application.save_window_state = True
    resize(shown, SMALL)
    shown.viewer.close()
    kept = get_settings().application.window_state
    plain = QMainWindow()
    shown.qtbot.addWidget(plain)
    docks = [QDockWidget(plain, objectName=name) for name in NAPARI_DOCKS]
    for dock in docks:
        plain.addDockWidget(RIGHT, dock)
    assert plain.restoreState(str_to_qbytearray(kept))
    assert [plain.dockWidgetArea(dock) for dock in docks] == [LEFT, LEFT]


def test_read_outs_and_buttons_stay_in_sight_while_knobs_scroll(shown: Opened):
    resize(shown, SMALL)
    panel = shown.panel
    fixed = (
        *panel.read_out.value_labels.values(),
        panel.read_out.threshold_label,
        panel.export_panel.accept_button,
        panel.export_panel.accept_all_button,
        panel.export_panel.export_button,
    )
    window = main_window(shown)
    before = [widget.mapTo(window, QPoint()) for widget in fixed]
    bar = panel.scroll.verticalScrollBar()
    assert bar.maximum() > 100
    bar.setValue(bar.maximum())
    shown.qtbot.wait(50)
    assert [widget.mapTo(window, QPoint()) for widget in fixed] == before
    for widget in fixed:
        assert not widget.visibleRegion().isEmpty()
        assert window.rect().contains(widget.mapTo(window, widget.rect().bottomRight()))


def is_whole(label):
    """Return whether all lines of a label are in sight."""
    has_room = label.height() >= label.heightForWidth(label.width())
    return has_room and label.visibleRegion().boundingRect() == label.rect()


def test_all_that_an_export_says_is_scrolled_to(shown):
    label, bar = shown.export_panel.result_label, shown.panel.scroll.verticalScrollBar()
    shown.click(shown.export_panel.accept_all_button)
    for size in (LARGE, SMALL):
        resize(shown, size)
        assert bar.value() == 0
        assert not is_whole(label)
        shown.click(shown.export_panel.export_button)
        shown.wait_until(lambda: "Kept as" in label.text())
        shown.wait_until(lambda: is_whole(label))
        bar.setValue(0)
