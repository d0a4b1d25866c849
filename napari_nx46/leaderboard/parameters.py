"""What can be chosen about the leaderboard score; the defaults are the competition's."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

__all__ = ["COMPETITION", "Parameters", "PartWeights"]

_CONNECTIVITIES = {26: 3, 18: 2, 6: 1}


@dataclass(frozen=True, slots=True)
class PartWeights:
    """Weights of the three parts in the leaderboard score.

    Parameters
    ----------
    topo, surface_dice, voi : float
        Non-negative; used as they are, so that they should sum to 1.
    """

    topo: float = 0.30
    surface_dice: float = 0.35
    voi: float = 0.35

    def __post_init__(self) -> None:
        _check_weights("part weights", (self.topo, self.surface_dice, self.voi))


@dataclass(frozen=True, slots=True)
class Parameters:
    """Every constant of the leaderboard score.

    Parameters
    ----------
    tolerance : float
        tau of SurfaceDice, in the unit of `spacing`; at least 0.
    spacing : tuple of float
        Edge lengths of a voxel along (Z, Y, X); positive.
    voi_alpha : float
        Weight of the variation of information inside its score; at least 0.
    voi_connectivity : {26, 18, 6}
        Neighbourhood of the components that the variation of information compares.
    part_weights : PartWeights
        Weights of TopoScore, SurfaceDice and VOI score.
    dimension_weights : tuple of float
        Weights of the dimensions 0, 1, 2 in TopoScore; renormalised over the active ones.
    octants : tuple of int
        Into how many contiguous parts TopoScore cuts the axes (Z, Y, X); at least 1.
    ignore_label : int or None
        Label value whose voxels are set to background in both masks. None ignores nothing.

    Raises
    ------
    ValueError
        If a value is outside its range.
    """

    tolerance: float = 2.0
    spacing: tuple[float, float, float] = (1.0, 1.0, 1.0)
    voi_alpha: float = 0.3
    voi_connectivity: int = 26
    part_weights: PartWeights = field(default_factory=PartWeights)
    dimension_weights: tuple[float, float, float] = (0.34, 0.33, 0.33)
    octants: tuple[int, int, int] = (2, 2, 2)
    ignore_label: int | None = 2

    @property
    def voi_reach(self) -> int:
        """Along how many axes neighbours of the variation of information differ, at most."""
        return _CONNECTIVITIES[self.voi_connectivity]

    def __post_init__(self) -> None:
        _check_at_least_zero("tolerance", self.tolerance)
        _check_at_least_zero("voi_alpha", self.voi_alpha)
        _check_length("spacing", self.spacing)
        if not all(math.isfinite(edge) and edge > 0 for edge in self.spacing):
            raise ValueError(f"spacing must be finite and positive, got {self.spacing}")
        if self.voi_connectivity not in _CONNECTIVITIES:
            raise ValueError(
                f"voi_connectivity must be one of {tuple(_CONNECTIVITIES)}, "
                f"got {self.voi_connectivity}"
            )
        _check_length("dimension_weights", self.dimension_weights)
        _check_weights("dimension_weights", self.dimension_weights)
        if not all(weight > 0 for weight in self.dimension_weights):
            raise ValueError(f"dimension_weights must be positive, got {self.dimension_weights}")
        _check_length("octants", self.octants)
        if not all(parts >= 1 and parts == int(parts) for parts in self.octants):
            raise ValueError(f"octants must be integers of at least 1, got {self.octants}")


def _check_length(name: str, values: Sequence[float]) -> None:
    if len(values) != 3:
        raise ValueError(f"{name} must have 3 values, got {len(values)}")


def _check_at_least_zero(name: str, value: float) -> None:
    if not (math.isfinite(value) and value >= 0):
        raise ValueError(f"{name} must be finite and at least 0, got {value}")


def _check_weights(name: str, weights: Sequence[float]) -> None:
    if not all(math.isfinite(weight) and weight >= 0 for weight in weights):
        raise ValueError(f"{name} must be finite and at least 0, got {tuple(weights)}")


COMPETITION = Parameters()
"""The parameters of the competition."""
