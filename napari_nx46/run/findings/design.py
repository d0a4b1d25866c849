"""Which knobs a campaign varies, as factors with levels that runs can be grouped by."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from napari_nx46.run.compare.comparison import NOT_USED, knob_text
from napari_nx46.setting import Setting, knob_applies

__all__ = ["BINS", "Factor", "columns_of", "joined_until_apart", "varied"]

BINS = 4
"""Into so many levels the values of a knob are binned that hardly any two runs share."""

Columns = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Factor:
    """A knob, or several that cannot be distinguished, with its level in every run.

    Parameters
    ----------
    knobs : tuple of str
        Names of the setting's fields.
    levels : tuple of str
        One a run, as people read it.
    bins : int
        Levels that stand for a range of values; 0 if each stands for a single one.
    """

    knobs: tuple[str, ...]
    levels: tuple[str, ...]
    bins: int = 0

    @property
    def name(self) -> str:
        """What people call it."""
        return " + ".join(self.knobs)

    @property
    def distinct(self) -> tuple[str, ...]:
        """Its levels, each once, in the order in which they come up."""
        return tuple(dict.fromkeys(self.levels))

    @property
    def degrees(self) -> int:
        """Degrees of freedom: levels less one."""
        return len(self.distinct) - 1


def varied(settings: Sequence[Setting], *, halves: bool = False) -> tuple[Factor, ...]:
    """Return the knobs that differ between settings, where they apply.

    A knob that does not apply in some of the settings has a level of its own there. Where more than
    half of the runs have values of a number that differ, and more than `BINS`, as after a search,
    the values are binned at their quartiles.

    Parameters
    ----------
    settings : sequence of Setting
        One a run.
    halves : bool
        Whether the values of every number that has more than two are cut in two halves, as equal
        in runs as can be: what few runs suffice for.
    """
    factors = (_factor(name, settings, halves) for name in Setting.model_fields)
    # Whether a knob applies is up to others, which are factors themselves.
    return tuple(one for one in factors if len({*one.levels} - {NOT_USED}) > 1)


def joined_until_apart(factors: Sequence[Factor]) -> tuple[Factor, ...]:
    """Join factors that the runs cannot distinguish, until all others can be.

    Two factors cannot be distinguished if the effect of one may be written as an effect of the
    other (their columns are linearly dependent), as where they change together. Where that takes
    more than two, those whose columns depend on all the others' are joined.
    """
    apart = list(factors)
    while (group := _entangled(apart)) is not None:
        joined = _joined(group)
        rest = [one for one in apart if one not in group]
        apart = sorted([*rest, joined], key=lambda one: _first_place(one, factors))
    return tuple(apart)


def columns_of(factor: Factor) -> Columns:
    """Return the indicator columns of a factor, (runs, degrees): one a level but the first."""
    place_of = {level: place for place, level in enumerate(factor.distinct)}
    columns = np.zeros((len(factor.levels), len(place_of)))
    columns[range(len(columns)), [place_of[level] for level in factor.levels]] = 1
    return columns[:, 1:]


def rank_of(parts: Sequence[Columns], runs: int) -> int:
    """Return the rank of a model of these columns and a constant one."""
    return int(np.linalg.matrix_rank(np.hstack([np.ones((runs, 1)), *parts])))


# ---- factors -------------------------------------------------------------------------------


def _factor(name: str, settings: Sequence[Setting], halves: bool) -> Factor:
    values = [getattr(one, name) if knob_applies(name, one) else None for one in settings]
    numbers = [
        float(one) for one in values if isinstance(one, int | float) and not isinstance(one, bool)
    ]
    all_numbers = len(numbers) + values.count(None) == len(values)
    most = 2 if halves else max(BINS, len(values) / 2)
    if not all_numbers or len(set(numbers)) <= most:
        return Factor((name,), tuple(knob_text(name, one) for one in settings))
    edges = _middle(numbers) if halves else _quartiles(numbers)
    return Factor((name,), tuple(_bin(one, edges) for one in values), bins=len(edges) + 1)


def _quartiles(numbers: list[float]) -> list[float]:
    edges: list[float] = np.quantile(numbers, np.linspace(0, 1, BINS + 1)[1:-1]).tolist()
    return edges


def _middle(numbers: list[float]) -> list[float]:
    """Return the value up to which most nearly half of the numbers are."""
    below_last = sorted(set(numbers))[:-1]
    return [min(below_last, key=lambda cut: abs(sum(n <= cut for n in numbers) - len(numbers) / 2))]


def _bin(value: object, edges: list[float]) -> str:
    if not isinstance(value, int | float):
        return NOT_USED
    place = int(np.searchsorted(edges, value, side="left"))
    if place == 0:
        return f"up to {edges[0]:.4g}"
    return f"above {edges[place - 1]:.4g}" + (
        f", up to {edges[place]:.4g}" if place < len(edges) else ""
    )


# ---- distinguishing factors -----------------------------------------------------------------


def _entangled(factors: Sequence[Factor]) -> tuple[Factor, ...] | None:
    """Return the fewest factors that depend on each other; None if all are independent."""
    if not factors:
        return None
    runs = len(factors[0].levels)
    for pair in itertools.combinations(factors, 2):
        if rank_of([columns_of(one) for one in pair], runs) < 1 + sum(f.degrees for f in pair):
            return pair
    every = [columns_of(one) for one in factors]
    whole = rank_of(every, runs)
    if whole == 1 + sum(one.degrees for one in factors):
        return None
    return tuple(
        one
        for index, one in enumerate(factors)
        if whole - rank_of(every[:index] + every[index + 1 :], runs) < one.degrees
    )


def _joined(factors: Sequence[Factor]) -> Factor:
    """Return one factor whose levels are the combinations of levels."""
    return Factor(
        tuple(knob for one in factors for knob in one.knobs),
        tuple(" / ".join(levels) for levels in zip(*(f.levels for f in factors), strict=True)),
        max(one.bins for one in factors),
    )


def _first_place(factor: Factor, factors: Sequence[Factor]) -> int:
    return min(index for index, one in enumerate(factors) if one.knobs[0] in factor.knobs)
