"""One tile of one pass: from its inputs to its mask and pieces."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
import numpy.typing as npt

from napari_nx46.core.cleanup.step import StepContext
from napari_nx46.core.masks import reached
from napari_nx46.core.score.kernels import compiled_kernels
from napari_nx46.core.threshold.thresholds import Threshold
from napari_nx46.scale.sheets import SheetNumbers, part_sheets
from napari_nx46.scale.stages import FIRST_GROWTH, Labelling, Pass
from napari_nx46.setting import Setting
from napari_nx46.voxels.blocks import (
    Block,
    FloatVolume,
    Mask,
    VolumeLike,
    block_shape,
    intersection,
    within,
)
from napari_nx46.voxels.grid import Grid
from napari_nx46.voxels.merging import Decisions, merge_pieces
from napari_nx46.voxels.pieces import (
    TilePieces,
    flip_decided,
    label_numbers,
    label_pieces,
    uniform_pieces,
)
from napari_nx46.voxels.spans import Labels
from napari_nx46.voxels.workers import Workers

__all__ = ["TileInputs", "TileOutput", "TileWork"]


class TileInputs(SheetNumbers, Protocol):
    """What a tile is computed from: implemented over files, or over arrays."""

    @property
    def image(self) -> VolumeLike | None:
        """The CT of the volume, if there is one."""

    def score(self, block: Block) -> FloatVolume | None:
        """Return the scores of a box, or None where no voxel can reach a threshold."""

    def scored(self, block: Block) -> Block:
        """Return a box in which all voxels of a tile are whose scores may reach a threshold."""

    def weak(self, block: Block, high: Mask, low: Mask) -> Mask:
        """Return which voxels of a box count as reaching the low threshold.

        Parameters
        ----------
        block : Block
        high, low : (Z, Y, X) array of uint8, {0, 1}
            Whose scores reach the two thresholds of a pair.
        """

    def filled(self, layer: str, block: Block) -> Block | None:
        """Return a box in which all foreground of a box of a layer is; None if there is none."""

    def pieces(self, name: str, tile: int) -> TilePieces:
        """Return the pieces that an earlier pass found in a tile; not asked for of empty tiles."""

    def staying(self, name: str, tile: int) -> npt.NDArray[np.bool_]:
        """Return which of them stay: `Decisions.staying_of`."""


@dataclass(frozen=True, eq=False, slots=True)
class TileOutput:
    """What a pass made of a tile.

    Parameters
    ----------
    mask : (Z, Y, X) array of uint8, {0, 1}, optional
        None where all is background.
    pieces : mapping of str to TilePieces
        By the name of each labelling of the pass; not of those that found no foreground.
    sheets : (Z, Y, X) array of int32, optional
        The tile of the layer ``"sheets"``; None where all is 0, or there is none.
    counts : mapping of str to int
        Foreground voxels after each stage.
    """

    mask: Mask | None
    pieces: dict[str, TilePieces] = field(default_factory=dict)
    sheets: Labels | None = None
    counts: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class TileWork:
    """Computes the tiles of a volume, pass by pass.

    Parameters
    ----------
    setting : Setting
    threshold : Threshold
        Exact, for the volume.
    grid : Grid
    workers : Workers, optional
        Threads to share the work on a tile; by default the caller's own.
    first_growth : int
        Layers that sheets grow, before a tile that needs more reads a wider halo.
    """

    setting: Setting
    threshold: Threshold
    grid: Grid
    workers: Workers = field(default_factory=lambda: Workers(1))
    first_growth: int = FIRST_GROWTH

    def run(self, part: Pass, tile: int, inputs: TileInputs) -> TileOutput:
        """Return what a pass makes of a tile.

        Parameters
        ----------
        part : Pass
            Of `plan_passes` for the same setting.
        tile : int
        inputs : TileInputs

        Returns
        -------
        TileOutput
        """
        counts: dict[str, int] = {}
        block = self.grid.block(tile)
        marks: Mask | None = None
        numbered: tuple[Labels, TilePieces] | None = None
        boxes = self._boxes(part, block, inputs)
        if part.reads is None:
            box = inputs.scored(block)
            mask, marks = (
                one if one is None or box == block else _in_background(one, box, block)
                for one in self._thresholded(box, inputs, counts)
            )
        elif part.parts is not None:
            gap = self.setting.sheet_gap
            mask = part_sheets(
                inputs,
                part.reads,
                self.grid,
                block,
                gap,
                growth=self.first_growth,
                workers=self.workers,
            )
            mask = self._counted(mask, part.parts.name, counts)
        else:
            mask = inputs.mask(part.reads, boxes[0])
        if part.decides is not None:
            mask = self._decided(part.decides, mask, tile, inputs)
            mask = self._counted(mask, part.decides.name, counts)
        for number, step in enumerate(part.steps):
            if part.sheets is not None and number == part.sheets_after:
                numbered = self._numbered(part.sheets, _cut(mask, block, boxes[number]), block)
            mask = self._stepped(part, number, mask, boxes, inputs.image)
            self._counted(_cut(mask, boxes[-1], boxes[number + 1]), step.name, counts)
        if mask is not None and boxes[-1] != block:
            found = counts[part.steps[-1].name]
            mask = _in_background(mask, boxes[-1], block) if found else None
        if part.sheets is not None and numbered is None:
            numbered = self._numbered(part.sheets, mask, block)
        pieces: dict[str, TilePieces] = {}
        labels: Labels | None = None
        if part.labels is not None:
            labelled = self._labelled(part.labels, mask, marks, block)
            mask = None if labelled is None else labelled[0]
            if labelled is not None:
                pieces[part.labels.name] = labelled[1]
        if part.sheets is not None and numbered is not None:
            labels, pieces[part.sheets.name] = numbered
        return TileOutput(mask, pieces, labels, counts)

    def merge(
        self, labelling: Labelling, tiles: Iterable[int], load: Callable[[int], TilePieces]
    ) -> Decisions:
        """Return what becomes of the pieces that a pass found, once it has visited all tiles.

        Parameters
        ----------
        labelling : Labelling
            One of the pass's `labellings`.
        tiles : iterable of int
            Those of which `TileOutput` had pieces.
        load : callable
            Returns the pieces of such a tile; called a few times for each.
        """
        stored, grid, rule = set(tiles), self.grid, labelling.rule

        def pieces_of(tile: int) -> TilePieces:
            if tile in stored:
                return load(tile)
            return uniform_pieces(rule, False, grid.block(tile), grid.shape)

        return merge_pieces(rule, grid, range(len(grid)) if rule.background else stored, pieces_of)

    def _boxes(self, part: Pass, block: Block, inputs: TileInputs) -> list[Block]:
        """Return the boxes of a pass's steps, no larger than what its foreground gets to."""
        boxes = part.boxes(self.setting, block, self.grid.shape)
        if part.reads is None or not part.steps or part.decides or part.parts:
            return boxes
        filled = inputs.filled(part.reads, boxes[0])
        if filled is None or part.sheets is not None:
            return boxes
        reached = intersection(block, part.spread(self.setting, filled, self.grid.shape))
        if reached == block or any(one.start >= one.stop for one in reached):
            return boxes
        return part.boxes(self.setting, reached, self.grid.shape)

    def _thresholded(
        self, block: Block, inputs: TileInputs, counts: dict[str, int]
    ) -> tuple[Mask | None, Mask | None]:
        """Return the mask by the low threshold, which may be the only one, and by the high one."""
        score = inputs.score(block)
        threshold, kernels = self.threshold, compiled_kernels()
        counts["threshold"] = 0
        if score is None:
            return None, None
        lowest = threshold.lowest_scores(block[0])
        high = reached(score, lowest, kernels, self.workers)
        any_high = self._counted(high, "threshold", counts)
        if not self.setting.is_pair:
            return any_high, None
        low = reached(score, threshold.lower.lowest_scores(block[0]), kernels, self.workers)
        low = inputs.weak(block, high, low)
        return self._counted(low, "low threshold", counts), high

    def _decided(
        self, labelling: Labelling, mask: Mask | None, tile: int, inputs: TileInputs
    ) -> Mask | None:
        rule, name = labelling.rule, labelling.name
        if mask is not None:
            pieces, staying = inputs.pieces(name, tile), inputs.staying(name, tile)
            return flip_decided(mask, rule, pieces, staying, self.workers)
        # The only piece of a tile without foreground is all of its background.
        if rule.background and not inputs.staying(name, tile).all():
            return np.ones(block_shape(self.grid.block(tile)), np.uint8)
        return None

    def _stepped(
        self,
        part: Pass,
        number: int,
        mask: Mask | None,
        boxes: list[Block],
        image: VolumeLike | None,
    ) -> Mask | None:
        if mask is None:
            return None
        box, step = boxes[number], part.steps[number]
        context = StepContext(self.setting, None, self.workers, box, self.grid.shape, image=image)
        return _cut(step.apply(mask, context), boxes[number + 1], box)

    def _labelled(
        self, labelling: Labelling, mask: Mask | None, marks: Mask | None, block: Block
    ) -> tuple[Mask, TilePieces] | None:
        if mask is None:
            return None
        decided, pieces = label_pieces(
            mask, labelling.rule, block, self.grid.shape, marks=marks, workers=self.workers
        )
        return (decided, pieces) if np.count_nonzero(decided) else None

    def _numbered(
        self, labelling: Labelling, mask: Mask | None, block: Block
    ) -> tuple[Labels, TilePieces] | None:
        if mask is None:
            return None
        return label_numbers(mask, labelling.rule, block, self.grid.shape, self.workers)

    def _counted(self, mask: Mask | None, name: str, counts: dict[str, int]) -> Mask | None:
        """Note the foreground of a mask, and return it, or None where it has none."""
        counts[name] = 0 if mask is None else int(np.count_nonzero(mask))
        return mask if counts[name] else None


def _cut(mask: Mask | None, block: Block, box: Block) -> Mask | None:
    """Return the part of a box's mask that lies in a block, in C order."""
    return None if mask is None else np.ascontiguousarray(mask[within(block, box)])


def _in_background(mask: Mask, box: Block, block: Block) -> Mask:
    """Return the mask of a block, which is background but in a box."""
    whole = np.zeros(block_shape(block), np.uint8)
    whole[within(box, block)] = mask
    return whole
