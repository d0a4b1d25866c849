"""The voxels of one item, computed when they are asked for."""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from napari_nx46.leaderboard.components import outer_components
from napari_nx46.leaderboard.errors.features import Fate
from napari_nx46.leaderboard.errors.runs import run_list, runs_within, runs_without, voxels_in
from napari_nx46.leaderboard.errors.table import PARTS
from napari_nx46.leaderboard.errors.voi_pairs import NO_COMPONENT
from napari_nx46.voxels.packed import PackedMask, unpack
from napari_nx46.voxels.spans import Components, Runs, find_components

if TYPE_CHECKING:
    from napari_nx46.leaderboard.errors.explanation import Explanation

__all__ = ["item_voxels", "item_way"]

Ints = npt.NDArray[np.int32]
Mask = npt.NDArray[np.uint8]


def item_voxels(explanation: Explanation, item: int) -> Ints:
    """Return the voxels of an item; see `Explanation.voxels_of`."""
    table = explanation.items
    row, part = int(table.row[item]), PARTS[table.part[item]]
    if part == "surface":
        return _region(explanation, row)
    if part == "voi":
        return _pair(explanation, row)
    return _feature(explanation, row)


def item_way(explanation: Explanation, item: int) -> Ints:
    """Return the voxels of the way through a gap; see `Explanation.way_of`."""
    from napari_nx46.leaderboard.kernels.ways import shortest_way

    table = explanation.items
    row = int(table.row[item])
    features = explanation.topology.features
    if PARTS[table.part[item]] != "topology" or features.fate[row] != Fate.JOINED:
        return np.zeros((0, 3), np.int32)
    octant = explanation.octants[explanation.topology.octant[row]]
    side = int(explanation.topology.side[row])
    own, other = (
        np.ascontiguousarray(_block(explanation.masks[k], octant.box)) for k in (side, 1 - side)
    )
    union = find_components(np.bitwise_or(own, other), 6)
    components = find_components(own, 6)
    seed = features.seed[row] - np.array(octant.origin)
    number = _component_at(components, seed)
    outer = outer_components(components, union)
    ground = find_components(_without(other, own), 6)
    here = outer[number]
    way = shortest_way(
        octant.shape,
        1,
        run_list(components.runs, outer[components.component] == here),
        components.component[outer[components.component] == here] + np.int32(1),
        components.count,
        number + 1,
        run_list(ground.runs, (outer_components(ground, union) == here)[ground.component]),
    )
    voxels = np.stack(np.unravel_index(way, octant.shape), axis=1)
    return (voxels + np.array(octant.origin)).astype(np.int32)


def _feature(explanation: Explanation, row: int) -> Ints:
    topology = explanation.topology
    features, side = topology.features, int(topology.side[row])
    if topology.dimension[row] == 1 and features.fate[row] == Fate.SURVIVES:
        return _square_voxels(features.square[row])
    low, high = features.extent[row, :3], features.extent[row, 3:]
    z, y, x = (slice(int(a), int(b)) for a, b in zip(low, high, strict=True))
    own = _block(explanation.masks[side], (z, y, x))
    if topology.dimension[row] == 0:
        components = find_components(np.ascontiguousarray(own), 6)
    elif topology.dimension[row] == 1:
        other = _block(explanation.masks[1 - side], (z, y, x))
        components = find_components(_without(other, own), 6)
    else:
        components = find_components(np.ascontiguousarray(own), 26, background=True)
    number = _component_at(components, features.seed[row] - low)
    found: Ints = voxels_in(components.runs, components.component == number) + low
    return found


def _square_voxels(square: Ints) -> Ints:
    """Return the four voxels of a square, in raster order."""
    spans = [(0, 1) if axis != square[3] else (0,) for axis in range(3)]
    voxels: Ints = square[:3] + np.array(list(product(*spans)), np.int32)
    return voxels


def _pair(explanation: Explanation, row: int) -> Ints:
    pairs = explanation.voi
    sides = zip(pairs.components, (pairs.predicted[row], pairs.true[row]), strict=True)
    chosen: list[Runs] = []
    for components, number in sides:
        if number != NO_COMPONENT:
            chosen.append(_runs_of(components, int(number)))
    if pairs.predicted[row] == NO_COMPONENT:
        found = runs_without(chosen[0], pairs.components[0].runs)
    elif pairs.true[row] == NO_COMPONENT:
        found = runs_without(chosen[0], pairs.components[1].runs)
    else:
        found = runs_within(chosen[0], chosen[1])
    return voxels_in(found, np.ones(found.first.size, np.bool_))


def _region(explanation: Explanation, row: int) -> Ints:
    regions = explanation.surface
    before = int(np.count_nonzero(regions.side == 0))
    side = int(regions.side[row])
    components = regions.components[side]
    number = row - before if side else row
    return voxels_in(components.runs, components.component == number)


def _runs_of(components: Components, number: int) -> Runs:
    """Return the runs of one component."""
    chosen = components.component == number
    runs = components.runs
    before = np.append(0, np.cumsum(chosen))
    return Runs(runs.shape, before[runs.row_starts], runs.first[chosen], runs.stop[chosen])


def _component_at(components: Components, voxel: Ints) -> int:
    """Return the component that a voxel lies in."""
    z, y, x = (int(place) for place in voxel)
    runs = components.runs
    row = z * runs.shape[1] + y
    stops = runs.stop[runs.row_starts[row] : runs.row_starts[row + 1]]
    run = runs.row_starts[row] + np.searchsorted(stops, x, side="right")
    return int(components.component[run])


def _block(mask: PackedMask, box: tuple[slice, slice, slice]) -> Mask:
    """Return a block of a mask that is packed without a margin."""
    z, y, x = box
    words = mask.words[z, y]
    shape = (*words.shape[:2], mask.shape[2])
    return unpack(PackedMask(words, shape, (0, 0, 0)))[..., x]


def _without(mask: Mask, other: Mask) -> Mask:
    """Return the voxels of a mask that are not in another one."""
    rest: Mask = np.greater(mask, other).view(np.uint8)
    return rest
