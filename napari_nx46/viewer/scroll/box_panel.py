"""The boxes of a store in numbers: adding, typing, removing, spreading, and files of them."""

from __future__ import annotations

from pathlib import Path

from qtpy.QtWidgets import (
    QAbstractItemView,
    QFileDialog,
    QGridLayout,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from napari_nx46.data.fragments import FragmentError
from napari_nx46.data.fragments.boxes import Box, BoxList
from napari_nx46.data.fragments.choosing import choose_boxes
from napari_nx46.files.atomic import WriteError
from napari_nx46.live.scroll.boxes import BoxChoice
from napari_nx46.live.scroll.overview import MOST_BYTES
from napari_nx46.live.scroll.store import Scroll
from napari_nx46.run.job import Job, Report
from napari_nx46.viewer.messages.notices import notify_error, notify_warning
from napari_nx46.viewer.messages.plain_text import PlainLabel, plain_tip
from napari_nx46.viewer.qt.connections import Connections
from napari_nx46.viewer.qt.main_thread import MainThreadPoster
from napari_nx46.viewer.scroll.map_view import MapView
from napari_nx46.viewer.widgets.number_boxes import CountBox
from napari_nx46.viewer.widgets.progress_row import ProgressRow
from napari_nx46.viewer.widgets.table import Column, RowTable, TableModel
from napari_nx46.voxels.workers import CancelCheck, Cancelled

__all__ = ["BoxPanel", "Row"]

Row = tuple[int, Box]
"""A box by its number."""

FILE_NAME = "boxes.json"
FILTER = "Boxes (*.json)"
LEAST_SIDE, MOST_SIDE = 8, 4096
USUAL_COUNT, MOST_COUNT = 6, 1000
MOST_ROWS_IN_SIGHT = 4
SPREAD_TIP = (
    "Choose as many boxes of this side, spread over z and from the middle outwards, none of them"
    " empty, in the place of those that are there"
)

COLUMNS: tuple[Column[Row], ...] = (
    Column("", lambda row: str(row[0] + 1), lambda row: float(row[0])),
    Column(
        "Z0:Z1,Y0:Y1,X0:X1",
        lambda row: str(row[1]),
        None,
        "In voxels of the level; double-click to type others",
        typed_from=lambda row: str(row[1]),
    ),
    Column("Size", lambda row: " × ".join(map(str, row[1].shape))),
)


class BoxModel(TableModel[Row]):
    """Boxes, which can be typed.

    Parameters
    ----------
    boxes : BoxChoice
    """

    def __init__(self, boxes: BoxChoice) -> None:
        super().__init__(lambda row: row[0], lambda row, column: str(row[1]))
        self._boxes = boxes

    def take(self, row: Row, column: Column[Row], text: str) -> bool:
        """Have the box be where somebody typed."""
        try:
            return self._boxes.change(row[0], Box.parse(text))
        except ValueError as error:
            notify_error(error)
            return False


class BoxPanel(QWidget):
    """The list of boxes, and the buttons that change it.

    Parameters
    ----------
    scroll : Scroll
    boxes : BoxChoice
    map_view : MapView
        New boxes are added where it looks.

    Attributes
    ----------
    table : RowTable
    side_box, count_box : CountBox
    add_button, remove_button, spread_button, open_button, save_button : QPushButton
    progress_row : ProgressRow
    """

    def __init__(
        self,
        scroll: Scroll,
        boxes: BoxChoice,
        map_view: MapView,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._scroll = scroll
        self._boxes = boxes
        self._map = map_view
        self._job: Job[tuple[Box, ...]] | None = None
        self._post = MainThreadPoster(self)
        self.model = BoxModel(boxes)
        self.table = RowTable(self.model, "Boxes")
        self.table.setEditTriggers(
            QAbstractItemView.EditTrigger.EditKeyPressed
            | QAbstractItemView.EditTrigger.DoubleClicked
        )
        self.table.horizontalHeader().setStretchLastSection(True)
        self.side_box = _number(LEAST_SIDE, MOST_SIDE, boxes.side, "Side of new boxes, in voxels")
        self.count_box = _number(1, MOST_COUNT, USUAL_COUNT, "How many boxes are spread")
        self.add_button = _button("Add", "Add a box of this side where both slices meet")
        self.remove_button = _button("Remove", "Take the chosen box away")
        self.spread_button = _button("Spread", SPREAD_TIP)
        self.open_button = _button("Open…", "Read boxes from a file, as nx46 boxes writes it")
        self.save_button = _button("Save…", "Write the boxes to a file, for nx46 tune --boxes")
        self.progress_row = ProgressRow("Choose no more boxes", "Looking for boxes")
        self._arrange()
        self._connect()
        self._show()

    def close_jobs(self) -> None:
        """Stop what is being looked for."""
        if self._job is not None:
            self._job.close()

    def read(self, path: Path) -> None:
        """Have the boxes of a file in the place of all.

        Raises
        ------
        FragmentError
            If it cannot be read, or its boxes are of another volume.
        """
        listed = BoxList.read(path)
        if listed.shape != self._boxes.shape:
            raise FragmentError(
                f"{path}: found boxes of a volume of shape {listed.shape}; expected "
                f"{self._boxes.shape}, that of the level which is open"
            )
        place = self._scroll.place
        if (listed.store, listed.level or place.level) != (place.store, place.level):
            notify_warning(f"{path}: these boxes were chosen in {listed.store}")
        self._boxes.replace_all(listed.boxes, 0)

    def write(self, path: Path) -> None:
        """Write the boxes to a file.

        Raises
        ------
        WriteError
            If it cannot be written.
        """
        place = self._scroll.place
        BoxList(
            store=place.store, level=place.level, shape=self._boxes.shape, boxes=self._boxes.boxes
        ).write(path)

    def start_spreading(self) -> None:
        """Have boxes spread over the store in the place of those that are there."""
        volume, *coarser = self._scroll.levels
        count, side = self.count_box.value(), self.side_box.value()
        coarse = next((one for one in reversed(coarser) if one.nbytes <= MOST_BYTES), None)

        def work(cancelled: CancelCheck, report: Report) -> tuple[Box, ...]:
            try:
                return choose_boxes(volume, count, side, coarse, cancelled=cancelled)
            except FragmentError:
                if cancelled():
                    raise Cancelled from None
                raise

        job: Job[tuple[Box, ...]] = Job(self._post, "nx46-boxes")
        self._job = job
        job.done.connect(self._take_spread)
        job.failed.connect(notify_error)
        job.ended.connect(self._show)
        self.progress_row.follow(job)
        job.start(work)
        self._show()

    def _take_spread(self, boxes: tuple[Box, ...]) -> None:
        self._boxes.replace_all(boxes, 0)
        self._map.go_to(boxes[0])

    def _show(self) -> None:
        boxes, chosen = self._boxes.boxes, self._boxes.chosen
        self.model.show_rows(enumerate(boxes), COLUMNS)
        self.table.resizeColumnsToContents()
        self.table.be_high_for(2, MOST_ROWS_IN_SIGHT)
        if self._chosen_row() != chosen:
            self.table.choose(chosen)
        running = self._job is not None and self._job.running
        self.remove_button.setEnabled(chosen is not None)
        self.save_button.setEnabled(bool(boxes))
        self.spread_button.setEnabled(not running)

    def _chosen_row(self) -> int | None:
        row = self.table.chosen
        return None if row is None else int(row[0])

    def _row_chosen(self) -> None:
        number = self._chosen_row()
        if number is not None and number != self._boxes.chosen:
            self._boxes.choose(number)
            self._map.go_to(self._boxes.boxes[number])

    def _remove(self) -> None:
        if self._boxes.chosen is not None:
            self._boxes.remove(self._boxes.chosen)

    def _set_side(self, side: int) -> None:
        self._boxes.side = side

    def _choose_file(self) -> None:
        name, _ = QFileDialog.getOpenFileName(self, "File of boxes", "", FILTER)
        if name:
            try:
                self.read(Path(name))
            except FragmentError as error:
                notify_error(error)

    def _choose_target(self) -> None:
        target = str(Path.cwd() / FILE_NAME)
        name, _ = QFileDialog.getSaveFileName(self, "File of boxes to write", target, FILTER)
        if name:
            try:
                self.write(Path(name))
            except WriteError as error:
                notify_error(error)

    def _connect(self) -> None:
        self.side_box.valueChanged.connect(self._set_side)
        self.add_button.clicked.connect(lambda: self._boxes.add(self._map.center))
        self.remove_button.clicked.connect(self._remove)
        self.spread_button.clicked.connect(self.start_spreading)
        self.open_button.clicked.connect(self._choose_file)
        self.save_button.clicked.connect(self._choose_target)
        self.table.chosen_changed.connect(self._row_chosen)
        self._following = Connections(self)
        self._following.follow(self._boxes.changed, self._show)

    def _arrange(self) -> None:
        buttons = QGridLayout()
        buttons.addWidget(PlainLabel("Side"), 0, 0)
        buttons.addWidget(self.side_box, 0, 1)
        buttons.addWidget(self.add_button, 0, 2)
        buttons.addWidget(self.remove_button, 0, 3)
        buttons.addWidget(PlainLabel("Boxes"), 1, 0)
        buttons.addWidget(self.count_box, 1, 1)
        buttons.addWidget(self.spread_button, 1, 2)
        files = QGridLayout()
        files.addWidget(self.open_button, 0, 0)
        files.addWidget(self.save_button, 0, 1)
        buttons.addLayout(files, 1, 3)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addLayout(buttons)
        layout.addWidget(self.progress_row)
        layout.addWidget(self.table)


def _button(text: str, tip: str) -> QPushButton:
    button = QPushButton(text)
    button.setToolTip(plain_tip(tip))
    return button


def _number(lowest: int, highest: int, value: int, name: str) -> CountBox:
    box = CountBox()
    box.setRange(lowest, highest)
    box.setValue(value)
    box.setAccessibleName(name)
    box.setToolTip(plain_tip(name))
    return box
