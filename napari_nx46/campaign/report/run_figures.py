"""Figures of the runs, of the fragments and of the slices."""

from __future__ import annotations

from collections.abc import Sequence

from napari_nx46.campaign.report.drawing import (
    BLUE,
    GREEN,
    GREY,
    INK,
    MARKERS,
    ORANGE,
    PURPLE,
    SKY,
    VERMILION,
    new_figure,
    shortened,
    svg_of,
)
from napari_nx46.campaign.report.figures import (
    FOR_AXES,
    MOST_RUNS,
    ROW_HEIGHT,
    ReportFigure,
    Tables,
    draw_legend,
    name_rows,
    unit_of,
)
from napari_nx46.campaign.report.tables import Source
from napari_nx46.campaign.verdicts.rules import Decision
from napari_nx46.files.naming import shown

__all__ = ["fragment_figure", "ranking_figure", "slice_figure"]

MOST_FRAGMENTS = 8

_DECISIONS = {
    Decision.ACCEPTED.value: ("o", GREEN, GREEN),
    Decision.UNDECIDED.value: ("s", "none", BLUE),
    Decision.REJECTED.value: ("X", VERMILION, VERMILION),
}
"""Marker, fill and edge."""


def ranking_figure(tables: Tables) -> ReportFigure | None:
    """Draw what the runs are ranked by, a row a run."""
    source = Source("runs.csv", ("run_id", "decision", "is_baseline", "ranked_by", "value"))
    rows = [row for row in tables["runs.csv"].select(source) if row["value"] is not None]
    if not rows:
        return None
    drawn = rows[:MOST_RUNS]
    figure, (axes,) = new_figure(FOR_AXES + ROW_HEIGHT * len(drawn))
    for decision, (marker, fill, edge) in _DECISIONS.items():
        places = [place for place, row in enumerate(drawn) if row["decision"] == decision]
        if places:
            axes.plot(
                [drawn[place]["value"] for place in places],
                places,
                marker,
                markersize=8,
                markerfacecolor=fill,
                markeredgecolor=edge,
                label=decision,
            )
    for row in rows:
        if row["is_baseline"] == "yes":
            axes.axvline(row["value"], color=INK, linestyle="--", linewidth=1, label="baseline")
    name_rows(axes, [row["run_id"] for row in drawn])
    axes.set_xlabel(unit_of(str(rows[0]["ranked_by"])))
    draw_legend(axes)
    left_out = len(rows) - len(drawn)
    more = (
        f" The first {MOST_RUNS} are shown; {left_out} more are in the table." if left_out else ""
    )
    return ReportFigure(
        "Runs in order",
        f"Each run's {rows[0]['ranked_by']}; best at the top, rejected runs last. The dashed line "
        f"is the baseline.{more}",
        svg_of(figure),
        (source,),
    )


def fragment_figure(tables: Tables, figure_name: str, words: str) -> ReportFigure | None:
    """Draw each run's figure on every fragment, and its mean."""
    order = [
        str(row["run_id"]) for row in tables["runs.csv"].select(Source("runs.csv", ("run_id",)))
    ]
    columns = ("run_id", "fragment", figure_name)
    every = tables["fragments.csv"].select(Source("fragments.csv", columns))
    known = [row for row in every if row[figure_name] is not None]
    fragments = list(dict.fromkeys(str(row["fragment"]) for row in known))[:MOST_FRAGMENTS]
    runs = [run_id for run_id in order if any(row["run_id"] == run_id for row in known)][:MOST_RUNS]
    if len(fragments) < 2:  # noqa: PLR2004
        return None
    chosen = {"run_id": tuple(runs)} if len(runs) < len(order) else {}
    source = Source("fragments.csv", columns, {"fragment": tuple(fragments), **chosen})
    rows = tables["fragments.csv"].select(source)
    means = Source("stability.csv", ("run_id", "mean"), chosen)
    figure, (axes,) = new_figure(FOR_AXES + ROW_HEIGHT * len(runs))
    colours = (BLUE, VERMILION, GREEN, ORANGE, PURPLE, SKY, GREY, INK)
    for fragment, marker, colour in zip(fragments, MARKERS, colours, strict=False):
        own = [row for row in rows if row["fragment"] == fragment and row[figure_name] is not None]
        axes.plot(
            [row[figure_name] for row in own],
            [runs.index(row["run_id"]) for row in own],
            marker,
            markersize=6,
            markerfacecolor="none",
            markeredgecolor=colour,
            markeredgewidth=1.4,
            label=f"fragment {shortened(fragment)}",
        )
    of_runs = tables["stability.csv"].select(means)
    axes.plot(
        [row["mean"] for row in of_runs],
        [runs.index(row["run_id"]) for row in of_runs],
        "|",
        markersize=14,
        markeredgewidth=2,
        color=INK,
        label="mean of all fragments",
    )
    name_rows(axes, runs)
    axes.set_xlabel(unit_of(words))
    draw_legend(axes)
    return ReportFigure(
        f"The {words} on each fragment",
        "A row is a run, a marker a fragment; the upright bar is the mean.",
        svg_of(figure),
        (source, means),
    )


# ---- slices --------------------------------------------------------------------------------

_LINES = (("-", BLUE), ("--", VERMILION))


def slice_figure(tables: Tables, fragment: str, runs: Sequence[str]) -> ReportFigure | None:
    """Draw density and recall of one fragment's slices, of the best run and of the baseline."""
    where = {"fragment": (fragment,), "run_id": tuple(runs)}
    source = Source("slices.csv", ("run_id", "fragment", "z", "density", "recall"), where)
    lost = Source("lost_slices.csv", ("z",), {"fragment": (fragment,), "run_id": (runs[0],)})
    rows = tables["slices.csv"].select(source)
    if not rows:
        return None
    panels = [name for name in ("density", "recall") if any(row[name] is not None for row in rows)]
    if not panels:
        return None
    figure, every = new_figure(1.8 * len(panels) + 0.6, len(panels), share_x=True)
    for axes, name in zip(every, panels, strict=True):
        for run_id, (line, colour) in zip(runs, _LINES, strict=False):
            own = [row for row in rows if row["run_id"] == run_id and row[name] is not None]
            places = [row["z"] for row in own]
            axes.plot(
                places, [row[name] for row in own], line, color=colour, label=shortened(run_id)
            )
        axes.set_ylabel(f"{name} (share)")
    if "recall" in panels:
        best = [row for row in rows if row["run_id"] == runs[0]]
        at = {row["z"] for row in tables["lost_slices.csv"].select(lost)}
        marked = [row for row in best if row["z"] in at]
        every[-1].plot(
            [row["z"] for row in marked],
            [row["recall"] for row in marked],
            "v",
            color=INK,
            label=f"most recall lost by {shortened(runs[0])}",
        )
    every[-1].set_xlabel("slice z (index)")
    dashed = f", the dashed one the baseline, {shown(runs[1])}" if len(runs) > 1 else ""
    draw_legend(every[-1])
    return ReportFigure(
        f"Slices of fragment {shown(fragment)}",
        f"The solid line is {shown(runs[0])}{dashed}. Triangles are the slices where the first of "
        "them misses most surface voxels; there are none without a label.",
        svg_of(figure),
        (source, lost),
    )
