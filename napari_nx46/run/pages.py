"""Tables that people read, and pages of HTML and Markdown that are rendered from templates."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

__all__ = ["ReportTable", "markdown_table", "markdown_text", "render_page"]

_MARKDOWN_SIGNS = "\\`*_{}[]<>|#~"


@dataclass(frozen=True, slots=True)
class ReportTable:
    """A table that people read.

    Parameters
    ----------
    title : str
    columns : tuple of str
    rows : tuple of tuple of str
        As many cells each as there are columns.
    """

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


def render_page(
    package: str,
    page: str,
    values: Mapping[str, object],
    filters: Mapping[str, Callable[..., str]] | None = None,
) -> bytes:
    """Return a page, UTF-8; in HTML everything that is filled in is escaped.

    Parameters
    ----------
    package : str
        The package whose folder ``templates`` has the template.
    page : str
        Ends in .html or .md; the template is named so, with .jinja behind it.
    values : mapping of str to object
        What the template fills in. Text of users in Markdown needs the filter ``md``, and a
        `ReportTable` the filter ``md_table``.
    filters : mapping of str to callable, optional
        Further filters.
    """
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader(package),
        autoescape=page.endswith(".html"),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters |= {"md": markdown_text, "md_table": markdown_table, **(filters or {})}
    return environment.get_template(f"{page}.jinja").render(values).encode()


def markdown_table(table: ReportTable) -> str:
    """Return the lines of a table in Markdown, without its title."""
    lines = [table.columns, tuple("---" for _ in table.columns), *table.rows]
    return "\n".join(f"| {' | '.join(markdown_text(cell) for cell in line)} |" for line in lines)


def markdown_text(text: str) -> str:
    """Return text of which Markdown makes nothing but that text."""
    plain = " ".join(text.split())
    return "".join(f"\\{sign}" if sign in _MARKDOWN_SIGNS else sign for sign in plain)
