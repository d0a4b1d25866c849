"""The sections on runs, verdicts, fragments and slices."""

from __future__ import annotations

from napari_nx46.campaign.analysis.ranking import RankedRun
from napari_nx46.campaign.analysis.whole import CampaignAnalysis
from napari_nx46.campaign.report.figures import MOST_RUNS, Tables
from napari_nx46.campaign.report.parts import (
    Section,
    SourcedTable,
    figures_of,
    number,
    words_of,
)
from napari_nx46.campaign.report.run_figures import fragment_figure, ranking_figure, slice_figure
from napari_nx46.campaign.report.tables import Source, knob_columns
from napari_nx46.campaign.verdicts.rules import Decision, Outcome
from napari_nx46.files.naming import shown
from napari_nx46.run.compare.comparison import knob_text
from napari_nx46.run.compare.report import ReportTable

__all__ = ["fragments_section", "runs_section", "slices_section", "verdicts_section"]

MOST_KNOBS = 5
MOST_FRAGMENTS = 8
MOST_SLICE_FIGURES = 4

_FIGURES = ("leaderboard_score", "recall", "precision", "dice", "density")
_COMPROMISE = ("recall", "precision")
_WITH_DELTA = ("leaderboard_score", "recall", "density")


# ---- runs ----------------------------------------------------------------------------------


def runs_section(analysis: CampaignAnalysis, tables: Tables) -> Section:
    """Tell the ranking."""
    criterion = analysis.ranking.criterion
    baseline = "which is missing" if analysis.baseline is None else shown(analysis.baseline)
    order = "nothing is known to rank them by" if criterion is None else f"each by {criterion}"
    ranked = (
        f"Accepted runs stand first, rejected ones last; {order}. Δ is the run less the baseline, "
        f"{baseline}, over the fragments that both have."
    )
    return Section(
        "Runs",
        (ranked,),
        tables=(_ranking_table(analysis),),
        figures=figures_of([ranking_figure(tables)]),
    )


def _ranking_table(analysis: CampaignAnalysis) -> SourcedTable:
    knobs = knob_columns(analysis)[:MOST_KNOBS]
    settings = {run.run_id: run.setting for run in analysis.results.plan.runs}
    names = [name for name in _FIGURES if any(name in run.means for run in analysis.ranking.runs)]
    deltas = [name for name in names if name in _WITH_DELTA]
    heads = [head for name in names for head in _heads(name, with_delta=name in deltas)]
    scores = analysis.results.public_scores
    public = ("public score",) if scores else ()
    rows = tuple(
        (
            str(run.rank),
            _named(analysis, run),
            run.verdict.decision.value,
            *(knob_text(knob, settings[run.run_id]) for knob in knobs),
            *(cell for name in names for cell in _cells(run, name, with_delta=name in deltas)),
            *((number("public_score", scores.get(run.run_id)),) if scores else ()),
        )
        for run in analysis.ranking.runs
    )
    columns = (
        *("rank", "run_id", "decision", "is_best", "is_baseline"),
        *(f"knob_{knob}" for knob in knobs),
        *(f"mean_{name}" for name in names),
        *(f"delta_{name}" for name in deltas),
        *(("public_score",) if scores else ()),
    )
    return SourcedTable(
        ReportTable("Ranking", ("", "run", "verdict", *knobs, *heads, *public), rows),
        (Source("runs.csv", columns),),
    )


def _heads(name: str, *, with_delta: bool) -> tuple[str, ...]:
    return (words_of(name), "Δ") if with_delta else (words_of(name),)


def _cells(run: RankedRun, name: str, *, with_delta: bool) -> tuple[str, ...]:
    mean = number(name, run.means.get(name))
    return (mean, number(name, run.deltas.get(name), signed=True)) if with_delta else (mean,)


def _named(analysis: CampaignAnalysis, run: RankedRun) -> str:
    marks = [
        mark
        for mark, holds in (
            ("best", analysis.best is not None and analysis.best.run_id == run.run_id),
            ("baseline", analysis.baseline == run.run_id),
        )
        if holds
    ]
    return shown(run.run_id) + (f" ({', '.join(marks)})" if marks else "")


