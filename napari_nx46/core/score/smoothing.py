"""What is done to scores after their mean: diffusion, a Gaussian or medians, and sheetness."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from napari_nx46.core.filters.diffusion import diffuse
from napari_nx46.core.filters.gaussian import gaussian, gaussian_reach
from napari_nx46.core.filters.sheetness import sheetness, sheetness_reach
from napari_nx46.setting import MedianWindow, ScoreSmoothing, Setting, Sheetness
from napari_nx46.voxels.blocks import FloatVolume
from napari_nx46.voxels.workers import Workers, tiles_of

__all__ = [
    "NO_FIGURES",
    "SmoothingKey",
    "WholeFigures",
    "needs_figures",
    "smooth_score",
    "smoothing_key",
    "smoothing_reach",
]

SmoothingKey = tuple[object, ...]
"""The knobs of the smoothing; empty where there is none."""

LINES_PER_TILE = 8

_FOOTPRINTS: dict[MedianWindow, tuple[int, int, int]] = {
    MedianWindow.CUBE: (3, 3, 3),
    MedianWindow.SLICE: (1, 3, 3),
    MedianWindow.LINE: (3, 1, 1),
}


@dataclass(frozen=True)
class WholeFigures:
    """What the smoothing of any block follows from that the whole fragment alone can give.

    Parameters
    ----------
    scales : tuple of float
        Of the diffusion's steps, of which as many are done.
    extent : tuple of float, optional
        Lowest and highest value of the Gaussian that the sheetness is taken of; without it, none
        is taken.
    highest_sheetness : float, optional
        The 0.995 quantile of the sheetness; without it, the sheetness itself is returned.
    """

    scales: tuple[float, ...] = ()
    extent: tuple[float, float] | None = None
    highest_sheetness: float | None = None


NO_FIGURES = WholeFigures()


def smoothing_key(setting: Setting) -> SmoothingKey:
    """Return what smoothing and sheetness of a setting follow from; empty where there is none."""
    key: SmoothingKey = ()
    match setting.smooth:
        case ScoreSmoothing.DIFFUSION:
            key = (
                setting.smooth,
                setting.diffusion_conductance,
                setting.diffusion_step,
                setting.diffusion_iterations,
            )
        case ScoreSmoothing.GAUSSIAN:
            key = (setting.smooth, setting.smooth_sigma_z, setting.smooth_sigma)
        case ScoreSmoothing.MEDIAN:
            key = (setting.smooth, setting.smooth_window, setting.smooth_passes)
        case ScoreSmoothing.OFF:
            pass
    if setting.sheetness is Sheetness.OFF:
        return key
    shape = (setting.sheet_sigma, setting.sheet_gamma, setting.sheet_beta)
    match setting.sheetness:
        case Sheetness.MIX:
            return (*key, setting.sheetness, *shape, setting.sheet_mix)
        case Sheetness.GATE:
            return (*key, setting.sheetness, *shape, setting.sheet_threshold)
        case Sheetness.REPLACE:
            return (*key, setting.sheetness, *shape)


def needs_figures(setting: Setting) -> bool:
    """Return whether the smoothing follows from the whole fragment, see `WholeFigures`."""
    is_diffused = setting.smooth is ScoreSmoothing.DIFFUSION
    return is_diffused or setting.sheetness is not Sheetness.OFF


def smoothing_reach(setting: Setting) -> tuple[int, int, int]:
    """Return how far the smoothing of a setting looks along z, y and x, in voxels."""
    z, y, x = _reach_of_smoothing(setting)
    if setting.sheetness is Sheetness.OFF:
        return z, y, x
    more = sheetness_reach(setting.sheet_sigma)
    return z + more, y + more, x + more


def _reach_of_smoothing(setting: Setting) -> tuple[int, int, int]:
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
    figures: WholeFigures = NO_FIGURES,
    workers: Workers | None = None,
) -> FloatVolume:
    """Smooth the scores of a block, which has a halo as wide as the reach.

    Parameters
    ----------
    score : (Z, Y, X) array of float32
    setting : Setting
    figures : WholeFigures
        Of the whole fragment, as far as they are known.
    workers : Workers, optional
        Threads to share the work; the result does not depend on them.

    Returns
    -------
    (Z, Y, X) array of float32
        In [0, 1].
    """
    match setting.smooth:
        case ScoreSmoothing.DIFFUSION:
            for scale in figures.scales:
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
    score = np.clip(score, 0.0, 1.0)
    if setting.sheetness is Sheetness.OFF or figures.extent is None:
        return score
    return _with_sheetness(score, setting, figures, workers)


def _with_sheetness(
    score: FloatVolume, setting: Setting, figures: WholeFigures, workers: Workers | None
) -> FloatVolume:
    likeness = sheetness(
        score,
        figures.extent or (0.0, 0.0),
        setting.sheet_sigma,
        setting.sheet_gamma,
        setting.sheet_beta,
        workers=workers,
    )
    match setting.sheetness:
        case Sheetness.GATE:
            return np.where(likeness < np.float32(setting.sheet_threshold), np.float32(0), score)
        case Sheetness.MIX if figures.highest_sheetness is not None:
            share, highest = np.float32(setting.sheet_mix), np.float32(figures.highest_sheetness)
            if highest > 0:
                likeness = np.minimum(likeness / highest, np.float32(1))
            return (np.float32(1) - share) * score + share * likeness
        case _:
            return likeness


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
