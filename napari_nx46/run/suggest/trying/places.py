"""What settings are tried on: octants of fragments first, then whole fragments."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from napari_nx46.core.threshold.thresholds import Threshold
from napari_nx46.voxels.blocks import Block, VolumeLike, octants_of, placed, whole_block

__all__ = ["CroppedVolume", "TriedPlace", "places_of", "threshold_within"]

FEWEST_VOXELS = 192**3
"""Fragments of fewer voxels are tried whole at once: an octant of them says too little."""

MOST_OCTANTS = 4
"""Octants on which a setting is tried first."""

_DIAGONAL = (0, 7, 5, 2, 3, 4, 6, 1)
"""Octants in an order in which those that follow each other are far apart."""


@dataclass(frozen=True, slots=True)
class TriedPlace:
    """A fragment, or an octant of one.

    Parameters
    ----------
    image_id : str
    octant : int, optional
        Its number in raster order; None for the whole fragment.
    """

    image_id: str
    octant: int | None = None

    @property
    def name(self) -> str:
        """Of the place, in a journal."""
        return self.image_id if self.octant is None else f"{self.image_id} octant {self.octant}"

    def block(self, shape: tuple[int, int, int]) -> Block:
        """Return where it lies in its fragment."""
        return whole_block(shape) if self.octant is None else octants_of(shape)[self.octant]


def places_of(
    shapes: Sequence[tuple[str, tuple[int, int, int]]],
) -> tuple[tuple[TriedPlace, ...], ...]:
    """Return the rungs on which settings are tried: each dearer than the one before.

    Parameters
    ----------
    shapes : sequence of tuple
        Name and shape of every fragment.

    Returns
    -------
    tuple of tuple of TriedPlace
        Where fragments are large, first octants of up to half of `MOST_OCTANTS` fragments, one of a
        single one, then as many again with them; the last rung is all fragments, whole.
    """
    whole = tuple(TriedPlace(image_id) for image_id, _ in shapes)
    large = [image_id for image_id, shape in shapes if math.prod(shape) >= FEWEST_VOXELS]
    if len(large) < len(shapes):
        return (whole,)
    step = max(1, len(large) // MOST_OCTANTS)
    chosen = large[::step][:MOST_OCTANTS]
    if len(chosen) == 1:
        chosen *= 2
    octants = tuple(TriedPlace(one, _DIAGONAL[n]) for n, one in enumerate(chosen))
    return (octants[: len(octants) // 2], octants, whole)


class CroppedVolume:
    """A block of a volume, read as a volume of its own.

    Parameters
    ----------
    volume : VolumeLike
    block : Block
    """

    def __init__(self, volume: VolumeLike, block: Block) -> None:
        self._volume = volume
        self._block = block

    @property
    def shape(self) -> tuple[int, int, int]:
        """Voxels along z, y and x."""
        z, y, x = (extent.stop - extent.start for extent in self._block)
        return z, y, x

    @property
    def dtype(self) -> np.dtype[np.generic]:
        """Type of the voxels."""
        return self._volume.dtype

    def __getitem__(self, index: Block) -> npt.NDArray[np.generic]:
        """Return the voxels of a block of the block."""
        return self._volume[placed(index, self._block)]


def threshold_within(threshold: Threshold, block: Block) -> Threshold:
    """Return the threshold of a fragment for a block of it."""
    if not threshold.per_slice:
        return threshold
    low = None if threshold.low is None else threshold.low[block[0]]
    return Threshold(threshold.values[block[0]], threshold.exact, low)
