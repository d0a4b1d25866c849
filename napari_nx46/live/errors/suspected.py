"""What is suspicious in a mask without a label, as a list."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from napari_nx46.core.measure.suspicions.find import KINDS, Suspicions, find_suspicions
from napari_nx46.core.measure.suspicions.unsure import UNSURE_CUBE
from napari_nx46.core.score.kernels import SUSPICION_MODULES
from napari_nx46.core.threshold.thresholds import Threshold
from napari_nx46.leaderboard import ErrorTable
from napari_nx46.live.derived.leaderboard_score import WORKERS
from napari_nx46.live.derived.mask_bits import MaskBits
from napari_nx46.live.errors.listing import Listing
from napari_nx46.voxels.blocks import Mask
from napari_nx46.voxels.workers import CancelCheck, Cancelled, Workers, tiles_of

__all__ = ["STEP", "list_suspicions", "listing_of_suspicions"]

STEP = 0.02
"""How far the neighbouring thresholds are from the mask's, in units of probability."""

_DIMENSIONS = np.array([1, 1, 0, -1, -1, 2], np.int8)
"""Of each of `KINDS`: what is drawn in one colour."""


def list_suspicions(mask: MaskBits, cancelled: CancelCheck) -> Listing:
    """Return what is suspicious in a session's mask.

    Parameters
    ----------
    mask : MaskBits
    cancelled : callable
        Asked between the parts of the work.

    Raises
    ------
    Cancelled
        If `cancelled` returned True.
    """
    from napari_nx46.voxels.compiling.build import load

    load(SUSPICION_MODULES, cancelled=cancelled)
    workers = Workers(WORKERS)
    try:
        layers = _neighbours(mask, cancelled)
        voxels = mask.mask(cancelled)
        found = find_suspicions(voxels, layers, workers=workers, cancelled=cancelled)
    finally:
        workers.close()
    return listing_of_suspicions(found)


def listing_of_suspicions(found: Suspicions) -> Listing:
    """Return suspicions as a list: nothing in it is measured in points."""
    count = len(found)
    zeros = np.zeros(count, np.uint8)
    table = ErrorTable(
        kind=found.kind,
        part=zeros,
        side=zeros,
        dimension=_DIMENSIONS[found.kind],
        octant=np.full(count, -1, np.int32),
        place=found.place,
        size=found.places.sizes(),
        share=np.zeros(count),
        gain=np.full(count, np.nan),
        row=np.arange(count),
    )
    nothing = np.zeros((0, 3), np.int32)
    return Listing(
        table,
        found.places.extents(),
        found.places.voxels_of,
        lambda _row: nothing,
        kinds=KINDS,
        parts=("suspicion",),
        sides=("prediction",),
        note_of=lambda row: _note(found, row),
    )


def _note(found: Suspicions, row: int) -> str:
    """Return why a row is suspicious, and how much."""
    figure, suspicion = float(found.figure[row]), float(found.suspicion[row])
    match KINDS[found.kind[row]]:
        case "sheet with holes":
            why = f"tunnels and cavities: {figure:,.0f}"
        case "hole":
            why = f"tunnels that it closes: {figure:,.0f}"
        case "thick sheet":
            why = f"{figure:.1f} voxels thick; median {found.shapes.median_thickness:.1f}"
        case "bridge":
            why = f"holds a part of {figure:,.0f} voxels"
        case "joined parts":
            why = f"hold a part of {figure:,.0f} voxels"
        case _:
            why = f"{suspicion:.0%} depends on ±{STEP} of the threshold"
    return f"{why} (suspicion {suspicion:.2f})"


def _neighbours(mask: MaskBits, cancelled: CancelCheck) -> Iterator[tuple[Mask, Mask]]:
    """Yield the masks by the thresholds below and above, before any clean-up, layer by layer."""
    lower = mask.threshold.lower
    thresholds = (_moved(lower, -STEP), _moved(lower, STEP))
    depth, height, width = mask.pipeline.shape
    for extent in tiles_of(depth, UNSURE_CUBE):
        if cancelled():
            raise Cancelled
        block = (extent, slice(0, height), slice(0, width))
        below, above = (
            mask.pipeline.thresholded(mask.setting, threshold, block) for threshold in thresholds
        )
        yield below, above


def _moved(threshold: Threshold, step: float) -> Threshold:
    """Return a threshold a step away, above 0: everything reaches 0."""
    values = tuple(max(value + step, value / 2) for value in threshold.values)
    return replace(threshold, values=values)
