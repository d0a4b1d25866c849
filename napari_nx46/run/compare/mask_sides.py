"""A side of a comparison: the masks of an archive, a folder or a file, and what is known of them.

`setting_sides` has those of settings, and of the runs of a workspace.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from functools import partial
from pathlib import Path

import numpy as np

from napari_nx46.data.fragments import checked_image_id
from napari_nx46.files.naming import shown
from napari_nx46.files.submission.mask_tiff import Shape
from napari_nx46.files.volumes.opening import Role, Volume, image_id_of, open_volume
from napari_nx46.files.volumes.origin import FileStamp, Origin
from napari_nx46.files.workspace import Metrics
from napari_nx46.run.compare.mask_files import (
    KEPT_BYTES,
    MASK_FOLDERS,
    binary_mask,
    open_any_submission,
    read_once,
    volumes_in,
)
from napari_nx46.run.export.manifest_reading import (
    ManifestError,
    RecordedRun,
    file_sha256,
    read_manifest,
)
from napari_nx46.run.export.targets import manifest_path
from napari_nx46.setting import Setting
from napari_nx46.voxels.blocks import Mask
from napari_nx46.voxels.workers import CancelCheck, never

__all__ = [
    "HashedFile",
    "Side",
    "SideKind",
    "SideMask",
    "archive_side",
    "file_side",
    "folder_side",
]


class SideKind(StrEnum):
    """What the masks of a side are taken from."""

    ARCHIVE = "archive"
    FOLDER = "folder"
    FILE = "mask file"
    SETTING = "setting"


@dataclass(frozen=True, slots=True)
class HashedFile:
    """A file that was compared.

    Parameters
    ----------
    path : Path
    sha256 : str
        64 hexadecimal digits: of its bytes, or of all names and contents of a Zarr folder.
    """

    path: Path
    sha256: str


@dataclass(frozen=True, slots=True)
class SideMask:
    """A mask that has not been read.

    Parameters
    ----------
    shape : tuple of int
        (Z, Y, X).
    read : callable
        Returns it, (Z, Y, X) uint8 {0, 1}; asks the callable it is given whether to go on.
    """

    shape: Shape
    read: Callable[[CancelCheck], Mask]


@dataclass(frozen=True, slots=True)
class Side:
    """One side of a comparison; nothing is held open, no mask has been read.

    Parameters
    ----------
    name : str
        What people call it.
    kind : SideKind
    masks : mapping of str to SideMask
        By image_id, ascending.
    settings : mapping of str to Setting
        By image_id; empty where they are not known.
    files : tuple of HashedFile
    notes : tuple of str
        What a reader should know of this side.
    tag : str
        Of the run, where it is known.
    public_score, private_score : float, optional
        Leaderboard scores that the competition returned.
    kept_metrics : mapping of str to Metrics
        By image_id, what the workspace says that the masks amount to.
    """

    name: str
    kind: SideKind
    masks: Mapping[str, SideMask] = field(hash=False)
    settings: Mapping[str, Setting] = field(default_factory=dict, hash=False)
    files: tuple[HashedFile, ...] = ()
    notes: tuple[str, ...] = ()
    tag: str = ""
    public_score: float | None = None
    private_score: float | None = None
    kept_metrics: Mapping[str, Metrics] = field(default_factory=dict, hash=False)


def archive_side(
    archive: Path, cancelled: CancelCheck = never, *, keep_bytes: int = KEPT_BYTES
) -> Side:
    """Return the masks of a submission archive, with the settings of the manifest beside it.

    Parameters
    ----------
    archive : Path
        Hostile until it was found valid; of masks {0, 1} or {0, 255}, for any fragments.
    cancelled : callable
        Asked before every slice.
    keep_bytes : int
        As for `open_submission`.

    Raises
    ------
    VolumeError
        If it is not valid, or changed meanwhile.
    OSError
        If it cannot be opened.
    Cancelled
        If ``cancelled()`` became True; the one of the files.
    """
    stamp = FileStamp.of(Origin(archive))
    masks, shapes = open_any_submission(archive, cancelled, keep_bytes)
    files = (HashedFile(archive, file_sha256(archive)),)
    stamp.check()
    side = Side(
        archive.name,
        SideKind.ARCHIVE,
        {
            image_id: SideMask(
                shapes[image_id], partial(_read_member, masks.read, image_id, archive)
            )
            for image_id in sorted(shapes)
        },
        files=files,
    )
    digests = {name: summary.mask_sha256 for name, summary in masks.summaries.items()}
    return _with_manifest(
        side, manifest_path(archive), lambda recorded: recorded.fault_of_masks(digests)
    )


def folder_side(folder: Path) -> Side:
    """Return the masks that a run has written into a folder, or any folder's, with their settings.

    Parameters
    ----------
    folder : Path
        Holds ``masks``, or the masks themselves, one volume a fragment.

    Raises
    ------
    FragmentError
        If there is no volume, two of one fragment, or a name that no fragment can have.
    VolumeError
        If a volume cannot be opened.
    OSError
        If the folder cannot be listed.
    """
    paths = volumes_in(folder, MASK_FOLDERS)
    volumes = {
        image_id: open_volume(path, role=Role.IMAGE, image_id=image_id)
        for image_id, path in paths.items()
    }
    digests = {image_id: volume.fingerprint() for image_id, volume in volumes.items()}
    side = Side(
        folder.name or str(folder),
        SideKind.FOLDER,
        {image_id: _volume_mask(volume, image_id) for image_id, volume in volumes.items()},
        files=tuple(HashedFile(paths[image_id], digests[image_id]) for image_id in paths),
    )
    return _with_manifest(
        side, folder / "manifest.json", lambda recorded: recorded.fault_of_files(digests)
    )


def file_side(path: Path) -> Side:
    """Return a single mask, whatever its name.

    Parameters
    ----------
    path : Path
        A volume.

    Raises
    ------
    FragmentError
        If no fragment can have its name.
    VolumeError
        If it cannot be opened.
    """
    image_id = checked_image_id(image_id_of(path), path)
    volume = open_volume(path, role=Role.IMAGE, image_id=image_id)
    return Side(
        path.name,
        SideKind.FILE,
        {image_id: _volume_mask(volume, image_id)},
        files=(HashedFile(path, volume.fingerprint()),),
    )


def _read_member(
    read: Callable[[str, CancelCheck], np.ndarray],
    image_id: str,
    archive: Path,
    cancelled: CancelCheck,
) -> Mask:
    return binary_mask(read(image_id, cancelled), image_id, archive)


def _volume_mask(volume: Volume, image_id: str) -> SideMask:
    def read(_cancelled: CancelCheck) -> Mask:
        return binary_mask(read_once(volume), image_id, volume.path)

    return SideMask(volume.shape, read)


def _with_manifest(side: Side, path: Path, fault_of: Callable[[RecordedRun], str | None]) -> Side:
    """Return the side with what its manifest tells, if there is one and it tells of these masks."""
    try:
        recorded = read_manifest(path)
    except FileNotFoundError:
        return side
    except (ManifestError, OSError) as error:
        return replace(side, notes=(*side.notes, f"{error}; the settings are not known"))
    fault = fault_of(recorded)
    if fault is not None:
        return replace(side, notes=(*side.notes, f"{fault}; the settings are not known"))
    return replace(side, settings=recorded.settings, tag=shown(recorded.tag))
