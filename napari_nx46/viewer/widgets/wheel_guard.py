"""Keeping the mouse wheel from changing values while it scrolls a dock."""

from __future__ import annotations

from qtpy.QtCore import QEvent, QObject, Qt, QTimer
from qtpy.QtWidgets import (
    QAbstractButton,
    QAbstractSlider,
    QAbstractSpinBox,
    QApplication,
    QComboBox,
    QLabel,
    QScrollBar,
    QTabBar,
    QWidget,
)

CONTROLS = (QAbstractSlider, QAbstractSpinBox, QComboBox, QTabBar)
"""What takes another value under the wheel."""
LEAVES = (QLabel, QAbstractButton)
"""What holds no other widgets, and takes no wheel."""


class WheelGuard(QObject):
    """Leaves the wheel to a scroll bar, whatever control of some content is under the mouse.

    This holds for controls with the focus as well: who has clicked a slider and then scrolls on,
    with the mouse still over it, would change a value without noticing. Controls that are added
    later are found when they are added.

    Parameters
    ----------
    content : QWidget
        What holds the controls; becomes the parent of the guard.
    bar : QScrollBar, optional
        None where nothing can be scrolled: the wheel then does nothing.
    """

    def __init__(self, content: QWidget, bar: QScrollBar | None) -> None:
        super().__init__(content)
        self._content = content
        self._bar = bar
        self._look = QTimer(self)
        self._look.setSingleShot(True)
        self._look.setInterval(0)
        self._look.timeout.connect(self._guard_all)
        self._content.installEventFilter(self)
        self._look.start()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Give the wheel of a control to the scroll bar; look for new controls."""
        kind = event.type()
        if kind == QEvent.Type.Wheel and _is_control(watched):
            if self._bar is not None:
                QApplication.sendEvent(self._bar, event)
            return True
        if kind in (QEvent.Type.ChildAdded, QEvent.Type.ChildPolished):
            # A child that is being made is not yet of its own class.
            self._look.start()
        return False

    def _guard_all(self) -> None:
        for widget in self._content.findChildren(QWidget):
            if not isinstance(widget, LEAVES):
                widget.installEventFilter(self)
            # Focus that comes with the wheel would end what is being typed elsewhere.
            if _is_control(widget) and widget.focusPolicy() == Qt.FocusPolicy.WheelFocus:
                widget.setFocusPolicy(Qt.FocusPolicy.StrongFocus)


def _is_control(widget: QObject) -> bool:
    return isinstance(widget, CONTROLS) and not isinstance(widget, QScrollBar)
