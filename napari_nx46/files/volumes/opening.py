"""Opening one file, folder or store as a lazy (Z, Y, X) volume.

Formats: multi-page TIFF, ``.npy``, nnU-Net ``.npz``, Zarr v2 / v3 and OME-Zarr, these also zipped
and on servers, HDF5, NIfTI, MetaImage and NRRD. Opening reads headers; voxels are
read, and checked, when they are asked for.

Examples
--------
>>> from napari_nx46.files.volumes.opening import open_volume
>>> volume = open_volume("data/p3d/1407735.tif")  # doctest: +SKIP
>>> volume[160]  # reads one slice  # doctest: +SKIP
"""

from __future__ import annotations

import os
from functools import partial
from pathlib import Path

import numpy as np

from napari_nx46.files.naming import printable
from napari_nx46.files.stores.access import Access
from napari_nx46.files.stores.address import AddressError, is_remote, local_path, remote_keys
from napari_nx46.files.volumes.channels import Channels
from napari_nx46.files.volumes.file_volume import FileVolume
from napari_nx46.files.volumes.formats import open_channels
from napari_nx46.files.volumes.logits import open_channel
from napari_nx46.files.volumes.notes import VolumeWarning
from napari_nx46.files.volumes.origin import AnyOrigin, ArrayOrigin, Origin, VolumeError
from napari_nx46.files.volumes.paths import (
    VOLUME_SUFFIXES,
    image_id_of,
    is_volume_folder,
    slices_of,
    volume_suffix,
)
from napari_nx46.files.volumes.reader import VolumeReader
from napari_nx46.files.volumes.reading import Logits, ReadAs
from napari_nx46.files.volumes.roles import LogitsError, Role
from napari_nx46.files.volumes.slices import note_on_slices
from napari_nx46.files.volumes.stamps import Stamps
from napari_nx46.files.volumes.store_volume import StoreVolume
from napari_nx46.files.volumes.volume import Volume

__all__ = [
    "VOLUME_SUFFIXES",
    "Access",
    "Logits",
    "LogitsError",
    "ReadAs",
    "Role",
    "Volume",
    "VolumeError",
    "VolumeWarning",
    "image_id_of",
    "is_volume_folder",
    "open_volume",
    "volume_suffix",
    "write_volume",
]


def open_volume(
    path: str | os.PathLike[str],
    *,
    role: Role = Role.PROBABILITY,
    channel: int | None = None,
    logits: Logits | None = None,
    image_id: str | None = None,
    level: str | None = None,
    access: Access | None = None,
) -> Volume:
    """Open a file or a store as a volume; only headers, or metadata, are read.

    Parameters
    ----------
    path : str or path-like
        A local file, Zarr folder, zipped Zarr folder, or folder of slices, whose ending says its
        format; or the URL of a Zarr store: ``file://``, ``http://``, ``https://`` or ``s3://``.
    role : Role, optional
        What the voxels stand for.
    channel : int, optional
        Which channel to read of a file that has several; negative ones count from the last,
        which is the default, with a `VolumeWarning` where there are more than two.
    logits : Logits, optional
        How the values become probabilities, if they are logits. Without effect but on the role
        of probabilities.
    image_id : str, optional
        The fragment, for messages.
    level : str, optional
        Path of an array in a Zarr store, such as that of a coarse resolution; by default the full
        resolution.
    access : Access, optional
        How stores on the net are reached, and how much is kept of chunks.

    Returns
    -------
    Volume
        The lazy volume.

    Raises
    ------
    VolumeError
        If there is no such file or store, or if it is not a sound volume of a format and type that
        the role allows.
    """
    role, access = Role(role), access or Access()
    try:
        far = is_remote(path)
        origin = ArrayOrigin(str(path), image_id) if far else Origin(local_path(path), image_id)
    except AddressError as error:
        raise VolumeError(str(error)) from error
    if isinstance(origin, Origin):
        return _open_file(origin, role, channel, logits, level, access)
    from napari_nx46.files.volumes.zarr.reader import open_zarr

    try:
        keys = remote_keys(origin.name, access)
    except AddressError as error:
        raise VolumeError(str(error)) from error
    channels = open_zarr(origin, keys, level, access.cache.memory)
    read_as, source = _chosen(origin, channels, role, channel, logits)
    notes = channels.all_notes(origin, channel)
    return StoreVolume(
        origin, role, source, channels.count, read_as, notes, channels.placement, channels.layout,
        level,
    )  # fmt: skip


def _open_file(
    origin: Origin,
    role: Role,
    channel: int | None,
    logits: Logits | None,
    level: str | None,
    access: Access,
) -> FileVolume:
    """Open what is on this machine."""
    stamps = Stamps(origin)
    slices = slices_of(origin.path) if origin.path.is_dir() else ()
    channels = open_channels(origin, stamps, slices, level, access.cache.memory)
    if level is not None and channels.layout is None:
        raise origin.error(f"no levels to choose {printable(level)} from", "a Zarr store")
    read_as, source = _chosen(origin, channels, role, channel, logits)
    notes = channels.all_notes(origin, channel)
    if slices and not notes and (note := note_on_slices(slices)) is not None:
        notes = (note,)
    return FileVolume(
        origin, role, source, channels.count, read_as, notes, channels.placement, channels.layout,
        level, stamps, slices, channels.beside,
    )  # fmt: skip


def _chosen(
    origin: AnyOrigin, channels: Channels, role: Role, channel: int | None, logits: Logits | None
) -> tuple[ReadAs, VolumeReader]:
    """Return what is read of some channels, and its voxels."""
    if role is not Role.PROBABILITY and channel is None:
        channels.check_single(origin, role)
    number = channels.number(origin, channel)
    kind = None if logits is None or role is not Role.PROBABILITY else Logits(logits)
    source = open_channel(origin, channels, number, kind)
    return ReadAs(None if channels.count is None else number, kind), source


def write_volume(
    path: str | os.PathLike[str], voxels: np.ndarray, *, image_id: str | None = None
) -> None:
    """Write an array as a multi-page TIFF compressed with zlib, and read it back.

    Equal arrays give equal bytes. The file is written in place: give it a name beside the target
    and rename it afterwards.

    Parameters
    ----------
    path : str or path-like
        The file; its name need not end in ``.tif``.
    voxels : numpy.ndarray
        Integers or real numbers, (Z, Y, X).
    image_id : str, optional
        The fragment, for messages.

    Raises
    ------
    OSError
        If the file cannot be written.
    VolumeError
        If it does not read back as the array.
    """
    from napari_nx46.files.volumes.tiff.reader import open_tiff, write_tiff

    origin = Origin(Path(path), image_id)
    write_tiff(origin.path, voxels)
    written = FileVolume(origin, Role.IMAGE, open_tiff(origin).source(0))
    same = written.shape == voxels.shape and written.dtype == voxels.dtype.newbyteorder("=")
    is_float = voxels.dtype.kind == "f"
    if not same or not all(map(partial(np.array_equal, equal_nan=is_float), written, voxels)):
        raise origin.error("other voxels than were written", "the same")
