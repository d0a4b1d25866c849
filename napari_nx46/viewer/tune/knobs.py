"""The controls of single knobs, made from the fields of the setting.

A number is a `Knob` (slider, spin box and reset), one of several values a `Choice` (combo box), and
yes or no a `Switch` (check box). Each emits `moved` with its name and value when the user moves
it, and shows a value by `set_value` without a signal.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any

import numpy as np
from annotated_types import Ge, Le
from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import (
    QCheckBox,
    QComboBox,
    QGridLayout,
    QHBoxLayout,
    QSizePolicy,
    QSlider,
    QToolButton,
    QWidget,
)
from superqt.utils import signals_blocked

from napari_nx46.setting import (
    Averaging,
    Connectivity,
    CtGate,
    CubePlugging,
    Domain,
    KnobDescription,
    MedianWindow,
    ScoreFrom,
    ScoreSmoothing,
    Setting,
    Sheetness,
    SmoothStage,
    ThresholdRule,
    described_knobs,
)
from napari_nx46.viewer.messages.plain_text import PlainLabel, plain_tip
from napari_nx46.viewer.widgets.number_boxes import NumberBox

# By type: values of two text enumerations are equal where their texts are.
CHOICE_TEXTS: Mapping[type[Enum], Mapping[str, str]] = {
    ScoreFrom: {
        "PROBABILITIES": "Probability volumes",
        "GRADIENT": "CT gradient (NX46)",
        "RESIDUAL": "CT residual (NX47)",
    },
    Averaging: {
        "PROBABILITY": "Probabilities",
        "LOGIT": "Logits",
        "GEOMETRIC": "Logarithms (geometric)",
        "POWER": "Powers",
        "RANK": "Ranks",
    },
    ScoreSmoothing: {
        "OFF": "Off",
        "DIFFUSION": "Diffusion (ITK)",
        "GAUSSIAN": "Gaussian",
        "MEDIAN": "Median",
    },
    SmoothStage: {"SCORE": "The score", "VOLUMES": "Each volume"},
    Sheetness: {
        "OFF": "Not at all",
        "MIX": "Mixed in",
        "GATE": "As a gate",
        "REPLACE": "In place of it",
    },
    CtGate: {"OFF": "Nothing", "SCORE": "Scores", "MASK": "Mask"},
    ThresholdRule: {
        "QUANTILE": "Quantile",
        "PROBABILITY": "Probability",
        "ADAPTIVE": "Adaptive pair (NX47)",
    },
    Domain: {
        "FRAGMENT": "Whole fragment",
        "SLICE": "Each slice",
        "BLOCK": "Visible block",
        "DATASET": "Whole data set",
        "NONZERO": "Non-zero voxels",
    },
    CubePlugging: {
        "OFF": "Off",
        "CUBES": "All at once",
        "RASTER": "In raster order",
    },
    MedianWindow: {
        "CUBE": "3 × 3 × 3",
        "CROSS": "Six neighbours",
        "SLICE": "3 × 3 in slices",
        "LINE": "3 along z",
    },
    Connectivity: {
        "FACES": "Faces (6)",
        "EDGES": "Edges, too (18)",
        "CORNERS": "Corners, too (26)",
    },
}
"""What people read of the values of an enumeration, by their names."""

WIDEST_VALUE = "20000 voxels"
"""What every spin box has room for; longer values scroll."""

FRAME_WIDTH = 40
"""Pixels of a spin box beside its text."""


def stepped(*parts: tuple[float, float, float]) -> tuple[float, ...]:
    """Return ascending values from parts of (start, stop, step), each without its stop."""
    return tuple(
        round(float(value), 4)
        for start, stop, step in parts
        for value in np.arange(start, stop - step / 2, step)
    )


_QUANTILES = (*stepped((0.5, 0.9, 0.005), (0.9, 0.98, 0.001), (0.98, 0.999, 0.0002)), 0.999)
_OBJECT_SIZES = (
    0.0,
    *(float(lead * 10**power) for power in range(1, 6) for lead in (1, 2, 5)),
    1_000_000.0,
)

SPECIAL_POSITIONS: Mapping[str, tuple[float, ...]] = {
    "quantile": _QUANTILES,
    "low_quantile": _QUANTILES,
    "most_sheets": tuple(size for size in _OBJECT_SIZES if size <= 10_000),
    **dict.fromkeys(
        ("objects_first", "smallest_object", "edge_min", "corner_min", "fit_smallest"),
        _OBJECT_SIZES,
    ),
}
"""Positions of the sliders that are not to move in equal steps over all that the setting takes."""


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
        What the knob does.
    unit : str
        Of its value, in the plural; empty where it has none.
    positions : tuple of float
        Ascending values, one a step of the slider.
    decimals : int
        Digits of the spin box; 0 for whole numbers.
    step : float
        Step of the spin box.
    lowest, highest : float
        What the spin box takes: as much as the setting does.
    """

    name: str
    title: str
    help: str
    unit: str
    positions: tuple[float, ...]
    decimals: int
    step: float
    lowest: float
    highest: float

    def nearest(self, value: float) -> int:
        """Return the slider position nearest to a value."""
        above = bisect_left(self.positions, value)
        beside = range(max(0, above - 1), min(above + 1, len(self.positions)))
        return min(beside, key=lambda position: abs(self.positions[position] - value))

    def typed(self, value: float) -> float | int:
        """Return a value as the setting has it: whole numbers as integers."""
        return round(value) if self.decimals == 0 else value

    def suffix(self, value: float) -> str:
        """Return the unit as it stands behind a value."""
        if not self.unit:
            return ""
        is_single = self.decimals == 0 and value == 1
        return f" {self.unit.removesuffix('s') if is_single else self.unit}"


