"""The kernel of the sheetness, compiled by numba."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from napari_nx46.voxels.blocks import FloatVolume
from napari_nx46.voxels.compiling.kernel import helper, kernel

Hessian = npt.NDArray[np.float32]
"""``(6, Z, Y, X)``: the second derivatives zz, yy, xx, zy, zx, yx."""

_THIRD = 2.0 * math.pi / 3.0


@kernel("(f4[:,:,:,::1], f8, f8, f8, i8, i8, f4[:,:,::1])")
def measure_sheetness(
    hessian: Hessian,
    scale: float,
    gamma: float,
    beta: float,
    start: int,
    stop: int,
    out: FloatVolume,
) -> None:
    """Write how much like a bright sheet the surroundings of each voxel are, in some planes.

    Parameters
    ----------
    hessian : (6, Z, Y, X) array of float32
    scale : float
        What it is multiplied with.
    gamma, beta : float
        See `sheetness.sheetness`.
    start, stop : int
        The planes to do.
    out : (Z, Y, X) array of float32
        Written to, planes ``start`` to ``stop``.
    """
    _, _, rows, columns = hessian.shape
    for z in range(start, stop):
        for y in range(rows):
            for x in range(columns):
                zz = scale * np.float64(hessian[0, z, y, x])
                yy = scale * np.float64(hessian[1, z, y, x])
                xx = scale * np.float64(hessian[2, z, y, x])
                zy = scale * np.float64(hessian[3, z, y, x])
                zx = scale * np.float64(hessian[4, z, y, x])
                yx = scale * np.float64(hessian[5, z, y, x])
                out[z, y, x] = _likeness(zz, yy, xx, zy, zx, yx, gamma, beta)


@helper
def _likeness(
    zz: float, yy: float, xx: float, zy: float, zx: float, yx: float, gamma: float, beta: float
) -> float:
    """Return the sheetness of one matrix."""
    trace = zz + yy + xx
    if trace == 0.0:
        return 0.0
    off = zy * zy + zx * zx + yx * yx
    square = zz * zz + yy * yy + xx * xx + 2.0 * off
    first, second, third = _eigenvalues(zz, yy, xx, zy, zx, yx, trace / 3.0, off)
    # In ascending order of their sizes.
    if abs(first) > abs(second):
        first, second = second, first
    if abs(second) > abs(third):
        second, third = third, second
    if abs(first) > abs(second):
        first, second = second, first
    if third >= 0.0:
        return 0.0
    width = 2.0 * beta * beta
    plate = (second / third) ** 2
    product = abs(second * third)
    blob = first * first / product if product > 0.0 else 0.0
    strength = 1.0 - math.exp(-square / (2.0 * gamma * gamma))
    return strength * math.exp(-plate / width) * math.exp(-blob / width)


@helper
def _eigenvalues(
    zz: float, yy: float, xx: float, zy: float, zx: float, yx: float, mean: float, off: float
) -> tuple[float, float, float]:
    """Return the eigenvalues of a symmetric matrix, by the trigonometric solution of its cubic."""
    a, b, c = zz - mean, yy - mean, xx - mean
    spread = math.sqrt((a * a + b * b + c * c + 2.0 * off) / 6.0)
    if spread == 0.0:
        return mean, mean, mean
    determinant = a * (b * c - yx * yx) - zy * (zy * c - yx * zx) + zx * (zy * yx - b * zx)
    half = determinant / (2.0 * spread * spread * spread)
    angle = math.acos(min(1.0, max(-1.0, half))) / 3.0
    largest = mean + 2.0 * spread * math.cos(angle)
    smallest = mean + 2.0 * spread * math.cos(angle + _THIRD)
    return largest, 3.0 * mean - largest - smallest, smallest
