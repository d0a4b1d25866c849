"""What a list of errors holds: rows as arrays, and the voxels of a row when they are asked for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import numpy.typing as npt

from napari_nx46.leaderboard import KINDS, PARTS, SIDES, ErrorTable, Explanation
from napari_nx46.live.errors.hints import hint_for
from napari_nx46.live.view import Extents
from napari_nx46.voxels.blocks import Block

__all__ = ["ErrorFilter", "ItemKey", "Listing", "Tone", "listing_of"]

Indices = npt.NDArray[np.int64]
Ints = npt.NDArray[np.int32]
Flags = npt.NDArray[np.bool_]

Tone = Literal["component", "loop", "cavity", "voi", "surface"]
"""What kinds are drawn in one colour."""

_TONES: tuple[Tone, ...] = ("component", "loop", "cavity")


@dataclass(frozen=True, slots=True)
class ItemKey:
    """What an item is known by when the list is computed again.

    Parameters
    ----------
    kind, side : str
    place : tuple of int
        (z, y, x).
    """

    kind: str
    side: str
    place: tuple[int, int, int]


@dataclass(frozen=True, slots=True, eq=False)
class Listing:
    """Places that are worth a look, one a row, those first that matter most.

    Whatever lists places in a mask gives one of these: the errors against a label, or what is
    suspicious without one.

    Parameters
    ----------
    table : ErrorTable
        The codes of kinds, parts and sides are indices into the names below. Where nothing is
        measured in points, `share` is 0 and `gain` NaN.
    extents : (N, 6) array of int32
        The box around each row: z, y, x of the first voxel and of the one after the last.
    voxels_of, way_of : callable
        Return the voxels of a row, and those of the way through the gap beside it, (N, 3) int32.
    octants : tuple of Block
        What the table's octants are.
    score : float, optional
        The leaderboard score, where the shares sum to what it has lost.
    explanation : Explanation, optional
        What the list was made from, with both masks.
    kinds, parts, sides : tuple of str
    note_of : callable, optional
        Returns why a row is listed, where it is not for its points.
    """

    table: ErrorTable
    extents: Ints
    voxels_of: Callable[[int], Ints]
    way_of: Callable[[int], Ints]
    octants: tuple[Block, ...] = ()
    score: float | None = None
    explanation: Explanation | None = None
    kinds: tuple[str, ...] = KINDS
    parts: tuple[str, ...] = PARTS
    sides: tuple[str, ...] = SIDES
    note_of: Callable[[int], str] | None = None

    def __len__(self) -> int:
        return len(self.table)

    @property
    def is_priced(self) -> bool:
        """Whether the rows are errors against a label, measured in points."""
        return self.note_of is None

    def kind_of(self, row: int) -> str:
        """Return the kind of a row in words."""
        return self.kinds[int(self.table.kind[row])]

    def side_of(self, row: int) -> str:
        """Return whose feature a row is: the prediction's, the label's, or both."""
        return self.sides[int(self.table.side[row])]

    def place_of(self, row: int) -> tuple[int, int, int]:
        """Return the voxel of a row to look at."""
        z, y, x = self.table.place[row].tolist()
        return z, y, x

    def tone_of(self, row: int) -> Tone:
        """Return the colour group of a row."""
        part, dimension = self.parts[int(self.table.part[row])], int(self.table.dimension[row])
        if part == "surface":
            return "surface"
        return _TONES[dimension] if 0 <= dimension < len(_TONES) else "voi"

    def octant_of(self, row: int) -> int | None:
        """Return the number of the octant of a row, for items that belong to one."""
        octant = int(self.table.octant[row])
        return octant if octant >= 0 else None

    def key_of(self, row: int) -> ItemKey:
        """Return what a row is known by in another listing."""
        return ItemKey(self.kind_of(row), self.side_of(row), self.place_of(row))

    def find(self, key: ItemKey) -> int | None:
        """Return the row of an item that another listing knew, or None where it is gone.

        An item of the same part and side at the same place counts as the same one: a mend that
        does not succeed may turn a hole into a handle.
        """
        here = np.flatnonzero((self.table.place == np.array(key.place)).all(axis=1))
        same = [row for row in here.tolist() if self.side_of(row) == key.side]
        exact = (row for row in same if self.kind_of(row) == key.kind)
        if (found := next(exact, None)) is not None:
            return int(found)
        part = _part_of_kind(key.kind)
        alike = (row for row in same if _part_of_kind(self.kind_of(row)) == part)
        return next(alike, None)

    def hint_of(self, row: int) -> str:
        """Return what a row is and what usually mends it, in plain words."""
        return hint_for(self.kind_of(row), has_label=self.is_priced)

    def text_of(self, row: int) -> str:
        """Return a row in a few words."""
        size, share = int(self.table.size[row]), float(self.table.share[row])
        voxels = f", {size:,} voxels" if size else ""
        if self.note_of is not None:
            return f"{self.kind_of(row)}{voxels}: {self.note_of(row)}"
        points = f", {share:.5f} points" if share else ""
        return f"{self.kind_of(row)} ({self.side_of(row)}){voxels}{points}"


def listing_of(explanation: Explanation) -> Listing:
    """Return the list of everything that a leaderboard score has lost."""
    return Listing(
        explanation.items,
        explanation.extents(),
        explanation.voxels_of,
        explanation.way_of,
        tuple(octant.box for octant in explanation.octants),
        explanation.score.value,
        explanation,
    )


def _part_of_kind(kind: str) -> str:
    if kind.startswith("VOI"):
        return "voi"
    return "surface" if kind.startswith("surface") else "topology"


@dataclass(frozen=True, slots=True)
class ErrorFilter:
    """Which rows of a listing are shown; None stands for all.

    Part, side, dimension and octant are asked of errors against a label only.

    Parameters
    ----------
    part, kind, side : str, optional
    dimension : int, optional
        0 components, 1 loops, 2 cavities.
    octant : int, optional
        Items whose place lies in it, also those of parts that know no octants.
    visible : Extents, optional
        Items that reach into this block.
    smallest : int
        Items of fewer voxels are left out; loops that nothing fills have no size, and stay.
    """

    part: str | None = None
    kind: str | None = None
    side: str | None = None
    dimension: int | None = None
    octant: int | None = None
    visible: Extents | None = None
    smallest: int = 0

    def rows(self, listing: Listing) -> Indices:
        """Return the rows of a listing that pass, in its order."""
        if not listing.is_priced:
            here = replace(self, part=None, side=None, dimension=None, octant=None)
            return here._passing(listing)
        return self._passing(listing)

    def _passing(self, listing: Listing) -> Indices:
        table = listing.table
        passes: Flags = np.ones(len(table), np.bool_)
        for wanted, codes, names in (
            (self.part, table.part, listing.parts),
            (self.kind, table.kind, listing.kinds),
            (self.side, table.side, listing.sides),
        ):
            if wanted is not None:
                passes &= codes == (names.index(wanted) if wanted in names else len(names))
        if self.dimension is not None:
            passes &= table.dimension == self.dimension
        if self.octant is not None:
            passes &= _lies_in(table.place, listing.octants[self.octant : self.octant + 1])
        if self.visible is not None:
            passes &= _reaches_into(listing.extents, self.visible)
        if self.smallest:
            passes &= (table.size >= self.smallest) | (table.size == 0)
        return np.flatnonzero(passes)


def _lies_in(place: Ints, blocks: tuple[Block, ...]) -> Flags:
    """Return which places lie in the block, if there is one."""
    inside: Flags = np.full(len(place), bool(blocks))
    for block in blocks:
        for axis, extent in enumerate(block):
            inside &= (place[:, axis] >= extent.start) & (place[:, axis] < extent.stop)
    return inside


def _reaches_into(extent: Ints, box: Extents) -> Flags:
    inside: Flags = np.ones(len(extent), np.bool_)
    for axis, (start, stop) in enumerate(box):
        inside &= (extent[:, axis] < stop) & (extent[:, 3 + axis] > start)
    return inside
