"""What is known of settings: figures by place, and their means over the places of a view."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Protocol

from napari_nx46.run.suggest.trying.figures import Figures
from napari_nx46.run.suggest.trying.places import TriedPlace
from napari_nx46.setting import Setting

__all__ = ["Groups", "Objective", "Results", "ScoreObjective", "View"]

Groups = Mapping[str, str]
"""Group of each fragment, such as its scroll, by image_id."""


class Objective(Protocol):
    """What settings are compared by."""

    def __call__(self, means: Sequence[Mapping[str, float]]) -> list[float]:
        """Return what settings are worth, more is better, from the means of their figures."""


class ScoreObjective:
    """The leaderboard score."""

    def __call__(self, means: Sequence[Mapping[str, float]]) -> list[float]:
        """Return the scores."""
        return [one["score"] for one in means]


@dataclass(frozen=True)
class View:
    """Some of the fragments: what a search may look at.

    Parameters
    ----------
    name : str
        Empty for all fragments, else the groups that are left out.
    rungs : tuple of tuple of TriedPlace
        Places by rung, see `places_of`.
    groups : Groups
    """

    name: str
    rungs: tuple[tuple[TriedPlace, ...], ...]
    groups: Groups = field(hash=False)

    @property
    def last(self) -> int:
        """The number of the rung of whole fragments."""
        return len(self.rungs) - 1

    @cached_property
    def image_ids(self) -> tuple[str, ...]:
        """Its fragments."""
        return tuple(place.image_id for place in self.rungs[-1])

    def without(self, left_out: Sequence[str]) -> View:
        """Return the view of all groups but some."""
        rungs = (
            tuple(place for place in rung if self.groups[place.image_id] not in left_out)
            for rung in self.rungs
        )
        return View(", ".join(left_out), tuple(rung for rung in rungs if rung), self.groups)


class Results:
    """The figures of settings by place.

    Parameters
    ----------
    objective : Objective
    """

    def __init__(self, objective: Objective) -> None:
        self.objective = objective
        self._figures: dict[Setting, dict[TriedPlace, Figures]] = {}

    def __len__(self) -> int:
        """Return how many settings were tried anywhere."""
        return len(self._figures)

    def put(self, setting: Setting, place: TriedPlace, figures: Figures) -> None:
        """Keep the figures of a setting on a place."""
        self._figures.setdefault(setting, {})[place] = figures

    def get(self, setting: Setting, place: TriedPlace) -> Figures | None:
        """Return the figures of a setting on a place, if they are known."""
        return self._figures.get(setting, {}).get(place)

    def is_known(self, setting: Setting, places: Iterable[TriedPlace]) -> bool:
        """Return whether the figures of a setting are known on all of some places."""
        known = self._figures.get(setting, {})
        return all(place in known for place in places)

    def figures(self, setting: Setting, places: Iterable[TriedPlace]) -> list[Figures]:
        """Return the figures of a setting on places on which they are known."""
        return [self._figures[setting][place] for place in places]

    def means(self, setting: Setting, view: View, rung: int) -> dict[str, float]:
        """Return the mean figures of a setting: of its fragments a group, then of the groups."""
        by_group: dict[str, list[Mapping[str, float]]] = {}
        for place in view.rungs[rung]:
            values = self._figures[setting][place].values
            by_group.setdefault(view.groups[place.image_id], []).append(values)
        means = [_mean_of(of_group) for of_group in by_group.values()]
        return _mean_of(means)

    def values(self, settings: Sequence[Setting], view: View, rung: int) -> dict[Setting, float]:
        """Return what settings are worth in a view, of those that are known there."""
        there = [one for one in settings if self.is_known(one, view.rungs[rung])]
        worth = self.objective([self.means(one, view, rung) for one in there])
        return dict(zip(there, worth, strict=True))


def _mean_of(rows: Sequence[Mapping[str, float]]) -> dict[str, float]:
    return {name: statistics.fmean(row[name] for row in rows) for name in rows[0]}
