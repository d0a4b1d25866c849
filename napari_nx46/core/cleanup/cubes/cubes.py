"""Clean-up of diagonal contacts: tunnels and loops that lie within cubes of 2 x 2 x 2 voxels."""

from __future__ import annotations

import numpy as np

from napari_nx46.core.cleanup.arguments import require_at_least_zero
from napari_nx46.core.cleanup.cubes.table import first_place_table, plug_table
from napari_nx46.core.cleanup.morphology import dilate_by_cube
from napari_nx46.setting import CubePlugging
from napari_nx46.voxels.blocks import Mask
from napari_nx46.voxels.spans import checked_mask
from napari_nx46.voxels.tiles import INLINE_VOXELS
from napari_nx46.voxels.workers import Workers, tiles_of

__all__ = ["plug_cubes", "plug_cubes_in_raster_order"]

PLANES_PER_TILE = 8


def plug_cubes(
    mask: Mask,
    passes: int = 2,
    plugging: CubePlugging = CubePlugging.CUBES,
    *,
    workers: Workers | None = None,
) -> Mask:
    """Plug every cube of 2 x 2 x 2 voxels in which voxels touch by an edge or a corner alone.

    Where the foreground of a cube is not connected by faces within it, or its background is not,
    the fewest voxels are added that make both so; see `table.plug_table`. All cubes are plugged at
    once, `passes` times, or until nothing changes. The rule behind the table of the first-place
    solution (+0.012 public, +0.008 private with it, after the closing).

    Reach: `passes` voxels along each axis; in raster order the whole fragment. Cubes lie within the
    fragment.

    Parameters
    ----------
    mask : (Z, Y, X) array of uint8, {0, 1}
    passes : int
    plugging : CubePlugging
        All cubes at once, or by `plug_cubes_in_raster_order`; off, nothing is plugged.
    workers : Workers, optional
        Threads to share the work; the result does not depend on them.

    Returns
    -------
    (Z, Y, X) array of uint8, {0, 1}
        At least the mask itself, in a new array.

    Raises
    ------
    ValueError
        If the mask is no (Z, Y, X) uint8 array, or `passes` is below 0.

    Examples
    --------
    >>> diagonal = np.zeros((2, 2, 2), np.uint8)
    >>> diagonal[0] = np.eye(2)
    >>> plug_cubes(diagonal)[0]
    array([[1, 1],
           [0, 1]], dtype=uint8)
    """
    from napari_nx46.core.cleanup.cubes.compiled_cubes import plug_planes

    require_at_least_zero(passes=passes)
    if plugging is CubePlugging.RASTER:
        return plug_cubes_in_raster_order(mask, passes, workers=workers)
    plugged, table = checked_mask(mask).copy(), plug_table().copy()
    if plugged.size == 0 or plugging is CubePlugging.OFF:
        return plugged
    threads, depth = workers or Workers(1), len(plugged)
    tiles = tiles_of(depth, depth if plugged.size <= INLINE_VOXELS else PLANES_PER_TILE)
    out = np.empty_like(plugged)

    def plug(tile: slice) -> int:
        return plug_planes(plugged, table, tile.start, tile.stop, out)

    for _ in range(passes):
        added = sum(threads.map(plug, tiles))
        plugged, out = out, plugged
        if not added:
            break
    return plugged


def plug_cubes_in_raster_order(
    mask: Mask, passes: int = 2, *, workers: Workers | None = None
) -> Mask:
    """Plug cubes as the first-place solution does, bit by bit.

    Its table differs from the rule's for 17 codes, and each cube is plugged with those before it,
    in raster order of their first voxels, in place. Only cubes whose first voxel is foreground in
    `mask`, or touches it (26), are looked at. The result depends on that order: turned or cut, a
    mask is plugged otherwise. `plug_cubes` does the same without depending on it.

    Reach: the whole fragment.

    Parameters
    ----------
    mask : (Z, Y, X) array of uint8, {0, 1}
    passes : int
        The solution's is 2.
    workers : Workers, optional
        Threads to find the cubes with.

    Returns
    -------
    (Z, Y, X) array of uint8, {0, 1}
        At least the mask itself, in a new array.

    Raises
    ------
    ValueError
        If the mask is no (Z, Y, X) uint8 array, or `passes` is below 0.
    """
    from napari_nx46.core.cleanup.cubes.compiled_cubes import plug_in_place

    require_at_least_zero(passes=passes)
    plugged, table = checked_mask(mask).copy(), first_place_table().copy()
    near = dilate_by_cube(plugged, 1, workers=workers)
    for _ in range(passes):
        if not plug_in_place(near, plugged, table):
            break
    return plugged
