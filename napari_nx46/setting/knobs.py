"""How the knobs are described to people: the group, title and help of every field of the setting.

Window and command line make their controls from this; a field and its words stand side by side in
`fields`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from pydantic import BaseModel


class Group(StrEnum):
    """Knobs that belong together, in the order in which they act."""

    SCORE = "Score"
    SCORE_SMOOTHING = "Score smoothing"
    SHEETNESS = "Sheetness"
    COHERENCE = "Coherence"
    CT_SUPPORT = "CT support"
    THRESHOLD = "Threshold"
    ADAPTIVE = "Adaptive rule"
    CLEAN_UP = "Clean-up"
    SHEETS = "Sheets"
    SHEET_FIT = "Sheet fit"
    REPAIR = "Repair"
    SMOOTHING = "Mask smoothing"
    OBJECTS = "Objects"


@dataclass(frozen=True)
class KnobDescription:
    """What people read of a knob.

    Parameters
    ----------
    group : Group
    title : str
        A few words.
    help : str
        What the knob does, as one sentence.
    unit : str
        Of its value, e.g. ``voxels``; empty where it has none.
    step : float
        A small change of its value.
    advanced : bool
        Whether the group can do without showing it at first.
    """

    group: Group
    title: str
    help: str
    unit: str = ""
    step: float = 1.0
    advanced: bool = False

    @property
    def decimals(self) -> int:
        """Digits after the point that its value is shown with."""
        text = f"{self.step:.6f}".rstrip("0")
        return len(text.partition(".")[2])


def knob(group: Group, title: str, text: str, **more: Any) -> KnobDescription:
    """Return a description; further arguments are those of `KnobDescription`."""
    return KnobDescription(group, title, text, **more)


CLEAN_UP_GROUPS = frozenset(
    {Group.CLEAN_UP, Group.SHEETS, Group.SHEET_FIT, Group.REPAIR, Group.SMOOTHING, Group.OBJECTS}
)
"""The groups of the steps that follow the threshold."""

GROUPS: tuple[Group, ...] = tuple(Group)
"""The groups in order."""


def described_knobs(model: type[BaseModel]) -> Mapping[str, KnobDescription]:
    """Return the description of every field that has one, in the order of the fields."""
    return {
        name: description
        for name, field in model.model_fields.items()
        for description in field.metadata
        if isinstance(description, KnobDescription)
    }
