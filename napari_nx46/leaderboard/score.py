"""The leaderboard score of one fragment: three parts, computed side by side.

    leaderboard score = 0.30 * TopoScore + 0.35 * SurfaceDice + 0.35 * VOI score

The parts are described where they are computed: `topology`, `surface_dice` and `voi`. All of them
see the same two masks: ignored voxels are background in both, the rest is foreground where it is
not zero.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Generic, TypeVar

import numpy.typing as npt

from napari_nx46.leaderboard.masks import MaskPair, binarise, voxel_overlap
from napari_nx46.leaderboard.parameters import COMPETITION, Parameters
from napari_nx46.leaderboard.results import (
    LeaderboardScore,
    TopoScore,
    VariationOfInformation,
    VoxelOverlap,
)
from napari_nx46.leaderboard.surface_dice import surface_dice
from napari_nx46.leaderboard.topology import match_counts, topo_score
from napari_nx46.leaderboard.voi import variation_of_information
from napari_nx46.voxels.blocks import Block, octants_of
from napari_nx46.voxels.workers import Cancelled, never

__all__ = ["Parts", "compute_parts", "score", "summed_score"]

Result = TypeVar("Result")
Surface = TypeVar("Surface")
Voi = TypeVar("Voi")
Octant = TypeVar("Octant")


def score(
    prediction: npt.ArrayLike,
    label: npt.ArrayLike,
    *,
    parameters: Parameters = COMPETITION,
    cancelled: Callable[[], bool] = never,
    workers: int = 2,
) -> LeaderboardScore:
    """Compute the leaderboard score of a prediction against its label.

    A *block score* is the same thing for a part of the fragment: pass both volumes cut to the
    block. Everything outside of it then counts as background.

    Parameters
    ----------
    prediction, label : array_like
        (Z, Y, X) of one shape; boolean, integer or floating point. Foreground is what is not zero;
        NaN is background. They are not changed.
    parameters : Parameters
        The competition's by default.
    cancelled : callable, optional
        Asked before each octant and each other part, from the worker threads; once it returns True
        no more work is begun.
    workers : int
        Threads to compute with, at least 1. The result does not depend on their number.

    Returns
    -------
    LeaderboardScore

    Raises
    ------
    ValueError
        If an array is not three-dimensional, has an empty axis or a type that is no number, if
        the shapes differ, or if `workers` is less than 1.
    Cancelled
        If `cancelled` returned True before all parts were begun.

    Examples
    --------
    >>> import numpy as np
    >>> from napari_nx46 import leaderboard
    >>> label = np.zeros((8, 8, 8), np.uint8)
    >>> label[3:5] = 1
    >>> leaderboard.score(label, label).surface_dice
    1.0
    """
    pair = binarise(prediction, label, parameters.ignore_label)
    parts = compute_parts(
        pair,
        parameters,
        surface=lambda: surface_dice(
            pair.prediction,
            pair.label,
            tolerance=parameters.tolerance,
            spacing=parameters.spacing,
        ),
        voi=lambda: variation_of_information(
            pair.prediction,
            pair.label,
            alpha=parameters.voi_alpha,
            connectivity=parameters.voi_connectivity,
        ),
        octant=lambda box: match_counts(pair.prediction[box], pair.label[box]),
        cancelled=cancelled,
        workers=workers,
    )
    topo = topo_score(parts.octants, parameters.dimension_weights)
    return summed_score(parameters, topo, parts.surface, parts.voi, parts.voxels)


@dataclass(frozen=True, slots=True, eq=False)
class Parts(Generic[Surface, Voi, Octant]):
    """What was computed of the parts of a score.

    Parameters
    ----------
    surface, voi
    octants : list
        In raster order.
    voxels : VoxelOverlap
    """

    surface: Surface
    voi: Voi
    octants: list[Octant]
    voxels: VoxelOverlap


def compute_parts(
    pair: MaskPair,
    parameters: Parameters,
    *,
    surface: Callable[[], Surface],
    voi: Callable[[], Voi],
    octant: Callable[[Block], Octant],
    cancelled: Callable[[], bool],
    workers: int,
) -> Parts[Surface, Voi, Octant]:
    """Compute the parts of a score side by side.

    Parameters
    ----------
    pair : MaskPair
    parameters : Parameters
    surface, voi : callable
        Compute what belongs to SurfaceDice and to the VOI score.
    octant : callable
        Computes what belongs to TopoScore in an octant.
    cancelled : callable
        Called before each octant and each other part.
    workers : int

    Returns
    -------
    Parts

    Raises
    ------
    ValueError
        If `workers` is less than 1.
    Cancelled
        If `cancelled` returned True before all parts were begun.
    """
    if workers < 1:
        raise ValueError(f"workers must be at least 1, got {workers}")

    def unless_cancelled(part: Callable[[], Result]) -> Result:
        if cancelled():
            raise Cancelled("the leaderboard score was cancelled")
        return part()

    pool = ThreadPoolExecutor(workers, thread_name_prefix="leaderboard")
    try:
        of_surface = pool.submit(unless_cancelled, surface)
        of_voi = pool.submit(unless_cancelled, voi)
        octants = [
            pool.submit(unless_cancelled, lambda box=box: octant(box))
            for box in octants_of(pair.label.shape, parameters.octants)
        ]
        voxels = voxel_overlap(pair)
        found = [future.result() for future in octants]
        return Parts(of_surface.result(), of_voi.result(), found, voxels)
    finally:
        pool.shutdown(cancel_futures=True)


def summed_score(
    parameters: Parameters,
    topo: TopoScore,
    surface_value: float,
    voi: VariationOfInformation,
    voxels: VoxelOverlap,
) -> LeaderboardScore:
    """Return the score that the parts sum to.

    Parameters
    ----------
    parameters : Parameters
    topo : TopoScore
    surface_value : float
        SurfaceDice.
    voi : VariationOfInformation
    voxels : VoxelOverlap

    Returns
    -------
    LeaderboardScore
    """
    weights = parameters.part_weights
    value = (
        weights.topo * topo.value + weights.surface_dice * surface_value + weights.voi * voi.value
    )
    return LeaderboardScore(value, topo, surface_value, voi, voxels)
