"""A search: settings that Optuna's TPE suggests in batches, by what the earlier ones were worth.

The batches are of one size, whatever the number of workers, and a batch is asked for when all of
the last one is told, in its order. So the suggestions are a function of the search and of what was
told: a search that was interrupted goes on as if it had not been (`Suggester.replay`).

References
----------
J. Bergstra, R. Bardenet, Y. Bengio and B. Kegl, "Algorithms for Hyper-Parameter Optimization",
NIPS 2011.
"""

from __future__ import annotations

import logging
import math
import random
import warnings
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from napari_nx46.campaign.axes import Axis, Steps, parse_axes
from napari_nx46.campaign.faults import PlanError, PlanFault
from napari_nx46.campaign.results import FragmentResult, PlannedRun, TaskState
from napari_nx46.campaign.rows import MOST_RUNS, row_faults_or_run
from napari_nx46.core.measure import distance_from_band
from napari_nx46.setting import DEFAULT_BAND, Setting, checked_knob

if TYPE_CHECKING:
    import optuna

VARY_FLAG = "--vary"

DEFAULT_BATCH = 4
"""Runs that are suggested together: enough for a machine of four processors to be busy."""

_RANDOM_RUNS = 10
_SAMPLER_ATTEMPTS = 20
"""After so many suggestions that are known or do not go together, chance makes the next ones: the
sampler may be so sure of one place that it suggests nothing else."""

_MOST_ATTEMPTS = 200
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
        That are suggested in all, each with a setting of its own.
    objective : Objective
    vary : tuple of str
        An axis each, ``KNOB=LOW:HIGH``, ``KNOB=LOW:HIGH:STEP`` or ``KNOB=VALUE,VALUE``, as in
        `axes.parse_axes`.
    base : Setting
        Gives the knobs that are not varied.
    seed : int
    batch : int
        Runs that are suggested together.
    band : tuple of float
        Density (share of foreground voxels) aimed at, both ends included.
    name : str
        Of the campaign.
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

    @model_validator(mode="after")
    def _check_band(self) -> Self:
        if self.band[0] > self.band[1]:
            raise ValueError(f"the band goes from {self.band[0]:g} down to {self.band[1]:g}")
        return self


@dataclass(frozen=True, slots=True)
class _Pending:
    """A run that was asked for, and the trial of the sampler that stands for it."""

    run: PlannedRun
    trial: optuna.Trial


