"""A landscape: which knobs, which values, and the exact score at each point that was computed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import product

from napari_nx46.leaderboard import LeaderboardScore
from napari_nx46.run.landscape.lattice import Breaks, Cell, Position, leaf_cells
from napari_nx46.setting import Setting, SettingError
from napari_nx46.voxels.corrections.corrections import Corrections

__all__ = ["MOST_VALUES", "Axis", "KnobValue", "Landscape", "LandscapeRequest", "PointScore"]

KnobValue = bool | int | float

MOST_VALUES = 65
"""Along one axis: the first grid of four cells can be halved four times."""

INTERVALS = {1: 8, 2: 4}
"""Cells of the first grid along an axis, by the number of axes."""


@dataclass(frozen=True)
class Axis:
    """A knob, and the values at which scores may be computed.

    Parameters
    ----------
    name : str
        Field of the setting.
    values : tuple
        Two to `MOST_VALUES`, ascending.
    breaks : tuple of int
        Numbers of the values of the first grid: ascending, the first and the last among them.
    """

    name: str
    values: tuple[KnobValue, ...]
    breaks: tuple[int, ...]

    def __post_init__(self) -> None:
        last = len(self.values) - 1
        if not 0 < last < MOST_VALUES or list(self.values) != sorted(set(self.values)):
            raise ValueError(
                f"{self.name}: found {len(self.values)} values, expected 2 to {MOST_VALUES},"
                " ascending"
            )
        first_and_last = self.breaks[:1] + self.breaks[-1:]
        if first_and_last != (0, last) or list(self.breaks) != sorted(set(self.breaks)):
            raise ValueError(f"{self.name}: found breaks {self.breaks}, expected 0 to {last}")

    @classmethod
    def of(
        cls, name: str, values: Sequence[KnobValue], present: KnobValue | None, intervals: int
    ) -> Axis:
        """Return an axis over values, thinned where there are too many.

        Parameters
        ----------
        name : str
        values : sequence
            Ascending; the first and the last one are kept.
        present : optional
            The value that the knob has now; where it is among the values it is in the first grid.
        intervals : int
            Cells of the first grid.

        Raises
        ------
        ValueError
            If there are fewer than two values.
        """
        kept = _spread(len(values), MOST_VALUES - 1)
        at = -1
        if present is not None and present in values:
            number = list(values).index(present)
            at = min(range(len(kept)), key=lambda n: abs(kept[n] - number))
            if 0 < number < len(values) - 1:
                at = min(max(at, 1), len(kept) - 2)
                kept[at] = number
        chosen = [values[number] for number in kept]
        breaks = _spread(len(chosen), intervals)
        inner = range(1, len(breaks) - 1)
        if 0 < at < len(chosen) - 1 and inner:
            breaks[min(inner, key=lambda n: abs(breaks[n] - at))] = at
        return cls(name, tuple(chosen), tuple(sorted(set(breaks))))


def _spread(count: int, intervals: int) -> list[int]:
    """Return numbers from the first to the last, about evenly spaced."""
    steps = max(1, min(intervals, count - 1))
    return sorted({round(step * (count - 1) / steps) for step in range(steps + 1)})


@dataclass(frozen=True)
class LandscapeRequest:
    """What scores are computed of.

    Parameters
    ----------
    image_id : str
    setting : Setting
        Of the knobs that are not along the axes.
    axes : tuple of Axis
        One or two, of different knobs.
    corrections : Corrections, optional
        Of the fragment, made by hand.
    """

    image_id: str
    setting: Setting
    axes: tuple[Axis, ...]
    corrections: Corrections | None = None

    def __post_init__(self) -> None:
        if len(set(self.names)) != len(self.axes) or len(self.axes) not in INTERVALS:
            raise ValueError(f"expected one or two different knobs, found {', '.join(self.names)}")

    @property
    def names(self) -> tuple[str, ...]:
        """Of the knobs along the axes."""
        return tuple(axis.name for axis in self.axes)

    @property
    def breaks(self) -> Breaks:
        """The first grid."""
        return tuple(axis.breaks for axis in self.axes)

    @cached_property
    def impossible(self) -> frozenset[Position]:
        """The positions of no setting, as where a low threshold is above the high one."""
        shape = [len(axis.values) for axis in self.axes]
        # Knobs limit each other by order alone: what holds at the corners holds in between.
        if all(map(self.setting_at, product(*((0, count - 1) for count in shape)))):
            return frozenset()
        return frozenset(at for at in product(*map(range, shape)) if self.setting_at(at) is None)

    @cached_property
    def crossed(self) -> frozenset[tuple[str, str]]:
        """Pairs of knobs of which the first is above the second at positions of no setting."""
        there = (self.setting.model_copy(update=self.values_at(at)) for at in self.impossible)
        return frozenset(pair for setting in there for pair in setting.crossed_knobs())

    def values_at(self, position: Position) -> dict[str, KnobValue]:
        """Return the values of the knobs at a position."""
        places = zip(self.axes, position, strict=True)
        return {axis.name: axis.values[number] for axis, number in places}

    def setting_at(self, position: Position) -> Setting | None:
        """Return the setting of a position; None where there is none, as a low above the high."""
        try:
            return self.setting.changed(**self.values_at(position))
        except SettingError:
            return None

    def position_with(self, values: Mapping[str, KnobValue]) -> Position | None:
        """Return the position with these values of the knobs; None where there is none."""
        if any(values[axis.name] not in axis.values for axis in self.axes):
            return None
        return tuple(axis.values.index(values[axis.name]) for axis in self.axes)

    def holds_for(
        self, image_id: str, setting: Setting, corrections: Corrections | None = None
    ) -> bool:
        """Return whether another setting differs along the axes at most."""
        along = dict.fromkeys(self.names)
        return (
            self.image_id == image_id
            and self.setting.model_copy(update=along) == setting.model_copy(update=along)
            and _made(self.corrections) == _made(corrections)
        )


def _made(corrections: Corrections | None) -> Corrections | None:
    return None if corrections is None or corrections.is_empty else corrections


@dataclass(frozen=True, slots=True)
class PointScore:
    """The exact score at one point.

    Parameters
    ----------
    value : float
        The leaderboard score.
    topo, surface_dice, voi : float
        Its parts.
    """

    value: float
    topo: float
    surface_dice: float
    voi: float

    @classmethod
    def of(cls, score: LeaderboardScore) -> PointScore:
        """Return what is kept of a score."""
        return cls(score.value, score.topo.value, score.surface_dice, score.voi.value)


@dataclass(frozen=True)
class Landscape:
    """The scores that were computed so far.

    Parameters
    ----------
    request : LandscapeRequest
    scores : mapping of Position to PointScore
        Only of points that were computed.
    """

    request: LandscapeRequest
    scores: Mapping[Position, PointScore] = field(default_factory=dict)

    @cached_property
    def best(self) -> Position | None:
        """The position of the highest score, of equal ones the first; None without any."""
        if not self.scores:
            return None
        return min(self.scores, key=lambda position: (-self.scores[position].value, position))

    @cached_property
    def cells(self) -> tuple[Cell, ...]:
        """What lies between computed points: cells of which every corner was computed."""
        leaves = leaf_cells(self.request.breaks, self.known)
        return tuple(
            cell for cell in leaves if all(corner in self.scores for corner in cell.corners)
        )

    @cached_property
    def known(self) -> dict[Position, float | None]:
        """The scores by position, and None at positions of no setting."""
        impossible: dict[Position, float | None] = dict.fromkeys(self.request.impossible)
        return impossible | {position: score.value for position, score in self.scores.items()}

    def over(self, request: LandscapeRequest) -> Landscape:
        """Return the points that another request over the same knobs has, too."""
        found: dict[Position, PointScore] = {}
        for position, score in self.scores.items():
            at = request.position_with(self.request.values_at(position))
            if at is not None and at not in request.impossible:
                found[at] = score
        return Landscape(request, found)

    def plateau(self, distance: float) -> frozenset[Position]:
        """Return the points whose score is at most a distance below the best one."""
        if self.best is None:
            return frozenset()
        lowest = self.scores[self.best].value - distance
        return frozenset(at for at, score in self.scores.items() if score.value >= lowest)
