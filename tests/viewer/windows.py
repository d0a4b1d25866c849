"""A window with a session on it, and what can be asked of it and done to it."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import Any

import numpy as np
from qtpy.QtCore import QMimeData, QPoint, QPointF, Qt, QUrl
from qtpy.QtGui import QDragEnterEvent, QDropEvent
from qtpy.QtWidgets import QApplication, QStyle, QStyleOptionSlider

from napari_nx46.run.export import export as runner
from napari_nx46.viewer.tune.dock import TuneDock
from napari_nx46.viewer.tune.read_out import ROWS
from tests.core.definition import defined_mask

PATIENCE = 60_000
SHAPES = {"a": (9, 40, 48), "b": (7, 36, 30), "c": (5, 24, 28)}
"""Of the fragments in the data folder of the tests, by image_id."""

MASK_COLOR = "#ff00ff"
MASK_RGB = (255, 0, 255)


@dataclass
class Opened:
    """A viewer, its dock and the robot that uses them."""

    viewer: Any
    dock: TuneDock
    qtbot: Any

    @property
    def viewer_session(self):
        return self.dock.viewer_session

    @property
    def session(self):
        return self.dock.viewer_session.session

    @property
    def panel(self):
        return self.dock.panel

    @property
    def export_panel(self):
        return self.dock.panel.export_panel

    @property
    def layer(self):
        return self.dock.viewer_session.overlay.layer

    def wait_until(self, condition):
        self.qtbot.waitUntil(condition, timeout=PATIENCE)

    def wait_until_exact(self):
        """Wait for the exact figures, and until the read-outs show them."""
        self.wait_until(lambda: self.session.figures.exact and self.session.figures.fragment_exact)
        self.wait_until(self.is_read_out)

    def is_read_out(self):
        """Return whether the read-outs show the newest figures: they are shown now and then."""
        read_out, figures = self.panel.read_out, self.session.figures
        shown = (
            read_out.threshold_label.text(),
            *(read_out.value_labels[row].text() for row in ROWS),
        )
        exact = (figures.exact, figures.exact, figures.exact, figures.fragment_exact)
        values = (
            figures.threshold,
            figures.slice_density,
            figures.block_density,
            figures.fragment_density,
        )
        return shown == tuple(
            "–" if value is None else f"{'' if is_exact else '≈ '}{value:.4f}"
            for value, is_exact in zip(values, exact, strict=True)
        )

    def click(self, button):
        self.qtbot.mouseClick(button, Qt.MouseButton.LeftButton)

    def focus(self, widget):
        """Give a widget of a drawn window the focus."""
        widget.window().activateWindow()
        widget.setFocus()
        self.wait_until(widget.hasFocus)

    def press(self, widget, key, times=1):
        for _ in range(times):
            self.qtbot.keyClick(widget, key)

    def type_into(self, spin_box, text):
        spin_box.selectAll()
        self.qtbot.keyClicks(spin_box, text)
        self.qtbot.keyClick(spin_box, Qt.Key.Key_Return)

    def pairs(self):
        return [(fragment.p3d.read(), fragment.p2d.read()) for fragment in self.session.dataset]

    def expected_mask(self, setting=None, image_id=None):
        """Return the mask by the plain definition: ``(Z, Y, X)``."""
        dataset = self.session.dataset
        which = dataset.image_ids.index(image_id or self.session.fragment.image_id)
        return defined_mask(self.pairs(), setting or self.session.setting, which)

    def show_mask_alone(self):
        """Hide all other layers, and show the mask opaque in a colour of its own."""
        for layer in self.viewer.layers:
            layer.visible = layer.name == self.layer.name
        self.layer.opacity = 1
        self.panel.overlay_panel.set_color(MASK_COLOR)

    def drawn_mask(self):
        """Return the displayed slice's mask as the canvas paints it, voxel by pixel."""
        picture = self.viewer.export_figure(scale_factor=1, flash=False)[..., :3]
        is_mask = np.all(picture == MASK_RGB, axis=-1)
        is_empty = np.all(picture == 0, axis=-1)
        assert np.all(is_mask | is_empty), "there are pixels of another colour"
        return is_mask.astype(np.uint8)

    def drawn_classes(self, layer_name, colors):
        """Return the classes of the displayed slice as a layer paints them in these colours."""
        viewer = self.viewer
        for layer in viewer.layers:
            layer.visible = layer.name == layer_name
        viewer.layers[layer_name].opacity = 1
        picture = viewer.export_figure(scale_factor=1, flash=False)[..., :3].astype(int)
        classes = np.full(picture.shape[:2], -1)
        classes[np.all(picture == 0, axis=-1)] = 0
        for kind, color in colors.items():
            rgb = [int(color[start : start + 2], 16) for start in (1, 3, 5)]
            classes[np.abs(picture - rgb).max(axis=-1) <= 1] = kind
        assert not (classes == -1).any(), "there are pixels of another colour"
        return classes


def handle_center(slider):
    """Return where a slider's handle is, in the slider."""
    option = QStyleOptionSlider()
    slider.initStyleOption(option)
    handle = slider.style().subControlRect(
        QStyle.ComplexControl.CC_Slider, option, QStyle.SubControl.SC_SliderHandle, slider
    )
    return handle.center()


def hold_slices(monkeypatch):
    """Make an export wait before it measures slices, until the first event is set.

    The second one is set once it waits.
    """
    release, begun = threading.Event(), threading.Event()
    measure_slices = runner.measure_slices

    def held(*arguments, **options):
        begun.set()
        assert release.wait(30)
        return measure_slices(*arguments, **options)

    monkeypatch.setattr(runner, "measure_slices", held)
    return release, begun


def drop(widget, *paths):
    """Drag local files onto a widget and let go."""
    mime = QMimeData()
    mime.setUrls([QUrl.fromLocalFile(str(path)) for path in paths])
    action, button = Qt.DropAction.CopyAction, Qt.MouseButton.LeftButton
    none = Qt.KeyboardModifier.NoModifier
    enter = QDragEnterEvent(QPoint(5, 5), action, mime, button, none)
    QApplication.sendEvent(widget, enter)
    assert enter.isAccepted()
    QApplication.sendEvent(widget, QDropEvent(QPointF(5, 5), action, mime, button, none))
