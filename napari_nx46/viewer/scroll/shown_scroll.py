"""A store in the viewer: its levels as a layer, and its mask beside them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari.layers import Layer
from qtpy.QtCore import QObject

from napari_nx46.live.scroll.store import Scroll
from napari_nx46.viewer.canvas.view_mode import ViewMode
from napari_nx46.viewer.compare.two_cells import RIGHT_NAME, TwoCells
from napari_nx46.viewer.plugin.preferences import read_preferences
from napari_nx46.viewer.scroll.pyramid_layers import PyramidLayers

if TYPE_CHECKING:
    import napari

__all__ = ["ResultView", "StoreLayer"]

MOST_PIXELS = 1 << 24
"""Of a slice that is read as a whole, where there is no coarser level of it."""

LINKED = ("opacity", "visible", "contrast_limits", "colormap", "gamma")


class StoreLayer(ViewMode):
    """The levels of a store as the lowest layer of the viewer.

    Parameters
    ----------
    viewer : napari.Viewer
    scroll : Scroll
    parent : QObject
    """

    def __init__(self, viewer: napari.Viewer, scroll: Scroll, parent: QObject) -> None:
        super().__init__(parent)
        self._viewer = viewer
        self.scroll = scroll
        self.layers: PyramidLayers | None = None

    @property
    def shown(self) -> bool:
        """Whether it is in the viewer."""
        return self.layers is not None

    @property
    def can_be_shown(self) -> bool:
        """Whether it can be drawn from far away: it has levels, or its slices are small."""
        _, height, width = self.scroll.volume.shape
        return len(self.scroll.levels) > 1 or height * width <= MOST_PIXELS

    def _switch_on(self) -> None:
        self.layers = PyramidLayers(self._viewer, self.scroll, self.scroll.place.name, self)
        self.layers.ended.connect(self._removed)
        self.layers.add(index=0)

    def _switch_off(self) -> None:
        layers, self.layers = self.layers, None
        if layers is not None:
            layers.close()
            layers.deleteLater()

    def _removed(self) -> None:
        self.show(False)


class ResultView(ViewMode):
    """A store on the left, and on the right the same with its mask; camera and sliders are shared.

    Parameters
    ----------
    viewer : napari.Viewer
    scroll : Scroll
    mask : Scroll
        The image that was written.
    parent : QObject
    """

    def __init__(
        self, viewer: napari.Viewer, scroll: Scroll, mask: Scroll, parent: QObject
    ) -> None:
        super().__init__(parent)
        self._viewer = viewer
        self._scroll = scroll
        self._mask = mask
        self._inputs: PyramidLayers | None = None
        self._masks: PyramidLayers | None = None
        self._left: Layer | None = None
        self._cells = TwoCells(viewer, self._right_layers, self)
        self._cells.switched_off.connect(self._leave)

    @property
    def shown(self) -> bool:
        """Whether there are two cells."""
        return self._cells.shown

    @property
    def can_be_shown(self) -> bool:
        """Whether napari's grid is free."""
        return not self._viewer.canvas.grid.enabled

    @property
    def is_complete(self) -> bool:
        """Whether all that is to be seen has been read."""
        return all(one is None or one.pyramid.is_complete for one in (self._inputs, self._masks))

    def _switch_on(self) -> None:
        self._cells.enter(self._add_layers)

    def _switch_off(self) -> None:
        self._cells.leave(self._remove_layers)

    def _add_layers(self) -> None:
        self._inputs = PyramidLayers(self._viewer, self._scroll, self._scroll.place.name, self)
        self._masks = PyramidLayers(
            *(self._viewer, self._mask, self._mask.place.name, self),
            mask_color=read_preferences().mask_color,
        )
        self._left = left = self._inputs.add(index=0)
        right = self._inputs.add(RIGHT_NAME.format(left.name))
        self._masks.add()
        self._viewer.layers.link_layers([left, right], LINKED)
        for one in (self._inputs, self._masks):
            one.ended.connect(self._leave)
        self._cells.order()

    def _remove_layers(self) -> None:
        for one in (self._inputs, self._masks):
            if one is not None:
                one.ended.disconnect(self._leave)
                if one is self._inputs and one.layers:
                    self._viewer.layers.unlink_layers(one.layers)
                one.close()
                one.deleteLater()
        self._inputs = self._masks = self._left = None

    def _right_layers(self) -> list[Layer]:
        inputs = [] if self._inputs is None else self._inputs.layers
        masks = [] if self._masks is None else self._masks.layers
        return [*(layer for layer in inputs if layer is not self._left), *masks]

    def _leave(self) -> None:
        self.show(False)
