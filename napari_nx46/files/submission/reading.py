"""Reading the masks of anyone's submission archive, once it was found valid."""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from napari_nx46.files.atomic import never, stop_if
from napari_nx46.files.naming import MASK_SUFFIX
from napari_nx46.files.submission.findings import MaskSummary, ValidationReport
from napari_nx46.files.submission.mask_check import MaskRules, check_mask
from napari_nx46.files.submission.mask_tiff import Profile, Shape
from napari_nx46.files.submission.validation import (
    largest_member,
    temporary_mask,
    validate_submission,
)
from napari_nx46.files.submission.zip_check import ZipFault, open_zip
from napari_nx46.files.volumes.origin import FileStamp, Origin, VolumeError

__all__ = ["SubmissionMasks", "open_submission"]

_ANY_DENSITY = (0.0, 1.0)
_CHUNK_BYTES = 2**20
_MOST_ERRORS_TOLD = 5


@dataclass(frozen=True, slots=True)
class SubmissionMasks:
    """The masks of a valid archive; made by `open_submission`. Nothing is held open.

    Attributes
    ----------
    stamp : FileStamp
        The archive when it was validated.
    profile : Profile
        The values of its masks.
    summaries : mapping
        image_id to what the validation found the mask to be.
    """

    stamp: FileStamp
    profile: Profile
    summaries: Mapping[str, MaskSummary]

    @property
    def path(self) -> Path:
        """The archive."""
        return self.stamp.origin.path

    def read(self, image_id: str, cancelled: Callable[[], bool] = never) -> NDArray[np.uint8]:
        """Read a mask, and check that it is the one that was validated.

        Parameters
        ----------
        image_id : str
            One of `summaries`.
        cancelled : callable
            Asked before every slice.

        Returns
        -------
        ndarray of uint8
            (Z, Y, X), {0, 1} or {0, 255} as stored.

        Raises
        ------
        VolumeError
            If the archive has been changed since.
        Cancelled
            If ``cancelled()`` became True.
        """
        self.stamp.check()
        summary = self.summaries[image_id]
        member = image_id + MASK_SUFFIX
        pages: list[NDArray[np.uint8]] = []
        rules = MaskRules(summary.shape, self.profile, _ANY_DENSITY, largest_member(summary.shape))
        with temporary_mask() as path:
            with path.open("wb") as file:
                self._unpack(member, rules.most_voxels, file)
            check = check_mask(
                path, image_id, member, rules, lambda: stop_if(cancelled), pages.append
            )
        if check.summary != summary:
            raise self._changed(member)
        return np.stack(pages)

    def _unpack(self, member: str, most_bytes: int, target: BinaryIO) -> None:
        left = most_bytes
        try:
            with open_zip(self.path) as archive, archive.open(member) as source:
                while chunk := source.read(min(_CHUNK_BYTES, left + 1)):
                    left -= len(chunk)
                    if left < 0:
                        raise self._changed(member)
                    target.write(chunk)
        except (
            zipfile.BadZipFile,
            zlib.error,
            KeyError,
            EOFError,
            NotImplementedError,
            ZipFault,
        ) as fault:
            raise self._changed(member) from fault

    def _changed(self, member: str) -> VolumeError:
        return self.stamp.origin.error(
            f"another {member} than was validated", "an archive that nobody changes meanwhile"
        )


def open_submission(
    path: Path, expected: Mapping[str, Shape], *, cancelled: Callable[[], bool] = never
) -> SubmissionMasks:
    """Validate an archive, which is hostile until checked, so that its masks can be read.

    Parameters
    ----------
    path : Path
        The archive, of masks {0, 1} or of masks {0, 255}.
    expected : mapping
        image_id to shape (Z, Y, X) of every fragment that must be there, and no other.
    cancelled : callable
        Asked before every slice.

    Returns
    -------
    SubmissionMasks

    Raises
    ------
    VolumeError
        If the archive is not valid; the message lists the first errors.
    OSError
        If the file cannot be opened.
    Cancelled
        If ``cancelled()`` became True.
    """
    stamp = FileStamp.of(Origin(path))

    def validated(profile: Profile) -> ValidationReport:
        return validate_submission(
            path, expected=expected, profile=profile, band=_ANY_DENSITY, cancelled=cancelled
        )

    report = validated(Profile.KAGGLE)
    if report.errors and all(fault.code == "wrong-values" for fault in report.errors):
        other = validated(Profile.NX47)
        report = other if other.ok else report
    if not report.ok:
        told = [str(fault) for fault in report.errors[:_MOST_ERRORS_TOLD]]
        if len(report.errors) > len(told):
            told.append(f"and {len(report.errors) - len(told)} more")
        raise stamp.origin.error(
            f"no valid submission: {'; '.join(told)}",
            "one mask, of values {0, 1} or {0, 255}, for every label",
        )
    return SubmissionMasks(stamp, report.profile, {mask.image_id: mask for mask in report.masks})
