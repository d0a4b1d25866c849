"""The regions of missed surface: corners far from the other surface, and the area they cost."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from napari_nx46.leaderboard.components import first_runs, runs_of
from napari_nx46.leaderboard.errors.runs import first_voxels
from napari_nx46.leaderboard.surface_areas import area_of_code
from napari_nx46.leaderboard.surface_dice import Spacing, SurfaceComparison, dice_of
from napari_nx46.voxels.spans import Components, components_of

__all__ = ["SurfaceRegions", "find_regions"]

Ints = npt.NDArray[np.int32]
Floats = npt.NDArray[np.float64]
Counts = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class SurfaceRegions:
    """Patches of surface that are farther than the tolerance from the other mask's surface.

    A region is 26-connected on the grid of corners: corner (z, y, x) lies between the voxels
    z - 1 and z, y - 1 and y, x - 1 and x.

    Parameters
    ----------
    value : float
        SurfaceDice.
    areas : tuple of float
        Of the whole surfaces of prediction and label, in the unit of the spacing squared.
    side : ndarray of uint8
        (N,): 0 for a region of the prediction's surface, 1 for one of the label's.
    corner : ndarray of int32
        (N, 3): the first corner in raster order.
    corners : ndarray of int64
        (N,): how many there are.
    area : ndarray of float64
        (N,): of the surface around them.
    components : tuple of Components
        The corners of prediction and label by region; the label's regions come after the
        prediction's.
    """

    value: float
    areas: tuple[float, float]
    side: npt.NDArray[np.uint8]
    corner: Ints
    corners: npt.NDArray[np.int64]
    area: Floats
    components: tuple[Components, Components]

    def shares(self, weight: float) -> Floats:
        """Return the points that each region costs, (N,); they sum to ``weight * (1 - value)``."""
        shares: Floats = weight * self.area / max(sum(self.areas), np.finfo(float).tiny)
        return shares


def find_regions(surface: SurfaceComparison, spacing: Spacing) -> SurfaceRegions:
    """Find the regions of missed surface.

    If exactly one mask is empty, the whole surface of the other one is one region.

    Parameters
    ----------
    surface : SurfaceComparison
    spacing : tuple of float
        Edge lengths of a voxel along (Z, Y, X).

    Returns
    -------
    SurfaceRegions
    """
    is_empty = [not of_side.corners.any() for of_side in surface.surfaces]
    of_sides = [_components(surface, side, is_empty[0] != is_empty[1]) for side in (0, 1)]
    parts = [_regions(surface, side, of_sides[side], spacing) for side in (0, 1)]
    value, areas = dice_of(surface, [codes for codes, _ in parts], spacing)
    corner, corners, area = (
        np.concatenate(columns) for columns in zip(*(regions for _, regions in parts), strict=True)
    )
    counts = [of_side.count for of_side in of_sides]
    side = np.repeat(np.array([0, 1], np.uint8), counts)
    return SurfaceRegions(value, areas, side, corner, corners, area, (of_sides[0], of_sides[1]))


def _components(surface: SurfaceComparison, side: int, is_whole: bool) -> Components:
    """Return the regions of a side as components of its corners."""
    columns = surface.columns
    components = components_of(runs_of(surface.missed[side], columns), 26)
    if is_whole and components.count:
        return Components(components.runs, np.zeros_like(components.component), 1)
    return components


def _regions(
    surface: SurfaceComparison, side: int, components: Components, spacing: Spacing
) -> tuple[Counts, tuple[Ints, Counts, Floats]]:
    """Return the missed corners of each code, and the regions of a side.

    These are first corner, number of corners and area of each.
    """
    from napari_nx46.leaderboard.kernels.surface import add_areas

    runs = components.runs
    corner = first_voxels(runs, first_runs(components))
    codes = np.zeros(256, np.int64)
    area = np.zeros(components.count, np.float64)
    around = surface.surfaces[side]
    add_areas(
        around.low,
        around.high,
        runs.row_starts,
        runs.first,
        runs.stop,
        components.component,
        area_of_code(spacing),
        codes,
        area,
    )
    return codes, (corner, components.sizes(), area)
