"""Running a function in the GUI's thread, from any other."""

from __future__ import annotations

from collections.abc import Callable

from qtpy.QtCore import QCoreApplication, QObject, Qt, Signal, Slot

from napari_nx46.viewer.qt.garbage import collect_in_gui_thread


class _Relay(QObject):
    """Runs in the GUI's thread what any thread hands to its signal; lives as long as Qt does.

    A thread must not use an object that Qt may delete at the same moment, as it deletes the
    children of a widget: the process would crash.
    """

    handed = Signal(object)

    def __init__(self, application: QCoreApplication | None) -> None:
        super().__init__(application)
        self.handed.connect(self._run, Qt.ConnectionType.QueuedConnection)

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
            self._relay.handed.emit(lambda: self._run(function))

    def _run(self, function: Callable[[], None]) -> None:
        if not self._ended:
            function()

    def _end(self) -> None:
        self._ended = True
