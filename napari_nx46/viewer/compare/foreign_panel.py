"""Opening the masks of others, and what is open."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from qtpy.QtWidgets import (
    QFileDialog,
    QGridLayout,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from napari_nx46.viewer.messages.plain_text import PlainLabel, plain_tip
from napari_nx46.viewer.qt.connections import Connections
from napari_nx46.viewer.widgets.progress_row import ProgressRow
from napari_nx46.viewer.window.viewer_session import ViewerSession

MASK_FILTER = "Masks (*.zip *.tif *.tiff *.npy)"
MEGABYTE = 1 << 20


class ForeignPanel(QWidget):
    """The masks of others.

    Parameters
    ----------
    viewer_session : ViewerSession

    Attributes
    ----------
    open_button : QPushButton
    progress_row : ProgressRow
    memory_label : QLabel
    show_buttons, close_buttons : dict of str to QPushButton
        By the names of what is open.
    """

    def __init__(self, viewer_session: ViewerSession, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._viewer_session = viewer_session
        self._foreign = viewer_session.compare.foreign
        self._flip = viewer_session.compare.flip
        self.open_button = QPushButton("Open masks of others…")
        self.open_button.setToolTip("A submission.zip or a mask file; or drop them on this dock")
        self.progress_row = ProgressRow(
            "Stop reading the masks of others",
            "The masks of others are being read",
            self._foreign.cancel,
        )
        self.memory_label = PlainLabel()
        self.memory_label.setToolTip("Beyond that, the masks used least recently are dropped")
        self.show_buttons: dict[str, QPushButton] = {}
        self.close_buttons: dict[str, QPushButton] = {}
        self._names: tuple[str, ...] | None = None
        self._rows = QWidget()
        self._arrange()
        self._connect()
        self._show_files()
        self._show_busy(self._foreign.busy)

    def _show_files(self) -> None:
        """Show what is open, and whether its mask of the fragment is there."""
        foreign, choices = self._foreign, self._viewer_session.compare.choices
        if foreign.names != self._names:
            self._names = foreign.names
            self._make_rows()
        for name, button in self.show_buttons.items():
            why_absent = choices.why_absent(name)
            button.setEnabled(not why_absent)
            tip = why_absent or "Show this mask in place of the sliders'; K flips"
            button.setToolTip(plain_tip("\n".join((tip, *foreign.notes(name)))))
        used, bound = (count / MEGABYTE for count in (foreign.memory_used, foreign.memory_bytes))
        self.memory_label.setText(f"Masks of others: {used:.1f} of at most {bound:.0f} MB")
        self.memory_label.setVisible(bool(foreign.names))
        self._show_shown(self._flip.name)

    def _show_shown(self, shown: str) -> None:
        for name, button in self.show_buttons.items():
            button.setChecked(name == shown)

    def _show_busy(self, busy: str) -> None:
        self.progress_row.show_busy(f"{busy}…" if busy else "")

    def _choose(self) -> None:
        paths, _ = QFileDialog.getOpenFileNames(self, "Masks of others", "", MASK_FILTER)
        self._foreign.open(*map(Path, paths))

    def _show(self, name: str) -> None:
        self._flip.show(name)
        self._show_shown(self._flip.name)

    # ---- layout ----------------------------------------------------------------------------

    def _connect(self) -> None:
        self.open_button.clicked.connect(self._choose)
        self._following = Connections(self)
        self._following.follow(self._viewer_session.compare.choices.changed, self._show_files)
        self._following.follow(self._foreign.busy_changed, self._show_busy)
        self._following.follow(self._flip.changed, self._show_shown)

    def _arrange(self) -> None:
        self._layout = QVBoxLayout(self)
        self._layout.setContentsMargins(0, 0, 0, 0)
        self._layout.setSpacing(4)
        self._layout.addWidget(self.open_button)
        self._layout.addWidget(self.progress_row)
        self._layout.addWidget(self._rows)
        self._layout.addWidget(self.memory_label)

    def _make_rows(self) -> None:
        """Have a row for each that is open."""
        old, self._rows = self._rows, QWidget()
        self._layout.replaceWidget(old, self._rows)
        old.hide()
        old.deleteLater()
        grid = QGridLayout(self._rows)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setVerticalSpacing(2)
        self.show_buttons, self.close_buttons = {}, {}
        for row, name in enumerate(self._foreign.names):
            title = PlainLabel(name)
            title.setToolTip(plain_tip(str(self._foreign.path(name))))
            title.setMinimumWidth(1)
            show, close = QPushButton("Show"), QPushButton("Close")
            show.setCheckable(True)
            close.setToolTip(plain_tip(f"Close {name} and its masks"))
            show.clicked.connect(partial(self._show, name))
            close.clicked.connect(partial(self._foreign.close_file, name))
            for button in (show, close):
                button.setAccessibleName(f"{button.text()} {name}")
            grid.addWidget(title, row, 0)
            grid.addWidget(show, row, 1)
            grid.addWidget(close, row, 2)
            self.show_buttons[name], self.close_buttons[name] = show, close
        grid.setColumnStretch(0, 1)
