"""What is shown of the runs of a campaign, in columns."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from napari_nx46.campaign.records.listing import ROW_FIGURES, CampaignRow
from napari_nx46.campaign.verdicts.rules import Decision
from napari_nx46.live.masks.pins import differing_knobs
from napari_nx46.run.compare.comparison import knob_text
from napari_nx46.run.compare.report import FIGURE_WORDS
from napari_nx46.setting import Setting, described_knobs
from napari_nx46.viewer.campaign.words import verdict_words
from napari_nx46.viewer.widgets.table import Column

LEGEND = "★ best    ◆ baseline    ✓ accepted    ✗ rejected"
DECISION_SIGNS = {Decision.ACCEPTED: "✓", Decision.REJECTED: "✗", Decision.UNDECIDED: ""}
GAIN_TITLE = "Δ score"
FIGURE_TITLES = {**FIGURE_WORDS, "leaderboard_score": "score", "dice": "Dice"}
"""Short: a dock is narrow."""


def columns_of(rows: Sequence[CampaignRow]) -> list[Column[CampaignRow]]:
    """Return the columns for these runs: verdict, state, mean figures, the knobs that differ."""
    figures = [name for name in ROW_FIGURES if any(name in row.figures for row in rows)]
    columns = [
        Column("", _signs),
        Column("run", lambda row: row.run.run_id),
        Column("state", _state),
    ]
    if any(row.gain is not None for row in rows):
        columns.append(_number_column(GAIN_TITLE, lambda row: row.gain, "+.4f"))
    columns += [_figure_column(name) for name in figures]
    columns += [_knob_column(name) for name in differing_knobs([row.run.setting for row in rows])]
    return columns


def tip_of(row: CampaignRow, column: Column[CampaignRow]) -> str:
    """Return the tip of a cell: the verdict on its run."""
    return verdict_words(row)


def _figure_column(name: str) -> Column[CampaignRow]:
    return _number_column(FIGURE_TITLES[name], lambda row: row.figures.get(name), ".4f")


def _number_column(
    title: str, value_of: Callable[[CampaignRow], float | None], form: str
) -> Column[CampaignRow]:
    """Return a column of numbers, those that are not known before all others."""

    def text(row: CampaignRow) -> str:
        value = value_of(row)
        return "" if value is None else format(value, form)

    def key(row: CampaignRow) -> float:
        value = value_of(row)
        return -math.inf if value is None else float(value)

    return Column(title, text, key)


def _knob_column(name: str) -> Column[CampaignRow]:
    described = described_knobs(Setting)

    def text(row: CampaignRow) -> str:
        return knob_text(name, row.run.setting)

    def key(row: CampaignRow) -> float | str:
        value = getattr(row.run.setting, name)
        return float(value) if isinstance(value, int | float) else text(row)

    return Column(described[name].title if name in described else name, text, key)


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
