"""What napari and a user do to this plugin's own layers: deleting, converting, duplicating."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from napari.layers import Layer
from qtpy.QtCore import QObject, QTimer

from napari_nx46.live.arrays.volume import LazyVolume
from napari_nx46.viewer.messages.notices import notify_error

if TYPE_CHECKING:
    import napari

COPY_NAME = "{} copy"
"""As napari calls what it duplicates."""


class Owner(Protocol):
    """Has layers over lazy arrays, whose pictures follow the session."""

    @property
    def own_layers(self) -> Sequence[Layer]:
        """Those that there are, also one that was just deleted."""

    def drop(self, layer: Layer) -> None:
        """Do what follows when a user has deleted one."""


class OwnLayers(QObject):
    """Brings layers back that were converted, and has their owners drop those that were deleted.

    napari takes the lazy array of a layer over into what the layer is converted to. That gets an
    ordinary array in its place: it can be painted, and follows the sliders no more.

    Parameters
    ----------
    viewer : napari viewer
    owners : sequence of Owner
    parent : QObject
    """

    def __init__(self, viewer: napari.Viewer, owners: Sequence[Owner], parent: QObject) -> None:
        super().__init__(parent)
        self._viewer = viewer
        self._owners = owners
        self._copies: dict[int, Layer] = {}
        self._removed: list[Layer] = []
        self._settle = QTimer(self)
        self._settle.setSingleShot(True)
        self._settle.setInterval(0)
        self._settle.timeout.connect(self._update)
        viewer.layers.events.removed.connect(self._layer_removed)
        viewer.layers.events.inserted.connect(self._layer_inserted)

    def close(self) -> None:
        """Follow nothing any more."""
        self._settle.stop()
        self._viewer.layers.events.removed.disconnect(self._layer_removed)
        self._viewer.layers.events.inserted.disconnect(self._layer_inserted)

    def _layer_removed(self, event: Any) -> None:
        """Wait whether something else comes in the layer's place."""
        if self._owner_of(event.value) is not None:
            self._removed.append(event.value)
            self._settle.start()

    def _layer_inserted(self, event: Any) -> None:
        """Give a layer an array of its own in place of the lazy one of another layer."""
        layer = event.value
        voxels = getattr(layer, "data", None)
        if isinstance(voxels, LazyVolume) and self._owner_of(layer) is None:
            layer.data = _ordinary(voxels)
            layer.name = COPY_NAME.format(layer.name)
            self._copies[id(voxels)] = layer

    def _update(self) -> None:
        removed, self._removed = self._removed, []
        copies, self._copies = self._copies, {}
        layers = self._viewer.layers
        for layer in removed:
            owner = self._owner_of(layer)
            if owner is None or layer in layers:
                continue
            copy = copies.get(id(layer.data))
            if copy is not None and copy in layers:
                selected = set(layers.selection)
                layers.insert(layers.index(copy), layer)
                layers.selection = selected
            else:
                owner.drop(layer)

    def _owner_of(self, layer: Layer) -> Owner | None:
        return next((one for one in self._owners if layer in one.own_layers), None)


def _ordinary(voxels: LazyVolume) -> np.ndarray[Any, np.dtype[np.generic]]:
    """Return an array that can be written; empty, with an error shown, where none can be read."""
    try:
        return np.array(voxels)
    except (ValueError, OSError) as error:
        notify_error(error)
        return np.zeros(voxels.shape, voxels.dtype)
