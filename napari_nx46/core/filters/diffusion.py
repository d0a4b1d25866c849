"""Gradient anisotropic diffusion, as ITK does it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
import numpy.typing as npt

from napari_nx46.voxels.blocks import Block, FloatVolume, block_shape
from napari_nx46.voxels.tiles import INLINE_VOXELS
from napari_nx46.voxels.workers import Workers, tiles_of

__all__ = ["SlopeSquares", "diffuse", "diffusion_scale"]

PLANES_PER_TILE = 8

_EXPONENTS = 1024
_MANTISSA_BITS = 53
_HALF_BITS = 26


def diffuse(
    volume: FloatVolume,
    scale: float,
    time_step: float,
    *,
    workers: Workers | None = None,
) -> FloatVolume:
    """Do one step of ITK's ``GradientAnisotropicDiffusionImageFilter``.

    With the differences g+ = u(x+i) - u(x) and g- = u(x) - u(x-i) along axis i, and the slopes
    d_j = (u(x+j) - u(x-j)) / 2 along the other axes, a voxel changes by

        time_step * sum over i of (g+ e+ - g- e-),
        e+ = exp((g+^2 + 1/4 sum over j of (d_j(x) + d_j(x+i))^2) / scale),

    and e- likewise towards x-i, in float64. Voxels are repeated beyond the faces.

    Reach: 1 voxel along each axis, once the scale is known, which follows from the whole volume.

    Parameters
    ----------
    volume : (Z, Y, X) array of float32
    scale : float
        As `diffusion_scale` returns it; 0 where the volume is constant: nothing flows.
    time_step : float
        ITK warns above 1/16.
    workers : Workers, optional
        Threads to share the work; the result does not depend on them.

    Returns
    -------
    (Z, Y, X) array of float32
        A new array.
    """
    from napari_nx46.core.filters.compiled_diffusion import diffuse_planes

    if scale == 0 or volume.size == 0:
        return volume.copy()
    values = np.require(np.ascontiguousarray(volume), requirements="W")
    out, depth = np.empty_like(values), len(values)
    (workers or Workers(1)).map(
        lambda z: diffuse_planes(values, scale, time_step, z.start, z.stop, out),
        tiles_of(depth, depth if values.size <= INLINE_VOXELS else PLANES_PER_TILE),
    )
    return out


def diffusion_scale(squares: SlopeSquares, conductance: float) -> float:
    """Return K of the formula: ``-2 * conductance**2`` times the mean of the slopes' squares.

    Parameters
    ----------
    squares : SlopeSquares
        Of the whole volume.
    conductance : float
    """
    return -2.0 * conductance**2 * squares.mean


@dataclass(frozen=True, eq=False, slots=True)
class SlopeSquares:
    """The sum of the squares of the slopes along z, y and x, exact: no cutting changes a bit of it.

    Parameters
    ----------
    voxels : int
    sums : (2, 1024) array of int64
        By the squares' exponent: of the lower 26 bits of the mantissas, and of the rest.

    Examples
    --------
    >>> ramp = np.linspace(0, 1, 5, dtype=np.float32).reshape(1, 1, 5)
    >>> SlopeSquares.of(ramp, (slice(0, 1),) * 2 + (slice(1, 4),)).mean
    0.0625
    """

    voxels: int
    sums: npt.NDArray[np.int64]

    @classmethod
    def none(cls) -> SlopeSquares:
        """Return the sum over no voxels."""
        return cls(0, np.zeros((2, _EXPONENTS), np.int64))

    @classmethod
    def of(cls, volume: FloatVolume, inner: Block) -> SlopeSquares:
        """Return the sum over a part of a volume.

        Parameters
        ----------
        volume : (Z, Y, X) array of float32
            With a voxel around the part, as far as the fragment goes: beyond, voxels are repeated.
        inner : Block
        """
        from napari_nx46.core.filters.compiled_diffusion import sum_slope_squares

        found = cls(math.prod(block_shape(inner)), np.zeros((2, _EXPONENTS), np.int64))
        bounds = np.array([(part.start, part.stop) for part in inner], np.int64)
        values = np.require(np.ascontiguousarray(volume), requirements="W")
        sum_slope_squares(values, bounds, found.sums)
        return found

    def __add__(self, other: SlopeSquares) -> SlopeSquares:
        return SlopeSquares(self.voxels + other.voxels, self.sums + other.sums)

    @property
    def mean(self) -> float:
        """The mean over all voxels: their sum, rounded once, divided by their number."""
        from napari_nx46.core.filters.compiled_diffusion import LOWEST_EXPONENT

        total = Fraction(0)
        for exponent in np.flatnonzero(self.sums.any(axis=0)).tolist():
            low, high = self.sums[:, exponent].tolist()
            whole, power = low + (high << _HALF_BITS), exponent + LOWEST_EXPONENT - _MANTISSA_BITS
            total += whole * Fraction(2) ** power
        return float(total) / self.voxels
