"""The list of all settings that rested: where one is, and going to any of them."""

from __future__ import annotations

import numpy as np
import pytest
from qtpy.QtCore import Qt

from napari_nx46.files.workspace import HistoryEntry
from napari_nx46.live.history.entries import History
from napari_nx46.live.history.thumbnails import thumbnail_png
from napari_nx46.setting import Setting
from napari_nx46.viewer.history.panel import MOST_PICTURES, HistoryDock, HistoryModel, _list_view
from napari_nx46.viewer.window.docks import DOCKS, open_dock

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

    history = shown.viewer_session.keeping.history
    shown.viewer.window.remove_dock_widget(dock)
    assert dock.panel is None
    history.go_on_from(())
    shown.viewer.window.remove_dock_widget(shown.dock)


def entries_of(quantiles):
    picture = thumbnail_png(np.ones((1, 80, 40), np.uint8))
    return [HistoryEntry("a", Setting(quantile=one), thumbnail=picture) for one in quantiles]


@pytest.mark.usefixtures("qapp")
def test_rows_follow_the_history_without_a_reset():
    history = History(entries_of((0.1, 0.2, 0.3)), capacity=4)
    model = HistoryModel(history)
    rows, resets = [], []
    model.modelReset.connect(lambda: resets.append(True))
    model.rowsInserted.connect(lambda parent, first, last: rows.append(("+", first, last)))
    model.rowsRemoved.connect(lambda parent, first, last: rows.append(("-", first, last)))

    def check(*expected):
        model.show_entries()
        assert rows == list(expected)
        rows.clear()
        assert [entry.id for entry in model._entries] == [one.id for one in history.entries]
        marks = [model.index(row).data().startswith("▶") for row in range(model.rowCount())]
        assert marks == [
            model.position_of(model.index(row)) == history.position
            for row in range(model.rowCount())
        ]

    check(("+", 0, 2))
    check()
    history.undo()
    history.undo()
    check()
    history.record(entries_of((0.5,))[0])
    check(("-", 0, 1), ("+", 0, 0))
    for entry in entries_of((0.6, 0.7, 0.8)):
        history.record(entry)
    check(("-", 1, 1), ("+", 0, 2))
    history.update_metrics(history.entries[1].id, {"threshold": 0.25})
    check()
    assert "threshold 0.2500" in model.index_of(1).data()
    history.go_on_from(())
    check(("-", 0, 3))
    assert not resets


@pytest.mark.usefixtures("qapp")
def test_of_ten_thousand_entries_only_those_are_made_that_are_seen(qtbot, monkeypatch):
    history = History(entries_of((1 + at % 9000) / 10_000 for at in range(10_000)))
    model = HistoryModel(history)
    asked = []
    data = HistoryModel.data
    monkeypatch.setattr(
        HistoryModel,
        "data",
        lambda self, index, role=0: asked.append(index.row()) or data(self, index, role),
    )
    view = _list_view()
    qtbot.addWidget(view)
    view.setModel(model)
    view.resize(300, 600)
    view.show()
    model.show_entries()
    view.setCurrentIndex(model.index_of(history.position))
    qtbot.waitUntil(lambda: bool(asked))
    history.jump(5000)
    model.show_entries()
    view.scrollTo(model.index_of(history.position))
    history.record(entries_of((0.99999,))[0])
    model.show_entries()
    qtbot.wait(50)
    assert model.rowCount() == 5002
    assert len(set(asked)) < 100
    for row in range(1000):
        model.index(row).data(Qt.ItemDataRole.DecorationRole)
    assert len(model._pictures) <= MOST_PICTURES
