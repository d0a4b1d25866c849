"""What a bench has for comparing masks, beside the mask that follows the sliders."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari_nx46.live.flip import Flip
from napari_nx46.live.mask_choices import MaskChoices
from napari_nx46.live.pins import Pins
from napari_nx46.live.session import Session
from napari_nx46.viewer.compare.shown_note import ShownNote

if TYPE_CHECKING:
    import napari


class CompareTools:
    """Flipping between the masks of a session.

    Parameters
    ----------
    viewer : napari viewer
    session : Session
    pins : Pins

    Attributes
    ----------
    choices : MaskChoices
    flip : Flip
    """

    def __init__(self, viewer: napari.Viewer, session: Session, pins: Pins) -> None:
        self.choices = MaskChoices(session, pins)
        self.flip = Flip(self.choices)
        self._note = ShownNote(viewer, self.flip)

    def close(self) -> None:
        """Leave the viewer as it was."""
        self._note.remove()
