"""A knob: its name, a slider, a spin box for the exact value, and a button that resets it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import (
    QDoubleSpinBox,
    QGridLayout,
    QLabel,
    QSlider,
    QToolButton,
    QWidget,
)


@dataclass(frozen=True)
class KnobScale:
    """The positions of a knob's slider, and the exact values that its spin box takes.

    Parameters
    ----------
    name : str
        Field of the setting.
    title : str
        What the user reads.
    help : str
        What the knob does, and in which unit.
    positions : tuple of float
        Ascending values, one a step of the slider.
    decimals : int
        Digits of the spin box.
    step : float
        Step of the spin box.
    lowest, highest : float
        What the spin box takes: as much as the setting does.
    """

    name: str
    title: str
    help: str
    positions: tuple[float, ...]
    decimals: int
    step: float
    lowest: float
    highest: float

    def nearest(self, value: float) -> int:
        """Return the slider position nearest to a value."""
        return int(np.argmin(np.abs(np.asarray(self.positions) - value)))


def stepped(*parts: tuple[float, float, float]) -> tuple[float, ...]:
    """Return ascending values from parts of (start, stop, step), each without its stop."""
    return tuple(
        round(float(value), 4)
        for start, stop, step in parts
        for value in np.arange(start, stop - step / 2, step)
    )


KNOB_SCALES: Sequence[KnobScale] = (
    KnobScale(
        "quantile",
        "Threshold quantile",
        "Share of the domain's voxels below the threshold: higher keeps fewer voxels.",
        (*stepped((0.5, 0.9, 0.005), (0.9, 0.98, 0.001), (0.98, 0.999, 0.0002)), 0.999),
        decimals=4,
        step=0.001,
        lowest=0.0,
        highest=1.0,
    ),
    KnobScale(
        "blend",
        "Blend weight 3D",
        "Weight of the 3D path in the score; the 2D path has the rest.",
        (*stepped((0.0, 1.0, 0.01)), 1.0),
        decimals=3,
        step=0.01,
        lowest=0.0,
        highest=1.0,
    ),
    KnobScale(
        "z_radius",
        "Z-radius",
        "The 3D path is averaged over this many slices on either side.",
        tuple(float(radius) for radius in range(9)),
        decimals=0,
        step=1,
        lowest=0,
        highest=8,
    ),
)
"""The sliders, from top to bottom."""


class Knob(QWidget):
    """One knob; emits `moved` with its name and value when the user moves it.

    Parameters
    ----------
    scale : KnobScale
    default : float
        What the reset button goes back to.
    """

    moved = Signal(str, float)

    def __init__(self, scale: KnobScale, default: float, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.scale = scale
        self.default = default
        self.slider = QSlider(Qt.Orientation.Horizontal)
        self.slider.setObjectName(f"{scale.name} slider")
        self.slider.setAccessibleName(scale.title)
        self.slider.setRange(0, len(scale.positions) - 1)
        self.slider.setPageStep(max(1, len(scale.positions) // 20))
        self.spin_box = QDoubleSpinBox()
        self.spin_box.setAccessibleName(scale.title)
        self.spin_box.setDecimals(scale.decimals)
        self.spin_box.setRange(scale.lowest, scale.highest)
        self.spin_box.setSingleStep(scale.step)
        self.spin_box.setKeyboardTracking(False)
        self.reset_button = QToolButton()
        self.reset_button.setText("↺")
        self.reset_button.setToolTip(f"Reset to {default:g}")
        self.reset_button.setAccessibleName(f"Reset {scale.title}")
        self._arrange()
        self.set_value(default)
        self.slider.valueChanged.connect(self._slider_moved)
        self.spin_box.valueChanged.connect(self._spin_box_changed)
        self.reset_button.clicked.connect(self.reset)

    @property
    def value(self) -> float:
        """The exact value, which the spin box shows."""
        return float(self.spin_box.value())

    def set_value(self, value: float) -> None:
        """Show a value without telling that it was moved."""
        for widget in (self.slider, self.spin_box):
            widget.blockSignals(True)
        self.slider.setValue(self.scale.nearest(value))
        self.spin_box.setValue(value)
        for widget in (self.slider, self.spin_box):
            widget.blockSignals(False)

    def reset(self) -> None:
        """Go back to the default."""
        self._move_to(self.default)

    def _arrange(self) -> None:
        layout = QGridLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setVerticalSpacing(2)
        title = QLabel(self.scale.title)
        layout.addWidget(title, 0, 0)
        layout.addWidget(self.spin_box, 0, 1)
        layout.addWidget(self.reset_button, 0, 2)
        layout.addWidget(self.slider, 1, 0, 1, 3)
        layout.setColumnStretch(0, 1)
        self.spin_box.setMinimumWidth(84)
        self.setToolTip(self.scale.help)

    def _slider_moved(self, position: int) -> None:
        self._move_to(self.scale.positions[position])

    def _spin_box_changed(self, value: float) -> None:
        self._move_to(value)

    def _move_to(self, value: float) -> None:
        self.set_value(value)
        self.moved.emit(self.scale.name, self.value)
