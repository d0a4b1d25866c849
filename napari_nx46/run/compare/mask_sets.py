"""The masks of an archive, a folder or a file, opened once for whatever reads them.

`setting_sides` makes sets of masks that are computed; `pairing` finds which masks belong together.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from functools import partial
from pathlib import Path

from napari_nx46.data.fragments import (
    FragmentError,
    Place,
    StorePlace,
    checked_image_id,
    sole_listing,
    volumes_of,
)
from napari_nx46.files.naming import ARCHIVE_SUFFIX, first_few, printable
from napari_nx46.files.submission.reading import SubmissionMasks, open_submission
from napari_nx46.files.volumes.opening import (
    Role,
    image_id_of,
    is_volume_folder,
    open_volume,
)
from napari_nx46.files.workspace import Metrics
from napari_nx46.run.compare.stored_mask import StoredMask, volume_mask
from napari_nx46.run.export.manifest_reading import (
    ManifestError,
    RecordedRun,
    file_sha256,
    read_manifest,
)
from napari_nx46.run.export.targets import manifest_path
from napari_nx46.setting import Setting
from napari_nx46.voxels.corrections.corrections import Corrections
from napari_nx46.voxels.workers import CancelCheck, never

__all__ = [
    "HashedFile",
    "MaskSet",
    "SetKind",
    "is_folder_of_volumes",
    "open_archive",
    "open_masks",
    "volumes_in",
]

KEPT_BYTES = 2**28
"""Memory for the masks of an archive, a bit a voxel; those beyond it are decoded twice."""
_MASK_FOLDERS = ("masks",)  # where a run keeps its masks


class SetKind(StrEnum):
    """What the masks of a set are taken from."""

    ARCHIVE = "archive"
    FOLDER = "folder"
    FILE = "mask file"
    SETTING = "setting"


@dataclass(frozen=True, slots=True)
class HashedFile:
    """A file that masks were read from.

    Parameters
    ----------
    path : Path or str
        The URL, of a store on a server.
    sha256 : str
        64 hexadecimal digits: of its bytes, or of all names and contents of a Zarr folder; of the
        metadata of a store on a server.
    """

    path: Path | str
    sha256: str


@dataclass(frozen=True, slots=True)
class MaskSet:
    """Masks of fragments and what is known of them; nothing is held open, no mask has been read.

    Parameters
    ----------
    name : str
        What people call it.
    kind : SetKind
    masks : mapping of str to StoredMask
        By image_id, ascending.
    path : Path, optional
        The archive, folder or file.
    files : tuple of HashedFile
        Empty unless the record was asked for.
    notes : tuple of str
        What a reader should know of the set.
    tag : str
        Of the run, where it is known.
    public_score, private_score : float, optional
        Leaderboard scores that the competition returned.
    kept_metrics : mapping of str to Metrics
        By image_id, the figures of the masks in the workspace.
    """

    name: str
    kind: SetKind
    masks: Mapping[str, StoredMask] = field(hash=False)
    path: Path | None = None
    files: tuple[HashedFile, ...] = ()
    notes: tuple[str, ...] = ()
    tag: str = ""
    public_score: float | None = None
    private_score: float | None = None
    kept_metrics: Mapping[str, Metrics] = field(default_factory=dict, hash=False)

    @property
    def settings(self) -> dict[str, Setting]:
        """The settings that are known, by image_id."""
        of_masks = {image_id: mask.setting for image_id, mask in self.masks.items()}
        return {image_id: setting for image_id, setting in of_masks.items() if setting is not None}

    def corrected(self, corrections: Mapping[str, Corrections]) -> MaskSet:
        """Return the set with the masks that are corrected by hand; a note says which.

        Parameters
        ----------
        corrections : mapping of str to Corrections
            By image_id; those of other fragments are passed over.

        Raises
        ------
        FragmentError
            If none of the masks is corrected, or shapes differ.
        """
        chosen = {name: one for name, one in corrections.items() if name in self.masks}
        if corrections and not chosen:
            raise FragmentError(
                f"{self.name}: found corrections of {first_few(sorted(corrections))}, expected "
                f"some of {first_few(sorted(self.masks))}"
            )
        masks = {name: self.masks[name].corrected(one) for name, one in chosen.items()}
        notes = (f"{self.name}: {first_few(sorted(masks))} corrected by hand",) if masks else ()
        return replace(self, masks={**self.masks, **masks}, notes=(*self.notes, *notes))

    def with_settings(self, settings: Mapping[str, Setting]) -> MaskSet:
        """Return the set with other settings of its masks; where there is none it is not known."""
        masks = {
            image_id: replace(mask, setting=settings.get(image_id))
            for image_id, mask in self.masks.items()
        }
        return replace(self, masks=masks)


# ---- opening -------------------------------------------------------------------------------


def open_masks(
    path: Place,
    *,
    image_id: str | None = None,
    channel: int | None = None,
    with_record: bool = False,
    keep_bytes: int = KEPT_BYTES,
    cancelled: CancelCheck = never,
) -> MaskSet:
    """Open the masks of a submission archive, a folder, a file or a store.

    Parameters
    ----------
    path : Path or StorePlace
        An archive, which is hostile until it was found valid, of masks {0, 1} or {0, 255}; a
        folder that holds ``masks``, or the masks themselves, one volume a fragment; a volume; or a
        store, each box of which is the mask of a fragment.
    image_id : str, optional
        What a single volume is called; by default as its file.
    channel : int, optional
        Of volumes that have several.
    with_record : bool
        Whether to hash the files, and to take settings and tag from the manifest beside them. A
        manifest that cannot be used, or is of other masks, is a note of the set.
    keep_bytes : int
        As for `napari_nx46.files.submission.reading.open_submission`.
    cancelled : callable
        Asked before every slice of an archive.

    Returns
    -------
    MaskSet
        With at least one mask.

    Raises
    ------
    FragmentError
        If there is nothing at the path, no volume in the folder, two of one fragment, or a name
        that no fragment can have.
    VolumeError
        If a volume cannot be opened, or an archive is not valid or changed meanwhile.
    OSError
        If a folder cannot be listed or an archive cannot be opened.
    Cancelled
        If ``cancelled()`` became True.
    """
    if isinstance(path, StorePlace):
        return _open_store(path, image_id, channel, with_record)
    if not path.exists():
        raise FragmentError(
            f"{path}: found nothing at this path, expected a mask, a folder of masks or a "
            "submission archive"
        )
    if is_folder_of_volumes(path):
        return _open_folder(path, channel, with_record)
    if path.suffix.lower() == ARCHIVE_SUFFIX and not path.is_dir():
        return open_archive(
            path, with_record=with_record, keep_bytes=keep_bytes, cancelled=cancelled
        )
    name = checked_image_id(image_id_of(path), path) if image_id is None else image_id
    volume = open_volume(path, role=Role.IMAGE, image_id=name, channel=channel)
    files = (HashedFile(path, volume.fingerprint()),) if with_record else ()
    return MaskSet(path.name, SetKind.FILE, {name: volume_mask(name, volume)}, path, files)


def open_archive(
    archive: Path,
    *,
    with_record: bool = False,
    keep_bytes: int = KEPT_BYTES,
    cancelled: CancelCheck = never,
) -> MaskSet:
    """Open the masks of a submission archive, whatever its name.

    Parameters
    ----------
    archive : Path
    with_record, keep_bytes, cancelled
        As for `open_masks`.

    Raises
    ------
    VolumeError, OSError, Cancelled
        As `open_masks`.
    """
    opened = open_submission(archive, keep_bytes=keep_bytes, cancelled=cancelled)
    masks = {
        image_id: StoredMask(
            image_id, opened.summaries[image_id].shape, archive, partial(opened.read, image_id)
        )
        for image_id in sorted(opened.summaries)
    }
    found = MaskSet(archive.name, SetKind.ARCHIVE, masks, archive)
    return _with_archive_record(found, archive, opened) if with_record else found


def is_folder_of_volumes(path: Path) -> bool:
    """Return whether a path is a folder, but not one that is a single volume."""
    return path.is_dir() and not is_volume_folder(path)


def volumes_in(folder: Path, inside: Iterable[str] = ()) -> dict[str, Path]:
    """Return the volumes in a folder, or in the first such folder in it, by image_id, ascending.

    Parameters
    ----------
    folder : Path
    inside : iterable of str
        Names of folders.

    Raises
    ------
    FragmentError
        If there is no volume, two files are of one fragment, or a name is one that no fragment can
        have.
    OSError
        If the folder cannot be listed.
    """
    return dict(sorted(sole_listing(folder, inside).files.items()))


def _open_store(
    place: StorePlace, image_id: str | None, channel: int | None, with_record: bool
) -> MaskSet:
    volumes = volumes_of(place, Role.IMAGE, channel)
    if image_id is not None and len(volumes) == 1:
        volumes = {image_id: next(iter(volumes.values()))}
    masks = {name: volume_mask(name, volume) for name, volume in volumes.items()}
    opened = list(volumes.values()) if with_record else []
    files = tuple(HashedFile(one.path or one.name, one.fingerprint()) for one in opened)
    kind = SetKind.FILE if len(masks) == 1 else SetKind.FOLDER
    return MaskSet(place.name, kind, masks, next(iter(volumes.values())).path, files)


def _open_folder(folder: Path, channel: int | None, with_record: bool) -> MaskSet:
    paths = volumes_in(folder, _MASK_FOLDERS)
    volumes = {
        image_id: open_volume(path, role=Role.IMAGE, image_id=image_id, channel=channel)
        for image_id, path in paths.items()
    }
    masks = {image_id: volume_mask(image_id, volume) for image_id, volume in volumes.items()}
    opened = MaskSet(folder.name or str(folder), SetKind.FOLDER, masks, folder)
    if not with_record:
        return opened
    digests = {image_id: volume.fingerprint() for image_id, volume in volumes.items()}
    files = tuple(HashedFile(paths[name], digest) for name, digest in digests.items())
    return _with_manifest(
        replace(opened, files=files),
        folder / "manifest.json",
        lambda recorded: recorded.fault_of_files(digests),
    )


def _with_archive_record(found: MaskSet, archive: Path, opened: SubmissionMasks) -> MaskSet:
    files = (HashedFile(archive, file_sha256(archive)),)
    opened.stamp.check()
    digests = {name: summary.mask_sha256 for name, summary in opened.summaries.items()}
    return _with_manifest(
        replace(found, files=files),
        manifest_path(archive),
        lambda recorded: recorded.fault_of_masks(digests),
    )


def _with_manifest(
    found: MaskSet, path: Path, fault_of: Callable[[RecordedRun], str | None]
) -> MaskSet:
    """Return the set with what its manifest holds, if there is one and it is of these masks."""
    try:
        recorded = read_manifest(path)
    except FileNotFoundError:
        return found
    except (ManifestError, OSError) as error:
        return replace(found, notes=(*found.notes, f"{error}; the settings are not known"))
    fault = fault_of(recorded)
    if fault is not None:
        return replace(found, notes=(*found.notes, f"{fault}; the settings are not known"))
    return replace(found.with_settings(recorded.settings), tag=printable(recorded.tag))
