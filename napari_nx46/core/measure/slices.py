"""What a mask and its scores amount to, slice by slice.

Everything here takes NumPy arrays and returns plain numbers, fast enough to follow a slider.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_nx46.core.threshold.quantile import scores_quantiles

__all__ = [
    "PERCENTS",
    "BandPosition",
    "SliceMetrics",
    "components",
    "continuity",
    "density",
    "distance_from_band",
    "measure_slice",
    "position_in_band",
    "score_percentiles",
]

PERCENTS: tuple[float, ...] = (50.0, 90.0, 95.0, 99.0)
"""The percentiles that `SliceMetrics` holds."""

Mask = NDArray[np.uint8] | NDArray[np.bool_]


class BandPosition(StrEnum):
    """Where a density lies with respect to the band that it should be in."""

    BELOW = "below"
    IN = "in"
    ABOVE = "above"


@dataclass(frozen=True, slots=True)
class SliceMetrics:
    """The figures of one slice of a mask.

    Attributes
    ----------
    z
        Index of the slice.
    density
        Share of foreground voxels, in [0, 1].
    continuity
        Dice coefficient with the slice before it, in [0, 1]; None for the first slice.
    components
        Number of 8-connected foreground components.
    p50, p90, p95, p99
        Percentiles of the slice's scores, in units of probability.
    """

    z: int
    density: float
    continuity: float | None
    components: int
    p50: float
    p90: float
    p95: float
    p99: float


def density(mask: Mask) -> float:
    """Return the share of foreground voxels.

    Parameters
    ----------
    mask
        uint8 or bool array of any shape, at least one voxel; what is not 0 is foreground.

    Returns
    -------
    float
        In [0, 1].

    Raises
    ------
    ValueError
        If the mask has no voxel.

    Examples
    --------
    >>> density(np.array([[0, 1], [0, 0]], dtype=np.uint8))
    0.25
    """
    if mask.size == 0:
        raise ValueError(f"the density of a mask without voxels is undefined: shape {mask.shape}")
    return int(np.count_nonzero(mask)) / mask.size


def continuity(mask_slice_a: Mask, mask_slice_b: Mask) -> float:
    """Return the Dice coefficient of two slices: 2 |a and b| / (|a| + |b|).

    Parameters
    ----------
    mask_slice_a, mask_slice_b
        uint8 or bool arrays of equal shape (Y, X); what is not 0 is foreground.

    Returns
    -------
    float
        In [0, 1]; two empty slices are alike: 1.0.

    Raises
    ------
    ValueError
        If the shapes differ.

    Examples
    --------
    >>> a = np.array([[1, 1, 0, 0]], dtype=np.uint8)
    >>> b = np.array([[0, 1, 1, 0]], dtype=np.uint8)
    >>> continuity(a, b)
    0.5
    """
    if mask_slice_a.shape != mask_slice_b.shape:
        raise ValueError(
            "continuity compares slices of equal shape, "
            f"found {mask_slice_a.shape} and {mask_slice_b.shape}"
        )
    foreground = int(np.count_nonzero(mask_slice_a)) + int(np.count_nonzero(mask_slice_b))
    if foreground == 0:
        return 1.0
    common = int(np.count_nonzero(np.logical_and(mask_slice_a, mask_slice_b)))
    return 2 * common / foreground


def components(mask_slice: Mask) -> int:
    """Return the number of foreground components, diagonal neighbours connected.

    Parameters
    ----------
    mask_slice
        uint8 or bool array of shape (Y, X); what is not 0 is foreground.

    Returns
    -------
    int
        0 for an empty slice.

    Raises
    ------
    ValueError
        If the array is not two-dimensional.

    Examples
    --------
    >>> components(np.array([[1, 0, 0, 1], [0, 1, 0, 1]], dtype=np.uint8))
    2
    """
    import cc3d

    _require_slice(mask_slice, "mask")
    # cc3d takes every value for a label of its own, so the foreground must have one value only.
    _, count = cc3d.connected_components(mask_slice != 0, connectivity=8, return_N=True)
    return int(count)


def score_percentiles(
    score_slice: NDArray[np.floating[Any]], percents: Sequence[float] = PERCENTS
) -> tuple[float, ...]:
    """Return percentiles of the scores of a slice.

    Parameters
    ----------
    score_slice
        float32 array of shape (Y, X), no NaN.
    percents
        In [0, 100], in any order.

    Returns
    -------
    tuple of float
        One for each of `percents`, interpolated linearly in float64.

    Raises
    ------
    ValueError
        If the array has no voxel or a percentage is out of range.

    Examples
    --------
    >>> score_percentiles(np.array([[0.0, 0.25, 0.5]], dtype=np.float32), (50, 75))
    (0.25, 0.375)
    """
    if score_slice.size == 0:
        raise ValueError(f"percentiles of no scores are undefined: shape {score_slice.shape}")
    return scores_quantiles(score_slice, [percent / 100 for percent in percents])


def measure_slice(
    z: int,
    mask_slice: Mask,
    previous_mask_slice: Mask | None,
    score_slice: NDArray[np.floating[Any]],
) -> SliceMetrics:
    """Measure one slice.

    Parameters
    ----------
    z
        Index of the slice.
    mask_slice
        uint8 or bool array of shape (Y, X); what is not 0 is foreground.
    previous_mask_slice
        The slice at ``z - 1``, of the same shape; None for the first.
    score_slice
        float32 array of the same shape: the scores that were thresholded.

    Returns
    -------
    SliceMetrics
        The figures of the slice.

    Raises
    ------
    ValueError
        If the shapes differ, or the slices are empty or not two-dimensional.
    """
    _require_slice(mask_slice, "mask")
    if score_slice.shape != mask_slice.shape:
        raise ValueError(
            f"slice {z}: the mask has shape {mask_slice.shape}, the scores {score_slice.shape}"
        )
    before = None if previous_mask_slice is None else continuity(previous_mask_slice, mask_slice)
    p50, p90, p95, p99 = score_percentiles(score_slice, PERCENTS)
    return SliceMetrics(
        z=z,
        density=density(mask_slice),
        continuity=before,
        components=components(mask_slice),
        p50=p50,
        p90=p90,
        p95=p95,
        p99=p99,
    )


def position_in_band(density: float, band: tuple[float, float]) -> BandPosition:
    """Tell whether a density is below, in or above a band.

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
    if np.isnan(density):
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


def _require_slice(array: NDArray[Any], name: str) -> None:
    if array.ndim != 2:
        raise ValueError(f"the {name} of one slice has the axes (Y, X), found shape {array.shape}")
