"""How much like a bright sheet the surroundings of a voxel are, by its Hessian's eigenvalues."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from napari_nx46.core.filters.gaussian import gaussian, gaussian_reach
from napari_nx46.voxels.blocks import FloatVolume
from napari_nx46.voxels.tiles import INLINE_VOXELS
from napari_nx46.voxels.workers import Workers, tiles_of

__all__ = ["sheetness", "sheetness_extent", "sheetness_reach"]

HESSIAN_SCALE = 36.0
"""Of the second derivatives: the square of a width of 6, which villa fixes."""

PLANES_PER_TILE = 8

_PAIRS = ((0, 0), (1, 1), (2, 2), (0, 1), (0, 2), (1, 2))


def sheetness_reach(sigma: float) -> int:
    """Return how far the sheetness looks along each axis, in voxels, once the extent is known.

    At the faces of a fragment, derivatives are taken from one side: two of them reach 3 voxels.
    """
    return gaussian_reach(sigma) + 3


def sheetness_extent(
    volume: FloatVolume, sigma: float, inner: tuple[slice, slice, slice], workers: Workers
) -> tuple[float, float]:
    """Return the lowest and the highest value of the smoothed volume, in a part of it."""
    smooth = gaussian(volume, (sigma, sigma, sigma), workers=workers)[inner]
    return float(smooth.min()), float(smooth.max())


def sheetness(
    volume: FloatVolume,
    extent: tuple[float, float],
    sigma: float = 2.0,
    gamma: float = 1.5,
    beta: float = 0.5,
    *,
    workers: Workers | None = None,
) -> FloatVolume:
    """Return the sheetness of villa's ridge detection, 0 to 1.

    Of a Gaussian of the volume, put to [0, 1] by its lowest and highest value, the Hessian is
    taken by `numpy.gradient` twice (``edge_order=2``), times 36. With its eigenvalues
    ``|l1| <= |l2| <= |l3|`` and its Frobenius norm S, the sheetness is

        (1 - exp(-S^2 / 2 gamma^2)) exp(-(l2 / l3)^2 / 2 beta^2) exp(-l1^2 / |l2 l3| / 2 beta^2),

    and 0 where l3 or the trace is not below 0. Part of the seventh-place solution, which does not
    publish its numbers: the defaults are villa's.

    Reach: see `sheetness_reach`; the extent is that of the whole fragment.

    Parameters
    ----------
    volume : (Z, Y, X) array of float32
    extent : tuple of float
        Lowest and highest value of the smoothed volume, see `sheetness_extent`.
    sigma : float
        Of the Gaussian, in voxels.
    gamma, beta : float
    workers : Workers, optional
        Threads to share the work; the result does not depend on them.

    Returns
    -------
    (Z, Y, X) array of float32
        A new array; of zeros where the smoothed volume is constant.
    """
    from napari_nx46.core.filters.compiled_sheetness import measure_sheetness

    low, high = extent
    out = np.zeros(volume.shape, np.float32)
    if high <= low or volume.size == 0:
        return out
    threads = workers or Workers(1)
    smooth = gaussian(volume, (sigma, sigma, sigma), workers=threads)
    smooth -= np.float32(low)
    smooth /= np.float32(high - low)
    hessian = np.empty((len(_PAIRS), *volume.shape), np.float32)
    slopes = [_slope(smooth, axis) for axis in range(3)]
    for place, (axis, other) in enumerate(_PAIRS):
        hessian[place] = _slope(slopes[axis], other)
    depth = len(out)
    threads.map(
        lambda z: measure_sheetness(hessian, HESSIAN_SCALE, gamma, beta, z.start, z.stop, out),
        tiles_of(depth, depth if out.size <= INLINE_VOXELS else PLANES_PER_TILE),
    )
    return out


def _slope(values: FloatVolume, axis: int) -> npt.NDArray[np.float32]:
    """Return the derivative along an axis, as well as so few voxels allow."""
    length = values.shape[axis]
    if length == 1:
        return np.zeros_like(values)
    slope: npt.NDArray[np.float32] = np.gradient(
        values, axis=axis, edge_order=2 if length > 2 else 1
    )
    return slope
