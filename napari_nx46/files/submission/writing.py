"""Writing submission archives and single masks, whole or not at all.

What is written is read back by another reader and compared with what was meant before it takes
the place of an older file.
"""

from __future__ import annotations

import hashlib
import tempfile
import zipfile
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from napari_nx46.files.atomic import never, stop_if, write_beside, write_together
from napari_nx46.files.naming import MASK_SUFFIX, folded, image_id_fault
from napari_nx46.files.submission.findings import Finding, ValidationReport, error
from napari_nx46.files.submission.mask_tiff import (
    Compression,
    MaskError,
    MaskValues,
    Shape,
    check_shape,
    iterate_slices,
    write_mask,
)
from napari_nx46.files.submission.pillow_pages import pillow_pages
from napari_nx46.files.submission.validation import (
    MAX_MEMBERS,
    validate_mask_file,
    validate_submission,
)
from napari_nx46.setting import DEFAULT_BAND

Progress = Callable[[str, int, int], None]
"""Called with the ``image_id``, the slices done and the slices in all, after every slice."""

Companions = Callable[[tuple["Member", ...]], Mapping[Path, bytes]]
"""Turns the members written into the content of files that are to appear with the archive."""

_FIXED_DATE = (1980, 1, 1, 0, 0, 0)
_UNIX = 3
_REGULAR_FILE_RW_R_R = 0o100644 << 16
_CHUNK_BYTES = 2**20
_MOST_ERRORS_SHOWN = 5


class SubmissionError(ValueError):
    """What was written did not stand up to validation, so it was not kept.

    Parameters
    ----------
    target : Path
        The file that was to be written.
    report : ValidationReport
        What the validation found.
    """

    def __init__(self, target: Path, report: ValidationReport) -> None:
        reported = [str(found) for found in report.errors[:_MOST_ERRORS_SHOWN]]
        if len(report.errors) > len(reported):
            reported.append(f"and {len(report.errors) - len(reported)} more")
        super().__init__(
            f"{target} was not written, because it would not be valid: {'; '.join(reported)}"
        )
        self.target = target
        self.report = report


@dataclass(frozen=True, slots=True)
class MaskStream:
    """A mask that is computed while it is written.

    Attributes
    ----------
    image_id : str
        The fragment; names the member.
    shape : tuple of int
        (Z, Y, X).
    slabs : callable
        Returns an iterator over uint8 arrays (n, Y, X) with values {0, 1}, consecutive in z.
        It is called once for each writing, and the iterator is closed if it is not used up.
    """

    image_id: str
    shape: Shape
    slabs: Callable[[], Iterator[NDArray[np.uint8]]]


@dataclass(frozen=True, slots=True)
class Member:
    """A mask that was written.

    Attributes
    ----------
    image_id : str
        The fragment.
    name : str
        Name of the member in the archive, or of the file.
    shape : tuple of int
        (Z, Y, X).
    density : float
        Share of foreground voxels, in [0, 1].
    mask_sha256 : str
        SHA-256, in hexadecimal, of the voxels as uint8 {0, 1} in C order (Z, Y, X).
    member_sha256 : str
        SHA-256, in hexadecimal, of the TIFF.
    size : int
        Bytes of the TIFF.
    """

    image_id: str
    name: str
    shape: Shape
    density: float
    mask_sha256: str
    member_sha256: str
    size: int


@dataclass(frozen=True, slots=True)
class ArchiveResult:
    """A written archive: its members in order, the report of reading it back, and its SHA-256."""

    members: tuple[Member, ...]
    report: ValidationReport
    sha256: str


