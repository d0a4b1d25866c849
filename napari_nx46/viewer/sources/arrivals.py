"""Layers that this plugin's reader adds to the window, until a session takes them up."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from qtpy.QtCore import QObject, QTimer, Signal

from napari_nx46.data.fragments import Place
from napari_nx46.viewer.canvas.access import is_opening_files
from napari_nx46.viewer.canvas.layers import origin_of
from napari_nx46.viewer.plugin.claims import are_two_paths, is_single_volume

if TYPE_CHECKING:
    import napari

__all__ = ["Arrivals", "paths_of"]

REST_MILLISECONDS = 100
"""napari lets the window work between two files that are opened together."""


class Arrivals(QObject):
    """The layers of the reader that have arrived and that nobody has taken up.

    Parameters
    ----------
    viewer : napari.Viewer
        Those that it has already count.
    parent : QObject

    Attributes
    ----------
    settled : Signal()
        No more have arrived for a moment, and napari opens no files.
    """

    settled = Signal()

    def __init__(self, viewer: napari.Viewer, parent: QObject) -> None:
        super().__init__(parent)
        self._viewer = viewer
        self._layers = [layer for layer in viewer.layers if origin_of(layer)]
        self._rest = QTimer(self)
        self._rest.setSingleShot(True)
        self._rest.setInterval(REST_MILLISECONDS)
        self._rest.timeout.connect(self.look)
        viewer.layers.events.inserted.connect(self._inserted)

    def look(self) -> None:
        """Say that they are settled, now or once napari has opened its files."""
        if is_opening_files():
            self._rest.start()
        else:
            self.settled.emit()

    def take(self) -> list[Any]:
        """Return those that are still in the window, in the order of arrival; none are left."""
        taken, self._layers = self._layers, []
        return [layer for layer in taken if layer in self._viewer.layers]

    def of_others(self, paths: Sequence[Place]) -> list[Any]:
        """Return those in the window that were read from elsewhere than these paths."""
        given = tuple(map(str, paths))
        return [
            layer
            for layer in self._layers
            if layer in self._viewer.layers and origin_of(layer) != given
        ]

    def end(self) -> None:
        """Follow the window no longer."""
        self._rest.stop()
        self._viewer.layers.events.inserted.disconnect(self._inserted)

    def _inserted(self, event: Any) -> None:
        if origin_of(event.value):
            self._layers.append(event.value)
            self._rest.start()


def paths_of(layers: Sequence[Any], shown: tuple[str, ...]) -> tuple[str, ...]:
    """Return what the newest layer was read from, with the volume before it if they pair.

    Volumes that arrive together, as when they are dropped on the window, are opened together, as
    by the button: what does not fit is the same error.

    Parameters
    ----------
    layers : sequence of Layer
        At least one, which the reader made; the newest last.
    shown : tuple of str
        What is open.
    """
    together = list(dict.fromkeys(map(origin_of, layers)))
    if len(together) > 1 and all(map(is_single_volume, together)):
        return tuple(path for (path,) in together)
    origins = list(dict.fromkeys((shown, *map(origin_of, layers))))
    newest, before = origins[-1], origins[-2] if len(origins) > 1 else ()
    if len(before) == len(newest) == 1 and are_two_paths(before[0], newest[0]):
        return (*before, *newest)
    return newest
