"""Places where a mask changes most between neighbouring thresholds."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import numpy.typing as npt

from napari_nx46.core.measure.suspicions.places import Places, places_of
from napari_nx46.voxels.blocks import Mask
from napari_nx46.voxels.spans import checked_mask

__all__ = ["MOST_UNSURE", "UNSURE_CUBE", "find_unsure_places"]

Indices = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

UNSURE_CUBE = 16
"""Side of the cubes that are compared, in voxels."""

LEAST = 64
"""Foreground voxels that a cube must have to be compared."""

MOST_UNSURE = 300
"""So many are listed."""


def find_unsure_places(
    shape: tuple[int, int, int],
    layers: Iterable[tuple[Mask, Mask]],
    *,
    least: int = LEAST,
    most: int = MOST_UNSURE,
) -> tuple[Places, Floats]:
    """Find the cubes of a grid in which two masks differ most.

    Parameters
    ----------
    shape : tuple of int
        Of the volume, (Z, Y, X).
    layers : iterable of two (n, Y, X) arrays of uint8, {0, 1}
        The two masks, in consecutive layers of `UNSURE_CUBE` slices, the last one of what is left.
    least : int
        Voxels that are in either mask, which a cube must have, from 1.
    most : int
        At most so many cubes are returned, those with the largest share that has a difference.

    Returns
    -------
    places : Places
        In each cube the voxels that are in one mask only; in raster order of the cubes.
    share : (n,) array of float64
        Their share of the voxels that are in either mask, in (0, 1]: 1 - the Jaccard index.

    Raises
    ------
    ValueError
        If a layer is no uint8 array of the shape that it must have.
    """
    rows, columns = (np.arange(0, size, UNSURE_CUBE) for size in shape[1:])
    shares, changed = [], []
    for number, (a, b) in enumerate(layers):
        begin = number * UNSURE_CUBE
        expected = (min(UNSURE_CUBE, shape[0] - begin), *shape[1:])
        first, second = checked_mask(a, expected), checked_mask(b, expected)
        either, one = first | second, first ^ second
        counts, changes = (
            np.add.reduceat(
                np.add.reduceat(mask.sum(axis=0, dtype=np.int64), rows, axis=0), columns, axis=1
            )
            for mask in (either, one)
        )
        shares.append(np.where(counts >= max(least, 1), changes / np.maximum(counts, 1), 0.0))
        changed.append(np.flatnonzero(one) + begin * expected[1] * expected[2])
    if not shares:
        return places_of(shape, np.zeros(0, np.int64), np.zeros(0, np.int64), 0), np.zeros(0)
    share = np.concatenate([layer.ravel() for layer in shares])
    best = np.argsort(-share, kind="stable")[:most]
    chosen = np.sort(best[share[best] > 0])
    numbers = np.full(share.size, -1, np.int64)
    numbers[chosen] = np.arange(chosen.size)
    flat = np.concatenate(changed)
    z, y, x = (axis // UNSURE_CUBE for axis in np.unravel_index(flat, shape))
    owner = numbers[(z * rows.size + y) * columns.size + x]
    kept = owner >= 0
    return places_of(shape, flat[kept], owner[kept], chosen.size), share[chosen]
