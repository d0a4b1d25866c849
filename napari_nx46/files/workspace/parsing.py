"""Rows as columns and as values: what is read is checked, and so is what is to be written."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import fields
from typing import Annotated, Any, Generic, TypeVar

from pydantic import AfterValidator, TypeAdapter, ValidationError

from napari_nx46.files.naming import printable
from napari_nx46.files.workspace.columns import Column
from napari_nx46.files.workspace.errors import RowError

Value = TypeVar("Value")

_MOST_FAULTS = 3


class RowType(Generic[Value]):
    """The rows of one kind of value.

    Parameters
    ----------
    kind : type
        A dataclass whose fields have the types of `columns`.
    check : callable, optional
        Returns a value whose fields fit each other, and raises a `RowError` for others.
    """

    def __init__(self, kind: type[Value], check: Callable[[Value], Value] | None = None) -> None:
        schema: Any = kind if check is None else Annotated[kind, AfterValidator(check)]
        self._adapter: TypeAdapter[Value] = TypeAdapter(schema)
        self.names = tuple(field.name for field in fields(kind))  # type: ignore[arg-type]
        """Of the fields."""

    def parse(self, columns: Mapping[str, object]) -> Value:
        """Return the value that columns hold.

        Raises
        ------
        RowError
            If one is missing or is not what it should be.
        """
        try:
            return self._adapter.validate_python(columns)
        except ValidationError as error:
            raise RowError(_in_words(error)) from error

    def columns(self, value: Value, *apart: str) -> dict[str, Column]:
        """Return the columns of a value, by their names.

        Parameters
        ----------
        value : dataclass
        *apart : str
            Fields that are kept in other tables: they are checked and left out.

        Raises
        ------
        ValueError
            If they could not be read back.
        """
        columns: dict[str, Column] = self._adapter.dump_python(
            value, exclude=set(apart), warnings=False
        )
        self.parse({**{name: getattr(value, name) for name in apart}, **columns})
        return columns


def _in_words(error: ValidationError) -> str:
    """Return the first faults of a row: which column, what was found and what was expected."""
    faults = error.errors(include_url=False)
    more = f"; and {len(faults) - _MOST_FAULTS} more" if len(faults) > _MOST_FAULTS else ""
    return "; ".join(_fault(dict(fault)) for fault in faults[:_MOST_FAULTS]) + more


def _fault(fault: Mapping[str, Any]) -> str:
    place, message, found = ".".join(map(str, fault["loc"])), fault["msg"], fault["input"]
    text = message.removeprefix("Value error, ")
    if fault["type"] == "string_too_long":
        longest = fault["ctx"]["max_length"]
        text = f"found {len(found)} characters, expected at most {longest}"
    elif text == message:
        text = f"found {printable(repr(found))}: {message}"
    return f"{printable(place)}: {text}" if place else text
