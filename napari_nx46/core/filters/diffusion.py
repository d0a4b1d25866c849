"""Gradient anisotropic diffusion, as ITK does it."""

from __future__ import annotations

import math

import numpy as np

from napari_nx46.voxels.blocks import FloatVolume
from napari_nx46.voxels.tiles import INLINE_VOXELS
from napari_nx46.voxels.workers import Workers, tiles_of

__all__ = ["diffuse", "diffusion_scale", "slope_squares"]

PLANES_PER_TILE = 8


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


def diffusion_scale(squares: list[float], voxels: int, conductance: float) -> float:
    """Return K of the formula: ``-2 * conductance**2`` times the mean of the slopes' squares.

    Parameters
    ----------
    squares : list of float
        Of each slice of the whole volume, in order; see `slope_squares`.
    voxels : int
        Of the whole volume.
    conductance : float
    """
    return -2.0 * conductance**2 * math.fsum(squares) / voxels


def slope_squares(volume: FloatVolume, planes: slice) -> list[float]:
    """Return the sum of the squares of the slopes along z, y and x over each of some slices.

    Parameters
    ----------
    volume : (Z, Y, X) array of float32
        With a slice before and behind those that are asked for, as far as the fragment goes.
    planes : slice

    Returns
    -------
    list of float
        Each summed in float64, whatever slices are asked for at a time.
    """
    last = len(volume) - 1
    sums = []
    for z in range(planes.start, planes.stop):
        near = volume[[max(z - 1, 0), z, min(z + 1, last)]].astype(np.float64)
        square = ((near[2] - near[0]) / 2) ** 2
        padded = np.pad(near[1], 1, "edge")
        square += ((padded[2:, 1:-1] - padded[:-2, 1:-1]) / 2) ** 2
        square += ((padded[1:-1, 2:] - padded[1:-1, :-2]) / 2) ** 2
        sums.append(float(square.sum()))
    return sums
