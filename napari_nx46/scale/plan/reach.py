"""Which tiles there is anything to compute of: whose volumes have chunks."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from napari_nx46.core.score.measured import NOT_MEASURED, Measured
from napari_nx46.core.threshold.thresholds import Threshold
from napari_nx46.scale.plan.plan import ApplyPlan
from napari_nx46.scale.scores import absent_score, is_reached
from napari_nx46.voxels.blocks import Block

if TYPE_CHECKING:
    from napari_nx46.files.volumes.volume import Volume

__all__ = ["corner_of", "existing_chunks", "present_tiles", "tiles_present"]


def present_tiles(
    existing: Mapping[str, Iterable[Block] | None],
    shape: tuple[int, int, int],
    tile: int,
    halo: tuple[int, int, int],
    corner: tuple[int, int, int] = (0, 0, 0),
) -> npt.NDArray[np.bool_]:
    """Return which tiles have a chunk of any volume in what their score is made from.

    Parameters
    ----------
    existing : mapping of str to iterable of Block, or None
        By volume, where its chunks are; None where nobody can list them.
    shape : tuple of int
        Voxels of the mask.
    tile : int
        Side of the tiles.
    halo : tuple of int
        How far around a tile its score reads.
    corner : tuple of int
        Where the mask begins in the volumes.

    Returns
    -------
    (z, y, x) array of bool
        One for each tile.
    """
    counts = [-(-length // tile) for length in shape]
    present = np.zeros(counts, np.bool_)
    for blocks in existing.values():
        if blocks is None:
            present[:] = True
            continue
        for block in blocks:
            present[
                tuple(
                    slice(
                        max(0, (part.start - start - more) // tile),
                        max(0, -(-(part.stop - start + more) // tile)),
                    )
                    for part, start, more in zip(block, corner, halo, strict=True)
                )
            ] = True
    return present


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
) -> list[int]:
    """Return the tiles that a plan has to compute: all others are background.

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
        return list(range(len(plan.grid)))
    present = present_tiles(existing, plan.shape, plan.tile, plan.source_halo(), corner_of(plan))
    return [int(tile) for tile in np.flatnonzero(present)]


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
