"""The page table of a TIFF file, read strictly.

Common readers stop quietly at a damaged page directory, and a file that was cut off then looks
like a shorter volume. This reader takes every link, place and size in the table for false until
it is seen to lie within the file. It reads no voxel.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import BinaryIO

import numpy as np

from napari_nx46.files.origin import FileStamp, VolumeError

MAX_PAGES = 2**16
MAX_SEGMENTS = 2**22
MAX_TAGS = 4096

_CLASSIC, _BIG = 42, 43
"""Versions in the header of TIFF and BigTIFF."""

_WIDTH, _LENGTH, _BITS, _COMPRESSION, _PHOTOMETRIC, _FILL_ORDER = 256, 257, 258, 259, 262, 266
_STRIP_OFFSETS, _SAMPLES, _ROWS_PER_STRIP, _STRIP_BYTES = 273, 277, 278, 279
_PLANAR, _PREDICTOR, _TILE_WIDTH, _TILE_LENGTH = 284, 317, 322, 323
_TILE_OFFSETS, _TILE_BYTES, _SAMPLE_FORMAT, _DEPTH = 324, 325, 339, 32997
_SEGMENT_TAGS = frozenset({_STRIP_OFFSETS, _STRIP_BYTES, _TILE_OFFSETS, _TILE_BYTES})
_DEFAULTS = {
    _BITS: 1,
    _COMPRESSION: 1,
    _PHOTOMETRIC: 1,
    _FILL_ORDER: 1,
    _SAMPLES: 1,
    _ROWS_PER_STRIP: 2**32 - 1,
    _PLANAR: 1,
    _PREDICTOR: 1,
    _SAMPLE_FORMAT: 1,
    _DEPTH: 1,
}
_KNOWN_TAGS = _SEGMENT_TAGS | {_WIDTH, _LENGTH, _TILE_WIDTH, _TILE_LENGTH} | set(_DEFAULTS)
_INTEGER_TYPES = {1: "B", 3: "H", 4: "I", 13: "I", 16: "Q", 18: "Q"}
"""TIFF's numbers of the unsigned types, and what `struct` and NumPy call them."""

_Values = tuple[int, ...] | np.ndarray
"""Values of a tag; an array where there are many."""


