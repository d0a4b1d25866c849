"""The levels of a store as one layer, drawn again while it is being read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from napari.layers import Image
from qtpy.QtCore import QObject, QTimer, Signal

from napari_nx46.live.scroll.pyramid import Pyramid
from napari_nx46.live.scroll.store import Scroll
from napari_nx46.viewer.canvas.layers import INTEGER_LIMITS, placed
from napari_nx46.viewer.canvas.overlay import DEFAULT_OPACITY, mask_colormap
from napari_nx46.viewer.canvas.slice_drawing import refresh_slice
from napari_nx46.viewer.messages.notices import notify_error
from napari_nx46.viewer.qt.main_thread import MainThreadPoster

if TYPE_CHECKING:
    import napari

__all__ = ["PyramidLayers"]

REDRAW_MILLISECONDS = 60
"""Between two pictures of what has come meanwhile."""


class PyramidLayers(QObject):
    """Layers of one store, as many as are wanted, which share what was read.

    Parameters
    ----------
    viewer : napari.Viewer
    scroll : Scroll
        It is shown from the level that is tuned on.
    name : str
        Of the layers.
    parent : QObject
    mask_color : str
        ``#rrggbb``, if it holds a mask of 0 and 255 instead of probabilities.

    Attributes
    ----------
    pyramid : Pyramid
    ended : Signal()
        A user has removed the last of the layers.
    """

    ended = Signal()

    def __init__(
        self,
        viewer: napari.Viewer,
        scroll: Scroll,
        name: str,
        parent: QObject,
        *,
        mask_color: str = "",
    ) -> None:
        super().__init__(parent)
        self._viewer = viewer
        self._scroll = scroll
        self._name = name
        self._color = mask_color
        self._layers: list[Image] = []
        self.pyramid = Pyramid(scroll.levels, MainThreadPoster(self))
        self._redraw = QTimer(self)
        self._redraw.setSingleShot(True)
        self._redraw.setInterval(REDRAW_MILLISECONDS)
        self._redraw.timeout.connect(self._draw)
        self.pyramid.changed.connect(self._came)
        self.pyramid.failed.connect(notify_error)
        self.destroyed.connect(self.pyramid.close)
        viewer.layers.events.removed.connect(self._removed)

    @property
    def layers(self) -> list[Image]:
        """Those that are in the viewer."""
        return list(self._layers)

    def add(self, name: str = "", index: int | None = None) -> Image:
        """Add a layer, at the top or at a place in the list."""
        levels = self.pyramid.levels
        dtype = levels[0].dtype.name
        limits = (0.0, 255.0) if self._color else INTEGER_LIMITS.get(dtype, (0.0, 1.0))
        several = len(levels) > 1
        layer = Image(
            list(levels) if several else levels[0],
            multiscale=several,
            rgb=False,
            name=name or self._name,
            colormap=mask_colormap(self._color) if self._color else "magma",
            contrast_limits=limits,
            opacity=DEFAULT_OPACITY if self._color else 1.0,
            blending="translucent_no_depth" if self._color else "translucent",
            interpolation2d="nearest",
            **placed(levels[0].volume.placement),
        )
        self._layers.append(layer)
        layers = self._viewer.layers
        layers.insert(len(layers) if index is None else index, layer)
        return layer

    def close(self) -> None:
        """Remove the layers, and read nothing more."""
        self._redraw.stop()
        self._viewer.layers.events.removed.disconnect(self._removed)
        for layer in self._layers:
            if layer in self._viewer.layers:
                self._viewer.layers.remove(layer)
        self._layers.clear()
        self.pyramid.close()

    def _came(self) -> None:
        if not self._redraw.isActive():
            self._redraw.start()

    def _draw(self) -> None:
        for layer in self._layers:
            refresh_slice(self._viewer, layer)
            if self.pyramid.is_complete:
                layer.refresh(extent=False, highlight=False, thumbnail=True)

    def _removed(self, event: Any) -> None:
        if event.value in self._layers:
            self._layers.remove(event.value)
            if not self._layers:
                self.ended.emit()
