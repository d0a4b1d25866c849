"""The masks of a fragment that can be looked at, by name: the session's, pinned, and foreign."""

from __future__ import annotations

from functools import partial

import numpy as np
from psygnal import Signal

from napari_nx46.core.mask_chain import MaskStage
from napari_nx46.live.derived.comparison import LIVE, OWN_MASK, ComparedMask
from napari_nx46.live.masks.foreign import ForeignMasks
from napari_nx46.live.masks.pins import Pins
from napari_nx46.live.session import Session
from napari_nx46.voxels.blocks import Block, Mask, block_shape, whole_block

__all__ = ["LIVE", "ChosenMask", "MaskChoices"]


class MaskChoices:
    """The masks that can be shown and compared; nothing is computed here but the session's own.

    Parameters
    ----------
    session : Session
    pins : Pins
    foreign : ForeignMasks

    Attributes
    ----------
    changed : Signal()
        A mask, or a name, has come or gone.
    """

    changed = Signal()

    def __init__(self, session: Session, pins: Pins, foreign: ForeignMasks) -> None:
        self.session = session
        self.pins = pins
        self.foreign = foreign
        pins.changed.connect(self._notify)
        foreign.masks_changed.connect(self._notify)
        session.fragment_changed.connect(self._notify)

    @property
    def names(self) -> tuple[str, ...]:
        """All names: `LIVE`, the letters of the pins, then the files of others."""
        return (LIVE, *(pin.letter for pin in self.pins), *self.foreign.names)

    @property
    def shown_names(self) -> tuple[str, ...]:
        """The names whose mask of the current fragment is there."""
        return tuple(name for name in self.names if self.is_there(name))

    def is_there(self, name: str) -> bool:
        """Return whether a mask of the current fragment is there."""
        return name == LIVE or self.packed_mask(name) is not None

    def packed_mask(self, name: str, image_id: str | None = None) -> MaskStage | None:
        """Return a mask that is kept, a bit a voxel; None if it is not, as the session's own.

        Parameters
        ----------
        name : str
        image_id : str, optional
            By default of the current fragment.
        """
        image_id = image_id or self.session.fragment.image_id
        kept = self.foreign if name in self.foreign else self.pins
        return kept.packed_mask(name, image_id)

    def why_absent(self, name: str) -> str:
        """Say why a mask of the current fragment is not there; nothing where it is."""
        image_id = self.session.fragment.image_id
        if self.is_there(name):
            return ""
        if name in self.foreign and not self.foreign.has_fragment(name, image_id):
            return f"{name} has no mask of {image_id}"
        return f"the mask of {image_id} in {name} is not there yet"

    def compared(self, name: str) -> ComparedMask:
        """Return a mask as a comparison takes it."""
        return OWN_MASK if name == LIVE else ComparedMask(name, partial(self.packed_mask, name))

    def mask_block(self, name: str, block: Block) -> Mask:
        """Return a block of a mask of the current fragment, uint8 {0, 1}.

        Empty where the mask is not there. May be called from any thread.
        """
        if name == LIVE:
            return self.session.mask_block(block)
        stage = self.packed_mask(name)
        if stage is None or not _holds(stage.shape, block):
            return np.zeros(block_shape(block), np.uint8)
        return stage.mask(block)

    def whole_mask(self, name: str) -> Mask:
        """Return a mask of the whole fragment; the session's own is exact."""
        if name == LIVE:
            return self.session.whole_mask()
        return self.mask_block(name, whole_block(self.session.fragment.shape))

    def _notify(self) -> None:
        self.changed.emit()


class ChosenMask:
    """One of the masks, as a layer reads it.

    Parameters
    ----------
    choices : MaskChoices
    name : str
    """

    def __init__(self, choices: MaskChoices, name: str) -> None:
        self._choices = choices
        self.name = name

    def mask_block(self, block: Block) -> Mask:
        """Return a block of the current fragment's mask."""
        return self._choices.mask_block(self.name, block)

    def whole_mask(self) -> Mask:
        """Return the mask of the whole fragment."""
        return self._choices.whole_mask(self.name)


def _holds(shape: tuple[int, int, int], block: Block) -> bool:
    return all(extent.stop <= length for extent, length in zip(block, shape, strict=True))
