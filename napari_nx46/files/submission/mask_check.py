"""Checking one mask TIFF, from its directories to its last voxel."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from napari_nx46.files.regular import open_regular
from napari_nx46.files.submission.findings import Finding, MaskSummary, error, warning
from napari_nx46.files.submission.mask_tiff import MaskValues, Shape
from napari_nx46.files.volumes.origin import Origin, VolumeError
from napari_nx46.files.volumes.tiff.coding import check_coding
from napari_nx46.files.volumes.tiff.reader import open_tiff
from napari_nx46.files.volumes.tiff.structure import PageTags, TiffStructureError, scan_pages

PageReader = Callable[[Path, tuple[PageTags, ...]], Iterator[NDArray[np.uint8]]]
"""Yields the pages of a sound mask TIFF, (Y, X) uint8 as they are stored, in ascending z.

Raises `PageDamage` where one cannot be decoded.
"""

_MOST_VALUES_LISTED = 8


@dataclass(frozen=True, slots=True)
class MaskRules:
    """What a mask is held against.

    Attributes
    ----------
    expected_shape : tuple of int or None
        (Z, Y, X); None if it is not known.
    profile : MaskValues or None
        Gives the two values allowed; None for the profile of the first foreground voxel.
    band : tuple of float
        Lowest and highest density that need no warning.
    most_voxels : int
        A mask of unknown shape with more voxels than this is not decoded.
    one_slice : bool
        Whether a mask of one slice will do, if that is the expected shape; not in an archive.
    """

    expected_shape: Shape | None
    profile: MaskValues | None
    band: tuple[float, float]
    most_voxels: int
    one_slice: bool = False


@dataclass(frozen=True, slots=True)
class MaskCheck:
    """What was found in one mask; the summary is None if it could not be read whole.

    The profile is None if none was given and no foreground was found.
    """

    findings: tuple[Finding, ...]
    summary: MaskSummary | None
    profile: MaskValues | None = None


class PageDamage(ValueError):
    """What is wrong with a page, or with the file as a whole, that kept it from being decoded.

    Parameters
    ----------
    message : str
    code : str
        Of the finding.
    """

    def __init__(self, message: str, code: str = "damaged-page") -> None:
        super().__init__(message)
        self.code = code


def stored_pages(path: Path, pages: tuple[PageTags, ...]) -> Iterator[NDArray[np.uint8]]:
    """Yield the pages of a mask TIFF, by the reader that reads volumes.

    What is valid in an archive is therefore read as a file of its own too.

    Parameters
    ----------
    path : Path
        The TIFF.
    pages : tuple of PageTags
        What it declares.

    Raises
    ------
    PageDamage
        If it cannot be read.
    """
    shape = (len(pages), pages[0].height, pages[0].width)
    try:
        channels = open_tiff(Origin(path))
        if channels.count not in (None, 1):
            raise PageDamage(f"found {channels.count} channels, expected one")
        voxels = channels.source(0)
        if voxels.shape != shape:
            raise PageDamage(
                f"found metadata of shape {voxels.shape}, expected {shape}, the shape of its pages"
            )
        for z in range(shape[0]):
            box = (slice(z, z + 1, 1), slice(0, shape[1], 1), slice(0, shape[2], 1))
            yield voxels.read_box(box)[0]
    except VolumeError as fault:
        raise PageDamage(fault.detail, fault.code or "damaged-page") from fault


def check_mask(
    path: Path,
    image_id: str,
    member: str,
    rules: MaskRules,
    checkpoint: Callable[[], None],
    keep: Callable[[NDArray[np.uint8]], None] = lambda _page: None,
    reader: PageReader = stored_pages,
) -> MaskCheck:
    """Check one mask TIFF from its directories to its last voxel.

    The directories come first, and only a file that declares what a mask may declare is decoded.
    Bad content never raises: it is a finding.

    Parameters
    ----------
    path : Path
        The TIFF.
    image_id : str
        The fragment.
    member : str
        Name of the file for the findings, safe to print.
    rules : MaskRules
        What is expected.
    checkpoint : callable
        Called before every page; may raise to stop the work.
    keep : callable
        Called with every page that was decoded, (Y, X) uint8, in ascending z.
    reader : callable
        Decodes the pages.

    Returns
    -------
    MaskCheck
        The findings and, if every page could be read, the summary.
    """
    try:
        with open_regular(path) as file:
            pages = scan_pages(file)
    except TiffStructureError as fault:
        return MaskCheck((error(fault.code, member, str(fault)),), None)
    declared = _declared_findings(pages, member, rules)
    if declared:
        return MaskCheck(tuple(declared), None)
    tally = _Tally(rules.profile)

    def take(page: NDArray[np.uint8]) -> None:
        tally.add(page)
        keep(page)

    damage = _decode(reader(path, pages), pages, member, take, checkpoint)
    if damage is not None:
        return MaskCheck((damage,), None, tally.profile)
    shape = (len(pages), pages[0].height, pages[0].width)
    summary = MaskSummary(image_id, shape, tally.foreground / tally.voxels, tally.digest())
    findings = tuple(_voxel_findings(tally, summary, member, rules.band))
    return MaskCheck(findings, summary, tally.profile)


def _declared_findings(pages: tuple[PageTags, ...], member: str, rules: MaskRules) -> list[Finding]:
    """Return the errors that can be seen without decoding."""
    findings = [
        _page_count_finding(len(pages), member, rules),
        _page_size_finding(pages, member, rules.expected_shape),
        # How it is coded matters only once it is of the right type.
        _type_finding(pages, member) or _coding_finding(pages, member),
    ]
    found = [finding for finding in findings if finding is not None]
    voxels = sum(page.height * page.width for page in pages)
    if rules.expected_shape is None and voxels > rules.most_voxels:
        found.append(
            error(
                "too-large",
                member,
                f"found {voxels} voxels declared, expected at most {rules.most_voxels}",
            )
        )
    return found


def _page_count_finding(count: int, member: str, rules: MaskRules) -> Finding | None:
    expected = rules.expected_shape
    is_right = expected is not None and count == expected[0]
    if is_right and (count > 1 or rules.one_slice):
        return None
    if count == 1:
        wanted = "one page for each slice"
        if expected is not None and not is_right:
            wanted = f"{expected[0]} pages"
        return error(
            "not-3d-multipage", member, f"found a single page, expected a 3D TIFF with {wanted}"
        )
    if expected is not None:
        return error("wrong-page-count", member, f"found {count} pages, expected {expected[0]} (Z)")
    return None


def _page_size_finding(
    pages: tuple[PageTags, ...], member: str, expected: Shape | None
) -> Finding | None:
    wanted = expected[1:] if expected is not None else (pages[0].height, pages[0].width)
    source = "(Y, X) of the image" if expected is not None else "as on page 0"
    for index, page in enumerate(pages):
        if (page.height, page.width) != wanted:
            return error(
                "wrong-shape",
                member,
                f"page {index}: found {page.height} x {page.width}, "
                f"expected {wanted[0]} x {wanted[1]} ({source})",
            )
    return None


def _type_finding(pages: tuple[PageTags, ...], member: str) -> Finding | None:
    for index, page in enumerate(pages):
        if not page.is_uint8:
            return error(
                "not-uint8", member, f"page {index}: found {page.type_in_words}, expected uint8"
            )
    return None


def _coding_finding(pages: tuple[PageTags, ...], member: str) -> Finding | None:
    for index, page in enumerate(pages):
        try:
            check_coding(page, index)
        except TiffStructureError as fault:
            return error(fault.code, member, str(fault))
    return None


def _decode(
    decoded: Iterator[NDArray[np.uint8]],
    pages: tuple[PageTags, ...],
    member: str,
    take: Callable[[NDArray[np.uint8]], None],
    checkpoint: Callable[[], None],
) -> Finding | None:
    """Decode every page and hand it on; return the damage that stopped it, if any."""
    for index, tags in enumerate(pages):
        checkpoint()
        try:
            page = next(decoded)
        except PageDamage as fault:
            return error(fault.code, member, f"page {index}: it cannot be decoded ({fault})")
        if page.dtype != np.uint8 or page.shape != (tags.height, tags.width):
            return error(
                "damaged-page",
                member,
                f"page {index}: found {page.dtype} {page.shape} after decoding, "
                f"expected uint8 {(tags.height, tags.width)}",
            )
        take(page)
    return None


class _Tally:
    """Figures of a mask, gathered page by page."""

    def __init__(self, profile: MaskValues | None) -> None:
        self.profile = profile
        self._hash = hashlib.sha256()
        self._first: NDArray[np.uint8] | None = None
        self._pages = 0
        self.voxels = 0
        self.foreground = 0
        self.constant_along_z = True
        self.wrong_values: set[int] = set()
        self.first_wrong_page: int | None = None

    def add(self, page: NDArray[np.uint8]) -> None:
        """Take in the next page, (Y, X) uint8."""
        binary = (page > 0).view(np.uint8)
        above_zero = int(np.count_nonzero(binary))
        if self.profile is None and above_zero:
            self.profile = _profile_of(int(page.flat[binary.argmax()]))
        if above_zero and np.count_nonzero(page == self.allowed) != above_zero:
            values = {int(value) for value in np.unique(page)}
            self.wrong_values |= values - {0, self.allowed}
            if self.first_wrong_page is None:
                self.first_wrong_page = self._pages
        if self._first is None:
            self._first = page
        elif self.constant_along_z:
            self.constant_along_z = bool(np.array_equal(page, self._first))
        self._hash.update(np.ascontiguousarray(binary).data)
        self.voxels += page.size
        self.foreground += above_zero
        self._pages += 1

    @property
    def allowed(self) -> int:
        """The value that the foreground may have."""
        return (self.profile or MaskValues.KAGGLE).foreground

    def digest(self) -> str:
        """Return the SHA-256 of the voxels above 0, in hexadecimal."""
        return self._hash.hexdigest()


def _profile_of(value: int) -> MaskValues:
    """Return the profile whose foreground has this value; the competition's for any other."""
    return MaskValues.NX47 if value == MaskValues.NX47.foreground else MaskValues.KAGGLE


