"""A store that is open: its map, its boxes, and what is done with them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from qtpy.QtCore import Signal
from qtpy.QtWidgets import QHBoxLayout, QPushButton, QVBoxLayout, QWidget

from napari_nx46.data.fragments import StorePlace
from napari_nx46.data.fragments.boxes import Box
from napari_nx46.files.volumes.roles import Role
from napari_nx46.live.scroll.boxes import BoxChoice
from napari_nx46.live.scroll.overview import Overview, overview_work
from napari_nx46.live.scroll.store import Scroll, open_scroll
from napari_nx46.run.job import Job
from napari_nx46.viewer.messages.notices import notify_error
from napari_nx46.viewer.messages.plain_text import plain_tip
from napari_nx46.viewer.qt.connections import Connections
from napari_nx46.viewer.qt.main_thread import MainThreadPoster
from napari_nx46.viewer.scroll.apply_panel import ApplyPanel
from napari_nx46.viewer.scroll.box_panel import BoxPanel
from napari_nx46.viewer.scroll.map_view import MapView
from napari_nx46.viewer.scroll.shown_scroll import ResultView, StoreLayer
from napari_nx46.viewer.scroll.store_row import StoreRow
from napari_nx46.viewer.widgets.layout import WrappedLabel, rule
from napari_nx46.viewer.widgets.progress_row import ProgressRow

if TYPE_CHECKING:
    import napari

    from napari_nx46.viewer.window.viewer_session import ViewerSession

__all__ = ["ScrollPanel"]

TUNE_TIP = "Make each box a fragment of a data set, and tune masks of them"
SHOW_TIP = "Add the levels of the store to the viewer as one layer, read as you look at it"
SINGLE = "This store has a single level, whose slices are too large to be drawn from far away"


class ScrollPanel(QWidget):
    """The map and the boxes of a store, and buttons that tune them and apply the result.

    Parameters
    ----------
    viewer : napari.Viewer
    scroll : Scroll
    row : StoreRow
        Has what belongs to the store.
    end_side_by_side : callable
        Called before the result is shown: napari has one grid.

    Attributes
    ----------
    boxes : BoxChoice
    map_view : MapView
    box_panel : BoxPanel
    apply_panel : ApplyPanel
    store_layer : StoreLayer
    result : ResultView or None
    overview : Overview or None
    foot : QWidget
        What stays in sight below the map and the boxes.
    show_button, tune_button : QPushButton
    tune_wanted : Signal(tuple)
        The stores whose boxes are to be tuned.
    """

    tune_wanted = Signal(tuple)

    def __init__(
        self,
        viewer: napari.Viewer,
        scroll: Scroll,
        row: StoreRow,
        end_side_by_side: Callable[[], None],
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._viewer = viewer
        self._row = row
        self._end_side_by_side = end_side_by_side
        self.scroll = scroll
        self.boxes = BoxChoice(scroll.volume.shape)
        self.map_view = MapView(self.boxes)
        self.box_panel = BoxPanel(scroll, self.boxes, self.map_view)
        self.apply_panel = ApplyPanel(scroll, row)
        self.store_layer = StoreLayer(viewer, scroll, self)
        self.result: ResultView | None = None
        self.overview: Overview | None = None
        self.map_label = WrappedLabel()
        self.progress_row = ProgressRow("Make no map", "Reading the map")
        self.show_button = QPushButton("Show in the viewer")
        self.show_button.setCheckable(True)
        self.show_button.setEnabled(self.store_layer.can_be_shown)
        self.show_button.setToolTip(plain_tip(SHOW_TIP if self.show_button.isEnabled() else SINGLE))
        self.tune_button = QPushButton("Tune boxes")
        self.tune_button.setToolTip(plain_tip(TUNE_TIP))
        self._arrange()
        self._connect()
        self._count_boxes()
        self._job: Job[Overview] = Job(MainThreadPoster(self), "nx46-map")
        self._start_map()

    def take_boxes(self, boxes: tuple[Box, ...]) -> None:
        """Have these boxes in the place of all."""
        if boxes:
            self.boxes.replace_all(boxes, 0)
            self.map_view.go_to(boxes[0])

    @property
    def places(self) -> tuple[StorePlace, ...]:
        """The stores with the boxes that are placed, and what belongs to them."""
        boxes = tuple(sorted(self.boxes.boxes))
        first = self._row.belonging(replace(self.scroll.place, boxes=boxes))
        second = self._row.second
        return (first,) if second is None else (first, second)

    def follow(self, viewer_session: ViewerSession | None) -> None:
        """Apply what is accepted in a session of these boxes."""
        self.apply_panel.follow(viewer_session)

    def close_all(self) -> None:
        """Stop all jobs and take the layers away."""
        self._job.close()
        self.box_panel.close_jobs()
        self.apply_panel.close_jobs()
        self.apply_panel.follow(None)
        if self.result is not None:
            self.result.close()
        self.store_layer.close()
        self.scroll.close()

    def _start_map(self) -> None:
        self._job.done.connect(self._show_map)
        self._job.failed.connect(notify_error)
        self.progress_row.follow(self._job)
        self.progress_row.say("Reading a map of the store")
        self._job.start(overview_work(self.scroll.levels, self.scroll.volume.shape))

    def _show_map(self, overview: Overview) -> None:
        self.overview = overview
        self.map_view.show_map(overview)
        self.map_label.setText(f"Map: {overview.words}")

    def _show_in_viewer(self, shown: bool) -> None:
        self.store_layer.show(shown)

    def _layer_shown(self, shown: bool) -> None:
        self.show_button.setChecked(shown)

    def _show_result(self, path: Path | None) -> None:
        """Show the image at a path beside the store, or no longer."""
        old, self.result = self.result, None
        if old is not None:
            old.close()
            old.deleteLater()
        if path is None:
            return
        try:
            mask = open_scroll(StorePlace(str(path)), Role.IMAGE)
        except ValueError as error:
            notify_error(error)
            self._result_shown(shown=False)
            return
        self._end_side_by_side()
        self.store_layer.show(False)  # the left cell has the same
        self.result = ResultView(self._viewer, self.scroll, mask, self)
        self.result.shown_changed.connect(self._result_shown)
        self.result.show(True)
        self._result_shown(self.result.shown)

    def _result_shown(self, shown: bool) -> None:
        self.apply_panel.result_button.setChecked(shown)

    def _count_boxes(self) -> None:
        count = len(self.boxes.boxes)
        self.tune_button.setEnabled(count > 0)
        self.tune_button.setText("Tune boxes" if count < 2 else f"Tune {count} boxes")

    def _connect(self) -> None:
        self.show_button.clicked.connect(self._show_in_viewer)
        self.tune_button.clicked.connect(lambda: self.tune_wanted.emit(self.places))
        self.apply_panel.result_wanted.connect(self._show_result)
        self._following = Connections(self)
        self._following.follow(self.boxes.changed, self._count_boxes)
        self._following.follow(self.store_layer.shown_changed, self._layer_shown)

    def _arrange(self) -> None:
        buttons = QHBoxLayout()
        buttons.addWidget(self.show_button)
        buttons.addWidget(self.tune_button)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.map_view, 1)
        layout.addWidget(self.progress_row)
        layout.addWidget(self.map_label)
        layout.addWidget(self.box_panel)
        self.foot = QWidget()
        foot = QVBoxLayout(self.foot)
        foot.setContentsMargins(0, 0, 0, 0)
        foot.addWidget(rule())
        foot.addLayout(buttons)
        foot.addWidget(self.apply_panel)
