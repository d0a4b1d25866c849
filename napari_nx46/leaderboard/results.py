"""The leaderboard score and its parts, as plain frozen values."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from napari_nx46.voxels.overlap import Overlap

__all__ = [
    "DimensionScore",
    "LeaderboardScore",
    "MatchCounts",
    "Record",
    "TopoScore",
    "VariationOfInformation",
    "VoxelOverlap",
    "mean_record",
]

RecordValue = float | None | Sequence["RecordValue"] | dict[str, "RecordValue"]
Record = dict[str, RecordValue]
"""A score as nested plain values, ready for `json.dumps`."""


@dataclass(frozen=True, slots=True)
class MatchCounts:
    """Features of one dimension: components, loops or cavities.

    Parameters
    ----------
    matched : int
        Features that Betti matching pairs between prediction and label.
    predicted : int
        Features of the prediction.
    true : int
        Features of the label.
    """

    matched: int
    predicted: int
    true: int

    def __add__(self, other: MatchCounts) -> MatchCounts:
        return MatchCounts(
            self.matched + other.matched,
            self.predicted + other.predicted,
            self.true + other.true,
        )


@dataclass(frozen=True, slots=True)
class DimensionScore:
    """One dimension of TopoScore: 0 components, 1 loops, 2 cavities.

    Parameters
    ----------
    counts : MatchCounts
        Summed over the octants.
    f1 : float or None
        None where neither mask has a feature: the dimension is inactive.
    """

    counts: MatchCounts
    f1: float | None


@dataclass(frozen=True, slots=True)
class TopoScore:
    """Topological agreement by Betti matching.

    Parameters
    ----------
    value : float
        Weighted mean of the active F1 scores, in [0, 1]; 1.0 if none is active.
    dimensions : tuple of DimensionScore
        Dimensions 0, 1, 2.
    """

    value: float
    dimensions: tuple[DimensionScore, DimensionScore, DimensionScore]


@dataclass(frozen=True, slots=True)
class VariationOfInformation:
    """Disagreement of the two masks' components, in bits.

    Parameters
    ----------
    value : float
        The score 1 / (1 + alpha * (split + merge)), in (0, 1].
    split : float
        H(prediction | label): how far the prediction cuts the label's components apart.
    merge : float
        H(label | prediction): how far the prediction joins the label's components.
    """

    value: float
    split: float
    merge: float


@dataclass(frozen=True, slots=True)
class VoxelOverlap(Overlap):
    """Voxel counts of prediction (A) and label (B), ignored voxels being background in both."""

    @property
    def true_positive(self) -> int:
        """Voxels in both masks."""
        return self.both

    @property
    def false_positive(self) -> int:
        """Voxels in the prediction alone."""
        return self.only_a

    @property
    def false_negative(self) -> int:
        """Voxels in the label alone."""
        return self.only_b


@dataclass(frozen=True, slots=True)
class LeaderboardScore:
    """The leaderboard score of one fragment, or of one block of it, with all its parts.

    Parameters
    ----------
    value : float
        The weighted sum of the three parts.
    topo : TopoScore
    surface_dice : float
        In [0, 1].
    voi : VariationOfInformation
    voxels : VoxelOverlap
    """

    value: float
    topo: TopoScore
    surface_dice: float
    voi: VariationOfInformation
    voxels: VoxelOverlap

    def as_record(self) -> Record:
        """Return the score as nested plain values, ready for `json.dumps`.

        Returns
        -------
        dict
            Keys ``score``, ``topo``, ``surface_dice``, ``voi_score``, ``voi_split``,
            ``voi_merge``, ``f1_per_dim`` (three floats or None), ``counts`` (``dim0`` to
            ``dim2``, each with ``m``, ``p``, ``g``), ``voxel_precision``, ``voxel_recall`` and
            ``voxel_dice``.
        """
        return {
            "score": self.value,
            "topo": self.topo.value,
            "surface_dice": self.surface_dice,
            "voi_score": self.voi.value,
            "voi_split": self.voi.split,
            "voi_merge": self.voi.merge,
            "f1_per_dim": [dimension.f1 for dimension in self.topo.dimensions],
            "counts": {
                f"dim{k}": {
                    "m": dimension.counts.matched,
                    "p": dimension.counts.predicted,
                    "g": dimension.counts.true,
                }
                for k, dimension in enumerate(self.topo.dimensions)
            },
            "voxel_precision": self.voxels.precision,
            "voxel_recall": self.voxels.recall,
            "voxel_dice": self.voxels.dice,
        }


def mean_record(scores: Sequence[LeaderboardScore]) -> Record:
    """Return the score of a data set: the mean of every figure over its fragments.

    Parameters
    ----------
    scores : sequence of LeaderboardScore
        One a fragment, at least one.

    Returns
    -------
    dict
        The keys of `LeaderboardScore.as_record`. The F1 score of a dimension is the mean over the
        fragments where the dimension is active, None if there is none.

    Raises
    ------
    ValueError
        If there is no score.
    """
    if not scores:
        raise ValueError("expected at least one score, got none")
    records = [score.as_record() for score in scores]
    return {key: _mean([record[key] for record in records]) for key in records[0]}


def _mean(values: Sequence[RecordValue]) -> RecordValue:
    """Return the mean of numbers, None aside, or the means in dictionaries and sequences."""
    first = values[0]
    if isinstance(first, dict):
        tables = [value for value in values if isinstance(value, dict)]
        return {key: _mean([table[key] for table in tables]) for key in first}
    if isinstance(first, Sequence):
        rows = [value for value in values if isinstance(value, Sequence)]
        return [_mean(column) for column in zip(*rows, strict=True)]
    numbers = [value for value in values if isinstance(value, (int, float))]
    return math.fsum(numbers) / len(numbers) if numbers else None
