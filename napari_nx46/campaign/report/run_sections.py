"""The sections on runs, verdicts, fragments and slices."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari_nx46.campaign.analysis.whole import CampaignAnalysis
from napari_nx46.campaign.report.figures import fragment_figure, ranking_figure, slice_figure
from napari_nx46.campaign.report.parts import (
    MOST_FRAGMENTS,
    MOST_RUNS,
    Section,
    SourcedTable,
    drawn,
    numbers,
    sourced_table,
    words_of,
)
from napari_nx46.campaign.report.tables import Tables, knob_columns
from napari_nx46.campaign.verdicts.rules import Decision
from napari_nx46.files.naming import printable

if TYPE_CHECKING:
    from pandas import DataFrame

__all__ = ["fragments_section", "runs_section", "slices_section", "verdicts_section"]

MOST_KNOBS = 5
MOST_SLICE_FIGURES = 4

_FIGURES = ("leaderboard_score", "recall", "precision", "dice", "density")
_COMPROMISE = ("recall", "precision")
_WITH_DELTA = ("leaderboard_score", "recall", "density")


# ---- runs ----------------------------------------------------------------------------------


def runs_section(analysis: CampaignAnalysis, tables: Tables) -> Section:
    """Report the ranking."""
    criterion = analysis.ranking.criterion
    baseline = "which is missing" if analysis.baseline is None else printable(analysis.baseline)
    order = "nothing is known to rank them by" if criterion is None else f"each by {criterion}"
    ranked = (
        f"Accepted runs stand first, rejected ones last; {order}. Δ is the run less the baseline, "
        f"{baseline}, over the fragments that both have."
    )
    return Section(
        "Runs",
        (ranked,),
        tables=(_ranking_table(tables["runs.csv"], knob_columns(analysis)[:MOST_KNOBS]),),
        figures=drawn(ranking_figure(tables)),
    )


def _ranking_table(runs: DataFrame, knobs: tuple[str, ...]) -> SourcedTable:
    marked = zip(runs.run_id, runs.is_best, runs.is_baseline, strict=True)
    columns = [
        ("", runs["rank"].map(str)),
        ("run", [_named(*one) for one in marked]),
        ("verdict", runs.decision),
        *((knob, runs[f"knob_{knob}"]) for knob in knobs),
    ]
    for name in _FIGURES:
        if runs[f"mean_{name}"].notna().any():
            columns.append((words_of(name), numbers(name, runs[f"mean_{name}"])))
            if name in _WITH_DELTA:
                columns.append(("Δ", numbers(name, runs[f"delta_{name}"], signed=True)))
    if runs.public_score.notna().any():
        columns.append(("public score", numbers("public_score", runs.public_score)))
    return sourced_table("Ranking", columns, "runs.csv")


def _named(run_id: str, is_best: str, is_baseline: str) -> str:
    marks = [
        mark for mark, holds in (("best", is_best), ("baseline", is_baseline)) if holds == "yes"
    ]
    return printable(run_id) + (f" ({', '.join(marks)})" if marks else "")


# ---- verdicts ------------------------------------------------------------------------------


def verdicts_section(analysis: CampaignAnalysis) -> Section:
    """Describe which runs are accepted and which are not, and why."""
    return Section(
        "Accepted and rejected",
        (_rules_text(analysis),),
        tables=tuple(
            _verdict_table(analysis, decision)
            for decision in Decision
            if any(one.decision is decision for one in analysis.verdicts)
        ),
    )


def _rules_text(analysis: CampaignAnalysis) -> str:
    rules = analysis.rules
    reported = ["no fragment may fail"]
    if rules.largest_recall_fall is not None:
        reported.append(
            f"mean recall may fall by at most {rules.largest_recall_fall:g} against "
            f"{printable(analysis.baseline or rules.baseline or 'the baseline')}"
        )
    if rules.band is not None:
        reported.append(f"mean density must lie from {rules.band[0]:g} to {rules.band[1]:g}")
    if rules.exports_validate:
        reported.append("an export that was checked must be valid")
    return f"The rules: {'; '.join(reported)}."


def _verdict_table(analysis: CampaignAnalysis, decision: Decision) -> SourcedTable:
    verdicts = [run.verdict for run in analysis.ranking.runs if run.verdict.decision is decision]
    reasons = ["; ".join(one.reasons) or "no rule applies to it" for one in verdicts]
    return sourced_table(
        f"{decision.value.capitalize()}: {len(verdicts)} of {len(analysis.verdicts)}",
        [("run", [printable(one.run_id) for one in verdicts]), ("reasons", reasons)],
        "verdicts.csv",
    )


# ---- fragments -----------------------------------------------------------------------------


def fragments_section(analysis: CampaignAnalysis, tables: Tables) -> Section | None:
    """Report each run's score on every fragment, and how far fragments agree on the runs."""
    stability, name = analysis.stability, analysis.score_name
    if not stability.spreads:
        return None
    known = tables["fragments.csv"].dropna(subset=[name])
    fragments = [one for one in analysis.results.image_ids if one in {*known.fragment}]
    agreement = stability.agreement
    if len(fragments) == 1:
        reported = f"Only one fragment has a {words_of(name)}, so stability is unknown."
    elif agreement is None:
        reported = "Agreement of the fragments needs three runs at least that differ."
    else:
        reported = (
            f"The {agreement.fragments} fragments rank the {agreement.runs} runs with Kendall's "
            f"W = {agreement.kendall_w:.3f} (1 if all rank them alike, 0 if their ranks cancel "
            f"out); the mean of Spearman's correlations is {agreement.mean_spearman:.3f}."
        )
    return Section(
        "Fragments and stability",
        (reported,),
        tables=(
            *(() if name == "density" else (_best_table(tables, fragments[:MOST_RUNS], name),)),
            _fragment_table(tables, fragments[:MOST_FRAGMENTS], name),
        ),
        figures=drawn(fragment_figure(tables, name, words_of(name))),
        notes=(
            "The spread is the standard deviation over the fragments, with n - 1. Kendall's W is "
            "corrected for ties.",
        ),
    )


