"""Which files of a folder are the volumes of which fragments."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from napari_nx46.data.fragments.names import FragmentError, checked_image_id
from napari_nx46.files.volumes.opening import VolumeError
from napari_nx46.files.volumes.paths import (
    image_id_of,
    is_zarr_folder,
    slices_of,
    volume_suffix,
)

__all__ = [
    "READ_FORMATS",
    "FolderListing",
    "list_volumes",
    "looks_like_volume",
    "sole_listing",
]

READ_FORMATS = (
    ".tif, .tiff, .npy, .npz, .zarr, .h5, .nii, .nii.gz, .mha, .nrrd, or a folder of 2D slices"
)
"""The formats that are read, for messages."""

_NOT_READ = (
    *(".n5", ".mrc"),
    *(".png", ".jpg", ".jpeg", ".jp2", ".bmp", ".raw", ".vol", ".dcm", ".mat", ".pt", ".pth"),
    *(".pkl", ".b2nd", ".zip", ".czi", ".lif", ".nd2", ".vti", ".ply", ".obj"),
)
"""Endings of files that may hold volumes, but are not read."""

_HEADERS = (".mhd", ".nhdr")
"""Endings of headers beside which a file of the same name has the numbers."""

_MOST_FAULTS = 20


@dataclass(frozen=True, slots=True)
class FolderListing:
    """The volumes in some folders of one kind.

    Parameters
    ----------
    files : dict of str to Path
        By image_id: a file, a Zarr folder, or a folder of slices.
    faults : dict of str to str
        By image_id, what is wrong with those whose files do not say which they are.
    misnamed : list of str
        What is wrong with the names of files that no fragment can have.
    notes : list of (str, str)
        What else a reader should know, each with the image_id that it is about.
    not_read : list of str
        Descriptions of files in other formats.
    """

    files: dict[str, Path] = field(default_factory=dict)
    faults: dict[str, str] = field(default_factory=dict)
    misnamed: list[str] = field(default_factory=list)
    notes: list[tuple[str, str]] = field(default_factory=list)
    not_read: list[str] = field(default_factory=list)

    @property
    def image_ids(self) -> set[str]:
        """The fragments, those at fault among them."""
        return {*self.files, *self.faults}

    def all_faults(self) -> list[str]:
        """Return all that is wrong, with names too."""
        return [*self.faults.values(), *self.misnamed]


def list_volumes(folders: Iterable[Path], owner: str) -> FolderListing:
    """List the volumes in some folders; those that are missing are passed over.

    Parameters
    ----------
    folders : iterable of Path
        Each holds one volume a fragment, named by its image_id; or is a volume itself, as a
        folder of slices.
    owner : str
        The image_id of a folder that is a volume itself.

    Returns
    -------
    FolderListing

    Raises
    ------
    OSError
        If a folder cannot be listed.
    """
    listing = FolderListing()
    for folder in folders:
        if folder.is_dir():
            _list_folder(listing, folder, owner)
    return listing


def sole_listing(folder: Path, inside: Iterable[str] = ()) -> FolderListing:
    """List the volumes in a folder, or in the first such folder in it, which must be sound.

    Parameters
    ----------
    folder : Path
    inside : iterable of str
        Names of folders.

    Raises
    ------
    FragmentError
        If there is no volume, two files are of one fragment, a name is one that no fragment can
        have, or slices are missing; the message lists all faults.
    OSError
        If the folder cannot be listed.
    """
    holder = next((folder / name for name in inside if (folder / name).is_dir()), folder)
    listing = list_volumes([holder], folder.resolve().name)
    faults = listing.all_faults()
    if faults:
        raise FragmentError("; ".join(faults[:_MOST_FAULTS]))
    if not listing.files:
        unread = "".join(f" ({text})" for text in listing.not_read)
        raise FragmentError(
            f"{holder}: found no volume{unread}, expected one a fragment ({READ_FORMATS})"
        )
    return listing


def _list_folder(listing: FolderListing, folder: Path, owner: str) -> None:
    """Add the volumes of a folder to a listing."""
    try:
        slices = slices_of(folder)
    except VolumeError as error:
        listing.faults[owner] = str(error)
        return
    if slices:
        _add(listing, owner, folder)
        return
    others: Counter[str] = Counter()
    paths = sorted(folder.iterdir())
    described = {path.stem for path in paths if path.suffix.lower() in _HEADERS}
    for path in paths:
        if path.name.startswith("."):
            continue
        if looks_like_volume(path):
            _add(listing, image_id_of(path), path)
        elif path.is_dir():
            _add_folder(listing, path)
        elif path.stem not in described:
            others.update(suffix for suffix in [_unread_suffix(path.name)] if suffix)
    if others:
        counted = ", ".join(f"{count} {suffix}" for suffix, count in sorted(others.items()))
        listing.not_read.append(f"{folder} has files that are not read ({counted})")


def _add(listing: FolderListing, image_id: str, path: Path) -> None:
    """Add a volume, or what is wrong with it."""
    try:
        checked_image_id(image_id, path)
    except FragmentError as error:
        listing.misnamed.append(str(error))
        return
    if image_id in listing.files:
        listing.faults.setdefault(
            image_id,
            f"fragment {image_id}: found two files, {listing.files[image_id]} and {path}; "
            "expected one",
        )
    listing.files[image_id] = path


def _add_folder(listing: FolderListing, folder: Path) -> None:
    """Add a folder within a folder if it holds slices, or say that its volumes are not read."""
    if is_zarr_folder(folder):
        _add(listing, image_id_of(folder), folder)
        return
    try:
        slices = slices_of(folder)
    except VolumeError as error:
        listing.faults[folder.name] = str(error)
        return
    if slices:
        _add(listing, folder.name, folder)
    elif any(volume_suffix(path.name) for path in folder.iterdir()):
        reason = "as they are not the slices of one volume (2D, with names that differ in a number)"
        listing.notes.append((folder.name, f"{folder}: its files are passed over, {reason}"))


def looks_like_volume(path: Path) -> bool:
    """Return by name and kind whether an entry of a folder is meant as a volume.

    Parameters
    ----------
    path : Path
        A file or folder.
    """
    suffix = volume_suffix(path.name)
    if not suffix:
        return False
    # A link that leads nowhere is not passed over, so that its fragment is not missed silently.
    return path.is_dir() == suffix.endswith(".zarr") or not path.exists()


def _unread_suffix(name: str) -> str:
    """Return the ending of a file that may hold a volume, but is not read."""
    lowered = name.lower()
    return next((suffix for suffix in _NOT_READ[::-1] if lowered.endswith(suffix)), "")
