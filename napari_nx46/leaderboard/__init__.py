"""The competition's own score of a binary mask against its label, exactly and in seconds.

>>> from napari_nx46 import leaderboard
>>> result = leaderboard.score(prediction, label)  # doctest: +SKIP
>>> result.value, result.topo.value, result.surface_dice, result.voi.value  # doctest: +SKIP

Importing this package imports no numba: the compiled loops are in `kernels`, which is imported by
the first score, or by `warm_up`.
"""

from __future__ import annotations

from napari_nx46.leaderboard.masks import MaskPair, binarise, voxel_overlap
from napari_nx46.leaderboard.parameters import COMPETITION, Parameters, PartWeights
from napari_nx46.leaderboard.results import (
    DimensionScore,
    LeaderboardScore,
    MatchCounts,
    Record,
    TopoScore,
    VariationOfInformation,
    VoxelOverlap,
    mean_record,
)
from napari_nx46.leaderboard.score import score
from napari_nx46.leaderboard.surface_dice import surface_dice
from napari_nx46.leaderboard.voi import variation_of_information
from napari_nx46.leaderboard.warm_up import warm_up
from napari_nx46.voxels.workers import Cancelled

__all__ = [
    "COMPETITION",
    "Cancelled",
    "DimensionScore",
    "LeaderboardScore",
    "MaskPair",
    "MatchCounts",
    "Parameters",
    "PartWeights",
    "Record",
    "TopoScore",
    "VariationOfInformation",
    "VoxelOverlap",
    "binarise",
    "mean_record",
    "score",
    "surface_dice",
    "variation_of_information",
    "voxel_overlap",
    "warm_up",
]
