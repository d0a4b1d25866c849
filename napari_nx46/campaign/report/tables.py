"""The tables that a report is made from: data frames, which are written to CSV."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from operator import attrgetter
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, TypeAlias

from napari_nx46.campaign.analysis.ranking import RUN_FIGURES
from napari_nx46.campaign.analysis.whole import CampaignAnalysis
from napari_nx46.campaign.report.change_section import CHANGE_COLUMNS, change_rows
from napari_nx46.run.compare.comparison import knob_text
from napari_nx46.run.csv_text import csv_bytes
from napari_nx46.run.findings.design import varied

if TYPE_CHECKING:
    from pandas import DataFrame

__all__ = ["ABOUT", "TABLE_NAMES", "Tables", "knob_columns", "table_bytes", "tables_of"]

Tables: TypeAlias = "Mapping[str, DataFrame]"
"""Name of a file -> its cells, None or NaN where one is empty."""

ABOUT: Mapping[str, str] = MappingProxyType(
    {
        "runs.csv": "a run, in the order of the ranking",
        "verdicts.csv": "a rule that was applied to a run",
        "fragments.csv": "a run on one fragment",
        "slices.csv": "a slice of a run's mask of a fragment",
        "lost_slices.csv": "a slice where the best run or the baseline loses most recall",
        "density.csv": "a run, in ascending density",
        "knobs.csv": "an effect in the variance between runs",
        "levels.csv": "the runs at one level of a knob",
        "stability.csv": "a run over its fragments",
        "gains.csv": "a fragment: voxels that the best run gains on the baseline, and loses",
        "changes.csv": "a kind of error on a fragment: mended by the best run, or new",
    }
)
"""Name of a file -> what a row of it is."""

TABLE_NAMES = tuple(ABOUT)

SLICE_FIGURES = (
    *("density", "continuity", "components", "p50", "p90", "p95", "p99"),
    *("precision", "recall", "dice", "recall_loss"),
)


def tables_of(analysis: CampaignAnalysis) -> dict[str, DataFrame]:
    """Return every table of a report by the name of its file; some may have no rows.

    Parameters
    ----------
    analysis : CampaignAnalysis

    Returns
    -------
    dict of str to DataFrame
        In the order of `TABLE_NAMES`.
    """
    frames = (
        _runs(analysis),
        _rules(analysis),
        _fragments(analysis),
        _slices(analysis),
        _frame(
            ("run_id", "fragment", "z", "recall_loss", "share_of_loss"),
            map(
                attrgetter("run_id", "image_id", "z", "recall_loss", "share_of_loss"), analysis.lost
            ),
        ),
        _density(analysis),
        _knobs(analysis),
        _levels(analysis),
        _stability(analysis),
        _gains(analysis),
        _frame(CHANGE_COLUMNS, change_rows(analysis)),
    )
    return dict(zip(TABLE_NAMES, frames, strict=True))


def table_bytes(frame: DataFrame) -> bytes:
    """Return a table as CSV, its numbers in full."""
    cells = frame.where(frame.notna(), None)
    return csv_bytes(frame.columns, cells.itertuples(index=False, name=None))


def knob_columns(analysis: CampaignAnalysis) -> tuple[str, ...]:
    """Return the names of the knobs that the campaign varies."""
    settings = [run.setting for run in analysis.results.plan.runs]
    return tuple(factor.name for factor in varied(settings)) if settings else ()


def _frame(columns: Sequence[str], rows: Iterable[Any]) -> DataFrame:
    """Return rows as a frame; cells are kept as they are, so that counts stay whole."""
    from pandas import DataFrame

    return DataFrame([*rows], columns=[*columns], dtype=object)


# ---- runs ----------------------------------------------------------------------------------


def _runs(analysis: CampaignAnalysis) -> DataFrame:
    knobs, results = knob_columns(analysis), analysis.results
    settings = {run.run_id: run.setting for run in results.plan.runs}
    seconds = {
        run_id: [one.seconds for one in results.of_run(run_id) if one.seconds is not None]
        for run_id in settings
    }
    criterion = analysis.ranking.criterion
    rows = (
        {
            "rank": run.rank,
            "run_id": run.run_id,
            "decision": run.verdict.decision.value,
            "is_best": _yes(analysis.best is not None and analysis.best.run_id == run.run_id),
            "is_baseline": _yes(analysis.baseline == run.run_id),
            "ranked_by": None if criterion is None else criterion.value,
            "value": run.value,
            **{f"knob_{knob}": knob_text(knob, settings[run.run_id]) for knob in knobs},
            **{f"mean_{name}": mean for name, mean in run.means.items()},
            **{f"delta_{name}": delta for name, delta in run.deltas.items()},
            "public_score": results.public_scores.get(run.run_id),
            "seconds": sum(seconds[run.run_id]) if seconds[run.run_id] else None,
        }
        for run in analysis.ranking.runs
    )
    columns = (
        *("rank", "run_id", "decision", "is_best", "is_baseline", "ranked_by", "value"),
        *(f"knob_{knob}" for knob in knobs),
        *(f"mean_{name}" for name in RUN_FIGURES),
        *(f"delta_{name}" for name in RUN_FIGURES),
        *("public_score", "seconds"),
    )
    return _frame(columns, rows)


def _rules(analysis: CampaignAnalysis) -> DataFrame:
    of_finding = ("rule", "outcome", "figure", "lowest", "highest", "reason")
    cells = attrgetter("rule.value", "outcome.value", *of_finding[2:])
    return _frame(
        ("run_id", "decision", "baseline", *of_finding),
        (
            (verdict.run_id, verdict.decision.value, verdict.baseline, *cells(finding))
            for verdict in analysis.verdicts
            for finding in verdict.findings
        ),
    )


def _fragments(analysis: CampaignAnalysis) -> DataFrame:
    rows = (
        {
            "run_id": one.run_id,
            "fragment": one.image_id,
            "state": one.state.value,
            **one.metrics,
            "mask_sha256": one.mask_sha256,
            "seconds": one.seconds,
            "error": one.error,
        }
        for run in analysis.results.plan.runs
        for one in analysis.results.of_run(run.run_id)
    )
    columns = ("run_id", "fragment", "state", *RUN_FIGURES, "mask_sha256", "seconds", "error")
    return _frame(columns, rows)


def _slices(analysis: CampaignAnalysis) -> DataFrame:
    rows = (
        {"run_id": run.run_id, "fragment": fragment.image_id, "z": one.z, **one.figures}
        for run in analysis.results.plan.runs
        for fragment in analysis.results.of_run(run.run_id)
        for one in fragment.slices
    )
    return _frame(("run_id", "fragment", "z", *SLICE_FIGURES), rows)


# ---- what drove the scores -----------------------------------------------------------------


def _density(analysis: CampaignAnalysis) -> DataFrame:
    cells = attrgetter("run_id", "density", "score", "precision", "fitted_precision")
    columns = ("run_id", "density", "leaderboard_score", "precision", "fitted_precision")
    frame = _frame(columns, map(cells, analysis.curve.points))
    fall = analysis.curve.fall
    frame["precision_has_fallen"] = [
        None
        if fall is None or one.fitted_precision is None
        else _yes(one.density > fall.last_density)
        for one in analysis.curve.points
    ]
    return frame


def _knobs(analysis: CampaignAnalysis) -> DataFrame:
    columns = (
        *("kind", "name", "of", "degrees_of_freedom", "sum_of_squares", "share", "p_value"),
        "importance",
    )
    shares = analysis.shares
    if shares is None:
        return _frame(columns, ())
    cells = attrgetter("degrees", "sum_of_squares", "share", "p_value", "importance")
    kinds = ["interaction" if one.is_interaction else "knob" for one in shares.shares]
    effects = [
        (kind, one.name, shares.figure, *cells(one))
        for kind, one in zip([*kinds, "residual"], [*shares.shares, shares.residual], strict=True)
    ]
    overlap = shares.overlap
    common = ("overlap", "several effects", shares.figure, None)
    return _frame(columns, [*effects, (*common, overlap * shares.total, overlap, None, None)])


def _levels(analysis: CampaignAnalysis) -> DataFrame:
    levels = () if analysis.shares is None else analysis.shares.levels
    frame = _frame(
        ("knob", "level", "runs", "mean"), map(attrgetter("knob", "level", "runs", "mean"), levels)
    )
    frame.insert(2, "of", analysis.score_name)
    return frame


def _stability(analysis: CampaignAnalysis) -> DataFrame:
    cells = attrgetter("run_id", "fragments", "mean", "deviation", "lowest", "highest")
    columns = ("run_id", "fragments", "mean", "standard_deviation", "lowest", "highest")
    frame = _frame(columns, map(cells, analysis.stability.spreads))
    frame.insert(1, "of", analysis.stability.figure)
    return frame


def _gains(analysis: CampaignAnalysis) -> DataFrame:
    counts = {
        "gained": "gained",
        "gained_near": "near",
        "gained_repeated": "repeated",
        "gained_scattered": "scattered",
        "lost": "lost",
        "lost_near": "lost_near",
        "baseline_foreground": "baseline",
        "baseline_near": "baseline_near",
        "shortest_repeat": "shortest_repeat",
    }
    cells = attrgetter("run_id", "baseline", "image_id", *(f"counts.{n}" for n in counts.values()))
    return _frame(("run_id", "baseline", "fragment", *counts), map(cells, analysis.gains))


def _yes(fact: bool) -> str:
    return "yes" if fact else "no"
