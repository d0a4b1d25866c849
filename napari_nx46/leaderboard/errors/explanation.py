"""What `explain` returns."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from napari_nx46.leaderboard.errors.features import Matched
from napari_nx46.leaderboard.errors.on_demand.extents import (
    feature_extents,
    pair_extents,
    region_extents,
)
from napari_nx46.leaderboard.errors.on_demand.joints import feature_joints, pair_joints
from napari_nx46.leaderboard.errors.on_demand.voxels import (
    feature_cycle,
    feature_voxels,
    feature_way,
    pair_voxels,
    region_voxels,
)
from napari_nx46.leaderboard.errors.prices import DimensionGains, shares_of
from napari_nx46.leaderboard.errors.surface_regions import SurfaceRegions
from napari_nx46.leaderboard.errors.table import KINDS, PARTS, ErrorTable, TopologyErrors
from napari_nx46.leaderboard.errors.voi_pairs import VoiPairs
from napari_nx46.leaderboard.parameters import Parameters
from napari_nx46.leaderboard.results import LeaderboardScore, MatchCounts
from napari_nx46.voxels.packed import PackedMask

__all__ = ["Explanation", "Octant"]

Ints = npt.NDArray[np.int32]


@dataclass(frozen=True, slots=True, eq=False)
class Octant:
    """One octant of the volume, and what matching found there.

    Parameters
    ----------
    index : tuple of int
        Which one along (Z, Y, X).
    origin, shape : tuple of int
        Its first voxel and its size.
    counts : tuple of MatchCounts
        Of the dimensions 0, 1, 2.
    matched : Matched
        In coordinates of the whole volume.
    infinite : tuple of (ndarray of int32, optional)
        The first voxel of prediction and label: of the component that is not counted.
    """

    index: tuple[int, int, int]
    origin: tuple[int, int, int]
    shape: tuple[int, int, int]
    counts: tuple[MatchCounts, MatchCounts, MatchCounts]
    matched: Matched
    infinite: tuple[Ints | None, Ints | None]

    @property
    def box(self) -> tuple[slice, slice, slice]:
        """The octant as an index into the volume."""
        z, y, x = (slice(a, a + n) for a, n in zip(self.origin, self.shape, strict=True))
        return z, y, x


@dataclass(frozen=True, slots=True, eq=False)
class Explanation:
    """A leaderboard score with everything that it lost, where and how much.

    Parameters
    ----------
    parameters : Parameters
    score : LeaderboardScore
        As `score` returns it.
    octants : tuple of Octant
    topology : TopologyErrors
        The unmatched features.
    gains : tuple of DimensionGains
        What mending features of the dimensions 0, 1, 2 gains.
    voi : VoiPairs
    surface : SurfaceRegions
    items : ErrorTable
        The errors of all parts.
    masks : tuple of PackedMask
        Prediction and label, without the ignored voxels.
    """

    parameters: Parameters
    score: LeaderboardScore
    octants: tuple[Octant, ...]
    topology: TopologyErrors
    gains: tuple[DimensionGains, DimensionGains, DimensionGains]
    voi: VoiPairs
    surface: SurfaceRegions
    items: ErrorTable
    masks: tuple[PackedMask, PackedMask] = field(repr=False)

    @property
    def topology_shares(self) -> tuple[float, float, float]:
        """The points that one unmatched feature of each dimension costs."""
        return shares_of(self.score.topo, self.parameters)

    @property
    def shares_sum(self) -> float:
        """The sum of all shares: what the score has lost."""
        return math.fsum(self.items.share)

    def voxels_of(self, item: int) -> Ints:
        """Return the voxels of an item; computed when it is called.

        Parameters
        ----------
        item : int
            Row of `items`.

        Returns
        -------
        ndarray of int32
            (N, 3): the component; the piece of the other mask that fills a loop; the four voxels
            of the square at which a loop dies that nothing fills; the cavity; the voxels that a
            pair of components shares, or that a component has where the other mask has
            background; the corners of a surface region. In raster order.
        """
        row, part = int(self.items.row[item]), PARTS[self.items.part[item]]
        if part == "surface":
            return region_voxels(self.surface, row)
        if part == "voi":
            return pair_voxels(self.voi, row)
        return feature_voxels(*self._feature(item))

    def extents(self) -> Ints:
        """Return the box around each item; computed when it is called.

        Returns
        -------
        ndarray of int32
            (N, 6), in the order of `items`: z, y, x of the first voxel of `voxels_of` and of the
            one after the last; for a surface region, of its corners.
        """
        boxes = (
            feature_extents(self.topology, self.masks, [octant.box for octant in self.octants]),
            pair_extents(self.voi),
            region_extents(self.surface),
        )
        extents = np.empty((len(self.items), 6), np.int32)
        for code, of_part in enumerate(boxes):
            here = self.items.part == code
            extents[here] = of_part.take(self.items.row[here], axis=0)
        return extents

    def way_of(self, item: int) -> Ints:
        """Return the shortest way through the gap beside an item; computed when it is called.

        Parameters
        ----------
        item : int
            Row of `items`.

        Returns
        -------
        ndarray of int32
            (N, 3): of a split or merge, voxels of the other mask alone that lead, each beside the
            one before it, from the component to the nearest other one. Empty for other kinds.
        """
        if PARTS[self.items.part[item]] != "topology":
            return np.zeros((0, 3), np.int32)
        return feature_way(*self._feature(item))

    def joints_of(self, item: int) -> tuple[Ints, ...]:
        """Return every place at which the prediction could be cut to undo a merge.

        Computed when it is called.

        Parameters
        ----------
        item : int
            Row of `items`.

        Returns
        -------
        tuple of ndarray of int32
            (N, 3) each, in raster order of their first voxels: 26-connected voxels of the
            prediction that the label lacks, halfway between what is merged. Two sheets that touch
            at three places have three; all of them have to be cut. Of a merge, the component of
            the label is parted from all others of its octant; of a VOI merge of two components,
            what they share from the rest of the predicted one. Empty for other kinds.
        """
        row, part = int(self.items.row[item]), PARTS[self.items.part[item]]
        if part == "topology":
            return feature_joints(*self._feature(item))
        if KINDS[self.items.kind[item]] != "VOI merge":
            return ()
        return pair_joints(self.voi, row, self.parameters.voi_reach)

    def cycle_of(self, item: int) -> Ints:
        """Return a closed way around the place of a loop; computed when it is called.

        Parameters
        ----------
        item : int
            Row of `items`.

        Returns
        -------
        ndarray of int32
            (N, 3): voxels of the mask that has the loop, each beside the one before it and the
            last beside the first; a short way, not the only one: see
            `napari_nx46.leaderboard.cycles`. Empty for other kinds, and where there is none
            near the place.
        """
        if PARTS[self.items.part[item]] != "topology":
            return np.zeros((0, 3), np.int32)
        return feature_cycle(*self._feature(item))

    def _feature(
        self, item: int
    ) -> tuple[TopologyErrors, int, tuple[PackedMask, PackedMask], tuple[slice, slice, slice]]:
        """Return an unmatched feature with the masks and its octant, as `on_demand` takes it."""
        box = self.octants[self.items.octant[item]].box
        return self.topology, int(self.items.row[item]), self.masks, box
