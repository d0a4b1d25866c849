"""What a session has for comparing masks, beside the mask that follows the sliders."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari_nx46.live.masks.choices import MaskChoices
from napari_nx46.live.masks.foreign import ForeignMasks
from napari_nx46.live.masks.mask_switch import MaskSwitch
from napari_nx46.live.masks.pair import PairChoice
from napari_nx46.live.masks.pins import Pins
from napari_nx46.live.session import Session
from napari_nx46.viewer.canvas.layer_exchange import NewData
from napari_nx46.viewer.compare.difference_overlay import DifferenceOverlay
from napari_nx46.viewer.compare.foreign_layers import ForeignLayers
from napari_nx46.viewer.compare.shown_note import ShownNote

if TYPE_CHECKING:
    import napari

    from napari_nx46.viewer.sources.placing import Placing


class CompareTools:
    """Flipping between the masks of a session, the difference of two, and the masks of others.

    Parameters
    ----------
    viewer : napari viewer
    session : Session
    pins : Pins
    placing : Placing
        Says where the fragment lies.

    Attributes
    ----------
    foreign : ForeignMasks
    choices : MaskChoices
    flip : MaskSwitch
    pair : PairChoice
    difference : DifferenceOverlay
    foreign_layers : ForeignLayers
    note : ShownNote
    """

    flip: MaskSwitch
    pair: PairChoice
    difference: DifferenceOverlay

    def __init__(
        self, viewer: napari.Viewer, session: Session, pins: Pins, placing: Placing
    ) -> None:
        self.foreign = ForeignMasks(session)
        self.choices = MaskChoices(session, pins, self.foreign)
        self.flip = MaskSwitch(self.choices)
        self.pair = PairChoice(self.choices)
        self.difference = DifferenceOverlay(viewer, self.pair, placing)
        self.foreign_layers = ForeignLayers(viewer, self.choices, placing)
        self.note = ShownNote(viewer, self.flip)

    def new_data(self) -> list[NewData]:
        """Return the layers that are there, with the data of the current fragment."""
        return [*self.difference.new_data(), *self.foreign_layers.new_data()]

    def close(self) -> None:
        """Leave the viewer as it was, and read nothing any more."""
        self.foreign.close()
        self.difference.close()
        self.foreign_layers.close()
        self.note.remove()
