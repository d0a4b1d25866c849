"""What a page of the plots has in common: its heading, its colours, and saving it."""

from __future__ import annotations

from pathlib import Path

import pyqtgraph as pg
from qtpy.QtGui import QShowEvent
from qtpy.QtWidgets import (
    QFileDialog,
    QHBoxLayout,
    QPushButton,
    QSizePolicy,
    QVBoxLayout,
    QWidget,
)

from napari_nx46.files.atomic import WriteError
from napari_nx46.viewer.messages.notices import notify_error
from napari_nx46.viewer.messages.plain_text import PlainLabel, plain_tip
from napari_nx46.viewer.plots.axes import Axes
from napari_nx46.viewer.plots.colors import PlotColors
from napari_nx46.viewer.plots.saving import TABLE_SUFFIX, Table, save_picture, save_table
from napari_nx46.viewer.window.viewer_session import ViewerSession

__all__ = ["Page", "PlotPage"]

SMALLEST_PLOT = (150, 60)


class Page(QWidget):
    """A page with a heading and a button that saves it.

    Subclasses show what is known now in `refresh` and give their numbers in `table`. While a page
    cannot be seen it is not refreshed; it catches up when it is shown.

    Parameters
    ----------
    viewer_session : ViewerSession

    Attributes
    ----------
    title_label : QLabel
    state_label : QLabel
        Has a "≈" while what is shown is older than the sliders.
    note_label : QLabel
        What must be known to read the page.
    save_button : QPushButton
    """

    title = ""
    file_name = ""
    file_filter = "Numbers (*.csv)"

    def __init__(self, viewer_session: ViewerSession, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.viewer_session = viewer_session
        self.title_label = PlainLabel(self.title)
        self.state_label = PlainLabel()
        self.note_label = PlainLabel()
        self.note_label.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        self.save_button = QPushButton("Save…")
        self.save_button.setToolTip(plain_tip(f"Save this as a file: {self.file_filter}"))
        self.save_button.clicked.connect(self._choose_file)
        heading = QHBoxLayout()
        heading.setContentsMargins(4, 0, 0, 0)
        heading.addWidget(self.title_label)
        heading.addWidget(self.state_label)
        heading.addWidget(self.note_label, 1)
        heading.addWidget(self.save_button)
        self.body = QHBoxLayout()
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(2)
        layout.addLayout(heading)
        layout.addLayout(self.body, 1)

    def refresh(self) -> None:
        """Show what is known now."""
        raise TypeError(f"{type(self).__name__} does not say what it shows")

    def table(self) -> Table:
        """Return the numbers that are shown."""
        raise TypeError(f"{type(self).__name__} does not say what its numbers are")

    def show_colors(self, colors: PlotColors) -> None:
        """Draw in the colours of another theme; labels follow the style sheet by themselves."""

    def save(self, target: Path) -> None:
        """Write the numbers to a CSV file.

        Raises
        ------
        WriteError
            If the file has another suffix or cannot be written.
        """
        if target.suffix.lower() != TABLE_SUFFIX:
            found = target.suffix or "none"
            raise WriteError(target, f"found the suffix {found}, expected {TABLE_SUFFIX}")
        save_table(self.table(), target)

    def show_state(self, *, stale: bool, busy: bool) -> None:
        """Mark what is shown as older than the sliders, or as being computed."""
        self.state_label.setText("≈" if stale else "…" if busy else "")
        self.state_label.setToolTip(
            plain_tip("older than the sliders; the new one follows" if stale else "being computed")
        )

    def showEvent(self, event: QShowEvent) -> None:
        """Catch up."""
        super().showEvent(event)
        self.refresh()

    def _choose_file(self) -> None:
        name, _ = QFileDialog.getSaveFileName(
            self, f"Save {self.title.lower()}", self.file_name, self.file_filter
        )
        if name:
            try:
                self.save(Path(name))
            except WriteError as error:
                notify_error(error)


class PlotPage(Page):
    """A page with a plot.

    Parameters
    ----------
    viewer_session : ViewerSession

    Attributes
    ----------
    graphics : pyqtgraph.GraphicsLayoutWidget
    """

    file_filter = "PNG (*.png);;SVG (*.svg);;Numbers (*.csv)"

    def __init__(self, viewer_session: ViewerSession, parent: QWidget | None = None) -> None:
        super().__init__(viewer_session, parent)
        self.graphics = pg.GraphicsLayoutWidget()
        self.graphics.setMinimumSize(*SMALLEST_PLOT)
        self.graphics.ci.setSpacing(2)
        self.graphics.ci.setContentsMargins(2, 2, 6, 2)
        self.graphics.setAccessibleName(self.title)
        self.body.addWidget(self.graphics, 1)

    def all_axes(self) -> tuple[Axes, ...]:
        """Return the axes of the plot."""
        raise TypeError(f"{type(self).__name__} does not say what its axes are")

    def save(self, target: Path) -> None:
        """Write the plot as PNG or SVG, or its numbers as CSV, by the suffix.

        Raises
        ------
        WriteError
            If the file has another suffix or cannot be written.
        """
        if target.suffix.lower() == TABLE_SUFFIX:
            save_table(self.table(), target)
        else:
            save_picture(self.graphics, target)

    def show_colors(self, colors: PlotColors) -> None:
        """Draw in the colours of another theme."""
        self.graphics.setBackground(colors.background)
        for axes in self.all_axes():
            axes.show_colors(colors)
