"""The dock that lists every setting that rested for a moment, to go back to any of them."""

from __future__ import annotations

from collections import OrderedDict
from datetime import datetime
from typing import Any

from qtpy.QtCore import QAbstractListModel, QModelIndex, QSize, Qt
from qtpy.QtGui import QFont, QPainter, QPixmap
from qtpy.QtWidgets import (
    QAbstractItemView,
    QHBoxLayout,
    QHeaderView,
    QPushButton,
    QTableView,
    QVBoxLayout,
    QWidget,
)

from napari_nx46.files.naming import plural
from napari_nx46.files.workspace import HistoryEntry
from napari_nx46.live.history.entries import History
from napari_nx46.live.history.session_store import SessionStore
from napari_nx46.live.history.words import changes_text, figures_text, time_text
from napari_nx46.setting import described_knobs
from napari_nx46.viewer.messages.plain_text import PlainLabel, plain_tip
from napari_nx46.viewer.qt.connections import Connections
from napari_nx46.viewer.window.session_dock import SessionDock
from napari_nx46.viewer.window.viewer_session import ViewerSession

PICTURE_SIDE = 56
"""Pixels of a picture in the list, at most."""

MOST_PICTURES = 256
"""Decoded pictures that are kept: far more than are seen at once."""


class HistoryDock(SessionDock):
    """Go back to any setting that rested for a moment."""

    title = "History"

    def make_panel(self, viewer_session: ViewerSession) -> QWidget:
        """Return the list of a session."""
        return HistoryPanel(viewer_session.keeping)


