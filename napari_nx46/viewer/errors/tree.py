"""The view of listed errors: kinds that fold, and rows that are fetched while it is scrolled."""

from __future__ import annotations

from qtpy.QtCore import QModelIndex, Qt, Signal
from qtpy.QtGui import QBrush, QPalette, QResizeEvent
from qtpy.QtWidgets import QAbstractItemView, QTreeView, QWidget

from napari_nx46.live.errors.arranged import Arranged, Column
from napari_nx46.viewer.errors.tree_model import ErrorModel

__all__ = ["ErrorTree"]

ROWS_SHOWN = 6
WIDTHS = {
    Column.NUMBER: "88,888",
    Column.KIND: "888 × missing handle",
    Column.SHARE: "0.88888",
    Column.GAIN: "+0.88888",
    Column.SIZE: "8,888,888",
    Column.SIDE: "prediction",
    Column.SLICE: "Slice8",
    Column.OCTANT: "Octant8",
    Column.NOTE: "88.8 voxels thick; median 8.8 (suspicion 0.88)",
}
"""Texts as wide as the columns are at first: looking at all rows would take long."""


OF_ERRORS = (Column.SHARE, Column.GAIN, Column.SIDE, Column.OCTANT)
"""The columns of errors against a label."""


class ErrorTree(QTreeView):
    """A view of errors of which one at a time is chosen; a click on a column's head sorts them.

    Parameters
    ----------
    parent : QWidget, optional

    Attributes
    ----------
    errors : ErrorModel
    visited : Signal(int)
        A row of the listing was clicked, or Enter was pressed on it.
    sorted_by : Signal(int)
        A column's head was clicked.
    """

    visited = Signal(int)
    sorted_by = Signal(int)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.errors = ErrorModel(self)
        self.setModel(self.errors)
        self.setUniformRowHeights(True)
        self.setAllColumnsShowFocus(True)
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setHorizontalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setTextElideMode(Qt.TextElideMode.ElideRight)
        self.setAccessibleName("Errors")
        self.setTreePosition(Column.KIND)
        self.setIndentation(12)
        header = self.header()
        header.setSectionsClickable(True)
        header.setStretchLastSection(False)
        header.setSortIndicatorShown(True)
        header.sectionClicked.connect(self.sorted_by)
        # Where what matters most is seen first in a narrow dock.
        header.moveSection(header.visualIndex(Column.NUMBER), len(Column) - 1)
        metrics = self.fontMetrics()
        for column, text in WIDTHS.items():
            self.setColumnWidth(column, metrics.horizontalAdvance(text) + 10)
        height = metrics.height() + 6
        self.setMinimumHeight(header.sizeHint().height() + ROWS_SHOWN * height)
        self._show_columns(priced=True)
        self.clicked.connect(self._visit)
        self.activated.connect(self._visit)
        self.verticalScrollBar().valueChanged.connect(self._fetch_what_is_seen)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Keep the row that is chosen in sight, where what stands below takes some of the room."""
        bottom = self.visualRect(self.currentIndex()).bottom()
        was_seen = 0 <= bottom <= event.oldSize().height()
        super().resizeEvent(event)
        if was_seen and self.currentIndex().isValid() and bottom > self.viewport().height():
            self.scrollTo(self.currentIndex())

    def show_rows(self, arranged: Arranged | None) -> None:
        """Show these rows; kinds that were unfolded stay so, and the scroll bar stays."""
        if arranged is self.errors.arranged:
            return
        if arranged is not None:
            self._show_columns(priced=arranged.listing.is_priced)
        unfolded, scrolled = self._unfolded(), self.verticalScrollBar().value()
        self.errors.show_rows(arranged)
        if self.errors.is_folded and arranged is not None:
            for number, group in enumerate(arranged.groups):
                if group.name in unfolded:
                    self.expand(self.errors.index(number, 0))
        self.verticalScrollBar().setValue(scrolled)

    def show_stale(self, stale: bool) -> None:
        """Dim the rows while the mask is a newer one."""
        color = self.palette().color(QPalette.ColorGroup.Disabled, QPalette.ColorRole.Text)
        self.errors.show_stale(stale, QBrush(color))

    def show_order(self, column: Column, descending: bool) -> None:
        """Show by which column the rows are sorted."""
        order = Qt.SortOrder.DescendingOrder if descending else Qt.SortOrder.AscendingOrder
        self.header().setSortIndicator(column, order)

    def choose(self, row: int | None) -> None:
        """Choose a row of the listing and scroll to it, or none."""
        index = QModelIndex() if row is None else self.errors.index_of(row)
        if not index.isValid():
            self.clearSelection()
            self.setCurrentIndex(QModelIndex())
        elif self.errors.row_at(self.currentIndex()) != row:
            self.setCurrentIndex(index)
            self.scrollTo(index)

    def _show_columns(self, *, priced: bool) -> None:
        """Show the columns that a list has: points, or why something is suspicious."""
        for column in OF_ERRORS:
            self.setColumnHidden(column, not priced)
        self.setColumnHidden(Column.NOTE, priced)

    def _visit(self, index: QModelIndex) -> None:
        row = self.errors.row_at(index)
        if row is not None:
            self.visited.emit(row)

    def _unfolded(self) -> set[str]:
        arranged = self.errors.arranged
        if arranged is None or not self.errors.is_folded:
            return set()
        return {
            group.name
            for number, group in enumerate(arranged.groups)
            if self.isExpanded(self.errors.index(number, 0))
        }

    def _fetch_what_is_seen(self) -> None:
        """Fetch more of a kind once its last row comes into sight: Qt does so at the very end."""
        bottom = self.viewport().height()
        for number in range(self.errors.rowCount() if self.errors.is_folded else 0):
            head = self.errors.index(number, 0)
            if not self.isExpanded(head) or not self.errors.canFetchMore(head):
                continue
            last = self.errors.index(self.errors.rowCount(head) - 1, Column.KIND, head)
            rect = self.visualRect(last)
            if rect.isValid() and rect.top() < bottom:
                self.errors.fetchMore(head)
