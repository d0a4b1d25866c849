"""A layer of classes in colours that all can tell apart, which is off until it is shown."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from enum import IntEnum
from typing import TYPE_CHECKING, Any

import numpy as np
from napari.layers import Image
from napari.utils.colormaps import Colormap
from psygnal import Signal

from napari_nx46.live.arrays.classes import LazyClasses
from napari_nx46.viewer.canvas.access import Canvas
from napari_nx46.viewer.canvas.layer_exchange import NewData
from napari_nx46.viewer.canvas.overlay_layer import overlay_layer, rgba
from napari_nx46.viewer.canvas.slice_drawing import draw_slice, refresh_slice

if TYPE_CHECKING:
    import napari

OPACITY = 0.85


class ClassOverlay(ABC):
    """A layer of classes, made when it is first shown.

    Parameters
    ----------
    viewer : napari viewer

    Attributes
    ----------
    layer : Image or None
        The layer, while there is one.
    name : str
        Of the layer.
    kinds : type of IntEnum
        The classes.
    colors : mapping
        Colour ``#rrggbb`` by class; the others are clear.
    shown_changed : Signal(bool)
        The classes are shown, or no longer, whoever did that.
    """

    shown_changed = Signal(bool)

    name: str
    colors: Mapping[Any, str]
    kinds: type[IntEnum]

    def __init__(self, viewer: napari.Viewer) -> None:
        self._viewer = viewer
        self._canvas = Canvas(viewer)
        self._ahead = False
        self.layer: Image | None = None

    @property
    @abstractmethod
    def available(self) -> bool:
        """Whether the current fragment has anything to show."""

    @abstractmethod
    def voxels(self) -> LazyClasses:
        """Return the classes of the current fragment."""

    @property
    def shown(self) -> bool:
        """Whether the classes are shown."""
        return self._is_there and self.layer is not None and bool(self.layer.visible)

    @property
    def own_layers(self) -> tuple[Image, ...]:
        """The layer, if there is one."""
        return () if self.layer is None else (self.layer,)

    @property
    def _is_there(self) -> bool:
        return self.layer is not None and self.layer in self._viewer.layers

    def show(self, shown: bool) -> None:
        """Show the classes or hide them, where there are any to show."""
        if self.layer is not None and self._is_there:
            self.layer.visible = shown
        elif shown and self.available:
            self._add(OPACITY, visible=True)
            self.shown_changed.emit(True)

    def toggle(self) -> None:
        """Show the classes if they are hidden, hide them if they are shown."""
        self.show(not self.shown)

    def refresh(self) -> None:
        """Draw the displayed slice again, and nothing else of the layer."""
        self._ahead = False
        if self.layer is not None:
            refresh_slice(self._viewer, self.layer)

    def draw(self) -> None:
        """Draw the displayed slice while sliders move; `settle` lets the layer notice."""
        if self.layer is None:
            return
        view = self.layer.data.session.view
        self._ahead = not view.three_d and draw_slice(
            self._canvas, self._viewer, self.layer, self.layer.data[view.plane]
        )
        if not self._ahead:
            refresh_slice(self._viewer, self.layer)

    def settle(self) -> None:
        """Let the layer notice what was drawn while the sliders moved."""
        if self._ahead:
            self.refresh()

    def new_data(self) -> list[NewData]:
        """Return the layer, if there is one, with the classes of the current fragment.

        It is taken away where that has none to show.
        """
        if self.layer is None:
            return []
        if self.available:
            return [(self.layer, self.voxels())]
        self.remove()
        self.shown_changed.emit(False)
        return []

    def remove(self) -> None:
        """Take the layer away."""
        layer, self.layer = self.layer, None
        if layer is not None and layer in self._viewer.layers:
            self._viewer.layers.remove(layer)

    def close(self) -> None:
        """Take the layer away for good."""
        self.remove()

    def forget(self, layer: Image) -> None:
        """Notice that a user has deleted the layer; another is made when it is shown again."""
        if layer is self.layer:
            self.layer = None
            self.shown_changed.emit(False)

    def _add(self, opacity: float, visible: bool) -> None:
        self.layer = layer = overlay_layer(
            self.voxels(),
            name=self.name,
            colormap=class_colormap(self.name, self.kinds, self.colors),
            contrast_limits=(min(self.kinds), max(self.kinds)),
            opacity=opacity,
            visible=visible,
        )
        layer.events.visible.connect(lambda: self.shown_changed.emit(bool(layer.visible)))
        self._viewer.add_layer(layer)


def class_colormap(name: str, kinds: type[IntEnum], colors: Mapping[Any, str]) -> Colormap:
    """Return a colormap with one flat colour for each class; those without one are clear."""
    clear = (0.0, 0.0, 0.0, 0.0)
    table = [rgba(colors[kind], 1.0) if kind in colors else clear for kind in kinds]
    return Colormap(np.array(table), name=name, interpolation="zero")
