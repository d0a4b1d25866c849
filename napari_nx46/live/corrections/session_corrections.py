"""What a user has corrected by hand, fragment by fragment; it stays while sliders move."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import dataclass

from psygnal import Signal

from napari_nx46.data.fragments import DataSet
from napari_nx46.run.preflight import check_corrections
from napari_nx46.voxels.corrections.corrections import Corrections

__all__ = ["MOST_STEPS", "SessionCorrections"]

MOST_STEPS = 200
"""So many changes of a fragment's corrections can be undone."""


@dataclass(frozen=True)
class _Step:
    """The corrections of a fragment beside a change, and which change that was."""

    corrections: Corrections
    change: int


class SessionCorrections:
    """The corrections of the fragments of a data set; may be read from any thread.

    Parameters
    ----------
    dataset : DataSet

    Attributes
    ----------
    changing, changed : Signal(str)
        Carry the image_id of the fragment whose corrections are about to be changed by a user, and
        of that whose corrections are other ones.
    """

    changing = Signal(str)
    changed = Signal(str)

    def __init__(self, dataset: DataSet) -> None:
        self._dataset = dataset
        self._now: dict[str, Corrections] = {}
        self._before: dict[str, list[_Step]] = {}
        self._undone: dict[str, list[_Step]] = {}
        self._in_stroke: set[str] = set()
        self._changes = itertools.count()

    @property
    def by_fragment(self) -> dict[str, Corrections]:
        """Those of the fragments in which anything is corrected, by image_id."""
        now = dict(self._now)
        return {image_id: one for image_id, one in now.items() if not one.is_empty}

    def of(self, image_id: str) -> Corrections:
        """Return the corrections of a fragment."""
        known = self._now.get(image_id)
        return Corrections.none(self._dataset[image_id].shape) if known is None else known

    def change(self, image_id: str, corrections: Corrections, *, in_stroke: bool = False) -> None:
        """Replace the corrections of a fragment.

        Parameters
        ----------
        image_id : str
        corrections : Corrections
        in_stroke : bool
            One of several changes that are undone together, until `end_stroke`.

        Raises
        ------
        FragmentError
            If they are of another shape than the fragment.
        """
        check_corrections(self._dataset[image_id], corrections)
        self._change(image_id, corrections, next(self._changes), in_stroke=in_stroke)

    def _change(
        self, image_id: str, corrections: Corrections, change: int, *, in_stroke: bool = False
    ) -> None:
        before = self.of(image_id)
        if corrections == before:
            return
        self.changing.emit(image_id)
        if not (in_stroke and image_id in self._in_stroke):
            steps = self._before.setdefault(image_id, [])
            steps.append(_Step(before, change))
            del steps[:-MOST_STEPS]
        self._in_stroke = self._in_stroke | {image_id} if in_stroke else set()
        self._undone.pop(image_id, None)
        self._show(image_id, corrections)

    def end_stroke(self) -> None:
        """Undo what is changed from now on apart from what was changed until now."""
        self._in_stroke = set()

    def clear(self, image_id: str) -> None:
        """Leave everything in a fragment as computed; this can be undone."""
        self.change(image_id, Corrections.none(self._dataset[image_id].shape))

    def replace_all(self, corrections: Mapping[str, Corrections]) -> None:
        """Replace the corrections of several fragments by others, such as those of a file.

        Undo takes all of them back together, but where something was corrected since.

        Raises
        ------
        FragmentError
            If some are of another shape than their fragment; none is replaced then.
        """
        for image_id, one in corrections.items():
            check_corrections(self._dataset[image_id], one)
        change = next(self._changes)
        for image_id, one in corrections.items():
            self._change(image_id, one, change)

    def take_up(self, corrections: Mapping[str, Corrections]) -> None:
        """Go on from corrections that were kept; this cannot be undone."""
        for image_id, one in corrections.items():
            self._show(image_id, one)

    def can_undo(self, image_id: str) -> bool:
        """Return whether a fragment was corrected otherwise before."""
        return bool(self._before.get(image_id))

    def can_redo(self, image_id: str) -> bool:
        """Return whether a change of a fragment was undone."""
        return bool(self._undone.get(image_id))

    def undo(self, image_id: str) -> bool:
        """Take the last change of a fragment's corrections back; return whether there was one."""
        return self._step(image_id, self._before, self._undone)

    def redo(self, image_id: str) -> bool:
        """Do again what was undone last; return whether there was anything."""
        return self._step(image_id, self._undone, self._before)

    def _step(
        self,
        image_id: str,
        source: dict[str, list[_Step]],
        target: dict[str, list[_Step]],
    ) -> bool:
        self.end_stroke()
        if not source.get(image_id):
            return False
        change = source[image_id][-1].change
        together = [one for one, steps in source.items() if steps and steps[-1].change == change]
        for one in together:
            target.setdefault(one, []).append(_Step(self.of(one), change))
            self._show(one, source[one].pop().corrections)
        return True

    def _show(self, image_id: str, corrections: Corrections) -> None:
        self._now[image_id] = corrections
        self.changed.emit(image_id)
