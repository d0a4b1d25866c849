"""Opening a data folder, or one or two volumes, as fragments."""

from __future__ import annotations

import os
from collections.abc import Collection, Sequence
from dataclasses import replace
from pathlib import Path

from napari_nx46.data.fragments.data_set import DataSet
from napari_nx46.data.fragments.folder import FragmentFiles
from napari_nx46.data.fragments.lazy import LazyFragments
from napari_nx46.data.fragments.model import FolderNames, Fragment
from napari_nx46.data.fragments.names import FragmentError, checked_image_id
from napari_nx46.data.fragments.places import Place, StorePlace, place_of
from napari_nx46.data.fragments.stores import open_stores
from napari_nx46.files.naming import first_few
from napari_nx46.files.volumes.hdf5.datasets import split_path
from napari_nx46.files.volumes.opening import (
    Logits,
    ReadAs,
    VolumeError,
    image_id_of,
    is_volume_folder,
    open_volume,
)

_MOST_PATHS = 2
_MOST_FAULTS = 20
_MOST_NAMES = 10


def open_data(
    *paths: str | os.PathLike[str] | StorePlace,
    folders: FolderNames | None = None,
    channel: int | None = None,
    logits: Logits | None = None,
    only: Collection[str] = (),
) -> DataSet:
    """Open a data folder, one volume, or two volumes; only headers are read.

    Parameters
    ----------
    *paths : str, path-like or StorePlace
        One data folder; or one probability volume, which both paths then read; or two of them,
        p3d and p2d, of one fragment, which has the image_id of the first. A Zarr folder is a
        volume, and so is a folder of slices: files of one slice whose names differ in one number. A
        URL is the Zarr store there; boxes of a store are chosen by a `StorePlace`, or its text.
    folders : FolderNames, optional
        Names of the folders in a data folder.
    channel : int, optional
        Channel of probability volumes that have several, e.g. nnU-Net's; the last by default, with
        a `VolumeWarning` where there are more than two.
    logits : Logits, optional
        How the values of probability volumes become probabilities, if they are logits.
    only : collection of str, optional
        The fragments to open; no file of another one is touched. All if there is none.

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
        plain, or if shapes differ. Of several faults in a data folder the message lists all.
    VolumeError
        If a file cannot be opened as the volume that its place makes it.
    """
    dataset, errors = _opened(paths, folders, ReadAs(channel, logits), only)
    faults = [*errors.values(), *map(FragmentError, dataset.left_out)]
    if len(faults) == 1:
        raise faults[0]
    if faults:
        raise fault_error(dataset.name, tuple(map(str, faults)))
    return dataset


def open_readable(
    *paths: str | os.PathLike[str] | StorePlace,
    folders: FolderNames | None = None,
    channel: int | None = None,
    logits: Logits | None = None,
    only: Collection[str] = (),
) -> tuple[DataSet, dict[str, str]]:
    """Open what can be opened, as `open_data`: a fragment at fault costs no other.

    Returns
    -------
    DataSet
        The fragments that can be opened; `DataSet.left_out` has the files whose names no fragment
        can have.
    dict of str to str
        By image_id, of the fragments that cannot: what was found and what was expected.

    Raises
    ------
    FragmentError, VolumeError
        As `open_data`, but for what is wrong with single fragments of a data folder; and if none
        of them can be opened.
    """
    dataset, errors = _opened(paths, folders, ReadAs(channel, logits), only)
    faults = {image_id: str(error) for image_id, error in errors.items()}
    if not dataset.fragments:
        every = (*faults.values(), *dataset.left_out)
        raise fault_error(f"{dataset.name}: no fragment can be opened", every)
    return dataset, faults


def open_lazily(
    *paths: str | os.PathLike[str] | StorePlace,
    folders: FolderNames | None = None,
    channel: int | None = None,
    logits: Logits | None = None,
    only: Collection[str] = (),
) -> DataSet:
    """Open the first fragment that can be opened, as `open_data`; the others when asked for.

    Returns
    -------
    DataSet
        Of a data folder all fragments by the names of their files, the faulty ones among them;
        `DataSet.opened` has those that are open. Notes on their shapes are not made.

    Raises
    ------
    FragmentError, VolumeError
        As `open_data`, but for what is wrong with single fragments of a data folder; and if none
        of them can be opened.
    """
    given, read_as = _checked_paths(paths), ReadAs(channel, logits)
    root = _data_folder(given, folders or FolderNames())
    if root is None:
        return _open_single(given, read_as, only)
    files, image_ids = _list_folder(root, folders or FolderNames(), only)
    lazy = LazyFragments(image_ids, lambda image_id: files.fragment(image_id, read_as))
    dataset = DataSet(
        root.resolve().name,
        root,
        lazy,
        files.folders,
        read_as,
        files.notes(only or files.image_ids),
        () if only else files.misnamed,
    )
    faults: list[str] = []
    for image_id in image_ids:
        try:
            lazy.by_id(image_id)
        except (FragmentError, VolumeError) as error:
            faults.append(str(error))
        else:
            return dataset
    raise fault_error(f"{dataset.name}: no fragment can be opened", (*faults, *dataset.left_out))


