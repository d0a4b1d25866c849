"""The kernel of one step of anisotropic diffusion, compiled by numba."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from napari_nx46.voxels.blocks import FloatVolume
from napari_nx46.voxels.compiling.kernel import helper, kernel

Indices = npt.NDArray[np.int64]

LOWEST_EXPONENT = -1000
"""Below that of the square of any float32."""

_WHOLE = float(1 << 53)
_HALF = 26
_LOWER = (1 << 26) - 1


@kernel("(f4[:,:,::1], f8, f8, i8, i8, f4[:,:,::1])")
def diffuse_planes(
    values: FloatVolume, scale: float, step: float, start: int, stop: int, out: FloatVolume
) -> None:
    """Do one step in some planes.

    Parameters
    ----------
    values : (Z, Y, X) array of float32
        Repeated beyond its faces.
    scale : float
        K of the formula, below 0.
    step : float
        dt.
    start, stop : int
        The planes to do.
    out : (Z, Y, X) array of float32
        Written to, planes ``start`` to ``stop``.

    Notes
    -----
    What flows out of a voxel flows into the next one: each flow is computed once.
    """
    depth, rows, columns = values.shape
    from_below = np.zeros((rows, columns), np.float64)
    if start > 0:
        for y in range(rows):
            for x in range(columns):
                from_below[y, x] = _flow(values, start - 1, y, x, 0, scale)
    from_north = np.empty(columns, np.float64)
    for z in range(start, stop):
        from_north[:] = 0.0
        for y in range(rows):
            from_west = 0.0
            for x in range(columns):
                up = _flow(values, z, y, x, 0, scale) if z + 1 < depth else 0.0
                south = _flow(values, z, y, x, 1, scale) if y + 1 < rows else 0.0
                east = _flow(values, z, y, x, 2, scale) if x + 1 < columns else 0.0
                change = up - from_below[y, x]
                change += south - from_north[x]
                change += east - from_west
                out[z, y, x] = values[z, y, x] + step * change
                from_below[y, x] = up
                from_north[x] = south
                from_west = east


@helper
def _flow(values: FloatVolume, z: int, y: int, x: int, axis: int, scale: float) -> float:
    """Return what flows between a voxel and the next one along an axis."""
    next_z, next_y, next_x = z + (axis == 0), y + (axis == 1), x + (axis == 2)
    across = 0.0
    for other in range(3):
        if other != axis:
            slope = _slope(values, z, y, x, other) + _slope(values, next_z, next_y, next_x, other)
            across += slope * slope
    along = np.float64(values[next_z, next_y, next_x]) - np.float64(values[z, y, x])
    return along * math.exp((along * along + 0.25 * across) / scale)


@helper
def _slope(values: FloatVolume, z: int, y: int, x: int, axis: int) -> float:
    """Return half the difference of a voxel's neighbours along an axis."""
    depth, rows, columns = values.shape
    if axis == 0:
        before, after = values[max(z - 1, 0), y, x], values[min(z + 1, depth - 1), y, x]
    elif axis == 1:
        before, after = values[z, max(y - 1, 0), x], values[z, min(y + 1, rows - 1), x]
    else:
        before, after = values[z, y, max(x - 1, 0)], values[z, y, min(x + 1, columns - 1)]
    return 0.5 * (np.float64(after) - np.float64(before))


@kernel("(f4[:,:,::1], i8[:,::1], i8[:,::1])")
def sum_slope_squares(values: FloatVolume, bounds: Indices, sums: Indices) -> None:
    """Add the squares of the slopes in a part of a volume to sums by their exponents.

    Parameters
    ----------
    values : (Z, Y, X) array of float32
        Repeated beyond its faces.
    bounds : (3, 2) array of int64
        Where the part starts and stops along each axis.
    sums : (2, 1024) array of int64
        Of the lower 26 bits of the mantissas, as whole numbers, and of the rest: by exponents from
        -1000 on.
    """
    for z in range(bounds[0, 0], bounds[0, 1]):
        for y in range(bounds[1, 0], bounds[1, 1]):
            for x in range(bounds[2, 0], bounds[2, 1]):
                square = 0.0
                for axis in range(3):
                    slope = _slope(values, z, y, x, axis)
                    square += slope * slope
                if square > 0:
                    mantissa, exponent = math.frexp(square)
                    whole, place = np.int64(mantissa * _WHOLE), exponent - LOWEST_EXPONENT
                    sums[0, place] += whole & _LOWER
                    sums[1, place] += whole >> _HALF
