"""Which setting to take of all that were tried: the plateau rather than the peak.

One fragment more or less moves the highest score there is, and the highest of many noisy scores is
too high. What is taken is a setting whose neighbours are good too, without steps that gain nothing.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass

from napari_nx46.core.cleanup.steps import steps_of
from napari_nx46.files.naming import plural
from napari_nx46.run.suggest.searching.moves import PROBABILITY_STEPS, SHARE_STEPS
from napari_nx46.run.suggest.searching.search import Search
from napari_nx46.run.suggest.searching.space import Space
from napari_nx46.run.suggest.trying.figures import Figures
from napari_nx46.setting import (
    CLEAN_UP_GROUPS,
    ScoreSmoothing,
    Setting,
    SettingError,
    Sheetness,
    described_knobs,
)
from napari_nx46.voxels.workers import CancelCheck, Cancelled

__all__ = ["Choice", "best_plateau", "choose", "is_near", "plateau_of", "steps_on"]

FEWEST_NEAR = 4
"""Tried settings, itself among them, of which a plateau is the mean."""
NOISE = 0.003
"""What one component or loop more or less moves the score of a fragment by."""
PEAKS = 3
"""Of so many of the best, the neighbourhood is tried on purpose."""
COMPARED = 60
"""Settings, the best ones, among which plateaus are looked for."""
FEWEST_FRAGMENTS = 3
"""Below these no standard error over fragments is worth its name."""

_STEP_SIZES = {
    "quantile": SHARE_STEPS[-1] / 2,
    "low_quantile": SHARE_STEPS[-1],
    "probability": PROBABILITY_STEPS[-1] / 2,
    "low_probability": PROBABILITY_STEPS[-1],
}
"""What one step of a threshold is: the smallest that masks show."""


@dataclass(frozen=True)
class Choice:
    """The setting that is taken.

    Parameters
    ----------
    setting : Setting
    value, start_value, plateau : float
        What it is worth itself, the start, and the mean over what was tried around it.
    near : int
        Settings in that mean.
    peak : Setting
    peak_value : float
        The highest of all that were tried.
    removed : tuple of str
        Knobs of steps that were switched off at last, because they gained nothing.
    """

    setting: Setting
    value: float
    start_value: float
    plateau: float
    near: int
    peak: Setting
    peak_value: float
    removed: tuple[str, ...] = ()

    @property
    def around(self) -> str:
        """The plateau in words."""
        if self.near == 1:
            return "nothing near it was tried"
        return f"mean of it and {plural(self.near - 1, 'setting')} around it {self.plateau:.6f}"


def choose(search: Search, space: Space, cancelled: CancelCheck) -> Choice | None:
    """Return the choice, after trying what is around the best and what of it can be left out.

    Parameters
    ----------
    search : Search
    space : Space
    cancelled : callable
        Once it returns True the choice is made of what is known.

    Returns
    -------
    Choice or None
        None if the start itself is not known yet.
    """
    view, results = search.views[0], search.results
    found = search.found()
    if found is None:
        return None
    with suppress(Cancelled):
        _try_around(search, space, cancelled)
    values = results.values(search.whole, view, view.last)
    chosen = _simplest(search, best_plateau(values, space)[0])
    removed: tuple[str, ...] = ()
    with suppress(Cancelled):
        chosen, removed = _without_idle_steps(search, space, chosen, cancelled)
    values = results.values(search.whole, view, view.last)
    peak = max(values, key=lambda one: values[one])
    plateau, near = plateau_of(chosen, values, space)
    start_value = values[search.start]
    return Choice(chosen, values[chosen], start_value, plateau, near, peak, values[peak], removed)


def plateau_of(
    setting: Setting, values: Mapping[Setting, float], space: Space
) -> tuple[float, int]:
    """Return the mean over the settings near one, and how many they are, itself among them."""
    near = [values[one] for one in values if is_near(one, setting, space)]
    return statistics.fmean(near), len(near)


def is_near(one: Setting, other: Setting, space: Space) -> bool:
    """Return whether two settings differ by at most a step in numbers, and in nothing else."""
    for name in Setting.model_fields:
        left, right = getattr(one, name), getattr(other, name)
        if left == right:
            continue
        known = space.by_name.get(name)
        if known is None or not known.is_ordered:
            return False
        if name in _STEP_SIZES:
            if abs(left - right) > _STEP_SIZES[name] + 1e-9:
                return False
        elif abs((known.index_of(left) or 0) - (known.index_of(right) or 0)) > 1:
            return False
    return True


def steps_on(setting: Setting) -> int:
    """Return how many steps a setting takes between the scores and the mask."""
    of_score = (setting.smooth is not ScoreSmoothing.OFF) + (setting.sheetness is not Sheetness.OFF)
    return len(steps_of(setting)) + of_score


# ---- around the best -------------------------------------------------------------------------


def _try_around(search: Search, space: Space, cancelled: CancelCheck) -> None:
    view, results = search.views[0], search.results
    values = results.values(search.whole, view, view.last)
    best = sorted(values, key=lambda one: -values[one])[:PEAKS]
    around = [one for peak in best for one in _around(peak, space, search.start)]
    search.evaluate(dict.fromkeys(around), view, view.last, cancelled)


def _around(setting: Setting, space: Space, start: Setting) -> Iterator[Setting]:
    """Yield settings a step away: thresholds, then the smallest object."""
    for name in (*_STEP_SIZES, "smallest_object"):
        one = space.by_name.get(name)
        if one is None:
            continue
        value = getattr(setting, name)
        if name in _STEP_SIZES:
            steps = (value - _STEP_SIZES[name], value + _STEP_SIZES[name])
            near = [one.values[one.index_of(step) or 0] for step in steps]
        else:
            near = list(one.neighbours(value))
        for moved in near:
            knobs = {each: getattr(setting, each) for each in (*space.by_name, "domain")}
            found = space.setting_of(start, {**knobs, name: moved})
            if found is not None and found != setting:
                yield found


def best_plateau(values: Mapping[Setting, float], space: Space) -> tuple[Setting, float, int]:
    """Return a setting of the best plateau, the mean around it, and how many settings that is of.

    Plateaus that differ by less than noise are equally good: of their settings the best is taken.
    Where none is wide enough, the peak is a plateau of its own.

    Parameters
    ----------
    values : mapping of Setting to float
        What settings are worth.
    space : Space
    """
    ranked = sorted(values, key=lambda one: -values[one])
    best = [(*plateau_of(one, values, space), one) for one in ranked[:COMPARED]]
    wide = [row for row in best if row[1] >= FEWEST_NEAR]
    if not wide:
        plateau, near, setting = best[0]
        return setting, plateau, near
    best_mean = max(row[0] for row in wide)
    as_good = [row for row in wide if row[0] >= best_mean - NOISE]
    plateau, near, setting = max(as_good, key=lambda row: (values[row[2]], row[0]))
    return setting, plateau, near


def _simplest(search: Search, chosen: Setting) -> Setting:
    """Return the setting of fewest steps within a standard error of the chosen one."""
    view, results = search.views[0], search.results
    places = view.rungs[view.last]
    if len(places) < FEWEST_FRAGMENTS:
        return chosen
    values = results.values(search.whole, view, view.last)
    ours = results.figures(chosen, places)
    simple = [
        one
        for one in values
        if steps_on(one) <= steps_on(chosen)
        and _is_within_error(results.figures(one, places), ours)
    ]
    return min([chosen, *simple], key=lambda one: (steps_on(one), -values[one]))


def _is_within_error(theirs: Sequence[Figures], ours: Sequence[Figures]) -> bool:
    """Return whether the scores of a setting are not lower than ours by more than noise."""
    if "score" not in ours[0].values:
        return False
    pairs = zip(theirs, ours, strict=True)
    differences = [new.values["score"] - old.values["score"] for new, old in pairs]
    return statistics.fmean(differences) >= -_standard_error(differences)


def _standard_error(differences: Sequence[float]) -> float:
    return statistics.stdev(differences) / math.sqrt(len(differences))


# ---- what can be left out ----------------------------------------------------------------------


def _without_idle_steps(
    search: Search, space: Space, chosen: Setting, cancelled: CancelCheck
) -> tuple[Setting, tuple[str, ...]]:
    """Return the setting without the steps that do not raise the mean of all fragments."""
    view, results = search.views[0], search.results
    removed: list[str] = []
    while True:
        without = dict(_with_one_step_less(chosen, space, search.start))
        if not without:
            return chosen, tuple(removed)
        search.evaluate(without.values(), view, view.last, cancelled)
        values = results.values([chosen, *without.values()], view, view.last)
        name = max(without, key=lambda one: values[without[one]])
        if values[without[name]] < values[chosen]:
            return chosen, tuple(removed)
        chosen = without[name]
        removed.append(name)


def _with_one_step_less(
    setting: Setting, space: Space, start: Setting
) -> Iterator[tuple[str, Setting]]:
    """Yield the setting with one clean-up knob off, of those that are on."""
    described = described_knobs(Setting)
    for one in space.others:
        name, off = one.name, Setting.model_fields[one.name].default
        if described[name].group not in CLEAN_UP_GROUPS or getattr(setting, name) == off:
            continue
        try:
            without = setting.changed(**{name: off})
        except SettingError:
            continue
        if len(steps_of(without)) < len(steps_of(setting)):
            knobs = {each: getattr(without, each) for each in (*space.by_name, "domain")}
            yield name, space.setting_of(start, knobs) or without
