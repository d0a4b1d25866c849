"""Which paths are volumes, by their names and by what is in a folder."""

from __future__ import annotations

import os
from pathlib import Path

from napari_nx46.files.volumes.hdf5.datasets import split_path
from napari_nx46.files.volumes.origin import Origin
from napari_nx46.files.volumes.slices import slices_in

VOLUME_SUFFIXES = (
    ".ome.tiff",
    ".ome.tif",
    ".ome.zarr",
    ".zarr.zip",
    ".tiff",
    ".tif",
    ".npy",
    ".npz",
    ".zarr",
    ".h5",
    ".hdf5",
    ".hdf",
    ".nii.gz",
    ".nii",
    ".mha",
    ".mhd",
    ".nrrd",
    ".nhdr",
)
"""Endings of files and folders that can be opened; an ending comes after any that ends with it."""

_ZARR_METADATA = ("zarr.json", ".zarray", ".zgroup")


def is_zarr_folder(path: str | os.PathLike[str]) -> bool:
    """Return whether a path is the folder of a Zarr array or group.

    Parameters
    ----------
    path : str or path-like
        Any path.

    Returns
    -------
    bool
        Whether it is a folder with Zarr metadata, or one that is named as such.
    """
    folder = Path(path)
    named = volume_suffix(folder.name).endswith(".zarr")
    return folder.is_dir() and (named or any((folder / name).is_file() for name in _ZARR_METADATA))


def is_volume_folder(path: str | os.PathLike[str]) -> bool:
    """Return whether a path is a folder that is one volume: Zarr, or slices.

    Parameters
    ----------
    path : str or path-like
        Any path.

    Returns
    -------
    bool
        Whether it can be opened as a volume, though it is a folder.

    Raises
    ------
    VolumeError
        If it is a folder of slices, some of which are missing or differ from the others.
    """
    folder = Path(path)
    return folder.is_dir() and (is_zarr_folder(folder) or bool(slices_of(folder)))


def slices_of(folder: Path) -> tuple[Path, ...]:
    """Return the slices of the volume that a folder is, in ascending order.

    Parameters
    ----------
    folder : Path
        Any folder.

    Returns
    -------
    tuple of Path
        Files of one slice each; empty if the folder is no such volume.

    Raises
    ------
    VolumeError
        If some slices are missing, damaged, or differ from the others, or the folder cannot be
        listed.
    """
    try:
        return () if is_zarr_folder(folder) else slices_in(folder)
    except OSError as error:
        raise Origin(folder).error(str(error), "a folder that can be listed") from error


def image_id_of(path: str | os.PathLike[str]) -> str:
    """Return the name of a file or folder without the ending that says its format.

    Parameters
    ----------
    path : str or path-like
        For example ``1407735.tif`` or ``a.ome.zarr``.

    Returns
    -------
    str
        For example ``1407735`` or ``a``.
    """
    file, _ = split_path(Path(path))
    name = file.name or file.resolve().name
    suffix = volume_suffix(name)
    return name[: len(name) - len(suffix)]


def volume_suffix(name: str) -> str:
    """Return the one of `VOLUME_SUFFIXES` that a name ends with, in any case.

    Parameters
    ----------
    name : str
        Name of a file or folder.

    Returns
    -------
    str
        The ending, or an empty string if it has none of them.
    """
    lowered = name.lower()
    return next((suffix for suffix in VOLUME_SUFFIXES if lowered.endswith(suffix)), "")
