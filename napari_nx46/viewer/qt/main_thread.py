"""Running a function in the GUI's thread, from any other."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress

from qtpy.QtCore import QObject, Qt, Signal, Slot

from napari_nx46.viewer.qt.garbage import collect_in_gui_thread


class MainThreadPoster(QObject):
    """Posts functions to the thread that made it; call it like a function.

    As whatever works in threads beside the GUI has one, garbage is collected in the GUI's thread
    only, once there is one.
    """

    _posted = Signal(object)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        collect_in_gui_thread()
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
