"""A table of texts that is as high as its rows: the dock scrolls, not the table."""

from __future__ import annotations

from qtpy.QtCore import Qt
from qtpy.QtWidgets import QAbstractItemView, QHeaderView, QTableWidget, QTableWidgetItem, QWidget

from napari_nx46.viewer.messages.plain_text import plain_tip

MARGIN = 4


class FittedTable(QTableWidget):
    """A table that is read only, and takes no focus."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setSelectionMode(QAbstractItemView.SelectionMode.NoSelection)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.horizontalHeader().setSectionResizeMode(QHeaderView.ResizeMode.Stretch)
        self.horizontalHeader().setMinimumSectionSize(40)
        self.verticalHeader().setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)

    def texts(self) -> dict[str, list[str]]:
        """Return what the table says, by the head of each row."""
        columns = range(self.columnCount())
        return {
            self.verticalHeaderItem(row).text(): [
                self.item(row, column).text() for column in columns
            ]
            for row in range(self.rowCount())
        }

    def fit(self) -> None:
        """Be as high as the rows."""
        self.resizeRowsToContents()
        height = self.horizontalHeader().sizeHint().height() + self.verticalHeader().length()
        self.setFixedHeight(height + 2 * self.frameWidth() + MARGIN)


def number_item(title: str, text: str) -> QTableWidgetItem:
    """Return the cell of a number, which its tip tells with its title."""
    item = QTableWidgetItem(text)
    item.setTextAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
    item.setToolTip(plain_tip(f"{title}: {text}"))
    return item
