"""Errors that one prediction of a fragment mends of another one, and errors that it adds."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from napari_nx46.leaderboard.errors.table import KINDS, ErrorTable

__all__ = ["REACH", "ErrorChanges", "KindChange", "changed_errors"]

Indices = npt.NDArray[np.int64]

REACH = 4.0
"""Voxels by which the place of an error may differ between two predictions, by default."""


@dataclass(frozen=True, slots=True)
class KindChange:
    """What became of the errors of one kind.

    Parameters
    ----------
    kind : str
        One of `KINDS`.
    mended, new, kept : int
        Errors of the first prediction alone, of the second alone, and of both.
    mended_share, new_share : float
        Points that the mended ones cost, and that the new ones do.
    kept_change : float
        Points that those of both cost more in the second prediction.
    """

    kind: str
    mended: int
    mended_share: float
    new: int
    new_share: float
    kept: int
    kept_change: float

    @property
    def won(self) -> float:
        """Points that the score gains by this kind; negative where it loses some."""
        return self.mended_share - self.new_share - self.kept_change


@dataclass(frozen=True, slots=True, eq=False)
class ErrorChanges:
    """The errors of two predictions, side by side.

    Parameters
    ----------
    mended, new : ErrorTable
        Those of the first prediction alone, and of the second alone; the costliest first.
    kept : tuple of ErrorTable
        Those of both, as the first and as the second prediction has them, row by row.
    """

    mended: ErrorTable
    new: ErrorTable
    kept: tuple[ErrorTable, ErrorTable]

    @property
    def won(self) -> float:
        """Points that the score gains: the second score less the first one."""
        shares = (self.mended.share, -self.new.share, self.kept[0].share, -self.kept[1].share)
        return math.fsum(np.concatenate(shares))

    def kinds(self) -> list[KindChange]:
        """Return what became of each kind, those that change the score most first."""
        number = len(KINDS)
        tables = (self.mended, self.new, *self.kept)
        mended, new, kept, _ = (np.bincount(table.kind, minlength=number) for table in tables)
        points = [np.bincount(table.kind, table.share, number) for table in tables]
        changes = [
            KindChange(
                kind,
                int(mended[k]),
                float(points[0][k]),
                int(new[k]),
                float(points[1][k]),
                int(kept[k]),
                float(points[3][k] - points[2][k]),
            )
            for k, kind in enumerate(KINDS)
            if mended[k] or new[k] or kept[k]
        ]
        return sorted(changes, key=lambda change: -abs(change.won))


def changed_errors(first: ErrorTable, second: ErrorTable, reach: float = REACH) -> ErrorChanges:
    """Find which errors of a prediction another one mends, and which it adds.

    Two errors are the same if they are of one kind, side, place and size; else if they are of one
    kind and side and each is the other's nearest one within `reach`.

    Parameters
    ----------
    first, second : ErrorTable
        Of two predictions against the same label.
    reach : float
        Distance of their places, in voxels.

    Returns
    -------
    ErrorChanges
    """
    classes = [table.kind.astype(np.int64) << 2 | table.side for table in (first, second)]
    same = [_equal(first, second)]
    left = [np.ones(len(table), np.bool_) for table in (first, second)]
    for side in (0, 1):
        left[side][same[0][side]] = False
    for number in np.intersect1d(classes[0], classes[1]):
        rows = [np.flatnonzero(left[side] & (classes[side] == number)) for side in (0, 1)]
        a, b = _nearest(first.place[rows[0]], second.place[rows[1]], reach)
        same.append((rows[0][a], rows[1][b]))
    kept_first, kept_second = (np.concatenate([pair[side] for pair in same]) for side in (0, 1))
    order = np.argsort(kept_first)
    return ErrorChanges(
        _without(first, kept_first),
        _without(second, kept_second),
        (first.selected(kept_first[order]), second.selected(kept_second[order])),
    )


def _equal(first: ErrorTable, second: ErrorTable) -> tuple[Indices, Indices]:
    """Return the pairs of equal kind, side, place and size; of several the k-th of each."""
    columns = [
        np.concatenate([_class_and_place(table) for table in (first, second)]),
        np.concatenate([table.size for table in (first, second)]),
    ]
    order = np.lexsort(columns)
    differs = np.zeros(order.size, np.bool_)
    for column in columns:
        differs[1:] |= np.diff(column[order]) != 0
    group = np.empty(order.size, np.int64)
    group[order] = np.cumsum(differs)
    keys = [
        _numbered(of_table, order.size) for of_table in (group[: len(first)], group[len(first) :])
    ]
    _, a, b = np.intersect1d(keys[0], keys[1], assume_unique=True, return_indices=True)
    return a, b


def _class_and_place(table: ErrorTable) -> Indices:
    """Return one number for kind, side and place; no axis of a volume is longer than 2**19."""
    key = table.kind.astype(np.int64) << 2 | table.side
    for axis in table.place.T:
        key = key << 19 | axis
    return key


def _numbered(group: Indices, groups: int) -> Indices:
    """Return keys that are unique: of the group, and of which one of it each is."""
    order = np.argsort(group, kind="stable")
    sorted_groups = group[order]
    before = np.searchsorted(sorted_groups, sorted_groups)
    keys = np.empty(group.size, np.int64)
    keys[order] = sorted_groups * groups + np.arange(group.size) - before
    return keys


def _nearest(
    first: npt.NDArray[np.int32], second: npt.NDArray[np.int32], reach: float
) -> tuple[Indices, Indices]:
    """Return the pairs of places that are each other's nearest within `reach`."""
    from scipy.spatial import cKDTree

    if not (len(first) and len(second)):
        none = np.zeros(0, np.int64)
        return none, none
    bound = float(np.nextafter(reach, np.inf))
    to_second = np.asarray(cKDTree(second).query(first, distance_upper_bound=bound)[1])
    to_first = np.asarray(cKDTree(first).query(second, distance_upper_bound=bound)[1])
    a = np.flatnonzero(to_second < len(second))
    b = to_second[a]
    mutual = to_first[b] == a
    return a[mutual], b[mutual]


def _without(table: ErrorTable, rows: Indices) -> ErrorTable:
    """Return the items that are not in the rows."""
    chosen = np.ones(len(table), np.bool_)
    chosen[rows] = False
    return table.selected(chosen)
