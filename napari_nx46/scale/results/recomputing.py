"""A tile of a mask computed again, from a part of the volume around it and by SciPy's components.

What a part of the volume cannot decide stays open: a voxel has a lower and an upper value, and is
compared where they are equal. A component that leaves the part stays in the upper mask whatever it
is; in the lower one it stays if what is seen of it is enough.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from napari_nx46.core.cleanup.step import Step, StepContext
from napari_nx46.core.cleanup.steps import steps_of
from napari_nx46.core.score.fragment_score import FragmentScore
from napari_nx46.core.score.measured import NOT_MEASURED, Measured
from napari_nx46.core.score.weak import WeakVoxels
from napari_nx46.core.threshold.thresholds import Threshold
from napari_nx46.files.mask_store.chunks import ChunkFiles
from napari_nx46.scale.plan.errors import ApplyError
from napari_nx46.scale.plan.plan import ApplyPlan
from napari_nx46.scale.plan.sources import CountedVolume
from napari_nx46.voxels.blocks import Block, Mask, block_shape, open_faces, widened, within
from napari_nx46.voxels.piece_rules import Flag, PieceRule
from napari_nx46.voxels.workers import Workers

__all__ = ["Compared", "compare_tile"]

MARGIN = 48
"""Voxels around a tile, beside what local steps look at, in which components are followed."""

Booleans = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Compared:
    """A tile that was computed again.

    Parameters
    ----------
    place : tuple of int
        Among the tiles along (z, y, x).
    voxels, compared, wrong : int
        Of the tile; of these what could be decided; of these what differs.
    """

    place: tuple[int, int, int]
    voxels: int
    compared: int
    wrong: int


@dataclass(frozen=True, eq=False)
class _Window:
    """What is known of a part of the volume: background, foreground, or open."""

    block: Block
    shape: tuple[int, int, int]
    lower: Booleans
    upper: Booleans

    def cropped(self, block: Block) -> _Window:
        part = within(block, self.block)
        return _Window(block, self.shape, self.lower[part], self.upper[part])

    def touching(self, labels: npt.NDArray[np.integer], *, closed: bool, opened: bool) -> Booleans:
        """Return for each label whether it touches ends of the volume, or of the window."""
        count = int(labels.max(initial=0)) + 1
        found = np.zeros(count, np.bool_)
        for axis, faces in enumerate(open_faces(self.block, self.shape)):
            for end, goes_on in zip((0, -1), faces, strict=True):
                if (opened and goes_on) or (closed and not goes_on):
                    found[np.unique(np.take(labels, end, axis))] = True
        found[0] = False
        return found


def compare_tile(
    plan: ApplyPlan,
    files: ChunkFiles,
    tile: int,
    threshold: Threshold,
    measured: Measured = NOT_MEASURED,
) -> Compared:
    """Compute a tile again, and compare it with the image.

    Parameters
    ----------
    plan : ApplyPlan
    files : ChunkFiles
        Of the image.
    tile : int
    threshold : Threshold
    measured : Measured
        What scores follow from of the whole volume.

    Raises
    ------
    ApplyError
        If a step looks at the whole volume in another way than by components.
    VolumeError
        If a volume cannot be read.
    """
    block = plan.grid.block(tile)
    steps = steps_of(plan.setting)
    reach = [_reach(step, plan) for step in steps]
    z, y, x = (
        MARGIN * _follows(plan) + sum(extents) for extents in zip(*reach, (0, 0, 0), strict=True)
    )
    window = _thresholded(plan, widened(block, (z, y, x), plan.shape), threshold, measured)
    for step, extents in zip(steps, reach, strict=True):
        window = _stepped(step, extents, window, plan)
    found = window.cropped(block)
    stored = _stored(files, block)
    lower, upper = (
        plan.corrections.apply(np.ascontiguousarray(mask, np.uint8), block) != 0
        for mask in (found.lower, found.upper)
    )
    known = lower == upper
    wrong = known & (lower != stored)
    return Compared(plan.grid.place(tile), known.size, int(known.sum()), int(wrong.sum()))


def _thresholded(
    plan: ApplyPlan, block: Block, threshold: Threshold, measured: Measured
) -> _Window:
    """Return the mask by the thresholds, linked where there are two."""
    volumes = {
        name: CountedVolume(volume, plan.sources.box)
        for name, volume in plan.sources.open().items()
    }
    score = FragmentScore(plan.sources.fragment(volumes), keep_score=False, measured=measured)
    scores = score.score(plan.setting, block)
    on_ct = np.ones(scores.shape, np.bool_)
    if plan.ct_above is not None:
        on_ct = np.asarray(volumes["image"][block]) > plan.ct_above
    high = on_ct & (scores >= threshold.lowest_scores(block[0])[:, None, None])
    if not plan.setting.is_pair:
        return _Window(block, plan.shape, high, high)
    low = scores >= threshold.lower.lowest_scores(block[0])[:, None, None]
    low = (
        WeakVoxels(score)
        .adjusted(plan.setting, block, high.view(np.uint8), low.view(np.uint8))
        .view(np.bool_)
    )
    low &= on_ct
    window = _Window(block, plan.shape, low, low)
    return _foreground(window, PieceRule(26, flag=Flag.MARKED), high)


def _stepped(step: Step, reach: tuple[int, int, int], window: _Window, plan: ApplyPlan) -> _Window:
    """Return what a step makes of a window; smaller by its reach where the volume goes on."""
    rule = None if step.pieces is None else step.pieces(plan.setting)
    if rule is not None and not rule.background:
        return _foreground(window, rule, None)
    if rule is not None:
        return _background(window, rule)
    box = _shrunk(window.block, reach, plan.shape)
    part = within(box, window.block)
    applied = [
        step.apply(np.ascontiguousarray(mask, np.uint8), _context(plan, window.block)) != 0
        for mask in (window.lower, window.upper)
    ]
    unknown = window.lower != window.upper
    if unknown.any():
        size = tuple(2 * extent + 1 for extent in reach)
        unknown = ndimage.maximum_filter(unknown, size, mode="constant", cval=False)
    lower, upper = applied[0] & ~unknown, applied[0] | unknown
    return _Window(box, plan.shape, lower[part], upper[part])


def _foreground(window: _Window, rule: PieceRule, marks: Booleans | None) -> _Window:
    """Return a window after components were decided on that a rule may remove."""
    masks = []
    for mask, is_upper in ((window.lower, False), (window.upper, True)):
        labels, count = ndimage.label(mask, _structure(rule.connectivity))
        sizes = np.bincount(labels.reshape(-1), minlength=count + 1)
        stays = sizes >= rule.smallest
        if rule.flag is Flag.MARKED and marks is not None:
            marked = np.zeros(count + 1, np.bool_)
            marked[np.unique(labels[marks & mask])] = True
            stays &= marked
        leaving = window.touching(labels, closed=False, opened=True)
        if type(rule) is not PieceRule:  # it asks for more than what grows with a component
            stays = np.zeros_like(stays)
            leaving[:] = True
        stays = stays | leaving if is_upper else stays
        stays[0] = False
        masks.append(stays[labels])
    return _Window(window.block, window.shape, masks[0], masks[1])


def _background(window: _Window, rule: PieceRule) -> _Window:
    """Return a window after background was filled that does not reach the end of the volume."""
    if rule.flag is not Flag.OUTSIDE or rule.smallest:
        raise ApplyError("background that is filled by its size cannot be computed again by parts")
    masks = []
    for mask, is_upper in ((window.lower, False), (window.upper, True)):
        labels, _ = ndimage.label(~mask, _structure(rule.connectivity))
        stays = window.touching(labels, closed=True, opened=not is_upper)
        stays[0] = True
        masks.append(mask | ~stays[labels])
    return _Window(window.block, window.shape, masks[0], masks[1])


def _reach(step: Step, plan: ApplyPlan) -> tuple[int, int, int]:
    """Return how far a local step looks; 0 of one that decides on components."""
    if step.pieces is not None and not step.looks_back:
        return 0, 0, 0
    reach = step.reach(plan.setting)
    if reach.is_whole or step.looks_back or (step.cell is not None and step.cell(plan.setting)):
        raise ApplyError(
            f"{step.name.replace('_', ' ')} looks at more than components and neighbours: tiles "
            "cannot be computed again by themselves"
        )
    z, y, x = (extent or 0 for extent in reach)
    return z, y, x


def _follows(plan: ApplyPlan) -> bool:
    """Return whether components have to be followed beyond a tile."""
    return plan.setting.is_pair or any(step.pieces is not None for step in steps_of(plan.setting))


def _context(plan: ApplyPlan, block: Block) -> StepContext:
    return StepContext(plan.setting, None, Workers(1), block, plan.shape)


def _shrunk(block: Block, reach: tuple[int, int, int], shape: tuple[int, int, int]) -> Block:
    """Return a block without what lies so near to an end beyond which the volume goes on."""
    z, y, x = (
        slice(
            extent.start + (more if extent.start > 0 else 0),
            extent.stop - (more if extent.stop < length else 0),
        )
        for extent, more, length in zip(block, reach, shape, strict=True)
    )
    return z, y, x


def _structure(connectivity: int) -> Booleans:
    structure: Booleans = ndimage.generate_binary_structure(3, {6: 1, 18: 2, 26: 3}[connectivity])
    return structure


def _stored(files: ChunkFiles, block: Block) -> Booleans:
    """Return the mask of a tile as the image has it.

    Raises
    ------
    ApplyError
        If a chunk of it cannot be decoded.
    """
    side = files.layout.chunk
    stored: Mask = np.zeros(block_shape(block), np.uint8)
    counts = [-(-length // side) for length in stored.shape]
    for step in np.ndindex(*counts):
        z, y, x = (part.start // side + n for part, n in zip(block, step, strict=True))
        place = tuple(slice(n * side, (n + 1) * side) for n in step)
        try:
            stored[place] = files.read(0, (z, y, x))
        except ValueError as error:
            raise ApplyError(str(error)) from error
    found: Booleans = stored != 0
    return found
