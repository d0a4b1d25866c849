"""Which errors are marked in a slice: those near it, the costliest first."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from napari_nx46.live.errors.arranged import Arranged

__all__ = ["MOST_MARKS", "REACH", "Marks", "marks_near"]

Indices = npt.NDArray[np.int64]

MOST_MARKS = 400
"""More could not be distinguished on a slice, and would delay the canvas."""

REACH = 8
"""A place is marked in so many slices on either side."""


@dataclass(frozen=True, slots=True, eq=False)
class Marks:
    """Rows that are marked in a slice.

    Parameters
    ----------
    axis, position : int
        The slice.
    points : (N,) array of int64
        Rows of the listing whose place is near the slice.
    boxes : (M,) array of int64
        Rows whose box is cut by it.
    """

    axis: int
    position: int
    points: Indices
    boxes: Indices


def marks_near(
    arranged: Arranged, axis: int, position: int, *, selected: int | None = None
) -> Marks:
    """Return what is marked in a slice.

    Parameters
    ----------
    arranged : Arranged
        The rows that are shown.
    axis : int
        Across which the slice lies.
    position : int
    selected : int, optional
        This row is among them wherever its place is.
    """
    table, rows = arranged.listing.table, np.sort(arranged.order)  # by share: the costliest first
    near = np.abs(table.place[rows, axis] - position) <= REACH
    extents = arranged.listing.extents
    cut = (extents[rows, axis] <= position) & (position < extents[rows, 3 + axis])
    points, boxes = rows[near][:MOST_MARKS], rows[cut][:MOST_MARKS]
    if selected is not None:
        points = np.union1d(points, [selected])
    return Marks(axis, position, points, boxes)
