"""Layers of this plugin that lie where the layers lie that they are computed from."""

from __future__ import annotations

import weakref
from typing import TYPE_CHECKING, Any

import numpy as np
from napari.utils.transforms import Affine

from napari_nx46.viewer.sources.grid import (
    AXIS_LABELS,
    SPATIAL,
    Matrix,
    Space,
    spatial_attributes,
    world_matrix,
)

if TYPE_CHECKING:
    from napari.layers import Layer

Offset = tuple[int, int, int]

NO_OFFSET: Offset = (0, 0, 0)
_EVENTS = tuple(name for name in SPATIAL)


class Placing:
    """Gives layers of (z, y, x) voxels the place of another layer, and has them follow it."""

    def __init__(self) -> None:
        self._reference: Layer | None = None
        self._space: Space = ()
        self._placed: weakref.WeakKeyDictionary[Layer, Offset] = weakref.WeakKeyDictionary()

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

    def place(self, layer: Layer, offset: Offset = NO_OFFSET) -> Layer:
        """Place a layer, now and from now on, and return it.

        Parameters
        ----------
        layer : Layer
        offset : tuple of int
            Which voxel (z, y, x) of the volume the layer's first one is; only of a layer with all
            three axes.
        """
        before = self._placed.get(layer, NO_OFFSET)
        self._placed[layer] = offset
        if self._reference is not None:
            self._give(layer, self._reference)
        elif offset != before:
            matrix = _linear(layer.scale, layer.rotate, layer.shear)
            layer.translate = layer.translate + matrix @ np.subtract(offset, before)
        return layer

    def close(self) -> None:
        """Follow nothing any more; layers stay where they are."""
        reference, self._reference = self._reference, None
        if reference is not None:
            for name in _EVENTS:
                getattr(reference.events, name).disconnect(self._moved)

    def _moved(self, event: Any = None) -> None:
        if self._reference is not None:
            for layer in tuple(self._placed):
                self._give(layer, self._reference)

    def _give(self, layer: Layer, reference: Layer) -> None:
        attributes = spatial_attributes(reference, self._space)
        offset = self._placed[layer]
        count = layer.ndim
        if count < len(AXIS_LABELS):  # on whatever slice is shown
            matrix = world_matrix(reference, self._space)
            attributes = {
                "affine": matrix[-count - 1 :, -count - 1 :],
                **{name: attributes[name][-count:] for name in ("units", "axis_labels")},
            }
        elif any(offset):
            matrix = _linear(*(attributes[name] for name in ("scale", "rotate", "shear")))
            attributes["translate"] = attributes["translate"] + matrix @ offset
        for name, value in attributes.items():
            # A layer draws itself again for each of them.
            if not _is_same(getattr(layer, name), value):
                setattr(layer, name, value)


def _linear(scale: Any, rotate: Any, shear: Any) -> Matrix:
    """Return the matrix from steps between voxels to those that `translate` counts."""
    matrix: Matrix = Affine(scale=scale, rotate=rotate, shear=shear).linear_matrix
    return matrix


def _is_same(one: Any, other: Any) -> bool:
    """Return whether two values of an attribute of a layer are equal."""
    return np.array_equal(*(getattr(value, "affine_matrix", value) for value in (one, other)))
