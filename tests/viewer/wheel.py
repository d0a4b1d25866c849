"""The mouse wheel over a control."""

from __future__ import annotations

from qtpy.QtCore import QPoint, QPointF, Qt
from qtpy.QtGui import QWheelEvent
from qtpy.QtWidgets import QApplication, QComboBox


def turn_wheel(widget, notches=-1):
    """Turn the wheel over the middle of a widget."""
    middle = QPointF(widget.rect().center())
    event = QWheelEvent(
        middle,
        widget.mapToGlobal(middle),
        QPoint(),
        QPoint(0, 120 * notches),
        Qt.MouseButton.NoButton,
        Qt.KeyboardModifier.NoModifier,
        Qt.ScrollPhase.NoScrollPhase,
        False,
    )
    widget.window().windowHandle()  # only a window that is there gets events
    QApplication.sendEvent(widget, event)


def value_of(control):
    return control.currentIndex() if isinstance(control, QComboBox) else control.value()
