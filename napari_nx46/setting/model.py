"""The model of a setting."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from enum import Enum
from functools import cache
from typing import Any, Self

from pydantic import TypeAdapter, ValidationError, model_validator

from napari_nx46.setting.choices import Domain, ThresholdRule
from napari_nx46.setting.errors import SettingError, faults_of
from napari_nx46.setting.fields.objects import ObjectKnobs

DEFAULT_BAND = (0.06, 0.12)
"""Density (share of foreground voxels) that is aimed at, both ends included."""


class Setting(ObjectKnobs):
    """The value of every knob that turns probabilities into a mask.

    Its fields stand in `fields`, each beside the words that describe it. A knob that does not
    apply while the others stand as they do (see `moves.knob_applies`) is kept, but changes nothing.
    Its printed form names the knobs that differ from the defaults.

    Examples
    --------
    >>> Setting(quantile=0.9, rule="probability")
    Setting(rule='probability', quantile=0.9)
    """

    @property
    def is_pair(self) -> bool:
        """Whether there are two thresholds."""
        return self.hysteresis or self.rule is ThresholdRule.ADAPTIVE

    def crossed_knobs(self) -> tuple[tuple[str, str], ...]:
        """Return pairs of knobs that apply together of which the first is above the second.

        There are none in a setting that was validated.
        """
        pairs = [("adaptive_min", "adaptive_max")]
        if self.hysteresis and self.rule is ThresholdRule.QUANTILE:
            pairs.append(("low_quantile", "quantile"))
        if self.hysteresis and self.rule is ThresholdRule.PROBABILITY:
            pairs.append(("low_probability", "probability"))
        return tuple(pair for pair in pairs if getattr(self, pair[0]) > getattr(self, pair[1]))

    @model_validator(mode="after")
    def _check_block(self) -> Self:
        if self.domain is Domain.BLOCK and self.block is None:
            raise ValueError("the domain 'block' needs a block (start and stop along z, y and x)")
        for axis, extent in zip("zyx", self.block or (), strict=False):
            if extent[0] >= extent[1]:
                raise ValueError(f"the block is empty along {axis}: {extent[0]} to {extent[1]}")
        return self

    @model_validator(mode="after")
    def _check_pair(self) -> Self:
        for low, high in self.crossed_knobs():
            raise ValueError(
                f"{low} is {getattr(self, low)}, above {high}, which is {getattr(self, high)}"
            )
        return self

    @model_validator(mode="after")
    def _check_weights(self) -> Self:
        if self.weights and not any(weight > 0 for _, weight in self.weights):
            raise ValueError("weights: expected at least one above 0")
        return self

    def __repr_args__(self) -> Iterator[tuple[str, object]]:
        for name, field in type(self).model_fields.items():
            value = getattr(self, name)
            if value != field.default:
                yield name, value.value if isinstance(value, Enum) else value

    def changed(self, **knobs: Any) -> Setting:
        """Return a copy with some knobs changed, validated.

        Raises
        ------
        SettingError
            If a knob is unknown or its value is out of range.
        """
        return parse_setting({**self.model_dump(), **knobs})

    def to_json(self) -> str:
        """Return the setting as JSON text that `read_setting` reads back equal."""
        return self.model_dump_json(indent=2) + "\n"


def parse_setting(knobs: Mapping[str, Any]) -> Setting:
    """Make a setting from knob values.

    Parameters
    ----------
    knobs : mapping
        Field name -> value; what is not given has its default.

    Raises
    ------
    SettingError
        Lists every unknown knob and every value out of range.
    """
    try:
        return Setting.model_validate(dict(knobs))
    except ValidationError as error:
        raise SettingError(faults_of(error)) from error


def checked_knob(name: str, value: object) -> object:
    """Return the value of one knob as a setting holds it, whatever the other knobs are.

    Parameters
    ----------
    name : str
        A field of the setting.
    value : object
        Text counts as the number or choice that it says.

    Raises
    ------
    SettingError
        If the value is of another type, or out of range; the message does not name the knob.
    """
    try:
        return _knob_adapter(name).validate_python(value)
    except ValidationError as error:
        faults = "; ".join(fault["msg"] for fault in error.errors(include_url=False))
        raise SettingError(f"{faults} (found {value!r})") from error


@cache
def _knob_adapter(name: str) -> TypeAdapter[object]:
    """Return what validates one knob on its own: by the field's own type and bounds.

    What it must not be beside other knobs is checked with all of them. Building one costs more
    than a hundred validations.
    """
    return TypeAdapter(Setting.model_fields[name].rebuild_annotation(), config=Setting.model_config)
