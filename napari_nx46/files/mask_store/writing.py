"""A whole mask, written slab by slab as an OME-Zarr image."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np

from napari_nx46.files.atomic import WriteError, flush_folder
from napari_nx46.files.mask_store.chunks import ChunkFiles, ChunkHash, place_file
from napari_nx46.files.mask_store.layout import PROGRAM, StoreLayout
from napari_nx46.files.regular import open_regular
from napari_nx46.voxels.blocks import Mask
from napari_nx46.voxels.workers import CancelCheck, Cancelled, never

__all__ = ["check_image", "is_mask_store", "replace_folder", "write_mask_store", "write_metadata"]

_MOST_METADATA_BYTES = 1 << 20


def write_mask_store(
    folder: Path,
    staging: Path,
    layout: StoreLayout,
    slabs: Iterable[Mask],
    *,
    nx46: Mapping[str, object] | None = None,
    cancelled: CancelCheck = never,
) -> tuple[ChunkHash, ...]:
    """Write a mask with all its levels into a new folder, and check what was written.

    Parameters
    ----------
    folder : Path
        To be made; its name can be changed afterwards.
    staging : Path
        A folder on the same disk for chunks that are not complete yet.
    layout : StoreLayout
    slabs : iterable of (n, Y, X) array of uint8, {0, 1}
        All slices in ascending z.
    nx46 : mapping, optional
        See `StoreLayout.metadata`.
    cancelled : callable
        Asked between slabs and chunks.

    Returns
    -------
    tuple of ChunkHash
        Of all chunks that have foreground, level after level in raster order.

    Raises
    ------
    WriteError
        If it cannot be written, or does not read back as it was written.
    ValueError
        If the slabs are not those of the layout's shape.
    Cancelled
        If `cancelled` returned True.
    """
    folder.mkdir()
    files = ChunkFiles(layout, folder, staging)
    write_metadata(files, nx46)
    written = sorted(_finest(files, slabs, cancelled), key=lambda chunk: chunk.index)
    for level in range(1, len(layout.shapes)):
        for index in layout.indices(level):
            _stop_if(cancelled)
            chunk = files.make_coarser(level, index)
            if chunk is not None:
                written.append(chunk)
    check_image(files, written)
    return tuple(written)


def write_metadata(files: ChunkFiles, nx46: Mapping[str, object] | None = None) -> None:
    """Write the files of an image that are no chunks.

    Raises
    ------
    WriteError
        If one cannot be written.
    """
    for name, content in files.layout.metadata(nx46).items():
        place_file(files.root / name, content, files.staging)


def check_image(
    files: ChunkFiles, written: Iterable[ChunkHash], cancelled: CancelCheck = never
) -> None:
    """Check that chunks on the disk are what was written, and that the image can be opened.

    Parameters
    ----------
    files : ChunkFiles
    written : iterable of ChunkHash
        What is to be there.
    cancelled : callable
        Asked between chunks.

    Raises
    ------
    WriteError
        If a chunk is missing or holds something else, or the image cannot be opened.
    Cancelled
        If `cancelled` returned True.
    """
    found = False
    for chunk in written:
        _stop_if(cancelled)
        found = True
        if files.hash_of(chunk.level, chunk.index) != chunk:
            key = files.layout.key(chunk.level, chunk.index)
            raise WriteError(files.root / key, "it does not read back as it was written")
    if found:
        _check_opens(files)


def is_mask_store(folder: Path) -> bool:
    """Return whether a folder is the image of a mask that this program wrote."""
    try:
        with open_regular(folder / "metadata.json") as stream:
            found = json.loads(stream.read(_MOST_METADATA_BYTES))
    except (OSError, ValueError):
        return False
    return isinstance(found, dict) and found.get("model") == PROGRAM


def replace_folder(folder: Path, target: Path) -> None:
    """Give a complete folder its name; one that has the name is replaced.

    Parameters
    ----------
    folder : Path
        On the target's disk.
    target : Path

    Raises
    ------
    WriteError
        If it cannot be renamed; what was there keeps its name.
    """
    aside = None
    try:
        if target.exists():
            aside = target.with_name(f".{target.name}.{os.urandom(4).hex()}.old")
            os.replace(target, aside)
        try:
            os.replace(folder, target)
        except OSError:
            if aside is not None:
                os.replace(aside, target)
            raise
    except OSError as error:
        raise WriteError(target, error.strerror or str(error), error.errno) from error
    flush_folder(target.parent)
    if aside is not None:
        shutil.rmtree(aside, ignore_errors=True)


def _finest(files: ChunkFiles, slabs: Iterable[Mask], cancelled: CancelCheck) -> list[ChunkHash]:
    """Write level 0, a layer of chunks at a time."""
    depth, height, width = files.layout.shape
    side, done = files.layout.chunk, 0
    written: list[ChunkHash] = []
    layer = np.zeros((min(side, depth), height, width), np.uint8)
    for slab in slabs:
        _stop_if(cancelled)
        if slab.shape[1:] != (height, width) or done + len(slab) > depth:
            raise ValueError(
                f"found slices of shape {slab.shape} from {done} on, expected {files.layout.shape}"
            )
        taken = 0
        while taken < len(slab):
            place = done % side
            part = slab[taken : taken + min(side - place, len(slab) - taken)]
            np.multiply(part, files.layout.value, out=layer[place : place + len(part)])
            taken, done = taken + len(part), done + len(part)
            if done % side == 0 or done == depth:
                first = (done - 1) // side * side
                written += files.write_block(0, (first, 0, 0), layer[: done - first])
    if done != depth:
        raise ValueError(f"found {done} slices, expected {depth}")
    return written


def _check_opens(files: ChunkFiles) -> None:
    """Check that the image opens with the shape that it is to have."""
    from napari_nx46.files.volumes.opening import VolumeError, open_volume
    from napari_nx46.files.volumes.roles import Role

    try:
        volume = open_volume(files.root, role=Role.IMAGE)
    except VolumeError as error:
        raise WriteError(files.root, f"it cannot be opened ({error.detail})") from error
    if volume.shape != files.layout.shape:
        raise WriteError(files.root, f"it opens with the shape {volume.shape}")


def _stop_if(cancelled: CancelCheck) -> None:
    if cancelled():
        raise Cancelled
