"""Choosing the fragment, and opening data."""

from __future__ import annotations

from collections.abc import Mapping

from qtpy.QtCore import Signal
from qtpy.QtWidgets import QComboBox, QHBoxLayout, QToolButton, QVBoxLayout, QWidget

from napari_nx46.data.fragments import Fragment
from napari_nx46.files.volumes.placement import Placement
from napari_nx46.viewer.messages.plain_text import PlainLabel, plain_tip


class FragmentPanel(QWidget):
    """The data set's name, and a chooser with previous and next."""

    chosen = Signal(str)
    stepped = Signal(int)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.title = PlainLabel()
        self.size_label = PlainLabel()
        self.size_label.setAccessibleName("Size in voxels, and of a voxel")
        self.chooser = QComboBox()
        self.chooser.setAccessibleName("Fragment")
        self.previous_button = _arrow("◀", "Previous fragment (Shift+N)")
        self.next_button = _arrow("▶", "Next fragment (N)")
        row = QHBoxLayout()
        row.addWidget(self.previous_button)
        row.addWidget(self.chooser, 1)
        row.addWidget(self.next_button)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.title)
        layout.addLayout(row)
        layout.addWidget(self.size_label)
        self.chooser.textActivated.connect(self.chosen)
        self.previous_button.clicked.connect(lambda: self.stepped.emit(-1))
        self.next_button.clicked.connect(lambda: self.stepped.emit(1))

    def show_data_set(self, title: str, image_ids: tuple[str, ...]) -> None:
        """List a data set's fragments."""
        self.title.setText(title)
        self.chooser.clear()
        self.chooser.addItems(image_ids)
        for button in (self.previous_button, self.next_button):
            button.setEnabled(len(image_ids) > 1)

    def mark_faulty(self, faults: Mapping[str, str]) -> None:
        """Have fragments that cannot be opened stand there as such, not to be chosen."""
        model = self.chooser.model()
        for image_id, fault in faults.items():
            item = model.item(self.chooser.findText(image_id))
            item.setEnabled(False)
            item.setToolTip(plain_tip(fault))

    def show_fragment(self, fragment: Fragment) -> None:
        """Show which fragment is current, and its size."""
        self.chooser.setCurrentText(fragment.image_id)
        self.size_label.setText(size_in_words(fragment.shape, fragment.placement))


def size_in_words(shape: tuple[int, int, int], placement: Placement | None) -> str:
    """Return a size in voxels (z, y, x), and that of a voxel in micrometres if it is known."""
    voxels = " × ".join(map(str, shape)) + " voxels"
    size = None if placement is None else placement.micrometres
    if size is None:
        return voxels
    one_size = max(size) - min(size) <= 1e-6 * max(size)
    shown = [f"{length:.4g}" for length in (size[:1] if one_size else size)]
    return f"{voxels} of {' × '.join(shown)} µm"


def _arrow(text: str, tip: str) -> QToolButton:
    button = QToolButton()
    button.setText(text)
    button.setToolTip(plain_tip(tip))
    button.setAccessibleName(tip)
    return button
