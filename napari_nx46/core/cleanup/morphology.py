"""Binary opening and closing of masks, 64 voxels at a time.

Erosion is the dilation of the complement, so one kernel does both. Cost: linear in the voxels and
in the number of rows of the element.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from napari_nx46.voxels.blocks import Mask
from napari_nx46.voxels.packed import PackedMask, pack, plane_tiles, unpack
from napari_nx46.voxels.spans import checked_mask
from napari_nx46.voxels.workers import Workers, tiles_of

__all__ = ["Element", "ball", "closed", "disc", "majority_of_slices", "opened", "z_line"]


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


def disc(radius: int) -> Element:
    """Return the element {dz = 0, dy^2 + dx^2 <= radius^2}."""
    return _element([(0, dy, math.isqrt(radius**2 - dy**2)) for dy in range(-radius, radius + 1)])


def ball(radius: int) -> Element:
    """Return the element {dz^2 + dy^2 + dx^2 <= radius^2}; of radius 1: a voxel and its six."""
    return _element(
        [
            (dz, dy, math.isqrt(radius**2 - dz**2 - dy**2))
            for dz in range(-radius, radius + 1)
            for dy in range(-radius, radius + 1)
            if dz**2 + dy**2 <= radius**2
        ]
    )


def closed(mask: Mask, elements: Sequence[Element], workers: Workers) -> Mask:
    """Close a mask as if it lay in endless background.

    Parameters
    ----------
    mask : (Z, Y, X) array of uint8, {0, 1}
    elements : sequence of Element
        The structuring element is their Minkowski sum.
    workers : Workers

    Returns
    -------
    (Z, Y, X) array of uint8, {0, 1}
        At least the mask itself.
    """
    packed = pack(checked_mask(mask), _reach(elements))
    for element in elements:
        packed = _dilated(packed, element, workers)
    packed = packed.inverted()
    for element in reversed(elements):
        packed = _dilated(packed, element, workers)
    return unpack(packed.inverted())


def opened(mask: Mask, element: Element, workers: Workers) -> Mask:
    """Open a mask as if it lay in endless background.

    Parameters
    ----------
    mask : (Z, Y, X) array of uint8, {0, 1}
    element : Element
    workers : Workers

    Returns
    -------
    (Z, Y, X) array of uint8, {0, 1}
        At most the mask itself.
    """
    packed = pack(checked_mask(mask), element.radii).inverted()
    eroded = _dilated(packed, element, workers).inverted()
    return unpack(_dilated(eroded, element, workers))


def majority_of_slices(mask: Mask, radius: int, workers: Workers) -> Mask:
    """Return, for each voxel, the majority over the slices around it; outer slices repeated.

    Parameters
    ----------
    mask : (Z, Y, X) array of uint8, {0, 1}
    radius : int
        Slices on either side, at most 127.
    workers : Workers

    Returns
    -------
    (Z, Y, X) array of uint8, {0, 1}
    """
    from napari_nx46.core.cleanup.compiled_morphology import majority_columns

    # Kernels are compiled anew for arrays that must not be written to, as some callers' are.
    planes = np.require(checked_mask(mask), requirements="W").reshape(len(mask), -1)
    out = np.empty_like(planes)
    workers.map(
        lambda tile: majority_columns(planes, radius, tile.start, tile.stop, out),
        tiles_of(planes.shape[1], COLUMNS_PER_TILE),
    )
    return out.reshape(mask.shape)


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
