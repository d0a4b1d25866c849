"""The plots of one session, side by side, or one at a time where there is no room for that."""

from __future__ import annotations

from typing import Any

from qtpy.QtCore import QSize, QTimer
from qtpy.QtGui import QResizeEvent
from qtpy.QtWidgets import QHBoxLayout, QTabBar, QVBoxLayout, QWidget

from napari_nx46.viewer.canvas.run_after_paint import RunAfterPaint
from napari_nx46.viewer.plots.colors import plot_colors
from napari_nx46.viewer.plots.curve_page import CurvePage
from napari_nx46.viewer.plots.figures_page import FiguresPage
from napari_nx46.viewer.plots.histogram_page import HistogramPage
from napari_nx46.viewer.plots.page import Page
from napari_nx46.viewer.plots.profile_page import ProfilePage
from napari_nx46.viewer.qt.connections import Connections
from napari_nx46.viewer.window.viewer_session import ViewerSession

__all__ = ["PlotsPanel"]

LONGEST_LAG_MILLISECONDS = 400
"""While a slider is dragged the plots follow no oftener than this: painting them takes the time in
which the canvas would be drawn. As soon as it rests they catch up."""

NARROWEST_SIDE_BY_SIDE = 1100
SMALLEST = QSize(240, 150)
USUAL = QSize(900, 290)


class PlotsPanel(QWidget):
    """Histogram, profile, curves and figures of a session.

    Parameters
    ----------
    viewer_session : ViewerSession

    Attributes
    ----------
    histogram : HistogramPage
    profile : ProfilePage
    curve : CurvePage
    figures : FiguresPage
    pages : tuple of Page
        All of them.
    tabs : QTabBar
        Chooses the page, where one at a time is shown.
    """

    def __init__(self, viewer_session: ViewerSession, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._viewer_session = viewer_session
        self.histogram = HistogramPage(viewer_session)
        self.profile = ProfilePage(viewer_session)
        self.curve = CurvePage(viewer_session)
        self.figures = FiguresPage(viewer_session)
        self.pages: tuple[Page, ...] = (self.histogram, self.profile, self.curve, self.figures)
        self.tabs = QTabBar()
        self.tabs.setExpanding(False)
        self.tabs.setDrawBase(False)
        self._arrange()
        self._after_draw = RunAfterPaint(viewer_session.viewer, self)
        self._lag = QTimer(self)
        self._lag.setSingleShot(True)
        self._lag.setInterval(LONGEST_LAG_MILLISECONDS)
        self._lag.timeout.connect(self.refresh)
        self._following = Connections(self)
        self._viewer_following = ViewerFollowing(self, viewer_session)
        self._update()
        self.show_theme()

    def refresh(self) -> None:
        """Show what is known now on the pages that are seen."""
        self._lag.stop()
        for page in self.pages:
            if page.isVisible():
                page.refresh()

    def show_theme(self, event: object = None) -> None:
        """Draw in the colours of the window's theme."""
        colors = plot_colors(self._viewer_session.viewer.theme)
        for page in self.pages:
            page.show_colors(colors)

    def soon(self, event: object = None) -> None:
        """Refresh once the canvas has been drawn and is left in peace, or has not been for long."""
        self._after_draw(self.refresh)
        if not self._lag.isActive():
            self._lag.start()

    def minimumSizeHint(self) -> QSize:
        """Return what one page at a time needs."""
        return SMALLEST

    def sizeHint(self) -> QSize:
        """Return a flat panel."""
        return USUAL

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Show the pages side by side where there is room."""
        super().resizeEvent(event)
        self._show_pages()

    def _update(self) -> None:
        session = self._viewer_session.session
        for signal in (
            session.setting_changed,
            session.figures_changed,
            session.band_changed,
            session.fragment_changed,
            self._viewer_session.curves.changed,
            self._viewer_session.profiles.changed,
        ):
            self._following.follow(signal, self.soon)

    def _arrange(self) -> None:
        row = QHBoxLayout()
        row.setContentsMargins(0, 0, 0, 0)
        for page in self.pages:
            self.tabs.addTab(page.title)
            row.addWidget(page, 0 if page is self.figures else 1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(2)
        layout.addWidget(self.tabs)
        layout.addLayout(row, 1)
        self.tabs.currentChanged.connect(self._show_pages)
        self._show_pages()

    def _show_pages(self) -> None:
        together = self.width() >= NARROWEST_SIDE_BY_SIDE
        self.tabs.setVisible(not together)
        current = self.pages[self.tabs.currentIndex()]
        for page in self.pages:
            page.title_label.setVisible(together)
            page.setVisible(together or page is current)


class ViewerFollowing:
    """Has a panel follow its window's theme and slice for as long as it is there.

    Parameters
    ----------
    panel : PlotsPanel
        Is to keep this object in an attribute.
    viewer_session : ViewerSession
    """

    def __init__(self, panel: PlotsPanel, viewer_session: ViewerSession) -> None:
        events = viewer_session.viewer.events, viewer_session.viewer.dims.events
        self._connected: list[tuple[Any, Any]] = [
            (events[0].theme, panel.show_theme),
            (events[1].current_step, panel.soon),
        ]
        for emitter, method in self._connected:
            emitter.connect(method)
        panel.destroyed.connect(self.end)

    def end(self) -> None:
        """Call nothing any more."""
        connected, self._connected = self._connected, []
        for emitter, method in connected:
            emitter.disconnect(method)
