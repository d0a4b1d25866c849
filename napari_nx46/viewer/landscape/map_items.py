"""What a map of the score is drawn with beside points: hatched cells, an outline, a colour bar."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
import pyqtgraph as pg
from qtpy.QtCore import QRectF, Qt
from qtpy.QtGui import QBrush, QColor, QPainter, QPainterPath, QPen
from qtpy.QtWidgets import QStyleOptionGraphicsItem, QWidget

from napari_nx46.run.landscape.lattice import Cell

__all__ = ["CellsItem", "ColorBar", "rectangle_of"]

PALE, HATCH = 0.35, 0.28
"""Opacity of what lies between points, and of the hatching over it."""

OUTLINE_WIDTH = 2.5
STEPS_OF_BAR = 256
BAR_WIDTH = 12


class CellsItem(pg.GraphicsObject):
    """Cells between computed points, paler than these and hatched, some of them outlined."""

    def __init__(self) -> None:
        super().__init__()
        self.cells: tuple[tuple[QRectF, QColor], ...] = ()
        self._outline = QPainterPath()
        self._hatch = self._ring = QColor()
        self.setZValue(-5)

    def setPen(self, pen: QPen) -> None:
        """Hatch in the colour of a pen."""
        self._hatch = QColor(pen.color())
        self._hatch.setAlphaF(HATCH)
        self.update()

    def set_outline(self, color: QColor) -> None:
        """Outline in a colour."""
        self._ring = color
        self.update()

    def show_cells(
        self, cells: Iterable[tuple[QRectF, QColor]], outlined: Sequence[QRectF]
    ) -> None:
        """Show other cells.

        Parameters
        ----------
        cells : iterable of (QRectF, QColor)
        outlined : sequence of QRectF
            What is outlined, all of it together.
        """
        self.prepareGeometryChange()
        self.cells = tuple(cells)
        path = QPainterPath()
        for rectangle in outlined:
            part = QPainterPath()
            part.addRect(rectangle)
            path = path.united(part)
        self._outline = path.simplified()
        self.setVisible(bool(self.cells))
        self.update()

    def boundingRect(self) -> QRectF:
        """Return what all cells lie in."""
        bounds = QRectF()
        for rectangle, _ in self.cells:
            bounds = bounds.united(rectangle)
        return bounds

    def paint(
        self,
        painter: QPainter,
        option: QStyleOptionGraphicsItem,
        widget: QWidget | None = None,
    ) -> None:
        """Draw the cells."""
        to_pixels, _ = painter.worldTransform().inverted()
        hatch = QBrush(self._hatch, Qt.BrushStyle.BDiagPattern)
        hatch.setTransform(to_pixels)  # else it would be stretched like the axes
        for rectangle, color in self.cells:
            pale = QColor(color)
            pale.setAlphaF(PALE)
            painter.fillRect(rectangle, pale)
            painter.fillRect(rectangle, hatch)
        pen = QPen(self._ring, OUTLINE_WIDTH)
        pen.setCosmetic(True)
        painter.setPen(pen)
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.drawPath(self._outline)


class ColorBar:
    """Which colour stands for which score.

    Parameters
    ----------
    graphics : pyqtgraph.GraphicsLayoutWidget
    row, column : int
        Of the layout; two columns are taken.
    color_map : pyqtgraph.ColorMap
    """

    def __init__(
        self, graphics: pg.GraphicsLayoutWidget, row: int, column: int, color_map: pg.ColorMap
    ) -> None:
        self._box = pg.ViewBox(enableMenu=False)
        self._box.setMouseEnabled(x=False, y=False)
        self._image = pg.ImageItem(np.arange(STEPS_OF_BAR, dtype=np.float64)[np.newaxis])
        self._image.setLookupTable(color_map.getLookupTable(nPts=STEPS_OF_BAR))
        self._box.addItem(self._image)
        self.axis = pg.AxisItem("right")
        self.axis.setLabel("score")
        self.axis.enableAutoSIPrefix(False)
        self.axis.linkToView(self._box)
        graphics.addItem(self._box, row, column)
        graphics.addItem(self.axis, row, column + 1)
        self.show(False)

    def show(self, shown: bool) -> None:
        """Show the bar, or give its room back."""
        self._box.setVisible(shown)
        self.axis.setVisible(shown)
        width = BAR_WIDTH if shown else 0
        self._box.setMinimumWidth(width)
        self._box.setMaximumWidth(width)
        self.axis.setWidth(None if shown else 0)

    def show_range(self, lowest: float, highest: float) -> None:
        """Show which scores the ends stand for."""
        self._image.setRect(QRectF(0.0, lowest, 1.0, highest - lowest))
        self._box.setRange(xRange=(0.0, 1.0), yRange=(lowest, highest), padding=0)


def rectangle_of(cell: Cell) -> QRectF:
    """Return where a cell of a map lies."""
    (left, low), (right, high) = cell.start, cell.stop
    return QRectF(left, low, right - left, high - low)
