"""Where precision starts to fall with density."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

__all__ = [
    "DEFAULT_PRECISION_DROP",
    "PrecisionFall",
    "fall_of",
    "fall_sentence",
    "fitted_precision",
]

DEFAULT_PRECISION_DROP = 0.02
"""Precision counts as falling once it is more than this below its best."""

_FEWEST_DENSITIES = 3


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


def fitted_precision(pairs: Sequence[tuple[float, float]]) -> dict[float, float]:
    """Return the precisions that never rise with density and are nearest to some.

    Parameters
    ----------
    pairs : sequence of tuple of float
        Densities, ascending, and precisions.

    Returns
    -------
    dict of float to float
        Density -> fitted precision, by least squares (isotonic regression).
    """
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


def fall_of(
    fitted: Mapping[float, float], drop: float = DEFAULT_PRECISION_DROP
) -> PrecisionFall | None:
    """Return where precision starts to fall.

    Behind the highest density at which it lies no more than `drop` below its highest value.

    Parameters
    ----------
    fitted : mapping of float to float
        As `fitted_precision` returns it.
    drop : float
        In units of precision.

    Returns
    -------
    PrecisionFall or None
        None with fewer than three densities.
    """
    if len(fitted) < _FEWEST_DENSITIES:
        return None
    best = max(fitted.values())
    # A difference of the last binary digit is no fall.
    fallen = [density for density, value in fitted.items() if best - value > drop + 1e-12]
    held = [density for density in fitted if density not in fallen]
    return PrecisionFall(held[-1], fallen[0] if fallen else None, best, drop)


def fall_sentence(fall: PrecisionFall) -> str:
    """Return where precision starts to fall, as a sentence."""
    if fall.first_density is None:
        return (
            f"Precision does not fall up to the highest density, {fall.last_density:.4f}: it "
            f"stays within {fall.drop:g} of its best, {fall.best:.4f}."
        )
    return (
        f"Precision starts to fall between the densities {fall.last_density:.4f} and "
        f"{fall.first_density:.4f}: up to the first it stays within {fall.drop:g} of its best, "
        f"{fall.best:.4f}."
    )
