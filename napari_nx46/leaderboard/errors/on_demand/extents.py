"""The boxes around errors, computed when they are asked for: the list itself needs none."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product

import numpy as np
import numpy.typing as npt

from napari_nx46.leaderboard.components import extents
from napari_nx46.leaderboard.errors.features import Fate
from napari_nx46.leaderboard.errors.on_demand.voxels import feature_components
from napari_nx46.leaderboard.errors.runs import components_at
from napari_nx46.leaderboard.errors.surface_regions import SurfaceRegions
from napari_nx46.leaderboard.errors.table import TopologyErrors
from napari_nx46.leaderboard.errors.voi_pairs import (
    NO_COMPONENT,
    VoiPairs,
    runs_alone,
    shared_runs,
)
from napari_nx46.leaderboard.voi import count_shared
from napari_nx46.voxels.blocks import Block
from napari_nx46.voxels.packed import PackedMask

__all__ = ["feature_extents", "pair_extents", "region_extents"]

Ints = npt.NDArray[np.int32]


def feature_extents(
    topology: TopologyErrors, masks: tuple[PackedMask, PackedMask], octants: Sequence[Block]
) -> Ints:
    """Return the box around the voxels of each unmatched feature, (N, 6).

    Of a loop that survives that is the box of its square. First voxel and the one after the last.
    """
    features = topology.features
    boxes = np.empty((topology.side.size, 6), np.int32)
    is_square = (topology.dimension == 1) & (features.fate == Fate.SURVIVES)
    square = features.death[is_square]
    boxes[is_square, :3] = square[:, :3]
    boxes[is_square, 3:] = square[:, :3] + (square[:, 3:] != np.arange(3)) + 1
    for number, dimension, side in product(range(len(octants)), range(3), range(2)):
        rows = np.flatnonzero(
            (topology.octant == number)
            & (topology.dimension == dimension)
            & (topology.side == side)
            & ~is_square
        )
        if rows.size:
            block = octants[number]
            origin = np.array([axis.start for axis in block], np.int32)
            found = feature_components(dimension, side, masks, block)
            here = extents(found.runs, found.component, found.count)
            component = components_at(found, features.seed[rows] - origin)
            boxes[rows] = here[component] + np.tile(origin, 2)
    return boxes


def pair_extents(pairs: VoiPairs) -> Ints:
    """Return the box around the voxels that each pair of components shares, (M, 6)."""
    predicted, true = pairs.components
    _, _, shared, stretches = count_shared(predicted, true)
    runs, pair = shared_runs(predicted.runs, true.runs, stretches)
    boxes = [extents(runs, pair, shared.size)]
    for mask, other, number, of_other in (
        (predicted, true, pairs.predicted, pairs.true),
        (true, predicted, pairs.true, pairs.predicted),
    ):
        rest, owner = runs_alone(mask, other)
        alone = number[of_other == NO_COMPONENT]
        boxes.append(extents(rest, owner, mask.count)[alone])
    return np.concatenate(boxes)


def region_extents(regions: SurfaceRegions) -> Ints:
    """Return the box around the corners of each region, (N, 6)."""
    return np.concatenate([extents(c.runs, c.component, c.count) for c in regions.components])
