"""The runs of a workspace as a table in which the leaderboard scores are typed."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from typing import Any

from qtpy.QtCore import QAbstractTableModel, QModelIndex, QObject, Qt, Signal

from napari_nx46.files.naming import shown
from napari_nx46.live.jobs.run_words import parse_score
from napari_nx46.run.compare.report import FIGURE_WORDS, figure_text
from napari_nx46.run.judge.kept_runs import SCORE_NAMES
from napari_nx46.run.judge.verdict import ListedRun, RunList
from napari_nx46.viewer.messages.plain_text import plain_tip

NO_PARENT = QModelIndex()
NUMBERS_TO_THE_RIGHT = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
MARK_SIGNS = {"best": "★", "baseline": "◆"}
LEGEND = "★ best scored    ◆ baseline"


@dataclass(frozen=True, slots=True)
class Column:
    """One column of the table.

    Parameters
    ----------
    title, tip : str
    text : callable
        What a run's cell shows.
    key : callable
        What it is sorted by: numbers or texts, in every row the same of both.
    score : str
        Name of the run's score that is typed here; empty where nothing is.
    """

    title: str
    tip: str
    text: Callable[[ListedRun], str]
    key: Callable[[ListedRun], float | str]
    score: str = ""


class RunModel(QAbstractTableModel):
    """A row for each run, the newest first until they are sorted otherwise.

    Attributes
    ----------
    score_typed : Signal(ListedRun, str, float or None)
        A score was typed: of which run, the name of its field, and the score, None to take it back.
    refused : Signal(str)
        What was typed is no score; tells why.
    """

    score_typed = Signal(object, str, object)
    refused = Signal(str)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._shown = RunList()
        self._rows: list[ListedRun] = []
        self._columns = columns_of(self._shown)
        self._sorted_by, self._order = 0, Qt.SortOrder.DescendingOrder

    @property
    def shown(self) -> RunList:
        """What is shown."""
        return self._shown

    @property
    def rows(self) -> list[ListedRun]:
        """The run of each row."""
        return list(self._rows)

    def show_runs(self, runs: RunList) -> None:
        """Show these runs in place of the others."""
        self.beginResetModel()
        self._shown, self._columns = runs, columns_of(runs)
        self._sorted_by = min(self._sorted_by, len(self._columns) - 1)
        self._rows = self._in_order(runs.runs)
        self.endResetModel()

    def sort(self, column: int, order: Qt.SortOrder = Qt.SortOrder.AscendingOrder) -> None:
        """Sort the rows by a column; what is selected stays so."""
        self.layoutAboutToBeChanged.emit()
        self._sorted_by, self._order = column, order
        before, self._rows = self._rows, self._in_order(self._rows)
        row_of = {listed.run_id: row for row, listed in enumerate(self._rows)}
        indices = self.persistentIndexList()
        moved = [
            self.index(row_of[before[index.row()].run_id], index.column()) for index in indices
        ]
        self.changePersistentIndexList(indices, moved)
        self.layoutChanged.emit()

    def rowCount(self, parent: QModelIndex = NO_PARENT) -> int:
        """Return the number of runs."""
        return 0 if parent.isValid() else len(self._rows)

    def columnCount(self, parent: QModelIndex = NO_PARENT) -> int:
        """Return the number of columns."""
        return 0 if parent.isValid() else len(self._columns)

    def headerData(
        self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole
    ) -> Any:
        """Return a column's title or tip."""
        if orientation != Qt.Orientation.Horizontal:
            return None
        if role == Qt.ItemDataRole.DisplayRole:
            return self._columns[section].title
        if role == Qt.ItemDataRole.ToolTipRole:
            return plain_tip(self._columns[section].tip)
        return None

    def data(self, index: QModelIndex, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """Return what a cell shows, is sorted by, or is edited from."""
        listed, column = self._rows[index.row()], self._columns[index.column()]
        if role == Qt.ItemDataRole.DisplayRole:
            return column.text(listed)
        if role == Qt.ItemDataRole.EditRole and column.score:
            score = getattr(listed.run, column.score)
            return "" if score is None else repr(score)
        if role == Qt.ItemDataRole.TextAlignmentRole and isinstance(column.key(listed), float):
            return NUMBERS_TO_THE_RIGHT
        if role == Qt.ItemDataRole.ToolTipRole:
            return plain_tip("\n".join((column.tip, *listed.marks, _archive_text(listed))))
        return None

    def flags(self, index: QModelIndex) -> Qt.ItemFlag:
        """Return that scores can be typed."""
        flags = super().flags(index)
        if self._columns[index.column()].score:
            flags |= Qt.ItemFlag.ItemIsEditable
        return flags

    def setData(self, index: QModelIndex, value: Any, role: int = Qt.ItemDataRole.EditRole) -> bool:
        """Tell what was typed; the cell shows it when it has been kept."""
        listed, column = self._rows[index.row()], self._columns[index.column()]
        if role != Qt.ItemDataRole.EditRole or not column.score:
            return False
        try:
            score = parse_score(str(value))
        except ValueError as error:
            self.refused.emit(str(error))
            return False
        if score != getattr(listed.run, column.score):
            self.score_typed.emit(listed, column.score, score)
        return True

    def _in_order(self, runs: Iterable[ListedRun]) -> list[ListedRun]:
        newest_first = sorted(runs, key=_number, reverse=True)
        descending = self._order == Qt.SortOrder.DescendingOrder
        return sorted(newest_first, key=self._columns[self._sorted_by].key, reverse=descending)


def columns_of(runs: RunList) -> tuple[Column, ...]:
    """Return the columns for these runs: of the metrics those that one of them has."""
    metrics = [name for name in FIGURE_WORDS if any(name in one.means for one in runs.runs)]
    return (
        Column("Run", "Number of the run", _marked_number, _number),
        Column("Tag", "Name that it was exported under", _tag, _folded_tag),
        *(_score_column(name) for name in SCORE_NAMES[:1]),
        Column("Δ", "Public score above that of the baseline", _delta_text, _delta),
        *(_score_column(name) for name in SCORE_NAMES[1:]),
        *(_metric_column(name) for name in metrics),
        Column("Time", "When it was kept", _time_text, lambda one: one.run.time.timestamp()),
    )


def _score_column(name: str) -> Column:
    kind = name.partition("_")[0]
    return Column(
        kind.capitalize(),
        f"{kind.capitalize()} leaderboard score that the competition returned; double-click to"
        " type it, empty the cell to take it back",
        lambda one: "" if (score := getattr(one.run, name)) is None else f"{score:g}",
        lambda one: _known(getattr(one.run, name)),
        name,
    )


def _metric_column(name: str) -> Column:
    words = FIGURE_WORDS[name]
    return Column(
        words[:1].upper() + words[1:],
        f"Mean {words} of the fragments",
        partial(_metric_text, name),
        lambda one: _known(one.means.get(name)),
    )


def _metric_text(name: str, listed: ListedRun) -> str:
    return figure_text(name, listed.means.get(name))


def _known(figure: float | None) -> float:
    """Return a figure to sort by: one that is not known comes before all others."""
    return -math.inf if figure is None else float(figure)


def _number(listed: ListedRun) -> float:
    return float(listed.run_id)


def _tag(listed: ListedRun) -> str:
    return shown(listed.run.tag)


def _folded_tag(listed: ListedRun) -> str:
    return listed.run.tag.casefold()


def _delta(listed: ListedRun) -> float:
    return _known(listed.delta)


def _delta_text(listed: ListedRun) -> str:
    return "" if listed.baseline or listed.delta is None else f"{listed.delta:+.6g}"


def _marked_number(listed: ListedRun) -> str:
    return " ".join((*(MARK_SIGNS[mark] for mark in listed.marks), str(listed.run_id)))


def _time_text(listed: ListedRun) -> str:
    return f"{listed.run.time.astimezone():%Y-%m-%d %H:%M}"


def _archive_text(listed: ListedRun) -> str:
    archive = listed.run.archive
    return "No archive" if archive is None else shown(str(archive))
