"""The figures of a report, drawn from its tables."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from napari_nx46.campaign.report.drawing import (
    FOR_AXES,
    INK,
    MARKERS,
    ROW_HEIGHT,
    draw_legend,
    name_rows,
    new_figure,
    plain_text,
    shortened,
    svg_of,
    unit_of,
)
from napari_nx46.campaign.report.parts import MOST_FRAGMENTS, MOST_RUNS, ReportFigure
from napari_nx46.campaign.report.tables import Tables
from napari_nx46.campaign.verdicts.rules import Decision
from napari_nx46.files.naming import printable
from napari_nx46.run.okabe_ito import BLUE, GREEN, GREY, ORANGE, PURPLE, SKY, VERMILION

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from pandas import DataFrame

__all__ = [
    "density_figure",
    "fragment_figure",
    "gains_figure",
    "knob_figure",
    "level_figure",
    "ranking_figure",
    "slice_figure",
]

# ---- runs and fragments --------------------------------------------------------------------

_DECISIONS = {
    Decision.ACCEPTED.value: ("o", GREEN, GREEN),
    Decision.UNDECIDED.value: ("s", "none", BLUE),
    Decision.REJECTED.value: ("X", VERMILION, VERMILION),
}
"""Marker, fill and edge."""


def ranking_figure(tables: Tables) -> ReportFigure | None:
    """Draw what the runs are ranked by, a row a run."""
    rows = tables["runs.csv"].dropna(subset=["value"])
    if rows.empty:
        return None
    drawn, criterion = rows.head(MOST_RUNS).reset_index(drop=True), str(rows.ranked_by.iloc[0])
    figure, (axes,) = new_figure(FOR_AXES + ROW_HEIGHT * len(drawn))
    for decision, (marker, fill, edge) in _DECISIONS.items():
        own = drawn[drawn.decision == decision]
        if len(own):
            look: dict[str, Any] = {
                "markerfacecolor": fill,
                "markeredgecolor": edge,
                "label": decision,
            }
            axes.plot(own.value.tolist(), own.index.tolist(), marker, markersize=8, **look)
    for value in rows.value[rows.is_baseline == "yes"]:
        axes.axvline(value, color=INK, linestyle="--", linewidth=1, label="baseline")
    name_rows(axes, drawn.run_id.tolist())
    axes.set_xlabel(unit_of(criterion))
    draw_legend(axes)
    return ReportFigure(
        "Runs in order",
        f"Each run's {criterion}; best at the top, rejected runs last. The dashed line is the "
        f"baseline.{_left_out(len(rows) - len(drawn))}",
        svg_of(figure),
        ("runs.csv",),
    )


def fragment_figure(tables: Tables, figure_name: str, words: str) -> ReportFigure | None:
    """Draw each run's figure on every fragment, and its mean."""
    known = tables["fragments.csv"].dropna(subset=[figure_name])
    fragments = known.fragment.unique()[:MOST_FRAGMENTS]
    ranked = tables["runs.csv"].run_id
    having = ranked[ranked.isin(known.run_id)].tolist()
    runs = having[:MOST_RUNS]
    if len(fragments) < 2:  # noqa: PLR2004
        return None
    place_of = {run_id: place for place, run_id in enumerate(runs)}
    figure, (axes,) = new_figure(FOR_AXES + ROW_HEIGHT * len(runs))
    colours = (BLUE, VERMILION, GREEN, ORANGE, PURPLE, SKY, GREY, INK)
    for fragment, marker, colour in zip(fragments, MARKERS, colours, strict=False):
        own = known[(known.fragment == fragment) & known.run_id.isin(runs)]
        axes.plot(
            own[figure_name].tolist(),
            own.run_id.map(place_of).tolist(),
            marker,
            markersize=6,
            markerfacecolor="none",
            markeredgecolor=colour,
            markeredgewidth=1.4,
            label=f"fragment {shortened(fragment)}",
        )
    means = tables["stability.csv"]
    means = means[means.run_id.isin(runs)]
    look: dict[str, Any] = {"markersize": 14, "markeredgewidth": 2, "color": INK}
    places = means.run_id.map(place_of).tolist()
    axes.plot(means["mean"].tolist(), places, "|", label="mean of all fragments", **look)
    name_rows(axes, runs)
    axes.set_xlabel(unit_of(words))
    draw_legend(axes)
    return ReportFigure(
        f"The {words} on each fragment",
        "A row is a run, a marker a fragment; the upright bar is the mean."
        f"{_left_out(len(having) - len(runs))}",
        svg_of(figure),
        ("fragments.csv", "stability.csv"),
    )


