"""Layers with their channels first, shown in the place of layers that have them elsewhere.

napari aligns layers by their last axes. A mask of (Z, Y, X) therefore lies on the voxels that it
was computed from only where those are the last axes of their layer too.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from napari.layers import Image

from napari_nx46.viewer.messages.notices import notify_info
from napari_nx46.viewer.sources.grid import SPATIAL, Space, reordered_attributes

if TYPE_CHECKING:
    import napari
    from napari.layers import Layer

__all__ = ["ChannelsFirst", "is_stand_in", "order_of"]

NAME = "{}, channels first"
_STANDS_IN = "napari_nx46_stands_in"


class ChannelsFirst:
    """Shows layers by z, y and x whose last axes are others; nothing is copied.

    Such a layer is hidden, and a view of the same array with the other axes in front is shown in
    its place, which follows it.

    Parameters
    ----------
    viewer : napari.Viewer
    """

    def __init__(self, viewer: napari.Viewer) -> None:
        self._viewer = viewer
        self._shown: dict[Layer, _StandIn] = {}

    def show(self, spaces: Mapping[Layer, Space]) -> None:
        """Show layers so that need it, and all others as they are again.

        Parameters
        ----------
        spaces : mapping of Layer to tuple of int
            Which axes of a layer are z, y and x, or y and x.
        """
        orders = {layer: order_of(layer.ndim, space) for layer, space in spaces.items()}
        moved = {layer: order for layer, order in orders.items() if list(order) != sorted(order)}
        for layer in self._shown.keys() - moved.keys():
            self._shown.pop(layer).close()
        for layer, order in moved.items():
            if layer in self._shown:
                self._shown[layer].show(order)
            else:
                self._shown[layer] = _StandIn(self._viewer, layer, order)


class _StandIn:
    """A layer that shows another one with its axes in another order."""

    def __init__(self, viewer: napari.Viewer, source: Image, order: Space) -> None:
        self._viewer, self._source, self._order = viewer, source, order
        self._layer = Image(
            _reordered(source, order),
            name=NAME.format(source.name),
            multiscale=source.multiscale,
            contrast_limits=source.contrast_limits,
            colormap=source.colormap,
            metadata={_STANDS_IN: True},
            **reordered_attributes(source, order),
        )
        selected = set(viewer.layers.selection)
        viewer.layers.insert(viewer.layers.index(source) + 1, self._layer)
        viewer.layers.selection = selected
        source.visible = False
        self._look(range(source.ndim), order)
        for name in SPATIAL:
            getattr(source.events, name).connect(self._place)
        notify_info(
            f"{source.name!r} is tuned, and {self._layer.name!r} shows its z, y and x in its place"
        )

    def show(self, order: Space) -> None:
        """Show the source as it is now, in an order of its axes."""
        before, self._order = self._order, order
        self._layer.data = _reordered(self._source, order)
        self._place()
        if order != before:
            self._look(before, order)

    def close(self) -> None:
        """Show the source itself again."""
        for name in SPATIAL:
            getattr(self._source.events, name).disconnect(self._place)
        if self._source in self._viewer.layers:
            # As long as both are there, all places of both are within the sliders' ranges.
            self._look(self._order, range(self._source.ndim))
        if self._layer in self._viewer.layers:
            self._source.visible = self._source.visible or self._layer.visible
            self._viewer.layers.remove(self._layer)

    def _look(self, before: Sequence[int], after: Sequence[int]) -> None:
        """Go to the voxels that were looked at while the axes were in the order before."""
        dims, count = self._viewer.dims, len(before)
        world = range(dims.ndim - count, dims.ndim)
        point = {axis: dims.point[at] for axis, at in zip(before, world, strict=True)}
        dims.set_point(tuple(world), [point[axis] for axis in after])
        if tuple(before[-2:]) != tuple(after[-2:]):
            self._viewer.reset_view()

    def _place(self, event: Any = None) -> None:
        for name, value in reordered_attributes(self._source, self._order).items():
            setattr(self._layer, name, value)


def order_of(count: int, space: Space) -> Space:
    """Return the axes of a layer with z, y and x at the end.

    Parameters
    ----------
    count : int
        Number of its axes.
    space : tuple of int
        Those that are z, y and x.

    Examples
    --------
    >>> order_of(4, (0, 2, 3))
    (1, 0, 2, 3)
    """
    return (*(axis for axis in range(count) if axis not in space), *space)


def is_stand_in(layer: Layer) -> bool:
    """Return whether a layer only shows another one."""
    return _STANDS_IN in layer.metadata


def _reordered(layer: Image, order: Space) -> Any:
    """Return views of a layer's array, or of each of its levels, with the axes in an order."""
    if layer.multiscale:
        return [_transposed(level, order) for level in layer.data]
    return _transposed(layer.data, order)


def _transposed(array: Any, order: Space) -> Any:
    if isinstance(array, np.ndarray) or hasattr(array, "dask"):
        return array.transpose(order)
    from dask.array import from_array

    lazy: Any = from_array(array)  # type: ignore[no-untyped-call]
    return lazy.transpose(order)
