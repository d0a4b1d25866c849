"""The sections on what drove the scores: density, knobs, and gained foreground."""

from __future__ import annotations

from collections.abc import Sequence

from napari_nx46.campaign.analysis.knob_shares import KnobShare
from napari_nx46.campaign.analysis.whole import CampaignAnalysis
from napari_nx46.campaign.report.figures import (
    density_figure,
    gains_figure,
    knob_figure,
    level_figure,
)
from napari_nx46.campaign.report.parts import (
    Section,
    SourcedTable,
    drawn,
    sourced_table,
    words_of,
)
from napari_nx46.campaign.report.tables import Tables
from napari_nx46.files.naming import printable
from napari_nx46.run.findings.importance import BEST_SHARE, FEWEST_RUNS
from napari_nx46.run.findings.precision_fall import fall_sentence

__all__ = ["density_section", "gains_section", "knobs_section", "reported_fall", "reported_gain"]


# ---- density -------------------------------------------------------------------------------


def density_section(analysis: CampaignAnalysis, tables: Tables) -> Section | None:
    """Report leaderboard score and precision against density."""
    fall = analysis.curve.fall
    figure = density_figure(
        tables,
        None if fall is None or fall.first_density is None else fall.last_density,
        analysis.rules.band,
    )
    if figure is None:
        return None
    reported = reported_fall(analysis) or (
        "Where precision starts to fall is unknown: that takes three densities with a precision."
    )
    drop = "" if fall is None else f"{fall.drop:g} "
    return Section(
        "Score and precision against density",
        (reported,),
        figures=(figure,),
        notes=(
            "To the precisions a curve is fitted that never rises with density (isotonic "
            "regression, least squares). Precision counts as falling behind the highest density "
            f"at which the curve lies no more than {drop}below its highest value.",
        ),
    )


def reported_fall(analysis: CampaignAnalysis) -> str | None:
    """Return where precision starts to fall, as a sentence."""
    fall = analysis.curve.fall
    return None if fall is None else fall_sentence(fall)


# ---- knobs ---------------------------------------------------------------------------------


def knobs_section(analysis: CampaignAnalysis, tables: Tables) -> Section:
    """Report the share of each knob in the variance."""
    shares = analysis.shares
    words = words_of(analysis.score_name)
    if shares is None:
        return Section(
            "What drove the scores",
            (
                f"The variance of the {words} is not split by knob: this takes three runs, "
                "a knob that varies, and values that differ.",
            ),
        )
    reported = (
        f"Of the variance of the {words} between {shares.runs} runs "
        f"{_shares_text(shares.shares)}; {100 * shares.residual.share:.1f} % is residual."
    )
    effects = (*shares.shares, shares.residual)
    p_values = ["–" if one.p_value is None else f"{one.p_value:.3g}" for one in effects]
    importances = [None if one.importance is None else 100 * one.importance for one in effects]
    known = [one for one in shares.shares if one.importance is not None]
    if known:
        first = max(known, key=lambda one: one.importance or 0.0)
        reported += (
            f" For a run to be among the best tenth, {first.name} is most important: "
            f"{100 * (first.importance or 0.0):.1f} %."
        )
    table = sourced_table(
        "Effects",
        [
            ("effect", [one.name for one in effects]),
            ("degrees of freedom", [str(one.degrees) for one in effects]),
            ("sum of squares", [f"{one.sum_of_squares:.3e}" for one in effects]),
            ("share", [f"{100 * one.share:.1f} %" for one in effects]),
            ("p", p_values),
            ("importance", ["–" if one is None else f"{one:.1f} %" for one in importances]),
        ],
        "knobs.csv",
    )
    return Section(
        "What drove the scores",
        (reported, *shares.notes),
        tables=(table,),
        figures=drawn(knob_figure(tables, words), level_figure(tables, words)),
        notes=(
            "Each knob is a factor with its values as levels. Sums of squares are of type II: what "
            "a knob explains beyond the other knobs, and an interaction beyond all knobs and the "
            "other interactions. Where runs are not balanced they need not add up to 100 %: the "
            f"effects have {100 * shares.overlap:.1f} % in common here. p is that of the F test "
            "against the residual; without one, or where it is rounding alone, there is none.",
            "Importance is that of PED-ANOVA, as Optuna computes it: how much the values of a knob "
            f"differ between the best {100 * BEST_SHARE:.0f} % of the runs and all of them. A "
            "search makes many good runs and few poor ones, so that its variance says less than "
            f"this. It takes {FEWEST_RUNS} runs.",
        ),
    )


