"""The competition's own score of a binary mask against its label, exactly and in seconds.

>>> from napari_nx46 import leaderboard
>>> result = leaderboard.score(prediction, label)  # doctest: +SKIP
>>> result.value, result.topo.value, result.surface_dice, result.voi.value  # doctest: +SKIP

`explain` computes the same score with everything that it has lost: where, why and how much.

Importing this package imports no numba: the compiled loops are in `kernels`, which is imported by
the first score, or by `warm_up`.
"""

from __future__ import annotations

from napari_nx46.leaderboard.errors.changes import ErrorChanges, KindChange, changed_errors
from napari_nx46.leaderboard.errors.explain import explain
from napari_nx46.leaderboard.errors.explanation import Explanation, Octant
from napari_nx46.leaderboard.errors.features import Fate, Features, Matched
from napari_nx46.leaderboard.errors.prices import DimensionGains
from napari_nx46.leaderboard.errors.record import explanation_record
from napari_nx46.leaderboard.errors.repairs import Repair, measured_repair
from napari_nx46.leaderboard.errors.surface_regions import SurfaceRegions
from napari_nx46.leaderboard.errors.table import (
    KINDS,
    PARTS,
    SIDES,
    ErrorGroup,
    ErrorTable,
    TopologyErrors,
)
from napari_nx46.leaderboard.errors.voi_pairs import VoiPairs
from napari_nx46.leaderboard.masks import MaskPair, binarise, voxel_overlap
from napari_nx46.leaderboard.parameters import COMPETITION, Parameters, PartWeights
from napari_nx46.leaderboard.prepared import PreparedLabel
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
from napari_nx46.leaderboard.without_octants import scores_without_octants
from napari_nx46.voxels.workers import Cancelled

__all__ = [
    "COMPETITION",
    "KINDS",
    "PARTS",
    "SIDES",
    "Cancelled",
    "DimensionGains",
    "DimensionScore",
    "ErrorChanges",
    "ErrorGroup",
    "ErrorTable",
    "Explanation",
    "Fate",
    "Features",
    "KindChange",
    "LeaderboardScore",
    "MaskPair",
    "MatchCounts",
    "Matched",
    "Octant",
    "Parameters",
    "PartWeights",
    "PreparedLabel",
    "Record",
    "Repair",
    "SurfaceRegions",
    "TopoScore",
    "TopologyErrors",
    "VariationOfInformation",
    "VoiPairs",
    "VoxelOverlap",
    "binarise",
    "changed_errors",
    "explain",
    "explanation_record",
    "mean_record",
    "measured_repair",
    "score",
    "scores_without_octants",
    "surface_dice",
    "variation_of_information",
    "voxel_overlap",
    "warm_up",
]
