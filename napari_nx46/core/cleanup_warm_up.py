"""Compile, or load from numba's cache, all that hysteresis and the clean-up steps need."""

from __future__ import annotations

import numpy as np

from napari_nx46.core.cleanup import STEPS, StepContext, patch_holes
from napari_nx46.core.objects import keep_linked
from napari_nx46.core.volume import Block, Mask, open_faces, whole_block
from napari_nx46.core.workers import Workers
from napari_nx46.setting import Setting

__all__ = ["warm_up_cleanup"]

EVERY_STEP = Setting(
    border=1,
    opening=True,
    closing_z=1,
    closing_xy=1,
    closing_ball=1,
    plug_tunnels=True,
    patch_holes=4,
    fill_cavities=True,
    smallest_object=3,
    stabilise_radius=1,
    sheet_gap=1,
)


def warm_up_cleanup() -> None:
    """Run hysteresis and every clean-up step once on a tiny mask, as a whole and as a block.

    Afterwards they compute at once. Takes some ten seconds the first time on a machine and about
    one afterwards. To be called off the GUI thread. Calling it again does no harm.
    """
    unjoined = _two_sheets()
    mask = _joined(unjoined)
    z, y, x = mask.shape
    shape = z + 2, y + 2, x + 2
    inside: Block = (slice(1, z + 1), slice(1, y + 1), slice(1, x + 1))
    _run_all(
        mask, StepContext(EVERY_STEP, unjoined, Workers(1), whole_block(mask.shape), (z, y, x))
    )
    _run_all(mask, StepContext(EVERY_STEP, unjoined, Workers(1), inside, shape, known=unjoined))
    patch_holes(_plate_with_a_hole(), EVERY_STEP.patch_holes)


def _run_all(mask: Mask, context: StepContext) -> None:
    high = np.zeros_like(mask)
    high[1] = mask[1]
    faces = open_faces(context.block, context.shape)
    keep_linked(mask, high, known=context.known, open_faces=faces, workers=context.workers)
    for step in STEPS:
        step.apply(mask, context)


def _plate_with_a_hole() -> Mask:
    """Return a sheet whose hole is seen from above: in the others it may lie behind a sheet."""
    mask = np.zeros((6, 16, 30), np.uint8)
    mask[2:4, 1:15, 1:29] = 1
    mask[2:4, 6:9, 10:13] = 0
    return mask


def _two_sheets() -> Mask:
    """Return two sheets, one of them with a hole, a hollow cube, and voxels on their own."""
    mask = np.zeros((10, 14, 30), np.uint8)
    mask[1:4, 1:13, 1:18] = 1
    mask[1:4, 5:8, 5:8] = 0
    mask[6:9, 1:13, 1:18] = 1
    mask[2:7, 2:7, 21:26] = 1
    mask[4, 4, 23] = 0
    mask[0, 13, 29] = mask[5, 10, 27] = 1
    return mask


def _joined(sheets: Mask) -> Mask:
    """Return the sheets with a bridge between them."""
    mask = sheets.copy()
    mask[4:6, 9:11, 9:11] = 1
    return mask