def _voxel_findings(
    tally: _Tally, summary: MaskSummary, member: str, band: tuple[float, float]
) -> list[Finding]:
    """Return what the decoded voxels give cause for."""
    findings: list[Finding] = []
    if tally.wrong_values:
        listed = sorted(tally.wrong_values)[:_MOST_VALUES_LISTED]
        more = ", ..." if len(tally.wrong_values) > _MOST_VALUES_LISTED else ""
        findings.append(
            error(
                "wrong-values",
                member,
                f"found {', '.join(map(str, listed))}{more} (first on page "
                f"{tally.first_wrong_page}), expected only 0 and {tally.allowed}",
            )
        )
    low, high = band
    if tally.foreground == 0:
        findings.append(warning("empty-mask", member, "found no foreground voxel"))
    elif tally.foreground == tally.voxels:
        findings.append(warning("full-mask", member, "found nothing but foreground voxels"))
    else:
        if tally.constant_along_z and summary.shape[0] > 1:
            findings.append(
                warning(
                    "constant-along-z",
                    member,
                    f"found the same slice {summary.shape[0]} times, expected a mask that "
                    f"changes along z",
                )
            )
        if not low <= summary.density <= high:
            findings.append(
                warning(
                    "density-outside-band",
                    member,
                    f"found density {summary.density:.4f}, expected {low:g} to {high:g}",
                )
            )
    return findings
