"""Paths from the CT image alone, for fragments without a network's output.

Each is a lazy volume: a block is computed when it is asked for, from the block of the image around
it, and has the same bits however the volume is cut. At the faces of the volume the outermost voxels
are repeated.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from napari_nx46.setting import ScoreFrom
from napari_nx46.voxels.blocks import (
    Block,
    FloatVolume,
    VolumeLike,
    block_shape,
    slabs,
    whole_block,
)
from napari_nx46.voxels.tiles import slab_thickness
from napari_nx46.voxels.workers import Cancelled, never

Plane = npt.NDArray[np.float32]
"""A ``(Y, X)`` slice."""

IntensityExtent = tuple[float, float]
"""The lowest and the highest value of an image."""

TRUNCATION = 4.0
"""The Gaussian ends at this many sigmas."""

_BOX_RADIUS = 2


def intensity_extent(image: VolumeLike, cancelled: Callable[[], bool] = never) -> IntensityExtent:
    """Return the lowest and the highest value of an image, read once in slabs.

    Parameters
    ----------
    image : VolumeLike
        ``(Z, Y, X)``, of any real type.
    cancelled : callable
        Asked before each slab.

    Raises
    ------
    ValueError
        If a value is NaN or infinite, or the values lie further apart than float64 reaches.
    Cancelled
        If `cancelled` returned True.
    """
    z, y, x = image.shape
    lowest, highest = math.inf, -math.inf
    for slab in slabs(whole_block((z, y, x)), slab_thickness((z, y, x))):
        if cancelled():
            raise Cancelled
        voxels = image[slab]
        low, high = float(voxels.min()), float(voxels.max())
        if not math.isfinite(high - low):  # NaN spreads to both
            raise ValueError(
                f"image: found values from {low} to {high} in slices {slab[0].start} to "
                f"{slab[0].stop - 1}; expected finite numbers"
            )
        lowest, highest = min(lowest, low), max(highest, high)
    if not math.isfinite(highest - lowest):
        raise ValueError(f"image: found values from {lowest} to {highest}: too far apart")
    return lowest, highest


def ct_sources(
    image: VolumeLike, source: ScoreFrom, residual_sigma: float, extent: IntensityExtent
) -> tuple[VolumeLike, VolumeLike]:
    """Return the two paths that are made from a CT image.

    Parameters
    ----------
    image : VolumeLike
        ``(Z, Y, X)``, of any real type.
    source : ScoreFrom
        ``GRADIENT`` or ``RESIDUAL``.
    residual_sigma : float
        Of the Gaussian, in voxels.
    extent : tuple of float
        As `intensity_extent` returns it.

    Returns
    -------
    p3d, p2d : VolumeLike
        ``(Z, Y, X)`` float32 in [0, 1]; one and the same volume for the residual.

    Raises
    ------
    ValueError
        If the source is none of these two.
    """
    match source:
        case ScoreFrom.GRADIENT:
            return GradientPath3d(image, extent), GradientPath2d(image, extent)
        case ScoreFrom.RESIDUAL:
            residual = ResidualPath(image, extent, residual_sigma)
            return residual, residual
        case ScoreFrom.PROBABILITIES:
            raise ValueError("probability volumes are not made from the CT image")


def ct_halo(source: ScoreFrom, residual_sigma: float) -> tuple[int, int, int]:
    """Return how far along z, y and x the voxels of `ct_sources` depend on those of the image."""
    if source is ScoreFrom.GRADIENT:
        return _BOX_RADIUS, 1, 1
    return (_gaussian_radius(residual_sigma),) * 3


@dataclass(frozen=True, eq=False)
class CtPath(ABC):
    """A volume that is computed from a CT image when it is read.

    Parameters
    ----------
    image : VolumeLike
        ``(Z, Y, X)``, of any real type.
    extent : tuple of float
        Lowest and highest value of the image, which become 0 and 1. Of a constant image, all
        becomes 0.
    """

    image: VolumeLike
    extent: IntensityExtent

    @property
    def shape(self) -> tuple[int, ...]:
        """Voxels along z, y and x."""
        return self.image.shape

    @property
    def dtype(self) -> np.dtype[np.generic]:
        """Type of the voxels: float32."""
        return np.dtype(np.float32)

    @property
    @abstractmethod
    def halo(self) -> tuple[int, int, int]:
        """How far along z, y and x a voxel depends on others."""

    def __getitem__(self, index: Block) -> FloatVolume:
        """Return a block, float32 in [0, 1]."""
        block = _from_start_to_stop(index, self.shape)
        window = _Window(self.image, self.extent, block, self.halo)
        voxels = np.empty(block_shape(block), np.float32)
        for z in range(block[0].start, block[0].stop):
            window.clear_below(z - self.halo[0])
            voxels[z - block[0].start] = self._slice(window, z)
        return voxels

    @abstractmethod
    def _slice(self, window: _Window, z: int) -> Plane:
        """Compute a slice of the window's block."""


