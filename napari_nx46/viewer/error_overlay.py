"""Where the mask is wrong: an image layer of error classes in colours that all can tell apart."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from napari.layers import Image
from napari.utils.colormaps import Colormap
from psygnal import Signal

from napari_nx46.live.lazy_errors import ErrorClass, LazyErrors
from napari_nx46.live.scoring import ScoreFollower
from napari_nx46.viewer.overlay_layer import overlay_layer, rgba
from napari_nx46.viewer.slice_drawing import refresh_slice

if TYPE_CHECKING:
    import napari

LAYER_NAME = "errors"
OPACITY = 0.85

CLASS_COLORS = {
    ErrorClass.IGNORED: "#8c8c8c",
    ErrorClass.TRUE_POSITIVE: "#009e73",
    ErrorClass.FALSE_POSITIVE: "#d55e00",
    ErrorClass.FALSE_NEGATIVE: "#56b4e9",
}
"""Green, vermillion and sky blue are Okabe and Ito's, safe for the colour-blind."""


class ErrorOverlay:
    """The layer that compares a session's mask with the label; off until it is shown.

    Parameters
    ----------
    viewer : napari viewer
    follower : ScoreFollower
        Has the label.

    Attributes
    ----------
    layer : Image or None
        The layer, while there is one: made when it is first shown.
    shown_changed : Signal(bool)
        The errors are shown, or no longer, whoever did that.
    """

    shown_changed = Signal(bool)

    def __init__(self, viewer: napari.Viewer, follower: ScoreFollower) -> None:
        self._viewer = viewer
        self._follower = follower
        self.layer: Image | None = None
        self._left: Image | None = None
        viewer.layers.events.removed.connect(self._layer_removed)

    @property
    def shown(self) -> bool:
        """Whether the errors are shown."""
        return self.layer is not None and bool(self.layer.visible)

    def show(self, shown: bool) -> None:
        """Show the errors or hide them; without a label there are none to show."""
        if self.layer is not None:
            self.layer.visible = shown
        elif shown and self._follower.has_label:
            self.layer = self._add(OPACITY, visible=True)
            self.shown_changed.emit(True)

    def toggle(self) -> None:
        """Show the errors if they are hidden, hide them if they are shown."""
        self.show(not self.shown)

    def refresh(self) -> None:
        """Draw the displayed slice again, and nothing else of the layer."""
        if self.layer is not None:
            refresh_slice(self._viewer, self.layer)

    def leave_fragment(self) -> None:
        """Take the layer away before the other layers of its fragment go.

        Left over, it would be sliced along the axes of layers that are not its own, which has been
        seen to crash the drawing.
        """
        self._left = self.layer
        self.remove()

    def show_fragment(self) -> None:
        """Show the new fragment's errors as the old one's were shown."""
        left, self._left = self._left, None
        if left is None:
            return
        if self._follower.has_label:
            self.layer = self._add(left.opacity, left.visible)
        self.shown_changed.emit(self.shown)

    def remove(self) -> None:
        """Take the layer away."""
        layer, self.layer = self.layer, None
        if layer is not None and layer in self._viewer.layers:
            self._viewer.layers.remove(layer)

    def close(self) -> None:
        """Take the layer away for good."""
        self._viewer.layers.events.removed.disconnect(self._layer_removed)
        self.remove()

    def _layer_removed(self, event: Any) -> None:
        """Notice that a user has deleted the layer; it is made anew when it is shown again."""
        if event.value is self.layer:
            self.layer = None
            self.shown_changed.emit(False)

    def _add(self, opacity: float, visible: bool) -> Image:
        layer = overlay_layer(
            LazyErrors(self._follower),
            name=LAYER_NAME,
            colormap=class_colormap(),
            contrast_limits=(min(ErrorClass), max(ErrorClass)),
            opacity=opacity,
            visible=visible,
        )
        layer.events.visible.connect(lambda: self.shown_changed.emit(bool(layer.visible)))
        self._viewer.add_layer(layer)
        return layer


def class_colormap() -> Colormap:
    """Return a colormap with one flat colour for each class; background is clear."""
    clear = (0.0, 0.0, 0.0, 0.0)
    colors = [
        rgba(CLASS_COLORS[kind], 1.0) if kind in CLASS_COLORS else clear for kind in ErrorClass
    ]
    return Colormap(np.array(colors), name="errors", interpolation="zero")
