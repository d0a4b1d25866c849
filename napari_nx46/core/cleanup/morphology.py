"""Clean-up by neighbours: opening, closing and the majority over slices.

Opening and closing take 64 voxels at a time. Erosion is the dilation of the complement, so one
kernel does both. Cost: linear in the voxels and in the number of rows of the element.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from napari_nx46.core.cleanup.arguments import require_at_least_zero
from napari_nx46.voxels.blocks import Mask
from napari_nx46.voxels.packed import PackedMask, pack, plane_tiles, unpack
from napari_nx46.voxels.spans import checked_mask
from napari_nx46.voxels.workers import Workers, tiles_of

__all__ = [
    "Element",
    "ball",
    "close_anisotropic",
    "close_with_ball",
    "cube",
    "dilate_by_cube",
    "dilate_by_disc",
    "disc",
    "open_by_faces",
    "stabilise_slices",
    "z_line",
]


COLUMNS_PER_TILE = 1 << 15
"""Columns whose counts stay in the processor's first cache."""


@dataclass(frozen=True, eq=False)
class Element:
    """A structuring element, symmetric about its centre, as rows along x.

    Parameters
    ----------
    rows : (n, 3) array of int64
        (dz, dy, half_width): the voxels (dz, dy, -half_width) to (dz, dy, half_width) of the
        element; in descending order of the half width.
    """

    rows: npt.NDArray[np.int64]

    @property
    def radii(self) -> tuple[int, int, int]:
        """How far it reaches along z, y and x, in voxels."""
        z, y, x = np.abs(self.rows).max(axis=0).tolist()
        return z, y, x


def z_line(radius: int) -> Element:
    """Return the element {|dz| <= radius, dy = dx = 0}."""
    return _element([(dz, 0, 0) for dz in range(-radius, radius + 1)])


def disc(radius: float) -> Element:
    """Return the element {dz = 0, dy^2 + dx^2 <= radius^2}."""
    sides, square = range(-int(radius), int(radius) + 1), int(radius**2)
    return _element([(0, dy, math.isqrt(square - dy**2)) for dy in sides])


def ball(radius: float) -> Element:
    """Return the element {dz^2 + dy^2 + dx^2 <= radius^2}; of radius 1: a voxel and its six."""
    sides, square = range(-int(radius), int(radius) + 1), int(radius**2)
    return _element(
        [
            (dz, dy, math.isqrt(square - dz**2 - dy**2))
            for dz in sides
            for dy in sides
            if dz**2 + dy**2 <= square
        ]
    )


def cube(radius: int) -> Element:
    """Return the element of all voxels at most `radius` away along each axis."""
    sides = range(-radius, radius + 1)
    return _element([(dz, dy, radius) for dz in sides for dy in sides])


def dilate_by_cube(mask: Mask, radius: int, *, workers: Workers | None = None) -> Mask:
    """Add the voxels at most `radius` away along each axis.

    Equals ``scipy.ndimage.binary_dilation(mask, np.ones((2 * radius + 1,) * 3))``.

    Parameters
    ----------
    mask : (Z, Y, X) array of uint8, {0, 1}
    radius : int
    workers : Workers, optional

    Returns
    -------
    (Z, Y, X) array of uint8, {0, 1}
        At least the mask itself, in a new array.
    """
    return _dilated_mask(mask, cube(radius), workers)


def dilate_by_disc(mask: Mask, radius: float, *, workers: Workers | None = None) -> Mask:
    """Add the voxels of the same slice that are at most `radius` away.

    Parameters
    ----------
    mask : (Z, Y, X) array of uint8, {0, 1}
    radius : float
    workers : Workers, optional

    Returns
    -------
    (Z, Y, X) array of uint8, {0, 1}
        At least the mask itself, in a new array.
    """
    return _dilated_mask(mask, disc(radius), workers)


def open_by_faces(mask: Mask, *, workers: Workers | None = None) -> Mask:
    """Open the mask with a voxel and its six neighbours: what is thinner goes.

    Equals ``scipy.ndimage.binary_opening(mask, generate_binary_structure(3, 1))``. Part of the
    twelfth-place solution.

    Reach: 2 voxels along each axis. Outside the fragment lies background.

    Parameters
    ----------
    mask : (Z, Y, X) array of uint8, {0, 1}
    workers : Workers, optional

    Returns
    -------
    (Z, Y, X) array of uint8, {0, 1}
        At most the mask itself, in a new array.

    Raises
    ------
    ValueError
        If the mask is no (Z, Y, X) uint8 array.

    Examples
    --------
    >>> int(open_by_faces(np.ones((2, 9, 9), np.uint8)).sum())
    0
    >>> int(open_by_faces(np.ones((3, 3, 3), np.uint8)).sum())
    7
    """
    element, threads = ball(1), workers or Workers(1)
    packed = pack(checked_mask(mask), element.radii).inverted()
    eroded = _dilated(packed, element, threads).inverted()
    return unpack(_dilated(eroded, element, threads))


