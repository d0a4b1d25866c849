"""Where two masks differ: an image layer in colours that all can distinguish."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari_nx46.live.arrays.difference import (
    DifferenceClass,
    difference_classes,
    lazy_difference,
)
from napari_nx46.live.arrays.volume import LazyVolume, Voxels
from napari_nx46.live.masks.choices import LIVE
from napari_nx46.live.masks.pair import PairChoice
from napari_nx46.live.view import ShownMask
from napari_nx46.run.okabe_ito import GREEN, SKY, VERMILION
from napari_nx46.viewer.canvas.class_overlay import ClassOverlay

if TYPE_CHECKING:
    import napari

    from napari_nx46.viewer.sources.placing import Placing

LAYER_NAME = "difference"

CLASS_COLORS = {
    DifferenceClass.BOTH: GREEN,
    DifferenceClass.ONLY_A: VERMILION,
    DifferenceClass.ONLY_B: SKY,
}


class DifferenceOverlay(ClassOverlay):
    """The layer that compares two masks.

    Parameters
    ----------
    viewer : napari viewer
    pair : PairChoice
        Says which.
    placing : Placing
        Says where the fragment lies.
    """

    name = LAYER_NAME
    colors = CLASS_COLORS
    kinds = DifferenceClass

    def __init__(self, viewer: napari.Viewer, pair: PairChoice, placing: Placing) -> None:
        super().__init__(viewer, pair.choices.session, placing)
        self._pair = pair
        pair.changed.connect(self.refresh)
        pair.choices.changed.connect(self.refresh)
        pair.choices.session.mask_changed.connect(self._follow_mask)

    @property
    def available(self) -> bool:
        """Whether there are two masks to compare."""
        return self._pair.second is not None

    def slice_of(self, shown: ShownMask) -> Voxels | None:
        """Return the difference in a plane; None while one of the masks is not there."""
        pair = self._pair
        if not pair.is_there or pair.second is None:
            return None
        first, second = (
            shown.mask if name == LIVE else pair.choices.mask_block(name, shown.plane)
            for name in (pair.first, pair.second)
        )
        return difference_classes(first, second)

    def voxels(self) -> LazyVolume:
        """Return the difference in the current fragment."""
        return lazy_difference(self._pair)

    def _follow_mask(self, shown: ShownMask) -> None:
        if self._pair.involves_live():
            self.draw(shown)