class Suggester:
    """Suggests the runs of a search: ask for a batch, run it, tell what it was worth, ask again.

    Parameters
    ----------
    search : Search

    Raises
    ------
    PlanError
        For everything that is wrong with what is varied.
    """

    def __init__(self, search: Search) -> None:
        self.search = search
        self._axes = _checked_axes(search)
        self._study = _new_study(search.seed)
        self._pending: tuple[_Pending, ...] = ()
        self._told: dict[str, float | None] = {}
        self._run_ids: dict[Setting, str] = {}
        self._exhausted = False

    @property
    def told(self) -> Mapping[str, float | None]:
        """What the runs that were told were worth, by run_id in their order; None of a failed one.

        `replay` takes it.
        """
        return dict(self._told)

    @property
    def pending(self) -> tuple[PlannedRun, ...]:
        """The runs that were asked for and not told yet."""
        return tuple(pending.run for pending in self._pending)

    @property
    def finished(self) -> bool:
        """Whether there is nothing more to be asked for, or told."""
        return not self._pending and (self._exhausted or self._left == 0)

    def ask(self) -> tuple[PlannedRun, ...]:
        """Return the next batch, again if it is not told yet.

        Returns
        -------
        tuple of PlannedRun
            Each with a setting that was not suggested before, and the run_ids ``suggested-0001``
            and so on. Fewer than a batch if the search ends with them or hardly any other setting
            is left; none if it has ended.

        Raises
        ------
        PlanError
            If no values of the varied knobs that were tried go together.
        """
        if not self._pending and not self.finished:
            wanted = min(self.search.batch, self._left)
            for _ in range(wanted):
                self._suggest()
            self._exhausted = len(self._pending) < wanted
        return self.pending

    def tell(self, values: Sequence[float | None]) -> None:
        """Tell what the runs of the batch were worth.

        Parameters
        ----------
        values : sequence of float or None
            In the order of the batch, as of `objective_value`; None for a run that failed.

        Raises
        ------
        ValueError
            If there are not as many values as runs, or one is not finite.
        """
        if len(values) != len(self._pending):
            raise ValueError(f"found {len(values)} values, expected {len(self._pending)}")
        if not all(value is None or math.isfinite(value) for value in values):
            raise ValueError(f"found {values}, expected finite values")
        for pending, value in zip(self._pending, values, strict=True):
            self._close(pending.trial, value)
            self._told[pending.run.run_id] = value
        self._pending = ()

    def replay(self, values: Mapping[str, float | None]) -> None:
        """Ask for and tell again the batches whose runs all have a value.

        Afterwards a search that is new stands where the interrupted one stood: the batch that was
        not told whole is the next one asked for.

        Parameters
        ----------
        values : mapping
            run_id -> what the run was worth, None if it failed, as `told` returns it.
        """
        while not self.finished:
            run_ids = [run.run_id for run in self.ask()]
            if not run_ids or not values.keys() >= set(run_ids):
                return
            self.tell([values[run_id] for run_id in run_ids])

    @property
    def _left(self) -> int:
        return self.search.runs - len(self._told) - len(self._pending)

    def _suggest(self) -> None:
        """Add a run of a new setting to the batch, if the sampler finds one."""
        faults: tuple[PlanFault, ...] = ()
        chance = random.Random(f"{self.search.seed}, {len(self._run_ids)}")
        for attempt in range(_MOST_ATTEMPTS):
            if attempt >= _SAMPLER_ATTEMPTS:
                indices = {axis.knob: chance.randrange(len(axis.values)) for axis in self._axes}
                self._study.enqueue_trial(indices)
            trial = self._study.ask()
            row = {axis.knob: _suggested(axis, trial) for axis in self._axes}
            run_id = f"suggested-{len(self._run_ids) + 1:04d}"
            run = row_faults_or_run(run_id, row, self.search.base)
            if not isinstance(run, PlannedRun):
                faults = run
            elif run.setting not in self._run_ids:
                self._run_ids[run.setting] = run_id
                self._pending = (*self._pending, _Pending(run, trial))
                return
            # Knobs that do not go together, or a setting that is known: the sampler passes over
            # failed trials, so that neither draws its next suggestions.
            self._close(trial, None)
        if not self._run_ids:
            raise PlanError(VARY_FLAG, faults)

    def _close(self, trial: optuna.Trial, value: float | None) -> None:
        from optuna.trial import TrialState

        if value is None:
            self._study.tell(trial, state=TrialState.FAIL)
        else:
            self._study.tell(trial, value)


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


def check_search(search: Search) -> None:
    """Check what a search varies, without loading the sampler.

    Raises
    ------
    PlanError
        For everything that is wrong.
    """
    _checked_axes(search)


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


def _checked_axes(search: Search) -> tuple[Axis, ...]:
    axes, faults = parse_axes(search.vary, steps_needed=False)
    if not axes and not faults:
        faults = [PlanFault("found nothing to vary, expected at least one knob")]
    if not faults:
        faults = _conflict_faults(axes, search.base)
    if faults:
        raise PlanError(VARY_FLAG, faults)
    return tuple(axes)


def _conflict_faults(axes: Sequence[Axis], base: Setting) -> list[PlanFault]:
    """Return the faults of knobs that exclude each other, whatever their values."""
    first = row_faults_or_run("", {axis.knob: _value(axis, 0) for axis in axes}, base)
    return [] if isinstance(first, PlannedRun) else [fault for fault in first if fault.knob]


def _value(axis: Axis, index: int) -> object:
    return checked_knob(axis.knob, axis.values.text(index))


def _suggested(axis: Axis, trial: optuna.Trial) -> object:
    """Return the value of a knob in a trial: of ordered numbers which one, else one of a list."""
    if isinstance(axis.values, Steps):
        return _value(axis, trial.suggest_int(axis.knob, 0, len(axis.values) - 1))
    indices = range(len(axis.values))
    return _value(axis, int(trial.suggest_categorical(axis.knob, indices)))


def _new_study(seed: int) -> optuna.Study:
    import optuna

    # Which else tells on stderr that a study was made.
    logging.getLogger("optuna").setLevel(logging.WARNING)
    with warnings.catch_warnings():
        # Some versions call two of these options experimental; others have them by default.
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        sampler = optuna.samplers.TPESampler(
            seed=seed, n_startup_trials=_RANDOM_RUNS, multivariate=True, constant_liar=True
        )
    return optuna.create_study(direction="maximize", sampler=sampler)
