"""The dock in which stores larger than memory are opened, and boxes of them chosen."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from qtpy.QtCore import QEvent
from qtpy.QtGui import QCloseEvent, QShowEvent
from qtpy.QtWidgets import QVBoxLayout, QWidget

from napari_nx46.data.fragments import StorePlace
from napari_nx46.data.fragments.boxes import Box
from napari_nx46.files.volumes.reading import ReadAs
from napari_nx46.live.scroll.store import Scroll, open_scroll
from napari_nx46.run.job import Job, Report
from napari_nx46.viewer.messages.notices import notify_error
from napari_nx46.viewer.qt.main_thread import MainThreadPoster
from napari_nx46.viewer.scroll.panel import ScrollPanel
from napari_nx46.viewer.scroll.store_row import StoreRow
from napari_nx46.viewer.tune.dock import TuneDock
from napari_nx46.viewer.widgets.layout import VerticalScrollArea, WrappedLabel
from napari_nx46.viewer.widgets.progress_row import ProgressRow
from napari_nx46.viewer.window.arrangement import TabbedDock
from napari_nx46.viewer.window.closing import guard_closing
from napari_nx46.viewer.window.docks import entry_of
from napari_nx46.viewer.window.session_dock import tune_dock_of
from napari_nx46.viewer.window.viewer_session import ViewerSession
from napari_nx46.voxels.workers import CancelCheck

if TYPE_CHECKING:
    import napari

__all__ = ["ScrollDock"]


class ScrollDock(TabbedDock):
    """Open a store larger than memory, place boxes on a map of it, tune them, and apply the result.

    Parameters
    ----------
    napari_viewer : napari.Viewer
        Its window gets the tuning dock, if it has none yet.

    Attributes
    ----------
    row : StoreRow
    panel : ScrollPanel or None
        Of the store that is open.
    """

    def __init__(self, napari_viewer: napari.Viewer) -> None:
        super().__init__(napari_viewer)
        self.panel: ScrollPanel | None = None
        self._tune: TuneDock | None = None
        self._job: Job[Scroll] | None = None
        self._boxes: tuple[Box, ...] = ()
        self.setWindowTitle("Scroll")
        self._post = MainThreadPoster(self)
        self.row = StoreRow()
        self.introduction = WrappedLabel(
            f"{entry_of(type(self)).help} Type where the store is, and open it; nothing but a small"
            " map of it is read."
        )
        self.progress_row = ProgressRow("Do not open it", "Opening the store")
        body = QWidget()
        self._body = QVBoxLayout(body)
        self._body.setContentsMargins(0, 0, 0, 0)
        self._body.addWidget(self.row)
        self._body.addWidget(self.progress_row)
        self._body.addWidget(self.introduction, 1)
        scrolled = VerticalScrollArea()
        scrolled.setWidget(body)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(4, 4, 4, 4)
        layout.addWidget(scrolled)
        self.row.wanted.connect(self.open)
        self._connect(tune_dock_of(self.viewer))

    def open(
        self,
        place: StorePlace,
        second: StorePlace | None = None,
        read_as: ReadAs | None = None,
    ) -> None:
        """Open a store behind the window, in the place of the one that is open.

        Parameters
        ----------
        place : StorePlace
            Its boxes are placed on the map.
        second : StorePlace, optional
            The store of the 2D path.
        read_as : ReadAs, optional
            What is read of probabilities.
        """
        if self._job is not None:
            self._job.close()
        self.row.show_place(place)
        if second is not None:
            self.row.fields["second"].setText(str(replace(second, boxes=())))

        def work(cancelled: CancelCheck, report: Report) -> Scroll:
            return open_scroll(place, read_as=read_as)

        job: Job[Scroll] = Job(self._post, "nx46-open-store")
        self._job = job
        self._boxes = place.boxes
        job.done.connect(self._show_scroll)
        job.failed.connect(notify_error)
        self.progress_row.follow(job)
        self.progress_row.say("Reading the metadata of the store")
        job.start(work)

    def showEvent(self, event: QShowEvent) -> None:
        """Take a place in the window, and follow the tuning dock that is there now."""
        super().showEvent(event)
        guard_closing(self)
        self._connect(tune_dock_of(self.viewer))
        self.place_soon()

    def closeEvent(self, event: QCloseEvent) -> None:
        """Stop what runs, and take the layers of the store away."""
        self._close_panel()
        super().closeEvent(event)

    def changeEvent(self, event: QEvent) -> None:
        """Follow nothing any more when napari takes the widget out of its dock."""
        super().changeEvent(event)
        if event.type() == QEvent.Type.ParentChange and self.parent() is None:
            self._follow_nothing()

    def _show_scroll(self, scroll: Scroll) -> None:
        self._close_panel()
        self.introduction.hide()
        self.row.show_scroll(scroll)
        self.panel = ScrollPanel(self.viewer, scroll, self.row, self._end_side_by_side)
        self.panel.tune_wanted.connect(self._tune_boxes)
        self._body.addWidget(self.panel, 1)
        self.layout().addWidget(self.panel.foot)
        self.panel.take_boxes(self._boxes)
        session = None if self._tune is None else self._tune.viewer_session
        self.panel.follow(session)
        if session is None:
            self.panel.store_layer.show(True)

    def _close_panel(self) -> None:
        panel, self.panel = self.panel, None
        if panel is not None:
            panel.close_all()
            for part, layout in ((panel, self._body), (panel.foot, self.layout())):
                layout.removeWidget(part)
                part.hide()
                part.deleteLater()

    def _tune_boxes(self, places: tuple[StorePlace, ...]) -> None:
        """Have the boxes tuned in the dock beside this one."""
        tune = tune_dock_of(self.viewer)
        try:
            tune.open_paths(*places)
        except (ValueError, OSError) as error:
            notify_error(error)
            return
        frame = tune.parentWidget()
        frame.show()
        frame.raise_()

    def _end_side_by_side(self) -> None:
        session = None if self._tune is None else self._tune.viewer_session
        if session is not None:
            session.side_by_side.show(False)

    def _connect(self, tune: TuneDock) -> None:
        if tune is self._tune:
            return
        self._follow_nothing(close=False)
        self._tune = tune
        tune.viewer_session_changed.connect(self._session_changed)
        self._session_changed(tune.viewer_session)

    def _follow_nothing(self, *, close: bool = True) -> None:
        if close:
            if self._job is not None:
                self._job.close()
            self._close_panel()
        if self._tune is not None:
            self._tune.viewer_session_changed.disconnect(self._session_changed)
            self._tune = None

    def _session_changed(self, viewer_session: ViewerSession | None) -> None:
        """Follow a session; where no store is open yet, open the one whose boxes it tunes."""
        if self.panel is not None:
            self.panel.follow(viewer_session)
            return
        first, *others = (None,) if viewer_session is None else viewer_session.paths
        if isinstance(first, StorePlace) and first.boxes and viewer_session is not None:
            second = next((one for one in others if isinstance(one, StorePlace)), None)
            self.open(first, second, viewer_session.session.dataset.read_as)
