"""Bookmarks in the window: kept with the position, gone to in any fragment, kept for next time."""

from __future__ import annotations

import pytest
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QFileDialog

from napari_nx46.data.fragments import open_data
from napari_nx46.viewer.look.bookmarks_dock import BookmarksDock
from napari_nx46.viewer.window.docks import open_dock_of

VOLUMES = ("p3d", "p2d")


@pytest.fixture
def panel(opened):
    """Return the panel of bookmarks."""
    return open_dock_of(opened.viewer, BookmarksDock).panel


def rows(panel):
    return [(one.image_id, one.z, one.y, one.x, one.note) for one in panel.model.rows]


def add(opened, panel, voxel, note):
    opened.viewer_session.go_to_voxel(voxel)
    count = len(panel.model.rows)
    opened.qtbot.keyClicks(panel.note_edit, note)
    opened.qtbot.keyClick(panel.note_edit, Qt.Key.Key_Return)
    opened.wait_until(lambda: len(panel.model.rows) == count + 1)


def test_a_position_is_kept_and_gone_back_to_in_its_fragment(opened, panel):
    add(opened, panel, (6, 12, 20), "a hole")
    opened.session.step_fragment(1)
    add(opened, panel, (1, 2, 3), "")
    assert rows(panel) == [("a", 6, 12, 20, "a hole"), ("b", 1, 2, 3, "")]
    assert panel.note_edit.text() == ""
    assert not panel.go_button.isEnabled()
    panel.table.selectRow(0)
    opened.click(panel.go_button)
    assert opened.session.fragment.image_id == "a"
    assert opened.viewer_session.cursor_voxel == (6, 12, 20)
    assert opened.viewer.scene.camera.center[-2:] == (12, 20)
    panel.table.activated_row.emit(panel.model.rows[1])
    assert opened.session.fragment.image_id == "b"
    assert opened.viewer_session.cursor_voxel == (1, 2, 3)


def test_a_note_is_typed_again_and_a_bookmark_deleted(opened, panel):
    add(opened, panel, (2, 3, 4), "old")
    model, note = panel.model, len(panel.model.titles) - 1
    assert model.setData(model.index(0, note), "new")
    assert not model.setData(model.index(0, 1), "5")
    opened.wait_until(lambda: rows(panel)[0][-1] == "new")
    panel.table.selectRow(0)
    opened.click(panel.delete_button)
    opened.wait_until(lambda: rows(panel) == [])
    assert not panel.export_button.isEnabled()


def test_bookmarks_are_there_when_the_data_are_opened_again(opened, panel, data_folder):
    add(opened, panel, (2, 3, 4), "for next time")
    opened.dock.show_data_set(open_data(data_folder), (data_folder,))
    again = open_dock_of(opened.viewer, BookmarksDock).panel
    assert again is not panel
    opened.wait_until(lambda: rows(again) == [("a", 2, 3, 4, "for next time")])


def test_they_are_exported(opened, panel, tmp_path, monkeypatch):
    target = tmp_path / "table.csv"
    add(opened, panel, (2, 3, 4), "note")
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_, **__: (str(target), ""))
    opened.click(panel.export_button)
    assert target.read_text().splitlines()[1].startswith("a,2,3,4,note,")
