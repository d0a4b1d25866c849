"""Gaussian smoothing, the outermost voxels repeated beyond the faces."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from napari_nx46.voxels.blocks import FloatVolume
from napari_nx46.voxels.workers import Workers, tiles_of

__all__ = ["TRUNCATION", "gaussian", "gaussian_reach", "gaussian_weights"]

TRUNCATION = 4.0
"""The Gaussian ends at this many sigmas."""

LINES_PER_TILE = 16


def gaussian_reach(sigma: float) -> int:
    """Return how many voxels a Gaussian reaches along an axis."""
    return int(TRUNCATION * sigma + 0.5)


def gaussian_weights(sigma: float) -> npt.NDArray[np.float64]:
    """Return the weights of a voxel and of those at each distance along an axis, (reach + 1,).

    They are those of `scipy.ndimage.gaussian_filter1d`, to the last bit.
    """
    distances = np.arange(-gaussian_reach(sigma), gaussian_reach(sigma) + 1)
    weights = np.exp(-0.5 / (sigma * sigma) * distances**2)
    middle: npt.NDArray[np.float64] = (weights / weights.sum())[gaussian_reach(sigma) :]
    return np.ascontiguousarray(middle)


def gaussian(
    volume: FloatVolume, sigmas: tuple[float, float, float], *, workers: Workers | None = None
) -> FloatVolume:
    """Smooth a volume along z, y and x.

    Equals ``scipy.ndimage.gaussian_filter(volume, sigmas, mode="nearest", truncate=4)``. A block
    with a halo as wide as `gaussian_reach` comes out as within the whole, bit by bit.

    Parameters
    ----------
    volume : (Z, Y, X) array of float32
    sigmas : three float
        In voxels; along an axis of 0 nothing is done.
    workers : Workers, optional
        Threads to share the work; the result does not depend on them.

    Returns
    -------
    (Z, Y, X) array of float32
        A new array.
    """
    from scipy.ndimage import gaussian_filter1d

    smooth, threads = volume.copy(), workers or Workers(1)
    for axis, sigma in enumerate(sigmas):
        if int(TRUNCATION * sigma + 0.5) == 0:  # the kernel has one voxel
            continue
        across = 1 if axis == 0 else 0
        out = np.empty_like(smooth)

        def work(
            tile: slice,
            source: FloatVolume = smooth,
            out: FloatVolume = out,
            axis: int = axis,
            across: int = across,
            sigma: float = sigma,
        ) -> None:
            part = (slice(None),) * across + (tile,)
            gaussian_filter1d(
                source[part], sigma, axis, output=out[part], mode="nearest", truncate=TRUNCATION
            )

        threads.map(work, tiles_of(volume.shape[across], LINES_PER_TILE))
        smooth = out
    return smooth
