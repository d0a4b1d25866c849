"""The voxels of the selected error, as a layer of classes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari_nx46.live.arrays.volume import LazyVolume, Voxels
from napari_nx46.live.derived.graph import State
from napari_nx46.live.errors.picture import ItemClass, ItemPicture, Pictures, lazy_picture
from napari_nx46.live.view import ShownMask
from napari_nx46.viewer.canvas.class_overlay import ClassOverlay
from napari_nx46.viewer.errors.looks import ITEM_COLORS

if TYPE_CHECKING:
    import napari

    from napari_nx46.viewer.sources.placing import Placing

__all__ = ["ItemOverlay"]

LAYER_NAME = "selected error"


class ItemOverlay(ClassOverlay):
    """The layer that shows what the selected error is made of; there is none without one.

    Parameters
    ----------
    viewer : napari viewer
    pictures : Pictures
    placing : Placing
        Says where the fragment lies.
    """

    name = LAYER_NAME
    colors = ITEM_COLORS
    kinds = ItemClass

    def __init__(self, viewer: napari.Viewer, pictures: Pictures, placing: Placing) -> None:
        super().__init__(viewer, pictures.session, placing)
        self._pictures = pictures
        self._wanted = True
        pictures.changed.connect(self._follow)

    @property
    def available(self) -> bool:
        """Whether an item of the current fragment is selected."""
        picture = self._pictures.state.result
        return picture is not None and picture.shape == self._session.fragment.shape

    def slice_of(self, shown: ShownMask) -> Voxels | None:
        """Return what the item has in a plane, whatever the mask."""
        picture = self._pictures.state.result
        return None if picture is None else picture.block(shown.plane)

    def voxels(self) -> LazyVolume:
        """Return the voxels of the item."""
        picture = self._pictures.state.result
        assert picture is not None  # `available` asked for it
        return lazy_picture(picture)

    def want(self, wanted: bool) -> None:
        """Show the voxels of what is selected, or of nothing."""
        self._wanted = wanted
        self._follow(self._pictures.state)

    def close(self) -> None:
        """Take the layer away for good."""
        self._pictures.changed.disconnect(self._follow, missing_ok=True)
        super().close()

    def _follow(self, state: State[ItemPicture]) -> None:
        if not self._wanted or not self.available or state.stale:
            self.remove()
        elif self.is_there:
            self.layer.data = self.voxels()
        else:
            selected = set(self._viewer.layers.selection)
            self.show(True)
            self._viewer.layers.selection = selected
