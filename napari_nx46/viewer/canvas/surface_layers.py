"""Layers that are drawn in 3D: the lit surface of a mask, and a plane of the image."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
from napari.layers import Image, Surface

from napari_nx46.core.measure.surface import SurfaceMesh
from napari_nx46.live.corrections.faces import VoxelFaces
from napari_nx46.live.derived.surface import Picture, Plane
from napari_nx46.viewer.canvas.overlay_layer import rgba

if TYPE_CHECKING:
    import napari

SURFACE_NAME = "mask in 3D"
PLANE_NAME = "{} plane"
FACES_NAME = "corrections in 3D"

COMPONENT_COLORS = (
    "#ff9f1c",
    "#56b4e9",
    "#2ec27e",
    "#f4d35e",
    "#d672c5",
    "#e4572e",
    "#8fa7ff",
    "#b5d99c",
    "#17becf",
    "#c49c6b",
)
"""By size, the largest component first; then from the beginning again."""

AMBIENT = 0.35
LIGHT = np.array((0.5, 0.3, 0.81), np.float32)
"""Where the light comes from, z, y, x, of length 1: both sides of a sheet are lit by it.

It is worked into the colours of the vertices: a software renderer needs twice the time where it has
to light every pixel.
"""

Colors = npt.NDArray[np.float32]


def surface_layer(mesh: SurfaceMesh, like: Image) -> Surface:
    """Return a layer with a surface, placed in the world as an image layer is."""
    return Surface(
        surface_data(mesh),
        vertex_colors=lit_colors(mesh),
        name=SURFACE_NAME,
        shading="none",
        blending="opaque",
        **_placement(like),
    )


def show_surface(layer: Surface, mesh: SurfaceMesh) -> None:
    """Have a layer show another surface."""
    _show(layer, surface_data(mesh), lit_colors(mesh))


def faces_layer(
    faces: VoxelFaces, colors: Mapping[int, str], opacity: float, like: Image
) -> Surface:
    """Return a layer with faces of corrected voxels in the colours of their labels."""
    return Surface(
        _faces_data(faces),
        vertex_colors=_label_colors(faces, colors),
        name=FACES_NAME,
        shading="none",
        opacity=opacity,
        blending="translucent_no_depth",
        **_placement(like),
    )


def show_faces(layer: Surface, faces: VoxelFaces, colors: Mapping[int, str]) -> None:
    """Have a layer show other faces."""
    _show(layer, _faces_data(faces), _label_colors(faces, colors))


def _show(layer: Surface, data: tuple[Any, Any, Any], colors: Colors) -> None:
    with layer.events.data.blocker():
        layer.vertex_colors = None  # of another number of vertices
        layer.data = data
    layer.vertex_colors = colors
    layer.refresh()


def _faces_data(faces: VoxelFaces) -> tuple[Any, Any, Any]:
    return faces.vertices, faces.triangles, np.ones(len(faces.vertices), np.float32)


def _label_colors(faces: VoxelFaces, colors: Mapping[int, str]) -> Colors:
    palette = np.zeros((max(colors) + 1, 3), np.float32)
    for label, color in colors.items():
        palette[label] = rgba(color, 1.0)[:3]
    of_each: Colors = palette[faces.labels]
    return of_each


def surface_data(mesh: SurfaceMesh) -> tuple[Any, Any, Any]:
    """Return vertices, triangles and values as a layer takes them; a point where there are none."""
    if len(mesh.faces) == 0:
        return np.zeros((3, 3), np.float32), np.array([[0, 1, 2]]), np.ones(3, np.float32)
    return mesh.vertices, mesh.faces, np.ones(len(mesh.vertices), np.float32)


def unseen_side(layer: Surface, viewer: napari.Viewer) -> str:
    """Return which side of a closed surface's triangles is never seen: ``back`` or ``front``.

    A layer or a camera that is flipped shows the other side. napari turns the triangles itself
    where axes are in another order.
    """
    matrix = layer.affine.affine_matrix[:3, :3] @ layer.rotate @ np.diag(layer.scale)
    is_flipped = (np.linalg.det(matrix) < 0) != (viewer.scene.camera.handedness == "left")
    return "front" if is_flipped else "back"


def lit_colors(mesh: SurfaceMesh) -> Colors:
    """Return the colour of each vertex, (n, 3): its component's, as bright as the light falls."""
    if len(mesh.faces) == 0:
        return np.zeros((3, 3), np.float32)
    palette = np.array([rgba(color, 1.0)[:3] for color in COMPONENT_COLORS], np.float32)
    lit = AMBIENT + (1 - AMBIENT) * np.abs(mesh.normals @ LIGHT)
    colors: Colors = palette[mesh.ranks % len(palette)] * lit[:, None]
    return colors


def plane_layer(plane: Plane, of: str, shape: tuple[int, int, int], like: Image) -> Surface:
    """Return a layer with a picture on a plane across an axis, placed as an image layer is.

    It is named after what it is a picture of.

    napari's own plane of an image takes a software renderer 200 ms a frame in a fragment of 320^3,
    this a tenth of that.
    """
    corners, faces = _rectangle(plane.axis, plane.position, shape)
    # Rows of a texture are counted from the bottom.
    corners_in_texture = np.array([[0, 1], [1, 1], [1, 0], [0, 0]], np.float32)
    return Surface(
        (corners, faces, np.ones(4, np.float32)),
        texture=_texture(plane.picture),
        texcoords=corners_in_texture,
        name=PLANE_NAME.format(of),
        shading="none",
        blending="opaque",
        colormap="gray",
        contrast_limits=(0, 1),
        **_placement(like),
    )


def show_plane(layer: Surface, plane: Plane, shape: tuple[int, int, int]) -> None:
    """Have a layer show another plane."""
    corners, faces = _rectangle(plane.axis, plane.position, shape)
    layer.data = (corners, faces, np.ones(4, np.float32))
    layer.texture = _texture(plane.picture)


def _rectangle(
    axis: int, position: int, shape: tuple[int, int, int]
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.int32]]:
    """Return the corners of a plane, row by row from the first voxel on, and its two triangles."""
    rows, columns = (one for one in range(3) if one != axis)
    corners = np.full((4, 3), position, np.float32)
    for number, (row, column) in enumerate(((0, 0), (0, 1), (1, 1), (1, 0))):
        corners[number, rows] = row * shape[rows] - 0.5
        corners[number, columns] = column * shape[columns] - 0.5
    return corners, np.array([[0, 1, 2], [0, 2, 3]], np.int32)


def _texture(picture: Picture) -> npt.NDArray[np.float32]:
    """Return a picture as a texture of red, green and blue in [0, 1]."""
    return np.repeat((picture / np.float32(255))[..., None], 3, axis=-1).astype(np.float32)


def _placement(layer: Image) -> dict[str, Any]:
    """Return where in the world a layer lies."""
    return {
        "scale": layer.scale,
        "translate": layer.translate,
        "rotate": layer.rotate,
        "shear": layer.shear,
        "affine": layer.affine,
        "units": layer.units,
        "axis_labels": layer.axis_labels,
    }
