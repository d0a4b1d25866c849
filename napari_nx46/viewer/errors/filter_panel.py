"""Which errors are listed: by part, kind, side, octant, what is in view, size, or number."""

from __future__ import annotations

from typing import Any

from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import QCheckBox, QComboBox, QGridLayout, QWidget
from superqt.utils import signals_blocked

from napari_nx46.live.errors.listing import ErrorFilter, Listing
from napari_nx46.live.view import Extents
from napari_nx46.viewer.errors.tree_model import octant_text
from napari_nx46.viewer.messages.plain_text import PlainLabel, plain_tip
from napari_nx46.viewer.widgets.number_boxes import CountBox

__all__ = ["FilterPanel"]

PARTS: tuple[tuple[str, dict[str, Any]], ...] = (
    ("All parts", {}),
    ("Topology", {"part": "topology"}),
    ("Components", {"dimension": 0}),
    ("Loops", {"dimension": 1}),
    ("Cavities", {"dimension": 2}),
    ("VOI", {"part": "voi"}),
    ("Surface", {"part": "surface"}),
)
LARGEST = 2_000_000_000


class FilterPanel(QWidget):
    """Chooses which errors are listed.

    Attributes
    ----------
    changed : Signal()
        Another choice was made.
    number_wanted : Signal(int)
        The error of this number is to be shown, from 1.
    part_box, kind_box, side_box, octant_box : QComboBox
    view_box : QCheckBox
        Only what is in view.
    size_box, number_box : CountBox
    """

    changed = Signal()
    number_wanted = Signal(int)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._grid = QGridLayout(self)
        self.part_box = _box("Part of the score", [(text, None) for text, _ in PARTS])
        self.kind_box = _box("Kind of error", [("All kinds", None)])
        self.side_box = _box("Side", [("All sides", None)])
        self.octant_box = _box("Octant", [("All octants", None)])
        self.view_box = QCheckBox("In view")
        self.view_box.setToolTip(plain_tip("Only errors that reach into what the canvas shows"))
        self.size_box = _spin_box("Smallest size", " voxels", 0)
        self.size_box.setToolTip(
            plain_tip("Leave out what has fewer voxels; bridges and handles have no size, and stay")
        )
        self.number_box = _spin_box("Number of an error", "", 1)
        self.number_box.setToolTip(plain_tip("Go to the error of this number: press Enter"))
        for box in (self.part_box, self.kind_box, self.side_box, self.octant_box):
            box.currentIndexChanged.connect(lambda _index: self.changed.emit())
        self.view_box.toggled.connect(lambda _checked: self.changed.emit())
        self.size_box.editingFinished.connect(self.changed)
        self.size_box.valueChanged.connect(lambda _value: self.changed.emit())
        self.number_box.lineEdit().returnPressed.connect(
            lambda: self.number_wanted.emit(self.number_box.value())
        )
        self._arrange()

    def chosen(self, visible: Extents) -> ErrorFilter:
        """Return the filter that is chosen.

        Parameters
        ----------
        visible : Extents
            What the canvas shows now.
        """
        return ErrorFilter(
            kind=self.kind_box.currentData(),
            side=self.side_box.currentData(),
            octant=self.octant_box.currentData(),
            visible=visible if self.view_box.isChecked() else None,
            smallest=self.size_box.value(),
            **PARTS[self.part_box.currentIndex()][1],
        )

    def show_listing(self, listing: Listing | None) -> None:
        """Offer what a listing has; a choice that is offered still stays."""
        if listing is None:
            return
        self._place(priced=listing.is_priced)
        kinds = [listing.kinds[code] for code in sorted(set(listing.table.kind.tolist()))]
        octants = [
            (f"Octant {octant_text(listing.octants, number)}", number)
            for number in range(len(listing.octants))
        ]
        for box, all_of_them, entries in (
            (self.kind_box, "All kinds", [(kind.capitalize(), kind) for kind in kinds]),
            (self.side_box, "All sides", [(side.capitalize(), side) for side in listing.sides]),
            (self.octant_box, "All octants", octants),
        ):
            _offer(box, [(all_of_them, None), *entries])
        self.number_box.setMaximum(max(1, len(listing)))

    def _arrange(self) -> None:
        layout = self._grid
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(4)
        layout.addWidget(self.part_box, 0, 0)
        layout.addWidget(self.side_box, 1, 0)
        layout.addWidget(self.octant_box, 1, 1)
        layout.addWidget(self.size_box, 2, 0)
        layout.addWidget(PlainLabel("No."), 2, 1, Qt.AlignmentFlag.AlignRight)
        layout.addWidget(self.number_box, 2, 2)
        for column in range(3):
            layout.setColumnStretch(column, 1)
        self._place(priced=True)

    def _place(self, *, priced: bool) -> None:
        """Show the filters that a list has, without gaps between them."""
        for box in (self.part_box, self.side_box, self.octant_box):
            box.setVisible(priced)
        self._grid.addWidget(self.kind_box, 0, 1 if priced else 0, 1, 2)
        self._grid.addWidget(self.view_box, 1 if priced else 0, 2)


def _box(name: str, entries: list[tuple[str, Any]]) -> QComboBox:
    box = QComboBox()
    box.setAccessibleName(name)
    box.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
    box.setMinimumContentsLength(8)
    for text, value in entries:
        box.addItem(text, value)
    return box


def _offer(box: QComboBox, entries: list[tuple[str, Any]]) -> None:
    """Put entries in place of others; what was chosen stays so, though nothing has it now."""
    offered = [(box.itemText(n), box.itemData(n)) for n in range(box.count())]
    chosen = box.currentText(), box.currentData()
    if chosen not in entries:
        entries = [*entries, chosen]
    if entries == offered:
        return
    with signals_blocked(box):
        box.clear()
        for text, value in entries:
            box.addItem(text, value)
        box.setCurrentIndex(entries.index(chosen))


def _spin_box(name: str, suffix: str, lowest: int) -> CountBox:
    box = CountBox()
    box.setRange(lowest, LARGEST)
    box.setKeyboardTracking(False)
    box.setAccessibleName(name)
    box.setSuffix(suffix)
    if lowest == 0:
        box.setSpecialValueText("Any size")
    return box
