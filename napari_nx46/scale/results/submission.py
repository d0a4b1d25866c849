"""The mask of an image that is small enough, as a submission archive."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from napari_nx46.files.mask_store.chunks import ChunkFiles
from napari_nx46.files.submission.writing import ArchiveResult, MaskStream, write_archive
from napari_nx46.scale.plan.errors import ApplyError
from napari_nx46.scale.plan.plan import ApplyPlan
from napari_nx46.voxels.blocks import Mask
from napari_nx46.voxels.workers import CancelCheck, never

__all__ = ["MOST_VOXELS", "write_submission"]

MOST_VOXELS = 1 << 31


def write_submission(
    plan: ApplyPlan, archive: Path, cancelled: CancelCheck = never
) -> ArchiveResult:
    """Write the mask of a complete image into an archive, named as the image is.

    Parameters
    ----------
    plan : ApplyPlan
    archive : Path
        ``FILE.zip``; a validated one replaces it.
    cancelled : callable
        Asked between slices.

    Raises
    ------
    ApplyError
        If the mask has more voxels than a TIFF of an archive should.
    SubmissionError, WriteError, Cancelled
        As for `write_archive`.
    """
    if math.prod(plan.shape) > MOST_VOXELS:
        raise ApplyError(
            f"--submission: found a mask of shape {plan.shape}, expected at most {MOST_VOXELS} "
            "voxels; the image is written"
        )
    stream = MaskStream(plan.out.stem, plan.shape, lambda: _slabs(plan))
    return write_archive(archive, [stream], cancelled=cancelled)


def _slabs(plan: ApplyPlan) -> Iterator[Mask]:
    """Yield the mask a layer of chunks at a time."""
    files = ChunkFiles(plan.layout, plan.out, plan.out)
    depth, rows, columns = files.layout.grid(0)
    side = files.layout.chunk
    _, height, width = plan.shape
    for z in range(depth):
        extent = files.layout.block(0, (z, 0, 0))[0]
        layer = np.zeros((extent.stop - extent.start, height, width), np.uint8)
        for y in range(rows):
            for x in range(columns):
                place = (slice(None), slice(y * side, None), slice(x * side, None))
                chunk = files.read(0, (z, y, x))
                layer[place][:, : chunk.shape[1], : chunk.shape[2]] = chunk != 0
        yield layer
