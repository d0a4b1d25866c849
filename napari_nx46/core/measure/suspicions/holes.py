"""Small holes in sheets, and sheets thicker than the others."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from napari_nx46.core.cleanup.morphology import close_anisotropic
from napari_nx46.core.measure.suspicions.components import Volume
from napari_nx46.core.measure.suspicions.places import (
    Places,
    joined_places,
    places_of,
    voxels_of,
)
from napari_nx46.voxels.blocks import Mask
from napari_nx46.voxels.spans import checked_mask, find_components
from napari_nx46.voxels.workers import CancelCheck, Cancelled, Workers, never

__all__ = ["HOLE_RADIUS", "WIDE_RADIUS", "find_all_holes", "find_holes", "find_thick_places"]

Indices = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

HOLE_RADIUS = 3
"""Radius of the disc that closes what counts as a small hole, in voxels."""

LARGEST_HOLE = 500
"""What takes more voxels to be filled lies between sheets."""

WIDE_RADIUS, LARGEST_WIDE_HOLE = 8, 2000
"""The same of wide holes."""


def find_all_holes(
    mask: Mask, *, workers: Workers | None = None, cancelled: CancelCheck = never
) -> tuple[Places, Indices]:
    """Find what fills the holes of a mask: the small ones, and once they are filled the wide ones.

    Parameters
    ----------
    mask, workers, cancelled
        See `find_holes`.

    Returns
    -------
    places, gain
        As `find_holes`; the wide ones come last.
    """
    small, gain = find_holes(mask, workers=workers, cancelled=cancelled)
    filled = checked_mask(mask).copy()
    filled.ravel()[small.flat] = 1
    wide, more = find_holes(
        filled,
        radius=WIDE_RADIUS,
        largest=LARGEST_WIDE_HOLE,
        workers=workers,
        cancelled=cancelled,
    )
    return joined_places(mask.shape, [small, wide]), np.concatenate((gain, more))


def find_holes(
    mask: Mask,
    *,
    radius: int = HOLE_RADIUS,
    largest: int = LARGEST_HOLE,
    workers: Workers | None = None,
    cancelled: CancelCheck = never,
) -> tuple[Places, Indices]:
    """Find what fills the small holes of a mask.

    Closing all planes across an axis with a disc adds voxels. A 26-connected component of what it
    adds fills a hole if adding it alone raises the Euler number (foreground connected by faces):
    it fills more tunnels than it makes new ones, cavities that it fills being taken off. This is
    done across z, y and x. Of fillings that share voxels only the smallest counts, of those of
    one size the one across the earlier axis, then the first in raster order.

    Parameters
    ----------
    mask : (Z, Y, X) array of uint8, {0, 1}
    radius : int
        Of the disc, {dy^2 + dx^2 <= radius^2}.
    largest : int
        Components of more voxels are left out.
    workers : Workers, optional
    cancelled : callable
        Asked between the parts of the work.

    Returns
    -------
    places : Places
        The voxels that fill the holes, the smallest first.
    gain : (n,) array of int64
        By how much each raises the Euler number, at least 1.

    Raises
    ------
    ValueError
        If the mask is no (Z, Y, X) uint8 array, or the radius is below 0.
    Cancelled
        If `cancelled` returned True.
    """
    found = []
    for axis in range(3):
        if cancelled():
            raise Cancelled
        found.append(_fillings(mask, axis, radius, largest, workers, cancelled))
    every = joined_places(mask.shape, [places for places, _ in found])
    gains = np.concatenate([gain for _, gain in found])
    taken = np.zeros(math.prod(mask.shape), np.bool_)
    chosen = []
    for number in np.argsort(every.sizes(), kind="stable").tolist():
        voxels = every.flat[every.starts[number] : every.starts[number + 1]]
        if not taken[voxels].any():
            taken[voxels] = True
            chosen.append(number)
    kept = np.array(chosen, np.int64)
    return every.chosen(kept), gains[kept]


def _fillings(
    mask: Mask,
    axis: int,
    radius: int,
    largest: int,
    workers: Workers | None,
    cancelled: CancelCheck,
) -> tuple[Places, Indices]:
    """Return what closing across one axis adds that fills a hole, and by how much."""
    from napari_nx46.core.measure.suspicions.compiled_shapes import add_gains

    across = np.ascontiguousarray(np.moveaxis(mask, axis, 0))
    closed = np.moveaxis(close_anisotropic(across, 0, radius, workers=workers), 0, axis)
    closed = np.ascontiguousarray(closed)
    added = np.greater(closed, mask).view(np.uint8)
    components = find_components(added, 26, workers=workers)
    if cancelled():
        raise Cancelled
    is_hole = components.sizes() <= largest
    gains = np.zeros(components.count, np.int64)
    add_gains(checked_mask(mask), closed, *voxels_of(components, is_hole), gains)
    is_hole &= gains > 0
    flat, owner = voxels_of(components, is_hole)
    number = np.cumsum(is_hole) - 1
    return places_of(mask.shape, flat, number[owner], int(is_hole.sum())), gains[is_hole]


def find_thick_places(
    volume: Volume, thickness: float, *, workers: Workers | None = None
) -> tuple[Places, Floats]:
    """Find where a mask is more than twice as thick as a sheet: where sheets are fused.

    These are the 26-connected components of the voxels whose distance to the background is
    larger than `thickness`, so that the mask is thicker than ``2 * thickness`` there.

    Parameters
    ----------
    volume : Volume
    thickness : float
        Of a sheet, in voxels; such as `ComponentShapes.median_thickness`. Nothing is found from
        `components.REACH` voxels on, up to which distances are measured.
    workers : Workers, optional

    Returns
    -------
    places : Places
    thickest : (n,) array of float64
        Twice the largest distance to the background in each, in voxels; at most twice the reach.
    """
    deep = np.greater(volume.squares, thickness**2).view(np.uint8)
    components = find_components(deep, 26, workers=workers)
    places = places_of(deep.shape, *voxels_of(components), components.count)
    squares = volume.squares.ravel()[places.flat].astype(np.float64)
    highest = np.maximum.reduceat(squares, places.starts[:-1]) if len(places) else squares
    return places, 2 * np.sqrt(highest)
