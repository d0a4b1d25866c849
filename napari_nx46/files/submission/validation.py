"""Validating anyone's submission archive, which is hostile until checked."""

from __future__ import annotations

import stat
import tempfile
import zipfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from napari_nx46.files.atomic import never, stop_if
from napari_nx46.files.naming import MASK_SUFFIX, folded, image_id_fault, printable
from napari_nx46.files.regular import NotRegularFileError
from napari_nx46.files.submission.findings import (
    Finding,
    MaskSummary,
    Severity,
    ValidationReport,
    error,
)
from napari_nx46.files.submission.mask_check import (
    MaskCheck,
    MaskRules,
    PageReader,
    check_mask,
    stored_pages,
)
from napari_nx46.files.submission.mask_tiff import MaskValues, Shape
from napari_nx46.files.submission.zip_check import ZIP_DAMAGES, ZipFault, open_zip
from napari_nx46.files.volumes.tiff.structure import looks_like_tiff
from napari_nx46.setting import DEFAULT_BAND

PageKeeper = Callable[[str, NDArray[np.uint8]], None]

__all__ = [
    "DEFAULT_MAX_MEMBER_BYTES",
    "MAX_MEMBERS",
    "Finding",
    "MaskSummary",
    "Severity",
    "ValidationReport",
    "largest_member",
    "validate_mask_file",
    "validate_submission",
]

DEFAULT_MAX_MEMBER_BYTES = 2**30
"""Bytes, and voxels, of a mask whose shape is not known: 1024 x 1024 x 1024."""

MAX_MEMBERS = 4096
"""Members of an archive; the competition's test set has some hundred fragments."""

_CHUNK_BYTES = 2**20
_ENCRYPTED_FLAGS = 0x0001 | 0x0040 | 0x2000
_ZIP_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)


def largest_member(shape: Shape) -> int:
    """Return how many bytes a TIFF of a mask of this shape can have at most.

    Parameters
    ----------
    shape : tuple of int
        (Z, Y, X).

    Returns
    -------
    int
        Bytes: three for each voxel, which leaves room for padded tiles and for compression that
        fails to compress, tables of one-row strips, and 64 KiB for headers and descriptions.
    """
    z, y, x = shape
    return z * (3 * y * x + 64 * y + 4096) + 2**16


def validate_submission(
    path: Path,
    *,
    expected: Mapping[str, Shape] | None = None,
    profile: MaskValues | None = MaskValues.KAGGLE,
    band: tuple[float, float] = DEFAULT_BAND,
    max_member_bytes: int = DEFAULT_MAX_MEMBER_BYTES,
    cancelled: Callable[[], bool] = never,
    reader: PageReader = stored_pages,
    keep: PageKeeper = lambda _image_id, _page: None,
) -> ValidationReport:
    """Check an archive as the competition would, and more strictly.

    Bad content never raises: everything wrong with the archive is a finding of the report. Sizes
    are checked before anything is unpacked or decoded. A valid mask is read as a file too.

    Parameters
    ----------
    path : Path
        The archive.
    expected : mapping, optional
        ``image_id`` to shape (Z, Y, X) of every fragment that must be there, and no other.
        Without it any fragment of any shape is accepted.
    profile : MaskValues or None
        The values allowed: {0, 1} or {0, 255}. With None the first foreground voxel of the
        archive decides for all of its masks.
    band : tuple of float
        Lowest and highest density that need no warning, both included.
    max_member_bytes : int
        Most bytes that a member may declare, and most voxels that its TIFF may declare, where the
        shape is not known. Where it is, the limit is `largest_member` of it.
    cancelled : callable
        Asked before every slice.
    reader : callable
        Decodes the pages of the masks.
    keep : callable
        Called with the image_id and every page that was decoded, (Y, X) uint8, in ascending z.

    Returns
    -------
    ValidationReport
        The findings and a summary of every mask that could be read.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    OSError
        If the file cannot be opened.
    Cancelled
        If ``cancelled()`` became True.
    """
    run = _Run(path, expected, profile, band, max_member_bytes, cancelled, reader, keep)
    try:
        with open_zip(path) as archive:
            return _validate_members(run, archive)
    except ZipFault as fault:
        return run.report([error("not-a-zip", None, str(fault))])
    except NotRegularFileError as fault:
        message = f"found {fault.strerror}, expected a zip archive"
        return run.report([error("not-a-zip", None, message)])
    except IsADirectoryError:
        message = "found a folder, expected a zip archive"
        return run.report([error("not-a-zip", None, message)])


