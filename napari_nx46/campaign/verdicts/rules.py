"""Which runs of a campaign are accepted, by rules, and which of them is the best.

`run.verdict` says GO or NO-GO to an exported run by what the competition returned; here runs are
sorted out before any of them is exported, by what the campaign has measured.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum

from napari_nx46.campaign.records.results import CampaignResults
from napari_nx46.campaign.verdicts.figures import fragments_with, is_finished, mean_figure
from napari_nx46.campaign.verdicts.findings import (
    Finding,
    Outcome,
    Record,
    Rule,
    Rules,
    findings_of,
    rounded,
)
from napari_nx46.core.measure.band import distance_from_band
from napari_nx46.setting import DEFAULT_BAND

__all__ = [
    "BestRun",
    "Criterion",
    "Decision",
    "Finding",
    "Outcome",
    "Rule",
    "Rules",
    "RunVerdict",
    "baseline_of",
    "best_accepted",
    "best_run",
    "better_rejected",
    "criterion_values",
    "judge",
]


class Decision(StrEnum):
    """What becomes of a run."""

    ACCEPTED = "accepted"
    REJECTED = "rejected"
    UNDECIDED = "undecided"


class RunVerdict(Record):
    """What the rules say of a run.

    Parameters
    ----------
    run_id : str
    baseline : str, optional
        The run_id that it was compared with; None if the campaign has no run of that name.
    decision : Decision
        Rejected if a rule is broken; undecided while tasks are not done; else accepted.
    findings : tuple of Finding
        One a rule that applies.
    """

    run_id: str
    baseline: str | None
    decision: Decision
    findings: tuple[Finding, ...]

    @property
    def reasons(self) -> tuple[str, ...]:
        """Why, in words: of a rejected run what it breaks, else all that was found."""
        broken = tuple(one.reason for one in self.findings if one.outcome is Outcome.BROKEN)
        return (*broken, *self.notes) if broken else tuple(one.reason for one in self.findings)

    @property
    def notes(self) -> tuple[str, ...]:
        """What is odd about the run, whatever became of it, in words."""
        return tuple(one.reason for one in self.findings if one.outcome is Outcome.NOTED)


class Criterion(StrEnum):
    """By what the best run was chosen."""

    LEADERBOARD_SCORE = "mean leaderboard score"
    PUBLIC_SCORE = "public score"
    BAND_DISTANCE = "distance of the mean density to the band"

    @property
    def is_distance(self) -> bool:
        """Whether the smallest value is the best one, and not the highest."""
        return self is Criterion.BAND_DISTANCE


class BestRun(Record):
    """The best of the accepted runs, or of all where every one is rejected.

    Parameters
    ----------
    run_id : str
    criterion : Criterion
    value : float
        Of the criterion: the highest score, or the smallest distance.
    rejected_for : tuple of str
        Why it is rejected, in words, where every run is; else empty.
    """

    run_id: str
    criterion: Criterion
    value: float
    rejected_for: tuple[str, ...] = ()


def baseline_of(results: CampaignResults, rules: Rules) -> str | None:
    """Return the run_id of the baseline: the one that is named, else the first of the plan.

    Returns
    -------
    str or None
        None if the campaign has no such run, or no run is named and the first one was drawn at
        random, as in searches of older versions.
    """
    run_ids = [run.run_id for run in results.plan.runs]
    if rules.baseline is None:
        return run_ids[0] if run_ids and results.begins_with_baseline else None
    return rules.baseline if rules.baseline in run_ids else None


def judge(results: CampaignResults, rules: Rules = Rules()) -> tuple[RunVerdict, ...]:
    """Judge every run of a campaign.

    Recall is the mean over the labelled fragments that both the run and the baseline have done,
    density the mean over the fragments that are done; every fragment counts the same.

    Parameters
    ----------
    results : CampaignResults
    rules : Rules

    Returns
    -------
    tuple of RunVerdict
        In the order of the plan.
    """
    baseline = baseline_of(results, rules)
    return tuple(_judge_run(results, rules, run.run_id, baseline) for run in results.plan.runs)


def best_run(
    results: CampaignResults,
    verdicts: Iterable[RunVerdict],
    band: tuple[float, float] | None = DEFAULT_BAND,
) -> BestRun | None:
    """Return the best of the accepted runs; where every run is rejected, the best of these.

    It is the one with the highest mean leaderboard score where labels gave any; else with the
    highest public score that the user has entered; else the one whose mean density is nearest to
    the band. Of equal ones the first counts. Means are over the fragments on which every run that
    has the figure has it. Of rejected runs those that are done on every fragment count, if any is.

    Parameters
    ----------
    results : CampaignResults
    verdicts : iterable of RunVerdict
    band : tuple of float, optional
        Lowest and highest density aimed at; None to leave the last criterion out.

    Returns
    -------
    BestRun or None
        None if no run has a figure to choose by, or none is accepted and some are undecided.
    """
    judged = tuple(verdicts)
    accepted = [one.run_id for one in judged if one.decision is Decision.ACCEPTED]
    if accepted or any(one.decision is not Decision.REJECTED for one in judged):
        return _best_of(results, accepted, band)
    reasons = {one.run_id: one.reasons for one in judged}
    finished = [run_id for run_id in reasons if is_finished(results, run_id)]
    best = _best_of(results, finished or list(reasons), band)
    if best is None:
        return None
    return best.model_copy(update={"rejected_for": reasons[best.run_id]})


def best_accepted(
    results: CampaignResults,
    verdicts: Iterable[RunVerdict],
    band: tuple[float, float] | None = DEFAULT_BAND,
) -> BestRun | None:
    """Return the best of the accepted runs, as `best_run`; None if no run is accepted."""
    best = best_run(results, verdicts, band)
    return None if best is None or best.rejected_for else best


def better_rejected(
    results: CampaignResults, verdicts: Iterable[RunVerdict], best: BestRun
) -> BestRun | None:
    """Return the rejected run with the best score, if that is above the best accepted run's.

    Parameters
    ----------
    results : CampaignResults
    verdicts : iterable of RunVerdict
    best : BestRun
        From `best_run`.

    Returns
    -------
    BestRun or None
        None if there is none, or the best run is not chosen by a score.
    """
    reasons = {one.run_id: one.reasons for one in verdicts if one.decision is Decision.REJECTED}
    finished = [run_id for run_id in reasons if is_finished(results, run_id)]
    if best.criterion.is_distance or best.rejected_for or not finished:
        return None
    other = _best_of(results, [best.run_id, *finished], None)
    if other is None or other.run_id == best.run_id or other.criterion is not best.criterion:
        return None
    return other.model_copy(update={"rejected_for": reasons[other.run_id]})


def _best_of(
    results: CampaignResults, run_ids: Iterable[str], band: tuple[float, float] | None
) -> BestRun | None:
    """Return the best of these runs, whatever their verdicts."""
    chosen = criterion_values(results, run_ids, band)
    if chosen is None:
        return None
    criterion, values = chosen
    best = min(values, key=lambda one: values[one] if criterion.is_distance else -values[one])
    return BestRun(run_id=best, criterion=criterion, value=values[best])


def criterion_values(
    results: CampaignResults, run_ids: Iterable[str], band: tuple[float, float] | None
) -> tuple[Criterion, dict[str, float]] | None:
    """Return by what runs are to be ranked, as `best_run` says, and each one's value of that.

    Returns
    -------
    tuple, or None
        The criterion, and run_id -> value in the order given, of the runs that have one; None if
        none has.
    """
    chosen = tuple(run_ids)
    scores = _comparable_means(results, chosen, "leaderboard_score")
    if scores:
        return Criterion.LEADERBOARD_SCORE, scores
    entered = {one: results.public_scores[one] for one in chosen if one in results.public_scores}
    if entered:
        return Criterion.PUBLIC_SCORE, entered
    densities = _comparable_means(results, chosen, "density")
    if band is None or not densities:
        return None
    return Criterion.BAND_DISTANCE, {
        one: rounded(abs(distance_from_band(value, band))) for one, value in densities.items()
    }


# ---- one run -------------------------------------------------------------------------------


def _judge_run(
    results: CampaignResults, rules: Rules, run_id: str, baseline: str | None
) -> RunVerdict:
    findings = findings_of(results, rules, run_id, baseline)
    if any(finding.outcome is Outcome.BROKEN for finding in findings):
        decision = Decision.REJECTED
    elif is_finished(results, run_id):
        decision = Decision.ACCEPTED
    else:
        decision = Decision.UNDECIDED
    return RunVerdict(run_id=run_id, baseline=baseline, decision=decision, findings=findings)


# ---- the best ------------------------------------------------------------------------------


def _comparable_means(
    results: CampaignResults, run_ids: Iterable[str], name: str
) -> dict[str, float]:
    """Return the mean of a figure, by run_id, over the fragments that all of these have it on."""
    having = {one: ids for one in run_ids if (ids := fragments_with(results, one, name))}
    shared = set(results.image_ids).intersection(*having.values())
    image_ids = [image_id for image_id in results.image_ids if image_id in shared]
    means = {one: mean_figure(results, one, name, image_ids) for one in having}
    return {one: mean for one, mean in means.items() if mean is not None}