class HistoryPanel(QWidget):
    """Buttons to undo and redo, and the list of all settings, the newest on top.

    Parameters
    ----------
    keeping : SessionStore
    parent : QWidget, optional

    Attributes
    ----------
    undo_button, redo_button : QPushButton
    list_view : QTableView
    model : HistoryModel
    """

    def __init__(self, keeping: SessionStore, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._keeping = keeping
        self.undo_button = QPushButton("Undo")
        self.undo_button.setToolTip("Go back to the setting before (Ctrl+Z)")
        self.redo_button = QPushButton("Redo")
        self.redo_button.setToolTip("Go forth to the setting that was undone (Ctrl+Shift+Z)")
        self.place_label = PlainLabel()
        self.model = HistoryModel(keeping.history, self)
        self.list_view = _list_view()
        self.list_view.setModel(self.model)
        self._arrange()
        self.undo_button.clicked.connect(self._undo)
        self.redo_button.clicked.connect(self._redo)
        self.list_view.clicked.connect(self._jump)
        self.list_view.activated.connect(self._jump)
        self._following = Connections(self)
        self._following.follow(keeping.history.changed, self.show_history)
        self.show_history()

    def show_history(self) -> None:
        """Show the entries, and which of them is the current one."""
        history = self._keeping.history
        self.model.show_entries()
        self.undo_button.setEnabled(history.can_undo)
        self.redo_button.setEnabled(history.can_redo)
        self.place_label.setText(plural(len(history), "setting"))
        path = self._keeping.path
        self.place_label.setToolTip(plain_tip("Not kept" if path is None else f"Kept in {path}"))
        current = self.model.index_of(history.position)
        if current.isValid():
            self.list_view.setCurrentIndex(current)
            self.list_view.scrollTo(current)

    def _undo(self) -> None:
        self._keeping.undo()

    def _redo(self) -> None:
        self._keeping.redo()

    def _jump(self, index: QModelIndex) -> None:
        self._keeping.jump(self.model.position_of(index))

    def _arrange(self) -> None:
        buttons = QHBoxLayout()
        buttons.addWidget(self.undo_button)
        buttons.addWidget(self.redo_button)
        buttons.addWidget(self.place_label)
        buttons.addStretch(1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addLayout(buttons)
        layout.addWidget(self.list_view, 1)


class HistoryModel(QAbstractListModel):
    """A history for a view, the newest entry on top; what is not seen is not made.

    Parameters
    ----------
    history : History
    parent : QWidget, optional
    """

    def __init__(self, history: History, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._history = history
        self._entries: tuple[HistoryEntry, ...] = ()
        self._position = -1
        self._pictures: OrderedDict[str, QPixmap] = OrderedDict()

    def show_entries(self) -> None:
        """Take over the history as it is now: only rows that came, went or changed are touched."""
        entries, marked = self._history.entries, self._history.position
        self._drop_oldest(_index_of_id(self._entries, entries[0].id if entries else ""))
        shared = _shared_length(self._entries, entries)
        self._drop_newest(len(self._entries) - shared)
        self._add_newest(entries[shared:])
        old, self._entries = self._entries, entries
        changed = {at for at, entry in enumerate(entries) if entry is not old[at]}
        if marked != self._position:
            changed |= {self._position, marked}
        self._position = marked
        for at in changed & set(range(len(entries))):
            self.dataChanged.emit(self.index_of(at), self.index_of(at))

    def _drop_oldest(self, count: int) -> None:
        if count:
            last = len(self._entries) - 1
            self.beginRemoveRows(QModelIndex(), last - count + 1, last)
            self._entries, self._position = self._entries[count:], self._position - count
            self.endRemoveRows()

    def _drop_newest(self, count: int) -> None:
        if count:
            self.beginRemoveRows(QModelIndex(), 0, count - 1)
            self._entries = self._entries[: len(self._entries) - count]
            self.endRemoveRows()

    def _add_newest(self, entries: tuple[HistoryEntry, ...]) -> None:
        if entries:
            self.beginInsertRows(QModelIndex(), 0, len(entries) - 1)
            self._entries = (*self._entries, *entries)
            self.endInsertRows()

    def index_of(self, position: int) -> QModelIndex:
        """Return the row of an entry by its place in the history."""
        return self.index(len(self._entries) - 1 - position)

    def position_of(self, index: QModelIndex) -> int:
        """Return the place in the history of a row's entry."""
        return len(self._entries) - 1 - int(index.row())

    def rowCount(self, parent: QModelIndex | None = None) -> int:
        """Return the number of entries."""
        return 0 if parent is not None and parent.isValid() else len(self._entries)

    def data(self, index: QModelIndex, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """Return what is shown of an entry."""
        if not index.isValid():
            return None
        position = self.position_of(index)
        if role == Qt.ItemDataRole.DisplayRole:
            return "\n".join(self._lines(position))
        if role == Qt.ItemDataRole.DecorationRole:
            return self._picture(self._entries[position])
        if role == Qt.ItemDataRole.ToolTipRole:
            return plain_tip(self._whole_text(position))
        if role == Qt.ItemDataRole.FontRole:
            font = QFont()
            font.setBold(position == self._position)
            return font
        return None

    def _before(self, position: int) -> HistoryEntry | None:
        return self._entries[position - 1] if position else None

    def _lines(self, position: int) -> tuple[str, str, str]:
        entry = self._entries[position]
        mark = "▶ " if position == self._position else ""
        when = time_text(entry, datetime.now().astimezone())
        return (
            f"{mark}{when}  {entry.image_id}",
            changes_text(entry, self._before(position)),
            figures_text(entry),
        )

    def _whole_text(self, position: int) -> str:
        every = len(described_knobs(type(self._entries[position].setting)))
        changes = changes_text(self._entries[position], self._before(position), every)
        return "\n".join((*changes.split(", "), "Click, or press Enter, to go there"))

    def _picture(self, entry: HistoryEntry) -> QPixmap:
        picture = self._pictures.get(entry.id)
        if picture is None:
            picture = self._pictures[entry.id] = _decoded(entry.thumbnail)
            if len(self._pictures) > MOST_PICTURES:
                self._pictures.popitem(last=False)
        return picture


def _index_of_id(entries: tuple[HistoryEntry, ...], entry_id: str) -> int:
    """Return where an entry is; behind the last one if it is nowhere."""
    return next((at for at, entry in enumerate(entries) if entry.id == entry_id), len(entries))


def _shared_length(first: tuple[HistoryEntry, ...], second: tuple[HistoryEntry, ...]) -> int:
    """Return how many entries two histories begin with alike."""
    pairs = enumerate(zip(first, second, strict=False))
    differing = (at for at, (one, other) in pairs if one.id != other.id)
    return next(differing, min(len(first), len(second)))


def _decoded(thumbnail: bytes | None) -> QPixmap:
    """Return a picture in a square, so that all rows are alike."""
    square = QPixmap(PICTURE_SIDE, PICTURE_SIDE)
    square.fill(Qt.GlobalColor.transparent)
    picture = QPixmap()
    if thumbnail is None or not picture.loadFromData(thumbnail, "PNG"):
        return square
    picture = picture.scaled(
        QSize(PICTURE_SIDE, PICTURE_SIDE),
        Qt.AspectRatioMode.KeepAspectRatio,
        Qt.TransformationMode.SmoothTransformation,
    )
    painter = QPainter(square)
    painter.drawPixmap(
        (PICTURE_SIDE - picture.width()) // 2, (PICTURE_SIDE - picture.height()) // 2, picture
    )
    painter.end()
    return square


def _list_view() -> QTableView:
    """Return a view of one column: unlike a list view, a table view never goes through all rows."""
    view = QTableView()
    view.horizontalHeader().hide()
    view.horizontalHeader().setStretchLastSection(True)
    view.verticalHeader().hide()
    view.verticalHeader().setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
    view.verticalHeader().setDefaultSectionSize(PICTURE_SIDE + 4)
    view.setShowGrid(False)
    view.setWordWrap(False)
    view.setTabKeyNavigation(False)
    view.setIconSize(QSize(PICTURE_SIDE, PICTURE_SIDE))
    view.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
    view.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
    view.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
    view.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
    view.setTextElideMode(Qt.TextElideMode.ElideRight)
    view.setMinimumWidth(220)
    view.setAccessibleName("Settings that rested for a moment")
    return view