class GradientPath3d(CtPath):
    """NX46's gradient score in three dimensions, voxel by voxel.

    ``0.34 |dz| + 0.22 |dy| + 0.22 |dx| + 0.12 |n - box_z(n, 2)| + 0.10 |d2z| / 2`` of the image n
    in [0, 1], in float32 in this order, where dz, dy and dx are the differences to the voxel before
    (0 at the first), box_z is the mean of five slices, summed in float64, and
    ``d2z = n[z-1] - 2 n[z] + n[z+1]``.

    Notes
    -----
    NX46's programs averaged this over z into one image that stood for every slice. Here it stays
    voxelwise.
    """

    @property
    def halo(self) -> tuple[int, int, int]:
        """How far along z, y and x a voxel depends on others."""
        return ct_halo(ScoreFrom.GRADIENT, 0.0)

    def _slice(self, window: _Window, z: int) -> Plane:
        before, here, after = (window.plane(near) for near in (z - 1, z, z + 1))
        score = _gradient(here, before, (0.34, 0.22, 0.22))
        score += 0.12 * np.abs(here - _box_mean(window, z))
        score += 0.10 * (np.abs(before - 2 * here + after) / 2)
        return score[window.inner]


class GradientPath2d(CtPath):
    """NX46's gradient score for slices: ``0.45 |dz| + 0.30 |dy| + 0.25 |dx|``.

    Of the image in [0, 1], in float32 in this order; the differences are those of `GradientPath3d`.
    """

    @property
    def halo(self) -> tuple[int, int, int]:
        """How far along z, y and x a voxel depends on others."""
        return 1, 1, 1

    def _slice(self, window: _Window, z: int) -> Plane:
        score = _gradient(window.plane(z), window.plane(z - 1), (0.45, 0.30, 0.25))
        return score[window.inner]


@dataclass(frozen=True, eq=False)
class ResidualPath(CtPath):
    """NX47's residual: how much brighter a voxel is than its surroundings.

    ``(n - gaussian(n, sigma) + 1) / 2`` of the image n in [0, 1], so that 0.5 is as bright as the
    surroundings. The Gaussian is summed in float64 and rounded to float32 along z, y, x in turn.

    Parameters
    ----------
    image, extent
        As of every `CtPath`.
    sigma : float
        Of the Gaussian, in voxels; it ends at four of them.
    """

    sigma: float

    @property
    def halo(self) -> tuple[int, int, int]:
        """How far along z, y and x a voxel depends on others."""
        return ct_halo(ScoreFrom.RESIDUAL, self.sigma)

    def _slice(self, window: _Window, z: int) -> Plane:
        weights = _gaussian_weights(self.sigma)
        rows, columns = window.inner
        smooth = _weighted_along_z(window, z, weights)
        smooth = _weighted_within(smooth, 0, weights)[rows]
        smooth = _weighted_within(smooth, 1, weights)[:, columns]
        residual = window.plane(z)[window.inner] - smooth
        residual += 1
        residual /= 2
        return residual


