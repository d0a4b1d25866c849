"""Running a function in the GUI's thread, from any other."""

from __future__ import annotations

import atexit
import threading
from collections.abc import Callable

from qtpy.QtCore import QCoreApplication, QObject, Qt, Signal, Slot

from napari_nx46.viewer.qt.garbage import collect_in_gui_thread


class _Relay(QObject):
    """Runs in the GUI's thread what any thread hands to it; lives as long as Qt does.

    A thread must not use an object that Qt may delete at the same moment, as it deletes the
    children of a widget, and the application when the program ends: the process would crash.
    """

    _handed = Signal(object)

    def __init__(self, application: QCoreApplication | None) -> None:
        super().__init__(application)
        self._in_use = threading.RLock()  # a destructor that the emission runs may post too
        self._ended = False
        self._handed.connect(self._run, Qt.ConnectionType.QueuedConnection)
        # Called before the bindings delete the application, which they registered earlier.
        atexit.register(self._end)

    def hand(self, function: Callable[[], None]) -> None:
        """Run a function in the GUI's thread when its event loop comes to it."""
        with self._in_use:
            if not self._ended:
                self._handed.emit(function)

    def _end(self) -> None:
        with self._in_use:
            self._ended = True

    @Slot(object)
    def _run(self, function: Callable[[], None]) -> None:
        function()


class MainThreadPoster:
    """Posts functions to the GUI's thread, in which it must be made; call it like a function.

    As whatever works in threads beside the GUI has one, garbage is collected in the GUI's thread
    only, once there is one.

    Parameters
    ----------
    owner : QObject, optional
        Once Qt has deleted it, nothing is run any more.
    """

    def __init__(self, owner: QObject | None = None) -> None:
        application = QCoreApplication.instance()
        found = None if application is None else application.findChild(_Relay)
        self._relay = found or _Relay(application)
        self._ended = False
        collect_in_gui_thread()
        if owner is not None:
            owner.destroyed.connect(self._end)

    def __call__(self, function: Callable[[], None]) -> None:
        """Run a function in the GUI's thread when its event loop comes to it."""
        if not self._ended:
            self._relay.hand(lambda: self._run(function))

    def _run(self, function: Callable[[], None]) -> None:
        if not self._ended:
            function()

    def _end(self) -> None:
        self._ended = True
