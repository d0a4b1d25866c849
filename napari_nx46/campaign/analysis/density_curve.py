"""Score and precision against density, and where precision starts to fall."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from napari_nx46.campaign.records.results import CampaignResults
from napari_nx46.campaign.verdicts.figures import mean_figure

__all__ = [
    "DEFAULT_PRECISION_DROP",
    "DensityCurve",
    "DensityPoint",
    "PrecisionFall",
    "density_curve",
]

DEFAULT_PRECISION_DROP = 0.02
"""Precision counts as falling once it is more than this below its best."""

_FEWEST_DENSITIES = 3


@dataclass(frozen=True, slots=True)
class DensityPoint:
    """A run in the plane of density and figures; means over its fragments.

    Parameters
    ----------
    run_id : str
    density : float
    precision, score : float, optional
        The score is the leaderboard score.
    fitted_precision : float, optional
        What a precision that only falls with density comes nearest to; see `density_curve`.
    """

    run_id: str
    density: float
    precision: float | None
    score: float | None
    fitted_precision: float | None = None


@dataclass(frozen=True, slots=True)
class PrecisionFall:
    """Where precision starts to fall.

    Parameters
    ----------
    last_density : float
        The highest density at which it has not fallen yet.
    first_density : float, optional
        The next density, at which it has; None if it falls at none.
    best : float
        The highest fitted precision.
    drop : float
        What it may lie below that.
    """

    last_density: float
    first_density: float | None
    best: float
    drop: float


@dataclass(frozen=True, slots=True)
class DensityCurve:
    """The runs by density.

    Parameters
    ----------
    points : tuple of DensityPoint
        In ascending density.
    fall : PrecisionFall, optional
        None with fewer than three densities that have a precision.
    """

    points: tuple[DensityPoint, ...]
    fall: PrecisionFall | None


def density_curve(results: CampaignResults, drop: float = DEFAULT_PRECISION_DROP) -> DensityCurve:
    """Put the runs in the order of their densities, and find where precision starts to fall.

    To the runs' precisions a curve is fitted that never rises with density and is nearest to them
    by least squares (isotonic regression). Precision starts to fall behind the highest density at
    which the curve lies no more than `drop` below its highest value.

    Parameters
    ----------
    results : CampaignResults
    drop : float
        In units of precision.
    """
    densities = {
        run.run_id: mean_figure(results, run.run_id, "density") for run in results.plan.runs
    }
    points = [
        DensityPoint(
            run_id,
            density,
            mean_figure(results, run_id, "precision"),
            mean_figure(results, run_id, "leaderboard_score"),
        )
        for run_id, density in densities.items()
        if density is not None
    ]
    points.sort(key=lambda point: point.density)
    fitted = _fitted([(one.density, one.precision) for one in points if one.precision is not None])
    return DensityCurve(
        tuple(
            DensityPoint(
                one.run_id,
                one.density,
                one.precision,
                one.score,
                None if one.precision is None else fitted[one.density],
            )
            for one in points
        ),
        _fall(fitted, drop),
    )


def _fitted(pairs: list[tuple[float, float]]) -> dict[float, float]:
    """Return density -> fitted precision, of pairs in ascending density."""
    from scipy.optimize import isotonic_regression

    densities = sorted({density for density, _ in pairs})
    if not densities:
        return {}
    grouped = [[precision for at, precision in pairs if at == density] for density in densities]
    curve = isotonic_regression(
        [float(np.mean(values)) for values in grouped],
        weights=[len(values) for values in grouped],
        increasing=False,
    )
    return dict(zip(densities, map(float, curve.x), strict=True))


def _fall(fitted: dict[float, float], drop: float) -> PrecisionFall | None:
    if len(fitted) < _FEWEST_DENSITIES:
        return None
    best = max(fitted.values())
    # A difference of the last binary digit is no fall.
    fallen = [density for density, value in fitted.items() if best - value > drop + 1e-12]
    held = [density for density in fitted if density not in fallen]
    return PrecisionFall(held[-1], fallen[0] if fallen else None, best, drop)
