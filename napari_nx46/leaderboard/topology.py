"""TopoScore: which components, loops and cavities of two masks correspond, octant by octant.

The volume is cut into octants. In each, Betti matching (Stucki et al. 2024, arXiv 2407.04683)
counts for the dimensions k = 0, 1, 2 the features m_k that are matched, p_k of the prediction and
g_k of the label; `napari_nx46.leaderboard.betti` finds them. Their sums over the octants give

    F1_k = 2 m_k / (p_k + g_k),    but 0.5 / (p_k + 0.5) if only the prediction has features,

and TopoScore is the weighted mean of the F1_k of those dimensions that have features at all.
"""

from __future__ import annotations

from collections.abc import Iterable

from napari_nx46.leaderboard.betti import DimensionCounts, match_counts
from napari_nx46.leaderboard.results import DimensionScore, MatchCounts, TopoScore

__all__ = ["ONLY_PREDICTED", "match_counts", "topo_score"]

ONLY_PREDICTED = 0.5
"""Features that a label without any is taken to have."""


def topo_score(
    octants: Iterable[DimensionCounts],
    weights: tuple[float, float, float] = (0.34, 0.33, 0.33),
) -> TopoScore:
    """Sum the counts of the octants and score them.

    Parameters
    ----------
    octants : iterable of tuple of MatchCounts
        As `match_counts` returns them.
    weights : tuple of float
        Of the dimensions 0, 1, 2.

    Returns
    -------
    TopoScore
    """
    totals = [MatchCounts(0, 0, 0)] * 3
    for octant in octants:
        totals = [total + counts for total, counts in zip(totals, octant, strict=True)]
    components, loops, cavities = (DimensionScore(counts, _f1(counts)) for counts in totals)
    dimensions = (components, loops, cavities)
    active = [
        (weight, dimension.f1)
        for weight, dimension in zip(weights, dimensions, strict=True)
        if dimension.f1 is not None
    ]
    if not active:
        return TopoScore(1.0, dimensions)
    value = sum(weight * f1 for weight, f1 in active) / sum(weight for weight, _ in active)
    return TopoScore(value, dimensions)


def _f1(counts: MatchCounts) -> float | None:
    features = counts.predicted + counts.true
    if features == 0:
        return None
    if counts.true == 0:
        return ONLY_PREDICTED / (counts.predicted + ONLY_PREDICTED)
    return 2 * counts.matched / features
