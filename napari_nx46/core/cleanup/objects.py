"""Clean-up by components: hysteresis, removal of small objects, filling of cavities.

Work on a block of a fragment previews what the whole fragment will have. What a component does
beyond an open face is unknown there; `known`, the last exact mask of the block, decides then.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from napari_nx46.core.cleanup.arguments import require_at_least_zero
from napari_nx46.voxels.blocks import Mask, OpenFaces
from napari_nx46.voxels.piece_rules import Flag, PieceRule
from napari_nx46.voxels.spans import ALL_FACES, CLOSED, Components, checked_mask, find_components
from napari_nx46.voxels.workers import Workers

__all__ = [
    "CAVITIES",
    "LINKED",
    "fill_cavities",
    "keep_linked",
    "remove_components",
    "remove_small_objects",
]

LINKED = PieceRule(26, flag=Flag.MARKED)
"""What `keep_linked` keeps, marked by the high mask."""

CAVITIES = PieceRule(6, background=True, flag=Flag.OUTSIDE)
"""The background that `fill_cavities` leaves."""


def keep_linked(
    low: Mask,
    high: Mask,
    *,
    known: Mask | None = None,
    open_faces: OpenFaces = CLOSED,
    workers: Workers | None = None,
) -> Mask:
    """Return the voxels above a low threshold that are connected to one above a high threshold.

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
    components = find_components(low, LINKED.connectivity, workers=workers)
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


def remove_small_objects(
    mask: Mask,
    smallest: int,
    connectivity: int = 26,
    *,
    known: Mask | None = None,
    open_faces: OpenFaces = CLOSED,
    workers: Workers | None = None,
) -> Mask:
    """Remove components of fewer than `smallest` voxels.

    Equals `skimage.morphology.remove_small_objects` with this `min_size`. Part of all the published
    chains, with 100 to 20,000 voxels.

    Reach: the whole fragment. On a block, a small component that leaves it has an unknown size: it
    stays, unless `known` has none of its voxels.

    Parameters
    ----------
    mask : (Z, Y, X) array of uint8, {0, 1}
    smallest : int
        Voxels that a component must have to stay; up to 1, all stay.
    connectivity : {6, 18, 26}
        Whether voxels are connected by faces, also edges, also corners.
    known : (Z, Y, X) array of uint8, {0, 1}, optional
        On a block: the last exact mask there.
    open_faces : OpenFaces
        On a block: through which of its faces the fragment goes on.
    workers : Workers, optional
        Threads to share the work; the result does not depend on them.

    Returns
    -------
    (Z, Y, X) array of uint8, {0, 1}
        At most the mask itself, in a new array.

    Raises
    ------
    ValueError
        If a mask is no (Z, Y, X) uint8 array, the shapes differ, `smallest` is below 0, or for
        another connectivity.

    Examples
    --------
    >>> remove_small_objects(np.array([[[1, 0, 1, 1]]], np.uint8), smallest=2)
    array([[[0, 0, 1, 1]]], dtype=uint8)
    """
    require_at_least_zero(smallest=smallest)
    kept = checked_mask(mask).copy()
    if known is not None:
        checked_mask(known, mask.shape)
    if smallest <= 1:
        return kept
    components = find_components(mask, connectivity, workers=workers)
    small = components.sizes() < smallest
    remove_components(kept, components, small, known, open_faces, workers)
    return kept


def remove_components(
    mask: Mask,
    components: Components,
    unwanted: npt.NDArray[np.bool_],
    known: Mask | None = None,
    open_faces: OpenFaces = CLOSED,
    workers: Workers | None = None,
) -> None:
    """Make components of a mask background, in place.

    Parameters
    ----------
    mask : (Z, Y, X) array of uint8, {0, 1}
        Written to.
    components : Components
        Of the mask.
    unwanted : (count,) array of bool
        By what is known of a component in this mask.
    known : (Z, Y, X) array of uint8, {0, 1}, optional
        On a block: the last exact mask there. Unwanted components that leave the block stay,
        unless `known` has none of their voxels.
    open_faces : OpenFaces
        On a block: through which of its faces the fragment goes on.
    workers : Workers, optional
    """
    doubtful = unwanted & components.touching(open_faces)
    removed = unwanted & ~doubtful
    if known is not None and doubtful.any():
        removed |= doubtful & ~components.overlapping(known, workers)
    if removed.any():
        components.paint(removed, 0, mask, workers)


def fill_cavities(mask: Mask, *, workers: Workers | None = None) -> Mask:
    """Fill background that foreground encloses on all sides.

    Equals ``scipy.ndimage.binary_fill_holes(mask)``: background is connected by faces (6), and what
    reaches a face of the mask is not enclosed. Part of the first-place solution.

    Reach: the whole fragment. On a block, what leaves it is not enclosed.

    Parameters
    ----------
    mask : (Z, Y, X) array of uint8, {0, 1}
    workers : Workers, optional
        Threads to share the work; the result does not depend on them.

    Returns
    -------
    (Z, Y, X) array of uint8, {0, 1}
        At least the mask itself, in a new array.

    Raises
    ------
    ValueError
        If the mask is no (Z, Y, X) uint8 array.

    Examples
    --------
    >>> shell = np.ones((3, 3, 3), np.uint8)
    >>> shell[1, 1, 1] = 0
    >>> bool(fill_cavities(shell).all())
    True
    """
    filled = checked_mask(mask).copy()
    components = find_components(mask, CAVITIES.connectivity, background=True, workers=workers)
    enclosed = ~components.touching(ALL_FACES)
    if enclosed.any():
        components.paint(enclosed, 1, filled, workers)
    return filled
