"""Colour, opacity and visibility of the mask."""

from __future__ import annotations

from qtpy.QtCore import Qt
from qtpy.QtGui import QColor
from qtpy.QtWidgets import (
    QCheckBox,
    QColorDialog,
    QHBoxLayout,
    QPushButton,
    QSlider,
    QWidget,
)
from superqt.utils import signals_blocked

from napari_nx46.viewer.canvas.overlay import Overlay, outline_color
from napari_nx46.viewer.messages.plain_text import PlainLabel
from napari_nx46.viewer.qt.connections import Connections

PERCENT = 100


class OverlayPanel(QWidget):
    """Controls of the mask layer; follows the layer where it is changed elsewhere."""

    def __init__(self, overlay: Overlay, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._overlay = overlay
        self.visible_box = QCheckBox("Mask")
        self.visible_box.setToolTip("Show the mask (H)")
        self.color_button = QPushButton()
        self.color_button.setFixedSize(28, 20)
        self.color_button.setToolTip("Colour of the mask")
        self.color_button.setAccessibleName("Colour of the mask")
        self.opacity_slider = QSlider(Qt.Orientation.Horizontal)
        self.opacity_slider.setRange(0, PERCENT)
        self.opacity_slider.setToolTip("Opacity of the mask")
        self.opacity_slider.setAccessibleName("Opacity of the mask")
        self.outline_box = QCheckBox("Outline")
        self.outline_box.setToolTip("Draw a line around the mask, which stands out on any colormap")
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.visible_box)
        layout.addWidget(self.color_button)
        layout.addWidget(self.outline_box)
        layout.addWidget(PlainLabel("Opacity"))
        layout.addWidget(self.opacity_slider, 1)
        self.visible_box.toggled.connect(self._set_visible)
        self.color_button.clicked.connect(self._choose_color)
        self.opacity_slider.valueChanged.connect(self._set_opacity)
        self.outline_box.toggled.connect(self._set_outline)
        overlay.layer.events.opacity.connect(self._show)
        self._following = Connections(self)
        self._following.follow(overlay.shown_changed, self._show_shown)
        self._following.follow(overlay.look_changed, self._show)
        self._show()

    def set_color(self, color: str) -> None:
        """Give the mask a colour, ``#rrggbb``."""
        self._overlay.color = color

    def _show(self, event: object = None) -> None:
        layer = self._overlay.layer
        with signals_blocked(self.visible_box), signals_blocked(self.opacity_slider):
            self.visible_box.setChecked(self._overlay.shown)
            self.opacity_slider.setValue(round(layer.opacity * PERCENT))
        with signals_blocked(self.outline_box):
            self.outline_box.setChecked(self._overlay.has_outline)
        color = self._overlay.color
        self.color_button.setStyleSheet(
            f"QPushButton {{ background-color: {color}; border: 1px solid gray; padding: 0px; }}"
            f"QPushButton:focus {{ border: 2px solid {outline_color(color)}; }}"
        )

    def _show_shown(self, shown: bool) -> None:
        self._show()

    def _set_visible(self, visible: bool) -> None:
        self._overlay.show(visible)

    def _set_outline(self, drawn: bool) -> None:
        self._overlay.has_outline = drawn

    def _set_opacity(self, percent: int) -> None:
        self._overlay.layer.opacity = percent / PERCENT

    def _choose_color(self) -> None:
        color = QColorDialog.getColor(QColor(self._overlay.color), self, "Colour of the mask")
        if color.isValid():
            self.set_color(color.name())
