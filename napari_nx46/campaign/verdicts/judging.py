"""Judging a campaign of a workspace, and keeping the verdicts there."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from napari_nx46.campaign.records.results import CampaignResults
from napari_nx46.campaign.records.store import CampaignStore
from napari_nx46.campaign.verdicts.rules import Rules, RunVerdict, judge
from napari_nx46.files.workspace import SavedOutcome

__all__ = ["judge_and_keep"]


def judge_and_keep(
    store: CampaignStore, results: CampaignResults, rules: Rules
) -> tuple[RunVerdict, ...]:
    """Judge the runs of a campaign and keep the verdicts in place of earlier ones.

    Parameters
    ----------
    store : CampaignStore
    results : CampaignResults
        Of a campaign of the store.
    rules : Rules

    Returns
    -------
    tuple of RunVerdict
        In the order of the plan.

    Raises
    ------
    WorkspaceError
        If they cannot be kept.
    """
    verdicts = judge(results, rules)
    with store.workspace.transaction():
        # What else became of the runs may have changed since the results were read.
        outcomes = store.outcomes(results.campaign_id)
        store.set_outcomes(results.campaign_id, _judged(outcomes, verdicts))
    return verdicts


def _judged(
    outcomes: dict[str, SavedOutcome], verdicts: Iterable[RunVerdict]
) -> list[SavedOutcome]:
    return [
        replace(
            outcomes.get(one.run_id, SavedOutcome(one.run_id)), verdict=one.model_dump(mode="json")
        )
        for one in verdicts
    ]
