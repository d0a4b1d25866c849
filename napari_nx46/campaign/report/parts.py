"""The parts that a report is put together from, and how its figures are worded."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from napari_nx46.campaign.report.figures import ReportFigure
from napari_nx46.campaign.report.tables import Source
from napari_nx46.files.naming import shown
from napari_nx46.run.compare.report import FIGURE_WORDS, ReportTable, figure_text

__all__ = ["WORDS", "Section", "SourcedTable", "figures_of", "joined", "number", "words_of"]

WORDS: Mapping[str, str] = MappingProxyType(
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
    """A table that people read, and the cells that it was made from.

    Parameters
    ----------
    table : ReportTable
    sources : tuple of Source
    """

    table: ReportTable
    sources: tuple[Source, ...]


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


def words_of(name: str) -> str:
    """Return what people call a figure."""
    return WORDS.get(name, name)


def number(name: str, value: float | None, *, signed: bool = False) -> str:
    """Return a figure as the report tells it, with four decimals; a dash for one not known."""
    return figure_text(name, value, signed=signed, decimals=_DECIMALS) or "–"


def figures_of(figures: Iterable[ReportFigure | None]) -> tuple[ReportFigure, ...]:
    """Return the figures that there was something to draw of."""
    return tuple(one for one in figures if one is not None)


def joined(names: Iterable[str]) -> str:
    """Return names as a list in a sentence."""
    *first, last = [shown(one) for one in names] or ["none"]
    return f"{', '.join(first)} and {last}" if first else last
