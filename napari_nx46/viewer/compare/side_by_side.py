"""Two masks side by side: napari's grid, whose cells share camera and sliders."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from napari.layers import Image, Layer
from qtpy.QtCore import QObject

from napari_nx46.live.arrays.mask import lazy_mask
from napari_nx46.live.masks.choices import LIVE, ChosenMask
from napari_nx46.viewer.canvas.overlay_layer import overlay_layer
from napari_nx46.viewer.canvas.slice_drawing import refresh_slice
from napari_nx46.viewer.canvas.view_mode import ViewMode
from napari_nx46.viewer.compare.two_cells import RIGHT_NAME, TwoCells

if TYPE_CHECKING:
    import napari

    from napari_nx46.live.session import Session
    from napari_nx46.viewer.canvas.overlay import Overlay
    from napari_nx46.viewer.compare.tools import CompareTools
    from napari_nx46.viewer.sources.placing import Placing

LINKED_MASK = ("opacity", "visible", "blending", "colormap", "contrast_limits")


class SideBySide(ViewMode):
    """The first mask of the pair on the left, the second on the right, each over the picture.

    The left cell has the viewer's layers, with the mask layer as it is flipped; the right one has
    copies of the visible ones below it, which follow them, and a mask layer of its own.

    Parameters
    ----------
    viewer : napari.Viewer
    session : Session
    compare : CompareTools
        Gives the pair of masks.
    overlay : Overlay
        The mask layer of the left cell.
    layers : callable
        Returns the layers of the fragment that is shown, without masks.
    placing : Placing
        Says where the fragment lies.
    parent : QObject
    """

    def __init__(
        self,
        viewer: napari.Viewer,
        session: Session,
        compare: CompareTools,
        overlay: Overlay,
        layers: Callable[[], list[Layer]],
        placing: Placing,
        parent: QObject,
    ) -> None:
        super().__init__(parent)
        self._viewer = viewer
        self._session = session
        self._overlay = overlay
        self._layers = layers
        self._placing = placing
        self._flip = compare.flip
        self._pair = compare.pair
        self._cells = TwoCells(viewer, self._right_layers, self)
        self._copies: list[tuple[Layer, Layer]] = []
        self._mask: Image | None = None
        self._chosen = ChosenMask(compare.choices, LIVE)
        self._cells.switched_off.connect(self._grid_switched_off)
        self._pair.changed.connect(self._follow_pair)
        self._pair.choices.changed.connect(self._draw)
        session.mask_changed.connect(self._follow_mask)
        overlay.look_changed.connect(self._draw)

    @property
    def shown(self) -> bool:
        """Whether the masks are shown side by side."""
        return self._cells.shown

    @property
    def can_be_shown(self) -> bool:
        """Whether there are two masks to compare."""
        return self._pair.second is not None

    @property
    def own_layers(self) -> tuple[Image, ...]:
        """The mask on the right."""
        return () if self._mask is None else (self._mask,)

    def leave_fragment(self) -> None:
        """Take the layers on the right away before the other layers of their fragment go."""
        self._remove_layers()

    def show_fragment(self) -> None:
        """Show the new fragment on both sides, if the old one was."""
        if self.shown:
            self._add_layers()

    def close(self) -> None:
        """Leave the viewer as it was."""
        self._cells.stop()
        super().close()

    # ---- on and off ------------------------------------------------------------------------

    def _switch_on(self) -> None:
        self._flip.show(self._pair.first)
        self._cells.enter(self._add_layers)

    def _switch_off(self) -> None:
        self._cells.leave(self._remove_layers)

    # ---- layers ----------------------------------------------------------------------------

    def _add_layers(self) -> None:
        """Add the layers on the right: copies of what is below the mask, and the second mask."""
        for layer in self._layers():
            if layer.visible and layer in self._viewer.layers:
                data, attributes, kind = layer.as_layer_data_tuple()
                # Without its metadata a copy is nothing that was opened.
                copied = {**attributes, "name": RIGHT_NAME.format(layer.name), "metadata": {}}
                copy = Layer.create(data, copied, kind)
                self._viewer.layers.append(copy)
                self._viewer.layers.link_layers([layer, copy])
                self._copies.append((layer, copy))
        overlay = self._overlay
        self._chosen.name = self._pair.second or LIVE
        self._mask = overlay_layer(
            overlay.outlined(lazy_mask(self._session, self._chosen)),
            name=RIGHT_NAME.format(self._chosen.name),
            colormap=overlay.layer.colormap,
            opacity=overlay.layer.opacity,
            visible=overlay.layer.visible,
        )
        self._mask.contrast_limits = overlay.layer.contrast_limits
        self._viewer.add_layer(self._placing.place(self._mask))
        self._viewer.layers.link_layers([overlay.layer, self._mask], LINKED_MASK)
        self._mask.name_overlay.visible = True
        self._cells.order()

    def _remove_layers(self) -> None:
        layers, mask = self._viewer.layers, self._mask
        pairs = list(self._copies)
        if mask is not None:
            pairs.append((self._overlay.layer, mask))
        self._copies.clear()
        self._mask = None
        for original, copy in pairs:
            layers.unlink_layers([original, copy])
            if copy in layers:
                layers.remove(copy)

    def _right_layers(self) -> list[Layer]:
        copies = [copy for _, copy in self._copies]
        return copies if self._mask is None else [*copies, self._mask]

    # ---- following -------------------------------------------------------------------------

    def _grid_switched_off(self) -> None:
        self.show(False)

    def _follow_pair(self) -> None:
        if not self.shown:
            return
        if self._pair.second is None:
            self.show(False)
            return
        self._flip.show(self._pair.first)
        self._chosen.name = self._pair.second
        if self._mask is not None:
            self._mask.name = RIGHT_NAME.format(self._pair.second)
        self._draw()

    def _follow_mask(self) -> None:
        if self._chosen.name == LIVE:
            self._draw()

    def _draw(self) -> None:
        if self._mask is not None:
            refresh_slice(self._viewer, self._mask)
