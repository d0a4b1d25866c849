"""Measuring what scores follow from of the whole volume, part by part."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from napari_nx46.core.score.blend import PathKey, ScoreWork
from napari_nx46.core.score.figures import (
    FigureRequest,
    FigureSums,
    find_figures,
    measure_figures,
    measure_ranks,
)
from napari_nx46.core.score.fragment_score import FragmentScore
from napari_nx46.core.score.measured import Measured
from napari_nx46.core.score.smoothing import (
    has_sheetness,
    needs_figures,
    sheetness_alone,
    smoothed_alone,
    smoothes_scores,
)
from napari_nx46.core.score.weak import is_gated
from napari_nx46.setting import Averaging, ScoreSmoothing, Setting, Sheetness, SmoothStage
from napari_nx46.voxels.blocks import Block, FragmentVolumes

__all__ = ["PartRequest", "measure_part", "measure_whole", "needs_whole", "readings"]


@dataclass(frozen=True)
class PartRequest:
    """What is asked of all parts of a volume.

    Parameters
    ----------
    figures : FigureRequest
    volume : str, optional
        Of which volume alone; of the score without one.
    of_sheetness : bool
        Of the sheetness by which scores are gated, instead of the score.
    """

    figures: FigureRequest
    volume: str | None = None
    of_sheetness: bool = False


def needs_whole(setting: Setting) -> bool:
    """Return whether scores follow from anything but intensities that the whole alone can give."""
    return readings(setting) > 0


def measure_whole(
    score: FragmentScore,
    setting: Setting,
    measure: Callable[[Measured, PartRequest], FigureSums],
) -> Measured:
    """Return what scores of a setting follow from, measured over all parts of a volume.

    Parameters
    ----------
    score : FragmentScore
        Of the whole; it knows the intensities of the CT, where it is made from that.
    setting : Setting
    measure : callable
        Returns the sum of `measure_part` over all parts, by what was measured so far.
    """
    measured = Measured(setting, score.measured.intensities)
    alone, volumes = smoothed_alone(setting), tuple(score.paths(_calibrated(setting)).probabilities)

    def figures(of: Setting, known: Measured, request: PartRequest) -> Any:
        return find_figures(of, lambda asked: measure(known, replace(request, figures=asked)))

    nothing = FigureRequest()
    if alone is not None and needs_figures(alone):
        found = {name: figures(alone, measured, PartRequest(nothing, name)) for name in volumes}
        measured = replace(measured, alone=found)
    if PathKey.of(setting).is_ranked:
        asked = FigureRequest(ranks=True)
        ranks = {name: measure(measured, PartRequest(asked, name)).ranks for name in volumes}
        measured = replace(measured, ranks=ranks)
    if needs_figures(setting):
        measured = replace(measured, score=figures(setting, measured, PartRequest(nothing)))
    if is_gated(setting):
        request = PartRequest(nothing, of_sheetness=True)
        found = figures(sheetness_alone(setting), measured, request)
        measured = replace(measured, sheetness=found)
    return measured


def measure_part(
    score: FragmentScore, setting: Setting, block: Block, request: PartRequest
) -> FigureSums:
    """Return what a request asks of a block.

    Parameters
    ----------
    score : FragmentScore
        That knows what was measured before.
    setting : Setting
    block : Block
    request : PartRequest
    """
    work, asked = ScoreWork(score.kernels, score.workers), request.figures
    if request.volume is None:
        of = sheetness_alone(setting) if request.of_sheetness else setting
        return measure_figures(work, score.paths(setting), of, block, asked)
    volume = score.paths(_calibrated(setting)).probabilities[request.volume]
    if asked.ranks:
        voxels: npt.NDArray[np.generic] = volume[block]
        return measure_ranks(voxels, asked)
    alone = smoothed_alone(setting) or setting
    return measure_figures(work, FragmentVolumes(volume, volume), alone, block, asked)


def readings(setting: Setting) -> int:
    """Return how often all parts are asked, beside for intensities."""
    alone, asked = smoothed_alone(setting), int(PathKey.of(setting).is_ranked)
    gate = sheetness_alone(setting) if is_gated(setting) else None
    for one in (alone, setting, gate):
        if one is not None and smoothes_scores(one) is ScoreSmoothing.DIFFUSION:
            asked += one.diffusion_iterations
        if one is not None and has_sheetness(one):
            asked += 3 if one.sheetness is Sheetness.MIX else 1
    return asked


def _calibrated(setting: Setting) -> Setting:
    """Return the setting by which volumes are as they come to be smoothed, and ranked."""
    return setting.model_copy(
        update={"averaging": Averaging.PROBABILITY, "smooth_stage": SmoothStage.SCORE}
    )
