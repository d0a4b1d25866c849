"""Smoothing of scores after their mean: diffusion, a Gaussian, or medians."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from napari_nx46.core.filters.diffusion import diffuse
from napari_nx46.core.filters.gaussian import gaussian, gaussian_reach
from napari_nx46.setting import MedianWindow, ScoreSmoothing, Setting
from napari_nx46.voxels.blocks import FloatVolume
from napari_nx46.voxels.workers import Workers, tiles_of

__all__ = ["SmoothingKey", "needs_scales", "smooth_score", "smoothing_key", "smoothing_reach"]

SmoothingKey = tuple[object, ...]
"""The knobs of the smoothing; empty where there is none."""

LINES_PER_TILE = 8

_FOOTPRINTS: dict[MedianWindow, tuple[int, int, int]] = {
    MedianWindow.CUBE: (3, 3, 3),
    MedianWindow.SLICE: (1, 3, 3),
    MedianWindow.LINE: (3, 1, 1),
}


def smoothing_key(setting: Setting) -> SmoothingKey:
    """Return what the smoothing of a setting follows from; empty where there is none."""
    match setting.smooth:
        case ScoreSmoothing.DIFFUSION:
            return (
                setting.smooth,
                setting.diffusion_conductance,
                setting.diffusion_step,
                setting.diffusion_iterations,
            )
        case ScoreSmoothing.GAUSSIAN:
            return setting.smooth, setting.smooth_sigma_z, setting.smooth_sigma
        case ScoreSmoothing.MEDIAN:
            return setting.smooth, setting.smooth_window, setting.smooth_passes
        case ScoreSmoothing.OFF:
            return ()


def needs_scales(setting: Setting) -> bool:
    """Return whether the smoothing follows from the whole fragment, in the scale of each step."""
    return setting.smooth is ScoreSmoothing.DIFFUSION


def smoothing_reach(setting: Setting) -> tuple[int, int, int]:
    """Return how far the smoothing of a setting looks along z, y and x, in voxels."""
    match setting.smooth:
        case ScoreSmoothing.DIFFUSION:
            return (setting.diffusion_iterations,) * 3
        case ScoreSmoothing.GAUSSIAN:
            within = gaussian_reach(setting.smooth_sigma)
            return gaussian_reach(setting.smooth_sigma_z), within, within
        case ScoreSmoothing.MEDIAN:
            sides = _FOOTPRINTS.get(setting.smooth_window, (3, 3, 3))
            z, y, x = (setting.smooth_passes * (side // 2) for side in sides)
            return z, y, x
        case ScoreSmoothing.OFF:
            return 0, 0, 0


def smooth_score(
    score: FloatVolume,
    setting: Setting,
    scales: Sequence[float] = (),
    workers: Workers | None = None,
) -> FloatVolume:
    """Smooth the scores of a block, which has a halo as wide as the reach.

    Parameters
    ----------
    score : (Z, Y, X) array of float32
    setting : Setting
    scales : sequence of float
        Of the diffusion's steps, of which as many are done.
    workers : Workers, optional
        Threads to share the work; the result does not depend on them.

    Returns
    -------
    (Z, Y, X) array of float32
        In [0, 1].
    """
    match setting.smooth:
        case ScoreSmoothing.DIFFUSION:
            for scale in scales:
                score = diffuse(score, scale, setting.diffusion_step, workers=workers)
                np.clip(score, 0.0, 1.0, out=score)
        case ScoreSmoothing.GAUSSIAN:
            sigma = setting.smooth_sigma
            score = gaussian(score, (setting.smooth_sigma_z, sigma, sigma), workers=workers)
        case ScoreSmoothing.MEDIAN:
            for _ in range(setting.smooth_passes):
                score = _median(score, setting.smooth_window, workers or Workers(1))
        case ScoreSmoothing.OFF:
            pass
    return np.clip(score, 0.0, 1.0)


def _median(score: FloatVolume, window: MedianWindow, workers: Workers) -> FloatVolume:
    """Take the median once, as `scipy.ndimage.median_filter` does with ``mode="nearest"``."""
    from scipy.ndimage import generate_binary_structure, median_filter

    out = np.empty_like(score)
    footprint = (
        generate_binary_structure(3, 1)
        if window is MedianWindow.CROSS
        else np.ones(_FOOTPRINTS[window], np.bool_)
    )

    def work(rows: slice) -> None:
        wide = slice(max(0, rows.start - 1), rows.stop + 1)
        part = median_filter(score[:, wide], footprint=footprint, mode="nearest")
        first = rows.start - wide.start
        out[:, rows] = part[:, first : first + rows.stop - rows.start]

    workers.map(work, tiles_of(score.shape[1], LINES_PER_TILE))
    return out
