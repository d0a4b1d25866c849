"""The mask over the picture: an image layer whose slices the session computes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from napari.layers import Image
from napari.utils.colormaps import Colormap
from numpy.typing import ArrayLike
from psygnal import Signal

from napari_nx46.live.arrays.mask import lazy_mask
from napari_nx46.live.arrays.outline import OUTLINE, outlined, outlined_mask
from napari_nx46.live.arrays.volume import LazyVolume, Voxels
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
from napari_nx46.viewer.canvas.viewing import Voxel, voxel_at
from napari_nx46.viewer.plugin.preferences import DEFAULT_MASK_COLOR
from napari_nx46.viewer.widgets.contrast import BLACK, WHITE, contrast

if TYPE_CHECKING:
    import napari

    from napari_nx46.viewer.sources.placing import Placing

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
    placing : Placing
        Says where the fragment lies.

    Attributes
    ----------
    layer : Image
        The same as long as the session lasts, also while it is deleted.
    look_changed : Signal()
        It has another colour, or an outline or none.
    """

    look_changed = Signal()

    def __init__(
        self, viewer: napari.Viewer, session: Session, flip: MaskSwitch, placing: Placing
    ) -> None:
        super().__init__(viewer, session, placing)
        self._flip = flip
        self._color = DEFAULT_MASK_COLOR
        self._has_outline = False
        self.layer = overlay_layer(
            self._voxels(),
            name=LAYER_NAME,
            colormap=mask_colormap(self._color),
            opacity=DEFAULT_OPACITY,
            visible=True,
        )
        self._follow_visibility()
        viewer.add_layer(placing.place(self.layer))

    @property
    def color(self) -> str:
        """Colour of the foreground, as ``#rrggbb``."""
        return self._color

    @color.setter
    def color(self, color: str) -> None:
        self.look(color, self._has_outline)

    @property
    def has_outline(self) -> bool:
        """Whether a line is drawn around the mask, in black or white."""
        return self._has_outline

    @has_outline.setter
    def has_outline(self, drawn: bool) -> None:
        self.look(self._color, drawn)

    def look(self, color: str, outline: bool) -> None:
        """Give the mask a colour, ``#rrggbb``, with a line around it or without."""
        redraw = outline != self._has_outline
        self._color, self._has_outline = color, outline
        self.layer.colormap = mask_colormap(color, outline)
        self.layer.contrast_limits = (0, OUTLINE if outline else 1)
        if redraw:
            self.refresh()
        self.look_changed.emit()

    def show(self, shown: bool) -> None:
        """Show the mask, in its layer if that was deleted, or hide it."""
        if shown and not self.is_there:
            self._viewer.layers.insert(below_classes(self._viewer), self.layer)
            self.shown_changed.emit(self.shown)
        self.layer.visible = shown

    def slice_of(self, shown: ShownMask) -> Voxels | None:
        """Return the mask, unless a pinned one or someone else's is shown in its place."""
        if self._flip.name != LIVE:
            return None
        return outlined(shown.mask) if self._has_outline else shown.mask

    def voxel_at(self, position: ArrayLike) -> Voxel | None:
        """Return the voxel at a position in the viewer's world; None beyond the fragment."""
        return voxel_at(self._viewer, self.layer, position, self._session.fragment.shape)

    def draw_flipped(self) -> None:
        """Draw the displayed slice of the mask that was flipped to."""
        if self.is_there and self._viewer.dims.ndisplay == 2:
            self._draw_ahead(self.layer.data[self._session.view.plane])
        else:
            self.refresh()

    def new_data(self) -> list[NewData]:
        """Return the layer with the mask of the current fragment."""
        self._ahead = False
        return [(self.layer, self._voxels())]

    def drop(self, layer: Image) -> None:
        """Notice that a user has deleted the layer; it comes back when it is shown again."""
        self._ahead = False
        self.shown_changed.emit(False)

    def outlined(self, mask: LazyVolume) -> LazyVolume:
        """Return a mask that is shown with an outline while this one is."""
        return outlined_mask(mask, lambda: self._has_outline)

    def _voxels(self) -> LazyVolume:
        """Return the mask of the current fragment."""
        return self.outlined(lazy_mask(self._session, self._flip))


def mask_colormap(color: str, outline: bool = False) -> Colormap:
    """Return a colormap that is clear at 0 and this colour at the mask's value, then the outline's.

    It goes from 0 to 1, or to `OUTLINE`.
    """
    colors = [rgba(color, 0.0), rgba(color, 1.0)]
    if outline:
        colors.append(rgba(outline_color(color), 1.0))
    name = f"mask {color}{' with outline' if outline else ''}"
    return Colormap(np.array(colors), name=name, interpolation="linear")


def outline_color(color: str) -> str:
    """Return black or white, whichever stands out more against a colour."""
    return max((BLACK, WHITE), key=lambda line: contrast(line, color))
