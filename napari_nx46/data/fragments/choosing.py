"""Choosing boxes of a store: spread over its length and from its middle outwards, none empty."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from napari_nx46.data.fragments.boxes import Box
from napari_nx46.data.fragments.names import FragmentError
from napari_nx46.files.volumes.indexing import Box as Slices
from napari_nx46.files.volumes.volume import Volume

__all__ = ["choose_boxes"]

_ENOUGH, _ENOUGH_VOXELS = 0.9, 0.5
"""Of what the fullest box has of chunks, or of voxels that hold something, the share needed."""

_MOST_LOOKS = 500
"""Boxes that are looked into before the search ends."""

_MOST_CANDIDATES = 200_000
_LOOKED_AT = 32
"""Voxels along each axis of the part of a box that is looked at."""

_ALONG, _AWAY, _AROUND = 2.0, 1.0, 0.25
"""What a difference in the place along z, in the distance from the axis, and around it counts."""

_GOLDEN = (5**0.5 - 1) / 2
"""Multiples of it, without their whole parts, are spread evenly however many there are."""


def choose_boxes(
    volume: Volume,
    count: int,
    side: int,
    coarse: Volume | None = None,
    *,
    cancelled: Callable[[], bool] = lambda: False,
) -> tuple[Box, ...]:
    """Choose boxes of a store that hold something, far from each other.

    They are spread evenly along z, and at once from the axis outwards and around it. What is there
    is known from the chunks that exist or, if they cannot be listed, from a coarse level; and from
    a few voxels that are read of each box that is chosen.

    Parameters
    ----------
    volume : Volume
        Of a store.
    count : int
        Boxes.
    side : int
        Voxels along each axis; fewer where the volume has fewer.
    coarse : Volume, optional
        A coarser level of it, which is read as a whole.
    cancelled : callable, optional
        Asked before each box that is looked into.

    Returns
    -------
    tuple of Box
        Ascending; they do not overlap.

    Raises
    ------
    FragmentError
        If there are not so many boxes that hold something.
    VolumeError
        If one cannot be read.
    """
    grid = _Grid.of(volume, side)
    places = grid.candidates(volume, coarse)
    chosen: list[Box] = []
    free, looks = np.ones(len(places), bool), _MOST_LOOKS
    for number in range(count):
        for at in _nearest_first(grid, places, (number + 0.5) / count, number * _GOLDEN % 1):
            if cancelled() or not looks:
                break
            if not free[at]:
                continue
            free[at], looks = False, looks - 1
            if _holds_something(volume, box := grid.box(places[at])):
                chosen.append(box)
                break
    if len(chosen) < count:
        raise FragmentError(
            f"{volume.name}: found {len(chosen)} boxes of side {side} that hold something; "
            f"expected {count}; ask for fewer or smaller ones"
        )
    return tuple(sorted(chosen))


@dataclass(frozen=True)
class _Grid:
    """Boxes side by side, which begin where chunks do.

    Attributes
    ----------
    shape : tuple of int
        Of the volume.
    size : tuple of int
        Of a box.
    step : tuple of int
        From box to box.
    """

    shape: tuple[int, int, int]
    size: tuple[int, int, int]
    step: tuple[int, int, int]

    @classmethod
    def of(cls, volume: Volume, side: int) -> _Grid:
        """Return the grid of a volume, coarser if there would be too many boxes."""
        chunks = (1, 1, 1) if volume.layout is None else volume.layout.chunks
        z, y, x = (min(side, size) for size in volume.shape)
        steps = [-(-part // chunk) * chunk for part, chunk in zip((z, y, x), chunks, strict=True)]
        while math.prod(_counts(volume.shape, (z, y, x), steps)) > _MOST_CANDIDATES:
            steps = [2 * step for step in steps]
        return cls(volume.shape, (z, y, x), (steps[0], steps[1], steps[2]))

    @property
    def counts(self) -> tuple[int, ...]:
        """Number of boxes along each axis."""
        return _counts(self.shape, self.size, self.step)

    def box(self, place: npt.NDArray[np.int64]) -> Box:
        """Return a box by its place in the grid."""
        z, y, x = (int(at) * step for at, step in zip(place, self.step, strict=True))
        depth, height, width = self.size
        return Box((z, y, x), (z + depth, y + height, x + width))

    def candidates(self, volume: Volume, coarse: Volume | None) -> npt.NDArray[np.int64]:
        """Return the places of boxes that may hold something, (n, 3)."""
        existing = None if volume.layout is None else volume.layout.existing()
        if existing is None:
            if coarse is None:
                return np.argwhere(np.ones(self.counts, bool))
            filled, enough = self._filled_in(coarse), _ENOUGH_VOXELS
        else:
            filled, enough = np.zeros(self.counts), _ENOUGH
            for chunk in existing:
                self._add(filled, chunk)
        return np.argwhere((filled > 0) & (filled >= enough * filled.max()))

    def _filled_in(self, coarse: Volume) -> npt.NDArray[np.float64]:
        """Return how many voxels of a coarse level hold something in each box."""
        there = coarse.read() != (coarse.absent_value or 0)
        sums = np.pad(there.cumsum(0, dtype=np.int64).cumsum(1).cumsum(2), ((1, 0),) * 3)
        ends = []
        for n, size, step, whole, part in zip(
            self.counts, self.size, self.step, self.shape, coarse.shape, strict=True
        ):
            starts = np.arange(n) * step
            first = np.minimum(starts * part // whole, part - 1)
            ends.append((first, np.maximum(first + 1, -(-(starts + size) * part // whole))))
        filled = np.zeros(self.counts)
        for corner in np.ndindex(2, 2, 2):
            chosen = np.ix_(*(end[which] for end, which in zip(ends, corner, strict=True)))
            filled += (-1) ** (len(corner) - sum(corner)) * sums[chosen]
        return filled

    def _add(self, filled: npt.NDArray[np.float64], chunk: Slices) -> None:
        """Add the voxels that a chunk has in each box."""
        along = [
            [
                (at, common)
                for at in range(max(0, (part.start - size) // step), min(n, part.stop // step + 1))
                if (common := min(part.stop, at * step + size) - max(part.start, at * step)) > 0
            ]
            for part, size, step, n in zip(chunk, self.size, self.step, self.counts, strict=True)
        ]
        for z, depth in along[0]:
            for y, height in along[1]:
                for x, width in along[2]:
                    filled[z, y, x] += depth * height * width


def _counts(
    shape: tuple[int, ...], size: tuple[int, ...], steps: list[int] | tuple[int, ...]
) -> tuple[int, ...]:
    """Return how many boxes there are along each axis, none beyond the volume."""
    return tuple(
        (whole - part) // step + 1 for whole, part, step in zip(shape, size, steps, strict=True)
    )


def _nearest_first(
    grid: _Grid, places: npt.NDArray[np.int64], along: float, away: float
) -> npt.NDArray[np.intp]:
    """Return boxes by how near they are to a place along the axis and a distance from it.

    Parameters
    ----------
    grid : _Grid
    places : numpy.ndarray
        Of the boxes in it, (n, 3).
    along, away : float
        From 0 to 1, of those that there are. Around the axis it is the turn of `away`.
    """
    if not len(places):
        return np.empty(0, np.intp)
    centres = places * np.array(grid.step) + np.array(grid.size) / 2
    z, y, x = (centres - centres.mean(axis=0)).T
    angle = np.abs(np.angle(np.exp(1j * (np.arctan2(y, x) - 2 * np.pi * away)))) / np.pi
    cost = _ALONG * np.abs(_normal(z) - along) + _AWAY * np.abs(_normal(np.hypot(y, x)) - away)
    return np.argsort(cost + _AROUND * angle, kind="stable")


def _normal(values: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Return values from 0 to 1, in proportion."""
    spread: npt.NDArray[np.float64] = values - values.min()
    return spread / max(float(spread.max()), 1.0)


def _holds_something(volume: Volume, box: Box) -> bool:
    """Return whether the middle of a box differs from what stands where there is nothing."""
    z, y, x = (
        slice(
            max(part.start, (part.start + part.stop - _LOOKED_AT) // 2),
            min(part.stop, (part.start + part.stop + _LOOKED_AT) // 2),
        )
        for part in box.slices
    )
    return bool((volume.shared((z, y, x)) != (volume.absent_value or 0)).any())
