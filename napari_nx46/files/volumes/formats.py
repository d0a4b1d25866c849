"""Which reader opens a file or folder, by its name. Readers are imported when they are needed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

from napari_nx46.files.stores.extents import ChunkError
from napari_nx46.files.stores.folder import FolderKeys
from napari_nx46.files.stores.keys import Keys
from napari_nx46.files.stores.zipped import ZipKeys
from napari_nx46.files.volumes.channels import Channels
from napari_nx46.files.volumes.hdf5.datasets import HDF5_SUFFIXES, split_path
from napari_nx46.files.volumes.origin import Origin
from napari_nx46.files.volumes.paths import VOLUME_SUFFIXES, is_zarr_folder, volume_suffix
from napari_nx46.files.volumes.stamps import Stamps

Opener = Callable[[Origin, Stamps], Channels]


def open_channels(
    origin: Origin, stamps: Stamps, slices: tuple[Path, ...], level: str | None, memory: int
) -> Channels:
    """Open the channels of a file or folder by its format; only headers are read.

    Parameters
    ----------
    origin : Origin
        A file, a Zarr folder, a folder of slices, or a dataset within an HDF5 file.
    stamps : Stamps
        Takes the stamps of the files that are read.
    slices : tuple of Path
        The files of a folder of slices.
    level, memory
        Of a Zarr store; see `open_zarr`.

    Raises
    ------
    VolumeError
        If there is nothing, nothing of a format that is read, or it is not sound.
    """
    path = origin.path
    if slices:
        from napari_nx46.files.volumes.stack_reader import open_stack

        return open_stack(origin, slices, stamps)
    suffix = volume_suffix(path.name)
    if path.is_dir() or suffix == ".zarr.zip":
        from napari_nx46.files.volumes.zarr.reader import open_zarr

        return open_zarr(origin, _keys(origin, stamps), level, memory)
    file, dataset = split_path(path)
    stamps.note(file)
    if not file.exists():
        raise origin.error("nothing at this path", "a file or a Zarr folder")
    if suffix in HDF5_SUFFIXES or dataset is not None:
        from napari_nx46.files.volumes.hdf5.reader import open_hdf5

        return open_hdf5(replace(origin, path=file), dataset)
    opener = _OPENERS.get(suffix)
    if opener is None:
        raise origin.error(
            "a file that is not of a known format",
            "a name that ends in " + ", ".join(VOLUME_SUFFIXES),
        )
    return opener(origin, stamps)


def _keys(origin: Origin, stamps: Stamps) -> Keys:
    """Return the values of a Zarr store in a folder or a zip file."""
    path = origin.path
    if path.is_dir():
        if not is_zarr_folder(path):
            raise origin.error(
                "a folder that has neither Zarr metadata nor the slices of one volume",
                "a Zarr array, an OME-Zarr image, or 2D slices whose names differ in one number",
            )
        return FolderKeys(path.resolve(), stamps)
    try:
        return ZipKeys(path, stamps)
    except (ChunkError, OSError) as error:
        raise origin.error(str(error), "a zipped Zarr store") from error


def _tiff(origin: Origin, stamps: Stamps) -> Channels:
    from napari_nx46.files.volumes.tiff.reader import open_tiff

    del stamps  # the reader has one of its own
    return open_tiff(origin)


def _npy(origin: Origin, stamps: Stamps) -> Channels:
    from napari_nx46.files.volumes.numpy_reader import open_npy

    del stamps
    return open_npy(origin)


def _npz(origin: Origin, stamps: Stamps) -> Channels:
    from napari_nx46.files.volumes.numpy_reader import open_npz

    del stamps
    return open_npz(origin)


def _nifti(origin: Origin, stamps: Stamps) -> Channels:
    from napari_nx46.files.volumes.plain.nifti import open_nifti

    return open_nifti(origin, stamps)


def _metaimage(origin: Origin, stamps: Stamps) -> Channels:
    from napari_nx46.files.volumes.plain.metaimage import open_metaimage

    return open_metaimage(origin, stamps)


def _nrrd(origin: Origin, stamps: Stamps) -> Channels:
    from napari_nx46.files.volumes.plain.nrrd import open_nrrd

    return open_nrrd(origin, stamps)


_OPENERS: Mapping[str, Opener] = {
    **dict.fromkeys((".ome.tiff", ".ome.tif", ".tiff", ".tif"), _tiff),
    ".npy": _npy,
    ".npz": _npz,
    **dict.fromkeys((".nii.gz", ".nii"), _nifti),
    **dict.fromkeys((".mha", ".mhd"), _metaimage),
    **dict.fromkeys((".nrrd", ".nhdr"), _nrrd),
}
