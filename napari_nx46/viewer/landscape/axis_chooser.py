"""Choosing a knob, and from where to where the score is computed over it."""

from __future__ import annotations

from qtpy.QtCore import Signal
from qtpy.QtWidgets import QComboBox, QGridLayout, QWidget
from superqt.utils import signals_blocked

from napari_nx46.live.session import Session
from napari_nx46.run.landscape.landscape import Axis, KnobValue
from napari_nx46.setting import Setting, described_knobs, knob_applies
from napari_nx46.viewer.messages.plain_text import PlainLabel, plain_tip
from napari_nx46.viewer.tune.knobs import KnobScale, knob_scale
from napari_nx46.viewer.widgets.number_boxes import NumberBox

__all__ = ["AxisChooser", "explored_knobs", "value_text"]

NO_KNOB = "nothing else"
FEWEST_STEPS = 4
"""Of a slider to either side of where it stands, at first."""

SHARE_OF_SLIDER = 8
"""To either side at first one of so many parts of all positions, if that is more."""


def explored_knobs(session: Session) -> tuple[str, ...]:
    """Return the knobs that the score can be computed over: numbers and switches that apply."""
    setting, fragment = session.setting, session.fragment
    one_path = fragment.p3d is fragment.p2d
    return tuple(
        name
        for name in described_knobs(Setting)
        if Setting.model_fields[name].annotation in (bool, int, float)
        and knob_applies(name, setting)
        and not (name == "blend" and one_path)
    )


def value_text(name: str, value: KnobValue) -> str:
    """Return a value of a knob as people read it."""
    if isinstance(value, bool):
        return "on" if value else "off"
    return f"{value:g}{knob_scale(name).suffix(value)}"


class AxisChooser(QWidget):
    """A list of knobs, and the range of the one that is chosen.

    Parameters
    ----------
    session : Session
        Says which knobs there are, and where they stand.
    title : str
        Of the axis: x or y.
    optional : bool
        Whether no knob may be chosen.

    Attributes
    ----------
    changed : Signal()
        A user has chosen another knob or range.
    knob_box : QComboBox
    from_box, to_box : QDoubleSpinBox
        Hidden for a switch, which has two values only.
    """

    changed = Signal()

    def __init__(self, session: Session, title: str, *, optional: bool = False) -> None:
        super().__init__()
        self._session = session
        self._optional = optional
        self._names: tuple[str, ...] = ()
        self.knob_box = QComboBox()
        self.knob_box.setAccessibleName(f"Knob along {title}")
        self.knob_box.setMinimumContentsLength(8)
        self.knob_box.setSizeAdjustPolicy(
            QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon
        )
        self.from_box, self.to_box = NumberBox(), NumberBox()
        self._dash = PlainLabel("to")
        for box, words in ((self.from_box, "Lowest"), (self.to_box, "Highest")):
            box.setAccessibleName(f"{words} value along {title}")
            box.setToolTip(plain_tip(f"{words} value of the knob for which scores are computed"))
            box.setKeyboardTracking(False)
            # Buttons would leave no room for the digits in a narrow dock; arrow keys step too.
            box.setButtonSymbols(NumberBox.ButtonSymbols.NoButtons)
            box.valueChanged.connect(self._range_changed)
        layout = QGridLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        # The range has a row of its own: beside it a narrow dock would cut the knobs' names.
        layout.addWidget(PlainLabel(f"Along {title}"), 0, 0)
        layout.addWidget(self.knob_box, 0, 1, 1, 3)
        for column, part in enumerate((self.from_box, self._dash, self.to_box), start=1):
            layout.addWidget(part, 1, column)
        layout.setColumnStretch(1, 1)
        layout.setColumnStretch(3, 1)
        self.knob_box.currentIndexChanged.connect(self._knob_chosen)
        self.show_knobs()

    @property
    def name(self) -> str:
        """The knob that is chosen; empty where none is."""
        return str(self.knob_box.currentData() or "")

    def choose(self, name: str) -> None:
        """Choose a knob, by default with the range around where it stands."""
        self.knob_box.setCurrentIndex(self.knob_box.findData(name))

    def show_axis(self, axis: Axis | None) -> None:
        """Show the knob and the range of an axis, without emitting that they changed."""
        with signals_blocked(self):
            self.choose("" if axis is None else axis.name)
            if axis is not None and axis.name == self.name and self._scale is not None:
                self._show_range(float(axis.values[0]), float(axis.values[-1]))

    def axis(self, intervals: int) -> Axis | None:
        """Return the axis that is chosen; None where there are not two values in its range."""
        name = self.name
        if not name:
            return None
        values, present = self._values(), getattr(self._session.setting, name)
        return Axis.of(name, values, present, intervals) if len(values) > 1 else None

    def show_knobs(self) -> None:
        """List the knobs that apply now; the one that is chosen stays if it does."""
        names = explored_knobs(self._session)
        if names == self._names:
            return
        self._names, chosen = names, self.name
        with signals_blocked(self.knob_box):
            self.knob_box.clear()
            if self._optional:
                self.knob_box.addItem(NO_KNOB, "")
            for name in names:
                self.knob_box.addItem(described_knobs(Setting)[name].title, name)
            self.knob_box.setCurrentIndex(max(0, self.knob_box.findData(chosen)))
        if self.name != chosen:
            self._knob_chosen()

    @property
    def _scale(self) -> KnobScale | None:
        """The scale of the knob that is chosen; None where it is a switch, or none is."""
        name = self.name
        is_number = name and Setting.model_fields[name].annotation is not bool
        return knob_scale(name) if is_number else None

    def _values(self) -> list[KnobValue]:
        """Return the slider's positions in the range, its ends, and where the knob stands."""
        scale, present = self._scale, getattr(self._session.setting, self.name)
        if scale is None:
            return [False, True]
        lowest, highest = self.from_box.value(), self.to_box.value()
        wanted = (lowest, highest, present, *scale.positions)
        return sorted({scale.typed(value) for value in wanted if lowest <= value <= highest})

    def _knob_chosen(self) -> None:
        scale = self._scale
        for part in (self.from_box, self._dash, self.to_box):
            part.setVisible(scale is not None)
        if scale is not None:
            positions = scale.positions
            at = scale.nearest(float(getattr(self._session.setting, scale.name)))
            reach = max(FEWEST_STEPS, len(positions) // SHARE_OF_SLIDER)
            first, last = max(0, at - reach), min(len(positions) - 1, at + reach)
            self._show_range(positions[first], positions[last])
        self.changed.emit()

    def _show_range(self, lowest: float, highest: float) -> None:
        scale = self._scale
        if scale is None:
            return
        for box, value in ((self.from_box, lowest), (self.to_box, highest)):
            with signals_blocked(box):
                box.setDecimals(scale.decimals)
                box.setRange(scale.lowest, scale.highest)
                box.setSingleStep(scale.step)
                box.setValue(value)

    def _range_changed(self) -> None:
        self.changed.emit()
