"""The mask over the picture: an image layer whose slices the session computes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from napari.layers import Image
from napari.utils.colormaps import Colormap
from psygnal import Signal

from napari_nx46.live.arrays.mask import LazyMask
from napari_nx46.live.masks.flip import Flip
from napari_nx46.live.session import Session
from napari_nx46.viewer.canvas.access import Canvas
from napari_nx46.viewer.canvas.layer_exchange import NewData
from napari_nx46.viewer.canvas.overlay_layer import below_classes, overlay_layer, rgba
from napari_nx46.viewer.canvas.slice_drawing import draw_slice, refresh_slice

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

    Attributes
    ----------
    layer : Image
        The same as long as the session lasts, also while it is deleted.
    shown_changed : Signal(bool)
        The mask is shown, or no longer, whoever did that.
    """

    shown_changed = Signal(bool)

    def __init__(self, viewer: napari.Viewer, session: Session, flip: Flip) -> None:
        self._viewer = viewer
        self._canvas = Canvas(viewer)
        self._session = session
        self._flip = flip
        self._color = DEFAULT_COLOR
        self._ahead = False
        self.layer = overlay_layer(
            LazyMask(session, flip),
            name=LAYER_NAME,
            colormap=mask_colormap(self._color),
            contrast_limits=(0, 1),
            opacity=DEFAULT_OPACITY,
            visible=True,
        )
        self.layer.events.visible.connect(lambda: self.shown_changed.emit(self.shown))
        viewer.add_layer(self.layer)

    @property
    def shown(self) -> bool:
        """Whether the mask is shown."""
        return self.is_there and bool(self.layer.visible)

    @property
    def is_there(self) -> bool:
        """Whether the layer is in the viewer: a user may have deleted it."""
        return self.layer in self._viewer.layers

    @property
    def own_layers(self) -> tuple[Image, ...]:
        """The layer."""
        return (self.layer,)

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
        if not self.is_there:
            return
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

    def show(self, shown: bool) -> None:
        """Show the mask, in its layer if that was deleted, or hide it."""
        if shown and not self.is_there:
            self._viewer.layers.insert(below_classes(self._viewer), self.layer)
            self.shown_changed.emit(self.shown)
        self.layer.visible = shown

    def toggle(self) -> None:
        """Show the mask if it is hidden or deleted, hide it if it is shown."""
        self.show(not self.shown)

    def new_data(self) -> list[NewData]:
        """Return the layer with the mask of the current fragment."""
        self._ahead = False
        return [(self.layer, LazyMask(self._session, self._flip))]

    def forget(self, layer: Image) -> None:
        """Notice that a user has deleted the layer; it comes back when it is shown again."""
        self._ahead = False
        self.shown_changed.emit(False)

    def remove(self) -> None:
        """Take the layer away."""
        if self.layer in self._viewer.layers:
            self._viewer.layers.remove(self.layer)


def mask_colormap(color: str) -> Colormap:
    """Return a colormap that is clear at 0 and this colour at 1."""
    colors = np.array([rgba(color, 0.0), rgba(color, 1.0)])
    return Colormap(colors, name=f"mask {color}", interpolation="linear")
