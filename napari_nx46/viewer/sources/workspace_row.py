"""Keeping work on layers that cannot be known again: in a file that the user names."""

from __future__ import annotations

from pathlib import Path

from qtpy.QtCore import Signal
from qtpy.QtWidgets import QFileDialog, QHBoxLayout, QPushButton, QVBoxLayout, QWidget

from napari_nx46.viewer.messages.plain_text import plain_tip
from napari_nx46.viewer.widgets.layout import WrappedLabel

FILTER = "Workspaces (*.sqlite)"
SUFFIX = ".sqlite"
NOT_KEPT = "What you do here is not kept yet: these layers are of no file."


class WorkspaceRow(QWidget):
    """Saves the work on layers as a workspace, and opens one that was saved.

    Attributes
    ----------
    saved, opened : Signal(object)
        Carries the path that was chosen.
    """

    saved = Signal(object)
    opened = Signal(object)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.save_button = QPushButton("Save workspace…")
        self.save_button.setToolTip(
            plain_tip("Keep history, accepted settings, corrections and bookmarks in a file")
        )
        self.open_button = QPushButton("Open workspace…")
        self.open_button.setToolTip(plain_tip("Go on from what was saved for the same layers"))
        row = QHBoxLayout()
        row.setSpacing(4)
        row.addWidget(self.save_button)
        row.addWidget(self.open_button)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(4)
        layout.addWidget(WrappedLabel(NOT_KEPT))
        layout.addLayout(row)
        self.save_button.clicked.connect(self._choose_target)
        self.open_button.clicked.connect(self._choose_source)
        self.hide()

    def _choose_target(self) -> None:
        path, _ = QFileDialog.getSaveFileName(self, "Save workspace", f"surface{SUFFIX}", FILTER)
        if path:
            self.saved.emit(Path(path) if Path(path).suffix else Path(path + SUFFIX))

    def _choose_source(self) -> None:
        path, _ = QFileDialog.getOpenFileName(self, "Open workspace", "", FILTER)
        if path:
            self.opened.emit(Path(path))