def fault_error(what: str, faults: Sequence[str]) -> FragmentError:
    """Return one error that lists several faults, each on a line of its own.

    Parameters
    ----------
    what : str
        Where they were found.
    faults : sequence of str
        At least one.
    """
    if len(faults) == 1:
        return FragmentError(f"{what}: {faults[0]}")
    lines = "\n".join(f"- {fault}" for fault in faults[:_MOST_FAULTS])
    more = len(faults) - _MOST_FAULTS
    return FragmentError(
        f"{what}: {len(faults)} faults:\n{lines}" + (f"\nand {more} more" if more > 0 else "")
    )


def _opened(
    paths: Sequence[str | os.PathLike[str] | StorePlace],
    folders: FolderNames | None,
    read_as: ReadAs,
    only: Collection[str],
) -> tuple[DataSet, dict[str, ValueError]]:
    """Open what can be opened; return the errors of the other fragments by their image_id."""
    given, names = _checked_paths(paths), folders or FolderNames()
    root = _data_folder(given, names)
    if root is not None:
        return _open_folder(root, names, read_as, only)
    return _open_single(given, read_as, only), {}


def _checked_paths(paths: Sequence[str | os.PathLike[str] | StorePlace]) -> list[Place]:
    """Return one or two stores, or paths at which there is something."""
    given = list(map(place_of, paths))
    if not 1 <= len(given) <= _MOST_PATHS:
        raise FragmentError(
            f"found {len(given)} paths; expected one data folder, one volume, or two (p3d, p2d)"
        )
    for path in given:
        if isinstance(path, Path) and not split_path(path)[0].exists():
            raise FragmentError(f"{path}: found nothing there; expected a data folder or a volume")
    return given


def _data_folder(places: Sequence[Place], names: FolderNames) -> Path | None:
    """Return the path if it is a data folder; None if there are volumes or stores."""
    first = places[0]
    if len(places) > 1 or isinstance(first, StorePlace) or not first.is_dir():
        return None
    return None if _is_volume(first, names) else first


def _is_volume(folder: Path, names: FolderNames) -> bool:
    """Return whether a folder is a volume: a data folder is none, whatever else is in it."""
    kinds = (names.p3d, names.p2d, names.models, *names.images, *names.labels)
    return not any((folder / name).is_dir() for name in kinds) and is_volume_folder(folder)


def _open_single(places: list[Place], read_as: ReadAs, only: Collection[str]) -> DataSet:
    """Return the data set of one or two probability volumes: of one fragment, or of boxes."""
    paths = [place for place in places if isinstance(place, Path)]
    if len(paths) < len(places):
        stores = [StorePlace(str(one)) if isinstance(one, Path) else one for one in places]
        dataset = open_stores(stores, read_as)
        _check_known(dataset.name, only, dataset.image_ids)
        chosen = tuple(one for one in dataset if not only or one.image_id in only)
        return replace(dataset, fragments=chosen)
    image_id = checked_image_id(image_id_of(paths[0]), paths[0])
    _check_known(image_id, only, [image_id])
    opened = [
        open_volume(path, channel=read_as.channel, logits=read_as.logits, image_id=image_id)
        for path in paths
    ]
    fragment = Fragment(image_id, p3d=opened[0], p2d=opened[-1])
    return DataSet(image_id, None, (fragment,), read_as=read_as)


def _open_folder(
    root: Path, folders: FolderNames, read_as: ReadAs, only: Collection[str]
) -> tuple[DataSet, dict[str, ValueError]]:
    """Return the data set of a data folder, and the errors of what cannot be opened."""
    files, image_ids = _list_folder(root, folders, only)
    name = root.resolve().name
    fragments: list[Fragment] = []
    errors: dict[str, ValueError] = {}
    for image_id in image_ids:
        try:
            fragments.append(files.fragment(image_id, read_as))
        except (FragmentError, VolumeError) as error:
            errors[image_id] = error
    notes = (*files.notes(only or files.image_ids), *_note_on_single_slices(root, fragments))
    left_out = () if only else files.misnamed
    return DataSet(name, root, tuple(fragments), folders, read_as, notes, left_out), errors


def _list_folder(
    root: Path, folders: FolderNames, only: Collection[str]
) -> tuple[FragmentFiles, list[str]]:
    """List the files of a data folder; return them, and the fragments that are chosen."""
    files = FragmentFiles.of(root, folders)
    if not files.image_ids and not files.misnamed:
        raise files.nothing_found()
    _check_known(root.resolve().name, only, files.image_ids)
    return files, [image_id for image_id in files.image_ids if not only or image_id in only]


def _check_known(name: str, only: Collection[str], image_ids: Sequence[str]) -> None:
    unknown = sorted(set(only) - set(image_ids))
    if unknown:
        raise FragmentError(
            f"{name}: no fragment {first_few(unknown, _MOST_NAMES)}; there are "
            f"{first_few(image_ids, _MOST_NAMES)}"
        )


def _note_on_single_slices(root: Path, fragments: Sequence[Fragment]) -> list[str]:
    """Return a note if several fragments have a single slice: it may not be meant."""
    single = [fragment.image_id for fragment in fragments if fragment.shape[0] == 1]
    if len(single) < 2:  # noqa: PLR2004
        return []
    return [
        f"{root}: {len(single)} fragments have one slice each: {first_few(single, _MOST_NAMES)}; "
        "files of one slice are read as one volume where their names differ in one number, which "
        "counts without a gap"
    ]
