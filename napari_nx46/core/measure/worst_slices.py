"""The slices of a mask that are worth a look first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from napari_nx46.core.measure.band import distance_from_band
from napari_nx46.core.measure.slices import SliceMeasures

__all__ = ["MOST_WORST_SLICES", "Fault", "WorstSlice", "next_worst", "worst_slices"]

MOST_WORST_SLICES = 5
"""So many of each fault are as many as one looks at."""


class Fault(StrEnum):
    """What is wrong with a slice."""

    DENSITY = "density"
    RECALL = "recall"


@dataclass(frozen=True, slots=True)
class WorstSlice:
    """A slice that is worse than others.

    Parameters
    ----------
    z : int
    fault : Fault
    value : float
        By how much the density is below (negative) or above the band; or the share of all surface
        voxels of the volume that the slice misses.
    """

    z: int
    fault: Fault
    value: float


def worst_slices(
    profile: Sequence[SliceMeasures], band: tuple[float, float], most: int
) -> tuple[WorstSlice, ...]:
    """Return the slices that miss most of the surface, then those farthest from the band.

    Parameters
    ----------
    profile : sequence of SliceMeasures
    band : tuple of float
        Density aimed at: lowest and highest.
    most : int
        At most so many slices of each fault.

    Returns
    -------
    tuple of WorstSlice
        Of each fault the worst first, of equal ones the first slice. Slices that miss nothing, or
        lie within the band, are left out, and so are those that the label ignores wholly; without
        a label there is no loss of recall.
    """
    losses = [
        WorstSlice(figures.z, Fault.RECALL, figures.recall_loss)
        for figures in profile
        if figures.recall_loss
    ]
    distances = [
        WorstSlice(figures.z, Fault.DENSITY, distance_from_band(figures.density, band))
        for figures in profile
        if not figures.ignored
    ]
    return (*_worst(losses, most), *_worst([far for far in distances if far.value], most))


def next_worst(worst: Sequence[WorstSlice], z: int) -> int | None:
    """Return the slice to look at after slice `z`; None where there is none.

    It is the one that follows `z` in the list, round the end; the first one where `z` is not in it.
    """
    order = list(dict.fromkeys(slice_.z for slice_ in worst))
    if not order:
        return None
    return order[(order.index(z) + 1) % len(order)] if z in order else order[0]


def _worst(slices: Sequence[WorstSlice], most: int) -> list[WorstSlice]:
    return sorted(slices, key=lambda slice_: (-abs(slice_.value), slice_.z))[:most]
