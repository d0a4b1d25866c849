"""Masks of fragments as OME-Zarr images instead of TIFF files."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np

from napari_nx46.files.atomic import never
from napari_nx46.files.mask_store.layout import StoreLayout
from napari_nx46.files.mask_store.writing import write_mask_store
from napari_nx46.files.submission.mask_tiff import MaskValues
from napari_nx46.files.submission.writing import MaskStream, Member, Progress, Tally, watched
from napari_nx46.files.volumes.placement import Placement
from napari_nx46.voxels.workers import CancelCheck

__all__ = ["write_mask_image"]


def write_mask_image(
    folder: Path,
    stream: MaskStream,
    placement: Placement | None,
    *,
    profile: MaskValues = MaskValues.KAGGLE,
    progress: Progress | None = None,
    cancelled: CancelCheck = never,
) -> Member:
    """Stream one mask into a new OME-Zarr image, and check what was written.

    Parameters
    ----------
    folder : Path
        To be made.
    stream : MaskStream
    placement : Placement, optional
        Size and place of the voxels.
    profile : MaskValues
        The values written: {0, 1}, with the majority of eight voxels in the coarser levels, or
        {0, 255}, with their mean.
    progress, cancelled
        As for `write_archive`.

    Returns
    -------
    Member
        Its ``member_sha256`` is that of the names and hashes of all chunks.

    Raises
    ------
    MaskError, Cancelled, WriteError
        As for `write_archive`.
    """
    layout = StoreLayout(
        stream.shape, profile.foreground, placement=placement, name=stream.image_id
    )
    staging = folder.with_name(f"{folder.name}.chunks")
    staging.mkdir()
    tally = Tally()
    slabs = watched(stream, tally, progress, cancelled)
    chunks = write_mask_store(folder, staging, layout, slabs, cancelled=cancelled)
    digest = hashlib.sha256()
    for chunk in chunks:
        digest.update(f"{layout.key(chunk.level, chunk.index)} {chunk.sha256}\n".encode())
    return Member(
        image_id=stream.image_id,
        name=folder.name,
        shape=stream.shape,
        density=tally.foreground / int(np.prod(stream.shape, dtype=np.int64)),
        mask_sha256=tally.hash.hexdigest(),
        member_sha256=digest.hexdigest(),
        size=sum(chunk.size for chunk in chunks),
    )