def _shares_text(shares: Sequence[KnobShare]) -> str:
    largest = sorted(shares, key=lambda one: -one.share)[:3]
    return ", ".join(f"{one.name} explains {100 * one.share:.1f} %" for one in largest)


# ---- gained foreground ---------------------------------------------------------------------


def gains_section(analysis: CampaignAnalysis, tables: Tables) -> Section:
    """Describe what the foreground is that the best run gains on the baseline."""
    title = "True gain or repeated structure"
    if not analysis.gains:
        return Section(title, (_why_no_gains(analysis),))
    counts = [gain.counts for gain in analysis.gains]
    gain = analysis.gains[0]
    return Section(
        title,
        (reported_gain(analysis),),
        tables=(_gain_table(analysis),),
        figures=drawn(gains_figure(tables)),
        notes=(
            f"A voxel is gained if it is foreground of {printable(gain.run_id)} and not of "
            f"{printable(gain.baseline)}. It is near true surface if a surface "
            "voxel of the label lies "
            "within the leaderboard's tolerance of 2 voxels (Euclidean). It is repeated structure "
            f"if it is not near and belongs to at least {counts[0].shortest_repeat} gained voxels "
            "in a row along z, at the same (y, x). What is neither is scattered. Voxels that the "
            "label ignores are left out. Without a label nothing is known to be near, and surface "
            "that runs along z counts as repeated.",
        ),
    )


def reported_gain(analysis: CampaignAnalysis) -> str:
    """Return what the gained foreground is, as a sentence."""
    labelled = [one.counts for one in analysis.gains if one.counts.near is not None]
    chosen = labelled or [one.counts for one in analysis.gains]
    gained = sum(one.gained for one in chosen)
    gain = analysis.gains[0]
    runs = f"{printable(gain.run_id)} gains {gained:,} voxels on {printable(gain.baseline)}"
    if not gained:
        return f"{runs}: there is nothing to distinguish."
    repeated = sum(one.repeated for one in chosen)
    if not labelled:
        return f"{runs}; {_percent(repeated, gained)} of them are repeated along z (no label)."
    near = sum(one.near or 0 for one in labelled)
    baseline = sum(one.baseline for one in labelled)
    baseline_near = sum(one.baseline_near or 0 for one in labelled)
    where = "labelled fragment" if len(labelled) == 1 else f"{len(labelled)} labelled fragments"
    return (
        f"On the {where} {runs}: {_percent(near, gained)} of them lie near true surface, "
        f"{_percent(repeated, gained)} are repeated structure and "
        f"{_percent(gained - near - repeated, gained)} scattered. Of the baseline's own foreground "
        f"{_percent(baseline_near, baseline)} lies near true surface."
    )


def _gain_table(analysis: CampaignAnalysis) -> SourcedTable:
    gains = [one.counts for one in analysis.gains]
    shares: dict[str, list[tuple[int | None, int]]] = {
        "near surface": [(one.near, one.gained) for one in gains],
        "repeated": [(one.repeated, one.gained) for one in gains],
        "scattered": [(one.scattered, one.gained) for one in gains],
    }
    return sourced_table(
        "Voxels gained and lost",
        [
            ("fragment", [printable(one.image_id) for one in analysis.gains]),
            ("gained", [f"{one.gained:,}" for one in gains]),
            *((head, [_share_of(*pair) for pair in pairs]) for head, pairs in shares.items()),
            ("lost", [f"{one.lost:,}" for one in gains]),
            (
                "lost near",
                ["–" if one.lost_near is None else f"{one.lost_near:,}" for one in gains],
            ),
        ],
        "gains.csv",
    )


def _share_of(part: int | None, whole: int) -> str:
    return "–" if part is None else f"{part:,} ({_percent(part, whole)})"


def _percent(part: int, whole: int) -> str:
    return f"{100 * part / whole:.1f} %" if whole else "0 %"


def _why_no_gains(analysis: CampaignAnalysis) -> str:
    if analysis.best is None:
        return "There is no best run whose gained foreground could be reported."
    if analysis.best.run_id == analysis.baseline:
        return "The baseline itself is the best run: nothing is gained on it."
    return (
        "The masks of the best run and of the baseline were not computed; give the data with "
        "--data to say what the gained foreground is."
    )
