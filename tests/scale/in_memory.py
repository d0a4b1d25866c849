"""Masks by tiles of arrays: what the passes leave is kept in dictionaries."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np

from napari_nx46.core.score.ct_paths import intensity_extent
from napari_nx46.core.score.figures import FigureSums
from napari_nx46.core.score.fragment_score import FragmentScore
from napari_nx46.core.score.measured import Measured
from napari_nx46.core.score.measuring import PartRequest, measure_part, measure_whole
from napari_nx46.scale.stages import plan_passes
from napari_nx46.scale.tiles import TileOutput, TileWork
from napari_nx46.setting import ScoreFrom, Setting
from napari_nx46.voxels.blocks import FragmentVolumes, intersection, whole_block, within
from napari_nx46.voxels.grid import Grid
from napari_nx46.voxels.merging import Decisions
from napari_nx46.voxels.pieces import TilePieces


@dataclass
class ArrayInputs:
    """Layers as arrays; tiles that have nothing in them are not kept."""

    work: TileWork
    read_score: Callable
    masks: dict[str, dict[int, np.ndarray]] = field(default_factory=dict)
    numbers: dict[int, np.ndarray] = field(default_factory=dict)
    found: dict[str, dict[int, TilePieces]] = field(default_factory=dict)
    decisions: dict[str, Decisions] = field(default_factory=dict)
    widest: int = 0
    read_weak: Callable | None = None
    image: np.ndarray | None = None

    def score(self, block):
        return self.read_score(block)

    def scored(self, block):
        return block

    def weak(self, block, high, low):
        return low if self.read_weak is None else self.read_weak(block, high, low)

    def mask(self, layer, block):
        grid, tiles = self.work.grid, self.masks[layer]
        there = [tile for tile in grid.overlapping(block) if tile in tiles]
        mask = np.zeros([extent.stop - extent.start for extent in block], np.uint8)
        self.widest = max(self.widest, mask.size)
        for tile in there:
            part = intersection(grid.block(tile), block)
            mask[within(part, block)] = tiles[tile][within(part, grid.block(tile))]
        return mask if mask.any() else None

    def filled(self, layer, block):
        mask = self.mask(layer, block)
        if mask is None:
            return None
        ends = [np.flatnonzero(mask.any((*others,))) for others in ((1, 2), (0, 2), (0, 1))]
        corner = [extent.start for extent in block]
        return tuple(
            slice(start + int(end[0]), start + int(end[-1]) + 1)
            for start, end in zip(corner, ends, strict=True)
        )

    def pieces(self, name, tile):
        return self.found[name][tile]

    def staying(self, name, tile):
        return self.decisions[name].staying_of(tile)

    def sheets(self, block, tile):
        if tile not in self.numbers:
            return None
        return self.numbers[tile][within(block, self.work.grid.block(tile))]

    def sheet_keys(self, tile):
        if tile not in self.numbers:
            return np.empty(0, np.int64)
        return self.found["sheets"][tile].all_keys(self.decisions["sheets"].keys_of(tile))


def store(inputs: ArrayInputs, part, tile: int, output: TileOutput) -> None:
    """Keep what a pass made of a tile, pieces as they come out of arrays."""
    if output.mask is not None:
        inputs.masks.setdefault(part.writes or "result", {})[tile] = output.mask
    if output.sheets is not None:
        inputs.numbers[tile] = output.sheets
    for name, pieces in output.pieces.items():
        inputs.found.setdefault(name, {})[tile] = TilePieces.of_arrays(pieces.arrays())


def run_passes(
    work: TileWork,
    score: Callable,
    order: Sequence[int] | None = None,
    weak: Callable | None = None,
    image: np.ndarray | None = None,
):
    """Run all passes; return the inputs, in which the result is, and the counts of stages."""
    inputs = ArrayInputs(work, score, read_weak=weak, image=image)
    grid, counts = work.grid, {}
    for part in plan_passes(work.setting):
        inputs.masks[part.writes or "result"] = {}
        for tile in order if order is not None else range(len(grid)):
            output = work.run(part, tile, inputs)
            store(inputs, part, tile, output)
            for name, count in output.counts.items():
                counts[name] = counts.get(name, 0) + count
        for labelling in part.labellings:
            found = inputs.found.get(labelling.name, {})
            inputs.decisions[labelling.name] = work.merge(labelling, found, found.__getitem__)
    return inputs, counts


def mask_by_tiles(
    work: TileWork,
    score: Callable,
    order: Sequence[int] | None = None,
    weak: Callable | None = None,
    image: np.ndarray | None = None,
):
    """Return the mask of the whole volume, computed tile by tile."""
    inputs, _ = run_passes(work, score, order, weak, image)
    mask = inputs.mask("result", whole_block(work.grid.shape))
    return np.zeros(work.grid.shape, np.uint8) if mask is None else mask


def measured_by_tiles(volumes: FragmentVolumes, setting: Setting, grid: Grid) -> Measured:
    """Return what scores follow from of the whole volume, measured tile by tile, from the last."""
    known = FragmentScore(volumes, keep_score=False)
    if setting.source is not ScoreFrom.PROBABILITIES:
        known = FragmentScore(
            volumes,
            keep_score=False,
            measured=Measured(intensities=intensity_extent(volumes.image)),
        )

    def measure(measured: Measured, request: PartRequest) -> FigureSums:
        score = FragmentScore(volumes, keep_score=False, measured=measured)
        total = FigureSums.none(request.figures)
        for tile in reversed(range(len(grid))):
            total += measure_part(score, setting, grid.block(tile), request)
        return total

    return measure_whole(known, setting, measure)
