"""Figures of what drove the scores: density, knobs, and gained foreground."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from napari_nx46.campaign.report.drawing import (
    BLUE,
    GREEN,
    GREY,
    INK,
    ORANGE,
    SKY,
    VERMILION,
    new_figure,
    plain_text,
    shortened,
    svg_of,
)
from napari_nx46.campaign.report.figures import (
    FOR_AXES,
    MOST_RUNS,
    ReportFigure,
    Tables,
    draw_legend,
    name_rows,
    unit_of,
)
from napari_nx46.campaign.report.tables import Source

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["density_figure", "gains_figure", "knob_figure", "level_figure"]

MOST_KNOBS = 6
MOST_LEVELS = 12


def density_figure(
    tables: Tables, last_density: float | None, band: tuple[float, float] | None
) -> ReportFigure | None:
    """Draw leaderboard score and precision against density."""
    columns = ("run_id", "density", "leaderboard_score", "precision", "fitted_precision")
    source = Source("density.csv", columns)
    rows = tables["density.csv"].select(source)
    panels = [
        name
        for name in ("leaderboard_score", "precision")
        if any(row[name] is not None for row in rows)
    ]
    if not panels:
        return None
    figure, every = new_figure(3.2, len(panels))
    for axes, name in zip(every, panels, strict=True):
        own = [row for row in rows if row[name] is not None]
        densities = [row["density"] for row in own]
        axes.plot(densities, [row[name] for row in own], "o", color=BLUE, label="run")
        if name == "precision":
            fitted = [row["fitted_precision"] for row in own]
            axes.plot(densities, fitted, "-", color=VERMILION, label="fit that never rises")
            if last_density is not None:
                axes.axvline(
                    last_density,
                    color=INK,
                    linestyle=":",
                    label="last density before precision falls",
                )
        if band is not None:
            _draw_band(axes, band)
        axes.locator_params(axis="x", nbins=6)
        axes.set_xlabel("density (share of foreground voxels)")
        axes.set_ylabel(unit_of(name.replace("_", " ")))
    draw_legend(every[-1], columns=4)
    return ReportFigure(
        "Leaderboard score and precision against density",
        "Each dot is a run, with its means over the fragments.",
        svg_of(figure),
        (source,),
    )


def _draw_band(axes: Axes, band: tuple[float, float]) -> None:
    """Shade the part of the density band that is on the axis."""
    low, high = axes.get_xlim()
    if band[0] <= high and band[1] >= low:
        axes.axvspan(
            max(band[0], low),
            min(band[1], high),
            facecolor=GREY,
            alpha=0.15,
            linewidth=0,
            label="density band",
        )
        axes.set_xlim(low, high)


# ---- knobs ---------------------------------------------------------------------------------

_KINDS = {
    "knob": (BLUE, ""),
    "interaction": (ORANGE, "//"),
    "residual": (GREY, ".."),
    "overlap": (SKY, "xx"),
}
"""Colour and hatch."""


def knob_figure(tables: Tables, words: str) -> ReportFigure | None:
    """Draw the share of each effect in the variance."""
    source = Source("knobs.csv", ("kind", "name", "share"))
    rows = [
        row
        for row in tables["knobs.csv"].select(source)
        if row["kind"] != "overlap" or abs(float(row["share"] or 0)) > 0.0005  # noqa: PLR2004
    ]
    if not rows:
        return None
    figure, (axes,) = new_figure(FOR_AXES + 0.34 * len(rows))
    for place, row in enumerate(rows):
        colour, hatch = _KINDS[str(row["kind"])]
        share = float(row["share"] or 0)
        axes.barh(place, 100 * share, color=colour, hatch=hatch, edgecolor=INK, linewidth=0.6)
        axes.annotate(
            f"{100 * share:.1f} %",
            (100 * max(share, 0), place),
            xytext=(4, 0),
            textcoords="offset points",
            va="center",
            fontsize=9,
            color=INK,
        )
    name_rows(axes, [str(row["name"]) for row in rows])
    axes.set_xlabel(f"share of the variance of the {words} between runs (%)")
    axes.margins(x=0.12)
    return ReportFigure(
        "What drove the scores",
        "Plain bars are knobs, striped ones interactions of two, the dotted one is what no effect "
        "explains.",
        svg_of(figure),
        (source,),
    )


def level_figure(tables: Tables, words: str) -> ReportFigure | None:
    """Draw the mean at each level of every knob."""
    every = [row["knob"] for row in tables["levels.csv"].select(Source("levels.csv", ("knob",)))]
    readable = [one for one in dict.fromkeys(every) if every.count(one) <= MOST_LEVELS]
    knobs = tuple(map(str, readable[:MOST_KNOBS]))
    if not knobs:
        return None
    source = Source("levels.csv", ("knob", "level", "runs", "mean"), {"knob": knobs})
    rows = tables["levels.csv"].select(source)
    figure, panels = new_figure(3.0, len(knobs))
    lowest, highest = (pick(float(row["mean"] or 0) for row in rows) for pick in (min, max))
    margin = 0.08 * (highest - lowest) or 0.01
    for axes, knob in zip(panels, knobs, strict=True):
        own = sorted((row for row in rows if row["knob"] == knob), key=_level_order)
        axes.plot([float(row["mean"] or 0) for row in own], "o-", color=BLUE)
        plain_text(axes, [str(row["level"]) for row in own], axis="x")
        axes.tick_params(axis="x", rotation=30 if len(own) > 3 else 0)  # noqa: PLR2004
        axes.set_ylim(lowest - margin, highest + margin)
        axes.set_xlabel(shortened(knob))
    panels[0].set_ylabel(f"mean {unit_of(words)}")
    return ReportFigure(
        f"Mean {words} at each level",
        "Each dot is the mean of all runs at that level of the knob.",
        svg_of(figure),
        (source,),
    )


def _level_order(row: dict[str, Any]) -> tuple[bool, float, str]:
    """Put levels that are numbers in their order, others behind them."""
    try:
        return False, float(row["level"]), ""
    except ValueError:
        return True, 0.0, ""


# ---- gains ---------------------------------------------------------------------------------

_PARTS = (
    ("gained_near", "near true surface", GREEN, ""),
    ("gained_repeated", "repeated structure", VERMILION, "//"),
    ("gained_scattered", "scattered", GREY, ".."),
)
_NARROWEST_LABEL = 8.0
"""Per cent of a bar that a figure fits into."""


def gains_figure(tables: Tables) -> ReportFigure | None:
    """Draw what the gained foreground of each fragment is."""
    columns = ("fragment", "gained", *(name for name, *_ in _PARTS))
    rows = [
        row for row in tables["gains.csv"].select(Source("gains.csv", columns)) if row["gained"]
    ]
    shown = rows[:MOST_RUNS]
    if not shown:
        return None
    source = Source(
        "gains.csv", columns, {"fragment": tuple(str(row["fragment"]) for row in shown)}
    )
    figure, (axes,) = new_figure(FOR_AXES + 0.4 * len(shown))
    start = [0.0] * len(shown)
    for name, words, colour, hatch in _PARTS:
        widths = [100 * float(row[name] or 0) / float(row["gained"] or 1) for row in shown]
        axes.barh(
            range(len(shown)),
            widths,
            left=start,
            color=colour,
            hatch=hatch,
            edgecolor=INK,
            linewidth=0.6,
            label=words,
        )
        for place, width in _wide(widths):
            axes.annotate(
                f"{width:.0f} %",
                (start[place] + width / 2, place),
                ha="center",
                va="center",
                fontsize=9,
                color="#000000",
                bbox={"facecolor": "#ffffff", "edgecolor": "none", "pad": 1.5, "alpha": 0.85},
            )
        start = [a + b for a, b in zip(start, widths, strict=True)]
    name_rows(axes, [str(row["fragment"]) for row in shown])
    axes.set_xlabel("share of the gained voxels (%)")
    axes.set_xlim(0, 100)
    draw_legend(axes)
    return ReportFigure(
        "What the gained foreground is",
        "Of the voxels that the best run gains on the baseline, a bar a fragment.",
        svg_of(figure),
        (source,),
    )


def _wide(widths: Sequence[float]) -> Iterator[tuple[int, float]]:
    return ((place, width) for place, width in enumerate(widths) if width >= _NARROWEST_LABEL)
