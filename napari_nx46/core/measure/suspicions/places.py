"""Sets of voxels in a volume, as one array."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from napari_nx46.voxels.spans import Components

__all__ = ["Held", "Places", "joined_places", "places_of", "voxels_of"]

Indices = npt.NDArray[np.int64]
Ints = npt.NDArray[np.int32]


@dataclass(frozen=True, slots=True, eq=False)
class Places:
    """Sets of voxels, none of them empty.

    Parameters
    ----------
    shape : tuple of int
        Of the volume, (Z, Y, X).
    flat : (n,) array of int64
        Voxels as indices into the raveled volume: set by set, ascending within each.
    starts : (m + 1,) array of int64
        Where each set begins, and at the end n.
    """

    shape: tuple[int, int, int]
    flat: Indices
    starts: Indices

    def __len__(self) -> int:
        return self.starts.size - 1

    def voxels_of(self, number: int) -> Ints:
        """Return the voxels (z, y, x) of a set, (N, 3) int32, in raster order."""
        return self._voxels(self.flat[self.starts[number] : self.starts[number + 1]])

    def sizes(self) -> Indices:
        """Return the number of voxels of each set."""
        return np.diff(self.starts)

    def extents(self) -> Ints:
        """Return the box around each set, (m, 6): first voxel, and the one after the last."""
        if not len(self):
            return np.zeros((0, 6), np.int32)
        voxels, begin = self._voxels(self.flat), self.starts[:-1]
        low, high = (take.reduceat(voxels, begin) for take in (np.minimum, np.maximum))
        return np.concatenate((low, high + 1), axis=1)

    def middles(self) -> Ints:
        """Return the voxel of each set that is nearest to the set's mean, (m, 3)."""
        if not len(self):
            return np.zeros((0, 3), np.int32)
        voxels, sizes = self._voxels(self.flat), self.sizes()
        means = np.add.reduceat(voxels, self.starts[:-1], dtype=np.float64) / sizes[:, None]
        away = np.square(voxels - np.repeat(means, sizes, axis=0)).sum(axis=1)
        return voxels[self._first_lowest(away)]

    def highest(self, values: npt.NDArray[np.generic]) -> tuple[Ints, npt.NDArray[np.generic]]:
        """Return the first voxel of each set with the set's highest value, and that value.

        Parameters
        ----------
        values : (n,) array
            One for each voxel of all sets.
        """
        best = self._first_lowest(-values.astype(np.float64))
        return self._voxels(self.flat[best]), values[best]

    def chosen(self, numbers: Indices) -> Places:
        """Return some of the sets, in the order that is given."""
        sizes = self.sizes()[numbers]
        starts = np.concatenate(([0], np.cumsum(sizes)))
        within = np.arange(starts[-1]) - np.repeat(starts[:-1], sizes)
        return Places(
            self.shape, self.flat[np.repeat(self.starts[numbers], sizes) + within], starts
        )

    def _first_lowest(self, values: npt.NDArray[np.float64]) -> Indices:
        """Return the position of each set's lowest value, of equal ones the first."""
        owner = np.repeat(np.arange(len(self)), self.sizes())
        order = np.lexsort((values, owner))  # stable
        return order[self.starts[:-1]]

    def _voxels(self, flat: Indices) -> Ints:
        return np.stack(np.unravel_index(flat, self.shape), axis=1).astype(np.int32)


@dataclass(frozen=True, slots=True, eq=False)
class Held:
    """What holds two large parts of a mask together.

    Parameters
    ----------
    places : Places
        The voxels that do.
    part : (n,) array of int64
        Voxels of the smaller part.
    share : (n,) array of float64
        The same as a share, in (0, 1]: 1 for two halves.
    """

    places: Places
    part: Indices
    share: npt.NDArray[np.float64]


def places_of(
    shape: tuple[int, int, int], flat: Indices, owner: npt.NDArray[np.integer], count: int
) -> Places:
    """Return voxels by the set that each belongs to.

    Parameters
    ----------
    shape : tuple of int
    flat : (n,) array of int64
        Voxels in ascending order.
    owner : (n,) array of int
        The set of each, from 0 to `count` - 1, each of which has a voxel.
    count : int
    """
    order = np.argsort(owner, kind="stable")
    starts = np.concatenate(([0], np.cumsum(np.bincount(owner, minlength=count))))
    return Places(shape, flat[order], starts.astype(np.int64))


def voxels_of(
    components: Components, chosen: npt.NDArray[np.bool_] | None = None
) -> tuple[Indices, Ints]:
    """Return the voxels of components as flat indices, ascending, and the component of each.

    Parameters
    ----------
    components : Components
    chosen : (count,) array of bool, optional
        Which components; all by default.
    """
    runs, owner, rows = components.runs, components.component, components.runs.rows()
    first, stop = runs.first, runs.stop
    if chosen is not None:
        some = chosen[owner]
        owner, rows, first, stop = owner[some], rows[some], first[some], stop[some]
    length = (stop - first).astype(np.int64)
    begin = rows * runs.shape[2] + first - (np.cumsum(length) - length)
    flat: Indices = np.arange(length.sum()) + np.repeat(begin, length)
    return flat, np.repeat(owner, length)


def joined_places(shape: tuple[int, int, int], parts: Sequence[Places]) -> Places:
    """Return the sets of several, one after the other."""
    ends = np.cumsum([0, *(part.flat.size for part in parts)])
    flat = np.concatenate([np.zeros(0, np.int64), *(part.flat for part in parts)])
    starts = [part.starts[:-1] + end for part, end in zip(parts, ends[:-1], strict=True)]
    return Places(shape, flat, np.concatenate([np.zeros(0, np.int64), *starts, ends[-1:]]))
