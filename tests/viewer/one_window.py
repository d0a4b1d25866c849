"""One window for all tests of a file: to make one takes longer than most tests."""

from __future__ import annotations

import gc
from contextlib import suppress

import napari
from napari._qt.threads.status_checker import StatusChecker
from napari.settings import get_settings
from qtpy.QtCore import QEvent
from qtpy.QtWidgets import QApplication, QDockWidget


def send_deferred_deletes():
    """Let Qt delete what was marked for it."""
    QApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
    QApplication.processEvents()


class OneWindow:
    """Lends a window, and puts it back into the state in which it was made.

    Parameters
    ----------
    monkeypatch : pytest.MonkeyPatch
    """

    def __init__(self, monkeypatch):
        # As napari's own fixture does.
        monkeypatch.setattr(StatusChecker, "start", lambda *_: None)
        self._viewers = {}
        self._made = {}

    def lend(self, qtbot, show=False, **options):
        """Return a window as it is when it is new."""
        key = (show, *sorted(options.items()))
        if key not in self._viewers:
            get_settings().reset()  # a window that was closed has left its size there
            viewer = napari.Viewer(show=show, show_welcome_screen=False, **options)
            if show:
                qtbot.waitExposed(viewer.window._qt_window)
            self._viewers[key] = viewer
            self._made[key] = self._look_at(viewer)
        return self._viewers[key]

    def put_back(self, failed):
        """Clear the windows; make new ones next time where that cannot be or a test has failed."""
        for key, viewer in list(self._viewers.items()):
            if failed or not hasattr(viewer.window, "_qt_window"):
                self._end(key)
                continue
            self._clear(viewer, self._made[key])
            if self._look_at(viewer) != self._made[key]:
                self._end(key)
        send_deferred_deletes()

    def close(self):
        """Close the windows."""
        for key in list(self._viewers):
            self._end(key)
        send_deferred_deletes()
        gc.collect()  # napari's own fixture accepts no window that is left

    def _end(self, key):
        viewer = self._viewers.pop(key)
        with suppress(AttributeError):  # a test has closed it
            viewer.close()

    def _clear(self, viewer, made):
        viewer.window.remove_dock_widget("all")
        viewer.layers.clear()
        send_deferred_deletes()
        get_settings().reset()
        viewer.dims.reset()
        viewer.dims.ndisplay = 2
        viewer.dims.axis_labels = ("0", "1")
        viewer.title = made["title"]
        viewer.reset_view()
        viewer.window._qt_window.resize(*made["size"])
        QApplication.processEvents()

    def _look_at(self, viewer):
        """Return what a test may have changed in a window, beyond layers and docks."""
        window = viewer.window._qt_window
        docks = {dock.objectName(): dock for dock in window.findChildren(QDockWidget)}
        return {
            "size": (window.width(), window.height()),
            "layers": len(viewer.layers),
            "ndisplay": viewer.dims.ndisplay,
            "order": tuple(viewer.dims.order),
            "theme": viewer.theme,
            "title": viewer.title,
            "docks": {
                name: (window.dockWidgetArea(dock), dock.isFloating(), dock.isHidden())
                for name, dock in docks.items()
            },
            "keys": dict(viewer.keymap),
            "callbacks": tuple(
                len(getattr(viewer, f"mouse_{kind}_callbacks"))
                for kind in ("move", "drag", "wheel", "double_click")
            ),
        }
