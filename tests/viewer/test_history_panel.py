"""The list of all settings that rested: where one is, and going to any of them."""

from __future__ import annotations

import time

import numpy as np
import pytest
from qtpy.QtCore import Qt

from napari_nx46.files.workspace import HistoryEntry
from napari_nx46.live.history import History, thumbnail_png
from napari_nx46.setting import Setting
from napari_nx46.viewer.docks import DOCKS, open_dock
from napari_nx46.viewer.history_panel import HistoryDock, HistoryModel

VOLUMES = ("p3d", "p2d")
HISTORY = next(entry for entry in DOCKS if entry.name == "History")


def texts(panel):
    model = panel.model
    return [model.index(row).data() for row in range(model.rowCount())]


def test_the_dock_lists_settings_and_goes_to_any_of_them(shown, qtbot):
    dock = open_dock(shown.viewer, HISTORY)
    assert isinstance(dock, HistoryDock)
    panel, view = dock.panel, dock.panel.list_view
    shown.wait_until(lambda: len(texts(panel)) == 1)
    assert not panel.undo_button.isEnabled()
    for count, quantile in enumerate((0.8, 0.7), 2):
        shown.session.change(quantile=quantile)
        shown.wait_until(lambda count=count: len(texts(panel)) == count)
    newest = texts(panel)[0].split("\n")
    assert newest[0].startswith("▶ ")
    assert newest[0].endswith(" a")
    assert newest[1] == "Threshold quantile 0.8 → 0.7"
    density = shown.session.figures.fragment_density
    shown.wait_until(lambda: f"density {density:.4f}" in texts(panel)[0])
    assert not panel.model.index(0).data(Qt.ItemDataRole.DecorationRole).isNull()

    qtbot.mouseClick(
        view.viewport(),
        Qt.MouseButton.LeftButton,
        pos=view.visualRect(panel.model.index(2)).center(),
    )
    assert shown.session.setting == Setting()
    assert texts(panel)[2].startswith("▶ ")
    assert [text.startswith("▶ ") for text in texts(panel)] == [False, False, True]
    shown.click(panel.redo_button)
    assert shown.session.setting.quantile == 0.8
    shown.focus(view)
    qtbot.keyClick(view, Qt.Key.Key_Up)
    qtbot.keyClick(view, Qt.Key.Key_Return)
    assert shown.session.setting.quantile == 0.7
    qtbot.keyClick(view, Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
    assert shown.session.setting.quantile == 0.8
    shown.click(panel.undo_button)
    assert shown.session.setting == Setting()
    assert not panel.undo_button.isEnabled()

    history = shown.bench.keeping.history
    shown.viewer.window.remove_dock_widget(dock)
    assert dock.panel is None
    history.go_on_from(())
    shown.viewer.window.remove_dock_widget(shown.dock)


@pytest.mark.usefixtures("qapp")
def test_ten_thousand_entries_cost_no_more_than_those_that_are_seen(monkeypatch):
    picture = thumbnail_png(np.ones((1, 80, 40), np.uint8))
    entries = [
        HistoryEntry("a", Setting(quantile=(1 + number % 9000) / 10_000), thumbnail=picture)
        for number in range(10_000)
    ]
    history = History(entries)
    model = HistoryModel(history)
    start = time.perf_counter()
    model.show_entries()
    history.undo()
    model.show_entries()
    assert time.perf_counter() - start < 1.0
    assert model.rowCount() == 10_000
    assert model.position_of(model.index_of(3)) == 3
    assert len(model._pictures) == 0
    for row in range(1000):
        model.index(row).data(Qt.ItemDataRole.DecorationRole)
    assert len(model._pictures) <= 256
