"""A line over the canvas that says which mask is shown, while it is not the sliders' own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtCore import Qt
from qtpy.QtWidgets import QLabel

from napari_nx46.live.masks.choices import LIVE
from napari_nx46.live.masks.mask_switch import MaskSwitch
from napari_nx46.viewer.canvas.access import Canvas
from napari_nx46.viewer.messages.plain_text import PlainLabel

if TYPE_CHECKING:
    import napari

PLACE = (8, 8)
STYLE = (
    "background-color: rgba(0, 0, 0, 170); color: white; border-radius: 3px; padding: 3px 8px;"
    " font-size: 15px;"
)
"""The same in all themes: it lies over the picture."""


class ShownNote:
    """Names the mask that is shown in the corner of the canvas.

    It is a label of Qt's: napari's own text overlay takes longer to draw than the mask.

    Parameters
    ----------
    viewer : napari viewer
    flip : MaskSwitch
    """

    def __init__(self, viewer: napari.Viewer, flip: MaskSwitch) -> None:
        self._canvas = Canvas(viewer)
        self._label: QLabel | None = None
        flip.changed.connect(self.show)

    @property
    def text(self) -> str:
        """What is said; empty where nothing is."""
        return "" if self._label is None or self._label.isHidden() else self._label.text()

    def show(self, name: str) -> None:
        """Name a mask; the sliders' own needs no name."""
        if name == LIVE:
            self._hide()
            return
        label = self._label or self._make()
        if label is not None:
            label.setText(note_of(name))
            label.adjustSize()
            label.show()

    def remove(self) -> None:
        """Take the label off the canvas."""
        self._hide()
        if self._label is not None:
            self._label.deleteLater()
            self._forget()

    def _hide(self) -> None:
        if self._label is not None:
            self._label.hide()

    def _make(self) -> QLabel | None:
        canvas = self._canvas.widget
        if canvas is None:
            return None
        self._label = label = PlainLabel(parent=canvas)
        label.setStyleSheet(STYLE)
        label.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        label.move(*PLACE)
        label.destroyed.connect(self._forget)
        return label

    def _forget(self) -> None:
        """Let go of a label that goes with its canvas."""
        self._label = None


def note_of(name: str) -> str:
    """Return what the canvas says of a mask that is not the sliders' own."""
    return f"shown: {name}"
