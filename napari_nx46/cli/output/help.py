"""The help of the commands."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import Any, Protocol

from typer.core import TyperCommand

_UNNAMED = "Options"


class Formatter(Protocol):
    """What writes the help."""

    def section(self, name: str) -> AbstractContextManager[None]:
        """Begin a section with a headline."""

    def write_dl(self, rows: Sequence[tuple[str, str]]) -> None:
        """Write a list of options and what they do."""


class SectionedCommand(TyperCommand):
    """A command whose help has a section for each panel of its options, as plain text."""

    def format_options(self, ctx: Any, formatter: Formatter) -> None:
        """Write the help of arguments and options.

        Parameters
        ----------
        ctx : typer.Context
        formatter : Formatter
        """
        sections: dict[str, list[tuple[str, str]]] = {"Arguments": [], _UNNAMED: []}
        for parameter in self.get_params(ctx):
            record = parameter.get_help_record(ctx)
            if record is None:
                continue
            is_argument = parameter.param_type_name == "argument"
            panel = getattr(parameter, "rich_help_panel", None) or _UNNAMED
            sections.setdefault("Arguments" if is_argument else panel, []).append(record)
        for name, records in sections.items():
            if records:
                with formatter.section(name):
                    formatter.write_dl(records)