def write_archive(
    target: Path,
    masks: Iterable[MaskStream],
    *,
    compression: Compression = Compression.ZLIB,
    profile: MaskValues = MaskValues.KAGGLE,
    band: tuple[float, float] = DEFAULT_BAND,
    progress: Progress | None = None,
    cancelled: Callable[[], bool] = never,
    companions: Companions | None = None,
    complete: Callable[[ArchiveResult], None] | None = None,
) -> ArchiveResult:
    """Stream masks into a submission archive.

    Each mask goes slice by slice into a nameless TIFF and from there, stored as it is, into a
    partial of the archive. The partial is validated with Pillow, its decoded voxels are compared
    with the streamed ones, and only then it is flushed to the disk and renamed. The same masks in
    the same order give the same bytes.

    Parameters
    ----------
    target : Path
        The archive, new or old.
    masks : iterable of MaskStream
        At least one, each fragment once.
    compression : Compression
        Compression of the TIFF pages.
    profile : MaskValues
        The values written: {0, 1} or {0, 255}.
    band : tuple of float
        Lowest and highest density that need no warning in the report.
    progress : callable, optional
        Called with ``(image_id, slices_done, slices_total)`` after every slice.
    cancelled : callable
        Asked before every slice, while writing and while reading back.
    companions : callable, optional
        Called with the members once the archive is validated; returns the content of further
        files by path. They are complete before the archive is renamed and renamed right after it.
    complete : callable, optional
        Called with the result once everything is complete, right before the archive is renamed.

    Returns
    -------
    ArchiveResult
        The members and the report; the report's path is the target.

    Raises
    ------
    MaskError
        If there is nothing to write, a fragment is there twice or cannot name a file, or a stream
        does not make up a binary mask of its shape.
    SubmissionError
        If what was written turned out not to be valid.
    Cancelled
        If ``cancelled()`` became True.
    WriteError
        If a target cannot be written, e.g. the disk is full.
    """
    streams = _checked_streams(masks)
    with write_together() as batch:
        partial = batch.add(target)
        members = _pack(partial, streams, compression, profile, progress, cancelled)
        read_back = validate_submission(
            partial,
            expected={stream.image_id: stream.shape for stream in streams},
            profile=profile,
            band=band,
            cancelled=cancelled,
            reader=pillow_pages,
        )
        report = _compared(target, members, read_back)
        further = companions(members) if companions is not None else {}
        for path, content in further.items():
            batch.add(path).write_bytes(content)
        with partial.open("rb") as file:
            result = ArchiveResult(members, report, hashlib.file_digest(file, "sha256").hexdigest())
        stop_if(cancelled)
        if complete is not None:
            complete(result)
    return result


def write_mask_file(
    target: Path,
    stream: MaskStream,
    *,
    compression: Compression = Compression.ZLIB,
    profile: MaskValues = MaskValues.KAGGLE,
    band: tuple[float, float] = DEFAULT_BAND,
    progress: Progress | None = None,
    cancelled: Callable[[], bool] = never,
) -> Member:
    """Stream one mask into a TIFF of its own, with the same care as an archive.

    Parameters
    ----------
    target : Path
        The TIFF, new or old; its folder must exist.
    stream : MaskStream
        The mask.
    compression, profile, band, progress, cancelled
        As for `write_archive`.

    Returns
    -------
    Member
        What was written; its name is the file's.

    Raises
    ------
    MaskError, SubmissionError, Cancelled, WriteError
        As for `write_archive`.
    """
    check_shape(stream.shape, stream.image_id)
    with write_beside(target) as partial:
        with partial.open("w+b") as file:
            member = _write_tiff(
                file, target.name, stream, compression, profile, progress, cancelled
            )
        read_back = validate_mask_file(
            partial,
            image_id=stream.image_id,
            name=target.name,
            expected_shape=stream.shape,
            profile=profile,
            band=band,
            cancelled=cancelled,
            reader=pillow_pages,
        )
        _compared(target, (member,), read_back)
        stop_if(cancelled)
    return member


def _checked_streams(masks: Iterable[MaskStream]) -> tuple[MaskStream, ...]:
    """Return the masks, known to make up an archive as far as can be said beforehand."""
    streams = tuple(masks)
    if not 1 <= len(streams) <= MAX_MEMBERS:
        raise MaskError(f"found {len(streams)} masks to write, expected 1 to {MAX_MEMBERS}")
    seen: set[str] = set()
    for stream in streams:
        fault = image_id_fault(stream.image_id)
        if fault is not None:
            raise MaskError(f"image_id {stream.image_id!r} cannot name a member: {fault}")
        if folded(stream.image_id) in seen:
            raise MaskError(f"image_id {stream.image_id!r} is there twice, expected it once")
        seen.add(folded(stream.image_id))
        check_shape(stream.shape, stream.image_id)
        if stream.shape[0] == 1:
            raise MaskError(
                f"{stream.image_id}: found a single slice, expected the slices of a 3D mask; "
                "an archive of single slices is not valid"
            )
    return streams


