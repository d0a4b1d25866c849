"""Betti matching of two binary masks inside one octant: counts for the dimensions 0, 1 and 2.

The complex of a mask has its voxels as vertices, so that its foreground is 6-connected and its
background 26-connected. The background is at level 1 of a two-level filtration: a feature of a
mask is born at level 0 and dies in the cell that ends it, the cells of level 1 being added in
raster order (Stucki et al. 2024, arXiv 2407.04683). A feature of A and a feature of B are matched
if they die in the same cell when the cells are added to the union C of A and B. For two levels
this needs no persistent homology:

- The features of a mask are its components without one (which never dies), its loops and its
  cavities: their numbers are Betti numbers, the loops following from the Euler characteristic.
- Dimension 0: see `_matched_components`.
- Dimension 1: see `napari_nx46.leaderboard.loops`.
- Dimension 2: see `_matched_cavities`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from napari_nx46.leaderboard.bits import (
    Cells,
    Mask,
    cells_of,
    euler_characteristic,
    leading_bits,
)
from napari_nx46.leaderboard.components import runs_of
from napari_nx46.leaderboard.loops import count_matched_loops
from napari_nx46.leaderboard.results import MatchCounts
from napari_nx46.voxels.packed import Words, pack
from napari_nx46.voxels.spans import ALL_FACES, Components, components_of

__all__ = ["match_counts"]

_IN_PREDICTION, _IN_LABEL = 1, 2

Ints = npt.NDArray[np.int32]
DimensionCounts = tuple[MatchCounts, MatchCounts, MatchCounts]


@dataclass(frozen=True, slots=True, eq=False)
class _Topology:
    """What is needed of one mask.

    Parameters
    ----------
    cells : Cells
    components : Components
        6-connected components of the foreground.
    background : Components
        26-connected components of the background.
    is_cavity : ndarray of bool
        (background.count,): the component does not touch a face of the volume.
    loops : int
    """

    cells: Cells
    components: Components
    background: Components
    is_cavity: npt.NDArray[np.bool_]
    loops: int

    @property
    def cavities(self) -> int:
        return int(np.count_nonzero(self.is_cavity))


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
    predicted = _topology(pack(prediction).words, columns)
    true = _topology(pack(label).words, columns)
    union = predicted.cells.vertices | true.cells.vertices
    return (
        MatchCounts(
            _matched_components(predicted, true, union, columns),
            max(predicted.components.count - 1, 0),
            max(true.components.count - 1, 0),
        ),
        MatchCounts(_matched_loops(predicted, true, union, columns), predicted.loops, true.loops),
        MatchCounts(
            _matched_cavities(predicted, true, union, columns), predicted.cavities, true.cavities
        ),
    )


def _topology(vertices: Words, columns: int) -> _Topology:
    cells = cells_of(vertices)
    components = components_of(runs_of(vertices, columns), 6)
    background, is_cavity = _background(vertices, columns)
    # Euler: components - loops + cavities = vertices - edges + squares - cubes.
    cavities = int(np.count_nonzero(is_cavity))
    loops = components.count + cavities - euler_characteristic(cells)
    return _Topology(cells, components, background, is_cavity, loops)


def _background(vertices: Words, columns: int) -> tuple[Components, npt.NDArray[np.bool_]]:
    """Return the components of the background, and which of them touch no face."""
    background = components_of(runs_of(~vertices & leading_bits(columns, columns), columns), 26)
    return background, ~background.touching(ALL_FACES)


def _matched_components(predicted: _Topology, true: _Topology, union: Words, columns: int) -> int:
    """Count the components that die at the same edge in both masks.

    In C plus the edges added so far, a component of A dies when two parts that both hold voxels
    of A are joined. So it is Kruskal's algorithm on the background edges, counting the joins of
    two parts that both hold voxels of both masks.

    In raster order this needs no union-find. Each voxel has an edge from an earlier one, hence all
    voxels up to the current one are in one part already, and each step adds to it the component
    of C that the next background edge reaches. Let a component of C be *shared* if it holds voxels
    of both masks. A shared component counts unless the part it is added to is not shared itself,
    which happens at most once: to the first shared component, if no component of A and component
    of B have come together before it.
    """
    from napari_nx46.leaderboard.kernels.first_shared import part_is_shared_before
    from napari_nx46.leaderboard.kernels.runs import flag_components

    if predicted.components.count == 0 or true.components.count == 0:
        return 0
    components = components_of(runs_of(union, columns), 6)
    runs = components.runs
    flags = np.zeros(components.count, np.uint8)
    for flag, mask in ((_IN_PREDICTION, predicted), (_IN_LABEL, true)):
        inner = mask.components.runs
        flag_components(
            runs.row_starts,
            runs.stop,
            components.component,
            inner.row_starts,
            inner.first,
            flag,
            flags,
        )
    shared = int(np.count_nonzero(flags == _IN_PREDICTION | _IN_LABEL))
    if shared == 0:
        return 0
    before = part_is_shared_before(
        union,
        runs.row_starts,
        runs.stop,
        components.component,
        flags,
        _IN_PREDICTION | _IN_LABEL,
    )
    return shared if before else shared - 1


def _matched_loops(predicted: _Topology, true: _Topology, union: Words, columns: int) -> int:
    if predicted.loops == 0 or true.loops == 0:
        return 0
    return count_matched_loops(
        predicted.cells,
        true.cells,
        cells_of(union),
        columns,
        label_first=true.loops < predicted.loops,
    )


def _matched_cavities(predicted: _Topology, true: _Topology, union: Words, columns: int) -> int:
    """Count the cavities that die in the same cube in both masks.

    A cavity of A dies when the last cavity of C inside it is filled, which is the one that reaches
    furthest in raster order. So a cavity of C is a match if it is the last one in a cavity of A
    and the last one in a cavity of B.
    """
    if predicted.cavities == 0 or true.cavities == 0:
        return 0
    background, is_cavity = _background(union, columns)
    last_run = np.zeros(background.count, np.int64)
    np.maximum.at(last_run, background.component, np.arange(background.component.size))
    last_runs = np.sort(last_run[is_cavity])  # runs are numbered in raster order
    row = background.runs.rows()[last_runs].astype(np.int32)
    x = background.runs.stop[last_runs] - 1
    is_last = [_last_in_cavity(mask, row, x) for mask in (predicted, true)]
    return int(np.count_nonzero(is_last[0] & is_last[1]))


def _last_in_cavity(mask: _Topology, row: Ints, x: Ints) -> npt.NDArray[np.bool_]:
    """Return which of the voxels, in raster order, is the last one in a cavity of the mask."""
    from napari_nx46.leaderboard.kernels.runs import runs_at

    runs = mask.background.runs
    component = mask.background.component[
        runs_at(runs.row_starts, runs.stop, row.astype(np.int32), x)
    ]
    voxel = np.arange(component.size)
    last_voxel = np.full(mask.background.count, -1, np.int64)
    np.maximum.at(last_voxel, component, voxel)
    is_last: npt.NDArray[np.bool_] = last_voxel[component] == voxel
    return is_last & mask.is_cavity[component]
