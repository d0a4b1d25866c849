"""Which components, and which cavities, Betti matching pairs: `betti` has what a match is.

Components
----------
In C plus the edges added so far, a component of A dies when two parts that both hold voxels of A
are joined. In raster order each voxel has an edge from an earlier one, hence all voxels up to the
current one are in one part already, and each step adds to it the component of C that the next
background edge reaches. Of the two components of A that such a step brings together, the one that
was born later dies; if one of B dies at the same step, the two are matched.

Cavities
--------
A cavity of A dies when the last cavity of C inside it is filled, which is the one that reaches
furthest in raster order. So a cavity of C gives a match if it is the last one in a cavity of A and
the last one in a cavity of B. What B leaves of a cavity of A are cavities of C, whole ones: two
cavities match if the last voxel that B leaves of the one is the last that A leaves of the other.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from napari_nx46.leaderboard.bits import leading_bits
from napari_nx46.leaderboard.components import (
    outer_components,
    reach_keys,
    runs_of,
)
from napari_nx46.voxels.packed import Words
from napari_nx46.voxels.spans import ALL_FACES, Components, components_of

__all__ = [
    "Background",
    "CavityMatching",
    "ComponentMatching",
    "background_of",
    "match_cavities",
    "match_components",
]

Ints = npt.NDArray[np.int32]
Indices = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class Background:
    """The background of a mask.

    Parameters
    ----------
    components : Components
        26-connected.
    is_cavity : ndarray of bool
        (count,): the component does not touch a face of the volume.
    """

    components: Components
    is_cavity: Flags

    @property
    def cavities(self) -> int:
        """How many components are cavities."""
        return int(np.count_nonzero(self.is_cavity))


@dataclass(frozen=True, slots=True, eq=False)
class ComponentMatching:
    """The components of two masks, in those of their union C.

    Parameters
    ----------
    union : Components
        6-connected components of C.
    pairs : ndarray of int64
        (M, 2): the matched components of the prediction and of the label.
    outer : tuple of ndarray of int32
        For the prediction and the label, the component of C that each component lies in.
    inner : tuple of ndarray of int64
        For the prediction and the label, the first component in each component of C; the number
        of components where there is none.
    """

    union: Components
    pairs: Indices
    outer: tuple[Ints, Ints]
    inner: tuple[Indices, Indices]


@dataclass(frozen=True, slots=True, eq=False)
class CavityMatching:
    """The cavities of two masks.

    Parameters
    ----------
    pairs : ndarray of int32
        (M, 2): the matched cavities, as components of the background of prediction and label.
    survives : tuple of ndarray of bool
        For the prediction and the label, which components of the background hold a cavity of C.
    """

    pairs: Ints
    survives: tuple[Flags, Flags]


def background_of(vertices: Words, columns: int) -> Background:
    """Find the components of a packed mask's background, and which of them are cavities.

    Parameters
    ----------
    vertices : ndarray of uint64
        (Z, Y, W).
    columns : int
        X.

    Returns
    -------
    Background
    """
    all_voxels = leading_bits(columns, columns)
    components = components_of(runs_of(~vertices & all_voxels, columns), 26)
    return Background(components, ~components.touching(ALL_FACES))


def match_components(
    predicted: Components, true: Components, union: Words, columns: int
) -> ComponentMatching:
    """Match the components that die at the same edge in both masks.

    Parameters
    ----------
    predicted, true : Components
        6-connected.
    union : ndarray of uint64
        (Z, Y, W): the union of the two masks.
    columns : int
        X.

    Returns
    -------
    ComponentMatching
    """
    parts = components_of(runs_of(union, columns), 6)
    outer = outer_components(predicted, parts), outer_components(true, parts)
    inner = _first_in(outer[0], parts.count), _first_in(outer[1], parts.count)
    order = np.argsort(reach_keys(parts), kind="stable")
    matched = np.ones(parts.count, np.bool_)
    dies = []
    for of_mask, first in zip(outer, inner, strict=True):
        count = of_mask.size
        first_in_part = first[order]
        before = np.append(count, np.minimum.accumulate(first_in_part))[:-1]
        matched &= (first_in_part < count) & (before < count)
        dies.append(np.maximum(before, first_in_part))
    pairs = np.stack([component[matched] for component in dies], axis=1)
    return ComponentMatching(parts, pairs, outer, inner)


def match_cavities(predicted: Background, true: Background) -> CavityMatching:
    """Match the cavities that die in the same cube in both masks.

    Parameters
    ----------
    predicted, true : Background

    Returns
    -------
    CavityMatching
    """
    from napari_nx46.leaderboard.kernels.runs import overlaps

    p, g = (mask.components.runs for mask in (predicted, true))
    run_p, run_g, _ = overlaps(p.row_starts, p.first, p.stop, g.row_starts, g.first, g.stop)
    stretch = np.arange(run_p.size)  # of the union's background, in raster order
    lasts = []
    for mask, run in ((predicted, run_p), (true, run_g)):
        last = np.full(mask.components.count, -1, np.int64)
        last[mask.components.component[run]] = stretch  # of several the last one stays
        lasts.append(last)
    last_p, last_g = lasts
    end = np.sort(last_p[predicted.is_cavity & (last_p >= 0)])
    cavity_p, cavity_g = (
        predicted.components.component[run_p[end]],
        true.components.component[run_g[end]],
    )
    is_pair = true.is_cavity[cavity_g] & (last_g[cavity_g] == end)
    pairs = np.stack((cavity_p[is_pair], cavity_g[is_pair]), axis=1)
    return CavityMatching(pairs, (last_p >= 0, last_g >= 0))


def _first_in(outer: Ints, count: int) -> Indices:
    """Return the first inner component of each outer one; where there is none, their number."""
    first = np.full(count, outer.size, np.int64)
    first[outer[::-1]] = np.arange(outer.size)[::-1]
    return first
