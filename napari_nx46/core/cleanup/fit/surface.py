"""A sheet of one height over a plane, fitted to the voxels of a component."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from napari_nx46.voxels.blocks import Block, Mask, within

__all__ = ["FEWEST_VOXELS", "FittedSheet", "fit_sheet"]

FEWEST_VOXELS = 10
"""Components of fewer voxels are their own sheet."""

MOST_SAMPLES = 5000
"""Voxels that the height is interpolated from."""

PADDING = 0.05
"""Of the extent of a component, by which the grid goes beyond it."""

LARGEST_GRID = 150
FLAT = 0.05
"""Components whose third singular value is below this share of the first are not smoothed."""

SMOOTHING = 1.0
SAMPLES_ALONG_EDGE = 8
CLEARED = 5
"""Voxels at the faces of the volume where there is no fitted sheet."""

Points = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class FittedSheet:
    """A sheet, and the box of the volume that it lies in.

    Parameters
    ----------
    box : Block
    voxels : (Z, Y, X) array of bool
        Of the box's shape.
    """

    box: Block
    voxels: npt.NDArray[np.bool_]

    def on(self, block: Block) -> npt.NDArray[np.bool_]:
        """Return the part of it that lies within another box."""
        out = np.zeros([part.stop - part.start for part in block], np.bool_)
        shared = [
            slice(max(own.start, part.start), min(own.stop, part.stop))
            for own, part in zip(self.box, block, strict=True)
        ]
        if all(part.start < part.stop for part in shared):
            z, y, x = shared
            out[within((z, y, x), block)] = self.voxels[within((z, y, x), self.box)]
        return out


def fit_sheet(
    component: Mask | npt.NDArray[np.bool_], box: Block, shape: tuple[int, int, int], grid: int
) -> FittedSheet:
    """Fit a sheet to a component.

    1. The principal axes of its voxels are two directions within the sheet and its normal.
    2. The height along the normal is interpolated (`scipy.interpolate.griddata`, linear, nearest
       where that is not defined) from at most 5000 of its voxels, drawn at random by a seed that
       follows from its first voxel, on a grid over its extent and 5 % more: of 30, 50 or 70 points
       a side below 500, 2000 and 5000 voxels, of `grid` below 15,000 and 20 more beyond, at most
       150 and, but for that, `grid`.
    3. The heights are smoothed by a median of 3 x 3 and, unless the component is flat, a Gaussian.
    4. Points farther from every voxel than two steps of the grid go if they are connected to the
       grid's edge by others that are.
    5. Each square of the grid that is left is sampled 8 x 8 times; the samples' voxels, without 5
       at the faces of the volume, are dilated once by 18 neighbours, and each slice is filled.

    Parameters
    ----------
    component : (Z, Y, X) array
        What is not 0 is the component, at least one voxel.
    box : Block
        Where it lies in the volume.
    shape : tuple of int
        Voxels of the volume along z, y and x.
    grid : int

    Returns
    -------
    FittedSheet
    """
    from scipy.ndimage import binary_dilation, binary_fill_holes, generate_binary_structure

    start = np.array([part.start for part in box])
    voxels = np.argwhere(component) + start
    if len(voxels) < FEWEST_VOXELS:
        return FittedSheet(box, np.asarray(component) != 0)
    points = _sampled(_surface_points(voxels, _side(len(voxels), grid), shape))
    rounded = np.round(points).astype(np.int64)
    highest = np.array(shape) - CLEARED
    rounded = rounded[((rounded >= CLEARED) & (rounded < highest)).all(axis=1)]
    if not len(rounded):
        return FittedSheet(box, np.zeros(component.shape, np.bool_))
    low = np.maximum(rounded.min(axis=0) - 1, 0)
    high = np.minimum(rounded.max(axis=0) + 2, shape)
    sheet = np.zeros(high - low, np.bool_)
    sheet[tuple((rounded - low).T)] = True
    sheet = binary_dilation(sheet, generate_binary_structure(3, 2))
    for plane in sheet:
        plane[...] = binary_fill_holes(plane)
    z, y, x = (slice(int(first), int(last)) for first, last in zip(low, high, strict=True))
    return FittedSheet((z, y, x), sheet)


def _side(voxels: int, grid: int) -> int:
    """Return the points along a side of the grid for so many voxels."""
    for fewer, side in ((500, 30), (2000, 50), (5000, 70), (15_000, grid)):
        if voxels < fewer:
            return min(side, grid)
    return min(LARGEST_GRID, grid + 20)


def _surface_points(
    voxels: npt.NDArray[np.int64], side: int, shape: tuple[int, int, int]
) -> Points:
    """Return the points of the grid, (side, side, 3); NaN where the sheet does not go."""
    from scipy.ndimage import gaussian_filter, label, median_filter
    from scipy.spatial import cKDTree

    middle = voxels.mean(axis=0)
    _, strengths, axes = np.linalg.svd(voxels - middle, full_matrices=False)
    flat = (voxels - middle) @ axes[:2].T
    heights = (voxels - middle) @ axes[2]
    lowest, highest = flat.min(axis=0), flat.max(axis=0)
    extent = highest - lowest
    along = [
        np.linspace(low - PADDING * length, high + PADDING * length, side)
        for low, high, length in zip(lowest, highest, extent, strict=True)
    ]
    grid_u, grid_v = np.meshgrid(*along, indexing="ij")
    height = _interpolated(flat, heights, (grid_u, grid_v), _chosen(voxels, shape))
    height = median_filter(height, size=3)
    if strengths[2] >= FLAT * strengths[0]:
        height = gaussian_filter(height, SMOOTHING)
    places = np.stack([grid_u.ravel(), grid_v.ravel()], axis=1)
    distance = np.reshape(cKDTree(flat).query(places)[0], (side, side))
    far, _ = label(distance > extent.sum() / side)
    edges = np.concatenate([far[0], far[-1], far[:, 0], far[:, -1]])
    height[np.isin(far, np.unique(edges[edges > 0]))] = np.nan
    points: Points = (
        middle
        + grid_u[..., None] * axes[0]
        + grid_v[..., None] * axes[1]
        + height[..., None] * axes[2]
    )
    return points


def _chosen(
    voxels: npt.NDArray[np.int64], shape: tuple[int, int, int]
) -> npt.NDArray[np.intp] | slice:
    """Return which voxels the height is interpolated from; the first one is the seed."""
    if len(voxels) <= MOST_SAMPLES:
        return slice(None)
    seed = int(np.ravel_multi_index(tuple(voxels[0]), shape))
    return np.random.default_rng(seed).choice(len(voxels), MOST_SAMPLES, replace=False)


def _interpolated(
    flat: Points, heights: Points, grid: tuple[Points, Points], chosen: Any
) -> Points:
    from scipy.interpolate import griddata
    from scipy.spatial import QhullError
    from threadpoolctl import threadpool_limits

    nearest: Points = griddata(flat[chosen], heights[chosen], grid, method="nearest")
    try:
        # SciPy solves a tiny system for each triangle, for which threads of BLAS wait for each
        # other: a hundred times as long.
        with threadpool_limits(1, user_api="blas"):
            linear: Points = griddata(flat[chosen], heights[chosen], grid, method="linear")
    except QhullError:  # all on one line
        return nearest
    return np.where(np.isnan(linear), nearest, linear)


def _sampled(points: Points) -> Points:
    """Return the samples of all squares whose corners are there, (n, 3)."""
    steps = np.arange(SAMPLES_ALONG_EDGE) / (SAMPLES_ALONG_EDGE - 1)
    u, v = (one[:, :, None, None] for one in np.meshgrid(steps, steps, indexing="ij"))
    corners = [points[:-1, :-1], points[1:, :-1], points[:-1, 1:], points[1:, 1:]]
    is_there = ~np.any([np.isnan(corner[..., 0]) for corner in corners], axis=0)
    first, second, third, fourth = (corner[is_there] for corner in corners)
    samples: Points = (
        (1 - u) * (1 - v) * first + u * (1 - v) * second + (1 - u) * v * third + u * v * fourth
    )
    return samples.reshape(-1, 3)
