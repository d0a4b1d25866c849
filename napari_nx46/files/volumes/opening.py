"""Opening one file or folder as a lazy (Z, Y, X) volume.

Formats: multi-page TIFF, ``.npy``, nnU-Net ``.npz``, Zarr v2 / v3 and OME-Zarr. Opening reads
headers; voxels are read, and checked, when they are asked for.

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

from napari_nx46.files.volumes.channels import Channels
from napari_nx46.files.volumes.file_volume import FileVolume
from napari_nx46.files.volumes.logits import open_channel
from napari_nx46.files.volumes.notes import VolumeWarning
from napari_nx46.files.volumes.origin import Origin, VolumeError
from napari_nx46.files.volumes.paths import (
    VOLUME_SUFFIXES,
    image_id_of,
    is_volume_folder,
    is_zarr_folder,
    slices_of,
    volume_suffix,
)
from napari_nx46.files.volumes.reading import Logits, ReadAs
from napari_nx46.files.volumes.roles import LogitsError, Role
from napari_nx46.files.volumes.slices import note_on_slices
from napari_nx46.files.volumes.stamps import Stamps
from napari_nx46.files.volumes.volume import Volume

__all__ = [
    "VOLUME_SUFFIXES",
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
) -> FileVolume:
    """Open a file, or a Zarr folder, as a volume; only headers are read.

    Parameters
    ----------
    path : str or path-like
        A local file, Zarr folder, or folder of slices; the ending of a file says its format.
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

    Returns
    -------
    FileVolume
        The lazy volume.

    Raises
    ------
    VolumeError
        If there is no such file, or if it is not a sound volume of a format and type that the
        role allows.
    """
    origin, role = Origin(Path(path), image_id), Role(role)
    stamps = Stamps(origin)
    slices = slices_of(origin.path) if origin.path.is_dir() else ()
    channels = _open_channels(origin, stamps, slices)
    if role is not Role.PROBABILITY and channel is None:
        channels.check_single(origin, role)
    number = channels.number(origin, channel)
    kind = None if logits is None or role is not Role.PROBABILITY else Logits(logits)
    source = open_channel(origin, channels, number, kind)
    read_as = ReadAs(None if channels.count is None else number, kind)
    note = channels.note(origin, channel) or (note_on_slices(slices) if slices else None)
    return FileVolume(
        origin, role, source, channels.count, read_as, note, channels.placement, stamps, slices
    )


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


def _open_channels(origin: Origin, stamps: Stamps, slices: tuple[Path, ...]) -> Channels:
    """Open the channels of a file by its format. The readers are imported when they are needed."""
    path = origin.path
    if slices:
        from napari_nx46.files.volumes.stack_reader import open_stack

        return open_stack(origin, slices, stamps)
    if path.is_dir():
        from napari_nx46.files.volumes.zarr.reader import open_zarr

        if not is_zarr_folder(path):
            raise origin.error(
                "a folder that has neither Zarr metadata nor the slices of one volume",
                "a Zarr array, an OME-Zarr image, or 2D slices whose names differ in one number",
            )
        return open_zarr(origin, stamps)
    stamps.note(path)
    if not path.exists():
        raise origin.error("nothing at this path", "a file or a Zarr folder")
    suffix = volume_suffix(path.name)
    if suffix in (".ome.tiff", ".ome.tif", ".tiff", ".tif"):
        from napari_nx46.files.volumes.tiff.reader import open_tiff

        return open_tiff(origin)
    if suffix == ".npy":
        from napari_nx46.files.volumes.numpy_reader import open_npy

        return open_npy(origin)
    if suffix == ".npz":
        from napari_nx46.files.volumes.numpy_reader import open_npz

        return open_npz(origin)
    raise origin.error(
        "a file that is not of a known format", "a name that ends in " + ", ".join(VOLUME_SUFFIXES)
    )
