"""The table of runs: sorted, one selected at a time, scores typed in place."""

from __future__ import annotations

from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import QAbstractItemView, QTableView, QWidget

from napari_nx46.run.judge.verdict import ListedRun, RunList
from napari_nx46.viewer.runs.run_model import RunModel

ROWS_SHOWN = 4
_TYPING = (
    QAbstractItemView.EditTrigger.DoubleClicked
    | QAbstractItemView.EditTrigger.EditKeyPressed
    | QAbstractItemView.EditTrigger.AnyKeyPressed
)


class RunTable(QTableView):
    """A view of runs; the newest come first until a column's head is clicked.

    Attributes
    ----------
    chosen_changed : Signal()
        Another run is selected, or the same one is known otherwise.
    runs : RunModel
    """

    chosen_changed = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.runs = RunModel(self)
        self.setModel(self.runs)
        self.setSortingEnabled(True)
        self.sortByColumn(0, Qt.SortOrder.DescendingOrder)
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.setHorizontalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setWordWrap(False)
        self.verticalHeader().hide()
        self.horizontalHeader().setResizeContentsPrecision(0)  # those in sight: there may be many
        self.setAccessibleName("Runs")
        self.allow_typing(allowed=True)
        self.selectionModel().selectionChanged.connect(lambda *_: self.chosen_changed.emit())

    @property
    def chosen(self) -> ListedRun | None:
        """The run that is selected."""
        rows = self.selectionModel().selectedRows()
        return self.runs.rows[rows[0].row()] if rows else None

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
        rows = max(ROWS_SHOWN, min(len(runs.runs), 2 * ROWS_SHOWN))
        head = self.horizontalHeader().sizeHint().height()
        self.setMinimumHeight(head + rows * self.verticalHeader().defaultSectionSize())

    def choose(self, run_id: int | None) -> None:
        """Select a run by its id, or none."""
        self.clearSelection()
        for row, listed in enumerate(self.runs.rows):
            if listed.run_id == run_id:
                self.selectRow(row)
        self.chosen_changed.emit()

    def allow_typing(self, *, allowed: bool) -> None:
        """Let scores be typed, or not while something takes long."""
        none = QAbstractItemView.EditTrigger.NoEditTriggers
        self.setEditTriggers(_TYPING if allowed else none)
