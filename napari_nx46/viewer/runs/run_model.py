"""The runs of a workspace as a table in which the leaderboard scores are typed."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import partial

from qtpy.QtCore import Signal

from napari_nx46.files.naming import printable
from napari_nx46.live.jobs.run_words import parse_score
from napari_nx46.run.compare.report import FIGURE_WORDS, figure_text
from napari_nx46.run.judge.kept_runs import SCORE_NAMES
from napari_nx46.run.judge.verdict import ListedRun, RunList
from napari_nx46.viewer.widgets.table import Column, TableModel

MARK_SIGNS = {"best": "★", "baseline": "◆"}
LEGEND = "★ best scored    ◆ baseline"


@dataclass(frozen=True, slots=True)
class ScoreColumn(Column[ListedRun]):
    """A column in which a score is typed.

    Parameters
    ----------
    name : str
        Of the run's field.
    """

    name: str = ""


class RunModel(TableModel[ListedRun]):
    """A row for each run, the newest first until they are sorted otherwise.

    Attributes
    ----------
    score_typed : Signal(ListedRun, str, float or None)
        A score was typed: of which run, the name of its field, and the score, None to take it back.
    refused : Signal(str)
        What was typed is no score; says why.
    """

    score_typed = Signal(object, str, object)
    refused = Signal(str)

    def __init__(self) -> None:
        super().__init__(lambda listed: listed.run_id, _tip)
        self._shown: RunList | None = None

    @property
    def shown(self) -> RunList | None:
        """What is shown, if anything is."""
        return self._shown

    def show_runs(self, runs: RunList) -> None:
        """Show these runs in place of the others."""
        self._shown = runs
        self.show_rows(sorted(runs.runs, key=_number, reverse=True), columns_of(runs))

    def take(self, row: ListedRun, column: Column[ListedRun], text: str) -> bool:
        """Signal what score was typed, or why it is none."""
        if not isinstance(column, ScoreColumn):
            return False
        try:
            score = parse_score(text)
        except ValueError as error:
            self.refused.emit(str(error))
            return False
        if score != getattr(row.run, column.name):
            self.score_typed.emit(row, column.name, score)
        return True


def columns_of(runs: RunList) -> tuple[Column[ListedRun], ...]:
    """Return the columns for these runs: of the metrics those that one of them has."""
    metrics = [name for name in FIGURE_WORDS if any(name in one.means for one in runs.runs)]
    return (
        Column("Run", _marked_number, _number, "Number of the run"),
        Column("Tag", _tag, _folded_tag, "Name that it was exported under"),
        *(_score_column(name) for name in SCORE_NAMES[:1]),
        Column("Δ", _delta_text, _delta, "Public score above that of the baseline"),
        *(_score_column(name) for name in SCORE_NAMES[1:]),
        *(_metric_column(name) for name in metrics),
        Column("Time", _time_text, lambda one: one.run.time.timestamp(), "When it was kept"),
    )


def _score_column(name: str) -> ScoreColumn:
    kind = name.partition("_")[0]
    return ScoreColumn(
        kind.capitalize(),
        lambda one: "" if (score := getattr(one.run, name)) is None else f"{score:g}",
        lambda one: _known(getattr(one.run, name)),
        f"{kind.capitalize()} leaderboard score that the competition returned; double-click to"
        " type it, empty the cell to take it back",
        lambda one: "" if (score := getattr(one.run, name)) is None else repr(score),
        name=name,
    )


def _metric_column(name: str) -> Column[ListedRun]:
    words = FIGURE_WORDS[name]
    return Column(
        words[:1].upper() + words[1:],
        partial(_metric_text, name),
        lambda one: _known(one.means.get(name)),
        f"Mean {words} of the fragments",
    )


def _tip(listed: ListedRun, column: Column[ListedRun]) -> str:
    return "\n".join((column.tip, *listed.marks, _archive_text(listed)))


def _metric_text(name: str, listed: ListedRun) -> str:
    return figure_text(name, listed.means.get(name))


def _known(figure: float | None) -> float:
    """Return a figure to sort by: one that is not known comes before all others."""
    return -math.inf if figure is None else float(figure)


def _number(listed: ListedRun) -> float:
    return float(listed.run_id)


def _tag(listed: ListedRun) -> str:
    return printable(listed.run.tag)


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
    return "No archive" if archive is None else printable(str(archive))
