"""Where a density lies with respect to the band that it should be in."""

from __future__ import annotations

import math
from enum import StrEnum

__all__ = ["BandPosition", "distance_from_band", "position_in_band"]


class BandPosition(StrEnum):
    """Where a density lies with respect to the band that it should be in."""

    BELOW = "below"
    IN = "in"
    ABOVE = "above"


def position_in_band(density: float, band: tuple[float, float]) -> BandPosition:
    """Return whether a density is below, in or above a band.

    Parameters
    ----------
    density
        Share of foreground voxels.
    band
        (lower, upper); both ends belong to the band.

    Returns
    -------
    BandPosition
        The position.

    Raises
    ------
    ValueError
        If the density is not a number or the band's ends are the wrong way round.

    Examples
    --------
    >>> position_in_band(0.2, (0.06, 0.12))
    <BandPosition.ABOVE: 'above'>
    """
    lower, upper = band
    if not lower <= upper:
        raise ValueError(f"a band goes from its lower to its upper end, found {band}")
    if math.isnan(density):
        raise ValueError("the density is not a number")
    if density < lower:
        return BandPosition.BELOW
    if density > upper:
        return BandPosition.ABOVE
    return BandPosition.IN


def distance_from_band(density: float, band: tuple[float, float]) -> float:
    """Return how far a density lies from the band that it should be in.

    Parameters
    ----------
    density
        Share of foreground voxels.
    band
        (lower, upper); both ends belong to the band.

    Returns
    -------
    float
        0.0 in the band, negative below it, positive above it.

    Raises
    ------
    ValueError
        If the density is not a number or the band's ends are the wrong way round.

    Examples
    --------
    >>> distance_from_band(0.25, (0.0625, 0.125))
    0.125
    """
    position = position_in_band(density, band)
    if position is BandPosition.IN:
        return 0.0
    return density - (band[0] if position is BandPosition.BELOW else band[1])
