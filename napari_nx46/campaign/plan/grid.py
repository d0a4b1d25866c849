"""A grid: every combination of the values of some knobs is a run."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from itertools import product

from napari_nx46.campaign.plan.axes import Axis, parse_axes, value_text
from napari_nx46.campaign.plan.faults import PlanError, PlanFault
from napari_nx46.campaign.plan.rows import count_faults, row_faults_or_run, run_id_fault
from napari_nx46.campaign.records.results import CampaignPlan, PlannedRun
from napari_nx46.setting import Setting, checked_knob

GRID_FLAG = "--grid"


def grid_plan(
    texts: Sequence[str], base: Setting | None = None, *, name: str = "grid"
) -> CampaignPlan:
    """Make the runs of a grid.

    Parameters
    ----------
    texts : sequence of str
        An axis each, as in `axes.parse_axes`.
    base : Setting, optional
        Gives the knobs that the grid does not vary; the defaults if there is none.
    name : str
        Of the plan.

    Returns
    -------
    CampaignPlan
        The last axis varies fastest. A run_id says the values, ``quantile=0.95,blend=0.68``, and
        is the same in every grid of the same knobs in the same order.

    Raises
    ------
    PlanError
        For everything that is wrong: also if the values of one run do not go together.
    """
    axes, faults = parse_axes(texts, steps_needed=True)
    faults += count_faults(math.prod(len(axis.values) for axis in axes) if axes else 0)
    if faults:
        raise PlanError(GRID_FLAG, faults)
    base = base or Setting()
    runs = [_run(row, base) for row in _rows(axes)]
    faults = _merged([fault for run in runs if isinstance(run, tuple) for fault in run], len(runs))
    if faults:
        raise PlanError(GRID_FLAG, faults)
    return CampaignPlan(name, tuple(run for run in runs if isinstance(run, PlannedRun)))


def run_id_of(knobs: dict[str, object]) -> str:
    """Return the run_id that says knobs and their values."""
    return ",".join(f"{knob}={value_text(value)}" for knob, value in knobs.items())


def _rows(axes: Sequence[Axis]) -> list[dict[str, object]]:
    columns = [
        [checked_knob(axis.knob, axis.values.text(index)) for index in range(len(axis.values))]
        for axis in axes
    ]
    names = [axis.knob for axis in axes]
    return [dict(zip(names, values, strict=True)) for values in product(*columns)]


def _run(row: dict[str, object], base: Setting) -> PlannedRun | tuple[PlanFault, ...]:
    run_id = run_id_of(row)
    fault = run_id_fault(run_id)
    return (PlanFault(fault, run_id),) if fault else row_faults_or_run(run_id, row, base)


def _merged(faults: Sequence[PlanFault], runs: int) -> list[PlanFault]:
    """Return the faults, those that every run has only once, of no run."""
    times = Counter((fault.message, fault.knob) for fault in faults)
    common = [PlanFault(message, "", knob) for (message, knob), n in times.items() if n == runs]
    own = [fault for fault in faults if times[fault.message, fault.knob] < runs]
    return common + own