# ---- verdicts ------------------------------------------------------------------------------


def verdicts_section(analysis: CampaignAnalysis) -> Section:
    """Tell which runs are accepted and which are not, and why."""
    return Section(
        "Accepted and rejected",
        (_told_rules(analysis),),
        tables=tuple(
            _verdict_table(analysis, decision)
            for decision in Decision
            if any(one.decision is decision for one in analysis.verdicts)
        ),
    )


def _told_rules(analysis: CampaignAnalysis) -> str:
    rules = analysis.rules
    told = ["no fragment may fail"]
    if rules.largest_recall_fall is not None:
        told.append(
            f"mean recall may fall by at most {rules.largest_recall_fall:g} against "
            f"{shown(analysis.baseline or rules.baseline or 'the baseline')}"
        )
    if rules.band is not None:
        told.append(f"mean density must lie from {rules.band[0]:g} to {rules.band[1]:g}")
    if rules.exports_validate:
        told.append("an export that was checked must be valid")
    return f"The rules: {'; '.join(told)}."


def _verdict_table(analysis: CampaignAnalysis, decision: Decision) -> SourcedTable:
    of_decision = {one.run_id: one for one in analysis.verdicts if one.decision is decision}
    ordered = [run.run_id for run in analysis.ranking.runs if run.run_id in of_decision]
    rows = tuple(
        (shown(run_id), "; ".join(of_decision[run_id].reasons) or "no rule applies to it")
        for run_id in ordered
    )
    where = {"decision": (decision.value,)}
    if decision is Decision.REJECTED:
        where["outcome"] = (Outcome.BROKEN.value,)
    title = f"{decision.value.capitalize()}: {len(rows)} of {len(analysis.verdicts)}"
    return SourcedTable(
        ReportTable(title, ("run", "reasons"), rows),
        (Source("verdicts.csv", ("run_id", "rule", "figure", "reason"), where),),
    )


# ---- fragments -----------------------------------------------------------------------------


def fragments_section(analysis: CampaignAnalysis, tables: Tables) -> Section | None:
    """Tell each run's score on every fragment, and how far fragments agree on the runs."""
    stability, name = analysis.stability, analysis.score_name
    if not stability.spreads:
        return None
    results = analysis.results
    image_ids = [
        image_id
        for image_id in results.image_ids
        if any(name in results.fragments[run.run_id, image_id].metrics for run in results.plan.runs)
    ]
    agreement = stability.agreement
    if len(image_ids) == 1:
        told = f"Only one fragment has a {words_of(name)}, so that nothing is known of stability."
    elif agreement is None:
        told = "Agreement of the fragments needs three runs at least that differ."
    else:
        told = (
            f"The {agreement.fragments} fragments rank the {agreement.runs} runs with Kendall's "
            f"W = {agreement.kendall_w:.3f} (1 if all rank them alike, 0 if their ranks cancel "
            f"out); the mean of Spearman's correlations is {agreement.mean_spearman:.3f}."
        )
    return Section(
        "Fragments and stability",
        (told,),
        tables=(
            *(() if name == "density" else (_best_table(analysis, image_ids),)),
            _fragment_table(analysis, image_ids[:MOST_FRAGMENTS]),
        ),
        figures=figures_of([fragment_figure(tables, name, words_of(name))]),
        notes=(
            "The spread is the standard deviation over the fragments, with n - 1. Kendall's W is "
            "corrected for ties.",
        ),
    )


