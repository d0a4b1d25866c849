"""What all figures of a report share: what they are, and how their axes are named."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from napari_nx46.campaign.report.drawing import INK, plain_text
from napari_nx46.campaign.report.tables import CsvTable, Source
from napari_nx46.campaign.verdicts.rules import Criterion

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = [
    "FOR_AXES",
    "MOST_RUNS",
    "ROW_HEIGHT",
    "ReportFigure",
    "Tables",
    "draw_legend",
    "name_rows",
    "unit_of",
]

MOST_RUNS = 30
"""Rows that one figure shows; the first ones."""
ROW_HEIGHT = 0.26
FOR_AXES = 1.1
"""Inches that a row takes, and what is around all rows."""

Tables: TypeAlias = Mapping[str, CsvTable]


@dataclass(frozen=True, slots=True)
class ReportFigure:
    """A figure.

    Parameters
    ----------
    title, caption : str
        What it shows, and how to read it.
    svg : str
    sources : tuple of Source
        The cells that it was drawn from.
    """

    title: str
    caption: str
    svg: str
    sources: tuple[Source, ...]


def name_rows(axes: Axes, names: Sequence[str]) -> None:
    """Give the rows of a figure their names, the first at the top."""
    plain_text(axes, names, axis="y")
    axes.set_ylim(len(names) - 0.5, -0.5)


def unit_of(words: str) -> str:
    """Return the title of an axis with its unit: all that is drawn are shares."""
    if words == Criterion.BAND_DISTANCE.value:
        return f"{words} (share of voxels)"
    return f"{words} (0 to 1)"


def draw_legend(axes: Axes, *, columns: int = 3) -> None:
    """Draw the legend of the axes below the figure."""
    legend = axes.figure.legend(
        *axes.get_legend_handles_labels(),
        loc="outside lower center",
        ncols=columns,
        fontsize=8.5,
        frameon=False,
        labelcolor=INK,
    )
    for text in legend.get_texts():
        text.set_parse_math(False)
