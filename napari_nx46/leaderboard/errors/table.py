"""One table of everything that costs points, as arrays."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from types import MappingProxyType
from typing import Any

import numpy as np
import numpy.typing as npt

from napari_nx46.leaderboard.errors.features import Fate, Features
from napari_nx46.leaderboard.errors.surface_regions import SurfaceRegions
from napari_nx46.leaderboard.errors.voi_pairs import NO_COMPONENT, VoiPairs

__all__ = [
    "KINDS",
    "NO_DIMENSION",
    "NO_OCTANT",
    "PARTS",
    "SIDES",
    "ErrorGroup",
    "ErrorTable",
    "TopologyErrors",
    "table_of",
]

Ints = npt.NDArray[np.int32]
Codes = npt.NDArray[np.uint8]
Floats = npt.NDArray[np.float64]
Indices = npt.NDArray[np.int64]

PARTS = ("topology", "voi", "surface")
SIDES = ("prediction", "label", "both")
NO_DIMENSION = NO_OCTANT = -1

_NAMES: Mapping[tuple[int, int, Fate], str] = MappingProxyType(
    {
        (0, 0, Fate.ALONE): "island",
        (0, 1, Fate.ALONE): "missed sheet",
        (0, 0, Fate.JOINED): "split",
        (0, 1, Fate.JOINED): "merge",
        (0, 0, Fate.UNCOUNTED): "uncounted component",
        (0, 1, Fate.UNCOUNTED): "uncounted sheet",
        (1, 0, Fate.FILLED): "hole",
        (1, 1, Fate.FILLED): "closed hole",
        (1, 0, Fate.SURVIVES): "bridge or handle",
        (1, 1, Fate.SURVIVES): "missing handle",
        (2, 0, Fate.FILLED): "cavity",
        (2, 1, Fate.FILLED): "missing cavity",
        (2, 0, Fate.SURVIVES): "cavity",
        (2, 1, Fate.SURVIVES): "missing cavity",
    }
)
"""What a user calls an unmatched feature, by dimension, side and fate."""

_VOI_MERGE, _VOI_SPLIT, _SURFACE = "VOI merge", "VOI split", "surface far off"
KINDS = (*dict.fromkeys(_NAMES.values()), _VOI_MERGE, _VOI_SPLIT, _SURFACE)
"""The kinds of errors, in words."""


@dataclass(frozen=True, slots=True, eq=False)
class TopologyErrors:
    """The unmatched features of all octants, one a row.

    Parameters
    ----------
    dimension : ndarray of uint8
        (N,): 0 component, 1 loop, 2 cavity.
    side : ndarray of uint8
        (N,): 0 for a feature of the prediction, 1 for one of the label.
    octant : ndarray of int32
        (N,): its octant, an index into `Explanation.octants`.
    features : Features
        In coordinates of the whole volume.
    """

    dimension: Codes
    side: Codes
    octant: Ints
    features: Features


@dataclass(frozen=True, slots=True)
class ErrorGroup:
    """The errors of one kind, summed.

    Parameters
    ----------
    kind : str
        One of `KINDS`.
    count : int
    share : float
        Points that they cost together.
    """

    kind: str
    count: int
    share: float


@dataclass(frozen=True, slots=True, eq=False)
class ErrorTable:
    """Everything that costs points, one item a row: by share, then gain, size and place.

    Parameters
    ----------
    kind : ndarray of uint8
        (N,): index into `KINDS`.
    part : ndarray of uint8
        (N,): index into `PARTS`.
    side : ndarray of uint8
        (N,): index into `SIDES`: whose feature, component or surface it is.
    dimension : ndarray of int8
        (N,): 0, 1, 2 of an item of the topology, else `NO_DIMENSION`.
    octant : ndarray of int32
        (N,): index into `Explanation.octants` of an item of the topology, else `NO_OCTANT`.
    place : ndarray of int32
        (N, 3): the voxel (z, y, x) to look at; of a surface region its first corner.
    size : ndarray of int64
        (N,): voxels, or corners of a surface region; 0 for a loop that survives.
    share : ndarray of float64
        (N,): points that the item costs; all of them sum to 1 - score.
    gain : ndarray of float64
        (N,): points that the score would gain without the item alone; may be negative, NaN where
        no single change mends it.
    row : ndarray of int64
        (N,): the item's row in the arrays of its part: `Explanation.topology`, `voi`, `surface`.
    """

    kind: Codes
    part: Codes
    side: Codes
    dimension: npt.NDArray[np.int8]
    octant: Ints
    place: Ints
    size: Indices
    share: Floats
    gain: Floats
    row: Indices

    def __len__(self) -> int:
        return self.kind.size

    def selected(self, chosen: npt.NDArray[np.bool_] | Indices | slice) -> ErrorTable:
        """Return some of the items, in their order."""
        return ErrorTable(*(getattr(self, field.name)[chosen] for field in fields(self)))

    def groups(self) -> list[ErrorGroup]:
        """Return the items summed a kind, the costliest first; without kinds that have no item."""
        counts = np.bincount(self.kind, minlength=len(KINDS))
        shares = np.bincount(self.kind, self.share, len(KINDS))
        groups = [
            ErrorGroup(kind, int(count), float(share))
            for kind, count, share in zip(KINDS, counts, shares, strict=True)
            if count
        ]
        return sorted(groups, key=lambda group: -group.share)


def table_of(
    topology: TopologyErrors,
    topology_shares: Floats,
    topology_gains: Floats,
    voi: VoiPairs,
    surface: SurfaceRegions,
    weights: tuple[float, float],
) -> ErrorTable:
    """Put the errors of all parts into one table.

    Parameters
    ----------
    topology : TopologyErrors
    topology_shares : ndarray of float64
        (3,): points of one feature, by dimension.
    topology_gains : ndarray of float64
        (3, 2): by dimension and side.
    voi : VoiPairs
        Pairs without a bit are left out.
    surface : SurfaceRegions
    weights : tuple of float
        Of the VOI score and of SurfaceDice in the score.

    Returns
    -------
    ErrorTable
    """
    parts = (
        _topology_items(topology, topology_shares, topology_gains),
        _voi_items(voi, weights[0]),
        _surface_items(surface, weights[1]),
    )

    def column(name: str) -> npt.NDArray[Any]:
        return np.concatenate([getattr(part, name) for part in parts])

    order = _order(*map(column, ("share", "gain", "size", "place")))
    # `take` copies rows of three numbers several times faster than an index does.
    columns = (column(field.name) for field in fields(ErrorTable))
    return ErrorTable(*(values.take(order, axis=0) for values in columns))


def _topology_items(topology: TopologyErrors, shares: Floats, gains: Floats) -> ErrorTable:
    names = np.zeros((3, 2, len(Fate)), np.uint8)
    for (dimension, side, fate), name in _NAMES.items():
        names[dimension, side, fate] = KINDS.index(name)
    features = topology.features
    count = topology.side.size
    return ErrorTable(
        kind=names[topology.dimension, topology.side, features.fate],
        part=np.full(count, PARTS.index("topology"), np.uint8),
        side=topology.side,
        dimension=topology.dimension.astype(np.int8),
        octant=topology.octant,
        place=features.place,
        size=features.size,
        share=shares[topology.dimension],
        gain=gains[topology.dimension, topology.side],
        row=np.arange(count),
    )


def _voi_items(voi: VoiPairs, weight: float) -> ErrorTable:
    rows = np.flatnonzero(voi.split_bits + voi.merge_bits > 0)
    # What a predicted component has beyond the label joins too much; what the label has beyond the
    # prediction leaves its component in parts.
    is_merge = voi.merge_bits[rows] >= voi.split_bits[rows]
    is_merge |= voi.true[rows] == NO_COMPONENT
    is_merge &= voi.predicted[rows] != NO_COMPONENT
    side = np.full(rows.size, SIDES.index("both"), np.uint8)
    side[voi.true[rows] == NO_COMPONENT] = SIDES.index("prediction")
    side[voi.predicted[rows] == NO_COMPONENT] = SIDES.index("label")
    kinds = KINDS.index(_VOI_SPLIT), KINDS.index(_VOI_MERGE)
    return ErrorTable(
        kind=np.where(is_merge, kinds[1], kinds[0]).astype(np.uint8),
        part=np.full(rows.size, PARTS.index("voi"), np.uint8),
        side=side,
        dimension=np.full(rows.size, NO_DIMENSION, np.int8),
        octant=np.full(rows.size, NO_OCTANT, np.int32),
        place=voi.place[rows],
        size=voi.voxels[rows],
        share=voi.shares(weight)[rows],
        gain=np.where(is_merge, voi.cut_gain[rows], voi.join_gain[rows]),
        row=rows,
    )


def _surface_items(surface: SurfaceRegions, weight: float) -> ErrorTable:
    count = surface.side.size
    shares = surface.shares(weight)
    return ErrorTable(
        kind=np.full(count, KINDS.index(_SURFACE), np.uint8),
        part=np.full(count, PARTS.index("surface"), np.uint8),
        side=surface.side,
        dimension=np.full(count, NO_DIMENSION, np.int8),
        octant=np.full(count, NO_OCTANT, np.int32),
        place=surface.corner,
        size=surface.corners,
        share=shares,
        gain=shares,
        row=np.arange(count),
    )


def _order(share: Floats, gain: Floats, size: Indices, place: Ints) -> Indices:
    """Return the order of items: by share, gain and size, descending, then by place."""
    z, y, x = place.T.astype(np.int64)
    # One key for the place: no axis of a volume is longer than 2**21.
    keys = [z << 42 | y << 21 | x, -size]
    if size.max(initial=0) < 1 << 31 and place.max(initial=0) < 1 << 10:
        keys = [(-size << 30) + (z << 20 | y << 10 | x)]
    descending_gain = np.where(np.isnan(gain), np.inf, -gain)
    return np.lexsort((*keys, descending_gain, -share))
