"""What an unmatched feature costs in points, and what the score gains if it is gone.

A *share* is additive: the shares of all features sum to what TopoScore takes from the score, since
``1 - F1 = (p + g - 2 m) / (p + g)`` is the sum over the unmatched features of either mask. A *gain*
is the score without the feature, by the full formula, less the score now. It is not additive and
may be negative.
"""

from __future__ import annotations

from dataclasses import dataclass

from napari_nx46.leaderboard.parameters import Parameters
from napari_nx46.leaderboard.results import MatchCounts, TopoScore
from napari_nx46.leaderboard.topology import ONLY_PREDICTED, topo_score

__all__ = ["DimensionGains", "gains_of", "shares_of"]


@dataclass(frozen=True, slots=True)
class DimensionGains:
    """Points that the score would gain if features of one dimension were mended.

    Parameters
    ----------
    remove_from_prediction, all_removed : float, optional
        If one, or each, unmatched feature of the prediction were gone. None if there is none, as
        below.
    add_to_prediction, all_added : float, optional
        If the prediction got one, or each, unmatched feature of the label.
    match_pair : float, optional
        If an unmatched feature of either mask became a match.
    """

    remove_from_prediction: float | None = None
    all_removed: float | None = None
    add_to_prediction: float | None = None
    all_added: float | None = None
    match_pair: float | None = None

    def of_side(self, side: int) -> float:
        """Return the gain of mending one feature of the prediction (0) or of the label (1)."""
        gain = self.add_to_prediction if side else self.remove_from_prediction
        return float("nan") if gain is None else gain


def shares_of(topo: TopoScore, parameters: Parameters) -> tuple[float, float, float]:
    """Return the points that one unmatched feature of each dimension costs.

    Parameters
    ----------
    topo : TopoScore
    parameters : Parameters

    Returns
    -------
    tuple of float
        0 for an inactive dimension.
    """
    weights = parameters.dimension_weights
    active = sum(
        weight
        for weight, dimension in zip(weights, topo.dimensions, strict=True)
        if dimension.f1 is not None
    )

    def share(weight: float, counts: MatchCounts) -> float:
        features = counts.predicted + (counts.true or ONLY_PREDICTED)
        return parameters.part_weights.topo * weight / active / features

    first, second, third = (
        0.0 if dimension.f1 is None else share(weight, dimension.counts)
        for weight, dimension in zip(weights, topo.dimensions, strict=True)
    )
    return first, second, third


def gains_of(
    topo: TopoScore, parameters: Parameters
) -> tuple[DimensionGains, DimensionGains, DimensionGains]:
    """Return what mending features of each dimension gains, by the full formula.

    Parameters
    ----------
    topo : TopoScore
    parameters : Parameters

    Returns
    -------
    tuple of DimensionGains
    """
    first, second, third = (_gains(topo, parameters, dimension) for dimension in range(3))
    return first, second, third


def _gains(topo: TopoScore, parameters: Parameters, dimension: int) -> DimensionGains:
    counts = topo.dimensions[dimension].counts
    m, p, g = counts.matched, counts.predicted, counts.true

    def gain(matched: int, predicted: int) -> float:
        changed = [other.counts for other in topo.dimensions]
        changed[dimension] = MatchCounts(matched, predicted, g)
        value = topo_score([(changed[0], changed[1], changed[2])], parameters.dimension_weights)
        return parameters.part_weights.topo * (value.value - topo.value)

    return DimensionGains(
        gain(m, p - 1) if p > m else None,
        gain(m, m) if p > m else None,
        gain(m + 1, p + 1) if g > m else None,
        gain(g, p + g - m) if g > m else None,
        gain(m + 1, p) if p > m and g > m else None,
    )