@dataclass(frozen=True, slots=True)
class PageLayout:
    """What must be equal in all pages for them to be slices of one volume.

    Attributes
    ----------
    length, width : int
        Size of the page (Y, X), in voxels.
    bits, sample_format, samples : int
        Bits of a sample, its kind (1 unsigned, 2 signed, 3 float) and samples per voxel.
    compression, predictor, photometric, fill_order, planar, depth : int
        The TIFF tags of these names.
    segment_length, segment_width : int
        Size of a strip or tile, in voxels.
    tiled : bool
        Whether the segments are tiles.
    """

    length: int
    width: int
    bits: int
    sample_format: int
    samples: int
    compression: int
    predictor: int
    photometric: int
    fill_order: int
    planar: int
    depth: int
    segment_length: int
    segment_width: int
    tiled: bool

    @property
    def segments_down(self) -> int:
        """Strips or tiles along Y."""
        return -(-self.length // self.segment_length)

    @property
    def segments_across(self) -> int:
        """Strips or tiles along X."""
        return -(-self.width // self.segment_width)

    def __str__(self) -> str:
        """Return the layout in words, for messages."""
        kind = {1: "unsigned", 2: "signed", 3: "float"}.get(self.sample_format, "other")
        return (
            f"{self.length} x {self.width} voxels of {self.samples} x {self.bits} bit {kind}, "
            f"compression {self.compression}, "
            f"segments {self.segment_length} x {self.segment_width}"
        )


@dataclass(frozen=True, eq=False, slots=True)
class Page:
    """One page: its layout, and the places and sizes of its segments.

    Attributes
    ----------
    layout : PageLayout
        The layout.
    offsets, byte_counts : numpy.ndarray
        int64, one element a segment, in bytes; row by row of segments.
    """

    layout: PageLayout
    offsets: np.ndarray
    byte_counts: np.ndarray


@dataclass(frozen=True, eq=False, slots=True)
class TiffDirectory:
    """The pages of a TIFF file, in the order of their chain; at least one.

    Attributes
    ----------
    byte_order : str
        ``"<"`` or ``">"``.
    pages : tuple of Page
        The pages.
    """

    byte_order: str
    pages: tuple[Page, ...]

    @property
    def layout(self) -> PageLayout:
        """Layout of all pages."""
        return self.pages[0].layout


def read_tiff_directory(stamp: FileStamp) -> TiffDirectory:
    """Read the page table of a classic or big TIFF file.

    Parameters
    ----------
    stamp : FileStamp
        The file.

    Returns
    -------
    TiffDirectory
        The pages, all of the same layout, with all their data within the file.

    Raises
    ------
    VolumeError
        If it is no TIFF, is cut off or damaged, or if its pages differ in layout.
    """
    try:
        with open(stamp.origin.path, "rb") as stream:
            return _DirectoryReader(stream, stamp).read()
    except OSError as error:
        raise stamp.origin.error(error.strerror or str(error), "a readable file") from error


class _DirectoryReader:
    """Walks the chain of page directories of one open file."""

    def __init__(self, stream: BinaryIO, stamp: FileStamp) -> None:
        self._stream = stream
        self._stamp = stamp
        self._origin = stamp.origin
        self._segments = 0
        header = self._bytes(0, 4, "the header")
        order = {b"II": "<", b"MM": ">"}.get(header[:2])
        version = struct.unpack(f"{order or '<'}H", header[2:])[0]
        if order is None or version not in (_CLASSIC, _BIG):
            raise self._origin.error(f"a file that starts with {header!r}", "a TIFF file")
        self._order = order
        self._big = version == _BIG
        self._word = "Q" if self._big else "I"
        self._word_size = 8 if self._big else 4

    def read(self) -> TiffDirectory:
        """Return the pages."""
        place = self._number(8 if self._big else 4, self._word, "the header")
        pages: list[Page] = []
        seen: set[int] = set()
        while place:
            if place in seen or len(pages) == MAX_PAGES:
                raise self._origin.error(
                    f"a page table that does not end after page {len(pages) - 1}",
                    f"a chain of at most {MAX_PAGES} pages",
                )
            seen.add(place)
            page, place = self._page(place, len(pages))
            if pages and page.layout != pages[0].layout:
                raise self._origin.error(
                    f"pages that differ: page 0 has {pages[0].layout}; "
                    f"page {len(pages)} has {page.layout}",
                    "a volume of equal pages",
                )
            pages.append(page)
        if not pages:
            raise self._origin.error("a TIFF file with no page", "at least one")
        return TiffDirectory(self._order, tuple(pages))

    def _page(self, place: int, number: int) -> tuple[Page, int]:
        """Return the page whose directory is at a place, and the place of the next one."""
        what = f"the directory of page {number}"
        count_format, count_size, entry_size = ("Q", 8, 20) if self._big else ("H", 2, 12)
        count = self._number(place, count_format, what)
        if count > MAX_TAGS:
            raise self._origin.error(f"{count} tags in {what}", f"at most {MAX_TAGS}")
        entries = self._bytes(place + count_size, count * entry_size, what)
        tags: dict[int, _Values] = {}
        entry_format = f"{self._order}HH{self._word}{self._word_size}s"
        for code, kind, length, inline in struct.iter_unpack(entry_format, entries):
            if code in _KNOWN_TAGS and kind in _INTEGER_TYPES:
                tags[code] = self._tag(code, _INTEGER_TYPES[kind], length, inline, number)
        following = self._number(place + count_size + len(entries), self._word, what)
        return self._checked_page(tags, number), following

    def _tag(self, code: int, kind: str, length: int, inline: bytes, number: int) -> _Values:
        """Return the values of a tag of integers, which lie in its entry or elsewhere."""
        self._segments += length
        if self._segments > MAX_SEGMENTS:
            raise self._origin.error(
                f"{length} values of tag {code} in page {number}",
                f"at most {MAX_SEGMENTS} strips or tiles in the file",
            )
        size = length * struct.calcsize(f"<{kind}")
        if size <= len(inline):
            return struct.unpack(f"{self._order}{length}{kind}", inline[:size])
        place = struct.unpack(self._order + self._word, inline)[0]
        values = self._bytes(place, size, f"tag {code} of page {number}")
        return np.frombuffer(values, np.dtype(self._order + kind))

    def _checked_page(self, tags: dict[int, _Values], number: int) -> Page:
        """Return a page whose sizes fit together and whose data lie within the file."""
        layout = self._layout(tags, number)
        offset_tag = _TILE_OFFSETS if layout.tiled else _STRIP_OFFSETS
        bytes_tag = _TILE_BYTES if layout.tiled else _STRIP_BYTES
        offsets = self._places(tags.get(offset_tag), number)
        byte_counts = self._places(tags.get(bytes_tag), number)
        expected = layout.segments_down * layout.segments_across
        if layout.samples == 1 and not len(offsets) == len(byte_counts) == expected:
            raise self._origin.error(
                f"{len(offsets)} places and {len(byte_counts)} sizes of segments in page {number}",
                f"{expected} of each",
            )
        if layout.samples == 1 and not (offsets.min() > 0 and byte_counts.min() > 0):
            raise self._origin.error(f"no data for a part of page {number}", "data for all of it")
        end = int((offsets + byte_counts).max()) if layout.samples == 1 else 0
        if end > self._stamp.size:
            raise self._cut_off(f"the data of page {number}", end)
        return Page(layout, offsets, byte_counts)

    def _layout(self, tags: dict[int, _Values], number: int) -> PageLayout:
        """Return the layout that the tags of a page describe."""

        def value(code: int) -> int:
            values = tags.get(code)
            if values is None or not len(values):
                if code not in _DEFAULTS:
                    raise self._origin.error(f"no tag {code} in page {number}", "a size")
                return _DEFAULTS[code]
            return int(values[0])

        length, width = value(_LENGTH), value(_WIDTH)
        tiled = _TILE_WIDTH in tags
        segment_length = value(_TILE_LENGTH) if tiled else min(value(_ROWS_PER_STRIP), length)
        segment_width = value(_TILE_WIDTH) if tiled else width
        if min(length, width, segment_length, segment_width) < 1:
            raise self._origin.error(
                f"an empty axis in page {number} ({length} x {width})",
                "at least one voxel along each axis",
            )
        return PageLayout(
            length=length,
            width=width,
            bits=value(_BITS),
            sample_format=value(_SAMPLE_FORMAT),
            samples=value(_SAMPLES),
            compression=value(_COMPRESSION),
            predictor=value(_PREDICTOR),
            photometric=value(_PHOTOMETRIC),
            fill_order=value(_FILL_ORDER),
            planar=value(_PLANAR),
            depth=value(_DEPTH),
            segment_length=segment_length,
            segment_width=segment_width,
            tiled=tiled,
        )

    def _places(self, values: _Values | None, number: int) -> np.ndarray:
        """Return places or sizes in the file as int64, none of them beyond the file."""
        if values is None or not len(values):
            raise self._origin.error(f"no table of strips or tiles in page {number}", "one")
        largest = int(max(values) if isinstance(values, tuple) else values.max())
        if largest > self._stamp.size:
            raise self._cut_off(f"the data of page {number}", largest)
        return np.array(values, dtype=np.int64)

    def _number(self, place: int, code: str, what: str) -> int:
        """Return the integer at a place."""
        size = struct.calcsize(f"<{code}")
        number: int = struct.unpack(self._order + code, self._bytes(place, size, what))[0]
        return number

    def _bytes(self, place: int, size: int, what: str) -> bytes:
        """Return the bytes at a place, all of them."""
        if place + size > self._stamp.size:
            raise self._cut_off(what, place + size)
        self._stream.seek(place)
        read = self._stream.read(size)
        if len(read) != size:
            raise self._cut_off(what, place + size)
        return read

    def _cut_off(self, what: str, end: int) -> VolumeError:
        """Return the error of a file that ends too early."""
        return self._origin.error(
            f"a truncated TIFF file: it has {self._stamp.size} bytes",
            f"at least {end} for {what}",
        )
