"""Euler numbers of masks, counted on words of 64 voxels.

The Euler number of a volume is components - tunnels + cavities, that of a slice components - holes.
It is a sum over voxels and their nearest neighbours, so that it needs no labelling.

A volume's foreground is connected by faces (6) and its background by all neighbours (26), as in the
leaderboard score: the Euler number is that of the cubical complex whose vertices are the voxels,
``vertices - edges + squares - cubes``. A slice's foreground is connected by edges and corners (8)
and its background by edges (4), as in the component counts of slices: there the voxels are closed
squares, and the Euler number is ``vertices - edges + squares`` of what they cover.
"""

from __future__ import annotations

import numpy as np

from napari_nx46.voxels.blocks import AnyMask
from napari_nx46.voxels.overlap import Counts, as_volume, count_bits
from napari_nx46.voxels.packed import Words, pack, shift_down
from napari_nx46.voxels.workers import CancelCheck, Workers, never, tiles_of

__all__ = ["euler_number", "euler_numbers_of_slices"]

SLICES_PER_TILE = 16


def euler_number(
    mask: AnyMask, workers: Workers | None = None, cancelled: CancelCheck = never
) -> int:
    """Return the Euler number of a volume, its foreground connected by faces (6).

    Equal to ``skimage.measure.euler_number(mask, connectivity=1)``.

    Parameters
    ----------
    mask : (Z, Y, X) array of uint8 or bool
        What is not 0 is foreground.
    workers : Workers, optional
        Threads to share the work.
    cancelled : callable
        Asked between tiles.

    Returns
    -------
    int
        Components - tunnels + cavities; 0 for an empty mask.

    Raises
    ------
    ValueError
        If the array has no three axes.
    Cancelled
        If `cancelled` returned True.

    Examples
    --------
    >>> ring = np.ones((1, 3, 3), dtype=np.uint8)
    >>> ring[0, 1, 1] = 0
    >>> euler_number(ring)
    0
    """
    if mask.ndim != 3:
        raise ValueError(f"expected the axes (Z, Y, X), found shape {mask.shape}")

    def count(tile: slice) -> int:
        # What lies between two slices is the complex of what both have in common.
        words = _packed(mask[tile.start : tile.stop + 1])
        own = words[: tile.stop - tile.start]
        between = np.bitwise_and(words[:-1], words[1:])
        return int(_joined_by_edges(own).sum() - _joined_by_edges(between).sum())

    return sum((workers or Workers(1)).map(count, tiles_of(len(mask), SLICES_PER_TILE), cancelled))


def euler_numbers_of_slices(mask: AnyMask) -> Counts:
    """Return the Euler number of each slice, its foreground connected by edges and corners (8).

    Equal to ``skimage.measure.euler_number(mask_slice, connectivity=2)`` of each.

    Parameters
    ----------
    mask : (Z, Y, X) or (Y, X) array of uint8 or bool
        What is not 0 is foreground.

    Returns
    -------
    (Z,) array of int64
        Components - holes; 0 for an empty slice.

    Examples
    --------
    >>> euler_numbers_of_slices(np.array([[1, 0, 0], [0, 1, 0], [0, 0, 0]], dtype=np.uint8))
    array([1])
    """
    words = _packed(as_volume(mask))
    upright = words | shift_down(words)
    level = words[:, :-1] | words[:, 1:]
    corners = upright[:, :-1] | upright[:, 1:]
    return count_bits(corners) - count_bits(upright) - count_bits(level) + count_bits(words)


def _packed(mask: AnyMask) -> Words:
    """Pack slices with a margin of background, which their outlines reach into."""
    return pack(mask, (0, 1, 1)).words


def _joined_by_edges(words: Words) -> Counts:
    """Return vertices - edges + squares of each slice, whose voxels are the vertices."""
    along_x = words & shift_down(words)
    along_y = words[:, :-1] & words[:, 1:]
    squares = along_x[:, :-1] & along_x[:, 1:]
    return count_bits(words) - count_bits(along_x) - count_bits(along_y) + count_bits(squares)
