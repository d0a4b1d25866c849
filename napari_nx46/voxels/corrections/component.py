"""A component of a mask as corrections: all of its voxels are to stay, or to go."""

from __future__ import annotations

import numpy as np

from napari_nx46.voxels.blocks import Mask
from napari_nx46.voxels.corrections.corrections import Corrections
from napari_nx46.voxels.corrections.runs import SliceRuns
from napari_nx46.voxels.spans import find_components
from napari_nx46.voxels.workers import Workers

__all__ = ["component_at"]

CONNECTIVITY = 26


def component_at(
    mask: Mask, voxel: tuple[int, int, int], value: int, *, workers: Workers | None = None
) -> Corrections:
    """Return corrections of the component that a voxel belongs to.

    Parameters
    ----------
    mask : (Z, Y, X) array of uint8, {0, 1}
        Of the whole fragment; voxels that share a corner are connected.
    voxel : tuple of int
        Along z, y and x, within the mask.
    value : int
        1 to keep the component whatever the setting, 2 to remove it.
    workers : Workers, optional

    Returns
    -------
    Corrections
        None where the voxel is background.
    """
    depth, height, width = mask.shape
    z, y, x = voxel
    if not mask[z, y, x]:
        return Corrections.none((depth, height, width))
    components = find_components(mask, CONNECTIVITY, workers=workers)
    runs = components.runs
    begin, end = runs.row_starts[z * height + y : z * height + y + 2]
    place = begin + np.searchsorted(runs.first[begin:end], x, side="right") - 1
    chosen = np.flatnonzero(components.component == components.component[place])
    slices, rows = np.divmod(runs.rows()[chosen], height)
    starts = rows * width + runs.first[chosen]
    stops = rows * width + runs.stop[chosen]
    at, firsts = np.unique(slices, return_index=True)
    lasts = [*firsts.tolist(), len(slices)][1:]
    return Corrections.of_runs(
        (depth, height, width),
        {
            z: SliceRuns(
                width,
                starts[first:last],
                stops[first:last],
                np.full(last - first, value, np.uint8),
            )
            for z, first, last in zip(at.tolist(), firsts.tolist(), lasts, strict=True)
        },
    )
