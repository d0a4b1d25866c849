"""A table of texts that is as high as its rows: the dock scrolls, not the table."""

from __future__ import annotations

import math
from collections.abc import Sequence

from qtpy.QtCore import Qt
from qtpy.QtGui import QBrush
from qtpy.QtWidgets import QAbstractItemView, QHeaderView, QTableView, QWidget

from napari_nx46.viewer.widgets.table import Column, TableModel

MARGIN = 4

Line = tuple[str, Sequence[str]]
"""Head of a row, and a text for each column."""


class FittedTable(QTableView):
    """A table of numbers, as texts, that is read only and takes no focus.

    Attributes
    ----------
    lines : TableModel of Line
    """

    def __init__(self, name: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.lines: TableModel[Line] = TableModel(_head, _tip, _head, self)
        self.setModel(self.lines)
        self.setAccessibleName(name)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setSelectionMode(QAbstractItemView.SelectionMode.NoSelection)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.horizontalHeader().setSectionResizeMode(QHeaderView.ResizeMode.Stretch)
        self.horizontalHeader().setMinimumSectionSize(40)
        self.verticalHeader().setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)

    def show_lines(
        self, titles: Sequence[str], lines: Sequence[Line], brushes: Sequence[QBrush | None] = ()
    ) -> None:
        """Show lines under these titles, and be as high as they are.

        Parameters
        ----------
        titles : sequence of str
            Of the columns.
        lines : sequence of Line
        brushes : sequence of QBrush or None
            Of the texts of each column; by default those of the view.
        """
        looks = zip(titles, brushes or [None] * len(titles), strict=True)
        self.lines.show_rows(lines, [_column(place, *look) for place, look in enumerate(looks)])
        self.resizeRowsToContents()
        height = self.horizontalHeader().sizeHint().height() + self.verticalHeader().length()
        self.setFixedHeight(height + 2 * self.frameWidth() + MARGIN)

    def texts(self) -> dict[str, list[str]]:
        """Return what the table shows, by the head of each row."""
        return {head: list(texts) for head, texts in self.lines.rows}


def _column(place: int, title: str, brush: QBrush | None) -> Column[Line]:
    # Numbers, but not to be sorted.
    return Column(title, lambda line: line[1][place], lambda line: math.nan, brush=brush)


def _head(line: Line) -> str:
    return line[0]


def _tip(line: Line, column: Column[Line]) -> str:
    return f"{line[0]}, {column.title}: {column.text(line)}"
