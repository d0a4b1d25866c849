"""The map of a store: two slices through it, with the boxes to be moved and resized on them."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pyqtgraph as pg
from qtpy.QtCore import QRectF, Qt, Signal
from qtpy.QtWidgets import QHBoxLayout, QSizePolicy, QSlider, QVBoxLayout, QWidget

from napari_nx46.data.fragments.boxes import Box
from napari_nx46.live.scroll.boxes import BoxChoice
from napari_nx46.live.scroll.overview import Overview
from napari_nx46.run.okabe_ito import ORANGE, PURPLE, SKY
from napari_nx46.viewer.messages.plain_text import PlainLabel, plain_tip
from napari_nx46.viewer.qt.connections import Connections
from napari_nx46.viewer.widgets.contrast import BLACK

__all__ = ["MapView", "Plane"]

X_AXIS = 2
LEAST_HEIGHT = 240
CHOSEN, OTHER, LINE = ORANGE, SKY, PURPLE
TIP = (
    "Drag a box to move it, its corners to resize it; double-click to add one. The dashed line is "
    "where the other slice lies; drag it, or turn the wheel over a slice to zoom"
)


class Plane(pg.ViewBox):
    """A slice of the map across z or y, with what each box covers of it.

    Parameters
    ----------
    across : int
        The axis that the slice lies across, 0 or 1; the other one runs downwards.
    boxes : BoxChoice

    Attributes
    ----------
    rois : list of pyqtgraph.RectROI
        One for each box, in their order.
    line : pyqtgraph.InfiniteLine
        Where the other plane lies.
    """

    def __init__(self, across: int, boxes: BoxChoice) -> None:
        super().__init__(enableMenu=False, invertY=True, lockAspect=True)
        self.across, self.down = across, 1 - across
        self._boxes = boxes
        self.at = boxes.shape[across] / 2
        self._image = pg.ImageItem(axisOrder="row-major")
        self.addItem(self._image)
        self.line = pg.InfiniteLine(boxes.shape[self.down] / 2, angle=0, movable=True)
        self.line.setBounds((0, boxes.shape[self.down] - 1))
        self.line.setZValue(5)
        self.addItem(self.line)
        self.rois: list[pg.RectROI] = []
        self.line.setPen(pg.mkPen(LINE, width=1.5, style=Qt.PenStyle.DashLine))
        self.line.setHoverPen(pg.mkPen(LINE, width=3))

    def show_map(self, overview: Overview) -> None:
        """Show the slice of a map at the place of this plane."""
        voxels = np.asarray(overview.plane(self.across, self.at), np.float32)
        self._image.setImage(voxels, levels=overview.limits, autoLevels=False)
        height = voxels.shape[0] * overview.cell[self.down]
        self._image.setRect(QRectF(0, 0, voxels.shape[1] * overview.cell[X_AXIS], height))

    def show_all(self) -> None:
        """Fit the view to the whole volume."""
        shape = self._boxes.shape
        self.setRange(QRectF(0, 0, shape[X_AXIS], shape[self.down]), padding=0.02)

    def show_boxes(self) -> None:
        """Show the boxes as they are now."""
        boxes = self._boxes.boxes
        while len(self.rois) > len(boxes):
            roi = self.rois.pop()
            self.removeItem(roi)
        while len(self.rois) < len(boxes):
            self._add_roi()
        for roi, box in zip(self.rois, boxes, strict=True):
            roi.blockSignals(True)
            (x, y), (width, height) = self._rectangle(box)
            roi.setPos((x, y), update=False)
            roi.setSize((width, height))
            roi.blockSignals(False)
        self._draw_boxes()

    def box_of(self, roi: pg.RectROI, box: Box) -> Box:
        """Return a box with what a rectangle says of it, in whole voxels within the volume."""
        (x, y), (width, height) = roi.pos(), roi.size()
        start, size = list(box.start), list(box.shape)
        for axis, first, length in ((X_AXIS, x, width), (self.down, y, height)):
            start[axis] = math.floor(first + 0.5)
            size[axis] = max(1, math.floor(first + length + 0.5) - start[axis])
        return self._boxes.moved_inside(start, size)

    def _rectangle(self, box: Box) -> tuple[tuple[int, int], tuple[int, int]]:
        across = box.start[X_AXIS], box.start[self.down]
        return across, (box.shape[X_AXIS], box.shape[self.down])

    def _add_roi(self) -> None:
        roi = pg.RectROI((0, 0), (1, 1))
        roi.addScaleHandle([0, 0], [1, 1])
        roi.setAcceptedMouseButtons(Qt.MouseButton.LeftButton)
        roi.sigRegionChangeFinished.connect(self._dragged)
        roi.sigRegionChangeStarted.connect(self._taken)
        roi.sigClicked.connect(self._taken)
        roi.setZValue(10)
        self.rois.append(roi)
        self.addItem(roi)

    def _taken(self, roi: pg.RectROI, *_: Any) -> None:
        self._boxes.choose(self.rois.index(roi))

    def _dragged(self, roi: pg.RectROI) -> None:
        number = self.rois.index(roi)
        self._boxes.change(number, self.box_of(roi, self._boxes.boxes[number]))

    def _draw_boxes(self) -> None:
        for number, (roi, box) in enumerate(zip(self.rois, self._boxes.boxes, strict=True)):
            is_chosen = number == self._boxes.chosen
            is_cut = box.start[self.across] <= self.at < box.stop[self.across]
            color = CHOSEN if is_chosen else OTHER
            style = Qt.PenStyle.SolidLine if is_cut else Qt.PenStyle.DotLine
            roi.setPen(pg.mkPen(color, width=2.5 if is_chosen else 1.5, style=style))


class MapView(QWidget):
    """The map of a store, a slice across z above one across y, and the boxes on both.

    Parameters
    ----------
    boxes : BoxChoice

    Attributes
    ----------
    planes : tuple of Plane
        Across z and across y.
    z_slider : QSlider
    moved : Signal()
        Another slice is shown.
    """

    moved = Signal()

    def __init__(self, boxes: BoxChoice, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._boxes = boxes
        self._overview: Overview | None = None
        self.graphics = pg.GraphicsLayoutWidget()
        self.graphics.setBackground(BLACK)  # as the map is where there is nothing, in every theme
        self.graphics.setMinimumSize(120, LEAST_HEIGHT)
        # Else the scroll area would give it the height that Qt proposes, and hide what is below.
        self.graphics.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Ignored)
        self.graphics.ci.setSpacing(4)
        self.graphics.ci.setContentsMargins(2, 2, 2, 2)
        self.graphics.setAccessibleName("Map of the store")
        self.graphics.setToolTip(plain_tip(TIP))
        self.planes = Plane(0, boxes), Plane(1, boxes)
        for row, plane in enumerate(self.planes):
            self.graphics.addItem(plane, row, 0)
        self.graphics.ci.layout.setRowStretchFactor(0, 3)
        self.graphics.ci.layout.setRowStretchFactor(1, 2)
        depth = boxes.shape[0]
        self.z_slider = QSlider(Qt.Orientation.Horizontal)
        self.z_slider.setRange(0, depth - 1)
        self.z_slider.setValue(depth // 2)
        self.z_slider.setPageStep(max(1, depth // 20))
        self.z_slider.setAccessibleName("Slice of the map along z")
        self.z_label = PlainLabel()
        row = QHBoxLayout()
        row.addWidget(PlainLabel("z"))
        row.addWidget(self.z_slider, 1)
        row.addWidget(self.z_label)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.graphics, 1)
        layout.addLayout(row)
        self.z_slider.valueChanged.connect(self._show_z)
        above, below = self.planes
        above.line.sigPositionChanged.connect(self._line_moved)
        below.line.sigPositionChanged.connect(self._line_moved)
        self.graphics.scene().sigMouseClicked.connect(self._clicked)
        self._following = Connections(self)
        self._following.follow(boxes.changed, self._show_boxes)
        self._show_z(self.z_slider.value())
        self._show_boxes()
        for plane in self.planes:
            plane.show_all()

    @property
    def center(self) -> tuple[float, float, float]:
        """Where both slices and the middle of what is shown meet, along (z, y, x)."""
        above, below = self.planes
        x = above.viewRect().center().x()
        return above.at, below.at, min(max(0.0, x), float(self._boxes.shape[X_AXIS]))

    def show_map(self, overview: Overview) -> None:
        """Show a map."""
        self._overview = overview
        for plane in self.planes:
            plane.show_map(overview)

    def go_to(self, box: Box) -> None:
        """Have both slices go through the middle of a box."""
        z, y = ((box.start[axis] + box.stop[axis]) // 2 for axis in (0, 1))
        self.z_slider.setValue(z)
        self.planes[0].line.setValue(y)

    def _show_z(self, z: int) -> None:
        self.z_label.setText(f"{z} of {self._boxes.shape[0]}")
        self.planes[1].line.setValue(z)
        self._move(self.planes[0], z)

    def _line_moved(self, line: pg.InfiniteLine) -> None:
        below = self.planes[1]
        if line is below.line:
            self.z_slider.setValue(round(line.value()))
        else:
            self._move(below, line.value())

    def _move(self, plane: Plane, at: float) -> None:
        plane.at = at
        if self._overview is not None:
            plane.show_map(self._overview)
        plane.show_boxes()
        self.moved.emit()

    def _clicked(self, event: Any) -> None:
        """Add a box where the map was double-clicked."""
        if not event.double() or event.button() != Qt.MouseButton.LeftButton:
            return
        for plane in self.planes:
            if plane.sceneBoundingRect().contains(event.scenePos()):
                place = plane.mapSceneToView(event.scenePos())
                center = [plane.at, plane.at, place.x()]
                center[plane.down] = place.y()
                self._boxes.add(center)

    def _show_boxes(self) -> None:
        for plane in self.planes:
            plane.show_boxes()
