"""Which runs of a campaign are accepted, by rules, and which of them is the best.

`run.verdict` says GO or NO-GO to an exported run by what the competition returned; here runs are
sorted out before any of them is exported, by what the campaign has measured.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from napari_nx46.campaign.figures import fragments_with, is_finished, mean_figure, shared_mean
from napari_nx46.campaign.results import CampaignResults, TaskState
from napari_nx46.core.measure import distance_from_band, position_in_band
from napari_nx46.files.naming import shown
from napari_nx46.setting import DEFAULT_BAND

__all__ = [
    "DEFAULT_RECALL_FALL",
    "BestRun",
    "Criterion",
    "Decision",
    "Finding",
    "Outcome",
    "Rule",
    "Rules",
    "RunVerdict",
    "baseline_of",
    "best_run",
    "criterion_values",
    "judge",
]

DEFAULT_RECALL_FALL = 0.02

Share = Annotated[float, Field(ge=0.0, le=1.0)]


class _Record(BaseModel):
    """A frozen value that `model_dump_json` writes and `model_validate_json` reads back equal."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Rules(_Record):
    """What a run has to keep to.

    Parameters
    ----------
    baseline : str, optional
        The run_id that recall is compared with; None for the first run of the plan.
    largest_recall_fall : float, optional
        By how much the mean recall may lie below the baseline's; a fall of exactly that is allowed.
        None to let recall fall.
    band : tuple of float, optional
        Lowest and highest mean density of a run, both allowed. None for any density.
    exports_validate : bool
        Whether a run whose export was checked and is not valid is rejected.
    """

    baseline: str | None = None
    largest_recall_fall: Share | None = DEFAULT_RECALL_FALL
    band: tuple[Share, Share] | None = DEFAULT_BAND
    exports_validate: bool = True

    @model_validator(mode="after")
    def _check_band(self) -> Self:
        if self.band is not None and self.band[0] > self.band[1]:
            raise ValueError(f"the band goes from {self.band[0]:g} down to {self.band[1]:g}")
        return self


class Rule(StrEnum):
    """What a run can break."""

    TASKS = "tasks"
    RECALL = "recall"
    DENSITY = "density"
    EXPORT = "export"


class Outcome(StrEnum):
    """Whether a rule is kept."""

    KEPT = "kept"
    BROKEN = "broken"
    NOT_JUDGED = "not judged"


class Decision(StrEnum):
    """What becomes of a run."""

    ACCEPTED = "accepted"
    REJECTED = "rejected"
    UNDECIDED = "undecided"


class Finding(_Record):
    """What one rule says of a run.

    Parameters
    ----------
    rule : Rule
    outcome : Outcome
    reason : str
        In words, with the figure and what is allowed.
    figure : float, optional
        That was judged: failed or unfinished tasks, the fall of recall (negative if it rose), the
        density. None where there is none.
    lowest, highest : float, optional
        What is allowed, both included; None where there is no such limit.
    """

    rule: Rule
    outcome: Outcome
    reason: str
    figure: float | None = None
    lowest: float | None = None
    highest: float | None = None


class RunVerdict(_Record):
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
        return broken or tuple(one.reason for one in self.findings)


class Criterion(StrEnum):
    """By what the best run was chosen."""

    LEADERBOARD_SCORE = "mean leaderboard score"
    PUBLIC_SCORE = "public score"
    BAND_DISTANCE = "distance of the mean density to the band"

    @property
    def is_distance(self) -> bool:
        """Whether the smallest value is the best one, and not the highest."""
        return self is Criterion.BAND_DISTANCE


class BestRun(_Record):
    """The best of the accepted runs.

    Parameters
    ----------
    run_id : str
    criterion : Criterion
    value : float
        Of the criterion: the highest score, or the smallest distance.
    """

    run_id: str
    criterion: Criterion
    value: float


def baseline_of(results: CampaignResults, rules: Rules) -> str | None:
    """Return the run_id of the baseline: the one that is named, else the first of the plan.

    Returns
    -------
    str or None
        None if the campaign has no such run.
    """
    run_ids = [run.run_id for run in results.plan.runs]
    if rules.baseline is None:
        return run_ids[0] if run_ids else None
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
    """Return the best of the accepted runs.

    It is the one with the highest mean leaderboard score where labels gave any; else with the
    highest public score that the user has entered; else the one whose mean density is nearest to
    the band. Of equal ones the first counts. Means are over the fragments on which every run that
    has the figure has it.

    Parameters
    ----------
    results : CampaignResults
    verdicts : iterable of RunVerdict
    band : tuple of float, optional
        Lowest and highest density aimed at; None to leave the last criterion out.

    Returns
    -------
    BestRun or None
        None if no run is accepted, or none has a figure to choose by.
    """
    accepted = [one.run_id for one in verdicts if one.decision is Decision.ACCEPTED]
    chosen = criterion_values(results, accepted, band)
    if chosen is None:
        return None
    criterion, values = chosen
    best = min(values, key=lambda one: values[one] if criterion.is_distance else -values[one])
    return BestRun(run_id=best, criterion=criterion, value=values[best])


