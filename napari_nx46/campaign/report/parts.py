"""The parts that a report is put together from, and how its figures are worded."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from napari_nx46.files.naming import printable
from napari_nx46.run.compare.report import FIGURE_WORDS, figure_text
from napari_nx46.run.pages import ReportTable

__all__ = [
    "MOST_FRAGMENTS",
    "MOST_RUNS",
    "WITHOUT_CORRECTIONS",
    "ReportFigure",
    "Section",
    "SourcedTable",
    "drawn",
    "joined",
    "number",
    "numbers",
    "sourced_table",
    "words_of",
]

MOST_RUNS = 30
"""Rows that one table or figure shows; the first ones."""
MOST_FRAGMENTS = 8

WITHOUT_CORRECTIONS = "All masks are those of the settings alone, without corrections made by hand."

_WORDS: Mapping[str, str] = MappingProxyType(
    {
        **FIGURE_WORDS,
        "topo_score": "topo",
        "threshold": "threshold",
        "low_threshold": "low threshold",
    }
)
"""Figure -> what people call it."""

_DECIMALS = 4


@dataclass(frozen=True, slots=True)
class SourcedTable:
    """A table that people read.

    Parameters
    ----------
    table : ReportTable
    files : tuple of str
        Names of the CSV files that have its figures in full.
    """

    table: ReportTable
    files: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ReportFigure:
    """A figure.

    Parameters
    ----------
    title, caption : str
        What it shows, and how to read it.
    svg : str
    files : tuple of str
        Names of the CSV files that it is drawn from.
    """

    title: str
    caption: str
    svg: str
    files: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Section:
    """A part of the report.

    Parameters
    ----------
    title : str
    paragraphs : tuple of str
        Before tables and figures.
    points : tuple of str
        A list behind the paragraphs.
    tables : tuple of SourcedTable
    figures : tuple of ReportFigure
    notes : tuple of str
        Behind tables and figures: how it was computed.
    """

    title: str
    paragraphs: tuple[str, ...] = ()
    points: tuple[str, ...] = ()
    tables: tuple[SourcedTable, ...] = ()
    figures: tuple[ReportFigure, ...] = ()
    notes: tuple[str, ...] = ()


def sourced_table(
    title: str, columns: Iterable[tuple[str, Iterable[str]]], *files: str
) -> SourcedTable:
    """Return a table of columns, each a head and its cells."""
    heads, cells = zip(*columns, strict=True)
    return SourcedTable(ReportTable(title, heads, tuple(zip(*cells, strict=True))), files)


def words_of(name: str) -> str:
    """Return what people call a figure."""
    return _WORDS.get(name, name)


def number(name: str, value: float | None, *, signed: bool = False) -> str:
    """Return a figure as the report says it, with four decimals; a dash for one not known."""
    known = None if value is None or value != value else value  # noqa: PLR0124 - NaN
    return figure_text(name, known, signed=signed, decimals=_DECIMALS) or "–"


def numbers(name: str, values: Iterable[float | None], *, signed: bool = False) -> list[str]:
    """Return a column of figures as `number` says each."""
    return [number(name, value, signed=signed) for value in values]


def drawn(*figures: ReportFigure | None) -> tuple[ReportFigure, ...]:
    """Return the figures that there was something to draw of."""
    return tuple(one for one in figures if one is not None)


def joined(names: Iterable[str]) -> str:
    """Return names as a list in a sentence."""
    *first, last = [printable(one) for one in names] or ["none"]
    return f"{', '.join(first)} and {last}" if first else last
