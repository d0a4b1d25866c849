"""Layers with their channels last: tuned by layers of the same voxels that have them first."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from napari.layers import Image

from napari_nx46.files.volumes.array_reader import finest_level
from napari_nx46.files.volumes.axes import find_axes
from napari_nx46.files.volumes.origin import VolumeError
from napari_nx46.viewer.messages.notices import notify_info
from napari_nx46.viewer.sources.choice import ROLES, LayerChoice, LayerOrigin
from napari_nx46.viewer.sources.grid import WHOLE_SPACE

if TYPE_CHECKING:
    import napari
    from napari.layers import Layer

__all__ = ["with_channels_first"]

NAME = "{}, channels first"
LAST = 3
TO_FRONT = (LAST, *WHOLE_SPACE)
_PER_AXIS = ("scale", "translate", "units", "axis_labels")


def with_channels_first(choice: LayerChoice, viewer: napari.Viewer) -> LayerChoice:
    """Return a choice whose layers napari displays by y and x, as it does with the last two axes.

    A layer of (Z, Y, X, C) is hidden, and another one of (C, Z, Y, X) over the same array is added
    to the viewer in its place; nothing is copied. Others stay as they are.

    Parameters
    ----------
    choice : LayerChoice
    viewer : napari.Viewer
    """
    moved = {layer: _moved(layer, viewer) for layer in choice.layers if _is_channels_last(layer)}
    if not moved:
        return choice
    single = {
        name: moved.get(layer, layer)
        for name in ROLES
        if (layer := getattr(choice, name)) is not None
    }
    models = {name: moved.get(layer, layer) for name, layer in choice.models.items()}
    return replace(choice, **single, models=models, image_id=choice.name)


def _is_channels_last(layer: Layer) -> bool:
    if not isinstance(layer, Image) or layer.rgb or layer.ndim != LAST + 1:
        return False
    origin = LayerOrigin(layer)
    try:
        shape = finest_level(origin, layer.data).shape
        axes = find_axes(origin, tuple(map(int, shape)), layer.axis_labels)
    except VolumeError:
        return False  # whoever opens it says what is wrong
    return axes.channel == LAST and axes.space == WHOLE_SPACE


def _moved(layer: Image, viewer: napari.Viewer) -> Layer:
    name = NAME.format(layer.name)
    if name in viewer.layers:
        return viewer.layers[name]
    levels = list(layer.data) if layer.multiscale else [layer.data]
    data = [_transposed(level) for level in levels]
    place = {field: [getattr(layer, field)[axis] for axis in TO_FRONT] for field in _PER_AXIS}
    first = viewer.add_image(
        data if layer.multiscale else data[0],
        name=name,
        multiscale=layer.multiscale,
        contrast_limits=layer.contrast_limits,
        colormap=layer.colormap,
        metadata=dict(layer.metadata),
        **place,
    )
    layer.visible = False
    notify_info(f"{layer.name!r} has its channels last: {name!r} is tuned, and shows z, y and x")
    return first


def _transposed(array: Any) -> Any:
    """Return a view of an array with its last axis first."""
    if isinstance(array, np.ndarray) or hasattr(array, "dask"):
        return array.transpose(TO_FRONT)
    from dask.array import from_array

    lazy: Any = from_array(array)  # type: ignore[no-untyped-call]
    return lazy.transpose(TO_FRONT)
