"""Pieces of masks beside an error: what one mask has and the other lacks, and other components."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from napari_nx46.leaderboard import Explanation
from napari_nx46.leaderboard.errors.runs import components_at, voxels_in
from napari_nx46.voxels.blocks import Block, Mask, block_shape, widened
from napari_nx46.voxels.packed import PackedMask, unpack
from napari_nx46.voxels.spans import find_components

__all__ = ["component_beside", "excess_at", "mask_of", "parted"]

Ints = npt.NDArray[np.int32]

PREDICTION, LABEL = 0, 1
REACH = 16
"""A piece is followed so many voxels around the place."""
_NONE = np.zeros((0, 3), np.int32)
_SIX = np.concatenate([np.eye(3, dtype=np.int32), -np.eye(3, dtype=np.int32)])


def mask_of(explanation: Explanation, side: int, block: Block) -> Mask:
    """Return a block of the prediction (0) or the label (1), without what is ignored."""
    packed, (z, y, x) = explanation.masks[side], block
    words = packed.words[z, y]
    rows = PackedMask(words, (*words.shape[:2], packed.shape[2]), (0, 0, 0))
    return np.ascontiguousarray(unpack(rows)[..., x])


def excess_at(explanation: Explanation, side: int, seeds: Ints) -> Ints:
    """Return the pieces of one mask without the other one that lie at or beside some voxels.

    Parameters
    ----------
    explanation : Explanation
    side : int
        0 for voxels that the prediction has and the label lacks, 1 for the reverse.
    seeds : (N, 3) array of int32

    Returns
    -------
    (N, 3) array of int32
        Voxels of 26-connected pieces, as far as `REACH` around the seeds.
    """
    if not len(seeds):
        return _NONE
    shape = explanation.masks[side].shape
    low, high = seeds.min(axis=0), seeds.max(axis=0) + 1
    z, y, x = (slice(int(a), int(b)) for a, b in zip(low, high, strict=True))
    block = widened((z, y, x), (REACH,) * 3, shape)
    own, other = mask_of(explanation, side, block), mask_of(explanation, 1 - side, block)
    pieces = find_components(np.greater(own, other).view(np.uint8), 26)
    if not pieces.count:
        return _NONE
    origin = _origin(block)
    near = _beside(seeds - origin, block_shape(block))
    return voxels_in(pieces.runs, pieces.overlapping(near)[pieces.component]) + origin


def parted(voxels: Ints) -> list[Ints]:
    """Return the 26-connected pieces of some voxels, (N, 3) int32, in raster order."""
    if not len(voxels):
        return []
    low = voxels.min(axis=0)
    mask = np.zeros(tuple(voxels.max(axis=0) - low + 1), np.uint8)
    mask[tuple((voxels - low).T)] = 1
    pieces = find_components(mask, 26)
    return [
        voxels_in(pieces.runs, pieces.component == number) + low for number in range(pieces.count)
    ]


def component_beside(
    explanation: Explanation, side: int, octant: Block, item: Ints, way: Ints
) -> Ints:
    """Return the other component at the end of a way through the gap beside a component.

    Parameters
    ----------
    explanation : Explanation
    side : int
        Whose component.
    octant : Block
        In which components are taken.
    item : (N, 3) array of int32
        Voxels of the component itself.
    way : (N, 3) array of int32
        From it to the other one.
    """
    own = mask_of(explanation, side, octant)
    components = find_components(own, 6)
    origin = _origin(octant)
    number = int(components_at(components, item[:1] - origin)[0])
    ends = np.concatenate([way[:1] + _SIX, way[-1:] + _SIX]) - origin
    inside = ((ends >= 0) & (ends < own.shape)).all(axis=1)
    ends = ends[inside]
    found = components_at(components, ends[own[tuple(ends.T)] > 0].astype(np.int32))
    others = found[found != number]
    if not others.size:
        return _NONE
    return voxels_in(components.runs, components.component == others[0]) + origin


def _beside(voxels: Ints, shape: tuple[int, int, int]) -> Mask:
    """Return a mask of voxels and of all that touch them by a corner at least."""
    near = np.zeros(shape, np.uint8)
    for step in np.ndindex(3, 3, 3):
        moved = voxels + (np.array(step, np.int32) - 1)
        inside = ((moved >= 0) & (moved < shape)).all(axis=1)
        near[tuple(moved[inside].T)] = 1
    return near


def _origin(block: Block) -> Ints:
    return np.array([extent.start for extent in block], np.int32)
