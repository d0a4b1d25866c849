"""Drawing a landscape: what was computed as points, what lies between them hatched and paler.

Along the axes lie the numbers of the values, evenly spaced as the positions of a slider are; the
ticks say the values.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
import pyqtgraph as pg
from qtpy.QtCore import QPointF, Qt
from qtpy.QtGui import QColor

from napari_nx46.run.landscape.landscape import Axis, KnobValue, Landscape
from napari_nx46.run.landscape.lattice import Position
from napari_nx46.setting import Setting, described_knobs
from napari_nx46.viewer.landscape.axis_chooser import value_text
from napari_nx46.viewer.landscape.map_items import CellsItem, ColorBar, rectangle_of
from napari_nx46.viewer.plots.axes import Axes, Style
from napari_nx46.viewer.plots.colors import PlotColors, Role

__all__ = ["LandscapeAxes"]

COLOR_MAP = "viridis"
POINT_SIZE, RING_SIZE, BEST_SIZE, PRESENT_SIZE = 9, 14, 18, 22
MOST_TICKS = 6
MARGIN = 0.05
"""Beside the outermost points, as a share of the axis."""

CLICK_REACH = 14.0
"""A click is on a point that is at most so many pixels away."""

SCORE = "score"
FLAT = 1e-9
"""Scores that differ by no more are drawn as if they did by so much."""


class LandscapeAxes(Axes):
    """A map of the score over two knobs, or a curve over one.

    Parameters
    ----------
    graphics : pyqtgraph.GraphicsLayoutWidget
    row : int
        Of the layout; three rows and four columns are taken.

    Attributes
    ----------
    points : pyqtgraph.ScatterPlotItem
        One for each score that was computed; their data are the positions.
    rings : pyqtgraph.ScatterPlotItem
        Around the points of the plateau.
    cells : CellsItem
        What lies between the points of a map.
    """

    def __init__(self, graphics: pg.GraphicsLayoutWidget, row: int) -> None:
        super().__init__(graphics, row, " ", SCORE)
        self.box.setMouseEnabled(x=False, y=False)
        self._below = self._axes[-1]
        self._color_map = pg.colormap.get(COLOR_MAP)
        self._bar = ColorBar(graphics, row + 1, 2, self._color_map)
        self._axes.append(self._bar.axis)
        self._landscape: Landscape | None = None
        self._band = pg.LinearRegionItem(orientation="horizontal", movable=False)
        self._band.setZValue(-10)
        self._add(self._band, Style(Role.SECOND))
        self._joins = self.curve(
            Style(Role.FAINT, Qt.PenStyle.DashLine), "between points: not computed"
        )
        self.cells = CellsItem()
        self.box.addItem(self.cells)
        self.rings = self._scatter(Role.SECOND, "o", RING_SIZE, "○", "plateau")
        self.points = pg.ScatterPlotItem(size=POINT_SIZE, hoverable=True, tip=self._tip)
        self.box.addItem(self.points)
        self._best = self._scatter(Role.SECOND, "star", BEST_SIZE, "★", "best")
        self._present = self._scatter(Role.TEXT, "crosshair", PRESENT_SIZE, "⊕", "sliders")
        self._styles[self.cells] = Style(Role.TEXT)
        self._entries.insert(0, (self.cells, "▨", "between points: not computed"))

    # ---- what is drawn ---------------------------------------------------------------------

    def show_landscape(
        self, landscape: Landscape | None, distance: float, present: Mapping[str, KnobValue]
    ) -> None:
        """Show another landscape, or none.

        Parameters
        ----------
        landscape : Landscape, optional
        distance : float
            Of the plateau, below the best score.
        present : mapping of str to number
            Where the knobs stand.
        """
        self._landscape = landscape if landscape is not None and landscape.scores else None
        is_map = self._landscape is not None and len(self._landscape.request.axes) == 2
        is_curve = self._landscape is not None and not is_map
        for item in (self.rings, self.points, self._best, self._present):
            item.setVisible(self._landscape is not None)
        self._band.setVisible(is_curve)
        self._joins.setVisible(is_curve)
        self.cells.setVisible(is_map)
        self._bar.show(is_map)
        if self._landscape is not None:
            self._show_axes(self._landscape)
            self._show_points(self._landscape, distance, present)
        self._write_legend()

    def show_colors(self, colors: PlotColors) -> None:
        """Draw in the colours of another theme."""
        super().show_colors(colors)
        self.rings.setBrush(None)
        self.rings.setPen(pg.mkPen(colors.of(Role.SECOND), width=2))
        self._present.setBrush(None)
        self._present.setPen(pg.mkPen(colors.of(Role.TEXT), width=2))
        self.points.setPen(pg.mkPen(colors.of(Role.TEXT), width=0.7))
        self.cells.set_outline(colors.of(Role.SECOND))

    def _scatter(
        self, role: Role, symbol: str, size: int, sample: str, name: str
    ) -> pg.ScatterPlotItem:
        item = pg.ScatterPlotItem(symbol=symbol, size=size)
        self._add(item, Style(role))
        self._entries.append((item, sample, name))
        return item

    def _show_axes(self, landscape: Landscape) -> None:
        axes = landscape.request.axes
        self._below.setLabel(_axis_label(axes[0]))
        self._below.setTicks([_ticks(axes[0])])
        extents = [_widened(0.0, len(axis.values) - 1.0) for axis in axes]
        if len(axes) == 2:
            self._left.setLabel(_axis_label(axes[1]))
            self._left.setTicks([_ticks(axes[1])])
        else:
            self._left.setLabel(SCORE)
            self._left.setTicks(None)
            extents.append(_widened(*_range_of(landscape)))
        self.show_extent(extents[0], extents[1])

    def _show_points(
        self, landscape: Landscape, distance: float, present: Mapping[str, KnobValue]
    ) -> None:
        positions, (lowest, highest) = list(landscape.scores), _range_of(landscape)
        shades = self._shades(landscape, lowest, highest)
        plateau, best = landscape.plateau(distance), landscape.best
        assert best is not None  # there is a point
        self.points.setData(
            pos=[self._place(position) for position in positions],
            data=positions,
            brush=[pg.mkBrush(shades[position]) for position in positions],
        )
        self.rings.setData(pos=[self._place(position) for position in sorted(plateau)])
        self._best.setData(pos=[self._place(best)])
        self._show_present(landscape, present)
        if len(best) == 2:
            self._bar.show_range(lowest, highest)
            self.cells.show_cells(
                (
                    (rectangle_of(cell), _mean_color([shades[at] for at in cell.corners]))
                    for cell in landscape.cells
                ),
                [rectangle_of(one) for one in landscape.cells if plateau.issuperset(one.corners)],
            )
        else:
            places = np.array([self._place(position) for position in sorted(positions)])
            self._joins.setData(places[:, 0], places[:, 1])
            self._band.setRegion((highest - distance, highest))

    def _shades(
        self, landscape: Landscape, lowest: float, highest: float
    ) -> dict[Position, QColor]:
        values = np.array([score.value for score in landscape.scores.values()])
        shades = self._color_map.map((values - lowest) / (highest - lowest), mode="qcolor")
        return dict(zip(landscape.scores, shades, strict=True))

    def _show_present(self, landscape: Landscape, present: Mapping[str, KnobValue]) -> None:
        """Mark where the sliders stand, if that is on the map; a curve has it where it is known."""
        position = landscape.request.position_with(present)
        if position is not None and len(position) == 1 and position not in landscape.scores:
            position = None
        self._present.setData(pos=[] if position is None else [self._place(position)])
        self._present.setVisible(position is not None)

    # ---- what is pointed at ----------------------------------------------------------------

    def position_at(self, scene_place: QPointF) -> Position | None:
        """Return the point that was computed at a place of the scene, else the nearest position.

        None where the place is outside the axes, or nothing is shown.
        """
        landscape = self._landscape
        if landscape is None or not self.box.sceneBoundingRect().contains(scene_place):
            return None
        distances = {
            position: _length(self.scene_place(position) - scene_place)
            for position in landscape.scores
        }
        nearest = min(distances, key=distances.__getitem__)
        if distances[nearest] <= CLICK_REACH:
            return nearest
        place = self.box.mapSceneToView(scene_place)
        return tuple(
            min(max(round(where), 0), len(axis.values) - 1)
            for axis, where in zip(landscape.request.axes, (place.x(), place.y()), strict=False)
        )

    def scene_place(self, position: Position) -> QPointF:
        """Return where in the scene a point is drawn."""
        place: QPointF = self.box.mapViewToScene(QPointF(*self._place(position)))
        return place

    def _place(self, position: Position) -> tuple[float, float]:
        if len(position) == 2:
            return float(position[0]), float(position[1])
        assert self._landscape is not None  # only what is drawn has a place
        return float(position[0]), self._landscape.scores[position].value

    def _tip(self, x: float, y: float, data: Position) -> str:
        landscape = self._landscape
        if landscape is None or data not in landscape.scores:
            return ""
        score = landscape.scores[data]
        values = landscape.request.values_at(data).items()
        return "\n".join(
            (
                *(f"{_title(name)}: {value_text(name, value)}" for name, value in values),
                f"score {score.value:.4f}",
                f"topology {score.topo:.4f}, surface {score.surface_dice:.4f}, VOI {score.voi:.4f}",
            )
        )


def _title(name: str) -> str:
    return described_knobs(Setting)[name].title


def _axis_label(axis: Axis) -> str:
    knob = described_knobs(Setting)[axis.name]
    return f"{knob.title} ({knob.unit})" if knob.unit else knob.title


def _ticks(axis: Axis) -> list[tuple[float, str]]:
    """Return some numbers of an axis with the text of their values, the ends among them."""
    last = len(axis.values) - 1
    steps = min(MOST_TICKS - 1, last)
    numbers = sorted({round(step * last / steps) for step in range(steps + 1)})
    return [(float(at), _tick(axis.values[at])) for at in numbers]


def _tick(value: KnobValue) -> str:
    if isinstance(value, bool):
        return "on" if value else "off"
    return f"{value:g}"


def _range_of(landscape: Landscape) -> tuple[float, float]:
    values = [score.value for score in landscape.scores.values()]
    return min(values), max(*values, min(values) + FLAT)


def _widened(lowest: float, highest: float) -> tuple[float, float]:
    margin = MARGIN * (highest - lowest)
    return lowest - margin, highest + margin


def _mean_color(colors: list[QColor]) -> QColor:
    channels = np.mean([color.getRgb()[:3] for color in colors], axis=0)
    return QColor(*(round(float(channel)) for channel in channels))


def _length(way: QPointF) -> float:
    return math.hypot(way.x(), way.y())
