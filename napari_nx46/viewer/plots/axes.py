"""Axes to draw in: pyqtgraph's view box and axis items, without the menus of its `PlotItem`.

A `PlotItem` makes dozens of widgets that belong to nobody for a menu of its own; a dock that comes
and goes would leave them behind.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyqtgraph as pg
from qtpy.QtCore import QPointF, Qt

from napari_nx46.viewer.plots.colors import PlotColors, Role

__all__ = ["Axes", "Style"]

STALE_OPACITY = 0.45
FILL_OPACITY = 0.25
BAND_OPACITY = 0.3
LEFT_AXIS_WIDTH = 52
MARKER_SIZE = 9
LEGEND_SIZE = "8pt"

_SAMPLES = {
    Qt.PenStyle.SolidLine: "━",
    Qt.PenStyle.DashLine: "╍",
    Qt.PenStyle.DotLine: "┅",
    "t": "▼",
    "t1": "▲",
    "band": "■",
}
"""What stands in the legend for each kind of line and marker."""

Values = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Style:
    """How a curve, a line or markers are drawn.

    Parameters
    ----------
    role : Role
        Which colour of the theme.
    pattern : PenStyle
        Solid, dashed or dotted, so that nothing is reported by colour alone.
    width : float
        In pixels.
    fill : float, optional
        Fill down to this value.
    """

    role: Role
    pattern: Qt.PenStyle = Qt.PenStyle.SolidLine
    width: float = 1.5
    fill: float | None = None


class Axes:
    """A view box with a legend above, an axis on the left and, as a rule, one below.

    Parameters
    ----------
    graphics : pyqtgraph.GraphicsLayoutWidget
    row : int
        Of the layout; three rows are taken.
    x_label, y_label : str
        With their units; an empty `x_label` leaves the axis below out.
    log_y : bool
        Whether the y that are drawn are logarithms to the base 10.

    Attributes
    ----------
    box : pyqtgraph.ViewBox
    legend : pyqtgraph.LabelItem
    """

    def __init__(
        self,
        graphics: pg.GraphicsLayoutWidget,
        row: int,
        x_label: str,
        y_label: str,
        *,
        log_y: bool = False,
    ) -> None:
        self.box = pg.ViewBox(enableMenu=False)
        self.box.setMouseEnabled(x=True, y=False)
        self.legend = pg.LabelItem(justify="left", size=LEGEND_SIZE)
        self._left = _axis("left", y_label, self.box)
        self._left.setWidth(LEFT_AXIS_WIDTH)
        self._left.setLogMode(False, log_y)
        self._axes = [self._left]
        self._styles: dict[Any, Style] = {}
        self._entries: list[tuple[Any, str, str]] = []
        self._colors: PlotColors | None = None
        self._written: tuple[str, PlotColors] | None = None
        self._home: tuple[tuple[float, float], tuple[float, float]] | None = None
        graphics.addItem(self.legend, row, 1)
        graphics.addItem(self._left, row + 1, 0)
        graphics.addItem(self.box, row + 1, 1)
        if x_label:
            below = _axis("bottom", x_label, self.box)
            self._axes.append(below)
            graphics.addItem(below, row + 2, 1)

    # ---- what is drawn ---------------------------------------------------------------------

    def curve(self, style: Style, name: str) -> pg.PlotCurveItem:
        """Return a new curve; it is in the legend while it is shown."""
        item = pg.PlotCurveItem(antialias=True, fillLevel=style.fill)
        self._add(item, style)
        self._entries.append((item, _SAMPLES[style.pattern], name))
        return item

    def markers(self, style: Style, symbol: str, name: str = "") -> pg.ScatterPlotItem:
        """Return new markers at points; with a name they are in the legend while there are any."""
        item = pg.ScatterPlotItem(symbol=symbol, size=MARKER_SIZE)
        self._add(item, style)
        if name:
            self._entries.append((item, _SAMPLES[symbol], name))
        return item

    def line(self, style: Style, *, text_height: float | None = None) -> pg.InfiniteLine:
        """Return a new vertical line, hidden at first, that can be dragged.

        Parameters
        ----------
        style : Style
        text_height : float, optional
            Where its label is: 0 at the bottom, 1 at the top; without it there is none.
        """
        text = None if text_height is None else ""
        options = {"position": text_height, "movable": False}
        line = pg.InfiniteLine(movable=True, label=text, labelOpts=options)
        line.setVisible(False)
        line.setZValue(10)
        self._add(line, style)
        return line

    def band(self, style: Style, name: str) -> pg.LinearRegionItem:
        """Return a new horizontal band."""
        item = pg.LinearRegionItem(orientation="horizontal", movable=False)
        item.setZValue(-10)
        self._add(item, style)
        self._entries.append((item, _SAMPLES["band"], name))
        return item

    def show_curve(self, item: pg.PlotCurveItem, x: Values | None, y: Values | None) -> None:
        """Show other values of a curve, or no curve; one more x than y are the edges of steps."""
        known = x is not None and y is not None
        item.setVisible(known)
        if x is not None and y is not None:
            steps = "center" if len(x) > len(y) else None
            item.setData(x, y, connect="all" if steps else "finite", stepMode=steps)
        self._write_legend()

    def show_markers(
        self, item: pg.ScatterPlotItem, x: Sequence[float], y: Sequence[float]
    ) -> None:
        """Show markers at other points."""
        item.setVisible(bool(x))
        item.setData(x, y)
        self._write_legend()

    def show_stale(self, items: tuple[Any, ...], stale: bool) -> None:
        """Dim what is older than the sliders."""
        for item in items:
            item.setOpacity(STALE_OPACITY if stale else 1.0)

    # ---- what is seen ----------------------------------------------------------------------

    def show_extent(self, x: tuple[float, float], y: tuple[float, float]) -> None:
        """Show all of an extent, and nothing beyond it; a zoom within it stays as it is."""
        if (x, y) != self._home:
            along_x = self._home is None or self._home[0] != x
            self._home = (x, y)
            self.box.setLimits(xMin=x[0], xMax=x[1], yMin=y[0], yMax=y[1])
            self.box.setYRange(*y, padding=0)
            if along_x:
                self.box.setXRange(*x, padding=0)

    def x_at(self, scene_position: QPointF) -> float | None:
        """Return which x a point of the scene lies at; None where it is outside the axes."""
        if not self.box.sceneBoundingRect().contains(scene_position):
            return None
        return float(self.box.mapSceneToView(scene_position).x())

    def show_colors(self, colors: PlotColors) -> None:
        """Draw in the colours of another theme."""
        text = colors.of(Role.TEXT)
        for axis in self._axes:
            axis.setPen(colors.of(Role.FAINT))
            axis.setTextPen(text)
        for item, style in self._styles.items():
            _paint(item, style, colors)
        self._colors = colors
        self._write_legend()

    def _add(self, item: Any, style: Style) -> None:
        self._styles[item] = style
        self.box.addItem(item)

    def _write_legend(self) -> None:
        """Name what is shown, each beside a sample in its colour."""
        colors = self._colors
        if colors is None:
            return
        shown = [
            f"<span style='color:{colors.by_role[self._styles[item].role]}'>{sample}</span>"
            f"&nbsp;{name.replace(' ', '&nbsp;')}"
            for item, sample, name in self._entries
            if item.isVisible()
        ]
        text = "&nbsp;&nbsp; ".join(shown)
        if (text, colors) != self._written:
            self._written = (text, colors)
            self.legend.setText(text, color=colors.of(Role.TEXT))
            self.legend.setMinimumWidth(0)  # it is cut off rather than widen the plot


def _axis(side: str, label: str, box: pg.ViewBox) -> pg.AxisItem:
    axis = pg.AxisItem(side)
    axis.setLabel(label)
    axis.enableAutoSIPrefix(False)
    axis.linkToView(box)
    return axis


def _paint(item: Any, style: Style, colors: PlotColors) -> None:
    """Give an item its colours."""
    color = colors.of(style.role)
    pen = pg.mkPen(color, width=style.width, style=style.pattern)
    if isinstance(item, pg.LinearRegionItem):
        item.setBrush(colors.of(style.role, BAND_OPACITY))
        for edge in item.lines:
            edge.setPen(colors.of(style.role, BAND_OPACITY))
    elif isinstance(item, pg.ScatterPlotItem):
        item.setPen(colors.of(Role.TEXT))
        item.setBrush(color)
    else:
        item.setPen(pen)
    if isinstance(item, pg.InfiniteLine):
        item.setHoverPen(pg.mkPen(colors.of(Role.SECOND), width=style.width + 1))
        if hasattr(item, "label"):
            item.label.setColor(color)
            item.label.fill = pg.mkBrush(colors.background)
    if style.fill is not None:
        item.setBrush(colors.of(style.role, FILL_OPACITY))
