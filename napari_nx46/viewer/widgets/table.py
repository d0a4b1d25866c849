"""Rows of one kind in columns: a model for views, and a view of which one row is chosen."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from qtpy.QtCore import QAbstractTableModel, QModelIndex, QObject, Qt, Signal
from qtpy.QtGui import QBrush
from qtpy.QtWidgets import QAbstractItemView, QTableView, QWidget

from napari_nx46.viewer.messages.plain_text import plain_tip

__all__ = ["Column", "RowTable", "TableModel"]

Row = TypeVar("Row")

NO_PARENT = QModelIndex()
TO_THE_RIGHT = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter


@dataclass(frozen=True, slots=True)
class Column(Generic[Row]):
    """One column of a table.

    Parameters
    ----------
    title : str
    text : callable
        Returns what a row's cell shows.
    key : callable, optional
        Returns what a cell is sorted by; texts come behind numbers. By default its text. The text
        of a cell whose key is a float stands at the right.
    tip : str
        Of the column's head.
    typed_from : callable, optional
        Returns the text that typing into a cell begins with; without it nothing is typed here.
    brush : QBrush, optional
        Of the texts, where it is another than the view's.
    """

    title: str
    text: Callable[[Row], str]
    key: Callable[[Row], float | str] | None = None
    tip: str = ""
    typed_from: Callable[[Row], str] | None = None
    brush: QBrush | None = None

    def key_of(self, row: Row) -> float | str:
        """Return what the cell of a row is sorted by."""
        return self.text(row) if self.key is None else self.key(row)


class TableModel(QAbstractTableModel, Generic[Row]):
    """Rows in columns, in the order in which they are given until they are sorted by a column.

    Parameters
    ----------
    identify : callable
        Returns by what a row is known again when others are shown.
    tip : callable
        Returns the tip of a cell.
    head : callable, optional
        Returns what stands before a row.
    parent : QObject, optional
    """

    def __init__(
        self,
        identify: Callable[[Row], Hashable],
        tip: Callable[[Row, Column[Row]], str],
        head: Callable[[Row], str] | None = None,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self.identify = identify
        self._tip = tip
        self._head = head
        self._given: tuple[Row, ...] = ()
        self._rows: list[Row] = []
        self._columns: tuple[Column[Row], ...] = ()
        self._sorted_by, self._order = -1, Qt.SortOrder.AscendingOrder

    @property
    def rows(self) -> list[Row]:
        """The rows from top to bottom."""
        return list(self._rows)

    @property
    def titles(self) -> tuple[str, ...]:
        """What stands above the columns."""
        return tuple(column.title for column in self._columns)

    def show_rows(self, rows: Iterable[Row], columns: Sequence[Column[Row]]) -> None:
        """Show these rows in place of the others; where they are the same, the choice stays."""
        rows, columns = tuple(rows), tuple(columns)
        same_rows = set(map(self.identify, self._given)) == set(map(self.identify, rows))
        if same_rows and self.titles == tuple(column.title for column in columns):
            self._columns = columns
            self._arrange(rows)
            return
        self.beginResetModel()
        self._given, self._columns = rows, columns
        self._sorted_by = min(self._sorted_by, len(columns) - 1)
        self._rows = self._in_order()
        self.endResetModel()

    def sort(self, column: int, order: Qt.SortOrder = Qt.SortOrder.AscendingOrder) -> None:
        """Sort the rows by a column, or by none below 0; what is selected stays so."""
        self._sorted_by, self._order = column, order
        self._arrange(self._given)

    def rowCount(self, parent: QModelIndex = NO_PARENT) -> int:
        """Return the number of rows."""
        return 0 if parent.isValid() else len(self._rows)

    def columnCount(self, parent: QModelIndex = NO_PARENT) -> int:
        """Return the number of columns."""
        return 0 if parent.isValid() else len(self._columns)

    def headerData(
        self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole
    ) -> Any:
        """Return a column's title or tip, or what stands before a row."""
        if orientation == Qt.Orientation.Vertical:
            is_text = role == Qt.ItemDataRole.DisplayRole
            return self._head(self._rows[section]) if self._head is not None and is_text else None
        if role == Qt.ItemDataRole.DisplayRole:
            return self._columns[section].title
        if role == Qt.ItemDataRole.ToolTipRole and self._columns[section].tip:
            return plain_tip(self._columns[section].tip)
        return None

    def data(self, index: QModelIndex, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """Return what a cell shows, or typing begins with."""
        row, column = self._rows[index.row()], self._columns[index.column()]
        if role == Qt.ItemDataRole.DisplayRole:
            return column.text(row)
        if role == Qt.ItemDataRole.EditRole and column.typed_from is not None:
            return column.typed_from(row)
        if role == Qt.ItemDataRole.TextAlignmentRole and isinstance(column.key_of(row), float):
            return TO_THE_RIGHT
        if role == Qt.ItemDataRole.ForegroundRole:
            return column.brush
        if role == Qt.ItemDataRole.ToolTipRole:
            return plain_tip(self._tip(row, column))
        return None

    def flags(self, index: QModelIndex) -> Qt.ItemFlag:
        """Return whether a cell can be typed into, besides what all cells can."""
        flags = super().flags(index)
        if index.isValid() and self._columns[index.column()].typed_from is not None:
            flags |= Qt.ItemFlag.ItemIsEditable
        return flags

    def setData(self, index: QModelIndex, value: Any, role: int = Qt.ItemDataRole.EditRole) -> bool:
        """Take what was typed; the cell shows it when the rows are shown with it."""
        column = self._columns[index.column()]
        if role != Qt.ItemDataRole.EditRole or column.typed_from is None:
            return False
        return self.take(self._rows[index.row()], column, str(value))

    def take(self, row: Row, column: Column[Row], text: str) -> bool:
        """Return whether a text that was typed into a cell is taken."""
        return False

    def _arrange(self, rows: tuple[Row, ...]) -> None:
        """Show the same rows otherwise, or in another order; what is selected stays so."""
        self.layoutAboutToBeChanged.emit()
        self._given = rows
        before, self._rows = self._rows, self._in_order()
        place = {self.identify(row): number for number, row in enumerate(self._rows)}
        indices = self.persistentIndexList()
        moved = [
            self.index(place[self.identify(before[index.row()])], index.column())
            for index in indices
        ]
        self.changePersistentIndexList(indices, moved)
        self.layoutChanged.emit()

    def _in_order(self) -> list[Row]:
        if self._sorted_by < 0:
            return list(self._given)
        column = self._columns[self._sorted_by]

        def key(row: Row) -> tuple[bool, Any]:
            found = column.key_of(row)
            return isinstance(found, str), found

        descending = self._order == Qt.SortOrder.DescendingOrder
        return sorted(self._given, key=key, reverse=descending)


class RowTable(QTableView):
    """A view of rows that a click on a column's head sorts, and of which one at a time is chosen.

    Parameters
    ----------
    model : TableModel
    name : str
        Accessible name.
    parent : QWidget, optional

    Attributes
    ----------
    chosen_changed : Signal()
        Another row is chosen, or the same one is known otherwise.
    activated_row : Signal(object)
        A row was double-clicked, or Enter was pressed on it.
    """

    chosen_changed = Signal()
    activated_row = Signal(object)

    def __init__(self, model: TableModel[Any], name: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._model = model
        model.setParent(self)
        self.setModel(model)
        self.sortByColumn(-1, Qt.SortOrder.AscendingOrder)
        self.setSortingEnabled(True)
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.setHorizontalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setWordWrap(False)
        self.verticalHeader().hide()
        self.horizontalHeader().setResizeContentsPrecision(0)  # those in sight: there may be many
        self.setAccessibleName(name)
        self.selectionModel().selectionChanged.connect(lambda *_: self.chosen_changed.emit())
        self.activated.connect(lambda index: self.activated_row.emit(model.rows[index.row()]))

    @property
    def chosen(self) -> Any:
        """The row that is chosen, or None."""
        rows = self.selectionModel().selectedRows()
        return self._model.rows[rows[0].row()] if rows else None

    def choose(self, known_by: Hashable) -> None:
        """Choose the row that is known by this, or none where there is no such row."""
        self.clearSelection()
        for number, row in enumerate(self._model.rows):
            if self._model.identify(row) == known_by:
                self.selectRow(number)
        self.chosen_changed.emit()

    def be_high_for(self, fewest: int, most: int) -> None:
        """Be high enough for the rows, but for no fewer and no more than this."""
        rows = min(max(fewest, len(self._model.rows)), most)
        head = self.horizontalHeader().sizeHint().height()
        bar = self.horizontalScrollBar().sizeHint().height()
        self.setMinimumHeight(head + bar + rows * self.verticalHeader().defaultSectionSize())
