"""The brush in 3D, which paints on the mask: napari's own only paints what is painted already."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_nx46.live.corrections.ray import first_voxel
from napari_nx46.live.session import Session
from napari_nx46.viewer.canvas.access import draw_painted
from napari_nx46.viewer.canvas.viewing import Ray, ray_in
from napari_nx46.viewer.corrections.component_click import LEFT_BUTTON
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
                before = ray_in(layer, viewer.dims, event)
                self._paint(layer, (before, before), ground, label)
                yield
                while event.type == "mouse_move":
                    now = ray_in(layer, viewer.dims, event)
                    self._paint(layer, (before, now), ground, label)
                    before = now
                    yield
        finally:
            with layer.events.mode.blocker():
                layer.mode = mode

    def _ground(self, label: int) -> Mask:
        """Return what is painted on: the mask, or to leave voxels as computed the corrections."""
        if label == 0:
            return self._session.present_corrections.whole_labels()
        return self._session.mask_block(whole_block(self._session.fragment.shape))

    def _paint(
        self, layer: Labels, rays: tuple[Ray | None, Ray | None], ground: Mask, label: int
    ) -> None:
        """Paint where the mouse is, and all the way from where it was: it may move fast."""
        first, last = rays
        if first is None or last is None:
            return
        steps = int(np.ceil(np.abs(last[0] - first[0]).max()))
        points, directions = (
            np.linspace(start, end, steps + 1) for start, end in zip(first, last, strict=True)
        )
        between = zip(points, directions, strict=True)
        voxels = dict.fromkeys(first_voxel(ground, *ray) for ray in between)
        voxels.pop(None, None)
        for voxel in voxels:
            layer.paint(voxel, label, refresh=False)
        draw_painted(layer)
