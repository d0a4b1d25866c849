"""What docks are laid out with."""

from __future__ import annotations

from qtpy.QtCore import QSize, Qt
from qtpy.QtWidgets import QFrame, QScrollArea


class VerticalScrollArea(QScrollArea):
    """A scroll area that is never narrower than what it shows."""

    def __init__(self) -> None:
        super().__init__()
        self.setWidgetResizable(True)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)

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
