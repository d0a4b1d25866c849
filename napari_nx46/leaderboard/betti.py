"""Betti matching of two binary masks inside one octant: counts for the dimensions 0, 1 and 2.

The complex of a mask has its voxels as vertices, so that its foreground is 6-connected and its
background 26-connected. The background is at level 1 of a two-level filtration: a feature of a
mask is born at level 0 and dies in the cell that ends it, the cells of level 1 being added in
raster order (Stucki et al. 2024, arXiv 2407.04683). A feature of A and a feature of B are matched
if they die in the same cell when the cells are added to the union C of A and B. For two levels
this needs no persistent homology:

- The features of a mask are its components without one (which never dies), its loops and its
  cavities: their numbers are Betti numbers, the loops following from the Euler characteristic.
- Dimensions 0 and 2: see `napari_nx46.leaderboard.matching`.
- Dimension 1: see `napari_nx46.leaderboard.loops`.
"""

from __future__ import annotations

from dataclasses import dataclass

from napari_nx46.leaderboard.bits import Cells, Mask, cells_of, euler_characteristic
from napari_nx46.leaderboard.components import runs_of
from napari_nx46.leaderboard.loops import count_matched_loops
from napari_nx46.leaderboard.matching import (
    Background,
    background_of,
    match_cavities,
    match_components,
)
from napari_nx46.leaderboard.results import MatchCounts
from napari_nx46.voxels.packed import Words, pack
from napari_nx46.voxels.spans import Components, components_of

__all__ = ["DimensionCounts", "Topology", "match_counts", "matches_of", "topology_of"]

DimensionCounts = tuple[MatchCounts, MatchCounts, MatchCounts]


@dataclass(frozen=True, slots=True, eq=False)
class Topology:
    """What is needed of one mask.

    Parameters
    ----------
    cells : Cells
    components : Components
        6-connected components of the foreground.
    background : Background
        26-connected components of the background.
    loops : int
    """

    cells: Cells
    components: Components
    background: Background
    loops: int


def match_counts(prediction: Mask, label: Mask) -> DimensionCounts:
    """Count the matched and all features of two masks, everything outside being background.

    Parameters
    ----------
    prediction, label : ndarray of bool
        (Z, Y, X) of one shape, no axis empty.

    Returns
    -------
    tuple of MatchCounts
        Components, loops and cavities.
    """
    columns = prediction.shape[2]
    return matches_of(
        topology_of(pack(prediction).words, columns),
        topology_of(pack(label).words, columns),
        columns,
    )


def matches_of(predicted: Topology, true: Topology, columns: int) -> DimensionCounts:
    """Count the matched and all features of two masks whose own features are known.

    Parameters
    ----------
    predicted, true : Topology
        Of prediction and label.
    columns : int
        X.

    Returns
    -------
    tuple of MatchCounts
        Components, loops and cavities.
    """
    union = predicted.cells.vertices | true.cells.vertices
    return (
        MatchCounts(
            _matched_components(predicted, true, union, columns),
            max(predicted.components.count - 1, 0),
            max(true.components.count - 1, 0),
        ),
        MatchCounts(_matched_loops(predicted, true, union, columns), predicted.loops, true.loops),
        MatchCounts(
            _matched_cavities(predicted, true),
            predicted.background.cavities,
            true.background.cavities,
        ),
    )


def topology_of(vertices: Words, columns: int) -> Topology:
    """Find the features of one mask.

    Parameters
    ----------
    vertices : ndarray of uint64
        (Z, Y, W), packed without a margin.
    columns : int
        X.

    Returns
    -------
    Topology
    """
    cells = cells_of(vertices)
    components = components_of(runs_of(vertices, columns), 6)
    background = background_of(vertices, columns)
    # Euler: components - loops + cavities = vertices - edges + squares - cubes.
    loops = components.count + background.cavities - euler_characteristic(cells)
    return Topology(cells, components, background, loops)


def _matched_components(predicted: Topology, true: Topology, union: Words, columns: int) -> int:
    if predicted.components.count == 0 or true.components.count == 0:
        return 0
    matching = match_components(predicted.components, true.components, union, columns)
    return len(matching.pairs)


def _matched_loops(predicted: Topology, true: Topology, union: Words, columns: int) -> int:
    if predicted.loops == 0 or true.loops == 0:
        return 0
    return count_matched_loops(
        predicted.cells,
        true.cells,
        cells_of(union),
        columns,
        label_first=true.loops < predicted.loops,
    )


def _matched_cavities(predicted: Topology, true: Topology) -> int:
    if predicted.background.cavities == 0 or true.background.cavities == 0:
        return 0
    return len(match_cavities(predicted.background, true.background).pairs)
