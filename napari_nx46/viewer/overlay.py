"""The mask over the picture: an image layer whose slices the session computes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from napari.layers import Image
from napari.utils.colormaps import Colormap

from napari_nx46.live.flip import Flip
from napari_nx46.live.lazy_mask import LazyMask
from napari_nx46.live.session import Session
from napari_nx46.viewer.canvas import Canvas
from napari_nx46.viewer.layer_exchange import NewData
from napari_nx46.viewer.overlay_layer import overlay_layer, rgba
from napari_nx46.viewer.slice_drawing import draw_slice, refresh_slice

if TYPE_CHECKING:
    import napari

DEFAULT_COLOR = "#ff9f1c"
DEFAULT_OPACITY = 0.6
LAYER_NAME = "surface mask"


class Overlay:
    """The mask layer of a session.

    Parameters
    ----------
    viewer : napari viewer
    session : Session
    flip : Flip
        Says which mask is shown.
    """

    def __init__(self, viewer: napari.Viewer, session: Session, flip: Flip) -> None:
        self._viewer = viewer
        self._canvas = Canvas(viewer)
        self._session = session
        self._flip = flip
        self._color = DEFAULT_COLOR
        self._ahead = False
        self.layer = self._add(DEFAULT_OPACITY, visible=True)

    @property
    def color(self) -> str:
        """Colour of the foreground, as ``#rrggbb``."""
        return self._color

    @color.setter
    def color(self, color: str) -> None:
        self._color = color
        self.layer.colormap = mask_colormap(color)

    def refresh(self) -> None:
        """Draw the displayed slice again, and nothing else of the layer."""
        view = self._session.view
        self._ahead = not view.three_d and draw_slice(
            self._canvas, self._viewer, self.layer, self._flip.mask_block(view.plane)
        )
        if not self._ahead:
            refresh_slice(self._viewer, self.layer)

    def settle(self) -> None:
        """Let the layer notice what was drawn while the sliders moved."""
        if self._ahead:
            self._ahead = False
            refresh_slice(self._viewer, self.layer)

    def toggle(self) -> None:
        """Show the mask if it is hidden, hide it if it is shown."""
        self.layer.visible = not self.layer.visible

    def new_data(self) -> list[NewData]:
        """Return the layer, unless it has been deleted, with the mask of the current fragment."""
        self._ahead = False
        is_there = self.layer in self._viewer.layers
        return [(self.layer, LazyMask(self._session, self._flip))] if is_there else []

    def show_fragment(self) -> None:
        """Add the layer again, should it have been deleted."""
        if self.layer not in self._viewer.layers:
            self.layer = self._add(self.layer.opacity, self.layer.visible)

    def remove(self) -> None:
        """Take the layer away."""
        if self.layer in self._viewer.layers:
            self._viewer.layers.remove(self.layer)

    def _add(self, opacity: float, visible: bool) -> Image:
        layer = overlay_layer(
            LazyMask(self._session, self._flip),
            name=LAYER_NAME,
            colormap=mask_colormap(self._color),
            contrast_limits=(0, 1),
            opacity=opacity,
            visible=visible,
        )
        self._viewer.add_layer(layer)
        return layer


def mask_colormap(color: str) -> Colormap:
    """Return a colormap that is clear at 0 and this colour at 1."""
    colors = np.array([rgba(color, 0.0), rgba(color, 1.0)])
    return Colormap(colors, name=f"mask {color}", interpolation="linear")
