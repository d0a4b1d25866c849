"""The flags that give knobs, made from the setting's fields and the words that describe them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum, IntEnum, StrEnum
from inspect import Parameter
from typing import Annotated, Any, Self

import typer
from pydantic.fields import FieldInfo

from napari_nx46.cli.flags import options as flag
from napari_nx46.cli.flags.groups import FlagGroup, option
from napari_nx46.cli.flags.parsing import parse_block, parse_temperatures, parse_weights
from napari_nx46.setting import (
    ENVIRONMENT_FIELDS,
    IMPLIED_KNOBS,
    Group,
    KnobDescription,
    Setting,
    SettingError,
    described_knobs,
)

_PARSERS = {
    "block": parse_block,
    "weights": parse_weights,
    "temperatures": parse_temperatures,
}
"""Knob -> what makes its value of the flag's text."""

_METAVARS = {"weights": "NAME=WEIGHT,...", "temperatures": "NAME=TEMPERATURE,..."}


@dataclass(frozen=True)
class KnobFlags(FlagGroup):
    """The flags that give knobs.

    Parameters
    ----------
    preset : str, optional
        Name of a preset, which gives every knob.
    setting_file : Path, optional
        A setting file, which gives every knob.
    knobs : dict
        Single knobs that were given, by the names of the setting's fields; not yet validated.
    """

    preset: flag.PresetName = None
    setting_file: flag.SettingFile = None
    knobs: Mapping[str, object] = field(default_factory=dict)

    @property
    def any_given(self) -> bool:
        """Whether any of the flags was given."""
        return bool(self.knobs) or self.preset is not None or self.setting_file is not None

    @classmethod
    def flags(cls) -> Sequence[Parameter]:
        """Return the options: preset, setting file, then one for every knob."""
        return [
            option("preset", flag.PresetName, None),
            option("setting_file", flag.SettingFile, None),
            *(option(name, annotation, None) for name, annotation in _knob_annotations()),
        ]

    @classmethod
    def gathered(cls, **values: Any) -> Self:
        """Return the flags; knobs that were not given, which are None, are left out.

        Raises
        ------
        typer.BadParameter
            If block, weights or temperatures cannot be parsed.
        """
        preset, setting_file = values.pop("preset"), values.pop("setting_file")
        given = {name: value for name, value in values.items() if value is not None}
        knobs = {
            name: _PARSERS[name](value) if name in _PARSERS else value
            for name, value in given.items()
        }
        return cls(preset, setting_file, knobs)


def with_implied(knobs: Mapping[str, object]) -> dict[str, object]:
    """Return the knobs that flags give, together with those that they imply.

    Parameters
    ----------
    knobs : mapping
        Field name -> value.

    Raises
    ------
    SettingError
        If two of the flags contradict each other; names both.
    """
    origins = {name: reported_flag(name, value) for name, value in knobs.items()}
    whole = dict(knobs)
    for name in knobs:
        for implied, value in IMPLIED_KNOBS.get(name, {}).items():
            if implied in whole and whole[implied] != value:
                raise SettingError(
                    f"found {flag_name(name)} with {origins[implied]}; expected one of them: "
                    f"{flag_name(name)} implies {reported_flag(implied, value)}"
                )
            whole[implied] = value
            origins.setdefault(
                implied, f"{flag_name(name)}, which implies {reported_flag(implied, value)}"
            )
    return whole


def flag_name(knob: str) -> str:
    """Return the flag of a knob, ``--z-radius`` for ``z_radius``."""
    return "--" + knob.replace("_", "-")


def reported_flag(knob: str, value: object) -> str:
    """Return the flag of a knob as it is given, with its value."""
    if value is True:
        return flag_name(knob)
    if value is False:
        return "--no-" + flag_name(knob).removeprefix("--")
    return f"{flag_name(knob)} {value}"


def _knob_annotations() -> Iterator[tuple[str, object]]:
    """Yield name and annotation of every knob's option, in the order of the fields."""
    described = described_knobs(Setting)
    for name, model_field in Setting.model_fields.items():
        if name in described:
            yield name, _annotation(name, model_field, described[name])
        elif name == "block":
            yield name, _BLOCK


_BLOCK = Annotated[
    str | None,
    typer.Option(
        "--block",
        metavar="z0:z1,y0:y1,x0:x1",
        help="Take the quantile over this block, in voxels. Implies --domain block.",
        rich_help_panel=Group.THRESHOLD.value,
    ),
]


def _annotation(name: str, model_field: FieldInfo, description: KnobDescription) -> object:
    kind, metavar = _kind_and_metavar(name, model_field, description)
    flags = flag_name(name)
    if kind is bool:
        flags += f"/--no-{flags.removeprefix('--')}"
    return Annotated[
        kind | None,
        typer.Option(
            flags,
            metavar=metavar,
            help=_help(name, model_field, description),
            show_default=False,  # what is not given leaves the knob to preset and environment
            rich_help_panel=description.group.value,
        ),
    ]


def _kind_and_metavar(
    name: str, model_field: FieldInfo, description: KnobDescription
) -> tuple[type[Any], str | None]:
    """Return the type that typer converts an option's text to, and how help shows its value."""
    kind = model_field.annotation
    if kind is bool:
        return bool, None
    unit = description.unit.upper().replace("%", "PERCENT")
    if kind is int:
        return int, unit or "N"
    if kind is float:
        return float, unit or "X"
    if isinstance(kind, type) and issubclass(kind, StrEnum):
        return kind, _choices(kind)
    if isinstance(kind, type) and issubclass(kind, IntEnum):
        return str, _choices(kind)
    if name in _PARSERS:
        return str, _METAVARS[name]
    raise TypeError(f"{name}: no flag can be made of {kind}")


def _choices(kind: type[Enum]) -> str:
    return "|".join(str(choice.value) for choice in kind)


def _help(name: str, model_field: FieldInfo, description: KnobDescription) -> str:
    sentences = [description.help]
    if name in IMPLIED_KNOBS:
        implied = " and ".join(reported_flag(*knob) for knob in IMPLIED_KNOBS[name].items())
        sentences.append(f"Implies {implied}.")
    facts = [
        _range(model_field, description.unit),
        f"default: {_default(model_field)}",
        *(f"env var: {variable}" for variable, knob in ENVIRONMENT_FIELDS.items() if knob == name),
    ]
    return f"{' '.join(sentences)}  [{'; '.join(fact for fact in facts if fact)}]"


def _range(model_field: FieldInfo, unit: str) -> str:
    low, high = _bound(model_field, "ge"), _bound(model_field, "le")
    return "" if low is None or high is None else f"{low:.15g} to {high:.15g} {unit}".rstrip()


def _bound(model_field: FieldInfo, end: str) -> float | None:
    bounds = (getattr(constraint, end, None) for constraint in model_field.metadata)
    return next((bound for bound in bounds if bound is not None), None)


def _default(model_field: FieldInfo) -> str:
    default = model_field.default
    if isinstance(default, bool):
        return "on" if default else "off"
    if isinstance(default, tuple):
        return "none"
    return str(default.value if isinstance(default, Enum) else default)