def _left_out(rows: int) -> str:
    return f" The first {MOST_RUNS} are shown; {rows} more are in the table." if rows else ""


# ---- slices --------------------------------------------------------------------------------

_LINES = (("-", BLUE), ("--", VERMILION))


def slice_figure(tables: Tables, fragment: str, runs: Sequence[str]) -> ReportFigure | None:
    """Draw density and recall of one fragment's slices, of the best run and of the baseline."""
    every_slice, lost = tables["slices.csv"], tables["lost_slices.csv"]
    rows = every_slice[(every_slice.fragment == fragment) & every_slice.run_id.isin(runs)]
    panels = [name for name in ("density", "recall") if rows[name].notna().any()]
    if not panels:
        return None
    figure, every = new_figure(1.8 * len(panels) + 0.6, len(panels), share_x=True)
    for axes, name in zip(every, panels, strict=True):
        for run_id, (line, colour) in zip(runs, _LINES, strict=False):
            own = rows[rows.run_id == run_id].dropna(subset=[name])
            look: dict[str, Any] = {"color": colour, "label": shortened(run_id)}
            axes.plot(own.z.tolist(), own[name].tolist(), line, **look)
        axes.set_ylabel(f"{name} (share)")
    if "recall" in panels:
        worst = lost.z[(lost.fragment == fragment) & (lost.run_id == runs[0])]
        marked = rows[(rows.run_id == runs[0]) & rows.z.isin(worst)]
        label = f"most recall lost by {shortened(runs[0])}"
        every[-1].plot(marked.z.tolist(), marked.recall.tolist(), "v", color=INK, label=label)
    every[-1].set_xlabel("slice z (index)")
    dashed = f", the dashed one the baseline, {printable(runs[1])}" if len(runs) > 1 else ""
    draw_legend(every[-1])
    return ReportFigure(
        f"Slices of fragment {printable(fragment)}",
        f"The solid line is {printable(runs[0])}{dashed}. Triangles are the slices where the first "
        "of them misses most surface voxels; there are none without a label.",
        svg_of(figure),
        ("slices.csv", "lost_slices.csv"),
    )


# ---- density -------------------------------------------------------------------------------


def density_figure(
    tables: Tables, last_density: float | None, band: tuple[float, float] | None
) -> ReportFigure | None:
    """Draw leaderboard score and precision against density."""
    rows = tables["density.csv"]
    panels = [name for name in ("leaderboard_score", "precision") if rows[name].notna().any()]
    if not panels:
        return None
    figure, every = new_figure(3.2, len(panels))
    for axes, name in zip(every, panels, strict=True):
        own = rows.dropna(subset=[name])
        densities = own.density.tolist()
        axes.plot(densities, own[name].tolist(), "o", color=BLUE, label="run")
        if name == "precision":
            look: dict[str, Any] = {"color": VERMILION, "label": "fit that never rises"}
            axes.plot(densities, own.fitted_precision.tolist(), "-", **look)
            if last_density is not None:
                label = "last density before precision falls"
                axes.axvline(last_density, color=INK, linestyle=":", label=label)
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
        ("density.csv",),
    )


def _draw_band(axes: Axes, band: tuple[float, float]) -> None:
    """Shade the part of the density band that is on the axis."""
    low, high = axes.get_xlim()
    if band[0] <= high and band[1] >= low:
        look: dict[str, Any] = {
            "facecolor": GREY,
            "alpha": 0.15,
            "linewidth": 0,
            "label": "density band",
        }
        axes.axvspan(max(band[0], low), min(band[1], high), **look)
        axes.set_xlim(low, high)


# ---- knobs ---------------------------------------------------------------------------------

_KINDS = {
    "knob": (BLUE, ""),
    "interaction": (ORANGE, "//"),
    "residual": (GREY, ".."),
    "overlap": (SKY, "xx"),
}
"""Colour and hatch."""
_SMALLEST_OVERLAP = 0.0005
_MOST_KNOBS = 6
_MOST_LEVELS = 12
_MOST_UPRIGHT = 3


