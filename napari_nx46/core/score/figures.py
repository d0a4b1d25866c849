"""What the smoothing of scores needs of the whole volume, from sums over its parts.

What is asked of each part adds up, so that the figures do not depend on how the volume was cut, nor
on any order.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt

from napari_nx46.core.filters.diffusion import SlopeSquares, diffusion_scale
from napari_nx46.core.filters.gaussian import gaussian_reach
from napari_nx46.core.filters.sheetness import sheetness_extent
from napari_nx46.core.score.blend import ScoreWork
from napari_nx46.core.score.prepared import Ranks
from napari_nx46.core.score.smoothing import (
    NO_FIGURES,
    WholeFigures,
    has_sheetness,
    smoothes_scores,
)
from napari_nx46.core.threshold.search import (
    CountRequest,
    ScoreCounts,
    count_scores,
    find,
    search_quantiles,
)
from napari_nx46.setting import ScoreSmoothing, Setting, Sheetness
from napari_nx46.voxels.blocks import Block, FragmentVolumes, widened, within
from napari_nx46.voxels.workers import CancelCheck, never

__all__ = [
    "HIGHEST_SHARE",
    "FigureRequest",
    "FigureSums",
    "figures_of",
    "find_figures",
    "measure_figures",
]

HIGHEST_SHARE = 0.995
"""The quantile of the sheetness that counts as 1 where it is mixed into the score."""


@dataclass(frozen=True)
class FigureRequest:
    """What is asked of all parts of a volume.

    Parameters
    ----------
    figures : WholeFigures
        Those known so far, by which the scores are made.
    slopes : bool
        The squares of the slopes of the scores.
    extent : bool
        Lowest and highest value of the Gaussian that the sheetness is taken of.
    counts : CountRequest
        Of the scores, what a quantile takes.
    ranks : bool
        How often each value occurs.
    """

    figures: WholeFigures = NO_FIGURES
    slopes: bool = False
    extent: bool = False
    counts: CountRequest = field(default_factory=CountRequest)
    ranks: bool = False


@dataclass(frozen=True, eq=False)
class FigureSums:
    """What was asked of a part; sums of parts are added.

    Parameters
    ----------
    slopes : SlopeSquares
    extent : (float, float)
    counts : ScoreCounts
    ranks : Ranks
    """

    counts: ScoreCounts
    slopes: SlopeSquares = field(default_factory=SlopeSquares.none)
    extent: tuple[float, float] = (math.inf, -math.inf)
    ranks: Ranks = field(default_factory=Ranks)

    @classmethod
    def none(cls, request: FigureRequest) -> FigureSums:
        """Return the sums over no part."""
        return cls(ScoreCounts.none(request.counts))

    def __add__(self, other: FigureSums) -> FigureSums:
        (low, high), (lower, higher) = self.extent, other.extent
        return FigureSums(
            self.counts + other.counts,
            self.slopes + other.slopes,
            (min(low, lower), max(high, higher)),
            self.ranks + other.ranks,
        )


def find_figures(setting: Setting, measure: Callable[[FigureRequest], FigureSums]) -> WholeFigures:
    """Return the figures of a volume that the smoothing of a setting needs.

    Parameters
    ----------
    setting : Setting
    measure : callable
        Returns the sum of `measure_figures` over all parts of the volume; called once for each
        step of the diffusion, and up to three times for the sheetness.
    """
    figures = NO_FIGURES
    if smoothes_scores(setting) is ScoreSmoothing.DIFFUSION:
        for _ in range(setting.diffusion_iterations):
            squares = measure(FigureRequest(figures, slopes=True)).slopes
            scale = diffusion_scale(squares, setting.diffusion_conductance)
            figures = replace(figures, scales=(*figures.scales, scale))
    if has_sheetness(setting):
        extent = measure(FigureRequest(figures, extent=True)).extent
        figures = replace(figures, extent=extent)
    if setting.sheetness is Sheetness.MIX:
        [highest] = find(
            search_quantiles((HIGHEST_SHARE,)),
            lambda counts: measure(FigureRequest(figures, counts=counts)).counts,
        )
        figures = replace(figures, highest_sheetness=highest)
    return figures


def measure_figures(
    work: ScoreWork,
    sources: FragmentVolumes,
    setting: Setting,
    block: Block,
    request: FigureRequest,
    cancelled: CancelCheck = never,
) -> FigureSums:
    """Return what a request asks of a block.

    Parameters
    ----------
    work : ScoreWork
    sources : FragmentVolumes
        Probability volumes.
    setting : Setting
    block : Block
    request : FigureRequest
        Not for ranks, which are those of volumes.
    cancelled : callable
        Asked between tiles.
    """
    reach = 1 if request.slopes else 0
    if request.extent:
        reach = gaussian_reach(setting.sheet_sigma)
    wide = widened(block, (reach,) * 3, sources.shape)
    # What is done after the sheetness has no part in its figures.
    setting = setting.model_copy(update={"ced_steps": 0})
    score = work.compute(sources, setting, wide, cancelled=cancelled, figures=request.figures)
    inner, sums = within(block, wide), FigureSums.none(request)
    if request.slopes:
        return replace(sums, slopes=SlopeSquares.of(score, inner))
    if request.extent:
        extent = sheetness_extent(score, setting.sheet_sigma, inner, work.workers)
        return replace(sums, extent=extent)
    return replace(sums, counts=count_scores(score, request.counts, work.kernels))


def measure_ranks(voxels: npt.NDArray[np.generic], request: FigureRequest) -> FigureSums:
    """Return how often each value of a block occurs."""
    return replace(FigureSums.none(request), ranks=Ranks.of(voxels))


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
        That the fragment is cut into.
    cancelled : callable
        Asked between tiles.
    """

    def measure(request: FigureRequest) -> FigureSums:
        total = FigureSums.none(request)
        for slab in slabs:
            total += measure_figures(work, sources, setting, slab, request, cancelled)
        return total

    return find_figures(setting, measure)
