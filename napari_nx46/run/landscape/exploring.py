"""Computing a landscape: where scores change most, and in an order that shares stages."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from napari_nx46 import leaderboard
from napari_nx46.core.line import Line
from napari_nx46.data.fragments import DataSet
from napari_nx46.run.landscape.landscape import Landscape, LandscapeRequest, PointScore
from napari_nx46.run.landscape.lattice import Position, next_positions
from napari_nx46.run.pipelines import PipelineSet
from napari_nx46.run.shared_stages import by_shared_stages, stages_of
from napari_nx46.setting import Setting
from napari_nx46.voxels.workers import CancelCheck, Cancelled, Workers

__all__ = ["Evaluate", "Exploration", "explore", "fragment_scores"]

THREADS = 2

Evaluate = Callable[[Setting], PointScore]
"""Returns the exact score of a setting."""


@dataclass(frozen=True)
class Exploration:
    """How far the computing is.

    Parameters
    ----------
    landscape : Landscape
    done, total : int
        Points; the total is what is computed at most.
    """

    landscape: Landscape
    done: int
    total: int


def explore(
    landscape: Landscape,
    evaluate: Evaluate,
    most: int,
    report: Callable[[Exploration], object],
    cancelled: CancelCheck,
) -> Landscape:
    """Compute more points of a landscape: a first grid, then where scores change most.

    Parameters
    ----------
    landscape : Landscape
        What is known already; none of it is computed again, unless its best point turns out to
        have another score now, because data have changed since: then all of it is.
    evaluate : callable
        Returns the exact score of a setting.
    most : int
        So many points are to be known in the end. The first grid is completed all the same.
    report : callable
        Takes an `Exploration` after each point.
    cancelled : callable
        Asked before each point.

    Returns
    -------
    Landscape
        With all points that are known.

    Raises
    ------
    Cancelled
        If `cancelled` returned True; what was computed was reported.
    """
    request = landscape.request
    scores = dict(_still_true(landscape, evaluate).scores)
    last: tuple[Hashable, ...] = ()
    while True:
        known = Landscape(request, scores).known
        wanted = next_positions(request.breaks, known, most - len(scores))
        if not wanted:
            return Landscape(request, scores)
        total = max(most, len(scores) + len(wanted))
        for position, setting in _in_order(request, wanted, last):
            if cancelled():
                raise Cancelled
            scores[position] = evaluate(setting)
            last = stages_of(setting)
            report(Exploration(Landscape(request, dict(scores)), len(scores), total))


def _still_true(landscape: Landscape, evaluate: Evaluate) -> Landscape:
    """Return a landscape if its best point has the score that it had, else an empty one."""
    if landscape.best is None:
        return landscape
    setting = landscape.request.setting_at(landscape.best)
    if setting is not None and evaluate(setting) == landscape.scores[landscape.best]:
        return landscape
    return Landscape(landscape.request)


def _in_order(
    request: LandscapeRequest, positions: tuple[Position, ...], after: tuple[Hashable, ...]
) -> list[tuple[Position, Setting]]:
    settings = [(position, request.setting_at(position)) for position in positions]
    there = [(position, setting) for position, setting in settings if setting is not None]
    return by_shared_stages(there, lambda point: stages_of(point[1]), after)


Label = npt.NDArray[np.uint8]


@contextmanager
def fragment_scores(
    dataset: DataSet,
    request: LandscapeRequest,
    label: Label,
    cancelled: CancelCheck,
    memory_budget: int | None = None,
) -> Iterator[Evaluate]:
    """Yield what returns the exact score of a setting on a fragment, from volumes of its own.

    The newest score, histogram and clean-up steps are kept between calls, and each mask is scored
    once.

    Parameters
    ----------
    dataset : DataSet
    request : LandscapeRequest
        Names the fragment and its corrections.
    label : (Z, Y, X) array of uint8
    cancelled : callable
        Asked between tiles, and within the score.
    memory_budget : int, optional
        Bytes for the fragment's volumes and score.
    """
    workers = Workers(THREADS)
    pipelines = PipelineSet(dataset, workers=workers, memory_budget=memory_budget)
    known: dict[Hashable, PointScore] = {}

    def evaluate(setting: Setting) -> PointScore:
        pipeline, threshold = pipelines.with_threshold(request.image_id, setting, cancelled)
        key = Line.of(setting, threshold, request.corrections).whole_key
        if key not in known:
            stage = pipeline.whole_mask(setting, threshold, cancelled, request.corrections)
            score = leaderboard.score(stage.mask(), label, cancelled=cancelled, workers=THREADS)
            known[key] = PointScore.of(score)
        return known[key]

    try:
        yield evaluate
    finally:
        pipelines.release()
        workers.close()
