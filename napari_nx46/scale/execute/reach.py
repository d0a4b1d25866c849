"""Which tiles there is anything to compute of: whose volumes have chunks."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from napari_nx46.setting import ScoreFrom, Setting
from napari_nx46.voxels.blocks import Block

if TYPE_CHECKING:
    from napari_nx46.files.volumes.volume import Volume

__all__ = ["source_halo"]


def source_halo(setting: Setting) -> tuple[int, int, int]:
    """Return how far around a block its score reads the volumes, along (z, y, x)."""
    if setting.source is ScoreFrom.PROBABILITIES:
        return setting.z_radius, 0, 0
    around = 2 if setting.source is ScoreFrom.GRADIENT else int(4 * setting.residual_sigma + 0.5)
    return around + setting.z_radius, around, around


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


def existing_chunks(volumes: Mapping[str, Volume]) -> dict[str, list[Block] | None]:
    """Return where the chunks of each volume are, by one listing each; None where there is none.

    Raises
    ------
    VolumeError
        If a store cannot be listed for another reason than that it does not allow it.
    """
    found: dict[str, list[Block] | None] = {}
    for name, volume in volumes.items():
        listed = volume.existing_chunks() if hasattr(volume, "existing_chunks") else None
        found[name] = None if listed is None else list(listed)
    return found
