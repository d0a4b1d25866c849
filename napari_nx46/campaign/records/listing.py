"""A campaign as a table: one row a run, with its means, its verdict, and whether it is the best."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from napari_nx46.campaign.records.results import CampaignResults, PlannedRun, TaskState
from napari_nx46.campaign.verdicts.figures import mean_figure, shared_mean
from napari_nx46.campaign.verdicts.rules import Rules, RunVerdict, baseline_of, best_run, judge

__all__ = ["ROW_FIGURES", "CampaignRow", "Place", "campaign_rows"]

ROW_FIGURES = ("leaderboard_score", "density", "recall", "precision", "dice")
"""The figures of a row, as in `FragmentResult.metrics`."""

Place = tuple[str, str]
"""A run_id and an image_id."""


@dataclass(frozen=True, slots=True)
class CampaignRow:
    """One run of a campaign.

    Parameters
    ----------
    run : PlannedRun
    tasks, done, failed, running : int
        Fragments in all, and of these.
    figures : mapping of str to float
        Means over the fragments that have them, of `ROW_FIGURES`.
    gain : float, optional
        Mean leaderboard score above the baseline's, over the fragments that both have it on.
    verdict : RunVerdict
    is_best, is_baseline : bool
    errors : tuple of str
        Why fragments failed.
    """

    run: PlannedRun
    tasks: int
    done: int
    failed: int
    running: int
    figures: Mapping[str, float] = field(hash=False)
    gain: float | None
    verdict: RunVerdict
    is_best: bool
    is_baseline: bool
    errors: tuple[str, ...]


def campaign_rows(
    results: CampaignResults, rules: Rules, running: Iterable[Place] = ()
) -> tuple[CampaignRow, ...]:
    """Return the rows of a campaign, in the order of its plan.

    Parameters
    ----------
    results : CampaignResults
    rules : Rules
        Every run is judged by.
    running : iterable of (str, str)
        Run_id and image_id of the tasks that are being computed.
    """
    verdicts = judge(results, rules)
    best = best_run(results, verdicts, rules.band)
    baseline = baseline_of(results, rules)
    computing = [run_id for run_id, _ in running]
    rows = []
    for run, verdict in zip(results.plan.runs, verdicts, strict=True):
        tasks = results.of_run(run.run_id)
        states = [task.state for task in tasks]
        rows.append(
            CampaignRow(
                run=run,
                tasks=len(tasks),
                done=states.count(TaskState.DONE),
                failed=states.count(TaskState.FAILED),
                running=computing.count(run.run_id),
                figures=_means(results, run.run_id),
                gain=_gain(results, run.run_id, baseline),
                verdict=verdict,
                is_best=best is not None and best.run_id == run.run_id,
                is_baseline=run.run_id == baseline,
                errors=tuple(f"{task.image_id}: {task.error}" for task in tasks if task.error),
            )
        )
    return tuple(rows)


def _means(results: CampaignResults, run_id: str) -> dict[str, float]:
    means = {name: mean_figure(results, run_id, name) for name in ROW_FIGURES}
    return {name: mean for name, mean in means.items() if mean is not None}


def _gain(results: CampaignResults, run_id: str, baseline: str | None) -> float | None:
    if baseline is None or run_id == baseline:
        return None
    means = shared_mean(results, run_id, baseline, "leaderboard_score")
    return None if means is None else means[0] - means[1]
