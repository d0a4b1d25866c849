"""What is done to scores after their mean: smoothing, sheetness, and coherence."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from napari_nx46.core.filters.coherence import coherence_reach, enhance_coherence
from napari_nx46.core.filters.diffusion import diffuse
from napari_nx46.core.filters.gaussian import gaussian, gaussian_reach
from napari_nx46.core.filters.sheetness import sheetness, sheetness_reach
from napari_nx46.setting import (
    Averaging,
    CtGate,
    MedianWindow,
    ScoreSmoothing,
    Setting,
    Sheetness,
    SmoothStage,
)
from napari_nx46.voxels.blocks import FloatVolume
from napari_nx46.voxels.workers import Workers, tiles_of

__all__ = [
    "NO_FIGURES",
    "SmoothingKey",
    "WholeFigures",
    "has_sheetness",
    "needs_figures",
    "plain_mean",
    "sheetness_alone",
    "shown_meanwhile",
    "smooth_score",
    "smoothed_alone",
    "smoothes_scores",
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


_SMOOTHING_KNOBS = (
    "smooth",
    "diffusion_conductance",
    "diffusion_step",
    "diffusion_iterations",
    "smooth_sigma_z",
    "smooth_sigma",
    "smooth_window",
    "smooth_passes",
)


def plain_mean(setting: Setting) -> Setting:
    """Return the setting of the mean alone, of volumes that are as `paths` returns them."""
    is_ranked = setting.averaging is Averaging.RANK
    return setting.model_copy(
        update={
            "averaging": Averaging.PROBABILITY if is_ranked else setting.averaging,
            "ct_gate": CtGate.OFF,
            "temperature": 1.0,
            "temperatures": (),
            "sdf_zero": 0.0,
            "smooth": ScoreSmoothing.OFF,
            "sheetness": Sheetness.OFF,
            "ced_steps": 0,
        }
    )


def shown_meanwhile(setting: Setting) -> Setting:
    """Return the setting without what takes a pass over the fragment; ranks are not left out."""
    if setting.averaging is Averaging.RANK:
        return setting
    return setting.model_copy(
        update={"smooth": ScoreSmoothing.OFF, "sheetness": Sheetness.OFF, "ced_steps": 0}
    )


def smoothed_alone(setting: Setting) -> Setting | None:
    """Return the setting by which each volume is smoothed before the mean; None if none is."""
    if setting.smooth_stage is SmoothStage.SCORE or setting.smooth is ScoreSmoothing.OFF:
        return None
    knobs = {name: getattr(setting, name) for name in _SMOOTHING_KNOBS}
    return Setting().model_copy(update={"blend": 1.0, "z_radius": 0, **knobs})


def sheetness_alone(setting: Setting) -> Setting:
    """Return the setting whose score is the sheetness that another one is gated by."""
    return setting.model_copy(update={"sheetness": Sheetness.REPLACE, "ced_steps": 0})


def has_sheetness(setting: Setting) -> bool:
    """Return whether the score is made of its sheetness; a gate is part of the threshold."""
    return setting.sheetness in (Sheetness.MIX, Sheetness.REPLACE)


def smoothes_scores(setting: Setting) -> ScoreSmoothing:
    """Return how the score is smoothed after the mean; where each volume is, it is not."""
    return setting.smooth if setting.smooth_stage is SmoothStage.SCORE else ScoreSmoothing.OFF


def smoothing_key(setting: Setting) -> SmoothingKey:
    """Return what the smoothing of the score follows from; empty where there is none."""
    key: SmoothingKey = ()
    match smoothes_scores(setting):
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
    if has_sheetness(setting):
        key = (*key, setting.sheetness)
        key = (*key, setting.sheet_sigma, setting.sheet_gamma, setting.sheet_beta)
    if setting.sheetness is Sheetness.MIX:
        key = (*key, setting.sheet_mix)
    if setting.ced_steps:
        key = (*key, "ced", setting.ced_steps)
        key = (*key, setting.ced_sigma, setting.ced_rho, setting.ced_lambda)
    return key


def needs_figures(setting: Setting) -> bool:
    """Return whether the smoothing follows from the whole fragment, see `WholeFigures`."""
    return smoothes_scores(setting) is ScoreSmoothing.DIFFUSION or has_sheetness(setting)


def smoothing_reach(setting: Setting) -> tuple[int, int, int]:
    """Return how far the smoothing of a score looks along z, y and x, in voxels."""
    z, y, x = _reach_of_smoothing(setting)
    if has_sheetness(setting):
        more = sheetness_reach(setting.sheet_sigma)
        z, y, x = z + more, y + more, x + more
    if setting.ced_steps:
        within = setting.ced_steps * coherence_reach(setting.ced_sigma, setting.ced_rho)
        y, x = y + within, x + within
    return z, y, x


def _reach_of_smoothing(setting: Setting) -> tuple[int, int, int]:
    match smoothes_scores(setting):
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
    match smoothes_scores(setting):
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
    if has_sheetness(setting):
        if figures.extent is None:
            return score  # while the figures themselves are looked for
        score = _with_sheetness(score, setting, figures, workers)
    if setting.ced_steps:
        score = enhance_coherence(
            score,
            setting.ced_steps,
            setting.ced_sigma,
            setting.ced_rho,
            setting.ced_lambda,
            workers=workers,
        )
    return score


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
    if setting.sheetness is Sheetness.REPLACE or figures.highest_sheetness is None:
        return likeness
    share, highest = np.float32(setting.sheet_mix), np.float32(figures.highest_sheetness)
    if highest > 0:
        likeness = np.minimum(likeness / highest, np.float32(1))
    return (np.float32(1) - share) * score + share * likeness


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