def _best_table(tables: Tables, fragments: list[str], name: str) -> SourcedTable:
    """Describe for every fragment which run does best on it, and at what recall and precision."""
    ranked = tables["runs.csv"].run_id
    rows = tables["fragments.csv"].dropna(subset=[name]).set_index("run_id")
    # Of equal ones the first in the ranking is taken.
    rows = rows.loc[ranked[ranked.isin(rows.index)]].reset_index()
    best = rows.sort_values(name, ascending=False, kind="stable").groupby("fragment").head(1)
    best = best.set_index("fragment").loc[fragments]
    return sourced_table(
        f"Run with the highest {words_of(name)} on each fragment",
        [
            ("fragment", map(printable, fragments)),
            ("run", map(printable, best.run_id)),
            *((words_of(one), numbers(one, best[one])) for one in (name, *_COMPROMISE)),
        ],
        "fragments.csv",
    )


def _fragment_table(tables: Tables, fragments: list[str], name: str) -> SourcedTable:
    spreads = tables["stability.csv"].set_index("run_id")
    ranked = tables["runs.csv"].run_id
    ordered = ranked[ranked.isin(spreads.index)].tolist()
    first = f", first {MOST_RUNS} of {len(ordered)} runs" if len(ordered) > MOST_RUNS else ""
    runs = ordered[:MOST_RUNS]
    values = tables["fragments.csv"].pivot(index="run_id", columns="fragment", values=name)
    words = words_of(name)
    return sourced_table(
        f"{words[:1].upper()}{words[1:]} by fragment{first}",
        [
            ("run", map(printable, runs)),
            *((printable(one), numbers(name, values.loc[runs, one])) for one in fragments),
            ("mean", numbers(name, spreads.loc[runs, "mean"])),
            ("spread", numbers(name, spreads.loc[runs, "standard_deviation"])),
        ],
        *("fragments.csv", "stability.csv"),
    )


# ---- slices --------------------------------------------------------------------------------


def slices_section(analysis: CampaignAnalysis, tables: Tables) -> Section | None:
    """Report density and recall of every slice, and where most recall is lost."""
    reported, lost = analysis.reported_runs, tables["lost_slices.csv"]
    image_ids = [
        image_id
        for image_id in _by_loss(analysis)
        if reported and analysis.results.fragments[reported[0], image_id].slices
    ]
    if not image_ids:
        return None
    figures = [slice_figure(tables, one, reported) for one in image_ids[:MOST_SLICE_FIGURES]]
    more = len(image_ids) - MOST_SLICE_FIGURES
    left_out = (f"{more} more fragments are in slices.csv.",) if more > 0 else ()
    return Section(
        "Slices",
        (
            "Density and recall along z, of the best run and of the baseline. Recall lost in a "
            "slice is the surface voxels that it misses, as a share of all surface voxels of the "
            "fragment; over the slices it adds up to 1 - recall.",
            *left_out,
        ),
        tables=() if lost.empty else (_lost_table(lost),),
        figures=drawn(*figures),
    )


def _by_loss(analysis: CampaignAnalysis) -> list[str]:
    """Return the fragments, those first in which most recall is lost."""
    losses = dict.fromkeys(analysis.results.image_ids, 0.0)
    for one in analysis.lost:
        losses[one.image_id] += one.recall_loss
    return sorted(losses, key=lambda image_id: -losses[image_id])


def _lost_table(lost: DataFrame) -> SourcedTable:
    cells = zip(lost.z, lost.recall_loss, lost.share_of_loss, strict=True)
    reported = lost.assign(
        reported=[f"{z} ({loss:.4f}, {100 * share:.1f} %)" for z, loss, share in cells]
    )
    rows = (
        reported.groupby(["run_id", "fragment"], sort=False).reported.agg(", ".join).reset_index()
    )
    return sourced_table(
        "Slices where most recall is lost",
        [
            ("run", map(printable, rows.run_id)),
            ("fragment", map(printable, rows.fragment)),
            ("slice (recall lost, share of all that is lost)", rows.reported),
        ],
        "lost_slices.csv",
    )
