"""The runs of a campaign as a table that can be sorted."""

from __future__ import annotations

import math
from typing import Any

from qtpy.QtCore import QAbstractTableModel, QModelIndex, QObject, Qt

from napari_nx46.campaign.records.listing import ROW_FIGURES, CampaignRow
from napari_nx46.campaign.verdicts.rules import Decision
from napari_nx46.live.masks.pins import differing_knobs
from napari_nx46.run.compare.comparison import knob_text
from napari_nx46.run.compare.report import FIGURE_WORDS
from napari_nx46.setting import Setting, described_knobs
from napari_nx46.viewer.campaign.words import verdict_words
from napari_nx46.viewer.messages.plain_text import plain_tip

NO_PARENT = QModelIndex()
SORT_ROLE = Qt.ItemDataRole.UserRole
NUMBERS_TO_THE_RIGHT = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
LEGEND = "★ best    ◆ baseline    ✓ accepted    ✗ rejected"
DECISION_SIGNS = {Decision.ACCEPTED: "✓", Decision.REJECTED: "✗", Decision.UNDECIDED: ""}
FIXED_COLUMNS = ("", "run", "state")
GAIN_TITLE = "Δ score"
FIGURE_TITLES = {**FIGURE_WORDS, "leaderboard_score": "score", "dice": "Dice"}
"""Short: a dock is narrow."""


class CampaignModel(QAbstractTableModel):
    """A row for each run: verdict, state, the knobs that differ, and mean figures."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._rows: tuple[CampaignRow, ...] = ()
        self._knobs: list[str] = []
        self._figures: list[str] = []

    @property
    def rows(self) -> tuple[CampaignRow, ...]:
        """The run of each row."""
        return self._rows

    @property
    def titles(self) -> tuple[str, ...]:
        """What stands above the columns."""
        described = described_knobs(Setting)
        return (
            *FIXED_COLUMNS,
            *((GAIN_TITLE,) if self._has_gain else ()),
            *(FIGURE_TITLES[name] for name in self._figures),
            *(described[name].title if name in described else name for name in self._knobs),
        )

    def show_rows(self, rows: tuple[CampaignRow, ...]) -> None:
        """Show these runs in place of the others; the same runs keep selection and order."""
        same_runs = [row.run for row in rows] == [row.run for row in self._rows]
        figures = [name for name in ROW_FIGURES if any(name in row.figures for row in rows)]
        has_gain = any(row.gain is not None for row in rows)
        if same_runs and figures == self._figures and has_gain == self._has_gain:
            self._rows = rows
            if rows:
                corner = self.index(len(rows) - 1, self.columnCount() - 1)
                self.dataChanged.emit(self.index(0, 0), corner)
            return
        self.beginResetModel()
        self._rows, self._figures = rows, figures
        self._knobs = differing_knobs([row.run.setting for row in rows])
        self.endResetModel()

    def rowCount(self, parent: QModelIndex = NO_PARENT) -> int:
        """Return the number of runs."""
        return 0 if parent.isValid() else len(self._rows)

    def columnCount(self, parent: QModelIndex = NO_PARENT) -> int:
        """Return the number of columns."""
        return 0 if parent.isValid() else len(self.titles)

    def headerData(
        self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole
    ) -> Any:
        """Return a column's title."""
        if orientation == Qt.Orientation.Horizontal and role == Qt.ItemDataRole.DisplayRole:
            return self.titles[section]
        return None

    def data(self, index: QModelIndex, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """Return what a cell shows, or is sorted by."""
        row, column = self._rows[index.row()], index.column()
        text, key = self._cell(row, column)
        if role == Qt.ItemDataRole.DisplayRole:
            return text
        if role == SORT_ROLE:
            return key
        if role == Qt.ItemDataRole.TextAlignmentRole and isinstance(key, float):
            return NUMBERS_TO_THE_RIGHT
        if role == Qt.ItemDataRole.ToolTipRole:
            return plain_tip(verdict_words(row))
        return None

    @property
    def _has_gain(self) -> bool:
        return any(row.gain is not None for row in self._rows)

    def _cell(self, row: CampaignRow, column: int) -> tuple[str, float | str]:
        """Return the text of a cell, and what it is sorted by."""
        fixed = (_signs(row), row.run.run_id, _state(row))
        cells: list[tuple[str, float | str]] = [(text, text) for text in fixed]
        if self._has_gain:
            cells.append(_number(row.gain, signed=True))
        if column < len(cells):
            return cells[column]
        column -= len(cells)
        if column < len(self._figures):
            return _number(row.figures.get(self._figures[column]))
        name = self._knobs[column - len(self._figures)]
        text, value = knob_text(name, row.run.setting), getattr(row.run.setting, name)
        return text, float(value) if isinstance(value, int | float) else text


def _signs(row: CampaignRow) -> str:
    marks = ("★" if row.is_best else "", "◆" if row.is_baseline else "")
    return "".join((DECISION_SIGNS[row.verdict.decision], *marks))


def _state(row: CampaignRow) -> str:
    """Return how far a run is, in a word where one will do."""
    if row.done == row.tasks:
        return "done"
    parts = [f"{row.done}/{row.tasks}"]
    if row.running:
        parts.append("running")
    if row.failed:
        parts.append(f"{row.failed} failed")
    return ", ".join(parts) if row.done or row.running or row.failed else "waiting"


def _number(value: float | None, *, signed: bool = False) -> tuple[str, float]:
    if value is None:
        return "", -math.inf
    return f"{value:{'+' if signed else ''}.4f}", value
