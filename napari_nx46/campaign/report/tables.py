"""The tables that a report is made from, as they are written to CSV."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from napari_nx46.campaign.analysis.design import varied
from napari_nx46.campaign.analysis.ranking import RUN_FIGURES, RankedRun
from napari_nx46.campaign.analysis.whole import CampaignAnalysis
from napari_nx46.run.compare.comparison import knob_text
from napari_nx46.run.csv_text import CsvValue, csv_bytes
from napari_nx46.setting import Setting

__all__ = ["TABLE_NAMES", "CsvTable", "Source", "csv_tables", "knob_columns"]

SLICE_FIGURES = (
    *("density", "continuity", "components", "p50", "p90", "p95", "p99"),
    *("precision", "recall", "dice", "recall_loss"),
)

TABLE_NAMES = (
    *("runs.csv", "verdicts.csv", "fragments.csv", "slices.csv", "lost_slices.csv"),
    *("density.csv", "knobs.csv", "levels.csv", "stability.csv", "gains.csv"),
)
"""The files of the tables."""

MOST_VALUES_TOLD = 8

Row = tuple[CsvValue, ...]


@dataclass(frozen=True, slots=True)
class Source:
    """Which cells of a table something is made from.

    Parameters
    ----------
    table : str
        Name of the CSV file.
    columns : tuple of str
    where : mapping of str to tuple of str
        Column -> values: rows are taken that have one of the values in each of these columns.
    """

    table: str
    columns: tuple[str, ...]
    where: Mapping[str, tuple[str, ...]] = field(default_factory=dict, hash=False)

    @property
    def text(self) -> str:
        """Where the cells are, as a sentence."""
        conditions = " and ".join(
            f"{column} is {' or '.join(values)}"
            if len(values) <= MOST_VALUES_TOLD
            else f"{column} is one of the {len(values)} that are shown"
            for column, values in self.where.items()
        )
        rows = f"rows where {conditions}" if conditions else "all rows"
        return f"{self.table}, columns {', '.join(self.columns)}, {rows}"


@dataclass(frozen=True, slots=True)
class CsvTable:
    """A table with figures in full.

    Parameters
    ----------
    name : str
        Of the file.
    about : str
        What a row is.
    columns : tuple of str
    rows : tuple of tuple
        As many values each as there are columns.
    """

    name: str
    about: str
    columns: tuple[str, ...]
    rows: tuple[Row, ...]

    def to_bytes(self) -> bytes:
        """Return it as CSV."""
        return csv_bytes(self.columns, self.rows)

    def select(self, source: Source) -> list[dict[str, Any]]:
        """Return the cells that a source names, a dictionary of `CsvValue` a row."""
        places = {column: self.columns.index(column) for column in source.columns}
        wanted = [(self.columns.index(one), set(values)) for one, values in source.where.items()]
        return [
            {column: row[place] for column, place in places.items()}
            for row in self.rows
            if all(str(row[place]) in values for place, values in wanted)
        ]


def csv_tables(analysis: CampaignAnalysis) -> dict[str, CsvTable]:
    """Return every table of a report by the name of its file; some may have no rows.

    Parameters
    ----------
    analysis : CampaignAnalysis

    Returns
    -------
    dict
        In the order of `TABLE_NAMES`.
    """
    tables = (
        _runs(analysis),
        _rules(analysis),
        _fragments(analysis),
        _slices(analysis),
        _lost_slices(analysis),
        _density(analysis),
        _knobs(analysis),
        _levels(analysis),
        _stability(analysis),
        _gains(analysis),
    )
    by_name = {table.name: table for table in tables}
    return {name: by_name[name] for name in TABLE_NAMES}


def knob_columns(analysis: CampaignAnalysis) -> tuple[str, ...]:
    """Return the names of the knobs that the campaign varies."""
    settings = [run.setting for run in analysis.results.plan.runs]
    return tuple(factor.name for factor in varied(settings)) if settings else ()


# ---- runs ----------------------------------------------------------------------------------


def _runs(analysis: CampaignAnalysis) -> CsvTable:
    knobs = knob_columns(analysis)
    settings = {run.run_id: run.setting for run in analysis.results.plan.runs}
    columns = (
        *("rank", "run_id", "decision", "is_best", "is_baseline", "ranked_by", "value"),
        *(f"knob_{knob}" for knob in knobs),
        *(f"mean_{name}" for name in RUN_FIGURES),
        *(f"delta_{name}" for name in RUN_FIGURES),
        *("public_score", "seconds"),
    )
    rows = (_run_row(analysis, run, settings[run.run_id], knobs) for run in analysis.ranking.runs)
    return CsvTable("runs.csv", "a run, in the order of the ranking", columns, tuple(rows))


def _run_row(
    analysis: CampaignAnalysis, run: RankedRun, setting: Setting, knobs: tuple[str, ...]
) -> Row:
    seconds = [
        one.seconds for one in analysis.results.of_run(run.run_id) if one.seconds is not None
    ]
    criterion = analysis.ranking.criterion
    return (
        run.rank,
        run.run_id,
        run.verdict.decision.value,
        _yes(analysis.best is not None and analysis.best.run_id == run.run_id),
        _yes(analysis.baseline == run.run_id),
        None if criterion is None else criterion.value,
        run.value,
        *(knob_text(knob, setting) for knob in knobs),
        *(run.means.get(name) for name in RUN_FIGURES),
        *(run.deltas.get(name) for name in RUN_FIGURES),
        analysis.results.public_scores.get(run.run_id),
        sum(seconds) if seconds else None,
    )


def _rules(analysis: CampaignAnalysis) -> CsvTable:
    rows: Iterator[Row] = (
        (
            verdict.run_id,
            verdict.decision.value,
            verdict.baseline,
            finding.rule.value,
            finding.outcome.value,
            finding.figure,
            finding.lowest,
            finding.highest,
            finding.reason,
        )
        for verdict in analysis.verdicts
        for finding in verdict.findings
    )
    return CsvTable(
        "verdicts.csv",
        "a rule that was applied to a run",
        (
            *("run_id", "decision", "baseline", "rule", "outcome", "figure", "lowest"),
            *("highest", "reason"),
        ),
        tuple(rows),
    )


def _fragments(analysis: CampaignAnalysis) -> CsvTable:
    rows: Iterator[Row] = (
        (
            one.run_id,
            one.image_id,
            one.state.value,
            *(one.metrics.get(name) for name in RUN_FIGURES),
            one.mask_sha256,
            one.seconds,
            one.error,
        )
        for run in analysis.results.plan.runs
        for one in analysis.results.of_run(run.run_id)
    )
    columns = ("run_id", "fragment", "state", *RUN_FIGURES, "mask_sha256", "seconds", "error")
    return CsvTable("fragments.csv", "a run on one fragment", columns, tuple(rows))


# ---- slices --------------------------------------------------------------------------------


def _slices(analysis: CampaignAnalysis) -> CsvTable:
    rows: Iterator[Row] = (
        (
            run.run_id,
            fragment.image_id,
            one.z,
            *(one.figures.get(name) for name in SLICE_FIGURES),
        )
        for run in analysis.results.plan.runs
        for fragment in analysis.results.of_run(run.run_id)
        for one in fragment.slices
    )
    columns = ("run_id", "fragment", "z", *SLICE_FIGURES)
    return CsvTable("slices.csv", "a slice of a run's mask of a fragment", columns, tuple(rows))


def _lost_slices(analysis: CampaignAnalysis) -> CsvTable:
    rows: Iterator[Row] = (
        (one.run_id, one.image_id, one.z, one.recall_loss, one.share_of_loss)
        for one in analysis.lost
    )
    return CsvTable(
        "lost_slices.csv",
        "a slice where the best run or the baseline loses most recall",
        ("run_id", "fragment", "z", "recall_loss", "share_of_loss"),
        tuple(rows),
    )


# ---- what drove the scores -----------------------------------------------------------------


def _density(analysis: CampaignAnalysis) -> CsvTable:
    fall = analysis.curve.fall
    rows: Iterator[Row] = (
        (
            one.run_id,
            one.density,
            one.score,
            one.precision,
            one.fitted_precision,
            None
            if fall is None or one.fitted_precision is None
            else _yes(one.density > fall.last_density),
        )
        for one in analysis.curve.points
    )
    return CsvTable(
        "density.csv",
        "a run, in ascending density",
        (
            *("run_id", "density", "leaderboard_score", "precision", "fitted_precision"),
            "precision_has_fallen",
        ),
        tuple(rows),
    )


def _knobs(analysis: CampaignAnalysis) -> CsvTable:
    return CsvTable(
        "knobs.csv",
        "an effect in the variance between runs",
        ("kind", "name", "of", "degrees_of_freedom", "sum_of_squares", "share", "p_value"),
        tuple(_knob_rows(analysis)),
    )


def _knob_rows(analysis: CampaignAnalysis) -> Iterable[Row]:
    shares = analysis.shares
    if shares is None:
        return
    of = shares.figure
    for one in shares.shares:
        kind = "interaction" if one.is_interaction else "knob"
        yield kind, one.name, of, one.degrees, one.sum_of_squares, one.share, one.p_value
    left = shares.residual
    yield "residual", "residual", of, left.degrees, left.sum_of_squares, left.share, None
    overlap = shares.overlap
    yield "overlap", "several effects", of, None, overlap * shares.total, overlap, None


def _levels(analysis: CampaignAnalysis) -> CsvTable:
    levels = () if analysis.shares is None else analysis.shares.levels
    of = analysis.score_name
    rows: Iterator[Row] = ((one.knob, one.level, of, one.runs, one.mean) for one in levels)
    columns = ("knob", "level", "of", "runs", "mean")
    return CsvTable("levels.csv", "the runs at one level of a knob", columns, tuple(rows))


def _stability(analysis: CampaignAnalysis) -> CsvTable:
    of = analysis.stability.figure
    rows: Iterator[Row] = (
        (one.run_id, of, one.fragments, one.mean, one.deviation, one.lowest, one.highest)
        for one in analysis.stability.spreads
    )
    return CsvTable(
        "stability.csv",
        "a run over its fragments",
        ("run_id", "of", "fragments", "mean", "standard_deviation", "lowest", "highest"),
        tuple(rows),
    )


def _gains(analysis: CampaignAnalysis) -> CsvTable:
    rows: Iterator[Row] = (
        (
            gain.run_id,
            gain.baseline,
            gain.image_id,
            gain.counts.gained,
            gain.counts.near,
            gain.counts.repeated,
            gain.counts.scattered,
            gain.counts.lost,
            gain.counts.lost_near,
            gain.counts.baseline,
            gain.counts.baseline_near,
            gain.counts.shortest_repeat,
        )
        for gain in analysis.gains
    )
    return CsvTable(
        "gains.csv",
        "a fragment: voxels that the best run gains on the baseline, and loses",
        (
            *("run_id", "baseline", "fragment", "gained", "gained_near", "gained_repeated"),
            *("gained_scattered", "lost", "lost_near", "baseline_foreground"),
            *("baseline_near", "shortest_repeat"),
        ),
        tuple(rows),
    )


def _yes(fact: bool) -> str:
    return "yes" if fact else "no"
