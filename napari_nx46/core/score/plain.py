"""The kernels in plain NumPy: the definition that the compiled ones equal, bit for bit.

They also draw the first picture, while the compiled ones are still being compiled.
Every function here has a twin of the same name and arguments in `compiled`.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from napari_nx46.core.threshold.quantile import HIGH_BITS_SHIFT, LOW_BITS, LOW_BITS_MASK

FloatVolume = npt.NDArray[np.float32]
Counts = npt.NDArray[np.int64]

_INTEGER_SCALES = {np.dtype(np.uint8): np.float32(255), np.dtype(np.uint16): np.float32(65535)}


def score_tile(
    p3d: npt.NDArray[np.generic],
    p2d: npt.NDArray[np.generic],
    first: int,
    radius: int,
    blend: float,
    rows: slice,
    score: FloatVolume,
    counts: Counts | None,
) -> None:
    """Blend and z-smooth one tile.

    Parameters
    ----------
    p3d : (N, Y, X) array
        Slices of the first path: those of the tile and up to `radius` more on either side, fewer
        only where the volume ends; there the outermost slice is repeated.
    p2d : (Z, Y, X) array
        Slices of the second path, those of the tile alone.
    first : int
        Index in `p3d` of the tile's first slice.
    radius : int
        Radius r of the z-box, which is the mean of 2r + 1 slices, summed in float64 in ascending
        z and rounded to float32.
    blend : float
        Weight w of the smoothed `p3d`; the score is ``w * p3d + (1 - w) * p2d`` in float32.
    rows : slice
        The rows (along y) to work on; the others are left alone.
    score : (Z, Y, X) array of float32
        Receives the score of those rows.
    counts : (65536,) array of int64, optional
        Increased by the histogram of those rows' scores over the bins of `quantile`.
    """
    p3d, p2d, score = p3d[:, rows], p2d[:, rows], score[:, rows]
    total = np.zeros(score.shape, np.float64)
    last = p3d.shape[0] - 1
    for offset in range(-radius, radius + 1):
        slices = np.clip(np.arange(score.shape[0]) + first + offset, 0, last)
        total += _probabilities(p3d[slices])
    smoothed = (total / (2 * radius + 1)).astype(np.float32)
    weight, rest = np.float32(blend), np.float32(1.0 - blend)
    score[...] = weight * smoothed + rest * _probabilities(p2d).astype(np.float32)
    if counts is not None:
        high_bits = np.ascontiguousarray(score).view(np.uint32).ravel() >> HIGH_BITS_SHIFT
        counts += np.bincount(high_bits, minlength=counts.size)


def count_low_bits(score: FloatVolume, high_bits: int, counts: Counts) -> None:
    """Count the low bits of those scores that lie in one bin of the histogram.

    Parameters
    ----------
    score : (Z, Y, X) array of float32
    high_bits : int
        The bin.
    counts : (16384,) array of int64
        Increased by the number of scores of the bin that have each pattern of low bits.
    """
    bits = np.ascontiguousarray(score).view(np.uint32).ravel()
    in_bin = bits[(bits >> HIGH_BITS_SHIFT) == high_bits]
    counts += np.bincount(in_bin & LOW_BITS_MASK, minlength=LOW_BITS)


def threshold_tile(score: FloatVolume, threshold: FloatVolume, mask: npt.NDArray[np.uint8]) -> None:
    """Set the mask to 1 where the score is at least its slice's threshold, else to 0.

    Parameters
    ----------
    score : (Z, Y, X) array of float32
    threshold : (Z,) array of float32
    mask : (Z, Y, X) array of uint8
        Receives the mask.
    """
    np.greater_equal(score, threshold[:, None, None], out=mask.view(np.bool_))


def _probabilities(voxels: npt.NDArray[np.generic]) -> npt.NDArray[np.floating]:
    scale = _INTEGER_SCALES.get(voxels.dtype)
    if scale is None:
        return voxels.astype(np.promote_types(voxels.dtype, np.float32), copy=False)
    return voxels.astype(np.float32) / scale
