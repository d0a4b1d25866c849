"""Scrolling to what is laid out in several steps."""

from __future__ import annotations

from qtpy.QtCore import QEvent, QObject, QPoint
from qtpy.QtWidgets import QScrollArea, QWidget


class Reveal(QObject):
    """Scrolls to what has changed, and keeps it in sight until the user scrolls.

    What is higher than the area is shown from its upper edge on.

    Parameters
    ----------
    area : QScrollArea
        Becomes the parent.
    """

    def __init__(self, area: QScrollArea) -> None:
        super().__init__(area)
        self._area = area
        self._shown: QWidget | None = None
        self._left_at: int | None = None
        area.verticalScrollBar().rangeChanged.connect(self._go_on)

    def begin(self, widget: QWidget) -> None:
        """Scroll to a widget of the area now, and again with each step of its layout."""
        if self._shown is not None:
            self._shown.removeEventFilter(self)
        self._shown = widget
        widget.installEventFilter(self)
        self._scroll(widget)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Follow the widget when it gets another size."""
        if event.type() == QEvent.Type.Resize:
            self._go_on()
        return False

    def _go_on(self) -> None:
        if self._left_at is None or self._shown is None:
            return
        bar = self._area.verticalScrollBar()
        # Where the range has become smaller the bar keeps its value until all have heard of it.
        if min(bar.value(), bar.maximum()) == min(self._left_at, bar.maximum()):
            self._scroll(self._shown)
        else:
            self._left_at = None

    def _scroll(self, widget: QWidget) -> None:
        """Scroll to a widget as far as it is laid out."""
        area, bar = self._area, self._area.verticalScrollBar()
        top = widget.mapTo(area.widget(), QPoint(0, 0)).y()
        for y in (top + min(widget.height(), area.viewport().height()), top):
            area.ensureVisible(0, y, 0, 0)
        self._left_at = min(bar.value(), bar.maximum())
