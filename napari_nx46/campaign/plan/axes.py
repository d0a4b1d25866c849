"""The values that a knob is given in a grid or a search: ``KNOB=START:STOP:STEP`` or a list."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import Enum

from napari_nx46.campaign.plan.faults import PlanFault
from napari_nx46.campaign.plan.rows import field_of, unknown_knob
from napari_nx46.files.naming import printable
from napari_nx46.setting import Setting, SettingError, checked_knob, described_knobs

MOST_STEPS = 10_000_001
"""Values of one knob: every number of voxels that the setting's largest knob can have."""

_NUMBER = re.compile(r"-?\d{1,12}(\.\d{1,12})?", re.ASCII)
_FORM = "expected KNOB=START:STOP:STEP, or KNOB=VALUE,VALUE"
_ENDS = 2
_ENDS_AND_STEP = 3


@dataclass(frozen=True, slots=True)
class Steps:
    """Evenly spaced numbers, exact in decimal: no dust of binary fractions adds up.

    Parameters
    ----------
    start, step : decimal.Decimal
    count : int
        Of the numbers, at least 1.
    """

    start: Decimal
    step: Decimal
    count: int

    def __len__(self) -> int:
        """Return how many numbers there are."""
        return self.count

    def text(self, index: int) -> str:
        """Return one of the numbers in its shortest decimal form."""
        return _decimal_text(self.start + self.step * index)


@dataclass(frozen=True, slots=True)
class Listed:
    """Values one by one.

    Parameters
    ----------
    texts : tuple of str
    """

    texts: tuple[str, ...]

    def __len__(self) -> int:
        """Return how many values there are."""
        return len(self.texts)

    def text(self, index: int) -> str:
        """Return one of the values as text."""
        return self.texts[index]


@dataclass(frozen=True, slots=True)
class Axis:
    """A knob and the values it is given.

    Parameters
    ----------
    knob : str
        Its field of the setting.
    values : Steps or Listed
    """

    knob: str
    values: Steps | Listed


def parse_axes(texts: Sequence[str], *, steps_needed: bool) -> tuple[list[Axis], list[PlanFault]]:
    """Parse what the flags of a grid or a search give.

    Parameters
    ----------
    texts : sequence of str
        ``KNOB=START:STOP:STEP``, both ends included, or ``KNOB=VALUE,VALUE``. A knob is named by
        its field of the setting, also with ``-`` for ``_``, or by its environment variable.
    steps_needed : bool
        Whether ``:STEP`` must be there; else the knob's own step is taken.

    Returns
    -------
    tuple
        The axes that could be parsed, and everything that is wrong with the others.
    """
    axes, faults = [], []
    for text in texts:
        axis = _axis_or_fault(text, steps_needed)
        if isinstance(axis, PlanFault):
            faults.append(axis)
            continue
        axes.append(axis)
        faults += _value_faults(axis)
    times = Counter(axis.knob for axis in axes)
    faults += [
        PlanFault("is there more than once, expected one axis a knob", knob=knob)
        for knob, count in times.items()
        if count > 1
    ]
    return axes, faults


def value_text(value: object) -> str:
    """Return the value of a knob as it stands in a run_id: decimal, ``true``, a choice."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float):
        return _decimal_text(Decimal(repr(value)))
    return str(value.value if isinstance(value, Enum) else value)


def _decimal_text(number: Decimal) -> str:
    text = f"{number:f}"
    text = text.rstrip("0").rstrip(".") if "." in text else text
    return "0" if text == "-0" else text


def _axis_or_fault(text: str, steps_needed: bool) -> Axis | PlanFault:
    key, equals, listed = (part.strip() for part in text.partition("="))
    knob = field_of(key) or field_of(key.replace("-", "_"))
    if not equals or not listed:
        return PlanFault(f"found {printable(text)!r}, {_FORM}")
    if knob is None:
        return unknown_knob(key)
    if knob not in described_knobs(Setting) or knob in ("weights", "temperatures"):
        return PlanFault("cannot be varied; give it as a flag, or write a matrix file", knob=key)
    values = _steps(knob, listed, steps_needed) if ":" in listed else _listed(listed)
    return PlanFault(values, knob=key) if isinstance(values, str) else Axis(knob, values)


def _listed(text: str) -> Listed:
    return Listed(tuple(part.strip() for part in text.split(",")))


def _steps(knob: str, text: str, step_needed: bool) -> Steps | str:
    """Return the numbers of a range, or what is wrong with it."""
    parts = [part.strip() for part in text.split(":")]
    lengths = (_ENDS_AND_STEP,) if step_needed else (_ENDS, _ENDS_AND_STEP)
    if len(parts) not in lengths or not all(_NUMBER.fullmatch(part) for part in parts):
        form = "START:STOP:STEP" if step_needed else "LOW:HIGH or LOW:HIGH:STEP"
        return (
            f"found {printable(text)!r}, expected {form} in plain decimals, or values with commas"
        )
    start, stop, *given = (Decimal(part) for part in parts)
    step = given[0] if given else Decimal(repr(described_knobs(Setting)[knob].step))
    if start > stop or step <= 0:
        return f"found {text!r}, expected the lower end first and a step above 0"
    count = int((stop - start) // step) + 1
    if count > MOST_STEPS:
        return f"found {count} values in {text!r}, expected at most {MOST_STEPS}"
    return Steps(start, step, count)


def _value_faults(axis: Axis) -> list[PlanFault]:
    """Return what is wrong with values of an axis; of numbers in order the ends show it."""
    values = axis.values
    indices = range(len(values))
    faults, found = [], Counter[object]()
    if isinstance(values, Steps):
        indices = range(0, len(values), max(len(values) - 1, 1))
        if Setting.model_fields[axis.knob].annotation is int and values.step % 1:
            faults.append(PlanFault(f"found the step {values.step}, expected an integer"))
    for index in indices:
        try:
            found[checked_knob(axis.knob, values.text(index))] += 1
        except SettingError as error:
            faults.append(PlanFault(str(error)))
    faults += [
        PlanFault(f"found {value_text(value)} {times} times, expected once")
        for value, times in found.items()
        if times > 1
    ]
    return [PlanFault(fault.message, knob=axis.knob) for fault in faults]
