"""What the smoothing of scores needs of the whole fragment, in passes over its slabs."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np

from napari_nx46.core.filters.diffusion import diffusion_scale, slope_squares
from napari_nx46.core.filters.gaussian import gaussian_reach
from napari_nx46.core.filters.sheetness import sheetness_extent
from napari_nx46.core.score.blend import ScoreWork
from napari_nx46.core.score.smoothing import NO_FIGURES, WholeFigures, has_sheetness
from napari_nx46.setting import ScoreSmoothing, Setting, Sheetness, SmoothStage
from napari_nx46.voxels.blocks import Block, FloatVolume, FragmentVolumes, widened, within
from napari_nx46.voxels.workers import CancelCheck, never

__all__ = ["HIGHEST_SHARE", "figures_of"]

HIGHEST_SHARE = 0.995
"""The quantile of the sheetness that counts as 1 where it is mixed into the score."""


def figures_of(
    work: ScoreWork,
    sources: FragmentVolumes,
    setting: Setting,
    slabs: Sequence[Block],
    cancelled: CancelCheck = never,
) -> WholeFigures:
    """Return the figures of a fragment that the smoothing of a setting needs.

    Parameters
    ----------
    work : ScoreWork
    sources : FragmentVolumes
        Probability volumes.
    setting : Setting
    slabs : sequence of Block
        That cover the fragment, in ascending z. The result does not depend on them.
    cancelled : callable
        Asked between tiles.

    Returns
    -------
    WholeFigures

    Notes
    -----
    The quantile of the sheetness holds one float32 volume in memory.
    """
    figures = NO_FIGURES
    # What is done after the sheetness has no part in its figures.
    setting = setting.model_copy(update={"ced_steps": 0})

    def scores(reach: int) -> Iterator[tuple[Block, FloatVolume]]:
        """Yield the score of each slab with a halo, as the figures known so far make it."""
        for slab in slabs:
            wide = widened(slab, (reach,) * 3, sources.shape)
            score = work.compute(sources, setting, wide, cancelled=cancelled, figures=figures)
            yield within(slab, wide), score

    is_diffused = setting.smooth is ScoreSmoothing.DIFFUSION
    if is_diffused and setting.smooth_stage is SmoothStage.SCORE:
        for _ in range(setting.diffusion_iterations):
            squares: list[float] = []
            for inner, score in scores(1):
                squares += slope_squares(score, inner[0])
            voxels = math.prod(sources.shape)
            scale = diffusion_scale(squares, voxels, setting.diffusion_conductance)
            figures = replace(figures, scales=(*figures.scales, scale))
    if has_sheetness(setting):
        sigma = setting.sheet_sigma
        extents = [
            sheetness_extent(score, sigma, inner, work.workers)
            for inner, score in scores(gaussian_reach(sigma))
        ]
        lowest, highest = (min(low for low, _ in extents), max(high for _, high in extents))
        figures = replace(figures, extent=(lowest, highest))
    if setting.sheetness is Sheetness.MIX:
        values = np.concatenate([score.ravel() for _, score in scores(0)])
        figures = replace(figures, highest_sheetness=float(np.quantile(values, HIGHEST_SHARE)))
    return figures
