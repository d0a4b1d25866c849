"""The manifest beside masks: the run that made them, and whether it describes these."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from napari_nx46.data.fragments import FragmentError
from napari_nx46.files.naming import first_few, image_id_fault, printable
from napari_nx46.files.regular import open_regular
from napari_nx46.files.submission.validation import MAX_MEMBERS
from napari_nx46.setting import Setting
from napari_nx46.setting.errors import faults_of

__all__ = [
    "LARGEST_MANIFEST_BYTES",
    "ManifestError",
    "RecordedFragment",
    "RecordedRun",
    "file_sha256",
    "read_manifest",
]

LARGEST_MANIFEST_BYTES = 64 * 2**20
"""Some kilobytes a fragment, and a number a slice; anything beyond this is no manifest."""


Sha256 = Annotated[str, Field(pattern=r"\A[0-9a-f]{64}\z")]


class ManifestError(FragmentError):
    """A manifest that cannot be used; the message names it and says what was found."""


@dataclass(frozen=True, slots=True)
class RecordedFragment:
    """What a manifest says of one fragment.

    Parameters
    ----------
    setting : Setting
    mask_sha256 : str
        SHA-256, in hexadecimal, of the voxels as uint8 {0, 1} in C order (Z, Y, X).
    member_sha256 : str
        SHA-256, in hexadecimal, of the mask's TIFF.
    """

    setting: Setting
    mask_sha256: str
    member_sha256: str


@dataclass(frozen=True, slots=True)
class RecordedRun:
    """What a manifest says.

    Parameters
    ----------
    path : Path
        The manifest.
    tag : str
        Of the run.
    fragments : mapping of str to RecordedFragment
        By image_id.
    """

    path: Path
    tag: str
    fragments: Mapping[str, RecordedFragment]

    @property
    def settings(self) -> dict[str, Setting]:
        """The setting of every fragment, by image_id."""
        return {image_id: entry.setting for image_id, entry in self.fragments.items()}

    def fault_of_masks(self, mask_sha256: Mapping[str, str]) -> str | None:
        """Say why the manifest describes other masks than these, if it does.

        Parameters
        ----------
        mask_sha256 : mapping of str to str
            SHA-256 of the masks' voxels by image_id.
        """
        recorded = {name: entry.mask_sha256 for name, entry in self.fragments.items()}
        return self._fault(recorded, mask_sha256)

    def fault_of_files(self, file_sha256: Mapping[str, str]) -> str | None:
        """Say why the manifest describes other files than these, if it does.

        Parameters
        ----------
        file_sha256 : mapping of str to str
            SHA-256 of the masks' TIFFs by image_id.
        """
        recorded = {name: entry.member_sha256 for name, entry in self.fragments.items()}
        return self._fault(recorded, file_sha256)

    def _fault(self, recorded: Mapping[str, str], found: Mapping[str, str]) -> str | None:
        wrong = sorted(
            name for name in recorded.keys() | found.keys() if recorded.get(name) != found.get(name)
        )
        if not wrong:
            return None
        return (
            f"{self.path} describes other masks than those beside it (fragment {first_few(wrong)})"
        )


def read_manifest(path: Path) -> RecordedRun:
    """Read a manifest, which may be anyone's.

    Parameters
    ----------
    path : Path
        As `napari_nx46.run.export.manifest.manifest_json` writes it.

    Returns
    -------
    RecordedRun

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    OSError
        If it cannot be read.
    ManifestError
        If it is too large, no manifest, or holds a setting that this program does not know.
    """
    with open_regular(path) as file:
        content = file.read(LARGEST_MANIFEST_BYTES + 1)
    if len(content) > LARGEST_MANIFEST_BYTES:
        raise ManifestError(
            f"{path}: found more than {LARGEST_MANIFEST_BYTES} bytes, expected a manifest"
        )
    try:
        manifest = _Manifest.model_validate_json(content)
    except ValidationError as error:
        raise ManifestError(f"{path}: found no manifest ({printable(faults_of(error))})") from error
    return RecordedRun(path, manifest.run_tag, _fragments(path, manifest))


def file_sha256(path: Path) -> str:
    """Return the SHA-256 of a file's bytes as 64 hexadecimal digits.

    Raises
    ------
    OSError
        If it cannot be read.
    """
    with open_regular(path) as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


class _Entry(BaseModel):
    """One fragment as the file says it; what else is there is not needed here."""

    model_config = ConfigDict(frozen=True, strict=True)

    image_id: str
    setting: Setting
    mask_sha256: Sha256
    member_sha256: Sha256


class _Manifest(BaseModel):
    """The parts of the file that are needed here."""

    model_config = ConfigDict(frozen=True, strict=True)

    run_tag: str
    fragments: Annotated[list[_Entry], Field(min_length=1, max_length=MAX_MEMBERS)]


def _fragments(path: Path, manifest: _Manifest) -> dict[str, RecordedFragment]:
    fragments: dict[str, RecordedFragment] = {}
    for entry in manifest.fragments:
        fault = image_id_fault(entry.image_id)
        if fault is None and entry.image_id in fragments:
            fault = "it is there twice"
        if fault is not None:
            raise ManifestError(
                f"{path}: found the fragment {printable(entry.image_id)!r}: {fault}"
            )
        fragments[entry.image_id] = RecordedFragment(
            entry.setting, entry.mask_sha256, entry.member_sha256
        )
    return fragments
