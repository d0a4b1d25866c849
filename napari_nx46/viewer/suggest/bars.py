"""A small plot of named shares, the largest first."""

from __future__ import annotations

from collections.abc import Mapping

from qtpy.QtCore import QRectF, QSize, Qt
from qtpy.QtGui import QPainter, QPaintEvent
from qtpy.QtWidgets import QSizePolicy, QWidget

from napari_nx46.viewer.plots.colors import PlotColors, Role

__all__ = ["ShareBars"]

MOST_BARS = 8
SPACE = 6


class ShareBars(QWidget):
    """Horizontal bars: a name, a bar, and a percentage each.

    Parameters
    ----------
    what : str
        What the shares are of, for those who cannot see them.
    colors : PlotColors
    """

    def __init__(self, what: str, colors: PlotColors) -> None:
        super().__init__()
        self._what = what
        self._colors = colors
        self._shares: tuple[tuple[str, float], ...] = ()
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.show_shares({})

    @property
    def shares(self) -> tuple[tuple[str, float], ...]:
        """The names and shares that are drawn."""
        return self._shares

    def show_shares(self, shares: Mapping[str, float]) -> None:
        """Draw the largest of some shares, and hide where there is none."""
        ranked = sorted(shares.items(), key=lambda pair: -pair[1])
        self._shares = tuple(ranked[:MOST_BARS])
        words = ", ".join(f"{name} {100 * share:.0f} %" for name, share in self._shares)
        self.setAccessibleName(f"{self._what}: {words}")
        self.setVisible(bool(self._shares))
        self.updateGeometry()
        self.update()

    def show_colors(self, colors: PlotColors) -> None:
        """Draw in other colours."""
        self._colors = colors
        self.update()

    def sizeHint(self) -> QSize:
        """Return a row for each bar."""
        return QSize(200, len(self._shares) * self._row_height)

    def minimumSizeHint(self) -> QSize:
        """Return the height of all bars, and room for a name and a bar."""
        return QSize(140, self.sizeHint().height())

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw the bars in the colours of the window's theme."""
        if not self._shares:
            return
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        metrics, row = self.fontMetrics(), self._row_height
        percent_width = metrics.horizontalAdvance("100 %")
        widest = max(metrics.horizontalAdvance(name) for name, _ in self._shares)
        name_width = min(widest, self.width() // 2)
        room = max(1, self.width() - name_width - percent_width - 2 * SPACE)
        longest = max(share for _, share in self._shares) or 1.0
        text, bar = self._colors.of(Role.TEXT), self._colors.of(Role.FIRST)
        for number, (name, share) in enumerate(self._shares):
            top = number * row
            painter.setPen(text)
            shown = metrics.elidedText(name, Qt.TextElideMode.ElideRight, name_width)
            middle = Qt.AlignmentFlag.AlignVCenter
            painter.drawText(
                QRectF(0, top, name_width, row), middle | Qt.AlignmentFlag.AlignRight, shown
            )
            length = max(1.0, room * share / longest)
            painter.fillRect(QRectF(name_width + SPACE, top + 3, length, row - 6), bar)
            place = QRectF(name_width + 2 * SPACE + length, top, percent_width, row)
            painter.drawText(place, middle, f"{100 * share:.0f} %")
        painter.end()

    @property
    def _row_height(self) -> int:
        return int(self.fontMetrics().height()) + 4
