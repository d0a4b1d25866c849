"""Which store is opened: its path or URL, its level, and what belongs to it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from qtpy.QtCore import Signal
from qtpy.QtWidgets import (
    QComboBox,
    QFileDialog,
    QFormLayout,
    QHBoxLayout,
    QLineEdit,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from napari_nx46.data.fragments import FragmentError, Place, StorePlace, place_of
from napari_nx46.live.scroll.store import Scroll
from napari_nx46.viewer.messages.notices import notify_error
from napari_nx46.viewer.messages.plain_text import PlainLabel, plain_tip
from napari_nx46.viewer.tune.fragment_panel import size_in_words
from napari_nx46.viewer.tune.knob_panel import Section
from napari_nx46.viewer.widgets.layout import WrappedLabel

__all__ = ["StoreRow", "as_store"]

FIELDS = {
    "second": ("2D path", "A second store of probabilities on the same grid, if there is one"),
    "label": ("Label", "A store of labels on the same grid: 0 background, 1 surface, 2 ignore"),
    "image": ("CT image", "A store of the CT on the same grid"),
}
HINT = "path, https://… or s3://…"


class StoreRow(QWidget):
    """Fields for a store and what belongs to it, and a button that opens it.

    Attributes
    ----------
    store_edit : QLineEdit
    fields : dict of str to QLineEdit
        ``second``, ``label`` and ``image``.
    level_box : QComboBox
        The levels of the store that is open.
    open_button, browse_button : QPushButton
    wanted : Signal(object)
        A `StorePlace` is to be opened.
    """

    wanted = Signal(object)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._place: StorePlace | None = None
        self.store_edit = _edit("Store", "A Zarr store: a folder, or a URL; larger than memory")
        self.fields = {name: _edit(*about) for name, about in FIELDS.items()}
        self.level_box = QComboBox()
        self.level_box.setAccessibleName("Level")
        self.level_box.setToolTip("The level that is tuned and that the mask is made of")
        self.browse_button = QPushButton("…")
        self.browse_button.setToolTip("Choose a folder")
        self.browse_button.setMaximumWidth(32)
        self.open_button = QPushButton("Open")
        self.open_button.setToolTip("Read the metadata of the store, and a small map of it")
        self.section = Section("2D path, label, CT", "")
        self.about_label = WrappedLabel()
        self._arrange()
        self.browse_button.clicked.connect(self._browse)
        self.open_button.clicked.connect(self.open)
        self.store_edit.returnPressed.connect(self.open)
        self.level_box.activated.connect(self._choose_level)

    @property
    def second(self) -> StorePlace | None:
        """The store of the 2D path, at the level that is open; None without one."""
        text = self.fields["second"].text().strip()
        return None if not text or self._place is None else self._place.beside(text)

    def belonging(self, place: StorePlace) -> StorePlace:
        """Return a place with the label and the CT that are given now."""
        label, image = (self.fields[name].text().strip() or None for name in ("label", "image"))
        return replace(place, label=label, image=image)

    def open(self) -> None:
        """Ask for the store that is typed."""
        text = self.store_edit.text().strip()
        if not text:
            return
        try:
            place = as_store(place_of(text))
        except FragmentError as error:
            notify_error(error)
            return
        same = self._place is not None and self._place.store == place.store
        if same and self._place is not None and place.level is None:
            place = replace(place, level=self._place.level)
        self.wanted.emit(place)

    def show_place(self, place: StorePlace) -> None:
        """Show what is being opened."""
        self._place = place
        access = replace(place, level=None, boxes=(), label=None, image=None)
        self.store_edit.setText(str(access))
        for name in ("label", "image"):
            given = getattr(place, name)
            if given:
                self.fields[name].setText(given)
                self.section.expand()

    def show_scroll(self, scroll: Scroll) -> None:
        """Show the levels of the store that was opened."""
        self._place = scroll.place
        self.level_box.clear()
        self.level_box.addItems(scroll.paths or ("",))
        self.level_box.setCurrentText(scroll.place.level or "")
        self.level_box.setEnabled(len(scroll.paths) > 1)
        volume = scroll.volume
        size = size_in_words(volume.shape, volume.placement)
        self.about_label.setText(f"{size}, {volume.dtype.name}")

    def _choose_level(self) -> None:
        place, level = self._place, self.level_box.currentText()
        if place is not None and level and level != place.level:
            self.wanted.emit(replace(place, level=level, boxes=()))

    def _browse(self) -> None:
        folder = QFileDialog.getExistingDirectory(self, "Zarr store")
        if folder:
            self.store_edit.setText(folder)
            self.open()

    def _arrange(self) -> None:
        row = QHBoxLayout()
        row.addWidget(self.store_edit, 1)
        row.addWidget(self.browse_button)
        row.addWidget(self.open_button)
        form = QFormLayout()
        form.setContentsMargins(0, 0, 0, 0)
        form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        form.addRow(_label("Store", self.store_edit), row)
        form.addRow(_label("Level", self.level_box), self.level_box)
        more = QFormLayout()
        more.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        for name, (title, _) in FIELDS.items():
            more.addRow(_label(title, self.fields[name]), self.fields[name])
        fields = QWidget()
        fields.setLayout(more)
        self.section.add(fields)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addLayout(form)
        layout.addWidget(self.section)
        layout.addWidget(self.about_label)


def as_store(place: Place) -> StorePlace:
    """Return a place as that of a store."""
    return StorePlace(str(place)) if isinstance(place, Path) else place


def _edit(name: str, tip: str) -> QLineEdit:
    edit = QLineEdit()
    edit.setPlaceholderText(HINT)
    edit.setAccessibleName(name)
    edit.setToolTip(plain_tip(tip))
    return edit


def _label(text: str, buddy: QWidget) -> PlainLabel:
    label = PlainLabel(text)
    label.setBuddy(buddy)
    return label
