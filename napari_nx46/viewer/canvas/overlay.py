"""The mask over the picture: an image layer whose slices the session computes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from napari.layers import Image
from napari.utils.colormaps import Colormap

from napari_nx46.live.arrays.mask import lazy_mask
from napari_nx46.live.arrays.volume import Voxels
from napari_nx46.live.masks.choices import LIVE
from napari_nx46.live.masks.mask_switch import MaskSwitch
from napari_nx46.live.session import Session
from napari_nx46.live.view import ShownMask
from napari_nx46.viewer.canvas.layer_exchange import NewData
from napari_nx46.viewer.canvas.overlay_layer import (
    OverlayLayer,
    below_classes,
    overlay_layer,
    rgba,
)

if TYPE_CHECKING:
    import napari

DEFAULT_COLOR = "#ff9f1c"
DEFAULT_OPACITY = 0.6
LAYER_NAME = "surface mask"


class Overlay(OverlayLayer):
    """The mask layer of a session.

    Parameters
    ----------
    viewer : napari viewer
    session : Session
    flip : MaskSwitch
        Says which mask is shown.

    Attributes
    ----------
    layer : Image
        The same as long as the session lasts, also while it is deleted.
    """

    def __init__(self, viewer: napari.Viewer, session: Session, flip: MaskSwitch) -> None:
        super().__init__(viewer, session)
        self._flip = flip
        self._color = DEFAULT_COLOR
        self.layer = overlay_layer(
            lazy_mask(session, flip),
            name=LAYER_NAME,
            colormap=mask_colormap(self._color),
            opacity=DEFAULT_OPACITY,
            visible=True,
        )
        self._follow_visibility()
        viewer.add_layer(self.layer)

    @property
    def color(self) -> str:
        """Colour of the foreground, as ``#rrggbb``."""
        return self._color

    @color.setter
    def color(self, color: str) -> None:
        self._color = color
        self.layer.colormap = mask_colormap(color)

    def show(self, shown: bool) -> None:
        """Show the mask, in its layer if that was deleted, or hide it."""
        if shown and not self.is_there:
            self._viewer.layers.insert(below_classes(self._viewer), self.layer)
            self.shown_changed.emit(self.shown)
        self.layer.visible = shown

    def slice_of(self, shown: ShownMask) -> Voxels | None:
        """Return the mask, unless a pinned one or someone else's is shown in its place."""
        return shown.mask if self._flip.name == LIVE else None

    def draw_flipped(self) -> None:
        """Draw the displayed slice of the mask that was flipped to."""
        if self.is_there and self._viewer.dims.ndisplay == 2:
            self._draw_ahead(self.layer.data[self._session.view.plane])
        else:
            self.refresh()

    def new_data(self) -> list[NewData]:
        """Return the layer with the mask of the current fragment."""
        self._ahead = False
        return [(self.layer, lazy_mask(self._session, self._flip))]

    def drop(self, layer: Image) -> None:
        """Notice that a user has deleted the layer; it comes back when it is shown again."""
        self._ahead = False
        self.shown_changed.emit(False)


def mask_colormap(color: str) -> Colormap:
    """Return a colormap that is clear at 0 and this colour at 1."""
    colors = np.array([rgba(color, 0.0), rgba(color, 1.0)])
    return Colormap(colors, name=f"mask {color}", interpolation="linear")
