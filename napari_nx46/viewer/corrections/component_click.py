"""Clicks with a modifier that keep or remove a component of the mask whole."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_nx46.live.corrections.component import PickedComponent, Voxel
from napari_nx46.live.corrections.ray import first_voxel
from napari_nx46.live.session import Session
from napari_nx46.viewer.canvas.overlay import Overlay
from napari_nx46.viewer.canvas.viewing import ray_in
from napari_nx46.viewer.messages.notices import notify_warning
from napari_nx46.voxels.blocks import whole_block
from napari_nx46.voxels.corrections.corrections import Corrections
from napari_nx46.voxels.corrections.runs import ADD, ERASE

if TYPE_CHECKING:
    import napari

__all__ = ["PAINTING", "ComponentClick", "asked_for"]

PAINTING = ("paint", "erase", "fill", "polygon")
"""Modes of napari's labels layers in which a click on the canvas changes labels."""

LEFT_BUTTON = 1
MODIFIERS = ("Control", "Shift", "Alt", "Meta")
MOST_PIXELS_OF_A_CLICK = 4
"""What moves farther is a drag."""


class ComponentClick:
    """Keeps a component of the mask at Ctrl+click, and removes it at Ctrl+Shift+click.

    Parameters
    ----------
    viewer : napari viewer
    session : Session
    overlay : Overlay
        The layer of the mask.
    correct : callable
        Takes a component as corrections, and 1 to keep it or 2 to remove it.
    """

    def __init__(
        self,
        viewer: napari.Viewer,
        session: Session,
        overlay: Overlay,
        correct: Callable[[Corrections, int], None],
    ) -> None:
        self._viewer = viewer
        self._session = session
        self._overlay = overlay
        self._correct = correct
        self.picked = PickedComponent(session)
        self.picked.found.connect(self._take)
        self._held: tuple[Any, str] | None = None
        """The layer whose brush is held back, and its mode."""
        self._callback = self._drag
        viewer.mouse_drag_callbacks.append(self._callback)

    def close(self) -> None:
        """Follow the canvas no longer."""
        if self._callback in self._viewer.mouse_drag_callbacks:
            self._viewer.mouse_drag_callbacks.remove(self._callback)
        self.picked.close()

    def _drag(self, viewer: Any, event: Any) -> Iterator[None]:
        """Follow a press of the mouse to its end; napari calls this."""
        value = asked_for(event)
        if value is None:
            return
        self._hold_brush(viewer.layers.selection.active)
        start, moved = np.asarray(event.pos), 0.0
        yield
        while event.type == "mouse_move":
            moved = max(moved, float(np.abs(np.asarray(event.pos) - start).max()))
            yield
        self._release_brush()
        if moved <= MOST_PIXELS_OF_A_CLICK:
            self.pick(event, value)

    def _hold_brush(self, layer: Any) -> None:
        """Keep the active layer from painting: napari hands the press to it too.

        A double click begins twice and ends once.
        """
        mode = str(getattr(layer, "mode", ""))
        if self._held is None and mode in PAINTING:
            self._held = layer, mode
            layer.mode = "pan_zoom"

    def _release_brush(self) -> None:
        held, self._held = self._held, None
        if held is not None and held[0] in self._viewer.layers:
            held[0].mode = held[1]

    def pick(self, event: Any, value: int) -> None:
        """Keep (1) or remove (2) the component at a mouse event."""
        voxel = self._voxel_at(event)
        if voxel is None:
            notify_warning("There is no voxel of the mask there to keep or to remove.")
        else:
            self.picked.pick(voxel, value)

    def _voxel_at(self, event: Any) -> Voxel | None:
        """Return the voxel under the mouse; in 3D the first one of the mask along the ray."""
        layer, shape = self._overlay.layer, self._session.fragment.shape
        if not self._overlay.is_there:
            return None
        if self._viewer.dims.ndisplay == len(shape):
            ray = ray_in(layer, self._viewer.dims, event)
            mask = self._session.mask_block(whole_block(shape))
            return None if ray is None else first_voxel(mask, *ray)
        return self._overlay.voxel_at(event.position)

    def _take(self, image_id: str, component: Corrections) -> None:
        if image_id != self._session.fragment.image_id:
            return
        if component.is_empty:
            notify_warning("There is no voxel of the mask there to keep or to remove.")
        else:
            self._correct(component, ADD if component.added else ERASE)


def asked_for(event: Any) -> int | None:
    """Return what a press of the mouse asks for: 1 to keep, 2 to remove, None for nothing."""
    held = {name for name in MODIFIERS if name in event.modifiers}
    if event.type != "mouse_press" or event.button != LEFT_BUTTON:
        return None
    if held == {"Control"}:
        return ADD
    return ERASE if held == {"Control", "Shift"} else None
