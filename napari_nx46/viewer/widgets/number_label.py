"""Numbers in labels: those that are not exact are dimmed and have a "≈"."""

from __future__ import annotations

from qtpy.QtCore import Qt
from qtpy.QtWidgets import QLabel

from napari_nx46.viewer.messages.plain_text import PlainLabel

UNKNOWN = "–"


def number_label(widest: str = "≈ 0.0000") -> QLabel:
    """Return an empty label that is always as wide as its widest text, so that nothing jumps."""
    label = PlainLabel(UNKNOWN)
    label.setMinimumWidth(label.fontMetrics().horizontalAdvance(widest))
    label.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
    return label


def show_number(label: QLabel, number: float | None, *, exact: bool, digits: int = 4) -> None:
    """Show a number, or that it is not known; one that is not exact is marked so."""
    if number is None:
        label.setText(UNKNOWN)
    else:
        label.setText(f"{number:.{digits}f}" if exact else f"≈ {number:.{digits}f}")
    label.setEnabled(exact)
