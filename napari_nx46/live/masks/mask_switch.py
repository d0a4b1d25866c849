"""Which of the masks is shown: flipping between them computes nothing."""

from __future__ import annotations

from psygnal import Signal

from napari_nx46.live.history.entries import same_knobs
from napari_nx46.live.masks.choices import LIVE, MaskChoices
from napari_nx46.setting import Setting
from napari_nx46.voxels.blocks import Block, Mask

__all__ = ["MaskSwitch"]


class MaskSwitch:
    """Shows one of the masks at a time; the one that follows the sliders as soon as one moves.

    Parameters
    ----------
    choices : MaskChoices

    Attributes
    ----------
    changed : Signal(str)
        Carries the name of the mask that is shown now.
    """

    changed = Signal(str)

    def __init__(self, choices: MaskChoices) -> None:
        self.choices = choices
        self._name = LIVE
        self._setting = choices.session.setting
        self._shown_mask: object = None
        choices.session.setting_changed.connect(self._follow_setting)
        choices.changed.connect(self._follow_choices)

    @property
    def name(self) -> str:
        """The mask that is shown."""
        return self._name

    def show(self, name: str) -> None:
        """Show a mask; the sliders' own where the one asked for is not there."""
        name = name if self.choices.is_there(name) else LIVE
        mask = self.choices.packed_mask(name)
        if (name, mask) != (self._name, self._shown_mask):
            self._name, self._shown_mask = name, mask
            self.changed.emit(name)

    def flip(self) -> None:
        """Show the next mask that is there; after the last comes the sliders' own."""
        self.show(self.next_name)

    @property
    def next_name(self) -> str:
        """The mask that the next flip shows."""
        names = self.choices.shown_names
        return names[(names.index(self._name) + 1) % len(names)] if self._name in names else LIVE

    def mask_block(self, block: Block) -> Mask:
        """Return a block of the mask that is shown; may be called from any thread."""
        return self.choices.mask_block(self._name, block)

    def whole_mask(self) -> Mask:
        """Return the whole mask of the fragment that is shown."""
        return self.choices.whole_mask(self._name)

    def _follow_setting(self, setting: Setting) -> None:
        """Go back to the sliders when one was moved, but not when the visible block was."""
        moved = not same_knobs(self._setting, setting)
        self._setting = setting
        if moved:
            self.show(LIVE)

    def _follow_choices(self) -> None:
        """Show the sliders' mask in place of one that is not there any more."""
        self.show(self._name)
