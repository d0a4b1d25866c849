"""Score and precision against density, and where precision starts to fall."""

from __future__ import annotations

from dataclasses import dataclass

from napari_nx46.campaign.records.results import CampaignResults
from napari_nx46.campaign.verdicts.figures import mean_figure
from napari_nx46.run.findings.precision_fall import (
    DEFAULT_PRECISION_DROP,
    PrecisionFall,
    fall_of,
    fitted_precision,
)

__all__ = [
    "DensityCurve",
    "DensityPoint",
    "density_curve",
]


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
    fitted = fitted_precision(
        [(one.density, one.precision) for one in points if one.precision is not None]
    )
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
        fall_of(fitted, drop),
    )
