"""The canvas of a napari window, found among Qt's widgets: napari offers no public way."""

from __future__ import annotations

import weakref
from typing import TYPE_CHECKING, Any

from napari._qt.qt_viewer import QtViewer
from qtpy.QtWidgets import QApplication, QWidget

if TYPE_CHECKING:
    import napari


class Canvas:
    """What a viewer draws on; found once, since the search goes through all widgets.

    It keeps no window alive.

    Parameters
    ----------
    viewer : napari.Viewer
        Or the proxy of one, which napari hands to plugins. It may have no window.
    """

    def __init__(self, viewer: napari.Viewer) -> None:
        found = _qt_viewer_of(getattr(viewer, "__wrapped__", viewer))
        self._found = None if found is None else weakref.ref(found)

    @property
    def widget(self) -> QWidget | None:
        """The widget that is painted, or None without a window."""
        qt_viewer = self._qt_viewer()
        return None if qt_viewer is None else qt_viewer.canvas.native

    def node_of(self, layer: Any) -> Any:
        """Return the vispy node that draws a layer, or None where none does."""
        qt_viewer = self._qt_viewer()
        visual = None if qt_viewer is None else qt_viewer.canvas.layer_to_visual.get(layer)
        return getattr(visual, "node", None)

    def _qt_viewer(self) -> QtViewer | None:
        return None if self._found is None else self._found()


def _qt_viewer_of(model: Any) -> QtViewer | None:
    for window in QApplication.topLevelWidgets():
        found = window.findChild(QtViewer)
        if found is not None and found.viewer is model:
            return found
    return None