def validate_mask_file(
    path: Path,
    *,
    image_id: str | None = None,
    name: str | None = None,
    expected_shape: Shape | None = None,
    profile: MaskValues = MaskValues.KAGGLE,
    band: tuple[float, float] = DEFAULT_BAND,
    cancelled: Callable[[], bool] = never,
    reader: PageReader = stored_pages,
) -> ValidationReport:
    """Check a single mask TIFF that lies outside any archive.

    Parameters
    ----------
    path : Path
        The TIFF.
    image_id : str, optional
        The fragment; by default the file's name without suffix.
    name : str, optional
        What the findings call the mask; by default the file's name.
    expected_shape : tuple of int, optional
        (Z, Y, X).
    profile, band, cancelled, reader
        As for `validate_submission`.

    Returns
    -------
    ValidationReport
        The findings and the summary of the mask if it could be read.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    OSError
        If the file cannot be opened.
    Cancelled
        If ``cancelled()`` became True.
    """
    run = _Run(path, None, profile, band, DEFAULT_MAX_MEMBER_BYTES, cancelled, reader)
    rules = MaskRules(expected_shape, profile, band, DEFAULT_MAX_MEMBER_BYTES, one_slice=True)
    check = check_mask(
        path,
        path.stem if image_id is None else image_id,
        printable(path.name if name is None else name),
        rules,
        lambda: stop_if(cancelled),
        reader=reader,
    )
    return run.report(check.findings, () if check.summary is None else (check.summary,))


@dataclass(frozen=True, slots=True)
class _Run:
    """What one validation was asked for."""

    path: Path
    expected: Mapping[str, Shape] | None
    profile: MaskValues | None
    band: tuple[float, float]
    max_member_bytes: int
    cancelled: Callable[[], bool]
    reader: PageReader
    keep: PageKeeper = lambda _image_id, _page: None

    def shape_of(self, image_id: str) -> Shape | None:
        """Return the expected shape of a fragment, None if any will do."""
        return None if self.expected is None else self.expected[image_id]

    def byte_limit(self, image_id: str) -> int:
        """Return the most bytes that a fragment's member may declare."""
        shape = self.shape_of(image_id)
        return self.max_member_bytes if shape is None else largest_member(shape)

    def report(
        self,
        findings: list[Finding] | tuple[Finding, ...],
        masks: list[MaskSummary] | tuple[MaskSummary, ...] = (),
    ) -> ValidationReport:
        """Return the report of this validation."""
        profile = self.profile or MaskValues.KAGGLE
        return ValidationReport(self.path, profile, tuple(findings), tuple(masks))


def _validate_members(run: _Run, archive: zipfile.ZipFile) -> ValidationReport:
    """Check the list of members, then each mask in turn."""
    members = archive.infolist()
    if not members:
        return run.report([error("empty-archive", None, "found no member, expected masks")])
    if len(members) > MAX_MEMBERS:
        message = f"found {len(members)} members, expected at most {MAX_MEMBERS}"
        return run.report([error("too-large", None, message)])
    findings: list[Finding] = []
    masks: list[MaskSummary] = []
    seen: dict[str, str] = {}
    present: set[str] = set()
    for info in members:
        stop_if(run.cancelled)
        fault = _name_finding(info) or _duplicate_finding(info, seen)
        if fault is None:
            image_id = info.orig_filename.removesuffix(MASK_SUFFIX)
            present.add(image_id)
            fault = _membership_finding(run, info, image_id)
        if fault is not None:
            findings.append(fault)
            continue
        check = _validate_mask(run, archive, info, image_id)
        run = replace(run, profile=run.profile or check.profile)
        findings.extend(check.findings)
        if check.summary is not None:
            masks.append(check.summary)
    findings.extend(_missing_findings(run, present))
    return run.report(findings, masks)


def _name_finding(info: zipfile.ZipInfo) -> Finding | None:
    """Return what is wrong with a member's name or kind, seen without opening it."""
    # zipfile cuts a name at a NUL and turns separators; the archive's own bytes count.
    name = info.orig_filename
    is_mask = name.endswith(MASK_SUFFIX)
    fault = _kind_fault(info) or image_id_fault(name.removesuffix(MASK_SUFFIX))
    if fault is None and is_mask:
        return None
    wanted = f"expected [image_id]{MASK_SUFFIX} in the root of the archive"
    if fault is None:
        return error("not-tiff", printable(name), f"found a name without {MASK_SUFFIX}, {wanted}")
    return error(
        "unsafe-name", printable(name), f"found a name that cannot be used: {fault}; {wanted}"
    )


