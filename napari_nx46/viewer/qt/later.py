"""Running a function a little later in the GUI's thread, unless it is cancelled meanwhile."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress

from qtpy.QtCore import QObject, QTimer


class Later(QObject):
    """Calls functions later; call it like a function.

    Parameters
    ----------
    parent : QObject, optional
        Once Qt has deleted it nothing is called any more.
    """

    def __call__(self, seconds: float, function: Callable[[], None]) -> Callable[[], None]:
        """Call a function once so many seconds later; return what cancels it."""
        return _Call(self, seconds, function).cancel


class _Call(QTimer):
    def __init__(self, parent: QObject, seconds: float, function: Callable[[], None]) -> None:
        super().__init__(parent)
        self._function = function
        self.setSingleShot(True)
        self.timeout.connect(self._run)
        self.start(round(1000 * seconds))

    def cancel(self) -> None:
        with suppress(RuntimeError):  # "wrapped C/C++ object has been deleted"
            self.stop()
            self.deleteLater()

    def _run(self) -> None:
        self.deleteLater()
        self._function()