def knob_figure(tables: Tables, words: str) -> ReportFigure | None:
    """Draw the share of each effect in the variance."""
    rows = tables["knobs.csv"]
    rows = rows[(rows.kind != "overlap") | (rows.share.abs() > _SMALLEST_OVERLAP)]
    if rows.empty:
        return None
    figure, (axes,) = new_figure(FOR_AXES + 0.34 * len(rows))
    look: dict[str, Any] = {"edgecolor": INK, "linewidth": 0.6}
    for place, (kind, share) in enumerate(zip(rows.kind, rows.share, strict=True)):
        colour, hatch = _KINDS[kind]
        axes.barh(place, 100 * share, 0.5, color=colour, hatch=hatch, **look)
        axes.annotate(
            f"{100 * share:.1f} %",
            (100 * max(share, 0), place),
            xytext=(4, 0),
            textcoords="offset points",
            va="center",
            fontsize=9,
            color=INK,
        )
    importances = rows.importance.astype(float)
    has_importance = importances.notna().any()
    if has_importance:
        places = [place + 0.35 for place in range(len(rows))]
        axes.barh(places, 100 * importances.fillna(0), 0.2, color=ORANGE, **look)
    name_rows(axes, rows["name"].tolist())
    axes.set_xlabel(
        f"share of the variance of the {words} between runs (%)"
        + (", importance for the best runs (%)" if has_importance else "")
    )
    axes.margins(x=0.12)
    return ReportFigure(
        "What drove the scores",
        "Plain bars are knobs, striped ones interactions of two, the dotted one is what no effect "
        "explains."
        + (" Thin bars: importance of a knob for the best runs." if has_importance else ""),
        svg_of(figure),
        ("knobs.csv",),
    )


def level_figure(tables: Tables, words: str) -> ReportFigure | None:
    """Draw the mean at each level of every knob."""
    levels = tables["levels.csv"]
    knobs = [
        (knob, own) for knob, own in levels.groupby("knob", sort=False) if len(own) <= _MOST_LEVELS
    ][:_MOST_KNOBS]
    if not knobs:
        return None
    figure, panels = new_figure(3.0, len(knobs))
    lowest = min(own["mean"].min() for _, own in knobs)
    highest = max(own["mean"].max() for _, own in knobs)
    margin = 0.08 * (highest - lowest) or 0.01
    for axes, (knob, levels_of_knob) in zip(panels, knobs, strict=True):
        own = levels_of_knob.sort_values("level", key=_level_order, kind="stable")
        axes.plot(own["mean"].tolist(), "o-", color=BLUE)
        plain_text(axes, own.level.tolist(), axis="x")
        axes.tick_params(axis="x", rotation=30 if len(own) > _MOST_UPRIGHT else 0)
        axes.set_ylim(lowest - margin, highest + margin)
        axes.set_xlabel(shortened(knob))
    panels[0].set_ylabel(f"mean {unit_of(words)}")
    return ReportFigure(
        f"Mean {words} at each level",
        "Each dot is the mean of all runs at that level of the knob.",
        svg_of(figure),
        ("levels.csv",),
    )


def _level_order(levels: Any) -> Any:
    """Return levels as numbers; those that are none come last."""
    from pandas import to_numeric

    return to_numeric(levels, errors="coerce")


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
    every = tables["gains.csv"]
    every = every[every.gained > 0]
    rows = every.head(MOST_RUNS)
    if rows.empty:
        return None
    figure, (axes,) = new_figure(FOR_AXES + 0.4 * len(rows))
    _draw_parts(axes, rows)
    name_rows(axes, rows.fragment.tolist())
    axes.set_xlabel("share of the gained voxels (%)")
    axes.set_xlim(0, 100)
    draw_legend(axes)
    return ReportFigure(
        "What the gained foreground is",
        "Of the voxels that the best run gains on the baseline, a bar a fragment."
        f"{_left_out(len(every) - len(rows))}",
        svg_of(figure),
        ("gains.csv",),
    )


def _draw_parts(axes: Axes, rows: DataFrame) -> None:
    names = [name for name, *_ in _PARTS]
    shares = rows[names].astype(float).fillna(0).mul(100).div(rows.gained.astype(float), axis=0)
    starts = shares.cumsum(axis=1) - shares
    for name, words, colour, hatch in _PARTS:
        start, widths = starts[name].tolist(), shares[name].tolist()
        look: dict[str, Any] = {"color": colour, "hatch": hatch, "edgecolor": INK, "linewidth": 0.6}
        axes.barh(range(len(rows)), widths, left=start, label=words, **look)
        for place, width in enumerate(widths):
            if width < _NARROWEST_LABEL:
                continue
            axes.annotate(
                f"{width:.0f} %",
                (start[place] + width / 2, place),
                ha="center",
                va="center",
                fontsize=9,
                color="#000000",
                bbox={"facecolor": "#ffffff", "edgecolor": "none", "pad": 1.5, "alpha": 0.85},
            )
