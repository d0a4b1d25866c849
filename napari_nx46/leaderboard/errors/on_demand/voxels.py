"""The voxels of one item, computed when they are asked for."""

from __future__ import annotations

from itertools import product

import numpy as np
import numpy.typing as npt

from napari_nx46.leaderboard.cycles import cycle_around
from napari_nx46.leaderboard.errors.component_features import ways
from napari_nx46.leaderboard.errors.features import Fate
from napari_nx46.leaderboard.errors.runs import (
    components_at,
    runs_within,
    runs_without,
    voxels_in,
)
from napari_nx46.leaderboard.errors.surface_regions import SurfaceRegions
from napari_nx46.leaderboard.errors.table import TopologyErrors
from napari_nx46.leaderboard.errors.voi_pairs import NO_COMPONENT, VoiPairs
from napari_nx46.voxels.packed import PackedMask, unpack
from napari_nx46.voxels.spans import Components, Runs, find_components, find_runs

__all__ = [
    "block_of",
    "feature_components",
    "feature_cycle",
    "feature_voxels",
    "feature_way",
    "pair_voxels",
    "region_voxels",
    "runs_of_component",
]

Ints = npt.NDArray[np.int32]
Mask = npt.NDArray[np.uint8]
Masks = tuple[PackedMask, PackedMask]


def feature_way(
    topology: TopologyErrors, row: int, masks: Masks, block: tuple[slice, slice, slice]
) -> Ints:
    """Return the voxels of the way from a joined component to the nearest other one.

    Parameters
    ----------
    topology : TopologyErrors
    row : int
    masks : tuple of PackedMask
        Prediction and label.
    block : tuple of slice
        The feature's octant.
    """
    features = topology.features
    if features.fate[row] != Fate.JOINED:
        return np.zeros((0, 3), np.int32)
    side = int(topology.side[row])
    origin = np.array([axis.start for axis in block], np.int32)
    own, other = (np.ascontiguousarray(block_of(masks[k], block)) for k in (side, 1 - side))
    components = find_components(own, 6)
    number = _component_at(components, features.seed[row] - origin)
    _, _, way = ways(components, np.array([number]), find_runs(_without(other, own)))
    voxels = np.stack(np.unravel_index(way, own.shape), axis=1)
    found: Ints = (voxels + origin).astype(np.int32)
    return found


def feature_cycle(
    topology: TopologyErrors, row: int, masks: Masks, block: tuple[slice, slice, slice]
) -> Ints:
    """Return a closed way in the mask that owns a loop, around the loop's place."""
    if topology.dimension[row] != 1:
        return np.zeros((0, 3), np.int32)
    origin = np.array([axis.start for axis in block], np.int32)
    own = block_of(masks[int(topology.side[row])], block)
    z, y, x = (topology.features.place[row] - origin).tolist()
    found: Ints = cycle_around(own, (z, y, x)) + origin
    return found


def feature_voxels(
    topology: TopologyErrors, row: int, masks: Masks, block: tuple[slice, slice, slice]
) -> Ints:
    """Return the voxels of an unmatched feature; see `Explanation.voxels_of`."""
    features, side, dimension = topology.features, topology.side[row], topology.dimension[row]
    if dimension == 1 and features.fate[row] == Fate.SURVIVES:
        return _square_voxels(features.death[row])
    origin = np.array([axis.start for axis in block], np.int32)
    components = feature_components(int(dimension), int(side), masks, block)
    number = _component_at(components, features.seed[row] - origin)
    found: Ints = voxels_in(components.runs, components.component == number) + origin
    return found


def feature_components(
    dimension: int, side: int, masks: Masks, block: tuple[slice, slice, slice]
) -> Components:
    """Return the components of an octant that features of a kind are, or are filled by.

    Parameters
    ----------
    dimension : {0, 1, 2}
        0 for the components of a mask, 1 for the pieces of the other mask without this one, 2 for
        the components of the mask's background.
    side : {0, 1}
        The mask that owns the features.
    masks : tuple of PackedMask
        Prediction and label.
    block : tuple of slice
        The octant.
    """
    own = block_of(masks[side], block)
    if dimension == 1:
        return find_components(_without(block_of(masks[1 - side], block), own), 6)
    return find_components(
        np.ascontiguousarray(own), 6 if dimension == 0 else 26, background=dimension == 2
    )


def _square_voxels(square: Ints) -> Ints:
    """Return the four voxels of a square, in raster order."""
    spans = [(0, 1) if axis != square[3] else (0,) for axis in range(3)]
    voxels: Ints = square[:3] + np.array(list(product(*spans)), np.int32)
    return voxels


def pair_voxels(pairs: VoiPairs, row: int) -> Ints:
    """Return the voxels that a pair of components shares."""
    sides = zip(pairs.components, (pairs.predicted[row], pairs.true[row]), strict=True)
    chosen: list[Runs] = []
    for components, number in sides:
        if number != NO_COMPONENT:
            chosen.append(runs_of_component(components, int(number)))
    if pairs.predicted[row] == NO_COMPONENT:
        found = runs_without(chosen[0], pairs.components[0].runs)
    elif pairs.true[row] == NO_COMPONENT:
        found = runs_without(chosen[0], pairs.components[1].runs)
    else:
        found = runs_within(chosen[0], chosen[1])
    return voxels_in(found, np.ones(found.first.size, np.bool_))


def region_voxels(regions: SurfaceRegions, row: int) -> Ints:
    """Return the corners of a region of missed surface."""
    before = int(np.count_nonzero(regions.side == 0))
    side = int(regions.side[row])
    components = regions.components[side]
    number = row - before if side else row
    return voxels_in(components.runs, components.component == number)


def runs_of_component(components: Components, number: int) -> Runs:
    """Return the runs of one component."""
    chosen = components.component == number
    runs = components.runs
    before = np.append(0, np.cumsum(chosen))
    return Runs(runs.shape, before[runs.row_starts], runs.first[chosen], runs.stop[chosen])


def _component_at(components: Components, voxel: Ints) -> int:
    """Return the component that a voxel lies in."""
    return int(components_at(components, voxel.astype(np.int32)[np.newaxis])[0])


def block_of(mask: PackedMask, box: tuple[slice, slice, slice]) -> Mask:
    """Return a block of a mask that is packed without a margin."""
    z, y, x = box
    words = mask.words[z, y]
    shape = (*words.shape[:2], mask.shape[2])
    return unpack(PackedMask(words, shape, (0, 0, 0)))[..., x]


def _without(mask: Mask, other: Mask) -> Mask:
    """Return the voxels of a mask that are not in another one."""
    rest: Mask = np.greater(mask, other).view(np.uint8)
    return rest
