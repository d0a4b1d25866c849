"""Running a function in the GUI's thread, from any other."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress

from qtpy.QtCore import QObject, Qt, Signal, Slot


class MainThreadPoster(QObject):
    """Posts functions to the thread that made it; call it like a function."""

    _posted = Signal(object)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._posted.connect(self._run, Qt.ConnectionType.QueuedConnection)

    def __call__(self, function: Callable[[], None]) -> None:
        """Run a function in the poster's thread when its event loop comes to it.

        Once Qt has deleted the poster, with the widget that it belongs to, nothing is run any more.
        """
        with suppress(RuntimeError):  # "wrapped C/C++ object has been deleted"
            self._posted.emit(function)

    @Slot(object)
    def _run(self, function: Callable[[], None]) -> None:
        function()
