"""Which tiles there is anything to compute of: whose volumes have chunks."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from napari_nx46.core.score.measured import NOT_MEASURED, Measured
from napari_nx46.core.threshold.thresholds import Threshold
from napari_nx46.scale.plan.plan import ApplyPlan
from napari_nx46.scale.scores import absent_score, is_reached
from napari_nx46.voxels.blocks import Block
from napari_nx46.voxels.grid import Grid

if TYPE_CHECKING:
    from napari_nx46.files.volumes.volume import Volume

__all__ = ["corner_of", "existing_chunks", "filled_tiles", "tiles_present"]


def filled_tiles(
    existing: Iterable[Sequence[Block] | None],
    grid: Grid,
    halo: tuple[int, int, int],
    corner: tuple[int, int, int] = (0, 0, 0),
) -> dict[int, Block]:
    """Return the tiles that have a chunk of any volume in what their score is made from.

    Parameters
    ----------
    existing : iterable of sequence of Block, or None
        Of each volume, where its chunks are; None where nobody can list them.
    grid : Grid
    halo : tuple of int
        How far around a voxel its score reads.
    corner : tuple of int
        Where the mask begins in the volumes.

    Returns
    -------
    dict of int to Block
        By tile in raster order, the box that holds all voxels whose score is made from a chunk.
    """
    lists = list(existing)
    if any(blocks is None for blocks in lists):
        return {tile: grid.block(tile) for tile in range(len(grid))}
    ends = [(part.start, part.stop) for blocks in lists for block in blocks or () for part in block]
    boxes = np.array(ends, np.int64).reshape(-1, 3, 2)
    more = np.array(halo, np.int64)
    starts = np.maximum(boxes[:, :, 0] - corner - more, 0)
    stops = np.minimum(boxes[:, :, 1] - corner + more, grid.shape)
    reaching = (starts < stops).all(axis=1)
    starts, stops = starts[reaching], stops[reaching]
    first, last = starts // grid.tile, -(-stops // grid.tile)
    numbers, bounds = [], []
    for step in np.ndindex(*(last - first).max(axis=0, initial=0).tolist()):
        place = first + step
        there = (place < last).all(axis=1)
        begin = place[there] * grid.tile
        numbers.append(np.ravel_multi_index(tuple(place[there].T), grid.counts))
        low = np.maximum(starts[there], begin)
        bounds.append(np.stack([low, np.minimum(stops[there], begin + grid.tile)], axis=2))
    if not numbers:
        return {}
    tiles, where = np.unique(np.concatenate(numbers), return_inverse=True)
    found = np.concatenate(bounds)
    hulls = np.empty((tiles.size, 3, 2), np.int64)
    hulls[:, :, 0], hulls[:, :, 1] = np.iinfo(np.int64).max, 0
    np.minimum.at(hulls[:, :, 0], where, found[:, :, 0])
    np.maximum.at(hulls[:, :, 1], where, found[:, :, 1])
    filled = {}
    for tile, box in zip(tiles.tolist(), hulls.tolist(), strict=True):
        z, y, x = (slice(start, stop) for start, stop in box)
        filled[tile] = (z, y, x)
    return filled


def corner_of(plan: ApplyPlan) -> tuple[int, int, int]:
    """Return where the mask of a plan begins in its volumes."""
    if plan.sources.box is None:
        return 0, 0, 0
    z, y, x = (start for start, _ in plan.sources.box)
    return z, y, x


def existing_chunks(volumes: Mapping[str, Volume]) -> dict[str, list[Block] | None]:
    """Return where the chunks of each volume are, by one listing each; None where there is none.

    Raises
    ------
    VolumeError
        If a store cannot be listed for another reason than that it does not allow it.
    """
    found: dict[str, list[Block] | None] = {}
    for name, volume in volumes.items():
        listed = None if volume.layout is None else volume.layout.existing()
        found[name] = None if listed is None else list(listed)
    return found


def tiles_present(
    plan: ApplyPlan,
    volumes: Mapping[str, Volume],
    threshold: Threshold,
    measured: Measured = NOT_MEASURED,
) -> dict[int, Block]:
    """Return the part of each tile that a plan has to compute: all else is background.

    Parameters
    ----------
    plan : ApplyPlan
    volumes : mapping of str to Volume
        Of its sources.
    threshold : Threshold
        Where an absent voxel reaches it, all tiles count.
    measured : Measured
        What scores follow from of the whole.

    Raises
    ------
    VolumeError
        If a store cannot be listed.
    """
    existing = existing_chunks(volumes)
    if None in existing.values() or _is_reached(plan, volumes, threshold, measured):
        return filled_tiles([None], plan.grid, (0, 0, 0))
    return filled_tiles(existing.values(), plan.grid, plan.source_halo(), corner_of(plan))


def _is_reached(
    plan: ApplyPlan,
    volumes: Mapping[str, Volume],
    threshold: Threshold,
    measured: Measured,
) -> bool:
    """Return whether a voxel far from every chunk may be foreground."""
    fills = {name: volume.absent_value for name, volume in volumes.items()}
    if None in fills.values():
        return True
    values = {name: volumes[name].dtype.type(fill) for name, fill in fills.items()}
    score = absent_score(plan.setting, values, measured)
    return is_reached(threshold, score, slice(0, plan.shape[0]))
