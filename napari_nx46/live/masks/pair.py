"""Which two masks are compared."""

from __future__ import annotations

from psygnal import Signal

from napari_nx46.live.derived.comparison import ComparisonFollower
from napari_nx46.live.masks.choices import LIVE, MaskChoices
from napari_nx46.voxels.blocks import Block
from napari_nx46.voxels.overlap import Overlap, overlap

__all__ = ["PairChoice"]


class PairChoice:
    """Two different masks, by name: at first the sliders' own, and the first other one there is.

    Parameters
    ----------
    choices : MaskChoices

    Attributes
    ----------
    changed : Signal()
        Other masks are compared.
    """

    changed = Signal()

    def __init__(self, choices: MaskChoices) -> None:
        self.choices = choices
        self._first = LIVE
        self._second: str | None = None
        self._follow_choices()
        choices.changed.connect(self._follow_choices)

    @property
    def first(self) -> str:
        """Name of the first mask."""
        return self._first

    @property
    def second(self) -> str | None:
        """Name of the second mask; None where there is but one mask."""
        return self._second

    @property
    def is_there(self) -> bool:
        """Whether both masks of the current fragment are there."""
        return self._second is not None and all(
            map(self.choices.is_there, (self._first, self._second))
        )

    def choose(self, first: str, second: str | None) -> None:
        """Compare two masks from now on.

        Raises
        ------
        ValueError
            If they are the same, or one is not there to choose.
        """
        names = self.choices.names
        unknown = [name for name in (first, second) if name is not None and name not in names]
        if unknown or first == second:
            raise ValueError(f"expected two of {', '.join(names)}, found {first} and {second}")
        if (first, second) != (self._first, self._second):
            self._first, self._second = first, second
            self.changed.emit()

    def choose_first(self, name: str) -> None:
        """Choose the first mask; the two change places if it was the second."""
        self.choose(name, self._first if name == self._second else self._second)

    def choose_second(self, name: str) -> None:
        """Choose the second mask; the two change places if it was the first."""
        second = self._second
        first = second if name == self._first and second is not None else self._first
        if name != first:
            self.choose(first, name)

    def involves_live(self) -> bool:
        """Return whether one of the two follows the sliders."""
        return LIVE in (self._first, self._second)

    def overlap(self, block: Block) -> Overlap | None:
        """Count the voxels of a block, as it is shown; None while a mask is not there."""
        if not self.is_there or self._second is None:
            return None
        masks = (self.choices.mask_block(name, block) for name in (self._first, self._second))
        return overlap(*masks)

    def compare_in(self, comparison: ComparisonFollower) -> None:
        """Have the two compared as a whole."""
        if self._second is None:
            comparison.stop()
        else:
            first, second = (self.choices.compared(name) for name in (self._first, self._second))
            comparison.compare(first, second)

    def _follow_choices(self) -> None:
        """Go on with other masks where one can be chosen no more."""
        names = self.choices.names
        first = self._first if self._first in names else LIVE
        others = [name for name in names if name != first]
        second = self._second if self._second in others else next(iter(others), None)
        self.choose(first, second)
