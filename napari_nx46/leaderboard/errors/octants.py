"""Find the features of an octant that Betti matching leaves without a partner."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from napari_nx46.leaderboard.betti import Topology, topology_of
from napari_nx46.leaderboard.bits import Mask, cells_of
from napari_nx46.leaderboard.components import first_runs, runs_of
from napari_nx46.leaderboard.errors.component_features import (
    component_features,
    unmatched_components,
)
from napari_nx46.leaderboard.errors.features import (
    Fate,
    Features,
    Matched,
    OctantFeatures,
    no_features,
)
from napari_nx46.leaderboard.errors.runs import (
    components_at,
    first_voxels,
    last_voxels,
)
from napari_nx46.leaderboard.loops import LoopDeaths, find_loop_deaths
from napari_nx46.leaderboard.matching import match_cavities, match_components
from napari_nx46.leaderboard.results import MatchCounts
from napari_nx46.voxels.packed import Words, pack
from napari_nx46.voxels.spans import Runs, components_of

__all__ = ["find_features"]

Ints = npt.NDArray[np.int32]
Indices = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]

_SIDES = (0, 1)


@dataclass(frozen=True, slots=True, eq=False)
class _Octant:
    """Two masks of an octant; index 0 is the prediction, 1 the label."""

    topology: tuple[Topology, Topology]
    union: Words
    columns: int

    def filling(self, side: int) -> Runs:
        """Return the runs of the other mask without this one."""
        words = [topology.cells.vertices for topology in self.topology]
        return runs_of(words[1 - side] & ~words[side], self.columns)


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
    octant = _Octant((predicted, true), union, columns)
    matching = match_components(predicted.components, true.components, union, columns)
    cavities, cavity_pairs = _cavities(octant)
    deaths, loop_pairs = _loops(octant)
    masks = predicted.components, true.components
    components, loops = [], []
    for side in _SIDES:
        chosen, fate = unmatched_components(masks, matching, side)
        filling = None
        if len(deaths[side].filled) or (fate == Fate.JOINED).any():
            filling = octant.filling(side)
        components.append(component_features(masks[side], chosen, fate, filling))
        loops.append(_loop_features(octant, deaths[side], loop_pairs, side, filling))
    births = [first_voxels(t.components.runs, first_runs(t.components)) for t in octant.topology]
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


# ---- loops ---------------------------------------------------------------------------------


def _loops(octant: _Octant) -> tuple[list[LoopDeaths], Ints]:
    """Return where the loops of both masks die, and the squares at which two of them do."""
    none = np.zeros((0, 4), np.int32)
    deaths = [LoopDeaths(none, none), LoopDeaths(none, none)]
    with_loops = [side for side in _SIDES if octant.topology[side].loops]
    if with_loops:
        cells = [octant.topology[side].cells for side in with_loops]
        found = find_loop_deaths(cells, cells_of(octant.union), octant.columns)
        for side, of_side in zip(with_loops, found, strict=True):
            assert octant.topology[side].loops == len(of_side.surviving) + len(of_side.filled)
            deaths[side] = of_side
    of_prediction, of_label = (death.surviving for death in deaths)
    return deaths, of_prediction[_is_among(of_prediction, of_label)]


def _loop_features(
    octant: _Octant,
    deaths: LoopDeaths,
    matched: Ints,
    side: int,
    filling: Runs | None,
) -> Features:
    from napari_nx46.leaderboard.kernels.places import place_voxels

    survivors = deaths.surviving[~_is_among(deaths.surviving, matched)]
    filled_place = place_voxels(deaths.filled, octant.topology[side].cells.vertices)
    survivor_place = place_voxels(survivors, octant.union)
    place = np.concatenate((filled_place, survivor_place))
    counts = (len(deaths.filled), len(survivors))
    return Features(
        fate=np.repeat(np.array([Fate.FILLED, Fate.SURVIVES], np.uint8), counts),
        place=place,
        seed=place,
        death=np.concatenate((deaths.filled, survivors)),
        size=np.concatenate(
            (_piece_sizes(filled_place, filling), np.zeros(len(survivors), np.int64))
        ),
        gap=np.zeros(len(place), np.int32),
    )


def _piece_sizes(voxels: Ints, filling: Runs | None) -> Indices:
    """Return the sizes of the 6-connected pieces that voxels lie in."""
    if filling is None or not len(voxels):
        return np.zeros(0, np.int64)
    pieces = components_of(filling, 6)
    return pieces.sizes()[components_at(pieces, voxels)]


def _is_among(squares: Ints, others: Ints) -> Flags:
    """Return which squares are among the others."""
    return np.isin(_square_keys(squares), _square_keys(others))


def _square_keys(squares: Ints) -> Indices:
    """Return one number for each square; no axis of an octant is longer than 2**20."""
    z, y, x, normal = squares.T.astype(np.int64)
    keys: Indices = z << 42 | y << 22 | x << 2 | normal
    return keys


# ---- cavities ------------------------------------------------------------------------------


def _cavities(octant: _Octant) -> tuple[list[Features], Ints]:
    """Return the unmatched cavities of both masks, and the matched ones."""
    backgrounds = [topology.background for topology in octant.topology]
    if all(background.cavities == 0 for background in backgrounds):
        return [no_features(), no_features()], np.zeros((0, 2, 3), np.int32)
    matching = match_cavities(backgrounds[0], backgrounds[1])
    features, matched = [], []
    for side, background in enumerate(backgrounds):
        components = background.components
        last = last_voxels(components)
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
                death=np.pad(place, ((0, 0), (0, 1)), constant_values=-1),
                size=components.sizes()[chosen],
                gap=np.zeros(chosen.size, np.int32),
            )
        )
    return features, np.stack(matched, axis=1)
