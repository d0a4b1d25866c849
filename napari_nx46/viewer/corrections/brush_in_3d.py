"""The brush in 3D, which paints on the mask: napari's own only paints what is painted already."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from napari_nx46.live.session import Session
from napari_nx46.viewer.corrections.component_click import LEFT_BUTTON, first_on_ray
from napari_nx46.voxels.blocks import Mask, whole_block

if TYPE_CHECKING:
    import napari
    from napari.layers import Labels

__all__ = ["BrushIn3D"]

VOLUME = 3


class BrushIn3D:
    """Paints corrections on the first voxel of the mask under the mouse, in 3D.

    Parameters
    ----------
    viewer : napari viewer
    session : Session
    painting : callable
        Returns the label that a press paints now, or None.
    layer : callable
        Returns the layer of corrections.
    """

    def __init__(
        self,
        viewer: napari.Viewer,
        session: Session,
        painting: Callable[[], int | None],
        layer: Callable[[], Labels],
    ) -> None:
        self._viewer = viewer
        self._session = session
        self._painting = painting
        self._layer = layer
        self._callback = self._drag
        viewer.mouse_drag_callbacks.append(self._callback)

    def close(self) -> None:
        """Follow the canvas no longer."""
        if self._callback in self._viewer.mouse_drag_callbacks:
            self._viewer.mouse_drag_callbacks.remove(self._callback)

    def _drag(self, viewer: Any, event: Any) -> Iterator[None]:
        """Paint along a drag as one stroke; napari calls this before its own brush."""
        label = self._painting()
        if label is None or viewer.dims.ndisplay != VOLUME or event.button != LEFT_BUTTON:
            return
        if event.modifiers or str(self._layer().mode) not in ("paint", "erase"):
            return
        layer = self._layer()
        mode = layer.mode
        with layer.events.mode.blocker():
            layer.mode = "pan_zoom"  # napari's brush is handed the press too
        layer.mouse_pan = False
        try:
            # What the stroke erases does not bare what is behind it.
            ground = self._ground(label)
            with layer.block_history():
                self._paint(layer, event, ground, label)
                yield
                while event.type == "mouse_move":
                    self._paint(layer, event, ground, label)
                    yield
        finally:
            with layer.events.mode.blocker():
                layer.mode = mode

    def _ground(self, label: int) -> Mask:
        """Return what is painted on: the mask, or to leave voxels as computed the corrections."""
        if label == 0:
            return self._session.present_corrections.whole_labels()
        return self._session.mask_block(whole_block(self._session.fragment.shape))

    def _paint(self, layer: Labels, event: Any, ground: Mask, label: int) -> None:
        voxel = first_on_ray(layer, event, ground)
        if voxel is not None:
            layer.paint(voxel, label)
