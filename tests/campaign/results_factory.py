"""Campaigns that nobody has run, for tests of what is made from their results."""

from __future__ import annotations

from datetime import UTC, datetime

from napari_nx46.campaign.records.results import (
    CampaignPlan,
    CampaignResults,
    FragmentResult,
    PlannedRun,
    SliceResult,
    TaskState,
)
from napari_nx46.setting import Setting

RUN_SETTINGS = {"base": Setting(quantile=0.9), "wide": Setting(quantile=0.8)}
"""Of the runs that the fixture `computed_runs` has masks of."""


def slices(depth, **figures):
    """Return slices that all have the same figures; a figure may be a function of z."""
    return tuple(
        SliceResult(z, {name: one(z) if callable(one) else one for name, one in figures.items()})
        for z in range(depth)
    )


def done(run_id, image_id, figures, of_slices=()):
    return FragmentResult(
        run_id,
        image_id,
        TaskState.DONE,
        figures,
        of_slices,
        mask_sha256="ab" * 32,
        seconds=1.5,
    )


def failed(run_id, image_id, error):
    return FragmentResult(run_id, image_id, TaskState.FAILED, error=error)


def waiting(run_id, image_id, state=TaskState.WAITING):
    return FragmentResult(run_id, image_id, state)


def campaign(runs, *, settings=None, export_faults=None, public_scores=None, name="grid"):
    """Return the results of runs: run_id -> image_id -> figures, or a FragmentResult."""
    settings = settings or {}
    fragments = {}
    for run_id, of_run in runs.items():
        for image_id, one in of_run.items():
            is_result = isinstance(one, FragmentResult)
            fragments[run_id, image_id] = one if is_result else done(run_id, image_id, one)
    return CampaignResults(
        campaign_id=3,
        plan=CampaignPlan(
            name, tuple(PlannedRun(run_id, settings.get(run_id, Setting())) for run_id in runs)
        ),
        image_ids=tuple(next(iter(runs.values()), {})),
        fragments=fragments,
        data="scrolls",
        started=datetime(2026, 3, 1, 12, tzinfo=UTC),
        export_faults=export_faults or {},
        public_scores=public_scores or {},
    )
