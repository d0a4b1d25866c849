"""Where a leaderboard score is lost: every error, located and priced."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import product

import numpy as np
import numpy.typing as npt

from napari_nx46.leaderboard.errors.explanation import Explanation, Octant
from napari_nx46.leaderboard.errors.features import Matched, OctantFeatures, concatenated
from napari_nx46.leaderboard.errors.octants import find_features
from napari_nx46.leaderboard.errors.prices import gains_of, shares_of
from napari_nx46.leaderboard.errors.surface_regions import find_regions
from napari_nx46.leaderboard.errors.table import TopologyErrors, table_of
from napari_nx46.leaderboard.errors.voi_pairs import find_pairs
from napari_nx46.leaderboard.masks import binarise
from napari_nx46.leaderboard.parameters import COMPETITION, Parameters
from napari_nx46.leaderboard.score import compute_parts, summed_score
from napari_nx46.leaderboard.surface_dice import compare_surfaces
from napari_nx46.leaderboard.topology import topo_score
from napari_nx46.leaderboard.voi import contingency_of
from napari_nx46.voxels.blocks import Block, octants_of
from napari_nx46.voxels.packed import pack
from napari_nx46.voxels.workers import never

__all__ = ["explain"]


def explain(
    prediction: npt.ArrayLike,
    label: npt.ArrayLike,
    *,
    parameters: Parameters = COMPETITION,
    cancelled: Callable[[], bool] = never,
    workers: int = 2,
) -> Explanation:
    """Compute the leaderboard score with everything that costs points.

    Parameters
    ----------
    prediction, label : array_like
        (Z, Y, X) of one shape; boolean, integer or floating point. Foreground is what is not zero;
        NaN is background. They are not changed. Ignored voxels are background in both.
    parameters : Parameters
        The competition's by default.
    cancelled : callable, optional
        Asked before each octant and each other part, from the worker threads; once it returns True
        no more work is begun.
    workers : int
        Threads to compute with, at least 1. The result does not depend on their number.

    Returns
    -------
    Explanation
        `Explanation.items` lists the errors of all three parts, the costliest first.

    Raises
    ------
    ValueError, Cancelled
        As `score`.

    Examples
    --------
    A sheet with a hole of 2 x 2 voxels:

    >>> import numpy as np
    >>> from napari_nx46 import leaderboard
    >>> label = np.zeros((12, 12, 12), np.uint8)
    >>> label[3:5] = 1
    >>> prediction = label.copy()
    >>> prediction[3:5, 2:4, 2:4] = 0
    >>> found = leaderboard.explain(prediction, label)
    >>> worst = found.items
    >>> leaderboard.KINDS[worst.kind[0]], worst.place[0].tolist(), int(worst.size[0])
    ('hole', [3, 3, 3], 8)
    >>> found.voxels_of(0).shape
    (8, 3)
    >>> abs(found.shares_sum - (1 - found.score.value)) < 1e-9
    True
    """
    pair = binarise(prediction, label, parameters.ignore_label)
    weights = parameters.part_weights
    parts = compute_parts(
        pair,
        parameters,
        surface=lambda: find_regions(
            compare_surfaces(
                pair.prediction,
                pair.label,
                tolerance=parameters.tolerance,
                spacing=parameters.spacing,
            ),
            parameters.spacing,
        ),
        voi=lambda: find_pairs(
            contingency_of(pair.prediction, pair.label, parameters.voi_connectivity),
            parameters.voi_alpha,
            weights.voi,
            parameters.voi_reach,
        ),
        octant=lambda box: find_features(pair.prediction[box], pair.label[box]),
        cancelled=cancelled,
        workers=workers,
    )
    topo = topo_score((octant.counts for octant in parts.octants), parameters.dimension_weights)
    blocks = octants_of(pair.label.shape, parameters.octants)
    gains = gains_of(topo, parameters)
    topology = _topology_errors(parts.octants, blocks)
    items = table_of(
        topology,
        np.array(shares_of(topo, parameters)),
        np.array([[gain.of_side(side) for side in (0, 1)] for gain in gains]),
        parts.voi,
        parts.surface,
        (weights.voi, weights.surface_dice),
    )
    return Explanation(
        parameters,
        summed_score(parameters, topo, parts.surface.value, parts.voi.voi, parts.voxels),
        _octants(parts.octants, blocks),
        topology,
        gains,
        parts.voi,
        parts.surface,
        items,
        (pack(pair.prediction), pack(pair.label)),
    )


def _topology_errors(octants: Sequence[OctantFeatures], blocks: Sequence[Block]) -> TopologyErrors:
    """Put the features of all octants into one list, in coordinates of the volume."""
    keys = list(product(range(len(octants)), range(3), range(2)))
    groups = [
        (_origin(blocks[number]), octants[number].unmatched[dimension][side])
        for number, dimension, side in keys
    ]
    number, dimension, side = (
        np.repeat(column, [group.fate.size for _, group in groups])
        for column in np.array(keys, np.int32).T
    )
    return TopologyErrors(
        dimension.astype(np.uint8), side.astype(np.uint8), number, concatenated(groups)
    )


def _octants(octants: Sequence[OctantFeatures], blocks: Sequence[Block]) -> tuple[Octant, ...]:
    starts = [sorted({axis.start for axis in axes}) for axes in zip(*blocks, strict=True)]
    return tuple(
        _octant(found, block, starts) for found, block in zip(octants, blocks, strict=True)
    )


def _octant(found: OctantFeatures, block: Block, starts: Sequence[Sequence[int]]) -> Octant:
    origin = _origin(block)
    step = np.array(origin, np.int32)
    z, y, x = (of_axis.index(start) for of_axis, start in zip(starts, origin, strict=True))
    depth, height, width = (axis.stop - axis.start for axis in block)
    moved = Matched(
        found.matched.components + step,
        found.matched.loops + np.append(step, np.int32(0)),
        found.matched.cavities + step,
    )
    of_p, of_g = (None if first is None else first + step for first in found.infinite)
    return Octant((z, y, x), origin, (depth, height, width), found.counts, moved, (of_p, of_g))


def _origin(block: Block) -> tuple[int, int, int]:
    z, y, x = (axis.start for axis in block)
    return z, y, x
