"""The boxes that are being placed in a store, and which of them is chosen."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from psygnal import Signal

from napari_nx46.data.fragments.boxes import Box

__all__ = ["USUAL_SIDE", "BoxChoice"]

USUAL_SIDE = 320
"""Voxels along each axis of a new box: the competition's fragments have as many."""

Triple = tuple[int, int, int]


class BoxChoice:
    """Boxes within a volume, none of them twice.

    Parameters
    ----------
    shape : tuple of int
        Of the volume, (Z, Y, X).

    Attributes
    ----------
    boxes : tuple of Box
        In the order in which they were added.
    chosen : int or None
        Number of the box that buttons act on.
    side : int
        Voxels along each axis of boxes that are added.
    changed : Signal()
        There are other boxes, or another one is chosen.
    """

    changed = Signal()

    def __init__(self, shape: Triple) -> None:
        self.shape = shape
        self.boxes: tuple[Box, ...] = ()
        self.chosen: int | None = None
        self.side = USUAL_SIDE

    def add(self, center: Sequence[float]) -> bool:
        """Add a box of the usual side around a place, moved into the volume, and choose it.

        Parameters
        ----------
        center : sequence of 3 float
            Along (z, y, x).

        Returns
        -------
        bool
            False where there is such a box already; it is chosen.
        """
        sizes = tuple(min(self.side, length) for length in self.shape)
        starts = [round(at - size / 2) for at, size in zip(center, sizes, strict=True)]
        box = self.moved_inside(starts, sizes)
        if box in self.boxes:
            self.choose(self.boxes.index(box))
            return False
        self.replace_all((*self.boxes, box), len(self.boxes))
        return True

    def change(self, number: int, box: Box) -> bool:
        """Have another box in the place of one; return False where there is such a box already.

        Raises
        ------
        ValueError
            If it reaches beyond the volume.
        """
        if any(stop > length for stop, length in zip(box.stop, self.shape, strict=True)):
            z, y, x = self.shape
            raise ValueError(f"box {box}: expected one within 0:{z},0:{y},0:{x}")
        if box in self.boxes and self.boxes.index(box) != number:
            self.changed.emit()  # what was typed or dragged goes back
            return False
        self.replace_all((*self.boxes[:number], box, *self.boxes[number + 1 :]), number)
        return True

    def remove(self, number: int) -> None:
        """Take a box away; the one after it is chosen."""
        left = (*self.boxes[:number], *self.boxes[number + 1 :])
        self.replace_all(left, min(number, len(left) - 1) if left else None)

    def replace_all(self, boxes: Iterable[Box], chosen: int | None = None) -> None:
        """Have other boxes in the place of all."""
        self.boxes, self.chosen = tuple(boxes), chosen
        self.changed.emit()

    def choose(self, number: int | None) -> None:
        """Choose a box, or none."""
        if number != self.chosen:
            self.chosen = number
            self.changed.emit()

    def moved_inside(self, start: Sequence[int], size: Sequence[int]) -> Box:
        """Return a box of a size that lies within the volume, as near to a place as possible.

        Parameters
        ----------
        start, size : sequence of 3 int
            Along (z, y, x).
        """
        sizes = [max(1, min(one, most)) for one, most in zip(size, self.shape, strict=True)]
        z, y, x = (
            max(0, min(at, length - one))
            for at, one, length in zip(start, sizes, self.shape, strict=True)
        )
        return Box((z, y, x), (z + sizes[0], y + sizes[1], x + sizes[2]))
