"""What a validation finds: findings, summaries of masks, the report."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from napari_nx46.files.submission.mask_tiff import MaskValues, Shape

JsonValue = str | int | float | bool | None | list["JsonValue"] | dict[str, "JsonValue"]


class Severity(StrEnum):
    """How bad a finding is."""

    ERROR = "error"
    """The archive cannot be scored."""
    WARNING = "warning"
    """It can be scored, but something is probably not meant."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing found in an archive.

    Attributes
    ----------
    severity : Severity
        Error or warning.
    code : str
        Stable name of the kind of finding, e.g. ``"wrong-shape"``.
    member : str or None
        The member or fragment it is about, safe to print; None for the archive as a whole.
    message : str
        What was found and what was expected.
    """

    severity: Severity
    code: str
    member: str | None
    message: str

    def to_dict(self) -> dict[str, JsonValue]:
        """Return the finding as plain values for JSON."""
        return {
            "severity": self.severity.value,
            "code": self.code,
            "member": self.member,
            "message": self.message,
        }

    def __str__(self) -> str:
        """Return the finding as one line of text."""
        about = f"{self.member}: " if self.member is not None else ""
        return f"{self.severity.value} [{self.code}] {about}{self.message}"


def error(code: str, member: str | None, message: str) -> Finding:
    """Return a finding that is an error; see `Finding`."""
    return Finding(Severity.ERROR, code, member, message)


def warning(code: str, member: str | None, message: str) -> Finding:
    """Return a finding that is a warning; see `Finding`."""
    return Finding(Severity.WARNING, code, member, message)


@dataclass(frozen=True, slots=True)
class MaskSummary:
    """A mask that could be read to its last voxel.

    Attributes
    ----------
    image_id : str
        The fragment.
    shape : tuple of int
        (Z, Y, X).
    density : float
        Share of voxels above 0, in [0, 1].
    mask_sha256 : str
        SHA-256, in hexadecimal, of the voxels above 0 as uint8 {0, 1} in C order (Z, Y, X).
    """

    image_id: str
    shape: Shape
    density: float
    mask_sha256: str

    def to_dict(self) -> dict[str, JsonValue]:
        """Return the summary as plain values for JSON."""
        return {
            "image_id": self.image_id,
            "shape": list(self.shape),
            "density": self.density,
            "mask_sha256": self.mask_sha256,
        }


@dataclass(frozen=True, slots=True)
class ValidationReport:
    """The outcome of a validation.

    Attributes
    ----------
    path : Path
        What was validated.
    profile : MaskValues
        The convention it was held against.
    findings : tuple of Finding
        Everything found, in the order of the archive.
    masks : tuple of MaskSummary
        The masks that could be read whole.
    """

    path: Path
    profile: MaskValues
    findings: tuple[Finding, ...]
    masks: tuple[MaskSummary, ...]

    @property
    def errors(self) -> tuple[Finding, ...]:
        """The findings that make the archive invalid."""
        return tuple(found for found in self.findings if found.severity is Severity.ERROR)

    @property
    def warnings(self) -> tuple[Finding, ...]:
        """The findings that do not make it invalid."""
        return tuple(found for found in self.findings if found.severity is Severity.WARNING)

    @property
    def ok(self) -> bool:
        """True if there is no error."""
        return not self.errors

    def to_dict(self) -> dict[str, JsonValue]:
        """Return the report as plain values for JSON."""
        return {
            "path": str(self.path),
            "profile": self.profile.value,
            "ok": self.ok,
            "errors": [found.to_dict() for found in self.errors],
            "warnings": [found.to_dict() for found in self.warnings],
            "masks": [mask.to_dict() for mask in self.masks],
        }
