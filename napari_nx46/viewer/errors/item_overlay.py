"""The voxels of the selected error, as a layer of classes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari_nx46.live.arrays.volume import LazyVolume
from napari_nx46.live.derived.graph import State
from napari_nx46.live.errors.picture import ItemClass, ItemPicture, Pictures, lazy_picture
from napari_nx46.live.view import ShownMask
from napari_nx46.viewer.canvas.class_overlay import ClassOverlay
from napari_nx46.viewer.errors.looks import ITEM_COLORS
from napari_nx46.voxels.blocks import Block

if TYPE_CHECKING:
    import napari

    from napari_nx46.viewer.sources.placing import Placing

__all__ = ["ItemOverlay"]

LAYER_NAME = "selected error"

_ONE_VOXEL: Block = (slice(0, 1), slice(0, 1), slice(0, 1))
_EMPTY = LazyVolume((1, 1, 1), lambda _block: None, lambda: None, highest=max(ItemClass))


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

    def slice_of(self, shown: ShownMask) -> None:
        """Return nothing: what the item is made of is the same whatever the mask."""

    def draw(self, shown: ShownMask) -> None:
        """Leave it as it is while sliders move."""

    def voxels(self) -> LazyVolume:
        """Return the voxels of the item, in the box around them."""
        picture = self._pictures.state.result
        assert picture is not None  # `available` asked for it
        box = self._box
        return lazy_picture(picture, box) if box is not _ONE_VOXEL else _EMPTY

    @property
    def offset(self) -> tuple[int, int, int]:
        """The first voxel of the box: a layer of the whole fragment is slow to draw."""
        z, y, x = (axis.start for axis in self._box)
        return z, y, x

    def want(self, wanted: bool) -> None:
        """Show the voxels of what is selected, or of nothing."""
        self._wanted = wanted
        self._follow(self._pictures.state)

    def close(self) -> None:
        """Take the layer away for good."""
        self._pictures.changed.disconnect(self._follow, missing_ok=True)
        super().close()

    @property
    def _box(self) -> Block:
        """The box around the item; a single voxel until its picture is there."""
        state = self._pictures.state
        if state.result is None or state.stale:
            return _ONE_VOXEL
        return state.result.box

    def _follow(self, state: State[ItemPicture]) -> None:
        if not self._wanted or not self.available:
            self.remove()
        elif self.is_there:
            # A layer that is taken away and added again holds the window up much longer.
            self.layer.data = self.voxels()
            self._placing.place(self.layer, self.offset)
        elif not state.stale:
            selected = set(self._viewer.layers.selection)
            self.show(True)
            self._viewer.layers.selection = selected
