"""The surface of a mask as triangles, coarse enough to be turned in 3D without a graphics card."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from napari_nx46.voxels.blocks import FloatVolume, Mask
from napari_nx46.voxels.spans import Components, Labels, checked_mask, find_components
from napari_nx46.voxels.workers import CancelCheck, Cancelled, Workers, never

__all__ = ["MOST_FACES", "SurfaceMesh", "surface_of"]

MOST_FACES = 100_000
"""As many triangles as a software renderer draws more than ten times a second."""

CELLS = (1, 2, 3, 4, 5, 6, 8, 10, 12, 16, 20, 24, 32, 48, 64, 96, 128)
"""Edges of the cells that may be taken, in voxels."""

SMOOTHING = 0.7
"""Standard deviation of the smoothing, in cells."""

LOWEST_LEVEL, HIGHEST_LEVEL = 0.1, 0.5
"""Between these shares of a cell lies what counts as inside."""

SURE_SHARE = 0.8
"""Of the cell's edge that is expected to be long enough: cells between are not to be missed."""

LARGE = 8
"""Times the vertices that there may be: single voxels are too small then."""

FACES_PER_VERTEX = 2
"""Of a closed surface of triangles."""


@dataclass(frozen=True, eq=False)
class SurfaceMesh:
    """The surface of a mask.

    Parameters
    ----------
    shape : tuple of int
        Of the mask, (Z, Y, X).
    cell : int
        Edge of the cells that the mask was averaged over, in voxels.
    vertices : (n, 3) array of float32
        z, y, x in voxels: the first voxel's centre is 0.
    faces : (m, 3) array of int32
        The vertices of each triangle.
    normals : (n, 3) array of float32
        Of length 1, pointing to where the mask is thinner.
    ranks : (n,) array of int32
        Which 26-connected component of the mask each vertex belongs to, by size: the largest is 0.
    components : int
        How many components the mask has.
    """

    shape: tuple[int, int, int]
    cell: int
    vertices: npt.NDArray[np.float32]
    faces: npt.NDArray[np.int32]
    normals: npt.NDArray[np.float32]
    ranks: npt.NDArray[np.int32]
    components: int


def surface_of(
    mask: Mask,
    *,
    most_faces: int = MOST_FACES,
    workers: Workers | None = None,
    cancelled: CancelCheck = never,
) -> SurfaceMesh:
    """Return the surface of a mask, averaged over the smallest cells that have few triangles.

    It encloses about as much of the volume as the mask: thin sheets stay sheets in large cells.

    Parameters
    ----------
    mask : (Z, Y, X) array of uint8, {0, 1}
    most_faces : int
        About so many triangles at most.
    workers : Workers, optional
    cancelled : callable
        Called between the parts of the work.

    Returns
    -------
    SurfaceMesh
        Without triangles if the mask is empty.

    Raises
    ------
    ValueError
        If the mask is no (Z, Y, X) uint8 array.
    Cancelled
        If `cancelled` returned True.

    Examples
    --------
    >>> mask = np.zeros((8, 8, 8), np.uint8)
    >>> mask[2:6, 2:6, 2:6] = 1
    >>> mesh = surface_of(mask)
    >>> mesh.components, mesh.cell, mesh.faces.shape[1]
    (1, 1, 3)
    """
    mask = checked_mask(mask)
    components = find_components(mask, 26, workers=workers)
    if components.count == 0:
        return _empty(mask.shape)
    cell, shares = _shares_of_cells(mask, most_faces, cancelled)
    _check(cancelled)
    vertices, faces, normals = _march(shares, _level(shares, float(mask.mean())))
    _check(cancelled)
    numbers = _cell_numbers(components, cell)
    ranks = components.count - _nearest_number(numbers, vertices)
    return SurfaceMesh(
        mask.shape,
        cell,
        _in_voxels(vertices, cell, mask.shape),
        faces,
        normals,
        ranks.astype(np.int32),
        components.count,
    )


def _shares_of_cells(
    mask: Mask, most_faces: int, cancelled: CancelCheck
) -> tuple[int, FloatVolume]:
    """Return the edge of the cells, and the smoothed share of the mask in each cell."""
    from scipy import ndimage

    most_vertices, density = most_faces // FACES_PER_VERTEX, float(mask.mean())
    cell = 1
    if _crossings(mask, HIGHEST_LEVEL) > LARGE * most_vertices:
        cell = 2  # smoothing alone makes none so small
    while True:
        _check(cancelled)
        smooth: FloatVolume = ndimage.gaussian_filter(
            _means(mask, cell), SMOOTHING, mode="constant"
        )
        crossings = _crossings(np.pad(smooth, 1), _level(smooth, density))
        if crossings <= most_vertices or cell == CELLS[-1]:
            return cell, smooth
        # A surface has a quarter of the vertices in cells that are twice as long, or more of them.
        enough = SURE_SHARE * cell * (crossings / most_vertices) ** 0.5
        cell = next((one for one in CELLS if one > cell and one >= enough), CELLS[-1])


