"""What each rule of a campaign says of a run."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from napari_nx46.campaign.records.results import CampaignResults, TaskState
from napari_nx46.campaign.verdicts.figures import mean_figure, shared_mean
from napari_nx46.core.measure.band import distance_from_band, position_in_band
from napari_nx46.core.threshold.notes import note_of_metrics
from napari_nx46.files.naming import plural, printable
from napari_nx46.setting import DEFAULT_BAND

__all__ = ["Finding", "Outcome", "Record", "Rule", "Rules", "findings_of", "rounded"]

Share = Annotated[float, Field(ge=0.0, le=1.0)]


class Record(BaseModel):
    """A frozen value that `model_dump_json` writes and `model_validate_json` reads back equal."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Rules(Record):
    """What a run has to keep to.

    Parameters
    ----------
    baseline : str, optional
        The run_id that runs are compared with; None for the first run of the plan, which in a
        search has the setting that it starts from.
    largest_recall_fall : float, optional
        By how much the mean recall may lie below the baseline's; a fall of exactly that is allowed.
        None to let recall fall.
    band : tuple of float, optional
        Lowest and highest mean density of a run, both allowed. None for any density.
    exports_validate : bool
        Whether a run whose export was checked and is not valid is rejected.
    """

    baseline: str | None = None
    largest_recall_fall: Share | None = None
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
    THRESHOLD = "threshold"


class Outcome(StrEnum):
    """Whether a rule is kept."""

    KEPT = "kept"
    BROKEN = "broken"
    NOT_JUDGED = "not judged"
    NOTED = "noted"


class Finding(Record):
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


def findings_of(
    results: CampaignResults, rules: Rules, run_id: str, baseline: str | None
) -> tuple[Finding, ...]:
    """Return what the rules that apply to a run say of it.

    Parameters
    ----------
    results : CampaignResults
    rules : Rules
    run_id : str
    baseline : str, optional
        The run_id that recall is compared with; None if the campaign has no such run.
    """
    found = (
        _failed_tasks(results, run_id),
        _recall(results, rules, run_id, baseline),
        _density(results, rules, run_id),
        _export(results, rules, run_id),
        _waiting_tasks(results, run_id),
        _threshold_note(results, run_id),
    )
    return tuple(finding for finding in found if finding is not None)


# ---- one rule ------------------------------------------------------------------------------


def _threshold_note(results: CampaignResults, run_id: str) -> Finding | None:
    """Return what is odd about the threshold on the first of the fragments concerned."""
    noted = {
        one.image_id: note
        for one in results.of_run(run_id)
        if (note := note_of_metrics(one.metrics)) is not None
    }
    if not noted:
        return None
    setting = next(run.setting for run in results.plan.runs if run.run_id == run_id)
    image_id, note = next(iter(noted.items()))
    more = f" and {plural(len(noted) - 1, 'more fragment')}" if len(noted) > 1 else ""
    return Finding(
        rule=Rule.THRESHOLD,
        outcome=Outcome.NOTED,
        reason=f"on {printable(image_id)}{more}: {note.text(setting)}",
        figure=note.value,
    )


def _failed_tasks(results: CampaignResults, run_id: str) -> Finding | None:
    tasks = results.of_run(run_id)
    failed = [one for one in tasks if one.state is TaskState.FAILED]
    if not failed:
        return None
    errors = "; ".join(
        f"{one.image_id}: {printable(one.error or 'no reason known')}" for one in failed
    )
    return Finding(
        rule=Rule.TASKS,
        outcome=Outcome.BROKEN,
        reason=f"{len(failed)} of {len(tasks)} fragments failed, none may ({errors})",
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
        missing = "setting that it starts from" if rules.baseline is None else "run "
        named = printable(rules.baseline or "")
        return _no_recall(f"the campaign has no {missing}{named} to compare recall with", allowed)
    means = shared_mean(results, run_id, baseline, "recall")
    if means is None:
        return _no_recall(
            f"no labelled fragment is done in it and in {printable(baseline)}", allowed
        )
    fall = rounded(means[1] - means[0])
    broken = fall > allowed
    change = f"fell by {fall:.6g}" if fall > 0 else f"rose by {-fall:.6g}" if fall else "is equal"
    against = f"against {printable(baseline)}" if fall else f"to that of {printable(baseline)}"
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


def rounded(difference: float) -> float:
    """Drop what binary fractions leave, so that 0.92 and 0.90 differ by 0.02 and not by more.

    The shares are of voxel counts; a difference beyond the twelfth digit is none of these.
    """
    return round(difference, 12) + 0.0
