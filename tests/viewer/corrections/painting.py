"""A window in which masks are corrected by hand, and what is done there."""

from __future__ import annotations

import numpy as np
from qtpy.QtCore import QEvent, QPointF, QRectF, Qt
from qtpy.QtGui import QMouseEvent
from qtpy.QtWidgets import QApplication
from scipy import ndimage

from napari_nx46.viewer.canvas.access import Canvas
from napari_nx46.viewer.corrections.layer import COLORS, LAYER_NAME
from tests.voxels.test_corrections import defined

CONTROL, SHIFT = Qt.KeyboardModifier.ControlModifier, Qt.KeyboardModifier.ShiftModifier


class Painting:
    """A window in which masks are corrected."""

    def __init__(self, opened):
        self.opened = opened
        self.viewer = opened.viewer
        self.session = opened.session
        self.corrections = opened.viewer_session.corrections
        self.canvas = Canvas(opened.viewer).widget

    def pixel(self, row, column):
        """Return where the canvas draws a voxel of the displayed slice."""
        camera = self.viewer.scene.camera
        down, right = (
            (at - center) * camera.zoom
            for at, center in zip((row, column), camera.center[-2:], strict=True)
        )
        middle = QRectF(self.canvas.rect()).center()
        return (middle + QPointF(right, down)).toPoint()

    def pixel_in_3d(self, layer, voxel):
        """Return where the canvas draws a voxel of a layer, which may be hidden, in 3D."""
        transform = Canvas(self.viewer).node_of(layer).get_transform("visual", "canvas")
        x, y, _, w = transform.map((*voxel[::-1], 1.0))
        return QPointF(x / w, y / w).toPoint()

    def click(self, row, column, modifier=Qt.KeyboardModifier.NoModifier):
        self.click_at(self.pixel(row, column), modifier)

    def click_at(self, position, modifier=Qt.KeyboardModifier.NoModifier):
        self.opened.qtbot.mouseMove(self.canvas, position)
        self.opened.qtbot.mouseClick(self.canvas, Qt.MouseButton.LeftButton, modifier, position)

    def drag(self, first, last, modifier=Qt.KeyboardModifier.NoModifier):
        self.drag_at(self.pixel(*first), self.pixel(*last), modifier)

    def drag_at(self, start, end, modifier=Qt.KeyboardModifier.NoModifier):
        button = Qt.MouseButton.LeftButton
        self.opened.qtbot.mousePress(self.canvas, button, modifier, start)
        for share in (0.3, 0.7, 1.0):
            where = QPointF(start + (end - start) * share)
            globally = QPointF(self.canvas.mapToGlobal(where.toPoint()))
            kind, none = QEvent.Type.MouseMove, Qt.MouseButton.NoButton
            moved = QMouseEvent(kind, where, globally, none, button, modifier)
            QApplication.sendEvent(self.canvas, moved)
            self.opened.qtbot.wait(30)  # vispy drops what comes faster than it draws
        self.opened.qtbot.mouseRelease(self.canvas, button, modifier, end)

    def labels(self):
        return self.session.present_corrections.whole_labels()

    def expected(self):
        return defined(self.opened.expected_mask(), self.labels())

    def assert_is_shown(self):
        """Check mask and layer of the displayed slice, as session, layer and canvas have them."""
        session, plane = self.session, self.session.view.plane
        np.testing.assert_array_equal(session.mask_block(plane), self.expected()[plane])
        np.testing.assert_array_equal(self.opened.layer.data[plane], self.expected()[plane])
        np.testing.assert_array_equal(self.corrections.layer.data[plane], self.labels()[plane])

    def drawn(self):
        """Return the corrections of the displayed slice as the canvas paints them."""
        return self.opened.drawn_classes(LAYER_NAME, COLORS)


def component_at(mask, voxel):
    numbers, _ = ndimage.label(mask, np.ones((3, 3, 3)))
    return (numbers == numbers[voxel]) & (numbers > 0)
