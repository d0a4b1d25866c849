"""The first lines of a report: answers to what an expert asks before a last run."""

from __future__ import annotations

from collections.abc import Iterator

from napari_nx46.campaign.analysis.whole import CampaignAnalysis
from napari_nx46.campaign.report.driver_sections import reported_fall, reported_gain
from napari_nx46.campaign.report.parts import Section, words_of
from napari_nx46.campaign.verdicts.figures import mean_figure
from napari_nx46.files.naming import plural, printable
from napari_nx46.run.findings.words import THE_QUESTIONS, what_matters
from napari_nx46.setting import DEFAULT_BAND, Setting, ThresholdRule

__all__ = ["answers_section"]

MOST_NAMED = 6
BEST_SHARE = 0.1


def answers_section(analysis: CampaignAnalysis) -> Section | None:
    """Return the answers that the runs give; None where they give none."""
    found = {
        "compromise": _compromise(analysis),
        "matters": _what_matters(analysis),
        "fall": reported_fall(analysis),
        "gained": reported_gain(analysis) if analysis.gains else None,
        "band": _in_band(analysis),
        "blend": _blend(analysis),
        "slices": _slices(analysis),
    }
    points = tuple(
        f"{question} {found[name]}" for name, question in THE_QUESTIONS.items() if found[name]
    )
    return Section("Answers", points=points) if points else None


def _compromise(analysis: CampaignAnalysis) -> str | None:
    if analysis.best is None:
        return None
    named = []
    for image_id in analysis.results.image_ids:
        metrics = analysis.results.fragments[analysis.best.run_id, image_id].metrics
        if "recall" in metrics and "precision" in metrics:
            named.append(
                f"{printable(image_id)}: recall {metrics['recall']:.3f} at precision "
                f"{metrics['precision']:.3f}"
            )
    if not named:
        return None
    more = len(named) - MOST_NAMED
    rest = f"; {plural(more, 'fragment')} more in fragments.csv" if more > 0 else ""
    return f"{'; '.join(named[:MOST_NAMED])}{rest} (the best run)."


def _what_matters(analysis: CampaignAnalysis) -> str | None:
    shares = analysis.shares
    if shares is None:
        return None
    importance = {one.name: one.importance for one in shares.shares if one.importance is not None}
    if importance:
        return what_matters(importance, "importance for a run to be among the best")
    explained = {one.name: one.share for one in shares.shares if not one.is_interaction}
    return what_matters(explained, f"variance of the {words_of(shares.figure)} between runs")


def _in_band(analysis: CampaignAnalysis) -> str | None:
    results, band = analysis.results, analysis.rules.band or DEFAULT_BAND
    densities = {
        run.run_id: density
        for run in results.plan.runs
        if (density := mean_figure(results, run.run_id, "density")) is not None
    }
    if not densities:
        return None
    inside = {one: value for one, value in densities.items() if band[0] <= value <= band[1]}
    where = f"of {plural(len(densities), 'run')} between {band[0]:g} and {band[1]:g}"
    if not inside:
        return f"None {where}."
    ranked = [run.run_id for run in analysis.ranking.runs if run.run_id in inside]
    first = next(iter(ranked), next(iter(inside)))
    setting = next(run.setting for run in results.plan.runs if run.run_id == first)
    precision = mean_figure(results, first, "precision")
    end = "" if precision is None else f", and precision {precision:.3f}"
    return (
        f"{len(inside)} {where}; the best ranked of them, {printable(first)}, has a density of "
        f"{inside[first]:.4f} with {_threshold(setting)}{end}."
    )


def _threshold(setting: Setting) -> str:
    if setting.rule is ThresholdRule.QUANTILE:
        return f"quantile {setting.quantile:g}"
    if setting.rule is ThresholdRule.PROBABILITY:
        return f"probability {setting.probability:g}"
    return "the adaptive rule"


def _blend(analysis: CampaignAnalysis) -> str | None:
    results = analysis.results
    if len({run.setting.blend for run in results.plan.runs}) < 2:  # noqa: PLR2004
        return None
    settings = {run.run_id: run.setting for run in results.plan.runs}
    ranked = [settings[run.run_id] for run in analysis.ranking.runs]
    best = ranked[: max(1, round(BEST_SHARE * len(ranked)))]
    blends = sorted({one.blend for one in best})
    if not blends:
        return None
    words = f"{blends[0]:g}" if len(blends) == 1 else f"{blends[0]:g} to {blends[-1]:g}"
    return f"The best tenth of the runs has a blend of {words}."


def _slices(analysis: CampaignAnalysis) -> str | None:
    if analysis.best is None:
        return None
    return "; ".join(_named_slices(analysis, analysis.best.run_id)) or None


def _named_slices(analysis: CampaignAnalysis, run_id: str) -> Iterator[str]:
    of_run = [one for one in analysis.lost if one.run_id == run_id]
    for image_id in list(dict.fromkeys(one.image_id for one in of_run))[:MOST_NAMED]:
        worst = [one for one in of_run if one.image_id == image_id][:3]
        slices = ", ".join(f"{one.z} ({100 * one.share_of_loss:.1f} %)" for one in worst)
        yield f"{printable(image_id)}: {slices} of what the best run misses there"