def _best_table(analysis: CampaignAnalysis, image_ids: list[str]) -> SourcedTable:
    """Tell of every fragment which run does best on it, and at what recall and precision."""
    name, results = analysis.score_name, analysis.results
    run_ids = [run.run_id for run in analysis.ranking.runs]
    rows = []
    for image_id in image_ids[:MOST_RUNS]:
        figures = {run_id: results.fragments[run_id, image_id].metrics for run_id in run_ids}
        having = [run_id for run_id in run_ids if name in figures[run_id]]
        best = max(having, key=lambda run_id: figures[run_id][name])
        told = (number(one, figures[best].get(one)) for one in (name, *_COMPROMISE))
        rows.append((shown(image_id), shown(best), *told))
    return SourcedTable(
        ReportTable(
            f"Run with the highest {words_of(name)} on each fragment",
            ("fragment", "run", *map(words_of, (name, *_COMPROMISE))),
            tuple(rows),
        ),
        (Source("fragments.csv", ("run_id", "fragment", name, *_COMPROMISE)),),
    )


def _fragment_table(analysis: CampaignAnalysis, image_ids: list[str]) -> SourcedTable:
    name, results = analysis.score_name, analysis.results
    spreads = {one.run_id: one for one in analysis.stability.spreads}
    ordered = [run.run_id for run in analysis.ranking.runs if run.run_id in spreads]
    first = f", first {MOST_RUNS} of {len(ordered)} runs" if len(ordered) > MOST_RUNS else ""
    rows = tuple(
        (
            shown(run_id),
            *(
                number(name, results.fragments[run_id, image_id].metrics.get(name))
                for image_id in image_ids
            ),
            number(name, spreads[run_id].mean),
            number(name, spreads[run_id].deviation),
        )
        for run_id in ordered[:MOST_RUNS]
    )
    heads = ("run", *(shown(one) for one in image_ids), "mean", "spread")
    return SourcedTable(
        ReportTable(f"{_capital(words_of(name))} by fragment{first}", heads, rows),
        (
            Source("fragments.csv", ("run_id", "fragment", name), {"fragment": tuple(image_ids)}),
            Source("stability.csv", ("run_id", "mean", "standard_deviation")),
        ),
    )


def _capital(words: str) -> str:
    return words[:1].upper() + words[1:]


# ---- slices --------------------------------------------------------------------------------


def slices_section(analysis: CampaignAnalysis, tables: Tables) -> Section | None:
    """Tell density and recall of every slice, and where most recall is lost."""
    told = analysis.told_runs
    image_ids = [
        image_id
        for image_id in _by_loss(analysis)
        if told and analysis.results.fragments[told[0], image_id].slices
    ]
    if not image_ids:
        return None
    figures = [slice_figure(tables, one, told) for one in image_ids[:MOST_SLICE_FIGURES]]
    more = len(image_ids) - MOST_SLICE_FIGURES
    left_out = (f"{more} more fragments are in slices.csv.",) if more > 0 else ()
    lost = _lost_table(analysis)
    return Section(
        "Slices",
        (
            "Density and recall along z, of the best run and of the baseline. Recall lost in a "
            "slice is the surface voxels that it misses, as a share of all surface voxels of the "
            "fragment; over the slices it adds up to 1 - recall.",
            *left_out,
        ),
        tables=() if lost is None else (lost,),
        figures=figures_of(figures),
    )


def _by_loss(analysis: CampaignAnalysis) -> list[str]:
    """Return the fragments, those first in which most recall is lost."""
    losses = dict.fromkeys(analysis.results.image_ids, 0.0)
    for one in analysis.lost:
        losses[one.image_id] += one.recall_loss
    return sorted(losses, key=lambda image_id: -losses[image_id])


def _lost_table(analysis: CampaignAnalysis) -> SourcedTable | None:
    if not analysis.lost:
        return None
    rows: dict[tuple[str, str], list[str]] = {}
    for one in analysis.lost:
        slices = rows.setdefault((one.run_id, one.image_id), [])
        slices.append(f"{one.z} ({one.recall_loss:.4f}, {100 * one.share_of_loss:.1f} %)")
    return SourcedTable(
        ReportTable(
            "Slices where most recall is lost",
            ("run", "fragment", "slice (recall lost, share of all that is lost)"),
            tuple(
                (shown(run_id), shown(image_id), ", ".join(slices))
                for (run_id, image_id), slices in rows.items()
            ),
        ),
        (Source("lost_slices.csv", ("run_id", "fragment", "z", "recall_loss", "share_of_loss")),),
    )
