"""Where the mask is wrong: an image layer of error classes in colours that all can distinguish."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari_nx46.live.arrays.errors import ErrorClass, error_classes, lazy_errors
from napari_nx46.live.arrays.volume import LazyVolume, Voxels
from napari_nx46.live.derived.scoring import ScoreFollower
from napari_nx46.live.view import ShownMask
from napari_nx46.run.okabe_ito import GREEN, GREY, SKY, VERMILION
from napari_nx46.viewer.canvas.class_overlay import ClassOverlay

if TYPE_CHECKING:
    import napari

    from napari_nx46.viewer.sources.placing import Placing

LAYER_NAME = "errors"

CLASS_COLORS = {
    ErrorClass.IGNORED: GREY,
    ErrorClass.TRUE_POSITIVE: GREEN,
    ErrorClass.FALSE_POSITIVE: VERMILION,
    ErrorClass.FALSE_NEGATIVE: SKY,
}


class ErrorOverlay(ClassOverlay):
    """The layer that compares a session's mask with the label.

    Parameters
    ----------
    viewer : napari viewer
    follower : ScoreFollower
        Has the label.
    placing : Placing
        Says where the fragment lies.
    """

    name = LAYER_NAME
    colors = CLASS_COLORS
    kinds = ErrorClass

    def __init__(self, viewer: napari.Viewer, follower: ScoreFollower, placing: Placing) -> None:
        super().__init__(viewer, follower.session, placing)
        self._follower = follower

    @property
    def available(self) -> bool:
        """Whether the fragment has a label."""
        return self._follower.has_label

    def slice_of(self, shown: ShownMask) -> Voxels | None:
        """Return the errors of a mask's plane; None while the label is not there."""
        label = self._follower.label
        return None if label is None else error_classes(shown.mask, label[shown.plane])

    def voxels(self) -> LazyVolume:
        """Return the errors of the current fragment."""
        return lazy_errors(self._follower)
