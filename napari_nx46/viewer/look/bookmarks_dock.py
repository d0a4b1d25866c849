"""Bookmarks: positions with a note, to go to, to delete and to export."""

from __future__ import annotations

from pathlib import Path

from qtpy.QtWidgets import (
    QAbstractItemView,
    QFileDialog,
    QHBoxLayout,
    QLineEdit,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from napari_nx46.files.atomic import WriteError
from napari_nx46.files.workspace import LONGEST_NOTE, Bookmark
from napari_nx46.live.look.bookmarks import Bookmarks
from napari_nx46.viewer.messages.notices import notify_error, notify_info
from napari_nx46.viewer.qt.connections import Connections
from napari_nx46.viewer.widgets.table import Column, RowTable, TableModel
from napari_nx46.viewer.window.session_dock import SessionDock
from napari_nx46.viewer.window.viewer_session import ViewerSession

CSV_NAME = "bookmarks.csv"


class BookmarksDock(SessionDock):
    """Keep positions with a note, and go back to them."""

    title = "Bookmarks"

    def make_panel(self, viewer_session: ViewerSession) -> QWidget:
        """Return the bookmarks of a session."""
        return BookmarksPanel(viewer_session)


class BookmarksModel(TableModel[Bookmark]):
    """Bookmarks, whose notes can be typed.

    Parameters
    ----------
    bookmarks : Bookmarks
    """

    def __init__(self, bookmarks: Bookmarks) -> None:
        super().__init__(lambda bookmark: bookmark.id, lambda bookmark, column: bookmark.note)
        self._bookmarks = bookmarks

    def take(self, row: Bookmark, column: Column[Bookmark], text: str) -> bool:
        """Keep another note."""
        self._bookmarks.change_note(row, text[:LONGEST_NOTE])
        return True


COLUMNS: tuple[Column[Bookmark], ...] = (
    Column("Fragment", lambda one: one.image_id),
    Column("z", lambda one: str(one.z), lambda one: float(one.z)),
    Column("y", lambda one: str(one.y), lambda one: float(one.y)),
    Column("x", lambda one: str(one.x), lambda one: float(one.x)),
    Column("Note", lambda one: one.note, typed_from=lambda one: one.note),
)


class BookmarksPanel(QWidget):
    """A note and a button that keeps the position, and the list of all bookmarks.

    Parameters
    ----------
    viewer_session : ViewerSession

    Attributes
    ----------
    note_edit : QLineEdit
    add_button, go_button, delete_button, export_button : QPushButton
    table : RowTable
    """

    def __init__(self, viewer_session: ViewerSession, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._viewer_session = viewer_session
        self._bookmarks = viewer_session.bookmarks
        self.note_edit = QLineEdit()
        self.note_edit.setMaxLength(LONGEST_NOTE)
        self.note_edit.setPlaceholderText("a note on this position")
        self.note_edit.setAccessibleName("Note of the new bookmark")
        self.add_button = QPushButton("Add")
        self.add_button.setToolTip("Keep fragment, z, y and x of the cursor, with the note")
        self.go_button = QPushButton("Go to")
        self.go_button.setToolTip("Show the fragment and the position (double-click)")
        self.delete_button = QPushButton("Delete")
        self.delete_button.setToolTip("Delete the bookmark that is chosen")
        self.export_button = QPushButton("Export CSV…")
        self.export_button.setToolTip("Write all bookmarks as a table")
        self.model = BookmarksModel(self._bookmarks)
        self.table = RowTable(self.model, "Bookmarks")
        self.table.setEditTriggers(QAbstractItemView.EditTrigger.EditKeyPressed)
        self.table.setToolTip("Double-click to go there, F2 to type another note")
        self.table.horizontalHeader().setStretchLastSection(True)
        self._arrange()
        self.add_button.clicked.connect(self.add)
        self.note_edit.returnPressed.connect(self.add)
        self.go_button.clicked.connect(lambda: self.go_to(self.table.chosen))
        self.table.activated_row.connect(self.go_to)
        self.delete_button.clicked.connect(self.delete)
        self.export_button.clicked.connect(self._choose_file)
        self.table.chosen_changed.connect(self._show_chosen)
        self._connections = Connections(self)
        self._connections.follow(self._bookmarks.changed, self._show)
        self._show(self._bookmarks.all)
        self._bookmarks.read()

    def add(self) -> None:
        """Keep the position of the cursor with the note that was typed."""
        z, y, x = self._viewer_session.cursor_voxel
        image_id = self._viewer_session.session.fragment.image_id
        self._bookmarks.add(Bookmark(image_id, z, y, x, self.note_edit.text().strip()))
        self.note_edit.clear()

    def go_to(self, bookmark: Bookmark | None) -> None:
        """Show the fragment and the position of a bookmark."""
        if bookmark is None:
            return
        session = self._viewer_session.session
        if bookmark.image_id not in session.dataset.image_ids:
            notify_info(f"There is no fragment {bookmark.image_id} in the data that are open.")
            return
        session.show_fragment(bookmark.image_id)
        self._viewer_session.look_at((bookmark.z, bookmark.y, bookmark.x))

    def delete(self) -> None:
        """Delete the bookmark that is chosen."""
        if self.table.chosen is not None:
            self._bookmarks.remove([self.table.chosen])

    def _choose_file(self) -> None:
        path, _ = QFileDialog.getSaveFileName(
            self, "Table to write", str(Path.cwd() / CSV_NAME), "Tables (*.csv)"
        )
        if path:
            try:
                self._bookmarks.export(Path(path))
            except WriteError as error:
                notify_error(error)

    def _show(self, bookmarks: tuple[Bookmark, ...]) -> None:
        self.model.show_rows(bookmarks, COLUMNS)
        for column in range(len(COLUMNS) - 1):
            self.table.resizeColumnToContents(column)
        self._show_chosen()

    def _show_chosen(self) -> None:
        for button in (self.go_button, self.delete_button):
            button.setEnabled(self.table.chosen is not None)
        self.export_button.setEnabled(bool(self._bookmarks.all))

    def _arrange(self) -> None:
        new = QHBoxLayout()
        new.addWidget(self.note_edit, 1)
        new.addWidget(self.add_button)
        buttons = QHBoxLayout()
        for button in (self.go_button, self.delete_button, self.export_button):
            buttons.addWidget(button)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addLayout(new)
        layout.addWidget(self.table, 1)
        layout.addLayout(buttons)
