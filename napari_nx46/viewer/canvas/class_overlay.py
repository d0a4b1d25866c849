"""A layer of classes in colours that all can distinguish, which is off until it is shown."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from enum import IntEnum
from typing import Any

import numpy as np
from napari.layers import Image
from napari.utils.colormaps import Colormap

from napari_nx46.live.arrays.volume import LazyVolume
from napari_nx46.viewer.canvas.layer_exchange import NewData
from napari_nx46.viewer.canvas.overlay_layer import OverlayLayer, overlay_layer, rgba

OPACITY = 0.85


class ClassOverlay(OverlayLayer):
    """A layer of classes, made when it is first shown.

    Attributes
    ----------
    name : str
        Of the layer.
    kinds : type of IntEnum
        The classes.
    colors : mapping
        Colour ``#rrggbb`` by class; the others are clear.
    """

    name: str
    colors: Mapping[Any, str]
    kinds: type[IntEnum]

    @property
    @abstractmethod
    def available(self) -> bool:
        """Whether the current fragment has anything to show."""

    @abstractmethod
    def voxels(self) -> LazyVolume:
        """Return the classes of the current fragment."""

    @property
    def offset(self) -> tuple[int, int, int]:
        """Where in the fragment the first of these voxels lies, (z, y, x)."""
        return 0, 0, 0

    def show(self, shown: bool) -> None:
        """Show the classes or hide them, where there are any to show."""
        if self.is_there:
            self.layer.visible = shown
        elif shown and self.available:
            self._add()
            self.shown_changed.emit(True)

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
        """Take the layer away; another is made when it is shown again."""
        layer, self.layer = self.layer, None
        if layer is not None and layer in self._viewer.layers:
            self._viewer.layers.remove(layer)

    def close(self) -> None:
        """Take the layer away for good."""
        self.remove()

    def drop(self, layer: Image) -> None:
        """Notice that a user has deleted the layer; another is made when it is shown again."""
        if layer is self.layer:
            self.layer = None
            self.shown_changed.emit(False)

    def _add(self) -> None:
        self.layer = overlay_layer(
            self.voxels(),
            name=self.name,
            colormap=class_colormap(self.name, self.kinds, self.colors),
            opacity=OPACITY,
            visible=True,
        )
        self._follow_visibility()
        self._viewer.add_layer(self._placing.place(self.layer, self.offset))


def class_colormap(name: str, kinds: type[IntEnum], colors: Mapping[Any, str]) -> Colormap:
    """Return a colormap with one flat colour for each class; those without one are clear."""
    clear = (0.0, 0.0, 0.0, 0.0)
    table = [rgba(colors[kind], 1.0) if kind in colors else clear for kind in kinds]
    return Colormap(np.array(table), name=name, interpolation="zero")
