"""Opening a data folder, or one or two volumes, as fragments."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from napari_nx46.files.naming import shown
from napari_nx46.files.volumes import (
    Logits,
    ReadAs,
    Role,
    Volume,
    VolumeError,
    image_id_of,
    is_zarr_folder,
    open_volume,
    volume_suffix,
)
from napari_nx46.fragments.model import (
    DataSet,
    FolderNames,
    Fragment,
    FragmentError,
    checked_image_id,
    checked_model_name,
)

_MOST_PATHS = 2
_MOST_FAULTS_TOLD = 5


def open_data(
    *paths: str | os.PathLike[str],
    folders: FolderNames | None = None,
    channel: int | None = None,
    logits: Logits | None = None,
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
        Channel of probability volumes that have several, e.g. nnU-Net's; the last by default, with
        a `VolumeWarning` where there are more than two.
    logits : Logits, optional
        How the values of probability volumes become probabilities, if they are logits.

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
    return _opened(paths, folders, ReadAs(channel, logits), None)


def open_readable(
    *paths: str | os.PathLike[str],
    folders: FolderNames | None = None,
    channel: int | None = None,
    logits: Logits | None = None,
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
    dataset = _opened(paths, folders, ReadAs(channel, logits), faults)
    if not dataset.fragments:
        told = "; ".join(list(faults.values())[:_MOST_FAULTS_TOLD])
        raise FragmentError(f"{dataset.name}: no fragment can be opened: {told}")
    return dataset, faults


def _opened(
    paths: Sequence[str | os.PathLike[str]],
    folders: FolderNames | None,
    read_as: ReadAs,
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
        return _open_folder(found[0], folders or FolderNames(), read_as, faults)
    return _open_single(found, read_as)


def _open_single(paths: list[Path], read_as: ReadAs) -> DataSet:
    """Return the data set of one fragment from one or two probability volumes."""
    image_id = checked_image_id(image_id_of(paths[0]), paths[0])
    opened = [
        open_volume(path, channel=read_as.channel, logits=read_as.logits, image_id=image_id)
        for path in paths
    ]
    fragment = Fragment(image_id, p3d=opened[0], p2d=opened[-1])
    return DataSet(image_id, None, (fragment,), read_as=read_as)


def _open_folder(
    root: Path, folders: FolderNames, read_as: ReadAs, faults: dict[str, str] | None
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
            fragments.append(files.fragment(image_id, read_as))
        except (FragmentError, VolumeError) as error:
            if faults is None:
                raise
            faults[image_id] = str(error)
    return DataSet(root.resolve().name, root, tuple(fragments), folders, read_as)


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

    def fragment(self, image_id: str, read_as: ReadAs) -> Fragment:
        """Open all volumes of a fragment, one for both paths if there is only one."""

        def opened(files: Mapping[str, Path], role: Role = Role.PROBABILITY) -> Volume | None:
            path = files.get(image_id)
            if path is None:
                return None
            if role is not Role.PROBABILITY:
                return open_volume(path, role=role, image_id=image_id)
            return open_volume(
                path, channel=read_as.channel, logits=read_as.logits, image_id=image_id
            )

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
