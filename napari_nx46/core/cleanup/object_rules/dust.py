"""Removal of small pieces in each octant of a fragment, as the leaderboard score cuts it."""

from __future__ import annotations

from napari_nx46.core.cleanup.objects import remove_small_objects
from napari_nx46.core.cleanup.place import Place
from napari_nx46.voxels.blocks import (
    Block,
    Mask,
    block_shape,
    intersection,
    octants_of,
    open_faces,
    within,
)
from napari_nx46.voxels.spans import checked_mask
from napari_nx46.voxels.workers import Workers

__all__ = ["remove_block_dust"]


def remove_block_dust(
    mask: Mask, smallest: int, *, place: Place | None = None, workers: Workers | None = None
) -> Mask:
    """Remove pieces of fewer than `smallest` voxels within each octant of the fragment.

    TopoScore cuts a fragment into 2 x 2 x 2 octants and counts the components of each (6). What the
    cut leaves of an object counts as one, however small. Part of the ninth-place solution, with 10
    (its gain was not isolated). A step for the score: on a scroll, which has no octants, it is
    without meaning.

    Reach: the whole fragment. The pieces of an octant need no voxel beyond it; where the octants
    lie follows from the fragment's shape.

    Parameters
    ----------
    mask : (Z, Y, X) array of uint8, {0, 1}
    smallest : int
        Voxels that a piece must have to stay; up to 1, all stay.
    place : Place, optional
        By default the mask is all of its fragment.
    workers : Workers, optional
        Threads to share the work; the result does not depend on them.

    Returns
    -------
    (Z, Y, X) array of uint8, {0, 1}
        At most the mask itself, in a new array.

    Raises
    ------
    ValueError
        If the mask is no (Z, Y, X) uint8 array, or `smallest` is below 0.

    Examples
    --------
    >>> import numpy as np
    >>> row = np.ones((1, 1, 6), np.uint8)
    >>> row[0, 0, 0] = row[0, 0, 4:] = 0  # of the second half, one voxel is left
    >>> remove_block_dust(row, smallest=2)[0, 0]
    array([0, 1, 1, 0, 0, 0], dtype=uint8)
    """
    kept = checked_mask(mask).copy()
    there = place or Place.whole(mask)
    for octant in octants_of(there.shape):
        if _overlap(octant, there.block):
            part = intersection(octant, there.block)
            inner = within(part, there.block)
            kept[inner] = remove_small_objects(
                kept[inner],
                smallest,
                6,
                known=None if there.known is None else there.known[inner],
                open_faces=open_faces(within(part, octant), block_shape(octant)),
                workers=workers,
            )
    return kept


def _overlap(block: Block, other: Block) -> bool:
    return all(a.start < b.stop and b.start < a.stop for a, b in zip(block, other, strict=True))