def knob_scale(name: str) -> KnobScale:
    """Return the scale of a number of the setting, as its field describes it."""
    field, knob = Setting.model_fields[name], described_knobs(Setting)[name]
    lowest, highest = _limits(field.metadata)
    is_whole = field.annotation is int
    return KnobScale(
        name,
        knob.title,
        knob.help,
        knob.unit,
        SPECIAL_POSITIONS.get(name) or evenly_spaced(lowest, highest, knob.step),
        # A spin box takes finer values than its own steps.
        decimals=0 if is_whole else knob.decimals + 1,
        step=knob.step,
        lowest=lowest,
        highest=highest,
    )


def evenly_spaced(lowest: float, highest: float, step: float) -> tuple[float, ...]:
    """Return positions from the lowest to the highest value, both included."""
    return (*stepped((lowest, highest, step)), highest)


def _limits(metadata: Sequence[object]) -> tuple[float, float]:
    """Return the lowest and the highest value that a field takes."""
    lows = [bound.ge for bound in metadata if isinstance(bound, Ge)]
    highs = [bound.le for bound in metadata if isinstance(bound, Le)]
    if len(lows) != 1 or len(highs) != 1:
        raise TypeError(f"a number of the setting needs one ge and one le; found {metadata}")
    return float(str(lows[0])), float(str(highs[0]))


