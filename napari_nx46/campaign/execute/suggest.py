"""A search: settings that Optuna's TPE suggests in batches, by what the earlier ones were worth.

The batches are of one size, whatever the number of workers, and a batch is asked for when all of
the last one is reported, in its order. So the suggestions are a function of the search and of the
reports: a search that was interrupted goes on as if it had not been (`Suggester.replay`).

References
----------
J. Bergstra, R. Bardenet, Y. Bengio and B. Kegl, "Algorithms for Hyper-Parameter Optimization",
NIPS 2011.
"""

from __future__ import annotations

import math
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from typing import TYPE_CHECKING

from napari_nx46.campaign.execute.search import (
    DEFAULT_BATCH,
    START_ID,
    Objective,
    Search,
    check_objective,
    objective_value,
    suggested_id,
)
from napari_nx46.campaign.plan.axes import Axis, Steps, parse_axes
from napari_nx46.campaign.plan.faults import PlanError, PlanFault
from napari_nx46.campaign.plan.rows import row_faults_or_run
from napari_nx46.campaign.records.results import PlannedRun
from napari_nx46.run.tpe import SAMPLER, new_study
from napari_nx46.setting import Setting, checked_knob

if TYPE_CHECKING:
    import optuna

__all__ = [
    "DEFAULT_BATCH",
    "START_ID",
    "Objective",
    "Search",
    "Suggester",
    "check_objective",
    "check_search",
    "objective_value",
    "sampler_record",
]

VARY_FLAG = "--vary"

_SAMPLER_ATTEMPTS = 20
"""After so many suggestions that are known or do not go together, chance makes the next ones: the
sampler may be so sure of one place that it suggests nothing else."""

_MOST_ATTEMPTS = 200


@dataclass(frozen=True, slots=True)
class _Pending:
    """A run that was asked for, and the trial of the sampler that stands for it, if one does."""

    run: PlannedRun
    trial: optuna.Trial | None