def _pack(
    partial: Path,
    streams: tuple[MaskStream, ...],
    compression: Compression,
    profile: MaskValues,
    progress: Progress | None,
    cancelled: Callable[[], bool],
) -> tuple[Member, ...]:
    """Write the archive, one mask after the other."""
    members: list[Member] = []
    with zipfile.ZipFile(partial, "w", zipfile.ZIP_STORED, allowZip64=True) as archive:
        for stream in streams:
            # Beside the archive, so that the disk that must have room anyway is the one used.
            with tempfile.TemporaryFile(dir=partial.parent) as file:
                name = stream.image_id + MASK_SUFFIX
                member = _write_tiff(file, name, stream, compression, profile, progress, cancelled)
                _store(archive, member, file)
            members.append(member)
    return tuple(members)


def _store(archive: zipfile.ZipFile, member: Member, file: BinaryIO) -> None:
    """Copy a TIFF into the archive as it is, with nothing in its entry that varies."""
    info = zipfile.ZipInfo(member.name, _FIXED_DATE)
    info.create_system = _UNIX
    info.external_attr = _REGULAR_FILE_RW_R_R
    info.compress_type = zipfile.ZIP_STORED
    info.file_size = member.size  # lets zipfile decide on ZIP64 before it writes
    file.seek(0)
    with archive.open(info, "w") as entry:
        while chunk := file.read(_CHUNK_BYTES):
            entry.write(chunk)


def _write_tiff(
    file: BinaryIO,
    name: str,
    stream: MaskStream,
    compression: Compression,
    profile: MaskValues,
    progress: Progress | None,
    cancelled: Callable[[], bool],
) -> Member:
    """Write one mask into an empty file and return what it has become."""
    tally = Tally()
    write_mask(
        file,
        watched(stream, tally, progress, cancelled),
        stream.shape,
        compression=compression,
        foreground=profile.foreground,
        name=stream.image_id,
    )
    size, digest = _size_and_digest(file)
    return Member(
        image_id=stream.image_id,
        name=name,
        shape=stream.shape,
        density=tally.foreground / int(np.prod(stream.shape, dtype=np.int64)),
        mask_sha256=tally.hash.hexdigest(),
        member_sha256=digest,
        size=size,
    )


class Tally:
    """What has gone through a stream so far.

    Attributes
    ----------
    hash : hash object
        SHA-256 of the voxels as uint8 {0, 1}.
    foreground : int
        Number of foreground voxels.
    """

    def __init__(self) -> None:
        self.hash = hashlib.sha256()
        self.foreground = 0


def watched(
    stream: MaskStream, tally: Tally, progress: Progress | None, cancelled: Callable[[], bool]
) -> Generator[NDArray[np.uint8], None, None]:
    """Pass a stream on as slabs of one slice, counting, saying and asking at every slice.

    Parameters
    ----------
    stream : MaskStream
    tally : Tally
        Counts what went through.
    progress, cancelled
        As for `write_archive`.

    Yields
    ------
    (1, Y, X) array of uint8, {0, 1}

    Raises
    ------
    MaskError
        If the stream does not make up a binary mask of its shape.
    Cancelled
        If ``cancelled()`` became True.
    """
    slabs = stream.slabs()
    try:
        stop_if(cancelled)
        for z, page in enumerate(iterate_slices(slabs, stream.shape, stream.image_id)):
            tally.hash.update(page.data)
            tally.foreground += int(np.count_nonzero(page))
            yield page[np.newaxis]
            if progress is not None:
                progress(stream.image_id, z + 1, stream.shape[0])
            stop_if(cancelled)
    finally:
        # A source may hold threads or files: it is notified at once that it is not wanted any more.
        if isinstance(slabs, Generator):
            slabs.close()


def _size_and_digest(file: BinaryIO) -> tuple[int, str]:
    file.flush()
    file.seek(0)
    digest = hashlib.sha256()
    while chunk := file.read(_CHUNK_BYTES):
        digest.update(chunk)
    return file.tell(), digest.hexdigest()


def _compared(
    target: Path, members: tuple[Member, ...], report: ValidationReport
) -> ValidationReport:
    """Return the report under the target's name, or raise if what was read is not what was meant.

    A codec at fault can give a mask that is valid in itself; only the voxels' digest shows it.
    """
    streamed = {member.image_id: member.mask_sha256 for member in members}
    altered: tuple[Finding, ...] = tuple(
        error(
            "altered-voxels",
            mask.image_id,
            f"found voxels with SHA-256 {mask.mask_sha256} on reading back, "
            f"expected {streamed[mask.image_id]}",
        )
        for mask in report.masks
        if mask.mask_sha256 != streamed[mask.image_id]
    )
    result = replace(report, path=target, findings=report.findings + altered)
    if not result.ok:
        raise SubmissionError(target, result)
    return result
