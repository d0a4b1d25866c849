"""Listed errors as a model for views: rows are read from arrays when they come into sight."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from qtpy.QtCore import QAbstractItemModel, QModelIndex, QObject, Qt
from qtpy.QtGui import QBrush

from napari_nx46.live.errors.arranged import Arranged, Column, Group
from napari_nx46.live.errors.listing import Listing
from napari_nx46.viewer.messages.plain_text import plain_tip

__all__ = ["PAGE", "ErrorModel"]

PAGE = 1000
"""So many rows of a group are there at first, and so many more come at its end."""

MOST_FETCHED = 20 * PAGE
"""A row farther down than so many that were not fetched is not shown: views take seconds then."""

NO_PARENT = QModelIndex()
TO_THE_RIGHT = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
NUMBERS = {*Column} - {Column.KIND, Column.SIDE, Column.OCTANT, Column.NOTE}

HEADS = {
    Column.NUMBER: ("No.", "Place in the whole list, by share, gain and size"),
    Column.KIND: ("Kind", "What is wrong"),
    Column.SHARE: ("Share", "Points that it costs: all of them sum to 1 - score"),
    Column.GAIN: (
        "Gain",
        "Points that the score would gain without this one alone; may be negative",
    ),
    Column.SIZE: ("Size", "Voxels, or corners of a missed surface"),
    Column.SIDE: ("Side", "Whose component, loop, cavity or surface it is"),
    Column.SLICE: ("Slice", "z of the place to look at"),
    Column.OCTANT: ("Octant", "z, y, x of the octant in which features are matched"),
    Column.NOTE: ("Why", "What is suspicious, and how much: 0 not at all, 1 as much as can be"),
}


def _gain_text(listing: Listing, row: int) -> str:
    gain = float(listing.table.gain[row])
    return "–" if math.isnan(gain) else f"{gain:+.5f}"


def _size_text(listing: Listing, row: int) -> str:
    size = int(listing.table.size[row])
    return f"{size:,}" if size else "–"


TEXTS: Mapping[Column, Callable[[Listing, int], str]] = {
    Column.NUMBER: lambda _listing, row: f"{row + 1:,}",
    Column.KIND: Listing.kind_of,
    Column.SHARE: lambda listing, row: f"{listing.table.share[row]:.5f}",
    Column.GAIN: _gain_text,
    Column.SIZE: _size_text,
    Column.SIDE: Listing.side_of,
    Column.SLICE: lambda listing, row: f"{listing.table.place[row, 0]}",
    Column.OCTANT: lambda listing, row: octant_text(listing.octants, listing.octant_of(row)),
    Column.NOTE: lambda listing, row: "" if listing.note_of is None else listing.note_of(row),
}
"""What a cell shows of a row of the listing."""


class ErrorModel(QAbstractItemModel):
    """The rows of `Arranged`, under their kinds or as one list.

    Parameters
    ----------
    parent : QObject, optional
    """

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._arranged: Arranged | None = None
        self._loaded: list[int] = []
        self._stale = False
        self._dim = QBrush()

    @property
    def arranged(self) -> Arranged | None:
        """What is shown."""
        return self._arranged

    @property
    def is_folded(self) -> bool:
        """Whether rows stand under their kinds."""
        groups = self._groups
        return bool(groups and groups[0].name)

    def show_rows(self, arranged: Arranged | None) -> None:
        """Show these rows in place of the others."""
        self.beginResetModel()
        self._arranged = arranged
        self._loaded = [0] * len(self._groups)
        if self._groups and not self.is_folded:
            self._loaded[0] = min(PAGE, self._groups[0].rows.size)
        self.endResetModel()

    def show_stale(self, stale: bool, brush: QBrush) -> None:
        """Show the rows dimmed: they are of an older mask."""
        if stale == self._stale:
            return
        self._stale, self._dim = stale, brush
        last = self.index(self.rowCount() - 1, len(Column) - 1)
        self.dataChanged.emit(self.index(0, 0), last, [Qt.ItemDataRole.ForegroundRole])

    # ---- rows of the listing ---------------------------------------------------------------

    def row_at(self, index: QModelIndex) -> int | None:
        """Return the row of the listing that an index shows; None for a kind's head."""
        group = self._group_of(index)
        return None if group is None else int(group.rows[index.row()])

    def index_of(self, row: int) -> QModelIndex:
        """Return where a row of the listing is shown, fetching as much as needed.

        Invalid where the row is not listed, or is too far down to be fetched.
        """
        for number, group in enumerate(self._groups):
            found = np.flatnonzero(group.rows == row)
            if found.size:
                parent = self.index(number, 0) if self.is_folded else NO_PARENT
                place = int(found[0])
                if place >= self._loaded[number] + MOST_FETCHED:
                    break
                self._fetch(number, parent, place + 1)
                return self.index(place, Column.KIND, parent)
        return QModelIndex()

    # ---- the tree --------------------------------------------------------------------------

    def index(self, row: int, column: int, parent: QModelIndex = NO_PARENT) -> QModelIndex:
        """Return the index of a cell; the id says under which kind it stands, from 1."""
        if not self.hasIndex(row, column, parent):
            return QModelIndex()
        return self.createIndex(row, column, parent.row() + 1 if parent.isValid() else 0)

    def parent(self, index: QModelIndex = NO_PARENT) -> Any:
        """Return the head of the kind that a cell stands under."""
        group = index.internalId() if index.isValid() else 0
        return self.createIndex(group - 1, 0, 0) if group else QModelIndex()

    def rowCount(self, parent: QModelIndex = NO_PARENT) -> int:
        """Return the number of kinds, or of the rows that were fetched."""
        if not parent.isValid():
            return len(self._groups) if self.is_folded else sum(self._loaded)
        if self._is_head(parent) and parent.column() == 0:
            return self._loaded[int(parent.row())]
        return 0

    def columnCount(self, parent: QModelIndex = NO_PARENT) -> int:
        """Return the number of columns."""
        return len(Column)

    def hasChildren(self, parent: QModelIndex = NO_PARENT) -> bool:
        """Return whether something stands under an index."""
        if not parent.isValid():
            return bool(self._groups)
        return self._is_head(parent) and parent.column() == 0

    def canFetchMore(self, parent: QModelIndex) -> bool:
        """Return whether there are more rows than were fetched."""
        number = self._number_of_parent(parent)
        return number is not None and self._loaded[number] < self._groups[number].rows.size

    def fetchMore(self, parent: QModelIndex) -> None:
        """Fetch a page of rows."""
        number = self._number_of_parent(parent)
        if number is not None:
            self._fetch(number, parent, self._loaded[number] + PAGE)

    # ---- what is shown ---------------------------------------------------------------------

    def headerData(
        self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole
    ) -> Any:
        """Return a column's title or tip."""
        title, tip = HEADS[Column(section)]
        if role == Qt.ItemDataRole.DisplayRole:
            return title
        return plain_tip(tip) if role == Qt.ItemDataRole.ToolTipRole else None

    def data(self, index: QModelIndex, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """Return what a cell shows."""
        column = Column(index.column())
        match role:
            case Qt.ItemDataRole.DisplayRole | Qt.ItemDataRole.ToolTipRole:
                return self._text(index, column, role)
            case Qt.ItemDataRole.TextAlignmentRole if column in NUMBERS:
                return TO_THE_RIGHT
            case Qt.ItemDataRole.ForegroundRole if self._stale:
                return self._dim
        return None

    def _text(self, index: QModelIndex, column: Column, role: int) -> str | None:
        if self._is_head(index):
            return self._head_text(self._groups[index.row()], column, role)
        row, arranged = self.row_at(index), self._arranged
        if row is None or arranged is None:
            return None
        if role == Qt.ItemDataRole.ToolTipRole:
            listing = arranged.listing
            return plain_tip(f"{listing.text_of(row)}. {listing.hint_of(row)}")
        return TEXTS[column](arranged.listing, row)

    def _head_text(self, group: Group, column: Column, role: int) -> str | None:
        if role == Qt.ItemDataRole.ToolTipRole:
            points = f", {group.share:.5f} points" if group.share else ""
            return plain_tip(f"{group.rows.size:,} × {group.name}{points}")
        if column == Column.KIND:
            return f"{group.rows.size:,} × {group.name}"
        return f"{group.share:.5f}" if column == Column.SHARE else None

    # ---- within ----------------------------------------------------------------------------

    @property
    def _groups(self) -> tuple[Group, ...]:
        return () if self._arranged is None else self._arranged.groups

    def _is_head(self, index: QModelIndex) -> bool:
        return self.is_folded and index.isValid() and index.internalId() == 0

    def _group_of(self, index: QModelIndex) -> Group | None:
        """Return the group whose row an index shows."""
        if not index.isValid() or self._is_head(index):
            return None
        return self._groups[index.internalId() - 1 if self.is_folded else 0]

    def _number_of_parent(self, parent: QModelIndex) -> int | None:
        """Return which group stands under an index."""
        if self._is_head(parent):
            return int(parent.row())
        return 0 if not parent.isValid() and self._groups and not self.is_folded else None

    def _fetch(self, number: int, parent: QModelIndex, wanted: int) -> None:
        """Have at least so many rows of a group, in whole pages."""
        loaded, there = self._loaded[number], self._groups[number].rows.size
        count = min(there, PAGE * math.ceil(wanted / PAGE))
        if count > loaded:
            self.beginInsertRows(parent, loaded, count - 1)
            self._loaded[number] = count
            self.endInsertRows()


def octant_text(octants: tuple[Any, ...], number: int | None) -> str:
    """Return which octant it is along z, y and x, from 0."""
    if number is None or number >= len(octants):
        return "–"
    starts = [sorted({octant[axis].start for octant in octants}) for axis in range(3)]
    places = (s.index(octants[number][axis].start) for axis, s in enumerate(starts))
    return ", ".join(map(str, places))
