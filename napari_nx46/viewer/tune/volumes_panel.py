"""The knobs that have a number for each probability volume: weights and temperatures."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from qtpy.QtCore import Signal
from qtpy.QtWidgets import QCheckBox, QVBoxLayout, QWidget

from napari_nx46.setting import Setting, Temperatures, Weights, described_knobs
from napari_nx46.viewer.messages.plain_text import plain_tip
from napari_nx46.viewer.tune.knobs import Knob, KnobScale, evenly_spaced

LONGEST_TITLE = 18
SPACING = 6


@dataclass(frozen=True)
class VolumesKnob:
    """How the numbers of a knob are shown.

    Parameters
    ----------
    title : str
        Of the switch between one number for all and one for each.
    what : str
        What the number is, for tips.
    lowest, highest, farthest : float
        What a spin box takes, and where a slider ends.
    missing : float
        What a volume that is not named has.
    """

    title: str
    what: str
    lowest: float
    highest: float
    farthest: float
    missing: float


VOLUMES_KNOBS: Mapping[str, VolumesKnob] = {
    "weights": VolumesKnob(
        "Weigh each volume", "Weight of {name}, relative to the others", 0.0, 1e6, 1.0, 0.0
    ),
    "temperatures": VolumesKnob(
        "A temperature for each", "Temperature of {name}", 0.25, 4.0, 4.0, 1.0
    ),
}
"""The knobs that are numbers by volume."""


class VolumesPanel(QWidget):
    """A number for each probability volume, in place of one for all.

    Parameters
    ----------
    name : str
        Field of the setting, among `VOLUMES_KNOBS`.

    Attributes
    ----------
    switch : QCheckBox
        Chooses between one number for all and one for each.
    knobs : dict of str to Knob
        By the names of the fragment's volumes; they emit nothing that others need.
    """

    moved = Signal(str, object)

    def __init__(self, name: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._name, self._kind = name, VOLUMES_KNOBS[name]
        help_text = described_knobs(Setting)[name].help
        self.switch = QCheckBox(self._kind.title)
        self.switch.setToolTip(plain_tip(help_text))
        self.switch.setAccessibleDescription(help_text)
        self.switch.clicked.connect(self._switched)
        self.knobs: dict[str, Knob] = {}
        self._numbers: dict[str, float] = {}
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(SPACING)
        layout.addWidget(self.switch)

    def show_volumes(self, names: Iterable[str]) -> None:
        """Make a knob for each of these volumes."""
        names = tuple(names)
        if names == tuple(self.knobs):
            return
        for knob in self.knobs.values():
            knob.setParent(None)
            knob.deleteLater()
        self.knobs = {name: Knob(self._scale(name), 1.0) for name in names}
        for knob in self.knobs.values():
            knob.moved.connect(self._changed)
            self.layout().addWidget(knob)
        self._show()

    def set_value(self, numbers: Weights | Temperatures) -> None:
        """Show numbers without emitting that they were moved."""
        self._numbers = dict(numbers)
        self._show()

    def focus_order(self) -> list[QWidget]:
        """Return what takes the keyboard, from top to bottom."""
        return [self.switch, *(part for knob in self.knobs.values() for part in knob.focus_order())]

    def _show(self) -> None:
        self.switch.setChecked(bool(self._numbers))
        for name, knob in self.knobs.items():
            knob.set_value(self._numbers.get(name, self._kind.missing))
            knob.setVisible(bool(self._numbers))

    def _switched(self, each: bool) -> None:
        self.moved.emit(self._name, dict.fromkeys(self.knobs, 1.0) if each else {})

    def _changed(self, name: str, number: float) -> None:
        self.moved.emit(self._name, {**self._numbers, name: float(number)})

    def _scale(self, name: str) -> KnobScale:
        """Return the scale of the number of a volume, whose name may be long."""
        knob, kind = described_knobs(Setting)[self._name], self._kind
        half = LONGEST_TITLE // 2
        is_long = len(name) > LONGEST_TITLE
        return KnobScale(
            name,
            title=f"{name[: half - 1]}…{name[-half:]}" if is_long else name,
            help=kind.what.format(name=name),
            unit=knob.unit,
            positions=evenly_spaced(kind.lowest, kind.farthest, knob.step),
            decimals=knob.decimals + 1,
            step=knob.step,
            lowest=kind.lowest,
            highest=kind.highest,
        )
