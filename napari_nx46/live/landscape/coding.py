"""Landscapes as a workspace keeps them, and back; what is read is checked, anyone may write it."""

from __future__ import annotations

from enum import Enum
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, JsonValue, TypeAdapter, ValidationError

from napari_nx46.files.naming import printable
from napari_nx46.files.workspace import SavedLandscape
from napari_nx46.run.landscape.landscape import (
    MOST_VALUES,
    Axis,
    KnobValue,
    Landscape,
    LandscapeRequest,
    PointScore,
)
from napari_nx46.setting import Setting, SettingError, checked_knob, described_knobs

__all__ = ["LandscapeFault", "landscape_of", "saved_landscape"]


class LandscapeFault(ValueError):
    """What was kept of a landscape is none of this program."""


_Number = Annotated[int, Field(strict=True, ge=0, lt=MOST_VALUES)]
_Share = Annotated[float, Field(ge=0.0, le=1.0, allow_inf_nan=False)]
_Point = tuple[list[_Number], _Share, _Share, _Share, _Share]


class _SavedAxis(BaseModel):
    model_config = ConfigDict(extra="forbid")

    name: str
    values: Annotated[
        list[bool | Annotated[int, Field(strict=True)] | float], Field(max_length=MOST_VALUES)
    ]
    breaks: Annotated[list[_Number], Field(max_length=MOST_VALUES)]


class _Details(BaseModel):
    model_config = ConfigDict(extra="forbid")

    axes: Annotated[list[_SavedAxis], Field(min_length=1, max_length=2)]
    points: Annotated[list[_Point], Field(max_length=MOST_VALUES**2)]


_DETAILS = TypeAdapter(_Details)


def saved_landscape(landscape: Landscape) -> SavedLandscape:
    """Return a landscape as it is kept."""
    request = landscape.request
    axes: list[JsonValue] = [
        {"name": axis.name, "values": list(axis.values), "breaks": list(axis.breaks)}
        for axis in request.axes
    ]
    points: list[JsonValue] = [
        [list(position), score.value, score.topo, score.surface_dice, score.voi]
        for position, score in sorted(landscape.scores.items())
    ]
    details: dict[str, JsonValue] = {"axes": axes, "points": points}
    knobs = " ".join(request.names)
    return SavedLandscape(request.image_id, knobs, request.setting, details, request.corrections)


def landscape_of(saved: SavedLandscape) -> Landscape:
    """Return the landscape that was kept.

    Raises
    ------
    LandscapeFault
        If it is none that this program could have computed.
    """
    try:
        details = _DETAILS.validate_python(saved.details)
        axes = tuple(map(_axis, details.axes))
        request = LandscapeRequest(saved.image_id, saved.setting, axes, saved.corrections)
    except (ValidationError, SettingError, ValueError) as error:
        words = printable(str(error).splitlines()[0])
        raise LandscapeFault(
            f"a score landscape of {saved.image_id} is damaged: {words}"
        ) from error
    scores = {tuple(at): PointScore(*score) for at, *score in details.points}
    shape = [len(axis.values) for axis in axes]
    for position in scores:
        inside = len(position) == len(shape) and all(
            number < count for number, count in zip(position, shape, strict=True)
        )
        if not inside or position in request.impossible:
            raise LandscapeFault(
                f"a score landscape of {saved.image_id} is damaged: it has no point {position}"
            )
    return Landscape(request, scores)


def _axis(saved: _SavedAxis) -> Axis:
    if saved.name not in described_knobs(Setting):
        raise ValueError(f"found the knob {printable(saved.name)}, which there is not")
    values = tuple(_checked(saved.name, value) for value in saved.values)
    return Axis(saved.name, values, tuple(saved.breaks))


def _checked(name: str, value: KnobValue) -> KnobValue:
    """Return a value as the knob has it; text and choices are none of an axis."""
    found = checked_knob(name, value)
    if isinstance(found, bool | int | float) and not isinstance(found, Enum):
        return found
    raise ValueError(f"found the knob {name}, which is no number")
