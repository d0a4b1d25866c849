"""Pictures of what is seen: as PNG, or as an animation of slices or of a slider."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
from qtpy.QtWidgets import (
    QComboBox,
    QFileDialog,
    QGridLayout,
    QHBoxLayout,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from napari_nx46.files.animation import Frame, has_ffmpeg
from napari_nx46.files.atomic import write_beside
from napari_nx46.run.job import Progress
from napari_nx46.viewer.look.filming import Filming
from napari_nx46.viewer.messages.notices import notify_error
from napari_nx46.viewer.messages.plain_text import PlainLabel, plain_tip
from napari_nx46.viewer.qt.connections import Connections
from napari_nx46.viewer.widgets.layout import VerticalScrollArea, WrappedLabel, rule
from napari_nx46.viewer.widgets.number_boxes import CountBox, NumberBox
from napari_nx46.viewer.widgets.progress_row import ProgressRow
from napari_nx46.viewer.window.session_dock import SessionDock
from napari_nx46.viewer.window.viewer_session import ViewerSession

PASS = "Pass through z"
KNOBS = {"quantile": "Threshold quantile", "blend": "Blend weight 3D", "z_radius": "Z-radius"}
SWEEPS = {f"Sweep of {title}": name for name, title in KNOBS.items()}
FIRST_SWEEP = {"quantile": (0.8, 0.99), "blend": (0.0, 1.0), "z_radius": (0.0, 8.0)}
WHOLE = ("z_radius",)
DEFAULT_RATE = 12.0
DEFAULT_FRAMES = 40
MOST_FRAMES = 500
DECIMALS = 3
"""Of a quantile or a weight."""


class PicturesDock(SessionDock):
    """Save what is seen as a picture or an animation."""

    title = "Pictures"

    def make_panel(self, viewer_session: ViewerSession) -> QWidget:
        """Return what saves pictures of a session."""
        return PicturesPanel(viewer_session)


class PicturesPanel(QWidget):
    """Buttons for pictures, and what an animation goes through.

    Parameters
    ----------
    viewer_session : ViewerSession

    Attributes
    ----------
    figure_button, window_button, film_button : QPushButton
    kind_box : QComboBox
    first_box, last_box, rate_box : NumberBox
    frames_box : CountBox
    filming : Filming
    progress_row : ProgressRow
    result_label : WrappedLabel
    """

    def __init__(self, viewer_session: ViewerSession, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._viewer_session = viewer_session
        self.figure_button = QPushButton("Save figure…")
        self.figure_button.setToolTip("The whole slice as it is shown, without the window, as PNG")
        self.window_button = QPushButton("Save window…")
        self.window_button.setToolTip("The window with its docks, as PNG")
        self.kind_box = QComboBox()
        self.kind_box.addItems([PASS, *SWEEPS])
        self.kind_box.setAccessibleName("What the animation shows")
        self.first_box, self.last_box = _number_box("First value"), _number_box("Last value")
        self.frames_box = CountBox()
        self.frames_box.setRange(2, MOST_FRAMES)
        self.frames_box.setValue(DEFAULT_FRAMES)
        self.frames_box.setAccessibleName("Frames")
        self.rate_box = _number_box("Frames a second")
        self.rate_box.setRange(1, 50)
        self.rate_box.setDecimals(0)
        self.rate_box.setValue(DEFAULT_RATE)
        self.film_button = QPushButton("Save animation…")
        self.film_button.setToolTip(plain_tip("GIF" + (" or MP4" if has_ffmpeg() else NO_MP4)))
        self.filming = Filming(viewer_session, self)
        self.progress_row = ProgressRow("Stop; nothing is written", "Filming", self.filming.cancel)
        self.result_label = WrappedLabel()
        self._arrange()
        self.figure_button.clicked.connect(lambda: self._save(self.save_figure))
        self.window_button.clicked.connect(lambda: self._save(self.save_window))
        self.film_button.clicked.connect(self._choose_animation)
        self.kind_box.currentTextChanged.connect(self._show_range)
        self._connections = Connections(self)
        self._connections.follow(self.filming.progressed, self._show_progress)
        self._connections.follow(self.filming.ended, self._end)
        self._connections.follow(self.filming.done, self._show_saved)
        self._connections.follow(self.filming.cancelled, self._show_cancelled)
        self._connections.follow(
            viewer_session.session.fragment_changed, lambda fragment: self._show_range()
        )
        self.destroyed.connect(self.filming.close)
        self._show_range()

    def save_figure(self, target: Path) -> None:
        """Write what is shown of the data as PNG, one pixel a voxel and more where it is zoomed."""
        self._write(target, self._viewer_session.viewer.export_figure(flash=False))

    def save_window(self, target: Path) -> None:
        """Write the whole window as PNG."""
        viewer = self._viewer_session.viewer
        self._write(target, viewer.screenshot(canvas_only=False, flash=False))

    def film(self, target: Path) -> None:
        """Film what is chosen."""
        kind, rate = self.kind_box.currentText(), self.rate_box.value()
        first, last = self.first_box.value(), self.last_box.value()
        self.result_label.setText("")
        if kind == PASS:
            step = max(round(abs(last - first) / self.frames_box.value()), 1)
            self.filming.film_pass(round(first), round(last), step, target, rate)
        else:
            name = SWEEPS[kind]
            places = np.linspace(first, last, self.frames_box.value())
            values = [float(round(place, DECIMALS)) for place in places]
            if name in WHOLE:
                values = [*dict.fromkeys(round(value) for value in values)]
            self.filming.film_sweep(name, values, target, rate)
        if self.filming.running:
            self.progress_row.begin(kind)
        self.film_button.setEnabled(not self.filming.running)

    def what_runs(self) -> str:
        """Return that an animation is made, in words."""
        return "the animation" if self.filming.running else ""

    def _write(self, target: Path, picture: Frame) -> None:
        import imageio.v3 as imageio

        with write_beside(target) as partial:
            imageio.imwrite(partial, np.asarray(picture), extension=".png")
        self._show_saved(target)

    def _save(self, save: Callable[[Path], None]) -> None:
        path, _ = QFileDialog.getSaveFileName(
            self, "Picture to write", str(self._suggested("png")), "Pictures (*.png)"
        )
        if path:
            try:
                save(Path(path).with_suffix(".png"))
            except OSError as error:
                notify_error(error)

    def _choose_animation(self) -> None:
        kinds = "Animations (*.gif *.mp4)" if has_ffmpeg() else "Animations (*.gif)"
        path, _ = QFileDialog.getSaveFileName(
            self, "Animation to write", str(self._suggested("gif")), kinds
        )
        if path:
            self.film(Path(path) if Path(path).suffix else Path(f"{path}.gif"))

    def _suggested(self, suffix: str) -> Path:
        return Path.cwd() / f"{self._viewer_session.session.fragment.image_id}.{suffix}"

    def _show_range(self, kind: str = "") -> None:
        """Offer the whole range of what is filmed."""
        name = SWEEPS.get(self.kind_box.currentText())
        depth = self._viewer_session.session.fragment.shape[0]
        low, high = (0, depth - 1) if name is None else FIRST_SWEEP[name]
        limit = max(depth - 1, 0) if name is None else (20 if name in WHOLE else 1)
        for box, value in ((self.first_box, low), (self.last_box, high)):
            box.setDecimals(DECIMALS if name not in (None, *WHOLE) else 0)
            box.setSingleStep(0.01 if name not in (None, *WHOLE) else 1)
            box.setRange(0, limit)
            box.setValue(value)

    def _show_progress(self, progress: Progress) -> None:
        self.progress_row.show_progress(progress)

    def _end(self) -> None:
        self.progress_row.end()
        self.film_button.setEnabled(True)

    def _show_saved(self, target: Path) -> None:
        self.result_label.setText(f"✓ {target}")

    def _show_cancelled(self) -> None:
        self.result_label.setText("Cancelled. Nothing was written.")

    def _arrange(self) -> None:
        pictures = QHBoxLayout()
        pictures.addWidget(self.figure_button)
        pictures.addWidget(self.window_button)
        grid = QGridLayout()
        grid.addWidget(PlainLabel("Animation"), 0, 0)
        grid.addWidget(self.kind_box, 0, 1, 1, 3)
        grid.addWidget(PlainLabel("From"), 1, 0)
        grid.addWidget(self.first_box, 1, 1)
        grid.addWidget(PlainLabel("to"), 1, 2)
        grid.addWidget(self.last_box, 1, 3)
        grid.addWidget(PlainLabel("Frames"), 2, 0)
        grid.addWidget(self.frames_box, 2, 1)
        grid.addWidget(PlainLabel("a second"), 2, 2)
        grid.addWidget(self.rate_box, 2, 3)
        content, scroll = QWidget(), VerticalScrollArea()
        layout = QVBoxLayout(content)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addLayout(pictures)
        layout.addWidget(rule())
        layout.addLayout(grid)
        layout.addWidget(self.film_button)
        layout.addWidget(self.progress_row)
        layout.addWidget(self.result_label)
        layout.addStretch(1)
        scroll.setWidget(content)
        around = QVBoxLayout(self)
        around.setContentsMargins(0, 0, 0, 0)
        around.addWidget(scroll)


NO_MP4 = "; for MP4 as well install napari-nx46[video]"


def _number_box(name: str) -> NumberBox:
    box = NumberBox()
    box.setAccessibleName(name)
    return box
