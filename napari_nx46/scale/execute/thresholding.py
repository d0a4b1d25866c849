"""The threshold of a plan that does not state one: counted over all tiles, exactly, and kept."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from napari_nx46.core.score.ct_paths import IntensityExtent
from napari_nx46.core.score.figures import FigureSums
from napari_nx46.core.score.fragment_score import FragmentScore
from napari_nx46.core.score.measured import Measured
from napari_nx46.core.score.measuring import PartRequest, measure_whole, needs_whole
from napari_nx46.core.threshold.rules import threshold_of
from napari_nx46.core.threshold.search import CountRequest, Pair, ScoreCounts
from napari_nx46.core.threshold.thresholds import Threshold
from napari_nx46.files.mask_store.chunks import place_file
from napari_nx46.files.regular import open_regular
from napari_nx46.scale.execute.inputs import TileJob
from napari_nx46.scale.execute.measuring import Measure, MeasuredTile
from napari_nx46.scale.execute.tasks import TileTask
from napari_nx46.scale.plan.errors import ApplyError
from napari_nx46.scale.plan.plan import ApplyPlan
from napari_nx46.scale.plan.reach import corner_of, existing_chunks
from napari_nx46.scale.thresholds import (
    fixed_threshold,
    has_slice_thresholds,
    threshold_by_tiles,
)
from napari_nx46.setting import ScoreFrom
from napari_nx46.voxels.blocks import Block

__all__ = ["MEASURING", "needs_measuring", "with_measures"]

Kind = TypeVar("Kind")

MEASURING = -1
"""The stage of tasks that count before the first pass."""

_MOST_BYTES = 1 << 28

Tasks = Callable[[TileJob, Sequence[TileTask]], Iterator[MeasuredTile]]
"""Computes tasks, and yields what each measured, in any order."""


class _Kept(BaseModel):
    """What was measured for a plan."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    plan: str
    measured: Measured
    values: tuple[float, ...]
    low: tuple[float, ...] | None


def needs_measuring(plan: ApplyPlan) -> bool:
    """Return whether tiles have to be read before the threshold is known."""
    is_fixed = fixed_threshold(plan.setting) is not None
    from_ct = plan.setting.source is not ScoreFrom.PROBABILITIES
    return not is_fixed or from_ct or needs_whole(plan.setting)


def with_measures(plan: ApplyPlan, compute: Tasks) -> TileJob:
    """Return what all tasks share, after counting what that takes.

    What was counted is kept in the folder of the work, for this run and for other parts of it.

    Parameters
    ----------
    plan : ApplyPlan
    compute : callable
        Computes measuring tasks.

    Raises
    ------
    ApplyError
        If what was kept is damaged, or chunks that are to be counted cannot be listed.
    """
    path = plan.work / "measured.json"
    kept = _kept(path, plan)
    if kept is None:
        job = TileJob(plan, Threshold((0.0,)))
        job = replace(job, measured=_measured(job, compute))
        threshold = fixed_threshold(plan.setting) or _threshold(job, compute)
        kept = _Kept(
            plan=plan.identity(),
            measured=replace(job.measured, setting=None),
            values=threshold.values,
            low=threshold.low,
        )
        place_file(path, kept.model_dump_json().encode(), job.scratch.staging)
    measured = replace(kept.measured, setting=plan.setting)
    return TileJob(plan, Threshold(kept.values, low=kept.low), measured)


def _kept(path: Path, plan: ApplyPlan) -> _Kept | None:
    try:
        with open_regular(path) as stream:
            found = _Kept.model_validate_json(stream.read(_MOST_BYTES))
    except FileNotFoundError:
        return None
    except ValidationError as error:
        raise ApplyError(f"{path}: damaged; remove it and run again") from error
    if found.plan != plan.identity():
        raise ApplyError(f"{path}: found another plan's; give --restart")
    return found


def _measured(job: TileJob, compute: Tasks) -> Measured:
    """Return what scores follow from of the whole volume, in passes over its tiles."""
    plan, measured = job.plan, Measured(job.plan.setting)
    if plan.setting.source is not ScoreFrom.PROBABILITIES:
        measured = replace(measured, intensities=_intensities(job, compute))
    if not needs_whole(plan.setting):
        return measured

    def measure(known: Measured, request: PartRequest) -> FigureSums:
        total = FigureSums.none(request.figures)
        tasks = [
            TileTask(MEASURING, tile, measure=Measure(figures=request))
            for tile in range(len(plan.grid))
        ]
        for found in _of_type(compute(replace(job, measured=known), tasks), FigureSums):
            total += found
        return total

    fragment = plan.sources.fragment(plan.sources.open())
    score = FragmentScore(fragment, keep_score=False, measured=measured)
    return measure_whole(score, plan.setting, measure)


def _intensities(job: TileJob, compute: Tasks) -> IntensityExtent:
    """Return the lowest and the highest value of the CT."""
    tasks = [TileTask(MEASURING, tile, measure=Measure()) for tile in range(len(job.plan.grid))]
    lows, highs = zip(*_of_type(compute(job, tasks), tuple), strict=True)
    return min(lows), max(highs)


def _threshold(job: TileJob, compute: Tasks) -> Threshold:
    """Return the threshold of quantiles, or those of all slices."""
    plan = job.plan
    if has_slice_thresholds(plan.setting):
        layers = range(plan.grid.counts[0])
        measure = Measure(by_slice=True)
        pairs: list[Pair] = []
        # One after the other, as their results come in any order.
        for layer in layers:
            task = TileTask(MEASURING, layer, measure=measure)
            for found in _of_type(compute(job, [task]), list):
                pairs += found
        return threshold_of(pairs)
    parts = _written_parts(plan) if plan.quantile_over == "written" else None

    def count(request: CountRequest) -> ScoreCounts:
        total = ScoreCounts.none(request)
        tasks = [
            TileTask(
                *(MEASURING, tile),
                measure=Measure(request, parts=None if parts is None else tuple(parts[tile])),
            )
            for tile in range(len(plan.grid))
            if parts is None or parts[tile]
        ]
        for found in _of_type(compute(job, tasks), ScoreCounts):
            total += found
        return total

    return threshold_by_tiles(plan.setting, count)


def _written_parts(plan: ApplyPlan) -> list[list[Block]]:
    """Return, of each tile, the boxes of the chunks that are there, of the first volume."""
    volumes = plan.sources.open()
    listed = existing_chunks({"p3d": volumes["p3d"]})["p3d"]
    if listed is None:
        raise ApplyError(
            f"{volumes['p3d'].name}: --quantile-over written: its chunks cannot be listed; take "
            "--quantile-over volume, or freeze the setting over boxes"
        )
    parts: list[list[Block]] = [[] for _ in range(len(plan.grid))]
    corner = corner_of(plan)
    for block in listed:
        bounds = [
            (max(0, part.start - start), min(length, part.stop - start))
            for part, start, length in zip(block, corner, plan.shape, strict=True)
        ]
        if all(start < stop for start, stop in bounds):
            z, y, x = (slice(start, stop) for start, stop in bounds)
            for tile in plan.grid.overlapping((z, y, x)):
                parts[tile].append((z, y, x))
    return parts


def _of_type(found: Iterator[MeasuredTile], kind: type[Kind]) -> Iterator[Kind]:
    """Yield what was measured, checked to be of a kind."""
    for one in found:
        if not isinstance(one, kind):
            raise TypeError(f"found {type(one).__name__}, expected {kind.__name__}")
        yield one
