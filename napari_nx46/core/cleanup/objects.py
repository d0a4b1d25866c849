"""Clean-up by components: hysteresis, removal of small objects, filling of what is enclosed.

Work on a block of a fragment previews what the whole fragment will have. What a component does
beyond an open face is unknown there; `known`, the last exact mask of the block, decides then.
"""

from __future__ import annotations

import numpy as np

from napari_nx46.voxels.blocks import Mask, OpenFaces
from napari_nx46.voxels.spans import CLOSED, checked_mask, find_components
from napari_nx46.voxels.workers import Workers

__all__ = ["CLOSED", "drop_small", "fill_enclosed", "keep_linked"]

_ALL_FACES: OpenFaces = ((True, True), (True, True), (True, True))


def keep_linked(
    low: Mask,
    high: Mask,
    *,
    known: Mask | None = None,
    open_faces: OpenFaces = CLOSED,
    workers: Workers | None = None,
) -> Mask:
    """Return the voxels from a low threshold on that hang together with one from a high one on.

    Equal to `skimage.filters.apply_hysteresis_threshold`, but connected by faces, edges and
    corners (26). Depends on the whole fragment.

    Parameters
    ----------
    low : (Z, Y, X) array of uint8, {0, 1}
        Scores from the low threshold on.
    high : (Z, Y, X) array of uint8, {0, 1}
        Scores from the high threshold on; what of it is not in `low` counts for nothing.
    known : (Z, Y, X) array of uint8, {0, 1}, optional
        The last exact mask of this block. A component of `low` that has no voxel of `high` but
        touches an open face is kept if it has a voxel of `known`, and dropped otherwise.
    open_faces : OpenFaces
        Where the fragment goes on beyond the block.
    workers : Workers, optional
        Threads to share the work; the result does not depend on them.

    Returns
    -------
    (Z, Y, X) array of uint8, {0, 1}
        Whole components of `low`, in a new array.

    Raises
    ------
    ValueError
        If a mask is no (Z, Y, X) uint8 array or the shapes differ.
    """
    components = find_components(low, 26, workers=workers)
    kept = components.overlapping(high, workers)
    if known is not None:
        checked_mask(known, low.shape)
        doubtful = ~kept & components.touching(open_faces)
        if doubtful.any():
            kept |= doubtful & components.overlapping(known, workers)
    linked = np.zeros(low.shape, np.uint8)
    if kept.any():
        components.paint(kept, 1, linked, workers)
    return linked


def drop_small(
    mask: Mask,
    smallest: int,
    connectivity: int = 26,
    *,
    known: Mask | None = None,
    open_faces: OpenFaces = CLOSED,
    workers: Workers | None = None,
) -> Mask:
    """Return a mask without its components of fewer than `smallest` voxels.

    Equal to `skimage.morphology.remove_small_objects`. Depends on the whole fragment.

    Parameters
    ----------
    mask : (Z, Y, X) array of uint8, {0, 1}
    smallest : int
        Voxels that a component must have to stay; up to 1, all stay.
    connectivity : {6, 18, 26}
        Whether voxels hang together by faces, also edges, also corners.
    known : (Z, Y, X) array of uint8, {0, 1}, optional
        The last exact mask of this block. A component that touches an open face may be larger
        than what is seen of it: if that is less than `smallest`, it is kept unless `known` has
        none of its voxels.
    open_faces : OpenFaces
        Where the fragment goes on beyond the block.
    workers : Workers, optional
        Threads to share the work; the result does not depend on them.

    Returns
    -------
    (Z, Y, X) array of uint8, {0, 1}
        A new array.

    Raises
    ------
    ValueError
        If a mask is no (Z, Y, X) uint8 array, the shapes differ, or for another connectivity.
    """
    kept = checked_mask(mask).copy()
    if known is not None:
        checked_mask(known, mask.shape)
    if smallest <= 1:
        return kept
    components = find_components(mask, connectivity, workers=workers)
    small = components.sizes() < smallest
    doubtful = small & components.touching(open_faces)
    if doubtful.any():
        small &= ~doubtful
        if known is not None:
            small |= doubtful & ~components.overlapping(known, workers)
    if small.any():
        components.paint(small, 0, kept, workers)
    return kept


def fill_enclosed(mask: Mask, *, workers: Workers | None = None) -> Mask:
    """Return a mask with the background filled that is enclosed on all sides.

    Enclosed is a component of the background, connected by faces (6), that touches no face of the
    array. Equal to `scipy.ndimage.binary_fill_holes`. Depends on the whole fragment; on a block,
    what leaves it counts as not enclosed.

    Parameters
    ----------
    mask : (Z, Y, X) array of uint8, {0, 1}
    workers : Workers, optional
        Threads to share the work; the result does not depend on them.

    Returns
    -------
    (Z, Y, X) array of uint8, {0, 1}
        A new array.

    Raises
    ------
    ValueError
        If the mask is no (Z, Y, X) uint8 array.
    """
    filled = checked_mask(mask).copy()
    components = find_components(mask, 6, background=True, workers=workers)
    enclosed = ~components.touching(_ALL_FACES)
    if enclosed.any():
        components.paint(enclosed, 1, filled, workers)
    return filled
