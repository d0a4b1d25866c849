"""Controls of what is corrected by hand: painting, counts, undo, and files."""

from __future__ import annotations

import sys
from functools import partial
from pathlib import Path
from typing import Any

from qtpy.QtGui import QColor, QIcon, QPixmap
from qtpy.QtWidgets import (
    QCheckBox,
    QFileDialog,
    QGridLayout,
    QHBoxLayout,
    QPushButton,
    QVBoxLayout,
    QWidget,
)
from superqt.utils import signals_blocked

from napari_nx46.files.naming import plural
from napari_nx46.live.jobs.corrections import load_work, save_work
from napari_nx46.live.session import Session
from napari_nx46.run.job import Job, Work
from napari_nx46.viewer.corrections.layer import AS_COMPUTED, COLORS, CorrectionsLayer
from napari_nx46.viewer.messages.notices import notify_error, notify_info
from napari_nx46.viewer.messages.plain_text import PlainLabel, plain_tip
from napari_nx46.viewer.qt.connections import Connections
from napari_nx46.viewer.qt.main_thread import MainThreadPoster
from napari_nx46.viewer.widgets.layout import WrappedLabel
from napari_nx46.voxels.corrections.corrections import Corrections
from napari_nx46.voxels.corrections.runs import ADD, ERASE

CONTROL = "Cmd" if sys.platform == "darwin" else "Ctrl"
CLICK_HINT = (
    f"{CONTROL}+click on a component of the mask keeps all of it, {CONTROL}+Shift+click removes it."
)
BRUSHES = {
    ADD: ("Add", "Paint voxels that are in the mask whatever the setting (Q)"),
    ERASE: ("Erase", "Paint voxels that are not in the mask whatever the setting"),
    AS_COMPUTED: ("As computed", "Take corrections back where you paint"),
}
SAVED = "Corrections (*.npz);;Labels of this fragment (*.tif)"
LOADED = "Corrections (*.npz *.tif *.tiff *.npy);;All files (*)"
SWATCH = 12


