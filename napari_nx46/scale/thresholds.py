"""Thresholds of a volume whose scores come tile by tile."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from napari_nx46.core.score.kernels import compiled_kernels
from napari_nx46.core.threshold.rules import fixed_pair, threshold_of
from napari_nx46.core.threshold.search import (
    CountRequest,
    Pair,
    ScoreCounts,
    count_scores,
    find,
    search_of,
)
from napari_nx46.core.threshold.thresholds import Threshold
from napari_nx46.setting import Domain, Setting, ThresholdRule
from napari_nx46.voxels.blocks import Block, FloatVolume, clipped_block, whole_block

__all__ = [
    "count_tile",
    "counted_box",
    "fixed_threshold",
    "has_slice_thresholds",
    "layer_thresholds",
    "threshold_by_tiles",
]


def fixed_threshold(setting: Setting) -> Threshold | None:
    """Return the threshold of a setting that states it, None if scores have to be counted."""
    if setting.rule is ThresholdRule.PROBABILITY:
        return threshold_of([fixed_pair(setting)])
    return None


def has_slice_thresholds(setting: Setting) -> bool:
    """Return whether each slice has a threshold of its own."""
    by_slice = setting.rule is ThresholdRule.QUANTILE and setting.domain is Domain.SLICE
    return by_slice or setting.rule is ThresholdRule.ADAPTIVE


def counted_box(setting: Setting, shape: tuple[int, int, int]) -> Block:
    """Return the box of a volume whose scores count for its threshold.

    Raises
    ------
    ValueError
        If the setting's block lies outside the volume.
    """
    if setting.domain is Domain.BLOCK and setting.block is not None:
        return clipped_block(setting.block, shape)
    return whole_block(shape)


def count_tile(score: FloatVolume, request: CountRequest) -> ScoreCounts:
    """Count what a request asks for in the scores of a tile, or of a part of one.

    Parameters
    ----------
    score : (Z, Y, X) array of float32
        Of what lies in `counted_box`.
    request : CountRequest

    Returns
    -------
    ScoreCounts
        To be added to those of other tiles, in any order.
    """
    return count_scores(score, request, compiled_kernels())


def threshold_by_tiles(setting: Setting, count: Callable[[CountRequest], ScoreCounts]) -> Threshold:
    """Return the exact threshold of a volume that has one for all of its slices.

    Parameters
    ----------
    setting : Setting
        By quantile.
    count : callable
        Returns the sum of `count_tile` over all tiles; called two or three times.

    Raises
    ------
    ValueError
        If no score was counted.
    """
    return fixed_threshold(setting) or threshold_of([find(search_of(setting), count)])


def layer_thresholds(
    setting: Setting, slices: int, scores: Callable[[], Iterable[FloatVolume]]
) -> list[Pair]:
    """Return the exact thresholds of consecutive slices, from the tiles that they are cut into.

    Parameters
    ----------
    setting : Setting
        One by which each slice has its own thresholds.
    slices : int
        Number of slices. Each takes half a megabyte while it is counted.
    scores : callable
        Returns the scores of each tile of these slices, (slices, Y, X) float32, in any order;
        called two or three times.

    Returns
    -------
    list of tuple of float
        Threshold, and low threshold of a pair, slice by slice: `threshold_of` makes a `Threshold`
        of those of all slices.
    """
    searches = [search_of(setting) for _ in range(slices)]
    requests = {z: next(search) for z, search in enumerate(searches)}
    found: dict[int, Pair] = {}
    while requests:
        counted = {z: ScoreCounts.none(request) for z, request in requests.items()}
        for score in scores():
            for z, request in requests.items():
                counted[z] += count_tile(score[z : z + 1], request)
        for z in tuple(requests):
            try:
                requests[z] = searches[z].send(counted[z])
            except StopIteration as done:
                found[z] = done.value
                del requests[z]
    return [found[z] for z in range(slices)]