def _means(mask: Mask, cell: int) -> FloatVolume:
    """Return the share of the mask in each cell; those at the far ends may be smaller."""
    if cell == 1:
        return mask.astype(np.float32)
    means: npt.NDArray[Any] = mask
    for axis in range(3):
        parts = [
            means.take(range(start, min(start + cell, means.shape[axis])), axis)
            for start in range(0, means.shape[axis], cell)
        ]
        means = np.stack([part.mean(axis, dtype=np.float32) for part in parts], axis)
    return means


def _level(shares: FloatVolume, density: float) -> float:
    """Return the share above which as much of the volume lies as in a mask of this density."""
    level = float(np.quantile(shares, 1 - density))
    level = min(max(level, LOWEST_LEVEL), HIGHEST_LEVEL)
    return min(level, float(shares.max()) / 2)


def _crossings(shares: FloatVolume | Mask, level: float) -> int:
    """Return how many edges of the grid cross a level: each has one vertex of the surface."""
    inside = shares > level
    return sum(
        int(np.count_nonzero(inside.take(range(1, n), axis) != inside.take(range(n - 1), axis)))
        for axis, n in enumerate(inside.shape)
    )


def _march(
    shares: FloatVolume, level: float
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.int32], npt.NDArray[np.float32]]:
    """Return vertices, in cells, triangles and normals of the surface at a level."""
    from skimage.measure import marching_cubes

    # A margin closes the surface at the ends of the volume.
    vertices, faces, normals, _ = marching_cubes(np.pad(shares, 1), level)
    return (
        (vertices - 1).astype(np.float32),
        faces.astype(np.int32),
        normals.astype(np.float32),
    )


def _in_voxels(
    vertices: npt.NDArray[np.float32], cell: int, shape: tuple[int, ...]
) -> npt.NDArray[np.float32]:
    """Return vertices in voxels; none lies outside the volume."""
    centres = (vertices + 0.5) * cell - 0.5
    clipped: npt.NDArray[np.float32] = np.clip(centres, -0.5, np.array(shape) - 0.5)
    return clipped.astype(np.float32)


def _cell_numbers(components: Components, cell: int) -> Labels:
    """Return for each cell the number of the largest component in it; 0 where there is none.

    The smallest component has the number 1, the largest the count of all.
    """
    runs = components.runs
    depth, height, width = (-(-length // cell) for length in runs.shape)
    order = np.argsort(components.sizes(), kind="stable")
    number_of = np.empty(components.count, np.int32)
    number_of[order] = np.arange(1, components.count + 1)
    numbers = number_of[components.component]
    z, y = np.divmod(runs.rows(), runs.shape[1])
    row = (z // cell) * height + y // cell
    grid = np.zeros(depth * height * width, np.int32)
    first, last = runs.first // cell, (runs.stop - 1) // cell
    for step in range(int((last - first).max(initial=-1)) + 1):
        there = np.flatnonzero(first + step <= last)
        np.maximum.at(grid, row[there] * width + first[there] + step, numbers[there])
    return grid.reshape(depth, height, width)


def _nearest_number(numbers: Labels, vertices: npt.NDArray[np.float32]) -> Labels:
    """Return the number of the cell that each vertex is in, or else of a neighbour."""
    from scipy import ndimage

    place = np.clip(np.rint(vertices).astype(int), 0, np.array(numbers.shape) - 1)
    around = ndimage.maximum_filter(numbers, 3, mode="constant")
    for _ in range(2):
        around = np.where(around > 0, around, ndimage.maximum_filter(around, 3, mode="constant"))
    z, y, x = place.T
    found: Labels = np.where(numbers[z, y, x] > 0, numbers[z, y, x], around[z, y, x])
    return np.maximum(found, 1)


def _empty(shape: tuple[int, int, int]) -> SurfaceMesh:
    vertices = np.empty((0, 3), np.float32)
    return SurfaceMesh(
        shape, 1, vertices, np.empty((0, 3), np.int32), vertices, np.empty(0, np.int32), 0
    )


def _check(cancelled: CancelCheck) -> None:
    if cancelled():
        raise Cancelled
