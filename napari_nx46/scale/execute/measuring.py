"""What is measured over all tiles before the first pass, and counted of their scores."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from napari_nx46.core.score.ct_paths import IntensityExtent, intensity_extent
from napari_nx46.core.score.figures import FigureSums
from napari_nx46.core.score.fragment_score import FragmentScore
from napari_nx46.core.score.measuring import PartRequest, measure_part
from napari_nx46.core.threshold.search import CountRequest, Pair, ScoreCounts
from napari_nx46.scale.plan.sources import CountedVolume
from napari_nx46.scale.thresholds import count_tile, counted_box, layer_thresholds
from napari_nx46.setting import Setting
from napari_nx46.voxels.blocks import Block, FloatVolume, intersection, within
from napari_nx46.voxels.grid import Grid

__all__ = ["Measure", "MeasuredTile", "measure_tile"]

MeasuredTile: TypeAlias = IntensityExtent | FigureSums | ScoreCounts | list[Pair] | None


@dataclass(frozen=True, slots=True)
class Measure:
    """What is asked of a tile, or of a layer of them.

    Parameters
    ----------
    request : CountRequest, optional
        What is counted of its scores.
    figures : PartRequest, optional
        What is measured that scores follow from; without either, the CT's lowest and highest
        value are found.
    by_slice : bool
        Whether it is a layer of tiles whose slices have thresholds of their own.
    parts : tuple of Block, optional
        The chunks that are there, where no other voxels count.
    """

    request: CountRequest | None = None
    figures: PartRequest | None = None
    by_slice: bool = False
    parts: tuple[Block, ...] | None = None


def measure_tile(
    setting: Setting,
    grid: Grid,
    number: int,
    measure: Measure,
    score: FragmentScore,
    image: CountedVolume | None,
) -> MeasuredTile:
    """Return what is asked of a tile.

    Parameters
    ----------
    setting : Setting
    grid : Grid
    number : int
        Of the tile, or of the layer.
    measure : Measure
    score : FragmentScore
    image : CountedVolume, optional
        The CT.

    Raises
    ------
    VolumeError
        If a volume cannot be read.
    ValueError
        If the CT has values that are not finite.
    """
    if measure.by_slice:
        tiles = [tile for tile in range(len(grid)) if grid.place(tile)[0] == number]
        extent = grid.block(tiles[0])[0]

        def scores() -> Iterator[FloatVolume]:
            return (score.score(setting, grid.block(tile)) for tile in tiles)

        return layer_thresholds(setting, extent.stop - extent.start, scores)
    block = grid.block(number)
    if measure.figures is not None:
        return measure_part(score, setting, block, measure.figures)
    if measure.request is None:
        if image is None:
            raise ValueError("found no CT image")
        z, y, x = ((part.start, part.stop) for part in block)
        return intensity_extent(CountedVolume(image, (z, y, x)))
    return _counted(setting, grid, block, measure, measure.request, score)


def _counted(
    setting: Setting,
    grid: Grid,
    block: Block,
    measure: Measure,
    request: CountRequest,
    score: FragmentScore,
) -> ScoreCounts:
    """Return the counts of a tile's scores that count for the threshold."""
    box = counted_box(setting, grid.shape)
    total = ScoreCounts.none(request)
    if not _overlap(block, box):
        return total
    counted = intersection(block, box)
    parts = [counted]
    if measure.parts is not None:
        chosen = (part for part in measure.parts if _overlap(part, counted))
        parts = [intersection(part, counted) for part in chosen]
    if not parts:
        return total
    scores = score.score(setting, counted)
    for part in parts:
        total += count_tile(np.ascontiguousarray(scores[within(part, counted)]), request)
    return total


def _overlap(block: Block, other: Block) -> bool:
    """Return whether two blocks have a voxel in common."""
    return all(a.start < b.stop and b.start < a.stop for a, b in zip(block, other, strict=True))
