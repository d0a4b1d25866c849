"""The button that shows the mask in 3D, and the slider that moves the plane."""

from __future__ import annotations

from qtpy.QtCore import Qt
from qtpy.QtWidgets import QComboBox, QGridLayout, QPushButton, QSlider, QWidget

from napari_nx46.core.measure.surface import SurfaceMesh
from napari_nx46.files.naming import plural
from napari_nx46.live.derived.graph import State
from napari_nx46.viewer.look.three_d import ThreeD
from napari_nx46.viewer.messages.plain_text import plain_tip
from napari_nx46.viewer.qt.connections import Connections
from napari_nx46.viewer.widgets.layout import WrappedLabel

AXES = ("z", "y", "x")
PAINTING_HINT = "A drag paints on the surface; hold Space to turn it."


class ThreeDPanel(QWidget):
    """Switches 3D on and off; while it is on, says what is shown and moves the plane.

    Parameters
    ----------
    three_d : ThreeD
    """

    def __init__(self, three_d: ThreeD, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._three_d = three_d
        self.button = QPushButton("Show in 3D")
        self.button.setCheckable(True)
        self.button.setToolTip(
            plain_tip(
                "The mask as a lit surface, its components coloured, with a plane of the CT image,"
                " or else of a probability (Shift+H); afterwards all is as it was"
            )
        )
        self.axis_box = QComboBox()
        self.axis_box.addItems([f"Plane across {axis}" for axis in AXES])
        self.axis_box.setAccessibleName("Axis of the plane")
        self.position_slider = QSlider(Qt.Orientation.Horizontal)
        self.position_slider.setAccessibleName("Position of the plane")
        self.note = WrappedLabel()
        layout = QGridLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.button, 0, 0, 1, 2)
        layout.addWidget(self.axis_box, 1, 0)
        layout.addWidget(self.position_slider, 1, 1)
        layout.addWidget(self.note, 2, 0, 1, 2)
        layout.setColumnStretch(1, 1)
        self.button.toggled.connect(three_d.show)
        self.axis_box.activated.connect(self._turn_plane)
        self.position_slider.valueChanged.connect(self._move_plane)
        self._connections = Connections(self)
        self._connections.follow(three_d.shown_changed, self._show_shown)
        self._connections.follow(three_d.state_changed, self._show_state)
        self._connections.follow(three_d.corrections.painting_changed, self._show_painting)
        self._show_shown(three_d.shown)

    def _show_shown(self, shown: bool) -> None:
        self.button.blockSignals(True)
        self.button.setChecked(shown)
        self.button.blockSignals(False)
        for widget in (self.axis_box, self.position_slider, self.note):
            widget.setVisible(shown)
        if shown:
            self._show_place(*self._three_d.place)
            self._show_state(self._three_d.state)

    def _show_place(self, axis: int, position: int) -> None:
        self.axis_box.setCurrentIndex(axis)
        self.position_slider.blockSignals(True)
        self.position_slider.setRange(0, self._three_d.depths[axis] - 1)
        self.position_slider.setValue(position)
        self.position_slider.blockSignals(False)

    def _turn_plane(self, axis: int) -> None:
        position = self._three_d.depths[axis] // 2
        self._show_place(axis, position)
        self._three_d.move_plane(axis, position)

    def _move_plane(self, position: int) -> None:
        self._three_d.move_plane(self.axis_box.currentIndex(), position)

    def _show_state(self, state: State[SurfaceMesh]) -> None:
        words = _words(state)
        if self._three_d.corrections.painting is not None:
            words += f"\n{PAINTING_HINT}"
        self.note.setText(words)

    def _show_painting(self, label: int | None) -> None:
        if self._three_d.shown:
            self._show_state(self._three_d.state)


def _words(state: State[SurfaceMesh]) -> str:
    mesh = state.result
    if mesh is None:
        return "≈ The surface is being computed…" if state.busy else "The mask is being computed…"
    about = plural(mesh.components, "component")
    if mesh.cell > 1:
        about += f", averaged over cells of {mesh.cell}³ voxels"
    return f"≈ {about}: of the setting before, the new one follows" if state.stale else about
