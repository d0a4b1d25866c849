"""What a search may vary: the values of each knob, and what one step from a setting is."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from functools import cached_property

from napari_nx46.data.fragments import Fragment
from napari_nx46.setting import (
    Averaging,
    Connectivity,
    CtGate,
    CubePlugging,
    ScoreFrom,
    ScoreSmoothing,
    Setting,
    SettingError,
    Sheetness,
    ThresholdRule,
    Weights,
    knob_applies,
)

__all__ = ["COSTLY", "THRESHOLDS", "KnobRange", "Space", "default_space"]

Value = bool | int | float | str | Weights
Indices = Mapping[str, int]

THRESHOLDS = ("rule", "quantile", "low_quantile", "probability", "low_probability", "hysteresis")
"""The knobs of the threshold, which a search moves together."""

COSTLY = frozenset(
    {"per_sheet", "patch_holes", "line_norm", "smooth", "sheetness", "sheet_fit", "split_thick"}
)
"""Knobs whose steps take longest: a search tries them last."""


@dataclass(frozen=True, slots=True)
class KnobRange:
    """The values that a search gives a knob.

    Parameters
    ----------
    name : str
        Field of the setting.
    values : tuple
        Numbers ascend; of choices the order means nothing.
    """

    name: str
    values: tuple[Value, ...]

    @property
    def is_ordered(self) -> bool:
        """Whether a neighbouring value is a small step: of numbers, not of switches or choices."""
        return all(
            isinstance(value, int | float) and not isinstance(value, bool | Enum)
            for value in self.values
        )

    @property
    def numbers(self) -> list[float]:
        """The values of a range of numbers."""
        return [float(one) for one in self.values if isinstance(one, int | float)]

    def index_of(self, value: object) -> int | None:
        """Return which value this is, of numbers the nearest; None of a choice that is not one."""
        if value in self.values:
            return self.values.index(value)
        if not self.is_ordered or not isinstance(value, int | float):
            return None
        numbers = self.numbers
        return min(range(len(numbers)), key=lambda n: (abs(numbers[n] - value), n))

    def neighbours(self, value: object) -> tuple[Value, ...]:
        """Return the values one step from a value: of choices, all others."""
        at = self.index_of(value)
        if at is None or not self.is_ordered:
            return tuple(one for one in self.values if one != value)
        if self.values[at] != value:
            return (self.values[at],)
        return tuple(self.values[n] for n in (at - 1, at + 1) if 0 <= n < len(self.values))


@dataclass(frozen=True)
class Space:
    """All knobs that a search may vary.

    Parameters
    ----------
    ranges : tuple of KnobRange
        Of different knobs.
    late : tuple of KnobRange
        Of others, that take long or seldom matter: tried as single steps around the best once the
        search rests, and otherwise left as they are.

    Raises
    ------
    SettingError
        If there is none, or a knob has less than two values.
    """

    ranges: tuple[KnobRange, ...]
    late: tuple[KnobRange, ...] = ()

    def __post_init__(self) -> None:
        if not self.ranges:
            raise SettingError("found no knob to vary, expected at least one")
        for one in (*self.ranges, *self.late):
            if len(one.values) < 2:  # noqa: PLR2004
                raise SettingError(f"{one.name}: found one value to try, expected two or more")

    @cached_property
    def by_name(self) -> Mapping[str, KnobRange]:
        """All ranges by the names of their knobs."""
        return {one.name: one for one in (*self.ranges, *self.late)}

    @property
    def others(self) -> tuple[KnobRange, ...]:
        """The ranges of all knobs but late ones and those of the threshold."""
        return tuple(one for one in self.ranges if one.name not in THRESHOLDS)

    @property
    def slow(self) -> tuple[KnobRange, ...]:
        """The late ranges whose steps take long."""
        return tuple(one for one in self.late if one.name in COSTLY)

    @property
    def rules(self) -> tuple[ThresholdRule, ...]:
        """The rules whose threshold may be moved, in the order in which they are preferred."""
        pairs = (
            (ThresholdRule.QUANTILE, "quantile"),
            (ThresholdRule.PROBABILITY, "probability"),
        )
        return tuple(rule for rule, name in pairs if name in self.by_name)

    def setting_of(self, start: Setting, knobs: Mapping[str, object]) -> Setting | None:
        """Return a setting with knobs changed, without what then has no effect; None if faulty.

        Parameters
        ----------
        start : Setting
            Knobs without effect have its values, so that equal masks have equal settings.
        knobs : mapping
            All that differ from the start.
        """
        try:
            changed = start.changed(**knobs)
        except SettingError:
            return None
        idle = {
            name: getattr(start, name)
            for name in self.by_name
            if not knob_applies(name, changed) and getattr(changed, name) != getattr(start, name)
        }
        if not idle:
            return changed
        try:
            return changed.changed(**idle)
        except SettingError:
            return changed

    def taken_from(self, setting: Setting) -> dict[str, object]:
        """Return the values that a setting has of the knobs in this space but the late ones.

        Numbers beyond the ends of a range are taken at the end; choices that are not in it are
        left out.
        """
        taken: dict[str, object] = {}
        for one in self.ranges:
            name, value = one.name, getattr(setting, one.name)
            if one.is_ordered:
                taken[name] = min(max(value, one.values[0]), one.values[-1])
            elif value in one.values:
                taken[name] = value
        return taken


def default_space(fragments: Sequence[Fragment], start: Setting) -> Space:
    """Return the knobs that can matter on some fragments, with the ranges of published chains.

    Parameters
    ----------
    fragments : sequence of Fragment
        Knobs of volumes that one of them lacks are left out.
    start : Setting
        A setting from the CT alone keeps its source.
    """
    has_two = all(one.p2d is not None and one.p2d is not one.p3d for one in fragments)
    mixes = start.source is ScoreFrom.PROBABILITIES and has_two and not start.weights
    ranges = [
        *_threshold_ranges(),
        *([KnobRange("blend", _steps(0, 100, 4, 100))] if mixes else []),
        *([KnobRange("averaging", tuple(_AVERAGING))] if mixes or start.weights else []),
        KnobRange("z_radius", (0, 1, 2, 3, 4)),
        *(KnobRange(name, values) for name, values in _CLEAN_UP.items()),
    ]
    return Space(tuple(ranges), tuple(_late_ranges(fragments, start)))


def _late_ranges(fragments: Sequence[Fragment], start: Setting) -> Iterator[KnobRange]:
    """Yield the ranges of late knobs, those whose steps take longest last."""
    yield KnobRange("sheet_gap", (0, 1, 2))
    if all(one.image is not None for one in fragments):
        yield KnobRange("ct_gate", tuple(CtGate))
    weights = _weights(fragments, start)
    if start.source is ScoreFrom.PROBABILITIES and len(weights) > 1:
        yield KnobRange("weights", weights)
    yield KnobRange("smooth", (ScoreSmoothing.OFF, ScoreSmoothing.MEDIAN, ScoreSmoothing.DIFFUSION))
    yield KnobRange("sheetness", tuple(Sheetness))
    yield KnobRange("sheet_fit", (False, True))


def _weights(fragments: Sequence[Fragment], start: Setting) -> tuple[Weights, ...]:
    """Return the start's weights, equal ones, and those that double or leave out one volume."""
    if not start.weights and not fragments[0].models:
        return ()
    names = list(dict(start.weights))
    if not names:
        two = [name for name in ("p3d", "p2d") if getattr(fragments[0], name) is not None]
        names = [*two, *fragments[0].models]
    of_start = dict(start.weights) or dict.fromkeys(names, 1.0)
    tried = [of_start, dict.fromkeys(names, 1.0)]
    for name in names if len(names) > 1 else ():
        tried += [of_start | {name: of_start[name] * 2}, of_start | {name: 0.0}]
    weights = (tuple(one.items()) for one in tried if any(one.values()))
    return tuple(dict.fromkeys((start.weights, *weights)))


