"""What a search is, and what its runs are worth to it."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from enum import StrEnum
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from napari_nx46.campaign.plan.faults import PlanError, PlanFault
from napari_nx46.campaign.plan.rows import MOST_RUNS
from napari_nx46.campaign.records.results import FragmentResult, TaskState
from napari_nx46.core.measure.band import distance_from_band
from napari_nx46.setting import DEFAULT_BAND, Setting

__all__ = [
    "DEFAULT_BATCH",
    "START_ID",
    "Objective",
    "Search",
    "check_objective",
    "objective_value",
    "suggested_id",
]

START_ID = "start"
"""The run_id of the first run of a search, which has the setting that the search starts from."""

DEFAULT_BATCH = 4
"""Runs that are suggested together: enough for a machine of four processors to be busy."""

_Share = Annotated[float, Field(ge=0.0, le=1.0)]


class Objective(StrEnum):
    """What a search makes as high as it can."""

    LEADERBOARD = "leaderboard"
    DENSITY = "density"
    RECALL = "recall"


class Search(BaseModel):
    """What a search is: with the values that its runs gave, all that a resumed one needs.

    Parameters
    ----------
    runs : int
        In all, each with a setting of its own; the first has the one that the search starts from.
    objective : Objective
    vary : tuple of str
        An axis each, ``KNOB=LOW:HIGH``, ``KNOB=LOW:HIGH:STEP`` or ``KNOB=VALUE,VALUE``, as in
        `axes.parse_axes`.
    base : Setting
        What the search starts from; gives the knobs that are not varied.
    seed : int
    batch : int
        Runs that are suggested together.
    band : tuple of float
        Density (share of foreground voxels) aimed at, both ends included.
    name : str
        Of the campaign.
    runs_base : bool
        Whether `base` is the first run. Searches of older versions did without.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    runs: Annotated[int, Field(ge=1, le=MOST_RUNS)]
    objective: Objective
    vary: tuple[str, ...]
    base: Setting = Setting()
    seed: Annotated[int, Field(ge=0, lt=2**32)] = 0
    batch: Annotated[int, Field(ge=1, le=256)] = DEFAULT_BATCH
    band: tuple[_Share, _Share] = DEFAULT_BAND
    name: str = "search"
    runs_base: bool = True

    @property
    def run_ids(self) -> tuple[str, ...]:
        """The run_ids that the search may come to, in the order of its runs."""
        start = (START_ID,) if self.runs_base else ()
        return (*start, *map(suggested_id, range(1, self.runs - len(start) + 1)))

    @model_validator(mode="after")
    def _check_band(self) -> Self:
        if self.band[0] > self.band[1]:
            raise ValueError(f"the band goes from {self.band[0]:g} down to {self.band[1]:g}")
        return self


def suggested_id(number: int) -> str:
    """Return the run_id of a suggestion, counted from 1."""
    return f"suggested-{number:04d}"


def objective_value(search: Search, results: Iterable[FragmentResult]) -> float | None:
    """Return what a run was worth to a search; more is better.

    Parameters
    ----------
    search : Search
    results : iterable of FragmentResult
        Of the run; those that are not done are left out.

    Returns
    -------
    float or None
        The mean over the fragments, each counting the same, of: the leaderboard score; the distance
        of the density to the band, negative; or the recall. Recall is highest where everything is
        foreground: a run whose mean density leaves the band counts the distance, negative, instead.
        None if no fragment has the figure.
    """
    done = [result.metrics for result in results if result.state is TaskState.DONE]
    if search.objective is Objective.LEADERBOARD:
        return _mean([one["leaderboard_score"] for one in done if "leaderboard_score" in one])
    densities = [one["density"] for one in done if "density" in one]
    if search.objective is Objective.DENSITY:
        distance = _mean([abs(distance_from_band(one, search.band)) for one in densities])
        return None if distance is None else -distance
    density, recall = _mean(densities), _mean([one["recall"] for one in done if "recall" in one])
    if density is None or recall is None:
        return None
    outside = abs(distance_from_band(density, search.band))
    return -outside if outside > 0 else recall


def _mean(values: Sequence[float]) -> float | None:
    return math.fsum(values) / len(values) if values else None


def check_objective(search: Search, *, has_labels: bool, leaderboard: bool = True) -> None:
    """Check that runs will have the figure that a search aims at.

    Parameters
    ----------
    search : Search
    has_labels : bool
        Whether any fragment has a label.
    leaderboard : bool
        Whether labelled fragments will be scored.

    Raises
    ------
    PlanError
        If it aims at the leaderboard score or the recall without a label, or at a leaderboard score
        that is not to be computed.
    """
    if search.objective is Objective.DENSITY:
        return
    if not has_labels:
        lack = "no fragment has a label, which it needs; expected density, or data with labels"
    elif search.objective is Objective.LEADERBOARD and not leaderboard:
        lack = "found that the leaderboard score is not to be computed, which it needs"
    else:
        return
    raise PlanError(f"--objective {search.objective}", [PlanFault(lack)])
