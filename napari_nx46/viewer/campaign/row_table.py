"""The table of a campaign's runs: sorted by any column, one selected at a time."""

from __future__ import annotations

from qtpy.QtCore import QModelIndex, QSortFilterProxyModel, Qt, Signal
from qtpy.QtWidgets import QAbstractItemView, QTableView, QWidget

from napari_nx46.campaign.records.listing import CampaignRow
from napari_nx46.viewer.campaign.row_model import SORT_ROLE, CampaignModel

ROWS_SHOWN = 6
MOST_ROWS_SHOWN = 12


class CampaignTableView(QTableView):
    """A view of runs, in the plan's order until a column's head is clicked.

    Attributes
    ----------
    chosen_changed : Signal()
    activated_row : Signal(CampaignRow)
        A run was double-clicked, or Enter was pressed on it.
    runs : CampaignModel
    """

    chosen_changed = Signal()
    activated_row = Signal(object)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.runs = CampaignModel(self)
        self._sorted = QSortFilterProxyModel(self)
        self._sorted.setSourceModel(self.runs)
        self._sorted.setSortRole(SORT_ROLE)
        self.setModel(self._sorted)
        self.setSortingEnabled(True)
        self._keep_plan_order()
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.setHorizontalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setWordWrap(False)
        self.verticalHeader().hide()
        self.setAccessibleName("Runs of the campaign")
        self.selectionModel().selectionChanged.connect(lambda *_: self.chosen_changed.emit())
        self.activated.connect(self._tell_activated)

    @property
    def chosen(self) -> CampaignRow | None:
        """The run that is selected."""
        rows = self.selectionModel().selectedRows()
        return self._row_at(rows[0]) if rows else None

    def show_rows(self, rows: tuple[CampaignRow, ...]) -> None:
        """Show these runs; the one that was selected stays so where it still is there."""
        chosen = self.chosen
        titles = self.runs.titles
        self.runs.show_rows(rows)
        if self.runs.titles != titles:
            self.resizeColumnsToContents()
            self._keep_plan_order()
        if self.chosen is None and chosen is not None:
            self.choose(chosen.run.run_id)
        shown = min(max(ROWS_SHOWN, len(rows)), MOST_ROWS_SHOWN)
        head = self.horizontalHeader().sizeHint().height()
        bar = self.horizontalScrollBar().sizeHint().height()
        self.setMinimumHeight(head + bar + shown * self.verticalHeader().defaultSectionSize())
        self.chosen_changed.emit()

    def choose(self, run_id: str) -> None:
        """Select a run by its id; nothing changes where there is none."""
        for number, row in enumerate(self.runs.rows):
            if row.run.run_id == run_id:
                self.selectRow(self._sorted.mapFromSource(self.runs.index(number, 0)).row())

    def _row_at(self, index: QModelIndex) -> CampaignRow:
        number: int = self._sorted.mapToSource(index).row()
        return self.runs.rows[number]

    def _keep_plan_order(self) -> None:
        self.sortByColumn(-1, Qt.SortOrder.AscendingOrder)

    def _tell_activated(self, index: QModelIndex) -> None:
        self.activated_row.emit(self._row_at(index))
