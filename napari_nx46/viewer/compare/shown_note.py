"""A line on the canvas that says which mask is shown, while it is not the sliders' own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari_nx46.live.flip import Flip
from napari_nx46.live.mask_choices import LIVE

if TYPE_CHECKING:
    import napari

KEPT = ("text", "visible", "position")
"""What the viewer's own text had before, and gets back."""
POSITION = "top_left"


class ShownNote:
    """Names the mask that is shown on the canvas.

    Parameters
    ----------
    viewer : napari viewer
        Its text overlay is borrowed.
    flip : Flip
    """

    def __init__(self, viewer: napari.Viewer, flip: Flip) -> None:
        self._viewer = viewer
        self._before: dict[str, object] = {}
        flip.changed.connect(self.show)

    def show(self, name: str) -> None:
        """Name a mask; the sliders' own needs no name."""
        if name == LIVE:
            self.remove()
            return
        text = self._viewer.canvas.overlays.text
        if not self._before:
            self._before = {field: getattr(text, field) for field in KEPT}
            text.position = POSITION
        text.text = note_of(name)
        text.visible = True

    def remove(self) -> None:
        """Give the canvas's text back."""
        before, self._before = self._before, {}
        for field, value in before.items():
            setattr(self._viewer.canvas.overlays.text, field, value)


def note_of(name: str) -> str:
    """Return what the canvas says of a mask that is not the sliders' own."""
    return f"shown: {name}"
