"""Choosing the fragment, and opening data."""

from __future__ import annotations

from qtpy.QtCore import Signal
from qtpy.QtWidgets import QComboBox, QHBoxLayout, QToolButton, QVBoxLayout, QWidget

from napari_nx46.viewer.messages.plain_text import PlainLabel, plain_tip


class FragmentPanel(QWidget):
    """The data set's name, and a chooser with previous and next."""

    chosen = Signal(str)
    stepped = Signal(int)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.title = PlainLabel()
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

    def show_fragment(self, image_id: str) -> None:
        """Show which fragment is current."""
        self.chooser.setCurrentText(image_id)


def _arrow(text: str, tip: str) -> QToolButton:
    button = QToolButton()
    button.setText(text)
    button.setToolTip(plain_tip(tip))
    button.setAccessibleName(tip)
    return button
