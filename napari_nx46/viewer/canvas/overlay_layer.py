"""The kind of layer that lies over the picture: flat colours, voxel by voxel."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari.layers import Image
from napari.utils.colormaps import Colormap

from napari_nx46.live.arrays.classes import LazyClasses
from napari_nx46.live.arrays.mask import LazyMask

if TYPE_CHECKING:
    import napari


def overlay_layer(
    voxels: LazyMask | LazyClasses,
    *,
    name: str,
    colormap: Colormap,
    contrast_limits: tuple[float, float],
    opacity: float,
    visible: bool,
) -> Image:
    """Return a layer over a lazy array; a maximum projection in 3D, since others are slow there."""
    return Image(
        voxels,
        name=name,
        colormap=colormap,
        contrast_limits=contrast_limits,
        opacity=opacity,
        visible=visible,
        blending="translucent_no_depth",
        interpolation2d="nearest",
        interpolation3d="nearest",
        rendering="mip",
        multiscale=False,
        rgb=False,
    )


def below_classes(viewer: napari.Viewer) -> int:
    """Return where a layer of a mask hides neither differences nor errors."""
    layers = viewer.layers
    places = (place for place, one in enumerate(layers) if isinstance(one.data, LazyClasses))
    return next(places, len(layers))


def rgba(color: str, alpha: float) -> tuple[float, float, float, float]:
    """Return red, green, blue in [0, 1] of a colour ``#rrggbb``, and the alpha."""
    red, green, blue = (int(color[start : start + 2], 16) / 255 for start in (1, 3, 5))
    return red, green, blue, alpha
