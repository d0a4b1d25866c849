"""Options that several commands share, gathered in one object a group.

A command names a group once, as a parameter; `with_flag_groups` gives it the group's options.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import MISSING, dataclass, fields
from functools import wraps
from inspect import Parameter, Signature, signature
from typing import Any, Self, get_type_hints


@dataclass(frozen=True)
class FlagGroup:
    """Base of the frozen dataclasses whose fields are options, annotated as typer reads them."""

    @classmethod
    def flags(cls) -> Sequence[Parameter]:
        """Return the options as parameters of a command: name, annotation and default of each."""
        hints = get_type_hints(cls, include_extras=True)
        return [option(field.name, hints[field.name], field.default) for field in fields(cls)]

    @classmethod
    def gathered(cls, **values: Any) -> Self:
        """Return the group with what the command line gave.

        Parameters
        ----------
        **values
            By the names of `flags`.

        Raises
        ------
        typer.BadParameter
            If a value that is given as text cannot be parsed.
        """
        return cls(**values)


def option(name: str, annotation: object, default: object = MISSING) -> Parameter:
    """Return an option as a parameter of a command; without a default it must be given."""
    return Parameter(
        name,
        Parameter.KEYWORD_ONLY,
        annotation=annotation,
        default=Parameter.empty if default is MISSING else default,
    )


def with_flag_groups(command: Callable[..., None]) -> Callable[..., None]:
    """Let a command be called with the options of its groups instead of the groups.

    Parameters
    ----------
    command : callable
        Some of its parameters are annotated with a `FlagGroup`.

    Returns
    -------
    callable
        Its signature shows the options of a group at the place of the group.
    """
    hints = get_type_hints(command, include_extras=True)
    groups: dict[str, type[FlagGroup]] = {
        name: hint
        for name, hint in hints.items()
        if isinstance(hint, type) and issubclass(hint, FlagGroup)
    }
    options = {name: group.flags() for name, group in groups.items()}

    @wraps(command)
    def gathering(**values: Any) -> None:
        gathered = {
            name: group.gathered(**{flag.name: values.pop(flag.name) for flag in options[name]})
            for name, group in groups.items()
        }
        command(**values, **gathered)

    parameters: list[Parameter] = []
    for name, parameter in signature(command).parameters.items():
        own = option(name, hints[name], _default(parameter))
        parameters += options.get(name, [own])
    # typer reads the signature, and the annotations by name.
    vars(gathering)["__signature__"] = Signature(parameters)
    gathering.__annotations__ = {flag.name: flag.annotation for flag in parameters}
    return gathering


def _default(parameter: Parameter) -> object:
    return MISSING if parameter.default is Parameter.empty else parameter.default
