"""Fragments: the volumes of a data folder, grouped by image_id.

A data folder holds any of the folders ``p3d``, ``p2d``, ``models/NAME``, ``test_images`` or
``train_images`` and ``train_labels``, and in each of them one file a fragment, named by its
image_id.

Examples
--------
>>> from napari_nx46.fragments import open_data
>>> data = open_data("data")  # doctest: +SKIP
>>> data["1407735"].p3d[160]  # reads one slice  # doctest: +SKIP
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from napari_nx46.files.atomic import write_together
from napari_nx46.files.naming import LONGEST_IMAGE_ID, shown
from napari_nx46.files.volumes import (
    Role,
    Volume,
    VolumeError,
    image_id_of,
    is_zarr_folder,
    open_volume,
    volume_suffix,
    write_volume,
)
from napari_nx46.setting.choices import LONGEST_SOURCE_NAME

__all__ = [
    "DataSet",
    "FolderNames",
    "Fragment",
    "FragmentError",
    "VolumeError",
    "open_data",
    "open_readable",
    "write_data_folder",
]

_PLAIN_NAME = re.compile(r"[A-Za-z0-9_-]([A-Za-z0-9._-]*[A-Za-z0-9_-])?")
_VOLUME_AXES = 3
_MOST_PATHS = 2
_MOST_FAULTS_TOLD = 5
_TAKEN_NAMES = ("p3d", "p2d", "image")


class FragmentError(ValueError):
    """Data that do not form fragments; the message tells what was found and what was expected."""


@dataclass(frozen=True, slots=True)
class FolderNames:
    """Names of the folders in a data folder.

    Attributes
    ----------
    p3d, p2d : str
        Folders of the probability volumes.
    images, labels : tuple of str
        Folders of CT images and of labels; a fragment is looked for in all of them.
    models : str
        Folder of folders of further probability volumes, each named after its model.
    """

    p3d: str = "p3d"
    p2d: str = "p2d"
    images: tuple[str, ...] = ("test_images", "train_images")
    labels: tuple[str, ...] = ("train_labels",)
    models: str = "models"


@dataclass(frozen=True, slots=True)
class Fragment:
    """One fragment: its probability volumes, and its image and label where there are any.

    With one source of probabilities only, `p3d` and `p2d` are the same volume; without any for
    them, both are None.

    Attributes
    ----------
    image_id : str
        Name of the fragment.
    p3d, p2d : Volume or None
        The two paths.
    image, label : Volume or None
        Density of the CT; labels 0 background, 1 surface, 2 ignore.
    models : mapping of str to Volume
        Further probability volumes by name.

    Raises
    ------
    FragmentError
        If there is neither a probability volume nor an image, one of the paths is there without
        the other, a model's name is not plain, or the shapes of the volumes differ.
    """

    image_id: str
    p3d: Volume | None
    p2d: Volume | None
    image: Volume | None = None
    label: Volume | None = None
    models: Mapping[str, Volume] = field(default_factory=dict, hash=False)

    def __post_init__(self) -> None:
        if (self.p3d is None) != (self.p2d is None):
            raise FragmentError(f"fragment {self.image_id}: found one path; expected both or none")
        if not self.sources and self.image is None:
            raise FragmentError(f"fragment {self.image_id}: found no volume to make a score from")
        for name in self.models:
            checked_model_name(name)
        first, *others = self.volumes
        for other in others:
            if other.shape != first.shape:
                raise FragmentError(
                    f"fragment {self.image_id}: found shape {first.shape} in {first.path} "
                    f"but {other.shape} in {other.path}; expected equal shapes (Z, Y, X)"
                )

    @property
    def shape(self) -> tuple[int, int, int]:
        """Number of voxels along (Z, Y, X), of all its volumes."""
        return self.volumes[0].shape

    @property
    def sources(self) -> dict[str, Volume]:
        """The distinct probability volumes by name: ``p3d``, ``p2d``, then the models, ascending.

        A single source, which both paths read, is listed once, as ``p3d``.
        """
        paths = {} if self.p3d is None else {"p3d": self.p3d}
        if self.p2d is not None and self.p2d is not self.p3d:
            paths["p2d"] = self.p2d
        return paths | {name: self.models[name] for name in sorted(self.models)}

    @property
    def volumes(self) -> tuple[Volume, ...]:
        """All its volumes: the sources, then image and label where there are any."""
        others = (volume for volume in (self.image, self.label) if volume is not None)
        return *self.sources.values(), *others


@dataclass(frozen=True, slots=True)
class DataSet:
    """The fragments that were opened together, in ascending order of image_id.

    Attributes
    ----------
    name : str
        Name of the data folder or of the volume.
    root : pathlib.Path or None
        The data folder; ``None`` for single volumes.
    fragments : tuple of Fragment
        The fragments.
    """

    name: str
    root: Path | None
    fragments: tuple[Fragment, ...]

    @property
    def image_ids(self) -> tuple[str, ...]:
        """The image_id of every fragment, in ascending order."""
        return tuple(fragment.image_id for fragment in self.fragments)

    def __getitem__(self, image_id: str) -> Fragment:
        """Return a fragment by its image_id.

        Raises
        ------
        KeyError
            If there is none; the message lists those that there are.
        """
        for fragment in self.fragments:
            if fragment.image_id == image_id:
                return fragment
        raise KeyError(f"no fragment {image_id!r} in {self.name}; it has {_few(self.image_ids)}")

    def __len__(self) -> int:
        """Return the number of fragments."""
        return len(self.fragments)

    def __iter__(self) -> Iterator[Fragment]:
        """Go through the fragments."""
        return iter(self.fragments)


def open_data(
    *paths: str | os.PathLike[str],
    folders: FolderNames | None = None,
    channel: int = -1,
) -> DataSet:
    """Open a data folder, one volume, or two volumes; only headers are read.

    Parameters
    ----------
    *paths : str or path-like
        One data folder; or one probability volume, which both paths then read; or two of them,
        p3d and p2d, of one fragment, which has the image_id of the first. A Zarr folder is a
        volume.
    folders : FolderNames, optional
        Names of the folders in a data folder.
    channel : int, optional
        Channel of volumes that have several, e.g. nnU-Net's; the last by default.

    Returns
    -------
    DataSet
        The fragments that have at least one probability volume; of a data folder without any,
        those that have an image.

    Raises
    ------
    FragmentError
        If a path is missing, if there are none or more than two, if a data folder has neither
        probability volumes nor images, or two files of one image_id in one place, if a name is not
        plain, or if shapes differ.
    VolumeError
        If a file cannot be opened as the volume that its place makes it.
    """
    return _opened(paths, folders, channel, None)


def open_readable(
    *paths: str | os.PathLike[str],
    folders: FolderNames | None = None,
    channel: int = -1,
) -> tuple[DataSet, dict[str, str]]:
    """Open what can be opened, as `open_data`: a fragment at fault costs no other.

    Returns
    -------
    DataSet
        The fragments that can be opened.
    dict of str to str
        By image_id, of the fragments that cannot: what was found and what was expected.

    Raises
    ------
    FragmentError, VolumeError
        As `open_data`, but for what is wrong with single fragments of a data folder; and if none
        of them can be opened.
    """
    faults: dict[str, str] = {}
    dataset = _opened(paths, folders, channel, faults)
    if not dataset.fragments:
        told = "; ".join(list(faults.values())[:_MOST_FAULTS_TOLD])
        raise FragmentError(f"{dataset.name}: no fragment can be opened: {told}")
    return dataset, faults


def _opened(
    paths: Sequence[str | os.PathLike[str]],
    folders: FolderNames | None,
    channel: int,
    faults: dict[str, str] | None,
) -> DataSet:
    """Open data; the faults of single fragments are collected, or raised if there is no dict."""
    found = [Path(path) for path in paths]
    if not 1 <= len(found) <= _MOST_PATHS:
        raise FragmentError(
            f"found {len(found)} paths; expected one data folder, one volume, or two (p3d, p2d)"
        )
    for path in found:
        if not path.exists():
            raise FragmentError(f"{path}: found nothing there; expected a data folder or a volume")
    if len(found) == 1 and found[0].is_dir() and not is_zarr_folder(found[0]):
        return _open_folder(found[0], folders or FolderNames(), channel, faults)
    return _open_single(found, channel)


def write_data_folder(
    root: str | os.PathLike[str], image_id: str, volumes: Mapping[str, np.ndarray]
) -> None:
    """Write volumes of one fragment into a data folder, all of them or none.

    Every volume is written beside its target, read back and compared; then all take their names.

    Parameters
    ----------
    root : str or path-like
        The data folder; made if it is missing.
    image_id : str
        Name of the fragment.
    volumes : mapping of str to numpy.ndarray
        Name of a folder, e.g. ``p3d``, to the (Z, Y, X) array of real numbers that
        ``root/<folder>/<image_id>.tif`` shall hold, as a multi-page TIFF compressed with zlib.

    Raises
    ------
    FragmentError
        If a name is not plain, or an array is not such a volume.
    WriteError
        If a file cannot be written (an `OSError`).
    VolumeError
        If what was written does not read back equal.
    """
    checked_image_id(image_id)
    for folder, voxels in volumes.items():
        _check_writable(folder, voxels)
    with write_together() as batch:
        for folder, voxels in volumes.items():
            target = Path(root) / folder / f"{image_id}.tif"
            target.parent.mkdir(parents=True, exist_ok=True)
            partial = batch.add(target)
            write_volume(partial, voxels, image_id=image_id)


def checked_image_id(image_id: str, path: Path | None = None) -> str:
    """Check that an image_id is a plain name, which can name a file anywhere, and return it.

    Parameters
    ----------
    image_id : str
        Name of a fragment.
    path : pathlib.Path, optional
        The file that has it, for the message.

    Raises
    ------
    FragmentError
        If it has other characters than letters, digits, ``.``, ``_`` and ``-``, begins or ends
        with a dot, or is too long.
    """
    if len(image_id) <= LONGEST_IMAGE_ID and _PLAIN_NAME.fullmatch(image_id):
        return image_id
    where = "" if path is None else f"{path}: "
    raise FragmentError(
        f"{where}found image_id {shown(image_id)!r}; expected at most {LONGEST_IMAGE_ID} letters, "
        "digits, '.', '_' and '-', with no dot at either end; rename the file"
    )


def checked_model_name(name: str, path: Path | None = None) -> str:
    """Check that the name of a model is plain and not that of another volume, and return it.

    Raises
    ------
    FragmentError
        If it is not plain as an image_id is, too long, or ``p3d``, ``p2d`` or ``image``.
    """
    plain = len(name) <= LONGEST_SOURCE_NAME and _PLAIN_NAME.fullmatch(name)
    if plain and name not in _TAKEN_NAMES:
        return name
    where = "" if path is None else f"{path}: "
    raise FragmentError(
        f"{where}found a model named {shown(name)!r}; expected at most {LONGEST_SOURCE_NAME} "
        "letters, digits, '.', '_' and '-', with no dot at either end, and none of "
        f"{', '.join(_TAKEN_NAMES)}; rename the folder"
    )


def _open_single(paths: list[Path], channel: int) -> DataSet:
    """Return the data set of one fragment from one or two probability volumes."""
    image_id = checked_image_id(image_id_of(paths[0]), paths[0])
    opened = [open_volume(path, channel=channel, image_id=image_id) for path in paths]
    fragment = Fragment(image_id, p3d=opened[0], p2d=opened[-1])
    return DataSet(image_id, None, (fragment,))


def _open_folder(
    root: Path, folders: FolderNames, channel: int, faults: dict[str, str] | None
) -> DataSet:
    """Return the data set of a data folder."""
    files = _FragmentFiles(
        p3d=_volume_files(root, (folders.p3d,)),
        p2d=_volume_files(root, (folders.p2d,)),
        models=_model_files(root / folders.models),
        image=_volume_files(root, folders.images),
        label=_volume_files(root, folders.labels),
    )
    if not files.image_ids:
        raise FragmentError(
            f"{root}: found {_few(_names_in(root))}; expected a folder {folders.p3d}, "
            f"{folders.p2d} or {folders.models}/NAME with probability volumes, or "
            f"{' or '.join(folders.images)} with images, one file a fragment "
            f"({', '.join(('.tif', '.npy', '.npz', '.zarr'))})"
        )
    fragments = []
    for image_id in files.image_ids:
        try:
            fragments.append(files.fragment(image_id, channel))
        except (FragmentError, VolumeError) as error:
            if faults is None:
                raise
            faults[image_id] = str(error)
    return DataSet(root.resolve().name, root, tuple(fragments))


@dataclass(frozen=True, slots=True)
class _FragmentFiles:
    """The files of a data folder: for each kind of volume, image_id -> file."""

    p3d: Mapping[str, Path]
    p2d: Mapping[str, Path]
    models: Mapping[str, Mapping[str, Path]]
    image: Mapping[str, Path]
    label: Mapping[str, Path]

    @property
    def image_ids(self) -> list[str]:
        """The fragments: images count only where there is no probability volume at all."""
        return sorted({*self.p3d, *self.p2d}.union(*self.models.values()) or self.image)

    def fragment(self, image_id: str, channel: int) -> Fragment:
        """Open all volumes of a fragment, one for both paths if there is only one."""

        def opened(files: Mapping[str, Path], role: Role = Role.PROBABILITY) -> Volume | None:
            path = files.get(image_id)
            if path is None:
                return None
            return open_volume(path, role=role, channel=channel, image_id=image_id)

        p3d, p2d = opened(self.p3d), opened(self.p2d)
        models = {name: opened(files) for name, files in self.models.items()}
        return Fragment(
            image_id,
            p3d=p2d if p3d is None else p3d,
            p2d=p3d if p2d is None else p2d,
            image=opened(self.image, Role.IMAGE),
            label=opened(self.label, Role.LABEL),
            models={name: volume for name, volume in models.items() if volume is not None},
        )


def _model_files(folder: Path) -> dict[str, dict[str, Path]]:
    """Return name -> image_id -> file of the models in a folder."""
    if not folder.is_dir():
        return {}
    models = {}
    for path in sorted(folder.iterdir()):
        if _looks_like_volume(path):
            raise FragmentError(f"{path}: found a volume; expected it in a folder of its model")
        if path.is_dir() and not path.name.startswith("."):
            models[checked_model_name(path.name, path)] = _volume_files(folder, (path.name,))
    return models


def _volume_files(root: Path, names: Iterable[str]) -> dict[str, Path]:
    """Return image_id -> file of all volumes in some folders of a data folder."""
    files: dict[str, Path] = {}
    for folder in (root / name for name in names):
        if not folder.is_dir():
            continue
        for path in sorted(folder.iterdir()):
            if not _looks_like_volume(path):
                continue
            image_id = checked_image_id(image_id_of(path), path)
            if image_id in files:
                raise FragmentError(
                    f"fragment {image_id}: found two files, {files[image_id]} and {path}; "
                    "expected one"
                )
            files[image_id] = path
    return files


def _looks_like_volume(path: Path) -> bool:
    """Tell by name and kind whether an entry of a folder is meant as a volume."""
    suffix = volume_suffix(path.name)
    if path.name.startswith(".") or not suffix:
        return False
    # A link that leads nowhere is not passed over, so that its fragment is not missed silently.
    return path.is_dir() == suffix.endswith(".zarr") or not path.exists()


def _names_in(root: Path) -> list[str]:
    """Return the names in a folder, folders with a slash at the end."""
    return sorted(path.name + ("/" if path.is_dir() else "") for path in root.iterdir())


def _few(names: Iterable[str], most: int = 10) -> str:
    """Return the first of some names in words."""
    listed = [shown(name) for name in names]
    more = f" and {len(listed) - most} more" if len(listed) > most else ""
    return (", ".join(listed[:most]) or "nothing") + more


def _check_writable(folder: str, voxels: np.ndarray) -> None:
    """Check the name of a folder, and that an array can be written as a volume."""
    if not _PLAIN_NAME.fullmatch(folder):
        raise FragmentError(f"found folder name {shown(folder)!r}; expected a plain name")
    if voxels.ndim != _VOLUME_AXES or voxels.size == 0 or voxels.dtype.kind not in "iuf":
        raise FragmentError(
            f"{folder}: found an array of shape {voxels.shape} and type {voxels.dtype}; "
            "expected three axes (Z, Y, X), none empty, of integers or real numbers"
        )
