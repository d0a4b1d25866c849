"""What the canvas shows of a fragment, whatever the scale, the axes and their order."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from napari_nx46.live.view import View
from napari_nx46.viewer.canvas.access import data_point
from napari_nx46.voxels.blocks import Block, whole_block

if TYPE_CHECKING:
    from napari.components import ViewerModel
    from napari.layers import Layer

Voxel = tuple[int, int, int]
Ray = tuple[NDArray[np.float64], NDArray[np.float64]]
"""A point of it and its direction."""

_AXES = 3


def is_whole(viewer: ViewerModel) -> bool:
    """Return whether a viewer shows all of its layers in 2D, in the middle of the canvas."""
    if viewer.dims.ndisplay == _AXES or not len(viewer.layers):
        return False
    camera = viewer.scene.camera
    before = camera.zoom, tuple(camera.center)
    viewer.reset_view(margin=0)
    whole = before[0] <= 1.001 * camera.zoom and np.allclose(camera.center, before[1])
    camera.zoom, camera.center = before
    return bool(whole)


def view_of(
    viewer: ViewerModel, layer: Layer, corners: Any, shape: tuple[int, int, int]
) -> View | None:
    """Return what a viewer shows of a layer of (z, y, x) voxels; None where it shows none of it.

    Parameters
    ----------
    viewer : napari viewer
        Its last three axes are those of the layer.
    layer : Layer
        Over the fragment; it need not be in the viewer.
    corners : (2, 3) array or None
        The first and the last voxel that are visible; None where that is not known.
    shape : tuple of int
        Number of voxels along (z, y, x).
    """
    dims, whole = viewer.dims, whole_block(shape)
    if dims.ndisplay == _AXES:
        return View(whole, whole, three_d=True)
    displayed = [axis - dims.ndim + _AXES for axis in dims.displayed]
    if min(displayed) < 0:
        return None  # an axis of channels, say
    plane, block = list(whole), list(whole)
    point = data_point(layer, dims) if dims.ndim >= _AXES else np.zeros(_AXES)
    for axis in set(range(_AXES)) - set(displayed):
        position = int(np.round(point[axis]))
        if not 0 <= position < shape[axis]:
            return None
        plane[axis] = block[axis] = slice(position, position + 1)
    if corners is not None:
        first, last = np.asarray(corners)[:, -_AXES:]
        for axis in displayed:
            start, stop = int(max(first[axis], 0)), int(min(last[axis] + 1, shape[axis]))
            if start < stop and last[axis] > 0:
                block[axis] = slice(start, stop)
    return View(_as_block(plane), _as_block(block))


def standing_point(layer: Layer, dims: Any) -> NDArray[np.float64]:
    """Return the voxel (z, y, x) of a layer, as real numbers, that a viewer's sliders stand at.

    It may lie beyond the layer.

    Parameters
    ----------
    layer : Layer
        Of (z, y, x) voxels; it need not be in the viewer.
    dims : napari.components.Dims
    """
    return place_in(layer, dims, dims.point)


def slice_shown(viewer: ViewerModel, layer: Layer) -> int:
    """Return which slice along z of a layer the viewer stands at, be it within the layer or not."""
    return int(np.round(standing_point(layer, viewer.dims)[0]))


def voxel_shown(viewer: ViewerModel, layer: Layer, shape: Voxel) -> Voxel:
    """Return the voxel (z, y, x) within a layer that a viewer's sliders are nearest to."""
    last = np.array(shape) - 1
    z, y, x = np.clip(np.round(standing_point(layer, viewer.dims)), 0, last).astype(int).tolist()
    return z, y, x


def place_in(layer: Layer, dims: Any, position: ArrayLike) -> NDArray[np.float64]:
    """Return where in a layer a position in a viewer's world lies, in voxels as real numbers.

    Voxels have their centres at whole numbers. Other than the layer's `world_to_data` this heeds
    that the viewer may count lengths in another unit than the layer.

    Parameters
    ----------
    layer : Layer
        It need not be in the viewer.
    dims : napari.components.Dims
    position : array_like of float
        Along all axes of the viewer, the last of which are the layer's.
    """
    point = np.asarray(position, np.float64)[-layer.ndim :]
    return np.asarray(
        layer.world_to_data(point * _unit_factors(layer, dims)[-len(point) :]), np.float64
    )


def voxel_at(viewer: ViewerModel, layer: Layer, position: ArrayLike, shape: Voxel) -> Voxel | None:
    """Return the voxel of a layer at a position in a viewer's world; None beyond the layer."""
    place = np.floor(place_in(layer, viewer.dims, position) + 0.5)
    if not ((place >= 0) & (place < shape)).all():
        return None
    z, y, x = place.astype(int).tolist()
    return z, y, x


def ray_in(layer: Layer, dims: Any, event: Any) -> Ray | None:
    """Return a point under the mouse in 3D and the direction of the view there, in voxels.

    napari's own `Layer.get_ray_intersections` has the layer begin at the centre of its first voxel.

    Parameters
    ----------
    layer : Layer
        Of (z, y, x) voxels.
    dims : napari.components.Dims
    event : napari mouse event

    Returns
    -------
    point, direction : (3,) array of float, or None
        None where other axes are displayed than those of the layer.
    """
    if sorted(event.dims_displayed) != list(range(dims.ndim - _AXES, dims.ndim)):
        return None
    position = np.asarray(event.position, np.float64)
    point = place_in(layer, dims, position)
    return point, place_in(layer, dims, position + np.asarray(event.view_direction)) - point


def go_to(viewer: ViewerModel, layer: Layer, voxel: Voxel, *, look: bool = False) -> None:
    """Have a viewer's sliders be at a voxel (z, y, x) of a layer, and if wanted the canvas too."""
    dims = viewer.dims
    first = dims.ndim - _AXES
    if first < 0:
        return
    place = (np.asarray(layer.data_to_world(voxel)) / _unit_factors(layer, dims)).tolist()
    dims.set_point((first, first + 1, first + 2), tuple(place))
    if look and min(dims.displayed) >= first:
        shown = [place[axis - first] for axis in dims.displayed]
        viewer.scene.camera.center = (*[0.0] * (_AXES - len(shown)), *shown)


def go_to_slice(viewer: ViewerModel, layer: Layer, z: int) -> None:
    """Have a viewer show a slice along z of a layer of (z, y, x) voxels."""
    dims = viewer.dims
    axis = dims.ndim - _AXES
    if axis >= 0:
        _, y, x = standing_point(layer, dims)
        place = layer.data_to_world((z, y, x))[0] / _unit_factors(layer, dims)[0]
        dims.set_point(axis, place)


def has_no_names(dims: Any) -> bool:
    """Return whether a viewer's axes have the names alone that napari counts them by."""
    return all(label.lstrip("-").isdigit() for label in dims.axis_labels)


def _unit_factors(layer: Layer, dims: Any) -> NDArray[np.float64]:
    """Return what lengths along the viewer's last axes are multiplied by to be the layer's."""
    if dims.units is None or len(dims.units) < layer.ndim:
        return np.ones(layer.ndim)
    pairs = zip(dims.units[-layer.ndim :], layer.units, strict=True)
    return np.array(
        [
            1.0
            if ours == theirs or not ours.is_compatible_with(theirs)
            else (1 * ours).to(theirs).magnitude
            for ours, theirs in pairs
        ]
    )


def _as_block(extents: list[slice]) -> Block:
    z, y, x = extents
    return z, y, x
