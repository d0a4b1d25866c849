"""Drawing another picture of the displayed slice, and nothing else of a layer."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
from vispy.scene.visuals import Image as ImageNode

from napari_nx46.viewer.canvas.access import Canvas

if TYPE_CHECKING:
    import napari
    from napari.layers import Image


def refresh_slice(viewer: napari.Viewer, layer: Image) -> None:
    """Have napari slice the layer again and draw it, without extent, thumbnail and highlight."""
    # The list passes every event of a layer on, and would have its widget painted again.
    with viewer.layers.events.blocker_all():
        layer.refresh(extent=False, highlight=False, thumbnail=False)


def draw_slice(
    canvas: Canvas, viewer: napari.Viewer, layer: Image, plane: npt.NDArray[np.uint8]
) -> bool:
    """Hand the displayed slice straight to the canvas: 3 ms less than to slice the layer again.

    The layer itself does not notice; `refresh_slice` must follow when there is time.

    Parameters
    ----------
    canvas : Canvas
        The viewer's.
    viewer : napari.Viewer
    layer : Image
    plane : (Z, Y, X) array of uint8
        The displayed slice; its length is 1 along the axes that are not displayed.

    Returns
    -------
    bool
        False where napari shows the layer in another way than as one image of this size, or along
        other axes: those of the viewer may have changed a moment before the session hears of it.
    """
    node = canvas.node_of(layer)
    # The last axes of the viewer are those of the layer.
    more = viewer.dims.ndim - plane.ndim
    displayed = [axis - more for axis in viewer.dims.displayed]
    others = tuple(axis - more for axis in viewer.dims.not_displayed if axis >= more)
    if not isinstance(node, ImageNode) or not layer.visible or len(displayed) != 2:
        return False
    if more < 0 or min(displayed) < 0 or any(plane.shape[axis] != 1 for axis in others):
        return False
    picture = plane.squeeze(others)
    if displayed[0] > displayed[1]:
        picture = picture.T
    if node.size != picture.shape[::-1]:
        return False
    node.set_data(picture)
    node.update()
    return True