class Suggester:
    """Suggests the runs of a search: ask for a batch, run it, say what it was worth, ask again.

    Parameters
    ----------
    search : Search
    kept : mapping of str to Setting
        By run_id, the runs of this search that were suggested before, by whatever version of the
        sampler: they are suggested again.

    Raises
    ------
    PlanError
        For everything that is wrong with what is varied.
    """

    def __init__(self, search: Search, kept: Mapping[str, Setting] | None = None) -> None:
        self.search = search
        self._kept = dict(kept or {})
        self._differs = False
        self._axes = _checked_axes(search)
        self._study = new_study(search.seed)
        self._pending: tuple[_Pending, ...] = ()
        self._reported: dict[str, float | None] = {}
        self._run_ids: dict[Setting, str] = {}
        self._exhausted = False

    @property
    def reported(self) -> Mapping[str, float | None]:
        """What the ended runs were worth, by run_id in their order; None of a failed one.

        `replay` takes it.
        """
        return dict(self._reported)

    @property
    def pending(self) -> tuple[PlannedRun, ...]:
        """The runs that were asked for and not reported yet."""
        return tuple(pending.run for pending in self._pending)

    @property
    def differs(self) -> bool:
        """Whether the sampler would have suggested other runs than those that were kept."""
        return self._differs

    @property
    def finished(self) -> bool:
        """Whether there is nothing more to be asked for, or reported."""
        return not self._pending and (self._exhausted or self._left == 0)

    def ask(self) -> tuple[PlannedRun, ...]:
        """Return the next batch, again if it is not reported yet.

        Returns
        -------
        tuple of PlannedRun
            Each with a setting that was not suggested before: first `START_ID`, then
            ``suggested-0001`` and so on. Fewer than a batch if the search ends with them or hardly
            any other setting is left; none if it has ended.

        Raises
        ------
        PlanError
            If no values of the varied knobs that were tried go together.
        """
        if not self._pending and not self.finished:
            wanted = min(self.search.batch, self._left)
            if self.search.runs_base and not self._run_ids:
                self._start()
            while len(self._pending) < wanted and self._suggest():
                pass
            self._exhausted = len(self._pending) < wanted
        return self.pending

    def tell(self, values: Sequence[float | None]) -> None:
        """Report what the runs of the batch were worth.

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
            self._reported[pending.run.run_id] = value
        self._pending = ()

    def replay(self, values: Mapping[str, float | None]) -> None:
        """Ask for and report again the batches whose runs all have a value.

        Afterwards a search that is new stands where the interrupted one stood: the batch that was
        not reported whole is the next one asked for.

        Parameters
        ----------
        values : mapping
            run_id -> what the run was worth, None if it failed, as `reported` returns it.
        """
        while not self.finished:
            run_ids = [run.run_id for run in self.ask()]
            if not run_ids or not values.keys() >= set(run_ids):
                return
            self.tell([values[run_id] for run_id in run_ids])

    @property
    def _left(self) -> int:
        return self.search.runs - len(self._reported) - len(self._pending)

    def _start(self) -> None:
        """Begin the first batch with the setting that the search starts from."""
        base = self.search.base
        indices = self._indices_of(base)
        trial = None if indices is None else self._trial_of(indices)
        self._add(PlannedRun(START_ID, base), trial)

    def _suggest(self) -> bool:
        """Add a run of a new setting to the batch; return whether the sampler found one."""
        faults: tuple[PlanFault, ...] = ()
        run_id = suggested_id(len(self._run_ids) + (not self.search.runs_base))
        chance = random.Random(f"{self.search.seed}, {len(self._run_ids)}")
        for attempt in range(_MOST_ATTEMPTS):
            if attempt >= _SAMPLER_ATTEMPTS:
                indices = {axis.knob: chance.randrange(len(axis.values)) for axis in self._axes}
                self._study.enqueue_trial(indices)
            trial = self._study.ask()
            row = {axis.knob: _suggested(axis, trial) for axis in self._axes}
            run = row_faults_or_run(run_id, row, self.search.base)
            if not isinstance(run, PlannedRun):
                faults = run
            elif run.setting not in self._run_ids:
                self._add(*self._as_kept(run, trial))
                return True
            # Knobs that do not go together, or a setting that is known: the sampler passes over
            # failed trials, so that neither draws its next suggestions.
            self._close(trial, None)
        if faults and self._run_ids.keys() <= {self.search.base}:
            raise PlanError(VARY_FLAG, faults)
        return False

    def _as_kept(
        self, run: PlannedRun, trial: optuna.Trial
    ) -> tuple[PlannedRun, optuna.Trial | None]:
        """Return a run as it was kept, where another version of the sampler suggested it."""
        setting = self._kept.get(run.run_id, run.setting)
        if setting == run.setting:
            return run, trial
        self._differs = True
        self._close(trial, None)
        indices = self._indices_of(setting)
        kept = None if indices is None else self._trial_of(indices)
        return PlannedRun(run.run_id, setting), kept

    def _add(self, run: PlannedRun, trial: optuna.Trial | None) -> None:
        self._run_ids[run.setting] = run.run_id
        self._pending = (*self._pending, _Pending(run, trial))

    def _indices_of(self, setting: Setting) -> dict[str, int] | None:
        """Return which value of each axis a setting has; None if it is not of the search."""
        row = {axis.knob: getattr(setting, axis.knob) for axis in self._axes}
        if row_faults_or_run(START_ID, row, self.search.base) != PlannedRun(START_ID, setting):
            return None
        indices = {}
        for axis in self._axes:
            places = (n for n in range(len(axis.values)) if _value(axis, n) == row[axis.knob])
            place = next(places, None)
            if place is None:
                return None
            indices[axis.knob] = place
        return indices

    def _trial_of(self, indices: Mapping[str, int]) -> optuna.Trial:
        """Return a trial of these values."""
        self._study.enqueue_trial(dict(indices))
        trial = self._study.ask()
        for axis in self._axes:
            _suggested(axis, trial)
        return trial

    def _close(self, trial: optuna.Trial | None, value: float | None) -> None:
        from optuna.trial import TrialState

        if trial is None:
            return
        if value is None:
            self._study.tell(trial, state=TrialState.FAIL)
        else:
            self._study.tell(trial, value)


def check_search(search: Search) -> None:
    """Check what a search varies, without loading the sampler.

    Raises
    ------
    PlanError
        For everything that is wrong.
    """
    _checked_axes(search)


def sampler_record() -> dict[str, str | int | bool]:
    """Return what suggests the runs of a search: the sampler, its version and its settings."""
    return {"name": "optuna TPESampler", "version": version("optuna"), **SAMPLER}


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