class Knob(QWidget):
    """A number: its title, a slider, a spin box for the exact value, and a button that resets it.

    Parameters
    ----------
    scale : KnobScale
    default : float
        What the reset button goes back to.
    """

    moved = Signal(str, object)

    def __init__(self, scale: KnobScale, default: float, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.scale = scale
        self.default = default
        self.title_label = PlainLabel(scale.title)
        self.slider = QSlider(Qt.Orientation.Horizontal)
        self.slider.setObjectName(f"{scale.name} slider")
        self.slider.setRange(0, len(scale.positions) - 1)
        self.slider.setPageStep(max(1, len(scale.positions) // 20))
        self.spin_box = NumberBox()
        self.spin_box.setDecimals(scale.decimals)
        self.spin_box.setRange(scale.lowest, scale.highest)
        self.spin_box.setSingleStep(scale.step)
        self.spin_box.setKeyboardTracking(False)
        self.reset_button = QToolButton()
        self.reset_button.setText("↺")
        self.reset_button.setToolTip(plain_tip(f"Reset to {default:g}"))
        self.reset_button.setAccessibleName(f"Reset {scale.title}")
        for widget in (self.slider, self.spin_box):
            widget.setAccessibleName(scale.title)
            widget.setAccessibleDescription(scale.help)
        self._arrange()
        self.set_value(default)
        self.slider.valueChanged.connect(self._slider_moved)
        self.spin_box.valueChanged.connect(self._move_to)
        self.reset_button.clicked.connect(self.reset)

    @property
    def value(self) -> float:
        """The exact value, which the spin box shows."""
        return float(self.spin_box.value())

    def set_value(self, value: float) -> None:
        """Show a value without emitting that it was moved."""
        with signals_blocked(self.slider), signals_blocked(self.spin_box):
            self.slider.setValue(self.scale.nearest(value))
            self.spin_box.setValue(value)
            suffix = self.scale.suffix(value)
            if suffix != self.spin_box.suffix():
                self.spin_box.setSuffix(suffix)

    def show_why_disabled(self, reason: str) -> None:
        """Disable the knob, with the reason as its tip; without a reason enable it."""
        for widget in (self.slider, self.spin_box, self.reset_button, self.title_label):
            widget.setEnabled(not reason)
        self.setToolTip(plain_tip(reason or self.scale.help))

    def reset(self) -> None:
        """Go back to the default."""
        self._move_to(self.default)

    def focus_order(self) -> list[QWidget]:
        """Return what takes the keyboard, in the order in which the eye finds it."""
        return [self.spin_box, self.reset_button, self.slider]

    def _arrange(self) -> None:
        layout = QGridLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setVerticalSpacing(2)
        layout.addWidget(self.title_label, 0, 0)
        layout.addWidget(self.spin_box, 0, 1)
        layout.addWidget(self.reset_button, 0, 2)
        layout.addWidget(self.slider, 1, 0, 1, 3)
        layout.setColumnStretch(0, 1)
        highest = self.scale.positions[-1]
        text = f"{highest:.{self.scale.decimals}f}{self.scale.suffix(highest)}"
        widest = max(map(self.spin_box.fontMetrics().horizontalAdvance, (WIDEST_VALUE, text)))
        self.spin_box.setFixedWidth(widest + FRAME_WIDTH)
        self.setToolTip(plain_tip(self.scale.help))

    def _slider_moved(self, position: int) -> None:
        self._move_to(self.scale.positions[position])

    def _move_to(self, value: float) -> None:
        self.set_value(value)
        self.moved.emit(self.scale.name, self.scale.typed(self.value))


class Choice(QWidget):
    """One of several values: its title and a combo box.

    Parameters
    ----------
    name : str
        Field of the setting, which is an enumeration.
    knob : KnobDescription
    values : type of Enum
    """

    moved = Signal(str, object)

    def __init__(
        self, name: str, knob: KnobDescription, values: type[Enum], parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self.name = name
        self._values = tuple(values)
        self.box = QComboBox()
        self.box.addItems([choice_text(value) for value in self._values])
        self.box.setAccessibleName(knob.title)
        self.box.setAccessibleDescription(knob.help)
        title = PlainLabel(knob.title)
        title.setBuddy(self.box)
        # Texts that are too long for a narrow dock are cut off.
        self.box.setMinimumContentsLength(8)
        self.box.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        # In these shares all combo boxes begin below each other.
        row.addWidget(title, 3)
        row.addWidget(self.box, 4)
        self.setToolTip(plain_tip(knob.help))
        self.box.activated.connect(self._chosen)

    def set_value(self, value: Enum) -> None:
        """Show a value without emitting that it was chosen."""
        self.box.setCurrentIndex(self._values.index(value))

    def focus_order(self) -> list[QWidget]:
        """Return what takes the keyboard."""
        return [self.box]

    def _chosen(self, index: int) -> None:
        self.moved.emit(self.name, self._values[index])


class Switch(QCheckBox):
    """Yes or no: a check box.

    Parameters
    ----------
    name : str
        Field of the setting, which is a bool.
    knob : KnobDescription
    """

    moved = Signal(str, object)

    def __init__(self, name: str, knob: KnobDescription, parent: QWidget | None = None) -> None:
        super().__init__(knob.title, parent)
        self.name = name
        self.setToolTip(plain_tip(knob.help))
        self.setAccessibleDescription(knob.help)
        self.clicked.connect(lambda checked: self.moved.emit(self.name, bool(checked)))

    def set_value(self, value: bool) -> None:
        """Show a value without emitting that it was clicked."""
        self.setChecked(value)

    def focus_order(self) -> list[QWidget]:
        """Return what takes the keyboard."""
        return [self]


def new_control(name: str) -> Knob | Choice | Switch:
    """Return the control that fits a field of the setting; `weights` has one of its own.

    Raises
    ------
    TypeError
        If the field is no number, enumeration or bool.
    """
    field, knob = Setting.model_fields[name], described_knobs(Setting)[name]
    kind: Any = field.annotation
    if kind is bool:
        return Switch(name, knob)
    if isinstance(kind, type) and issubclass(kind, Enum):
        return Choice(name, knob, kind)
    if kind in (int, float):
        return Knob(knob_scale(name), float(field.default))
    raise TypeError(f"there is no control for {name}, which is {kind}")


def choice_text(value: Enum) -> str:
    """Return what people read of a value of an enumeration."""
    return CHOICE_TEXTS[type(value)][value.name]
