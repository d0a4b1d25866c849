"""How the figures of a report look, and how they become SVG.

Figures are distinguished by markers, lines and hatches first, and by Okabe and Ito's colours, which
the colour-blind can distinguish, second. What is ink (text, axes) takes the colour of the page's
text in light and dark.
"""

from __future__ import annotations

import io
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

from napari_nx46.campaign.verdicts.rules import Criterion
from napari_nx46.run.okabe_ito import GREY

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = [
    "FOR_AXES",
    "INK",
    "MARKERS",
    "ROW_HEIGHT",
    "draw_legend",
    "name_rows",
    "new_figure",
    "plain_text",
    "shortened",
    "svg_of",
    "unit_of",
]

INK = "#0a0b0c"
"""Stands for the colour of the page's text."""

MARKERS = ("o", "s", "^", "D", "v", "P", "X", "*", "<", ">")

ROW_HEIGHT = 0.26
FOR_AXES = 1.1
"""Inches that a row takes, and what is around all rows."""

_INK_OF_PAGE = (
    "<style>svg{color:#24292f}@media (prefers-color-scheme:dark){svg{color:#d8dde3}}"
    "@media print{svg{color:#000}}</style>"
)
_LONGEST_NAME = 30
_WIDTH = 8.4


def new_figure(
    height: float, panels: int = 1, *, share_x: bool = False
) -> tuple[Figure, list[Axes]]:
    """Return an empty figure with panels, without the global state of pyplot.

    Parameters
    ----------
    height : float
        In inches; a figure is as wide as the page's text.
    panels : int
        Side by side, or one below the other if they share their axis.
    share_x : bool
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(_WIDTH, height), layout="constrained")
    shape = (panels, 1) if share_x else (1, panels)
    axes = figure.subplots(*shape, sharex=share_x, squeeze=False).ravel().tolist()
    for one in axes:
        _style(one)
    return figure, axes


def shortened(name: str) -> str:
    """Return a name that fits beside an axis."""
    half = _LONGEST_NAME // 2
    return name if len(name) <= _LONGEST_NAME else f"{name[:half]}…{name[1 - half :]}"


def plain_text(axes: Axes, names: Sequence[str], *, axis: str) -> None:
    """Label the places 0, 1, … of an axis with names, in which nothing is taken for mathematics."""
    chosen = axes.xaxis if axis == "x" else axes.yaxis
    chosen.set_ticks(range(len(names)), labels=[shortened(one) for one in names], parse_math=False)


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


def svg_of(figure: Figure) -> str:
    """Return a figure as SVG that needs nothing else and is the same for the same figure."""
    import matplotlib as mpl

    text = io.StringIO()
    with mpl.rc_context({"svg.hashsalt": "nx46", "svg.fonttype": "path"}):
        figure.savefig(text, format="svg", transparent=True, metadata={"Date": None})
    svg = re.sub(
        r"<\?xml.*?\?>|<!DOCTYPE.*?>|<metadata>.*?</metadata>", "", text.getvalue(), flags=re.S
    )
    svg = svg.replace(INK, "currentColor")
    return re.sub(r"(<svg[^>]*>)", lambda head: head.group(1) + _INK_OF_PAGE, svg, count=1).strip()


def _style(axes: Axes) -> None:
    for side, spine in axes.spines.items():
        spine.set_visible(side in {"left", "bottom"})
        spine.set_color(INK)
    axes.tick_params(colors=INK, labelsize=9)
    axes.grid(visible=True, color=GREY, alpha=0.25, linewidth=0.6)
    axes.set_axisbelow(True)
    axes.xaxis.label.set_color(INK)
    axes.yaxis.label.set_color(INK)
    axes.title.set_color(INK)
    axes.title.set_fontsize(10)
