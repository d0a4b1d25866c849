"""The read-outs: threshold and densities, with the band that is aimed at."""

from __future__ import annotations

from qtpy.QtCore import QRectF, QSize, Qt, Signal
from qtpy.QtGui import QColor, QPainter, QPaintEvent, QPalette
from qtpy.QtWidgets import QDoubleSpinBox, QGridLayout, QHBoxLayout, QLabel, QSizePolicy, QWidget
from superqt.utils import signals_blocked

from napari_nx46.core.measure.band import BandPosition, position_in_band
from napari_nx46.live.view import Figures
from napari_nx46.viewer.messages.plain_text import PlainLabel
from napari_nx46.viewer.widgets.number_boxes import NumberBox
from napari_nx46.viewer.widgets.number_label import number_label, show_number

POSITION_TEXTS = {
    BandPosition.BELOW: "▼ below",
    BandPosition.IN: "● in band",
    BandPosition.ABOVE: "▲ above",
}
IN_BAND_COLOR = QColor(70, 170, 95)
OUT_OF_BAND_COLOR = QColor(230, 150, 50)
ROWS = ("Slice", "Visible block", "Fragment")


class DensityGauge(QWidget):
    """A bar from 0 to twice the band's upper end, with the band marked on it."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._density: float | None = None
        self._band = (0.0, 1.0)
        self._exact = True
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)

    def sizeHint(self) -> QSize:
        """Return a flat bar."""
        return QSize(80, 12)

    def show_density(self, density: float | None, band: tuple[float, float], exact: bool) -> None:
        """Show a density; one that is not exact is paler."""
        self._density, self._band, self._exact = density, band, exact
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        """Paint the groove, the band and the density."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        text = self.palette().color(QPalette.ColorRole.WindowText)
        painter.setBrush(_faded(text, 40))
        painter.drawRoundedRect(self._bar(0.0, 1.0), 3, 3)
        full = max(2 * self._band[1], 1e-9)
        painter.setBrush(_faded(IN_BAND_COLOR, 110))
        painter.drawRect(self._bar(self._band[0] / full, self._band[1] / full))
        if self._density is not None:
            inside = position_in_band(self._density, self._band) is BandPosition.IN
            color = IN_BAND_COLOR if inside else OUT_OF_BAND_COLOR
            end = min(self._density / full, 1.0)
            painter.setBrush(color if self._exact else _faded(color, 130))
            bar = self._bar(0.0, end)
            painter.drawRoundedRect(bar.adjusted(0, 3, 0, -3), 2, 2)
        painter.end()

    def _bar(self, start: float, end: float) -> QRectF:
        width = self.width()
        return QRectF(start * width, 1, max((end - start) * width, 1.0), self.height() - 2)


class ReadOut(QWidget):
    """Threshold and densities of slice, visible block and fragment, and the band's two ends."""

    band_edited = Signal(float, float)

    def __init__(self, band: tuple[float, float], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._band = band
        self._figures = Figures()
        self.threshold_label = number_label()
        self.low_threshold_label = PlainLabel("")
        self.low_threshold_label.setToolTip(
            "Low threshold of the pair: from there on a voxel counts where it is connected to one"
            " that reaches the threshold"
        )
        self.value_labels = {row: number_label() for row in ROWS}
        self.state_labels = {row: PlainLabel("") for row in ROWS}
        self.gauges = {row: DensityGauge() for row in ROWS}
        self.note_label = _note_label()
        self.band_low, self.band_high = (_band_box(end) for end in band)
        self._arrange()
        for box in (self.band_low, self.band_high):
            box.valueChanged.connect(self._band_changed)

    def show_figures(self, figures: Figures) -> None:
        """Show figures; those that are not exact yet are dimmed and have a "≈"."""
        self._figures = figures
        show_number(self.threshold_label, figures.threshold, exact=figures.exact)
        low = figures.low_threshold
        self.low_threshold_label.setText("" if low is None else f"from {low:.4f} on")
        self.low_threshold_label.setEnabled(figures.exact)
        self._show_density("Slice", figures.slice_density, figures.exact)
        self._show_density("Visible block", figures.block_density, figures.exact)
        self._show_density("Fragment", figures.fragment_density, figures.fragment_exact)
        self.note_label.setText("\n".join(f"⚠ {note}" for note in figures.notes))
        self.note_label.setVisible(bool(figures.notes))
        self.note_label.setEnabled(figures.fragment_exact)

    def set_band(self, band: tuple[float, float]) -> None:
        """Show another band."""
        self._band = band
        for box, end in zip((self.band_low, self.band_high), band, strict=True):
            with signals_blocked(box):
                box.setValue(end)
        self.show_figures(self._figures)

    def _show_density(self, row: str, density: float | None, exact: bool) -> None:
        show_number(self.value_labels[row], density, exact=exact)
        self.gauges[row].show_density(density, self._band, exact)
        text = "" if density is None else POSITION_TEXTS[position_in_band(density, self._band)]
        self.state_labels[row].setText(text)
        self.state_labels[row].setEnabled(exact)

    def _band_changed(self) -> None:
        low, high = self.band_low.value(), self.band_high.value()
        if low <= high:
            self.band_edited.emit(low, high)
        else:
            self.set_band(self._band)

    def _arrange(self) -> None:
        layout = QGridLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setVerticalSpacing(4)
        layout.addWidget(PlainLabel("Threshold"), 0, 0)
        layout.addWidget(self.threshold_label, 0, 1)
        layout.addWidget(self.low_threshold_label, 0, 2, 1, 2)
        for line, row in enumerate(ROWS, start=1):
            layout.addWidget(PlainLabel(row), line, 0)
            layout.addWidget(self.value_labels[row], line, 1)
            layout.addWidget(self.gauges[row], line, 2)
            layout.addWidget(self.state_labels[row], line, 3)
        for label in self.state_labels.values():
            label.setMinimumWidth(label.fontMetrics().horizontalAdvance("● in band"))
        band = QHBoxLayout()
        band.addWidget(self.band_low)
        band.addWidget(PlainLabel("to"))
        band.addWidget(self.band_high)
        band.addStretch(1)
        layout.addWidget(PlainLabel("Target band"), len(ROWS) + 1, 0)
        layout.addLayout(band, len(ROWS) + 1, 1, 1, 3)
        layout.addWidget(self.note_label, len(ROWS) + 2, 0, 1, 4)
        layout.setColumnStretch(2, 1)


def _note_label() -> QLabel:
    label = PlainLabel("")
    label.setWordWrap(True)
    label.setAccessibleName("Note about the threshold")
    label.hide()
    return label


def _band_box(value: float) -> QDoubleSpinBox:
    box = NumberBox()
    box.setRange(0.0, 1.0)
    box.setDecimals(3)
    box.setMinimumWidth(box.fontMetrics().horizontalAdvance("− 0.000 +") + 28)
    box.setSingleStep(0.005)
    box.setKeyboardTracking(False)
    box.setValue(value)
    box.setToolTip("Density aimed at: share of foreground voxels")
    return box


def _faded(color: QColor, alpha: int) -> QColor:
    faded = QColor(color)
    faded.setAlpha(alpha)
    return faded
