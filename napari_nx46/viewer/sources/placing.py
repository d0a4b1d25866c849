"""Layers of this plugin that lie where the layers lie that they are computed from."""

from __future__ import annotations

import weakref
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from napari_nx46.viewer.sources.grid import (
    AXIS_LABELS,
    SPATIAL,
    Space,
    spatial_attributes,
    world_matrix,
)

if TYPE_CHECKING:
    from napari.layers import Layer

_EVENTS = tuple(name for name in SPATIAL)


class Placing:
    """Gives layers of (z, y, x) voxels the place of another layer, and has them follow it."""

    def __init__(self) -> None:
        self._reference: Layer | None = None
        self._space: Space = ()
        self._placed: weakref.WeakSet[Layer] = weakref.WeakSet()

    def follow(self, reference: Layer | None, space: Space) -> None:
        """Place all layers where a layer lies, from now on.

        Parameters
        ----------
        reference : Layer or None
            None leaves them where they are.
        space : tuple of int
            Its axes that are z, y and x, or y and x.
        """
        self.close()
        self._reference, self._space = reference, space
        if reference is not None:
            for name in _EVENTS:
                getattr(reference.events, name).connect(self._moved)
            self._moved()

    def place(self, layer: Layer) -> Layer:
        """Place a layer, now and from now on, and return it."""
        self._placed.add(layer)
        self._give(layer)
        return layer

    def to_world(self, voxel: Sequence[float]) -> tuple[float, float, float]:
        """Return where a voxel (z, y, x) lies in the world of the viewer's last three axes."""
        if self._reference is None:
            z, y, x = voxel
            return float(z), float(y), float(x)
        place = world_matrix(self._reference, self._space) @ [*voxel, 1.0]
        return float(place[0]), float(place[1]), float(place[2])

    def close(self) -> None:
        """Follow nothing any more; layers stay where they are."""
        reference, self._reference = self._reference, None
        if reference is not None:
            for name in _EVENTS:
                getattr(reference.events, name).disconnect(self._moved)

    def _moved(self, event: Any = None) -> None:
        for layer in tuple(self._placed):
            self._give(layer)

    def _give(self, layer: Layer) -> None:
        if self._reference is None:
            return
        attributes = spatial_attributes(self._reference, self._space)
        count = layer.ndim
        if count < len(AXIS_LABELS):  # on whatever slice is shown
            matrix = world_matrix(self._reference, self._space)
            attributes = {
                "affine": matrix[-count - 1 :, -count - 1 :],
                **{name: attributes[name][-count:] for name in ("units", "axis_labels")},
            }
        for name, value in attributes.items():
            setattr(layer, name, value)
