"""Scrolling to a text that is laid out in several steps."""

from __future__ import annotations

from qtpy.QtCore import QEvent, QObject, QPoint
from qtpy.QtWidgets import QLabel, QScrollArea


class Reveal(QObject):
    """Scrolls to a label whose text has changed, and keeps it in sight until the user scrolls.

    A label that is higher than the area is shown from its first line on.

    Parameters
    ----------
    area : QScrollArea
        Becomes the parent.
    label : QLabel
        Somewhere in its content.
    """

    def __init__(self, area: QScrollArea, label: QLabel) -> None:
        super().__init__(area)
        self._area, self._label = area, label
        self._left_at: int | None = None
        label.installEventFilter(self)
        area.verticalScrollBar().rangeChanged.connect(self._go_on)

    def begin(self) -> None:
        """Scroll to the label now, and again with each step of its layout."""
        self._scroll()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Follow the label when it gets another size."""
        if event.type() == QEvent.Type.Resize:
            self._go_on()
        return False

    def _go_on(self) -> None:
        if self._left_at is None:
            return
        bar = self._area.verticalScrollBar()
        # Where the range has become smaller the bar keeps its value until all have heard of it.
        if min(bar.value(), bar.maximum()) == min(self._left_at, bar.maximum()):
            self._scroll()
        else:
            self._left_at = None

    def _scroll(self) -> None:
        """Scroll to the label as far as it is laid out."""
        area, label, bar = self._area, self._label, self._area.verticalScrollBar()
        top = label.mapTo(area.widget(), QPoint(0, 0)).y()
        for y in (top + min(label.height(), area.viewport().height()), top):
            area.ensureVisible(0, y, 0, 0)
        self._left_at = min(bar.value(), bar.maximum())