_AVERAGING = (Averaging.PROBABILITY, Averaging.LOGIT, Averaging.GEOMETRIC)

_OBJECTS = (0, 100, 200, 500, 1000, 2000, 5000, 10_000, 20_000)

_CLEAN_UP: Mapping[str, tuple[Value, ...]] = {
    "border": (0, 1, 3),
    "objects_first": _OBJECTS,
    "opening": (False, True),
    "closing_z": (0, 1, 2, 3, 4),
    "closing_xy": (0, 1, 2),
    "closing_ball": (0, 1, 2, 3),
    "gap_fill": (0, 1, 2, 3, 5),
    "diagonal_fill": (False, True),
    "repair_passes": (1, 2, 3, 5),
    "per_sheet": (False, True),
    "plug_tunnels": (False, True),
    "plug_cubes": (CubePlugging.OFF, CubePlugging.CUBES),
    "patch_holes": (0, 16, 32, 64),
    "fill_cavities": (False, True),
    "mask_gauss": (0.0, 0.7, 1.0),
    "median_passes": (0, 1, 2, 4, 7),
    "line_norm": (0.0, 1.0, 1.5),
    "stabilise_radius": (0, 1, 2),
    "smallest_object": _OBJECTS,
    "object_connectivity": (Connectivity.FACES, Connectivity.CORNERS),
    "bridge_diagonals": (False, True),
}


def _threshold_ranges() -> list[KnobRange]:
    return [
        KnobRange("rule", (ThresholdRule.QUANTILE, ThresholdRule.PROBABILITY)),
        KnobRange("quantile", _steps(800, 998, 1, 1000)),
        KnobRange("low_quantile", _steps(700, 995, 1, 1000)),
        KnobRange("probability", _steps(100, 195, 1, 200)),
        KnobRange("low_probability", _steps(20, 180, 1, 200)),
        KnobRange("hysteresis", (False, True)),
    ]


def _steps(first: int, last: int, step: int, over: int) -> tuple[float, ...]:
    return tuple(number / over for number in range(first, last + 1, step))