def _kind_fault(info: zipfile.ZipInfo) -> str | None:
    """Say why a member is not a regular file in the root, if it is not."""
    kind = stat.S_IFMT(info.external_attr >> 16)
    if kind == stat.S_IFLNK:
        return "it is a symbolic link"
    if info.orig_filename.endswith("/") or kind == stat.S_IFDIR:
        return "it is a folder"
    if kind not in (0, stat.S_IFREG):
        return "it is a special file"
    if "/" in info.orig_filename or "\\" in info.orig_filename:
        return "it has a path"
    return None


def _duplicate_finding(info: zipfile.ZipInfo, seen: dict[str, str]) -> Finding | None:
    """Return a finding if a member of this name, whatever its case, was there before."""
    name = info.orig_filename
    key = folded(name)
    if key not in seen:
        seen[key] = name
        return None
    return error(
        "duplicate",
        printable(name),
        f"found it again after {printable(seen[key])}, expected it once",
    )


def _membership_finding(run: _Run, info: zipfile.ZipInfo, image_id: str) -> Finding | None:
    """Return why a well-named member is not even unpacked."""
    member = printable(info.orig_filename)
    if run.expected is not None and image_id not in run.expected:
        return error("extra-fragment", member, "found a mask of a fragment that is not expected")
    if info.flag_bits & _ENCRYPTED_FLAGS:
        return error("encrypted", member, "found an encrypted member, expected a readable one")
    if info.compress_type not in _ZIP_METHODS:
        return error(
            "unsupported-compression",
            member,
            f"found zip method {info.compress_type}, expected stored or deflated",
        )
    limit = run.byte_limit(image_id)
    if info.file_size > limit:
        return error(
            "too-large",
            member,
            f"found {info.file_size} bytes declared, expected at most {limit} for a mask of "
            f"{_in_words(run.shape_of(image_id))}; it was not unpacked",
        )
    return None


def _in_words(shape: Shape | None) -> str:
    return "any shape" if shape is None else f"shape {shape}"


def _missing_findings(run: _Run, present: set[str]) -> list[Finding]:
    missing = sorted(set(run.expected or ()) - present)
    return [
        error(
            "missing-fragment", printable(image_id), f"found no {printable(image_id)}{MASK_SUFFIX}"
        )
        for image_id in missing
    ]


def _validate_mask(
    run: _Run, archive: zipfile.ZipFile, info: zipfile.ZipInfo, image_id: str
) -> MaskCheck:
    """Unpack one member into a temporary file and check it there."""
    member = printable(info.orig_filename)
    rules = MaskRules(run.shape_of(image_id), run.profile, run.band, run.max_member_bytes)
    with temporary_mask() as path:
        with path.open("wb") as file:
            fault = _unpack(archive, info, file, run)
        if fault is not None:
            damage = error("damaged-member", member, f"found a damaged member ({fault})")
            return MaskCheck((damage,), None)
        return check_mask(
            path,
            image_id,
            member,
            rules,
            lambda: stop_if(run.cancelled),
            partial(run.keep, image_id),
            run.reader,
        )


def _unpack(
    archive: zipfile.ZipFile, info: zipfile.ZipInfo, target: BinaryIO, run: _Run
) -> str | None:
    """Unpack a member, never more than it declares; return what is wrong with it, if anything."""
    try:
        source = archive.open(info)
    except ZIP_DAMAGES as fault:
        return printable(str(fault))
    unpacked = 0
    with closing(source):
        while True:
            stop_if(run.cancelled)
            try:
                chunk = source.read(_CHUNK_BYTES)
            except ZIP_DAMAGES as fault:
                return printable(str(fault))
            if not chunk:
                break
            if unpacked == 0 and not looks_like_tiff(chunk):
                target.write(chunk)
                return None  # the check of the mask refuses it by these bytes
            unpacked += len(chunk)
            if unpacked > info.file_size:
                return f"more bytes than the {info.file_size} declared"
            target.write(chunk)
    if unpacked != info.file_size:
        return f"{unpacked} bytes, {info.file_size} declared"
    return None


@contextmanager
def temporary_mask() -> Iterator[Path]:
    """Yield the name of a file that a mask can be unpacked into, and remove it in the end."""
    with tempfile.TemporaryDirectory(prefix="nx46-") as folder:
        yield Path(folder) / f"mask{MASK_SUFFIX}"
