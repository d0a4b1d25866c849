"""The table of a campaign's runs: sorted by any column, one selected at a time."""

from __future__ import annotations

from qtpy.QtCore import Qt
from qtpy.QtWidgets import QWidget

from napari_nx46.campaign.records.listing import CampaignRow
from napari_nx46.viewer.campaign.row_model import columns_of, tip_of
from napari_nx46.viewer.widgets.table import RowTable, TableModel

ROWS_SHOWN = 6
MOST_ROWS_SHOWN = 12


class CampaignTableView(RowTable):
    """A view of runs, in the plan's order until a column's head is clicked.

    Attributes
    ----------
    runs : TableModel of CampaignRow
    """

    def __init__(self, parent: QWidget | None = None) -> None:
        self.runs: TableModel[CampaignRow] = TableModel(lambda row: row.run.run_id, tip_of)
        super().__init__(self.runs, "Runs of the campaign", parent)
        self.show_rows(())

    def show_rows(self, rows: tuple[CampaignRow, ...]) -> None:
        """Show these runs; the one that was selected stays so where it still is there."""
        chosen: CampaignRow | None = self.chosen
        titles = self.runs.titles
        self.runs.show_rows(rows, columns_of(rows))
        if self.runs.titles != titles:
            self.resizeColumnsToContents()
            self.sortByColumn(-1, Qt.SortOrder.AscendingOrder)
        if self.chosen is None and chosen is not None:
            self.choose(chosen.run.run_id)
        self.be_high_for(ROWS_SHOWN, MOST_ROWS_SHOWN)
        self.chosen_changed.emit()