class CorrectionsPanel(QWidget):
    """Paints on the layer of corrections; follows it where it is changed elsewhere.

    Parameters
    ----------
    session : Session
    layer : CorrectionsLayer

    Attributes
    ----------
    brush_buttons : dict of int to QPushButton
        By the label that they paint; the one that paints now is down.
    counts_label : QLabel
    shown_box : QCheckBox
    undo_button, redo_button, clear_button, save_button, load_button : QPushButton
    """

    def __init__(
        self, session: Session, layer: CorrectionsLayer, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self._session = session
        self._layer = layer
        self._job: Job[Any] | None = None
        self.shown_box = QCheckBox("Corrections")
        self.shown_box.setToolTip(plain_tip("Show what was corrected by hand (Shift+Q)"))
        self.counts_label = PlainLabel()
        self.brush_buttons = {label: self._brush_button(label) for label in BRUSHES}
        self.undo_button = self._button("Undo", "Take the last correction of this fragment back")
        self.redo_button = self._button("Redo", "Correct again what was undone last")
        self.clear_button = self._button("Clear", "Leave all of this fragment as computed")
        self.save_button = self._button("Save…", "Save all corrections, or those of this fragment")
        self.load_button = self._button("Load…", "Take up corrections of a file")
        self._arrange()
        self._connect()
        self._show_all()

    def save(self, path: Path) -> None:
        """Save to a file: all fragments to ``.npz``, the one that is shown to ``.tif``."""
        corrections = self._session.corrections
        image_id = self._session.fragment.image_id
        of_one = path.suffix.lower() != ".npz"
        saved = {image_id: corrections.of(image_id)} if of_one else corrections.by_fragment
        self._start(save_work(path, saved), lambda count: self._report_saved(path, count))

    def load(self, path: Path) -> None:
        """Take up the corrections of a file, in place of those of its fragments."""
        self._start(load_work(path, self._session.dataset), self._take_up)

    @property
    def busy(self) -> bool:
        """Whether a file is read or written."""
        return self._job is not None

    # ---- following -------------------------------------------------------------------------

    def _show_all(self, event: object = None) -> None:
        self._show_counts()
        self._show_painting(self._layer.painting)
        self._show_shown(self._layer.shown)

    def _show_counts(self, image_id: str | None = None) -> None:
        session = self._session
        present, shown = session.present_corrections, session.fragment.image_id
        if present.is_empty:
            self.counts_label.setText("nothing corrected")
        else:
            self.counts_label.setText(f"{present.added:,} added, {present.erased:,} erased")
        corrections = session.corrections
        self.undo_button.setEnabled(corrections.can_undo(shown))
        self.redo_button.setEnabled(corrections.can_redo(shown))
        self.clear_button.setEnabled(not present.is_empty)
        self.save_button.setEnabled(not self.busy and bool(corrections.by_fragment))
        self.load_button.setEnabled(not self.busy)

    def _show_painting(self, label: int | None) -> None:
        for brush, button in self.brush_buttons.items():
            with signals_blocked(button):
                button.setChecked(brush == label)

    def _show_shown(self, shown: bool) -> None:
        with signals_blocked(self.shown_box):
            self.shown_box.setChecked(shown)

    # ---- what a user does ------------------------------------------------------------------

    def _choose_brush(self, label: int, checked: bool) -> None:
        if checked:
            self._layer.paint(label)
        else:
            self._layer.stop_painting()

    def _change(self, change: str) -> None:
        """Undo, redo or clear the corrections of the fragment that is shown."""
        getattr(self._session.corrections, change)(self._session.fragment.image_id)
        self._show_counts()

    def _choose_target(self) -> None:
        path, kind = QFileDialog.getSaveFileName(self, "Save corrections", "corrections.npz", SAVED)
        if path:
            ending = ".tif" if "*.tif" in kind else ".npz"
            self.save(Path(path) if Path(path).suffix else Path(path + ending))

    def _choose_source(self) -> None:
        path, _ = QFileDialog.getOpenFileName(self, "Load corrections", "", LOADED)
        if path:
            self.load(Path(path))

    def _start(self, work: Work[Any], then: Any) -> None:
        self._job = job = Job[Any](MainThreadPoster(self), "nx46-corrections")
        job.ended.connect(self._end)
        job.done.connect(then)
        job.failed.connect(notify_error)
        self.destroyed.connect(job.close)
        self._show_counts()
        job.start(work)

    def _end(self) -> None:
        self._job = None
        self._show_counts()

    def _take_up(self, corrections: dict[str, Corrections]) -> None:
        self._session.corrections.replace_all(corrections)
        self._layer.show(True)

    def _report_saved(self, path: Path, count: int) -> None:
        notify_info(f"Saved the corrections of {plural(count, 'fragment')} to {path}")

    # ---- making ----------------------------------------------------------------------------

    def _brush_button(self, label: int) -> QPushButton:
        text, tip = BRUSHES[label]
        button = self._button(text, tip)
        button.setCheckable(True)
        if label in COLORS:
            swatch = QPixmap(SWATCH, SWATCH)
            swatch.fill(QColor(COLORS[label]))
            button.setIcon(QIcon(swatch))
        button.toggled.connect(partial(self._choose_brush, label))
        return button

    def _button(self, text: str, tip: str) -> QPushButton:
        button = QPushButton(text)
        button.setToolTip(plain_tip(tip))
        return button

    def _arrange(self) -> None:
        head = QHBoxLayout()
        head.addWidget(self.shown_box)
        head.addWidget(self.counts_label, 1)
        grid = QGridLayout()
        grid.setSpacing(4)
        for column, button in enumerate(self.brush_buttons.values()):
            grid.addWidget(button, 0, 2 * column, 1, 2)
        row = QHBoxLayout()
        row.setSpacing(4)
        for button in (self.undo_button, self.redo_button, self.clear_button):
            row.addWidget(button)
        for button in (self.save_button, self.load_button):
            row.addWidget(button)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(4)
        layout.addLayout(head)
        layout.addLayout(grid)
        layout.addLayout(row)
        layout.addWidget(WrappedLabel(CLICK_HINT))

    def _connect(self) -> None:
        self.shown_box.toggled.connect(self._layer.show)
        self.undo_button.clicked.connect(partial(self._change, "undo"))
        self.redo_button.clicked.connect(partial(self._change, "redo"))
        self.clear_button.clicked.connect(partial(self._change, "clear"))
        self.save_button.clicked.connect(self._choose_target)
        self.load_button.clicked.connect(self._choose_source)
        self._following = Connections(self)
        self._following.follow(self._session.corrections.changed, self._show_counts)
        self._following.follow(self._session.fragment_changed, self._show_all)
        self._following.follow(self._layer.painting_changed, self._show_painting)
        self._following.follow(self._layer.shown_changed, self._show_shown)
