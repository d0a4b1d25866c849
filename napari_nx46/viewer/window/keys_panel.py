"""The dock that says what every key does."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtCore import Qt
from qtpy.QtGui import QShowEvent
from qtpy.QtWidgets import QGridLayout, QVBoxLayout, QWidget

from napari_nx46.viewer.messages.plain_text import MarkupLabel
from napari_nx46.viewer.widgets.layout import VerticalScrollArea, WrappedLabel
from napari_nx46.viewer.window.actions import ACTIONS, Action
from napari_nx46.viewer.window.arrangement import TabbedDock
from napari_nx46.viewer.window.key_bindings import register_actions
from napari_nx46.viewer.window.shortcuts import keys_text

if TYPE_CHECKING:
    import napari

INTRODUCTION = (
    "Keys work while the focus is on the canvas or in one of the docks of NX46, but not while text"
    " or a number is typed. napari's command palette (Ctrl+Shift+P) has every line of this list"
    " by its name; its Preferences ▸ Shortcuts lists and changes the keys, among the viewer's."
)

ABOUT = "{title}<br><small>{help}</small>"


class KeysDock(TabbedDock):
    """All actions with their keys.

    Parameters
    ----------
    napari_viewer : napari.Viewer
    """

    def __init__(self, napari_viewer: napari.Viewer) -> None:
        super().__init__(napari_viewer)
        self.setWindowTitle("Keys")
        layout = QVBoxLayout(self)
        layout.setContentsMargins(4, 4, 4, 4)
        scroll = VerticalScrollArea()
        scroll.setWidget(KeysPanel(ACTIONS))
        layout.addWidget(scroll)

    def showEvent(self, event: QShowEvent) -> None:
        """Take a place among the docks."""
        super().showEvent(event)
        self.place_soon()


class KeysPanel(QWidget):
    """A table of actions: key, what it does, and one sentence more.

    Parameters
    ----------
    actions : tuple of Action
    parent : QWidget, optional
    """

    def __init__(self, actions: tuple[Action, ...], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        register_actions()
        grid = QGridLayout(self)
        grid.setContentsMargins(0, 0, 6, 0)
        grid.setHorizontalSpacing(12)
        grid.addWidget(WrappedLabel(INTRODUCTION), 0, 0, 1, 2)
        for row, action in enumerate(actions, 1):
            key = MarkupLabel("<b>{key}</b>", key=keys_text(action))
            grid.addWidget(key, row, 0, Qt.AlignmentFlag.AlignTop)
            about = MarkupLabel(ABOUT, title=action.title, help=action.help)
            about.setWordWrap(True)
            grid.addWidget(about, row, 1)
        grid.setColumnStretch(1, 1)
        grid.setRowStretch(len(actions) + 1, 1)
