"""Keep sheets apart that a closing, or another step that adds voxels, has joined."""

from __future__ import annotations

import numpy as np

from napari_nx46.core.cleanup.arguments import require_at_least_zero
from napari_nx46.voxels.blocks import Mask
from napari_nx46.voxels.piece_rules import PieceRule
from napari_nx46.voxels.spans import (
    Labels,
    checked_mask,
    find_components,
    find_runs,
    for_slices,
)
from napari_nx46.voxels.workers import Workers

__all__ = ["MOST_LAYERS", "grow_sheets", "keep_apart", "keep_sheets_apart", "sheet_rule"]

MOST_LAYERS = 64
"""Layers that sheets grow: what is farther from every sheet is in none.

Without a bound, which sheet a voxel belongs to could depend on the whole volume, however large.
"""


def keep_sheets_apart(
    mask: Mask,
    unjoined: Mask,
    gap: int,
    smallest: int = 0,
    *,
    workers: Workers | None = None,
) -> Mask:
    """Part the sheets that the steps after the opening have joined, by `gap` voxels of background.

    The winner's chain keeps components at least one voxel apart.

    The *sheets* are the 26-connected components of `unjoined` that have at least `smallest`
    voxels, numbered in raster order of their first voxels. The voxels of `mask` that lie in a
    sheet belong to it; from there the sheets grow within `mask`, one layer of 26-neighbours at a
    time, at most 64 (`MOST_LAYERS`), and a voxel that several reach in the same layer goes to the
    lowest number. Voxels that no sheet reaches are left alone.

    Of two voxels of different sheets within the Chebyshev distance `gap` one is removed, all at
    once: the one that was added, that is not in `unjoined`; of two alike, the one whose sheet has
    the higher number.

    Reach: the whole fragment.

    Parameters
    ----------
    mask : (Z, Y, X) array of uint8, {0, 1}
        The mask after the steps that may have joined sheets.
    unjoined : (Z, Y, X) array of uint8, {0, 1}
        The mask before them.
    gap : int
        Voxels of background that are left between two sheets; 0 changes nothing.
    smallest : int
        Voxels that a component of `unjoined` must have to be a sheet.
    workers : Workers, optional
        Threads to share the work; the result does not depend on them.

    Returns
    -------
    (Z, Y, X) array of uint8, {0, 1}
        At most the mask itself, in a new array.

    Raises
    ------
    ValueError
        If a mask is no (Z, Y, X) uint8 array, the shapes differ, or `gap` or `smallest` is below 0.

    Examples
    --------
    >>> unjoined = np.array([[[1, 1, 0, 0, 1, 1]]], np.uint8)
    >>> keep_sheets_apart(np.ones_like(unjoined), unjoined, gap=1)
    array([[[1, 1, 1, 0, 1, 1]]], dtype=uint8)
    """
    require_at_least_zero(gap=gap, smallest=smallest)
    if mask.shape != unjoined.shape:
        raise ValueError(
            f"the mask has shape {mask.shape}, but the one before the closing {unjoined.shape}"
        )
    joined = checked_mask(mask)
    before = checked_mask(unjoined, mask.shape)
    apart = joined.copy()
    if gap == 0:
        return apart
    rule = sheet_rule(smallest)
    components = find_components(before, rule.connectivity, workers=workers)
    is_sheet = components.sizes() >= rule.smallest
    sheets = int(np.count_nonzero(is_sheet))
    if sheets <= 1:
        return apart
    numbers = np.where(is_sheet, np.cumsum(is_sheet), 0).astype(np.int32)
    labels = components.labels(numbers, joined, workers)
    grow_sheets(joined, labels, workers=workers)
    keep_apart(apart, before, labels, gap, sheets, workers=workers)
    return apart


def sheet_rule(smallest: int) -> PieceRule:
    """Return which components are sheets, by the voxels that they must have."""
    return PieceRule(26, smallest=max(smallest, 1))


def grow_sheets(
    mask: Mask, labels: Labels, *, layers: int = MOST_LAYERS, workers: Workers | None = None
) -> None:
    """Spread the sheets within a mask, in place, one layer of 26-neighbours at a time.

    Parameters
    ----------
    mask : (Z, Y, X) array of uint8, {0, 1}
    labels : (Z, Y, X) array of int32
        Number of the sheet of each voxel of the mask, 0 for none.
    layers : int
        At most so many, at least one. What was spread goes on where it stopped.
    workers : Workers, optional
    """
    from napari_nx46.core.cleanup.compiled_sheets import (
        count_unreached,
        find_first_layer,
        grow_layers,
    )

    runs = find_runs(mask, workers=workers)
    starts = np.zeros(mask.shape[0] + 1, np.int64)
    counts = starts[1:]
    for_slices(
        lambda z: count_unreached(
            z.start, z.stop, runs.row_starts, runs.first, runs.stop, labels, counts
        ),
        mask.shape,
        workers,
    )
    np.cumsum(counts, out=counts)
    if starts[-1] == 0:
        return
    places = np.empty(starts[-1], np.int64)
    found = np.empty(starts[-1], np.int32)
    for_slices(
        lambda z: find_first_layer(
            z.start,
            z.stop,
            runs.row_starts,
            runs.first,
            runs.stop,
            labels,
            starts,
            places,
            found,
        ),
        mask.shape,
        workers,
    )
    grow_layers(mask, places, found, labels, layers)


def keep_apart(
    mask: Mask,
    unjoined: Mask,
    labels: Labels,
    gap: int,
    sheets: int,
    *,
    workers: Workers | None = None,
) -> None:
    """Remove of a mask what comes nearer than `gap` to a voxel of another sheet, in place.

    Parameters
    ----------
    mask, unjoined : (Z, Y, X) array of uint8, {0, 1}
        As of `keep_sheets_apart`.
    labels : (Z, Y, X) array of int32
        Number of each voxel's sheet, after they were grown; written over.
    gap : int
        Voxels of background that are left between two sheets.
    sheets : int
        The highest number.
    workers : Workers, optional
    """
    from napari_nx46.core.cleanup.compiled_sheets import rank_added, remove_near, write_segments

    # The labels become ranks; segments of equal rank are compared instead of voxels.
    runs = find_runs(mask, workers=workers)
    starts = np.zeros(runs.row_starts.size, np.int64)
    counts = starts[1:]
    for_slices(
        lambda z: rank_added(
            z.start,
            z.stop,
            runs.row_starts,
            runs.first,
            runs.stop,
            unjoined,
            sheets,
            labels,
            counts,
        ),
        mask.shape,
        workers,
    )
    np.cumsum(counts, out=counts)
    first, stop, rank = (np.empty(starts[-1], np.int32) for _ in range(3))
    for_slices(
        lambda z: write_segments(
            z.start,
            z.stop,
            runs.row_starts,
            runs.first,
            runs.stop,
            labels,
            starts,
            first,
            stop,
            rank,
        ),
        mask.shape,
        workers,
    )
    for_slices(
        lambda z: remove_near(z.start, z.stop, starts, first, stop, rank, gap, sheets, mask),
        mask.shape,
        workers,
    )
