"""Pinning settings, and flipping between their masks."""

from __future__ import annotations

from functools import partial

from qtpy.QtCore import Qt
from qtpy.QtWidgets import QGridLayout, QHBoxLayout, QPushButton, QVBoxLayout, QWidget

from napari_nx46.live.masks.choices import LIVE
from napari_nx46.live.masks.pins import DEFAULT_LETTERS
from napari_nx46.viewer.messages.plain_text import PlainLabel, plain_tip
from napari_nx46.viewer.qt.connections import Connections
from napari_nx46.viewer.window.viewer_session import ViewerSession

PADDING = 16
"""Pixels beside the text of a button."""


class PinPanel(QWidget):
    """The pins of a viewer_session.

    Parameters
    ----------
    viewer_session : ViewerSession

    Attributes
    ----------
    show_buttons : dict of str to QPushButton
        By the names of the masks: `LIVE` and the letters.
    hold_button : QPushButton
        Shows the next mask for as long as it is held.
    pin_buttons, load_buttons, unpin_buttons : dict of str to QPushButton
        By letter.
    """

    def __init__(self, viewer_session: ViewerSession, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._viewer_session = viewer_session
        self._pins = viewer_session.pins
        self._flip = viewer_session.compare.flip
        self._held_from = LIVE
        self.show_buttons = {name: _show_button(name) for name in (LIVE, *DEFAULT_LETTERS)}
        self.hold_button = QPushButton("Hold")
        self.hold_button.setToolTip("Show the next mask for as long as this is held (K goes there)")
        self.pin_buttons = _buttons("Pin", "Pin the sliders' setting to {} (Ctrl+{})")
        self.load_buttons = _buttons("Load", "Set the sliders to the setting pinned to {}")
        self.unpin_buttons = _buttons("Unpin", "Free {}, and give its masks' memory back")
        self._arrange()
        self._connect()
        self.show_pins()

    def show_pins(self) -> None:
        """Show what is pinned, and which masks are there."""
        there = self._viewer_session.compare.choices.shown_names
        for name, button in self.show_buttons.items():
            button.setEnabled(name in there)
        for letter in DEFAULT_LETTERS:
            self.load_buttons[letter].setEnabled(letter in self._pins)
            self.unpin_buttons[letter].setEnabled(letter in self._pins)
        self.hold_button.setEnabled(len(there) > 1)
        self._show_shown(self._flip.name)

    def _show_shown(self, name: str) -> None:
        for letter, button in self.show_buttons.items():
            button.setChecked(letter == name)

    def _hold(self) -> None:
        self._held_from = self._flip.name
        self._flip.flip()

    def _let_go(self) -> None:
        self._flip.show(self._held_from)

    def _choose(self, name: str) -> None:
        self._flip.show(name)
        self._show_shown(self._flip.name)

    def _load(self, letter: str) -> None:
        self._viewer_session.session.apply(self._pins[letter].setting)

    # ---- layout ----------------------------------------------------------------------------

    def _connect(self) -> None:
        for name, button in self.show_buttons.items():
            button.clicked.connect(partial(self._choose, name))
        for letter in DEFAULT_LETTERS:
            self.pin_buttons[letter].clicked.connect(partial(self._viewer_session.pin, letter))
            self.load_buttons[letter].clicked.connect(partial(self._load, letter))
            self.unpin_buttons[letter].clicked.connect(partial(self._pins.unpin, letter))
        self.hold_button.pressed.connect(self._hold)
        self.hold_button.released.connect(self._let_go)
        self._following = Connections(self)
        self._following.follow(self._flip.changed, self._show_shown)
        self._following.follow(self._viewer_session.compare.choices.changed, self.show_pins)

    def _arrange(self) -> None:
        shown = QHBoxLayout()
        shown.addWidget(PlainLabel("Show"))
        for button in (*self.show_buttons.values(), self.hold_button):
            # Without a style sheet, as before the dock is shown, buttons ask for much more.
            button.setMinimumWidth(button.fontMetrics().horizontalAdvance(button.text()) + PADDING)
            shown.addWidget(button, 1)
        grid = QGridLayout()
        grid.setHorizontalSpacing(4)
        grid.setVerticalSpacing(2)
        rows = (self.pin_buttons, self.load_buttons, self.unpin_buttons)
        for row, letter in enumerate(DEFAULT_LETTERS):
            name = PlainLabel(letter)
            name.setAlignment(Qt.AlignmentFlag.AlignCenter)
            grid.addWidget(name, row, 0)
            for column, buttons in enumerate(rows, 1):
                grid.addWidget(buttons[letter], row, column)
                grid.setColumnStretch(column, 1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(6)
        layout.addLayout(shown)
        layout.addLayout(grid)


def _show_button(name: str) -> QPushButton:
    button = QPushButton("Live" if name == LIVE else name)
    button.setCheckable(True)
    of_what = "that follows the sliders (Shift+K)" if name == LIVE else f"pinned to {name}"
    button.setToolTip(plain_tip(f"Show the mask {of_what}; K flips to the next"))
    return button


def _buttons(text: str, tip: str) -> dict[str, QPushButton]:
    """Return a button for each letter; the tip may name the letter and its number."""
    buttons = {letter: QPushButton(text) for letter in DEFAULT_LETTERS}
    for number, (letter, button) in enumerate(buttons.items(), 1):
        button.setToolTip(plain_tip(tip.format(letter, number)))
        button.setAccessibleName(f"{text} {letter}")
    return buttons
