"""Rows of a listing in the order of a column, folded a kind or not."""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import IntEnum

import numpy as np
import numpy.typing as npt

from napari_nx46.live.errors.listing import ErrorFilter, Listing
from napari_nx46.run.csv_text import CsvValue, csv_bytes

__all__ = ["Arranged", "Arrangement", "Column", "Group", "arrange", "rows_csv", "rows_text"]

Indices = npt.NDArray[np.int64]


class Column(IntEnum):
    """The columns of a list of errors, from left to right."""

    NUMBER = 0
    KIND = 1
    SHARE = 2
    GAIN = 3
    SIZE = 4
    SIDE = 5
    SLICE = 6
    OCTANT = 7
    NOTE = 8


DESCENDING_FIRST = (Column.SIZE, Column.SHARE, Column.GAIN)


@dataclass(frozen=True, slots=True)
class Arrangement:
    """How rows are ordered.

    Parameters
    ----------
    column : Column
        `Column.NUMBER` is the order of the listing: by share, gain, size and place.
    descending : bool
    folded : bool
        Whether the rows of a kind stand together, the costliest kind first.
    """

    column: Column = Column.NUMBER
    descending: bool = False
    folded: bool = True


@dataclass(frozen=True, slots=True, eq=False)
class Group:
    """Rows that stand together.

    Parameters
    ----------
    name : str
        Their kind; empty where all rows are one group.
    rows : (N,) array of int64
        Rows of the listing, in order.
    share : float
        Points that they cost together.
    """

    name: str
    rows: Indices
    share: float


@dataclass(frozen=True, slots=True, eq=False)
class Arranged:
    """The rows that are shown, in their order.

    Parameters
    ----------
    listing : Listing
    groups : tuple of Group
        One without a name where nothing is folded.
    """

    listing: Listing
    groups: tuple[Group, ...]

    @property
    def count(self) -> int:
        """How many rows there are."""
        return sum(group.rows.size for group in self.groups)

    @property
    def share(self) -> float:
        """Points that the rows cost together."""
        return math.fsum(group.share for group in self.groups)

    @property
    def order(self) -> Indices:
        """All rows from top to bottom, as if no group was folded, (N,) int64."""
        return np.concatenate([np.zeros(0, np.int64), *(group.rows for group in self.groups)])


def arrange(listing: Listing, chosen: ErrorFilter, arrangement: Arrangement) -> Arranged:
    """Return the rows of a listing that pass a filter, in order.

    Parameters
    ----------
    listing : Listing
    chosen : ErrorFilter
    arrangement : Arrangement
    """
    rows = _in_order(listing, chosen.rows(listing), arrangement)
    if not arrangement.folded:
        share = math.fsum(listing.table.share[rows])
        return Arranged(listing, (Group("", rows, share),) if rows.size else ())
    kind = listing.table.kind[rows]
    by_kind = np.argsort(kind, kind="stable")
    ends = np.cumsum(np.bincount(kind, minlength=len(listing.kinds)))
    groups = [
        Group(name, part, math.fsum(listing.table.share[part]))
        for name, part in zip(listing.kinds, np.split(rows[by_kind], ends[:-1]), strict=True)
        if part.size
    ]
    return Arranged(listing, tuple(sorted(groups, key=lambda group: -group.share)))


def _in_order(listing: Listing, rows: Indices, arrangement: Arrangement) -> Indices:
    """Return rows sorted by a column; equal ones, and unknown numbers last, as listed."""
    column, table = arrangement.column, listing.table
    match column:
        case Column.NUMBER | Column.NOTE:
            return rows[::-1] if arrangement.descending else rows
        case Column.KIND:
            key = _ranks(listing.kinds)[table.kind[rows]]
        case Column.SIDE:
            key = _ranks(listing.sides)[table.side[rows]]
        case Column.OCTANT:
            key = table.octant[rows].astype(np.float64)
        case Column.SLICE:
            key = table.place[rows, 0].astype(np.float64)
        case Column.SIZE:
            key = table.size[rows].astype(np.float64)
        case Column.SHARE:
            key = table.share[rows]
        case Column.GAIN:
            key = table.gain[rows]
    signed = -key if arrangement.descending else key
    return rows[np.argsort(signed, kind="stable")]


def _ranks(names: tuple[str, ...]) -> npt.NDArray[np.float64]:
    """Return the place of each name in the alphabet."""
    ranks = np.empty(len(names))
    ranks[np.argsort(np.array(names))] = np.arange(len(names))
    return ranks


# ---- as text -------------------------------------------------------------------------------

TITLES = (
    *("number", "kind", "side", "octant", "z", "y", "x", "size", "share", "gain"),
    *("z_start", "y_start", "x_start", "z_stop", "y_stop", "x_stop"),
)


def rows_csv(arranged: Arranged) -> bytes:
    """Return the rows as CSV, with numbers in full; what is not known is left empty."""
    return csv_bytes(_titles(arranged), _records(arranged))


def rows_text(arranged: Arranged) -> str:
    """Return the rows as text that spreadsheets take up from the clipboard."""
    lines = (["" if one is None else str(one) for one in record] for record in _records(arranged))
    return "\n".join("\t".join(line) for line in (_titles(arranged), *lines))


def _titles(arranged: Arranged) -> list[str]:
    return list(TITLES) if arranged.listing.is_priced else [*TITLES, "note"]


def _records(arranged: Arranged) -> list[list[CsvValue]]:
    listing, rows = arranged.listing, arranged.order
    some = listing.table.selected(rows)
    columns: list[list[CsvValue]] = [
        (rows + 1).tolist(),
        [listing.kinds[code] for code in some.kind],
        [listing.sides[code] for code in some.side],
        [None if octant < 0 else octant for octant in some.octant.tolist()],
        *some.place.T.tolist(),
        some.size.tolist(),
        some.share.tolist(),
        [None if math.isnan(gain) else gain for gain in some.gain.tolist()],
        *listing.extents[rows].T.tolist(),
    ]
    if listing.note_of is not None:
        columns.append([listing.note_of(row) for row in rows.tolist()])
    return [list(record) for record in zip(*columns, strict=True)]
