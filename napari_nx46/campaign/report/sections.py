"""What a report says, section by section; how it looks is left to the templates."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from napari_nx46.campaign.analysis.whole import CampaignAnalysis
from napari_nx46.campaign.records.results import TaskState
from napari_nx46.campaign.report.answers import answers_section
from napari_nx46.campaign.report.change_section import changes_section
from napari_nx46.campaign.report.driver_sections import (
    density_section,
    gains_section,
    knobs_section,
    reported_fall,
    reported_gain,
)
from napari_nx46.campaign.report.parts import (
    WITHOUT_CORRECTIONS,
    Section,
    joined,
    number,
    sourced_table,
    words_of,
)
from napari_nx46.campaign.report.run_sections import (
    fragments_section,
    runs_section,
    slices_section,
    verdicts_section,
)
from napari_nx46.campaign.report.tables import ABOUT, Tables, knob_columns, tables_of
from napari_nx46.campaign.verdicts.rules import Decision, better_rejected
from napari_nx46.files.naming import plural, printable
from napari_nx46.run.compare.comparison import knob_text

__all__ = ["CampaignReport", "headline", "report_of", "summary_section"]


@dataclass(frozen=True, slots=True, eq=False)
class CampaignReport:
    """A report before it is written.

    Parameters
    ----------
    title, headline : str
    sections : tuple of Section
    tables : mapping of str to DataFrame
        Name of a CSV file -> its cells: everything that the sections are made from.
    """

    title: str
    headline: str
    sections: tuple[Section, ...]
    tables: Tables


def report_of(analysis: CampaignAnalysis) -> CampaignReport:
    """Put the report of a campaign together, and draw its figures."""
    tables = tables_of(analysis)
    sections = (
        answers_section(analysis),
        summary_section(analysis),
        runs_section(analysis, tables),
        verdicts_section(analysis),
        fragments_section(analysis, tables),
        slices_section(analysis, tables),
        density_section(analysis, tables),
        knobs_section(analysis, tables),
        gains_section(analysis, tables),
        changes_section(analysis),
        _files_section(tables),
    )
    return CampaignReport(
        f"Campaign {printable(analysis.results.plan.name)}",
        headline(analysis),
        tuple(section for section in sections if section is not None),
        tables,
    )


def _files_section(tables: Tables) -> Section:
    return Section(
        "Tables",
        (
            "Every table and figure above links to the files that it is made from. They lie beside "
            "this report, with all digits; their first line names the columns.",
        ),
        tables=(
            sourced_table(
                "Files",
                [
                    ("file", tables),
                    ("rows", [str(len(frame)) for frame in tables.values()]),
                    ("a row is", [ABOUT[name] for name in tables]),
                ],
            ),
        ),
    )


# ---- in short ------------------------------------------------------------------------------


def headline(analysis: CampaignAnalysis) -> str:
    """Return what the campaign was, as a sentence."""
    results = analysis.results
    states = [one.state for one in results.fragments.values()]
    open_tasks = sum(one in {TaskState.WAITING, TaskState.RUNNING} for one in states)
    failed = states.count(TaskState.FAILED)
    counts = [f"{states.count(TaskState.DONE)} done"]
    counts += [f"{failed} failed"] if failed else []
    counts += [f"{open_tasks} not done yet"] if open_tasks else []
    return (
        f"Campaign {results.campaign_id}, started {results.started:%Y-%m-%d %H:%M} UTC on "
        f"{printable(results.data)}: {plural(len(results.plan.runs), 'run')} of "
        f"{plural(len(results.image_ids), 'fragment')}; of {plural(len(states), 'task')} "
        f"{', '.join(counts)}. {WITHOUT_CORRECTIONS}"
    )


def summary_section(analysis: CampaignAnalysis) -> Section:
    """Describe what came out."""
    return Section("In short", points=tuple(_points(analysis)))


def _points(analysis: CampaignAnalysis) -> Iterator[str]:
    yield _best(analysis)
    best = analysis.best
    other = None if best is None else better_rejected(analysis.results, analysis.verdicts, best)
    if other is not None:
        yield (
            f"{printable(other.run_id)} has a better {other.criterion}, "
            f"{number('', other.value)}, but "
            f"is rejected: {'; '.join(map(printable, other.rejected_for))}."
        )
    yield _decisions(analysis)
    shares = analysis.shares
    if shares is not None and (len(shares.shares) > 1 or shares.residual.degrees):
        first = max(shares.shares, key=lambda one: one.share)
        yield (
            f"{first.name} explains most of the variance of the {words_of(shares.figure)} between "
            f"runs: {100 * first.share:.1f} %."
        )
    fall = reported_fall(analysis)
    if fall is not None:
        yield fall
    if analysis.gains:
        yield reported_gain(analysis)
    agreement = analysis.stability.agreement
    if agreement is not None:
        yield (
            f"The fragments agree on the order of the runs with Kendall's W = "
            f"{agreement.kendall_w:.2f}."
        )


def _best(analysis: CampaignAnalysis) -> str:
    best = analysis.best
    if best is None:
        return "No run is the best: none is done, or there is nothing to choose by."
    setting = next(run.setting for run in analysis.results.plan.runs if run.run_id == best.run_id)
    knobs = ", ".join(f"{knob} {knob_text(knob, setting)}" for knob in knob_columns(analysis))
    words = f"The best run is {printable(best.run_id)}" + (f" ({knobs})" if knobs else "")
    words += f", by its {best.criterion}, {number('', best.value)}"
    if best.rejected_for:
        words += (
            f"; it is rejected, as every run is: {'; '.join(map(printable, best.rejected_for))}"
        )
    ranked = next(run for run in analysis.ranking.runs if run.run_id == best.run_id)
    if best.run_id == analysis.baseline:
        return f"{words}; it is the baseline."
    delta = ranked.deltas.get(analysis.score_name)
    if delta is None:
        return f"{words}."
    return (
        f"{words}; its {words_of(analysis.score_name)} is {number('', delta, signed=True)} against "
        f"the baseline, {printable(analysis.baseline or '')}."
    )


def _decisions(analysis: CampaignAnalysis) -> str:
    counts = [
        f"{count} {decision.value}"
        for decision in Decision
        if (count := sum(one.decision is decision for one in analysis.verdicts))
    ]
    return f"Of {len(analysis.verdicts)} runs: {joined(counts)}."
