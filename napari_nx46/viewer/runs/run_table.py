"""The table of runs: sorted, one selected at a time, scores typed in place."""

from __future__ import annotations

from qtpy.QtCore import Qt
from qtpy.QtWidgets import QAbstractItemView, QWidget

from napari_nx46.run.judge.verdict import RunList
from napari_nx46.viewer.runs.run_model import RunModel
from napari_nx46.viewer.widgets.table import RowTable

ROWS_SHOWN = 4
_TYPING = (
    QAbstractItemView.EditTrigger.DoubleClicked
    | QAbstractItemView.EditTrigger.EditKeyPressed
    | QAbstractItemView.EditTrigger.AnyKeyPressed
)


class RunTable(RowTable):
    """A view of runs; the newest come first until a column's head is clicked.

    Attributes
    ----------
    runs : RunModel
    """

    def __init__(self, parent: QWidget | None = None) -> None:
        self.runs = RunModel()
        super().__init__(self.runs, "Runs", parent)
        self.runs.show_runs(RunList())
        self.sortByColumn(0, Qt.SortOrder.DescendingOrder)
        self.allow_typing(allowed=True)

    def show_runs(self, runs: RunList) -> None:
        """Show these runs; the one that was selected stays so, and without one the newest is."""
        if runs is self.runs.shown:  # what is being typed stays
            return
        chosen = self.chosen
        newest = runs.runs[-1] if runs.runs else None
        self.runs.show_runs(runs)
        self.resizeColumnsToContents()
        wanted = newest if chosen is None else chosen
        self.choose(None if wanted is None else wanted.run_id)
        self.be_high_for(ROWS_SHOWN, 2 * ROWS_SHOWN)

    def allow_typing(self, *, allowed: bool) -> None:
        """Let scores be typed, or not while something takes long."""
        none = QAbstractItemView.EditTrigger.NoEditTriggers
        self.setEditTriggers(_TYPING if allowed else none)
