"""``nx46 campaign list``."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated

import typer

from napari_nx46.cli.commands.campaign.report import CampaignWork
from napari_nx46.cli.commands.workspaces import opened_workspace
from napari_nx46.cli.flags.groups import with_flag_groups
from napari_nx46.cli.output.console import echo, guarded, note, print_table
from napari_nx46.cli.output.reporting import shown_knobs

if TYPE_CHECKING:
    from napari_nx46.campaign.records.results import CampaignResults, FragmentResult, PlannedRun
    from napari_nx46.campaign.records.store import CampaignStore
    from napari_nx46.campaign.verdicts.rules import RunVerdict

_FIGURES = ("density", "recall", "precision", "dice", "leaderboard_score")
_COLUMNS = ("run", "knobs", "fragment", "state", *_FIGURES, "verdict", "mask SHA-256")


@guarded
@with_flag_groups
def list_campaigns(
    *,
    work: CampaignWork,
    campaign: Annotated[
        int | None,
        typer.Option("--campaign", metavar="ID", help="List this one alone.", show_default="all"),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print every figure as JSON.")] = False,
) -> None:
    """List campaigns: their runs with knobs, metrics, verdict and mask SHA-256 per fragment."""
    from napari_nx46.campaign.records.store import CampaignStore, work_file

    with opened_workspace(work_file(work)) as workspace:
        store = CampaignStore(workspace)
        wanted = store.campaign_ids() if campaign is None else (campaign,)
        listed = [_Listed(store, number) for number in wanted]
    if as_json:
        echo(json.dumps([one.record() for one in listed], indent=2))
        return
    for one in listed:
        one.print()
    if not listed:
        note(f"{workspace.path}: no campaign is kept yet")


class _Listed:
    """A campaign as it was read, to be printed."""

    def __init__(self, store: CampaignStore, campaign_id: int) -> None:
        with store.workspace.snapshot():
            self.results: CampaignResults = store.results(campaign_id, with_slices=False)
            self.verdicts = store.verdicts(campaign_id)

    def print(self) -> None:
        results = self.results
        states = [one.state.value for one in results.fragments.values()]
        counts = ", ".join(f"{state} {states.count(state)}" for state in dict.fromkeys(states))
        echo(
            f"campaign {results.campaign_id} ({results.plan.name}), begun "
            f"{results.started:%Y-%m-%d %H:%M} UTC, on {results.data}: "
            f"runs {len(results.plan.runs)}, fragments {len(results.image_ids)}; tasks: "
            f"{counts or 'none'}"
        )
        print_table(
            _COLUMNS,
            [
                _row(run, one, self.verdicts.get(run.run_id))
                for run in results.plan.runs
                for one in results.of_run(run.run_id)
            ],
        )

    def record(self) -> dict[str, object]:
        results = self.results
        return {
            "id": results.campaign_id,
            "name": results.plan.name,
            "time": results.started.isoformat(),
            "data": results.data,
            "runs": [self._run_record(run) for run in results.plan.runs],
        }

    def _run_record(self, run: PlannedRun) -> dict[str, object]:
        verdict = self.verdicts.get(run.run_id)
        faults = self.results.export_faults
        return {
            "run_id": run.run_id,
            "setting": run.setting.model_dump(mode="json"),
            "verdict": None if verdict is None else verdict.model_dump(mode="json"),
            "export_checked": run.run_id in faults,
            "export_fault": faults.get(run.run_id),
            "public_score": self.results.public_scores.get(run.run_id),
            "fragments": {
                one.image_id: {
                    "state": one.state.value,
                    "metrics": dict(one.metrics),
                    "mask_sha256": one.mask_sha256,
                    "seconds": one.seconds,
                    "error": one.error,
                }
                for one in self.results.of_run(run.run_id)
            },
        }


def _row(run: PlannedRun, one: FragmentResult, verdict: RunVerdict | None) -> tuple[str, ...]:
    figures = (one.metrics.get(name) for name in _FIGURES)
    return (
        run.run_id,
        shown_knobs(run.setting) or "defaults",
        one.image_id,
        one.state.value,
        *("" if figure is None else f"{figure:.6f}" for figure in figures),
        "" if verdict is None else verdict.decision.value,
        one.mask_sha256 or "",
    )
