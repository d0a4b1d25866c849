"""What the demonstration waits for."""

from __future__ import annotations

import numpy as np
from qtpy.QtCore import Qt, QTimer
from qtpy.QtWidgets import QDockWidget, QListView

from napari_nx46.viewer.demo.driving import show_all_layers, wait_for_compiling


def test_it_waits_until_the_note_of_compiling_is_gone(opened):
    note, emit = opened.panel.compiling_note, opened.session.compiling_changed.emit
    emit(40, 48)
    assert not note.isHidden()
    QTimer.singleShot(50, lambda: emit(48, 48))
    wait_for_compiling(opened.dock)
    assert note.isHidden()
    assert opened.session.warm_up.wait(0)


def test_the_layer_list_becomes_as_high_as_its_layers_need(shown):
    window = shown.viewer.window._qt_window
    window.resize(1600, 900)
    for number in range(3):
        shown.viewer.add_image(np.zeros((4, 5)), name=f"more {number}")
    shown.qtbot.wait(50)
    frame = window.findChild(QDockWidget, "layer list")
    view = frame.findChild(QListView)
    window.resizeDocks([frame], [100], Qt.Orientation.Vertical)
    shown.wait_until(lambda: last_row(view) > view.viewport().height())
    show_all_layers(shown.dock)
    assert view.model().rowCount() >= 6
    assert last_row(view) <= view.viewport().height()


def last_row(view):
    """Return where the bottom of the last row is, from the top of the first one."""
    return view.model().rowCount() * view.sizeHintForRow(0)