def close_anisotropic(
    mask: Mask, z_radius: int, xy_radius: int, *, workers: Workers | None = None
) -> Mask:
    """Close gaps with the element {abs(dz) <= z_radius, dy^2 + dx^2 <= xy_radius^2}.

    Part of the public notebook that scored 0.552 (3, 2) and of the twelfth-place solution (2, 1).

    Parameters
    ----------
    mask : (Z, Y, X) array of uint8, {0, 1}
    z_radius, xy_radius : int
        In voxels.
    workers : Workers, optional

    Returns
    -------
    (Z, Y, X) array of uint8, {0, 1}
        At least the mask itself, in a new array.

    Raises
    ------
    ValueError
        If the mask is no (Z, Y, X) uint8 array, or a radius is below 0.

    Notes
    -----
    Equals `scipy.ndimage.binary_closing` of the mask within a margin of background as wide as the
    radii, which is cut off again. The plain call takes everything beyond the faces for background
    when it erodes, too, and so erases what lies within a radius of a face; elsewhere both agree.

    Reach: twice the radius along each axis.

    Examples
    --------
    >>> mask = np.array([1, 0, 0, 1, 0, 0, 0, 1], np.uint8).reshape(8, 1, 1)
    >>> close_anisotropic(mask, z_radius=1, xy_radius=0).ravel()
    array([1, 1, 1, 1, 0, 0, 0, 1], dtype=uint8)
    """
    require_at_least_zero(z_radius=z_radius, xy_radius=xy_radius)
    elements = [disc(xy_radius)] if xy_radius else []
    elements += [z_line(z_radius)] if z_radius else []
    return _closed(mask, elements, workers)


def close_with_ball(mask: Mask, radius: float, *, workers: Workers | None = None) -> Mask:
    """Close gaps with the element {dz^2 + dy^2 + dx^2 <= radius^2}.

    Part of the first-place solution, with radius 3.

    At the faces as `close_anisotropic`. Reach: twice the radius along each axis.

    Parameters
    ----------
    mask : (Z, Y, X) array of uint8, {0, 1}
    radius : float
        In voxels.
    workers : Workers, optional

    Returns
    -------
    (Z, Y, X) array of uint8, {0, 1}
        At least the mask itself, in a new array.

    Raises
    ------
    ValueError
        If the mask is no (Z, Y, X) uint8 array, or the radius is below 0.

    Examples
    --------
    >>> mask = np.ones((3, 3, 3), np.uint8)
    >>> mask[1, 1, 1] = 0
    >>> bool(close_with_ball(mask, 1).all())
    True
    """
    require_at_least_zero(radius=radius)
    return _closed(mask, [ball(radius)] if radius else [], workers)


def stabilise_slices(mask: Mask, radius: int, *, workers: Workers | None = None) -> Mask:
    """Give each voxel the majority over ``2 radius + 1`` slices, the outer slices repeated.

    Equals ``scipy.ndimage.median_filter(mask, (2 radius + 1, 1, 1), mode="nearest")``. Asked for by
    NX47.

    Reach: the radius along z.

    Parameters
    ----------
    mask : (Z, Y, X) array of uint8, {0, 1}
    radius : int
        Slices on either side, at most 127.
    workers : Workers, optional

    Returns
    -------
    (Z, Y, X) array of uint8, {0, 1}
        A new array.

    Raises
    ------
    ValueError
        If the mask is no (Z, Y, X) uint8 array, or the radius is below 0.

    Examples
    --------
    >>> mask = np.array([1, 0, 1, 1, 0, 0], np.uint8).reshape(6, 1, 1)
    >>> stabilise_slices(mask, 1).ravel()
    array([1, 1, 1, 1, 0, 0], dtype=uint8)
    """
    from napari_nx46.core.cleanup.compiled_morphology import majority_columns

    require_at_least_zero(radius=radius)
    if radius == 0:
        return checked_mask(mask).copy()
    # Kernels are compiled again for arrays that must not be written to, as some callers' are.
    planes = np.require(checked_mask(mask), requirements="W").reshape(len(mask), -1)
    out = np.empty_like(planes)
    (workers or Workers(1)).map(
        lambda tile: majority_columns(planes, radius, tile.start, tile.stop, out),
        tiles_of(planes.shape[1], COLUMNS_PER_TILE),
    )
    return out.reshape(mask.shape)


def _dilated_mask(mask: Mask, element: Element, workers: Workers | None) -> Mask:
    packed = pack(checked_mask(mask), element.radii)
    return unpack(_dilated(packed, element, workers or Workers(1)))


def _closed(mask: Mask, elements: Sequence[Element], workers: Workers | None) -> Mask:
    """Close a mask with the Minkowski sum of elements, as if it lay in endless background."""
    if not elements:
        return checked_mask(mask).copy()
    threads = workers or Workers(1)
    packed = pack(checked_mask(mask), _reach(elements))
    for element in elements:
        packed = _dilated(packed, element, threads)
    packed = packed.inverted()
    for element in reversed(elements):
        packed = _dilated(packed, element, threads)
    return unpack(packed.inverted())


def _element(rows: list[tuple[int, int, int]]) -> Element:
    return Element(np.array(sorted(rows, key=lambda row: -row[2]), np.int64))


def _reach(elements: Sequence[Element]) -> tuple[int, int, int]:
    z, y, x = (sum(radii) for radii in zip(*(e.radii for e in elements), strict=True))
    return z, y, x


def _dilated(packed: PackedMask, element: Element, workers: Workers) -> PackedMask:
    from napari_nx46.core.cleanup.compiled_morphology import dilate_planes

    words, out = packed.words, np.empty_like(packed.words)
    workers.map(
        lambda tile: dilate_planes(words, element.rows, tile.start, tile.stop, out),
        plane_tiles(words),
    )
    return packed.replaced(out)
