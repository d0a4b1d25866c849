"""Reading the masks of anyone's submission archive, once it was found valid."""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from napari_nx46.files.atomic import never, stop_if
from napari_nx46.files.naming import MASK_SUFFIX
from napari_nx46.files.submission.findings import MaskSummary
from napari_nx46.files.submission.mask_check import MaskRules, check_mask
from napari_nx46.files.submission.mask_tiff import MaskValues, Shape
from napari_nx46.files.submission.validation import (
    largest_member,
    temporary_mask,
    validate_submission,
)
from napari_nx46.files.submission.zip_check import ZipFault, open_zip
from napari_nx46.files.volumes.origin import FileStamp, Origin, VolumeError

__all__ = ["ANY_DENSITY", "SubmissionMasks", "open_submission"]

ANY_DENSITY = (0.0, 1.0)
"""The band of an archive that is read, whatever its densities."""
_CHUNK_BYTES = 2**20
_MOST_ERRORS_SHOWN = 5


@dataclass(frozen=True, slots=True)
class SubmissionMasks:
    """The masks of a valid archive; made by `open_submission`. Nothing is held open.

    Attributes
    ----------
    stamp : FileStamp
        The archive when it was validated.
    profile : MaskValues
        The values of its masks.
    summaries : mapping
        image_id to what the validation found the mask to be.
    kept_pages : mapping
        image_id to the packed pages of a mask that was kept when it was validated.
    """

    stamp: FileStamp
    profile: MaskValues
    summaries: Mapping[str, MaskSummary]
    kept_pages: Mapping[str, Sequence[NDArray[np.uint8]]] = field(repr=False)

    @property
    def path(self) -> Path:
        """The archive."""
        return self.stamp.origin.path

    def read(self, image_id: str, cancelled: Callable[[], bool] = never) -> NDArray[np.uint8]:
        """Return a mask as it was validated, decoding it again if it was not kept.

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
        if image_id in self.kept_pages:
            return self._unpacked(image_id, summary.shape, cancelled)
        member = image_id + MASK_SUFFIX
        pages: list[NDArray[np.uint8]] = []
        rules = MaskRules(summary.shape, self.profile, ANY_DENSITY, largest_member(summary.shape))
        with temporary_mask() as path:
            with path.open("wb") as file:
                self._unpack(member, rules.most_voxels, file)
            check = check_mask(
                path, image_id, member, rules, lambda: stop_if(cancelled), pages.append
            )
        if check.summary != summary:
            raise self._changed(member)
        return np.stack(pages)

    def _unpacked(
        self, image_id: str, shape: Shape, cancelled: Callable[[], bool]
    ) -> NDArray[np.uint8]:
        mask = np.empty(shape, np.uint8)
        for plane, bits in zip(mask, self.kept_pages[image_id], strict=True):
            stop_if(cancelled)
            binary = np.unpackbits(bits, count=plane.size).reshape(plane.shape)
            np.multiply(binary, self.profile.foreground, out=plane)
        return mask

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
    path: Path,
    expected: Mapping[str, Shape] | None = None,
    *,
    keep_bytes: int = 0,
    cancelled: Callable[[], bool] = never,
) -> SubmissionMasks:
    """Validate an archive, which is hostile until checked, so that its masks can be read.

    Parameters
    ----------
    path : Path
        The archive, of masks {0, 1} or of masks {0, 255}.
    expected : mapping, optional
        image_id to shape (Z, Y, X) of every fragment that must be there, and no other. By
        default any fragment of any shape.
    keep_bytes : int
        Memory for the masks that were decoded for the validation, a bit a voxel: those that fit
        are not decoded again when they are read.
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
    kept = _KeptPages(keep_bytes)
    report = validate_submission(
        path,
        expected=expected,
        profile=None,
        band=ANY_DENSITY,
        cancelled=cancelled,
        keep=kept.add,
    )
    if not report.ok:
        reported = [str(fault) for fault in report.errors[:_MOST_ERRORS_SHOWN]]
        if len(report.errors) > len(reported):
            reported.append(f"and {len(report.errors) - len(reported)} more")
        fragments = "label" if expected is not None else "fragment"
        raise stamp.origin.error(
            f"no valid submission: {'; '.join(reported)}",
            f"one mask, of values {{0, 1}} or {{0, 255}}, for every {fragments}",
        )
    summaries = {mask.image_id: mask for mask in report.masks}
    return SubmissionMasks(stamp, report.profile, summaries, kept.pages)


class _KeptPages:
    """Pages of masks, a bit a voxel, as long as they take no more than so many bytes together.

    Parameters
    ----------
    most_bytes : int
    """

    def __init__(self, most_bytes: int) -> None:
        self.pages: dict[str, list[NDArray[np.uint8]]] = {}
        self._left = most_bytes
        self._is_full = False

    def add(self, image_id: str, page: NDArray[np.uint8]) -> None:
        """Keep the next page of a mask, if there is room; else no page of it, nor of later ones."""
        if self._is_full:
            return
        bits = np.packbits(page > 0)
        self._left -= bits.nbytes
        if self._left < 0:
            self._is_full = True
            self.pages.pop(image_id, None)
            return
        self.pages.setdefault(image_id, []).append(bits)
