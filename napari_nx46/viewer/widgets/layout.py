"""What docks are laid out with."""

from __future__ import annotations

import re

from qtpy.QtCore import QEvent, QObject, QSize, Qt
from qtpy.QtWidgets import QFrame, QLabel, QScrollArea

from napari_nx46.viewer.messages.plain_text import PlainLabel, printable_lines
from napari_nx46.viewer.widgets.wheel_guard import WheelGuard

_MAY_BREAK = "\N{ZERO WIDTH SPACE}"
_LONG_WORD = re.compile(r"\S{16}(?=\S)")


class VerticalScrollArea(QScrollArea):
    """A scroll area that is never narrower than its content; the wheel only scrolls it."""

    def __init__(self) -> None:
        super().__init__()
        self.setWidgetResizable(True)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self._known_width = 0
        self._wheel_guard = WheelGuard(self.viewport(), self.verticalScrollBar())

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Notify the dock when the content needs more or less width, as under a new style sheet."""
        if event.type() == QEvent.Type.LayoutRequest and watched is self.widget():
            width = self.minimumSizeHint().width()
            if width != self._known_width:
                self._known_width = width
                self.updateGeometry()
        return bool(super().eventFilter(watched, event))

    def minimumSizeHint(self) -> QSize:
        """Return the width of the content with a scroll bar beside it."""
        hint = super().minimumSizeHint()
        content = self.widget().minimumSizeHint().width() if self.widget() else 0
        # A style sheet can give it a frame all the same.
        frame = 2 * self.frameWidth()
        hint.setWidth(content + self.verticalScrollBar().sizeHint().width() + frame)
        return hint


def rule() -> QFrame:
    """Return a line between two groups of controls."""
    rule = QFrame()
    rule.setFrameShape(QFrame.Shape.HLine)
    rule.setFrameShadow(QFrame.Shadow.Sunken)
    return rule


class WrappedLabel(PlainLabel):
    """A label of several lines, plain text; even a path or a SHA-256 goes on in the next line."""

    def __init__(self, text: str = "") -> None:
        super().__init__()
        self.setAlignment(Qt.AlignmentFlag.AlignTop)
        self.setWordWrap(True)
        self.setText(text)

    def setText(self, text: str) -> None:
        """Show a text."""
        QLabel.setText(self, _LONG_WORD.sub(rf"\g<0>{_MAY_BREAK}", printable_lines(text)))

    def text(self) -> str:
        """Return the text that was reported."""
        return str(super().text()).replace(_MAY_BREAK, "")
