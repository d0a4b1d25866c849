"""The features of an octant that Betti matching leaves without a partner, and where they are.

A is the mask that owns a feature, B the other one, C their union. The *fate* of an unmatched
feature says what became of it in C:

- A component is ``joined`` if another component of A that is born earlier lies in the same
  component of C: B joins what A separates. It is ``alone`` if B has no voxel there; else it is
  ``uncounted``: its partner is the component that is not counted, or the order has swapped it.
- A loop is ``filled`` if it dies inside C, where B fills it; else it ``survives`` in C.
- A cavity is ``filled`` if it holds no cavity of C; else it ``survives``.

Coordinates are voxels of the octant, (z, y, x).
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from enum import IntEnum
from itertools import product

import numpy as np
import numpy.typing as npt

from napari_nx46.leaderboard.betti import Topology, topology_of
from napari_nx46.leaderboard.bits import Mask, cells_of
from napari_nx46.leaderboard.components import (
    extents,
    first_runs,
    last_runs,
    outer_components,
    reach_keys,
    rows_of,
    runs_of,
)
from napari_nx46.leaderboard.errors.runs import run_list
from napari_nx46.leaderboard.loops import LoopDeaths, find_loop_deaths
from napari_nx46.leaderboard.matching import (
    ComponentMatching,
    match_cavities,
    match_components,
)
from napari_nx46.leaderboard.results import MatchCounts
from napari_nx46.voxels.packed import Words, pack
from napari_nx46.voxels.spans import Components, Runs, components_of

__all__ = ["Fate", "Features", "Matched", "OctantFeatures", "concatenated", "find_features"]

Ints = npt.NDArray[np.int32]
Indices = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]

_SIDES = (0, 1)


class Fate(IntEnum):
    """What became of an unmatched feature in the union of the two masks."""

    JOINED = 0
    ALONE = 1
    UNCOUNTED = 2
    FILLED = 3
    SURVIVES = 4


@dataclass(frozen=True, slots=True, eq=False)
class Features:
    """Unmatched features, one a row.

    Parameters
    ----------
    fate : ndarray of uint8
        (N,): `Fate`.
    place : ndarray of int32
        (N, 3): where to look: the middle of the gap of a joined component, the first voxel of
        another one; the place voxel of a loop; the last voxel of a cavity.
    seed : ndarray of int32
        (N, 3): a voxel of what the feature is made of: the first voxel of a component, a voxel of
        the piece that fills a loop, the last voxel of a cavity.
    birth, death : ndarray of int32
        (N, 3): voxels of the feature in its own mask's filtration; -1 for loops.
    square : ndarray of int32
        (N, 4): of a loop, the square (z, y, x, normal) at which it dies; -1 otherwise.
    size : ndarray of int64
        (N,): voxels of a component or a cavity, or of the piece that fills a loop; 0 for a loop
        that survives.
    gap : ndarray of int32
        (N,): of a joined component, voxels between it and the nearest other one; else 0.
    extent : ndarray of int32
        (N, 6): box around the voxels that `size` counts; of a loop that survives, around its
        square. First voxel and the one after the last.
    """

    fate: npt.NDArray[np.uint8]
    place: Ints
    seed: Ints
    birth: Ints
    death: Ints
    square: Ints
    size: Indices
    gap: Ints
    extent: Ints

    def moved(self, origin: tuple[int, int, int]) -> Features:
        """Return the features in coordinates of a volume in which the octant begins at `origin`."""
        step = np.array(origin, np.int32)
        return replace(
            self,
            place=self.place + step,
            seed=self.seed + step,
            birth=np.where(self.birth < 0, self.birth, self.birth + step),
            death=np.where(self.death < 0, self.death, self.death + step),
            square=np.where(self.square < 0, self.square, self.square + np.append(step, 0)),
            extent=self.extent + np.tile(step, 2),
        )


def concatenated(parts: list[Features]) -> Features:
    """Return the features of several octants or masks as one list."""
    return Features(
        *(
            np.concatenate([getattr(part, field.name) for part in parts])
            for field in fields(Features)
        )
    )


@dataclass(frozen=True, slots=True, eq=False)
class Matched:
    """The pairs of an octant, one a row.

    Parameters
    ----------
    components : ndarray of int32
        (M, 2, 3): the first voxels of the prediction's and the label's component.
    cavities : ndarray of int32
        (M, 2, 3): the last voxels of the prediction's and the label's cavity.
    loops : ndarray of int32
        (M, 4): the squares (z, y, x, normal) at which the loops of both masks die.
    """

    components: Ints
    loops: Ints
    cavities: Ints


@dataclass(frozen=True, slots=True, eq=False)
class OctantFeatures:
    """What Betti matching finds in an octant.

    Parameters
    ----------
    counts : tuple of MatchCounts
        Of the dimensions 0, 1, 2.
    unmatched : tuple of tuple of Features
        By dimension; of the prediction and of the label.
    matched : Matched
    infinite : tuple of (ndarray of int32, optional)
        The first voxel of prediction and label, of the component that is not counted.
    """

    counts: tuple[MatchCounts, MatchCounts, MatchCounts]
    unmatched: tuple[tuple[Features, Features], ...]
    matched: Matched
    infinite: tuple[Ints | None, Ints | None]


@dataclass(frozen=True, slots=True, eq=False)
class _Octant:
    """Two masks of an octant; index 0 is the prediction, 1 the label."""

    masks: tuple[Mask, Mask]
    topology: tuple[Topology, Topology]
    union: Words

    @property
    def columns(self) -> int:
        return int(self.masks[0].shape[2])

    def filling(self, side: int) -> Components:
        """Return the pieces of the other mask without this one, 6-connected."""
        words = [topology.cells.vertices for topology in self.topology]
        return components_of(runs_of(words[1 - side] & ~words[side], self.columns), 6)


def find_features(prediction: Mask, label: Mask) -> OctantFeatures:
    """Find the unmatched features of two masks, everything outside being background.

    Parameters
    ----------
    prediction, label : ndarray of bool
        (Z, Y, X) of one shape, no axis empty.

    Returns
    -------
    OctantFeatures
    """
    columns = prediction.shape[2]
    predicted = topology_of(pack(prediction).words, columns)
    true = topology_of(pack(label).words, columns)
    union = predicted.cells.vertices | true.cells.vertices
    octant = _Octant((prediction, label), (predicted, true), union)
    matching = match_components(predicted.components, true.components, union, columns)
    cavities, cavity_pairs = _cavities(octant)
    deaths, loop_pairs = _loops(octant)
    components, loops = [], []
    for side in _SIDES:
        joined = _unmatched_components(octant, matching, side)
        pieces = None
        if len(deaths[side].filled) or (joined[1] == Fate.JOINED).any():
            pieces = octant.filling(side)
        components.append(_component_features(octant, matching, side, *joined, pieces))
        loops.append(_loop_features(octant, deaths[side], loop_pairs, side, pieces))
    births = [_voxels(t.components.runs, first_runs(t.components)) for t in octant.topology]
    matched = Matched(
        np.stack([born[matching.pairs[:, k]] for k, born in enumerate(births)], axis=1),
        loop_pairs,
        cavity_pairs,
    )
    features = [t.components.count for t in octant.topology]
    counts = (
        MatchCounts(len(matching.pairs), *(max(count - 1, 0) for count in features)),
        MatchCounts(len(loop_pairs), predicted.loops, true.loops),
        MatchCounts(len(cavity_pairs), predicted.background.cavities, true.background.cavities),
    )
    unmatched = (
        (components[0], components[1]),
        (loops[0], loops[1]),
        (cavities[0], cavities[1]),
    )
    return OctantFeatures(
        counts,
        unmatched,
        matched,
        (births[0][0] if features[0] else None, births[1][0] if features[1] else None),
    )


# ---- components ----------------------------------------------------------------------------


def _unmatched_components(
    octant: _Octant, matching: ComponentMatching, side: int
) -> tuple[Indices, npt.NDArray[np.uint8]]:
    """Return the unmatched components of a mask, and their fates."""
    count = octant.topology[side].components.count
    unmatched = np.ones(count, np.bool_)
    unmatched[:1] = False  # the infinite one
    unmatched[matching.pairs[:, side]] = False
    chosen = np.flatnonzero(unmatched)
    outer = matching.outer[side][chosen]
    other = matching.inner[1 - side][outer]
    fate = np.full(chosen.size, Fate.UNCOUNTED, np.uint8)
    fate[other == octant.topology[1 - side].components.count] = Fate.ALONE
    fate[matching.inner[side][outer] < chosen] = Fate.JOINED
    return chosen, fate


def _component_features(
    octant: _Octant,
    matching: ComponentMatching,
    side: int,
    chosen: Indices,
    fate: npt.NDArray[np.uint8],
    pieces: Components | None,
) -> Features:
    components = octant.topology[side].components
    births = _voxels(components.runs, first_runs(components)[chosen])
    gap, middle = np.zeros(chosen.size, np.int32), births
    if pieces is not None and (fate == Fate.JOINED).any():
        is_joined = fate == Fate.JOINED
        length, voxel = _gaps(components, matching, side, chosen[is_joined], pieces)
        gap[is_joined] = length
        middle = births.copy()
        middle[is_joined] = np.stack(np.unravel_index(voxel, components.runs.shape), axis=1)
    return Features(
        fate=fate,
        place=middle,
        seed=births,
        birth=births,
        death=_component_deaths(components)[chosen],
        square=np.full((chosen.size, 4), -1, np.int32),
        size=components.sizes()[chosen],
        gap=gap,
        extent=_extents_of(components, chosen),
    )


def _component_deaths(components: Components) -> Ints:
    """Return the voxel at which each component dies in its own mask, (count, 3); -1 for never."""
    keys = reach_keys(components)
    order = np.argsort(keys, kind="stable")
    dies_at = np.full(components.count, -1, np.int64)
    if order.size:
        earliest = np.minimum.accumulate(order)
        dies_at[np.maximum(earliest[:-1], order[1:])] = keys[order[1:]] // 3
    _, rows, columns = components.runs.shape
    plane, rest = np.divmod(dies_at, rows * columns)
    deaths = np.stack((plane, *np.divmod(rest, columns)), axis=1).astype(np.int32)
    deaths[dies_at < 0] = -1
    return deaths


def _gaps(
    components: Components,
    matching: ComponentMatching,
    side: int,
    joined: Indices,
    pieces: Components,
) -> tuple[Ints, Indices]:
    """Return the length of the way from each joined component to another, and its middle voxel."""
    from napari_nx46.leaderboard.kernels.ways import shortest_ways

    outer = matching.outer[side]
    concerned = np.zeros(matching.union.count, np.bool_)
    concerned[outer[joined]] = True
    numbers = np.zeros(components.count, np.int32)
    taking_part = concerned[outer]
    numbers[taking_part] = np.arange(1, np.count_nonzero(taking_part) + 1)
    on_ground = concerned[outer_components(pieces, matching.union)]
    number_of_run = numbers[components.component]
    length, middle = shortest_ways(
        components.runs.shape,
        1,
        run_list(components.runs, number_of_run > 0),
        number_of_run[number_of_run > 0],
        int(np.count_nonzero(taking_part)),
        run_list(pieces.runs, on_ground[pieces.component]),
    )
    return length[numbers[joined]], middle[numbers[joined]]


# ---- loops ---------------------------------------------------------------------------------


def _loops(octant: _Octant) -> tuple[tuple[LoopDeaths, LoopDeaths], Ints]:
    """Return where the loops of both masks die, and the squares at which two of them do."""
    none = np.zeros((0, 4), np.int32)
    predicted, true = octant.topology
    if predicted.loops == 0 and true.loops == 0:
        return (LoopDeaths(none, none), LoopDeaths(none, none)), none
    deaths = find_loop_deaths(predicted.cells, true.cells, cells_of(octant.union), octant.columns)
    for topology, found in zip(octant.topology, deaths, strict=True):
        assert topology.loops == len(found.surviving) + len(found.filled)
    of_prediction, of_label = (death.surviving for death in deaths)
    return deaths, of_prediction[_is_among(of_prediction, of_label)]


def _loop_features(
    octant: _Octant,
    deaths: LoopDeaths,
    matched: Ints,
    side: int,
    pieces: Components | None,
) -> Features:
    survivors = deaths.surviving[~_is_among(deaths.surviving, matched)]
    size, extent = np.zeros(0, np.int64), np.zeros((0, 6), np.int32)
    filled_place = _place_voxels(deaths.filled, ~octant.masks[side])
    if pieces is not None and len(deaths.filled):
        piece = _components_at(pieces, filled_place)
        present, position = np.unique(piece, return_inverse=True)
        size = pieces.sizes()[piece]
        extent = _extents_of(pieces, present)[position]
    survivor_place = _place_voxels(survivors, ~(octant.masks[0] | octant.masks[1]))
    place = np.concatenate((filled_place, survivor_place))
    reach = (survivors[:, 3:] != np.arange(3)).astype(np.int32) + 1
    box = np.concatenate((survivors[:, :3], survivors[:, :3] + reach), axis=1)
    unknown = np.full((len(place), 3), -1, np.int32)
    counts = (len(deaths.filled), len(survivors))
    return Features(
        fate=np.repeat(np.array([Fate.FILLED, Fate.SURVIVES], np.uint8), counts),
        place=place,
        seed=place,
        birth=unknown,
        death=unknown,
        square=np.concatenate((deaths.filled, survivors)),
        size=np.concatenate((size, np.zeros(len(survivors), np.int64))),
        gap=np.zeros(len(place), np.int32),
        extent=np.concatenate((extent, box)),
    )


def _place_voxels(squares: Ints, candidates: Mask) -> Ints:
    """Return the vertex of each square that shows its place, the first that is a candidate.

    The order is: the vertex along both directions of the square, along the slower one only, along
    the faster one only, the smallest vertex.
    """
    normal = squares[:, 3]
    slower = np.where(normal == 0, 1, 0)
    faster = np.where(normal == 2, 1, 2)
    chosen = squares[:, :3].copy()
    is_left = np.ones(len(squares), np.bool_)
    rows = np.arange(len(squares))
    for along_slower, along_faster in product((1, 0), (1, 0)):
        vertex = squares[:, :3].copy()
        vertex[rows, slower] += along_slower
        vertex[rows, faster] += along_faster
        take = is_left & candidates[tuple(vertex.T)]
        chosen[take] = vertex[take]
        is_left &= ~take
    return chosen


def _is_among(squares: Ints, others: Ints) -> Flags:
    """Return which squares are among the others."""
    return np.isin(_square_keys(squares), _square_keys(others))


def _square_keys(squares: Ints) -> Indices:
    keys = np.zeros(len(squares), np.int64)
    for column in squares.T:
        keys = keys << 20 | column
    return keys


# ---- cavities ------------------------------------------------------------------------------


def _cavities(octant: _Octant) -> tuple[list[Features], Ints]:
    """Return the unmatched cavities of both masks, and the matched ones."""
    backgrounds = [topology.background for topology in octant.topology]
    if all(background.cavities == 0 for background in backgrounds):
        return [_no_features(), _no_features()], np.zeros((0, 2, 3), np.int32)
    matching = match_cavities(backgrounds[0], backgrounds[1], octant.union, octant.columns)
    features, matched = [], []
    for side, background in enumerate(backgrounds):
        components = background.components
        last = _last_voxels(components)
        matched.append(last[matching.pairs[:, side]])
        unmatched = background.is_cavity.copy()
        unmatched[matching.pairs[:, side]] = False
        chosen = np.flatnonzero(unmatched)
        place = last[chosen]
        survives = matching.survives[side][chosen]
        features.append(
            Features(
                fate=np.where(survives, Fate.SURVIVES, Fate.FILLED).astype(np.uint8),
                place=place,
                seed=place,
                birth=place + 1,
                death=place,
                square=np.full((chosen.size, 4), -1, np.int32),
                size=components.sizes()[chosen],
                gap=np.zeros(chosen.size, np.int32),
                extent=_extents_of(components, chosen),
            )
        )
    return features, np.stack(matched, axis=1)


def _last_voxels(components: Components) -> Ints:
    runs, last = components.runs, last_runs(components)
    plane, row = np.divmod(rows_of(runs, last), runs.shape[1])
    return np.stack((plane, row, runs.stop[last] - 1), axis=1).astype(np.int32)


# ---- runs ----------------------------------------------------------------------------------


def _no_features() -> Features:
    places = np.zeros((0, 3), np.int32)
    return Features(
        np.zeros(0, np.uint8),
        places,
        places,
        places,
        places,
        np.zeros((0, 4), np.int32),
        np.zeros(0, np.int64),
        np.zeros(0, np.int32),
        np.zeros((0, 6), np.int32),
    )


def _voxels(runs: Runs, positions: Indices) -> Ints:
    """Return the first voxels of some of the runs, (N, 3)."""
    plane, row = np.divmod(rows_of(runs, positions), runs.shape[1])
    return np.stack((plane, row, runs.first[positions]), axis=1).astype(np.int32)


def _components_at(components: Components, voxels: Ints) -> Ints:
    """Return the components that voxels lie in."""
    from napari_nx46.leaderboard.kernels.runs import runs_at

    runs = components.runs
    row = voxels[:, 0] * np.int32(runs.shape[1]) + voxels[:, 1]
    x = np.ascontiguousarray(voxels[:, 2])
    found: Ints = components.component[runs_at(runs.row_starts, runs.stop, row, x)]
    return found


def _extents_of(components: Components, chosen: Indices | Ints) -> Ints:
    """Return the boxes around some of the components, (N, 6)."""
    numbers = np.full(components.count, -1, np.int32)
    numbers[chosen] = np.arange(len(chosen))
    return extents(components.runs, numbers[components.component], len(chosen))