class _Window:
    """The slices of an image, in [0, 1], around a block, each made once on the way up.

    Parameters
    ----------
    image : VolumeLike
    extent : tuple of float
    block : Block
    halo : tuple of int
        How far around the block slices reach, as far as the volume does.
    """

    def __init__(
        self, image: VolumeLike, extent: IntensityExtent, block: Block, halo: tuple[int, int, int]
    ) -> None:
        z, y, x = (
            slice(max(0, part.start - reach), min(length, part.stop + reach))
            for part, reach, length in zip(block, halo, image.shape, strict=True)
        )
        self._extent = extent
        self._voxels = image[z, y, x]
        self._first = z.start
        self._planes: dict[int, Plane] = {}
        self.inner = _relative(block[1], y), _relative(block[2], x)
        """Rows and columns of the block in a slice."""

    def plane(self, z: int) -> Plane:
        """Return a slice by its index in the volume; beyond its ends the outermost one."""
        index = min(max(z - self._first, 0), len(self._voxels) - 1)
        if index not in self._planes:
            self._planes[index] = _normalised(self._voxels[index], self._extent)
        return self._planes[index]

    def clear_below(self, z: int) -> None:
        """Give the memory of slices below one back."""
        for index in [index for index in self._planes if index < z - self._first]:
            del self._planes[index]


def _relative(part: slice, around: slice) -> slice:
    return slice(part.start - around.start, part.stop - around.start)


def _from_start_to_stop(index: Block, shape: tuple[int, ...]) -> Block:
    z, y, x = (slice(*part.indices(length)[:2]) for part, length in zip(index, shape, strict=True))
    return z, y, x


def _normalised(voxels: npt.NDArray[np.generic], extent: IntensityExtent) -> Plane:
    lowest, highest = extent
    if lowest == highest:
        return np.zeros(voxels.shape, np.float32)
    exact = voxels.astype(np.float64)
    exact -= lowest
    exact /= highest - lowest
    return exact.astype(np.float32)


def _gradient(here: Plane, before: Plane, weights: tuple[float, float, float]) -> Plane:
    """Return the weighted sum of the differences to the voxel before along z, y and x."""
    along_z, along_y, along_x = weights
    score: Plane = along_z * np.abs(here - before)
    score[1:] += along_y * np.abs(here[1:] - here[:-1])
    score[:, 1:] += along_x * np.abs(here[:, 1:] - here[:, :-1])
    return score


def _box_mean(window: _Window, z: int) -> Plane:
    """Return the mean of five slices."""
    total = np.zeros(window.plane(z).shape, np.float64)
    for near in range(z - _BOX_RADIUS, z + _BOX_RADIUS + 1):
        total += window.plane(near)
    total /= 2 * _BOX_RADIUS + 1
    return total.astype(np.float32)


def _gaussian_radius(sigma: float) -> int:
    return int(TRUNCATION * sigma + 0.5)


def _gaussian_weights(sigma: float) -> npt.NDArray[np.float64]:
    radius = _gaussian_radius(sigma)
    offsets = np.arange(-radius, radius + 1)
    weights: npt.NDArray[np.float64] = np.exp(-0.5 / sigma**2 * offsets**2)
    weights /= weights.sum()
    return weights


def _weighted_along_z(window: _Window, z: int, weights: npt.NDArray[np.float64]) -> Plane:
    """Return the weighted sum of slices, pair by pair from the outermost to the middle.

    `scipy.ndimage` sums in this order too, but would also sum for the slices around the block.
    """
    radius = len(weights) // 2
    total = window.plane(z).astype(np.float64)
    total *= weights[radius]
    pair = np.empty_like(total)
    for offset in range(radius, 0, -1):
        np.add(window.plane(z - offset), window.plane(z + offset), out=pair, dtype=np.float64)
        pair *= weights[radius - offset]
        total += pair
    return total.astype(np.float32)


def _weighted_within(plane: Plane, axis: int, weights: npt.NDArray[np.float64]) -> Plane:
    """Return the weighted sum along y (0) or x (1)."""
    from scipy.ndimage import correlate1d

    smooth = np.empty_like(plane)
    correlate1d(plane, weights, axis, output=smooth, mode="nearest")
    return smooth
