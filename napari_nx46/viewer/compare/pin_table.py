"""The pinned settings side by side: the knobs in which they differ, their metrics, the deltas."""

from __future__ import annotations

from collections.abc import Sequence

from qtpy.QtGui import QPalette
from qtpy.QtWidgets import QVBoxLayout, QWidget

from napari_nx46.live.masks.pins import PinRow
from napari_nx46.run.compare.comparison import knob_text
from napari_nx46.run.compare.report import FIGURE_WORDS, figure_text
from napari_nx46.setting import Setting, described_knobs
from napari_nx46.viewer.messages.plain_text import PlainLabel
from napari_nx46.viewer.qt.connections import Connections
from napari_nx46.viewer.widgets.fitted_table import FittedTable, Line
from napari_nx46.viewer.widgets.number_label import UNKNOWN
from napari_nx46.viewer.window.viewer_session import ViewerSession

REFERENCE = "A"
"""The pin that the deltas are taken to."""
MEGABYTE = 1 << 20


class PinTablePanel(QWidget):
    """The table of a session's pins, and how much memory their masks take.

    Parameters
    ----------
    viewer_session : ViewerSession

    Attributes
    ----------
    table : FittedTable
        A column for each pin; dimmed and marked "≈" while its mask is being computed.
    memory_label : QLabel
    """

    def __init__(self, viewer_session: ViewerSession, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._viewer_session = viewer_session
        self.table = FittedTable("The pinned settings")
        self.memory_label = PlainLabel()
        self.memory_label.setToolTip("Beyond that, the masks used least recently are dropped")
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.memory_label)
        layout.addWidget(self.table)
        self._following = Connections(self)
        self._following.follow(viewer_session.compare.choices.changed, self.show_pins)
        self.show_pins()

    def show_pins(self) -> None:
        """Show what is known of the pins and their masks."""
        pins = self._viewer_session.pins
        image_id = self._viewer_session.session.fragment.image_id
        rows = pins.table(image_id, REFERENCE)
        settings = [pins[row.letter].setting for row in rows]
        there = [pins.has_mask(row.letter, image_id) for row in rows]
        dim = self.table.palette().brush(QPalette.ColorGroup.Disabled, QPalette.ColorRole.Text)
        self.table.setVisible(bool(rows))
        self.table.show_lines(
            [
                row.letter if known else f"{row.letter} ≈"
                for row, known in zip(rows, there, strict=True)
            ],
            knob_lines(rows, settings) + metric_lines(rows),
            [None if known else dim for known in there],
        )
        used, bound = (count / MEGABYTE for count in (pins.memory_used, pins.memory_bytes))
        self.memory_label.setText(f"Masks of pins: {used:.1f} of at most {bound:.0f} MB")


def knob_lines(rows: Sequence[PinRow], settings: Sequence[Setting]) -> list[Line]:
    """Return a line for each knob in which the pins differ."""
    described = described_knobs(Setting)
    names = list(rows[0].knobs) if rows else []
    titles = {name: described[name].title if name in described else name for name in names}
    return [(titles[name], [knob_text(name, setting) for setting in settings]) for name in names]


def metric_lines(rows: Sequence[PinRow]) -> list[Line]:
    """Return a line for each metric that is known of a pin, and below it the deltas, if any."""
    lines: list[Line] = []
    for name, words in FIGURE_WORDS.items():
        if not any(name in row.metrics for row in rows):
            continue
        values = [figure_text(name, row.metrics.get(name)) or UNKNOWN for row in rows]
        lines.append((words, values))
        others = [row for row in rows if row.letter != REFERENCE]
        if any(name in row.deltas for row in others):
            deltas = [
                figure_text(name, row.deltas.get(name), signed=True) if row in others else ""
                for row in rows
            ]
            lines.append((f"Δ {words}", deltas))
    return lines
