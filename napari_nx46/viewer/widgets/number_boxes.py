"""Fields for numbers, which leave to the dock the keys that are of no use to a number."""

from __future__ import annotations

from qtpy.QtCore import QEvent
from qtpy.QtGui import QKeyEvent, QKeySequence
from qtpy.QtWidgets import QAbstractSpinBox, QDoubleSpinBox, QSpinBox


class NumberBox(QDoubleSpinBox):
    """A spin box that takes no letters, and undo and redo only for what is typed into it."""

    def event(self, event: QEvent) -> bool:
        """Leave the keys of actions to the dock where they mean nothing here."""
        return False if _left_to_the_dock(self, event) else bool(super().event(event))


class CountBox(QSpinBox):
    """The same for whole numbers."""

    def event(self, event: QEvent) -> bool:
        """Leave the keys of actions to the dock where they mean nothing here."""
        return False if _left_to_the_dock(self, event) else bool(super().event(event))


def _left_to_the_dock(box: QAbstractSpinBox, event: QEvent) -> bool:
    """Say whether a key is offered to a field that has no use for it, and leave it to the dock."""
    if event.type() != QEvent.Type.ShortcutOverride or not _is_useless(box, event):
        return False
    event.ignore()
    return True


def _is_useless(box: QAbstractSpinBox, event: QKeyEvent) -> bool:
    typed = box.lineEdit()
    return bool(
        event.text().isalpha()
        or (event.matches(QKeySequence.StandardKey.Undo) and not typed.isUndoAvailable())
        or (event.matches(QKeySequence.StandardKey.Redo) and not typed.isRedoAvailable())
    )