def criterion_values(
    results: CampaignResults, run_ids: Iterable[str], band: tuple[float, float] | None
) -> tuple[Criterion, dict[str, float]] | None:
    """Return by what runs are to be ranked, as `best_run` tells, and each one's value of that.

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
        one: _rounded(abs(distance_from_band(value, band))) for one, value in densities.items()
    }


# ---- one run -------------------------------------------------------------------------------


def _judge_run(
    results: CampaignResults, rules: Rules, run_id: str, baseline: str | None
) -> RunVerdict:
    findings = [
        finding
        for finding in (
            _failed_tasks(results, run_id),
            _recall(results, rules, run_id, baseline),
            _density(results, rules, run_id),
            _export(results, rules, run_id),
            _waiting_tasks(results, run_id),
        )
        if finding is not None
    ]
    if any(finding.outcome is Outcome.BROKEN for finding in findings):
        decision = Decision.REJECTED
    elif is_finished(results, run_id):
        decision = Decision.ACCEPTED
    else:
        decision = Decision.UNDECIDED
    return RunVerdict(run_id=run_id, baseline=baseline, decision=decision, findings=tuple(findings))


def _failed_tasks(results: CampaignResults, run_id: str) -> Finding | None:
    tasks = results.of_run(run_id)
    failed = [one for one in tasks if one.state is TaskState.FAILED]
    if not failed:
        return None
    told = "; ".join(f"{one.image_id}: {shown(one.error or 'no reason known')}" for one in failed)
    return Finding(
        rule=Rule.TASKS,
        outcome=Outcome.BROKEN,
        reason=f"{len(failed)} of {len(tasks)} fragments failed, none may ({told})",
        figure=len(failed),
        highest=0,
    )


def _waiting_tasks(results: CampaignResults, run_id: str) -> Finding | None:
    tasks = results.of_run(run_id)
    open_tasks = [one for one in tasks if one.state in {TaskState.WAITING, TaskState.RUNNING}]
    if not open_tasks:
        return None
    return Finding(
        rule=Rule.TASKS,
        outcome=Outcome.NOT_JUDGED,
        reason=f"{len(open_tasks)} of {len(tasks)} fragments are not done yet",
        figure=len(open_tasks),
    )


def _recall(
    results: CampaignResults, rules: Rules, run_id: str, baseline: str | None
) -> Finding | None:
    allowed = rules.largest_recall_fall
    if allowed is None or baseline == run_id:
        return None
    if baseline is None:
        named = shown(rules.baseline or "")
        return _no_recall(f"the campaign has no run {named} to compare recall with", allowed)
    means = shared_mean(results, run_id, baseline, "recall")
    if means is None:
        return _no_recall(f"no labelled fragment is done in it and in {shown(baseline)}", allowed)
    fall = _rounded(means[1] - means[0])
    broken = fall > allowed
    change = f"fell by {fall:.6g}" if fall > 0 else f"rose by {-fall:.6g}" if fall else "is equal"
    against = f"against {shown(baseline)}" if fall else f"to that of {shown(baseline)}"
    limit = f"more than {allowed:g} allowed" if broken else f"a fall of {allowed:g} is allowed"
    return Finding(
        rule=Rule.RECALL,
        outcome=Outcome.BROKEN if broken else Outcome.KEPT,
        reason=f"recall {change} {against}, {limit}",
        figure=fall,
        highest=allowed,
    )


def _no_recall(reason: str, allowed: float) -> Finding:
    return Finding(
        rule=Rule.RECALL,
        outcome=Outcome.NOT_JUDGED,
        reason=f"recall is not judged: {reason}",
        highest=allowed,
    )


def _density(results: CampaignResults, rules: Rules, run_id: str) -> Finding | None:
    density = mean_figure(results, run_id, "density")
    if rules.band is None or density is None:
        return None
    low, high = rules.band
    kept = distance_from_band(density, rules.band) == 0
    place = position_in_band(density, rules.band).value
    return Finding(
        rule=Rule.DENSITY,
        outcome=Outcome.KEPT if kept else Outcome.BROKEN,
        reason=f"mean density {density:.6g} is {place} the band of {low:g} to {high:g}",
        figure=density,
        lowest=low,
        highest=high,
    )


def _export(results: CampaignResults, rules: Rules, run_id: str) -> Finding | None:
    if not rules.exports_validate or run_id not in results.export_faults:
        return None
    fault = results.export_faults[run_id]
    return Finding(
        rule=Rule.EXPORT,
        outcome=Outcome.KEPT if fault is None else Outcome.BROKEN,
        reason="its export is valid" if fault is None else f"its export is not valid: {fault}",
    )


def _rounded(difference: float) -> float:
    """Drop what binary fractions leave, so that 0.92 and 0.90 differ by 0.02 and not by more.

    The shares are of voxel counts; a difference beyond the twelfth digit is none of these.
    """
    return round(difference, 12) + 0.0


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
