"""Which files and folders are this plugin's, by their places and headers; no voxel is read."""

from __future__ import annotations

from pathlib import Path

from napari_nx46.data.fragments import FolderNames, open_data
from napari_nx46.files.naming import ARCHIVE_SUFFIX, MASK_SUFFIX
from napari_nx46.files.submission.zip_check import ZipFault, open_zip
from napari_nx46.files.volumes.opening import VOLUME_SUFFIXES, Volume, open_volume
from napari_nx46.files.volumes.origin import VolumeError
from napari_nx46.files.volumes.roles import Role

TIFF_SUFFIXES = (".tif", ".tiff")
OWN_SUFFIXES = (*TIFF_SUFFIXES, ".npy", ".npz", ".zarr", ".zarr.zip")
"""Of files that are claimed outside of data folders too; other plugins open the other formats."""
FEWEST_SLICES = 2
PROBABILITY_TYPES = ("float16", "float32", "float64", "uint8", "uint16")
COLORS = (3, 4)
"""Sizes of a last axis of bytes that are most likely red, green, blue, and opacity."""

FOREIGN_TIFFS = ("is_ome", "is_imagej", "is_micromanager", "is_lsm", "is_stk", "is_geotiff")
"""What tifffile calls files that microscopes, their programs, and map makers write."""


def is_ours(path: Path) -> bool:
    """Return whether a file or folder is plainly this plugin's, so that napari asks nobody else.

    Claimed are:

    - a folder that holds one of the folders of a data folder (``p3d``, ``models``, ...);
    - a volume in such a folder, be it sound or not;
    - a submission archive: a zip file with masks, ``[image_id].tif``, in its root;
    - an ``.npz`` file of nnU-Net, and a Zarr array;
    - an ``.npy`` or TIFF file with a volume, which is float16, float32, float64, uint8 or uint16,
      and has two slices or more along z.

    Left to others are pictures of one slice, colours, labels of other types, folders of slices,
    HDF5, NIfTI, MetaImage and NRRD outside of a data folder, and TIFF files with the metadata
    of a microscope or a map: the dock still opens them.

    Parameters
    ----------
    path : Path

    Returns
    -------
    bool
    """
    name = path.name.lower()
    if is_archive(path):
        return _holds_masks(path)
    if name.endswith(VOLUME_SUFFIXES):
        own = name.endswith(OWN_SUFFIXES)
        return _lies_in_data_folder(path) or (own and _is_volume(path))
    return _is_data_folder(path)


def is_archive(path: Path) -> bool:
    """Return whether a file is named like a submission archive, and not like a Zarr store."""
    name = path.name.lower()
    return name.endswith(ARCHIVE_SUFFIX) and not name.endswith(VOLUME_SUFFIXES)


def _is_data_folder(path: Path) -> bool:
    return any((path / name).is_dir() for name in _folder_names())


def _lies_in_data_folder(path: Path) -> bool:
    names = FolderNames()
    parent = path.absolute().parent
    known = {*_folder_names(), *names.labels} - {names.models}
    return path.exists() and (parent.name in known or parent.parent.name == names.models)


def _folder_names() -> tuple[str, ...]:
    names = FolderNames()
    return (names.p3d, names.p2d, names.models, *names.images)


def _holds_masks(path: Path) -> bool:
    try:
        with open_zip(path) as archive:
            return any(
                "/" not in name and name.lower().endswith(MASK_SUFFIX)
                for name in archive.namelist()
            )
    except (ZipFault, OSError):
        return False


def _is_volume(path: Path) -> bool:
    try:
        # As an image any type of voxels will do: which type it is, is asked below.
        volume = open_volume(path, role=Role.IMAGE, channel=-1)
        return _is_grey_volume(volume) and not _is_foreign_tiff(path)
    except (VolumeError, OSError):
        return False


def _is_grey_volume(volume: Volume) -> bool:
    is_color = volume.dtype.name == "uint8" and volume.shape[-1] in COLORS
    has_slices = volume.shape[0] >= FEWEST_SLICES
    return has_slices and not is_color and volume.dtype.name in PROBABILITY_TYPES


def _is_foreign_tiff(path: Path) -> bool:
    """Return whether the metadata of a sound TIFF file, one that was opened, are of others."""
    if not path.name.lower().endswith(TIFF_SUFFIXES):
        return False
    from tifffile import TiffFile

    with TiffFile(path, _multifile=False) as tiff:
        return any(getattr(tiff, kind) for kind in FOREIGN_TIFFS)


def is_single_volume(paths: tuple[str, ...]) -> bool:
    """Return whether what a layer was opened from is one volume."""
    return len(paths) == 1 and paths[0].lower().endswith(VOLUME_SUFFIXES)


def are_two_paths(first: str, second: str) -> bool:
    """Return whether two single volumes can be the two paths of one fragment."""
    try:
        return len(open_data(first, second)) == 1
    except (ValueError, OSError):
        return False
