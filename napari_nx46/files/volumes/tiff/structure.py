"""The pages that a TIFF file declares, read without decoding any of them.

A TIFF from a stranger can declare loops, tables larger than the file and pages larger than the
memory, and decoders fill what a file lacks with zeros. This walk over its directories finds that
out at bounded cost, before a decoder sees it.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Sequence
from dataclasses import dataclass, field
from operator import add
from typing import BinaryIO, NamedTuple, NoReturn

MAX_PAGES = 16_384
"""More slices than any mask has."""

MAX_PAGE_PIXELS = 2**26
"""Pixels of one page or tile, 8192 x 8192; below what Pillow takes for a decompression bomb."""

MAX_DIRECTORY_ENTRIES = 128
"""A page of a mask has about 12 tags; microscopes write some 40."""

MAX_VALUES = 2**23
"""Numbers read from the tags of a file: offsets and sizes of 4 million strips or tiles."""

UNCOMPRESSED = 1

_CLASSIC_VERSION, _BIG_VERSION, _HEADER_BYTES = 42, 43, 8

_TYPE_SIZES = {
    **{1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4},
    **{16: 8, 17: 8, 18: 8},
}
_INTEGER_FORMATS = {1: "B", 3: "H", 4: "L", 13: "L", 16: "Q", 18: "Q"}

_WIDTH, _HEIGHT, _BITS, _COMPRESSION, _PHOTOMETRIC, _FILL_ORDER = 256, 257, 258, 259, 262, 266
_STRIP_OFFSETS, _SAMPLES, _ROWS_PER_STRIP, _STRIP_BYTES = 273, 277, 278, 279
_PREDICTOR, _TILE_WIDTH, _TILE_HEIGHT, _TILE_OFFSETS, _TILE_BYTES = 317, 322, 323, 324, 325
_SAMPLE_FORMAT, _IMAGE_DEPTH, _TILE_DEPTH = 339, 32997, 32998
_STRIP_TABLES, _TILE_TABLES = (_STRIP_OFFSETS, _STRIP_BYTES), (_TILE_OFFSETS, _TILE_BYTES)
_DEFAULTS = {
    **{_BITS: 1, _COMPRESSION: UNCOMPRESSED, _PHOTOMETRIC: 0, _FILL_ORDER: 1, _SAMPLES: 1},
    **{_ROWS_PER_STRIP: 2**32 - 1, _PREDICTOR: 1, _SAMPLE_FORMAT: 1},
    **{_IMAGE_DEPTH: 1, _TILE_DEPTH: 1},
}
_TAGS_READ = {_WIDTH, _HEIGHT, _TILE_WIDTH, _TILE_HEIGHT, *_DEFAULTS, *_STRIP_TABLES, *_TILE_TABLES}


class TiffStructureError(ValueError):
    """A file that is not a TIFF, or whose directories cannot be trusted.

    Parameters
    ----------
    code : str
        ``"not-tiff"``, ``"unsupported-layout"``, ``"damaged-page"`` or ``"too-large"``.
    found, expected : str
        Phrases that complete "found ..." and "expected ...".
    page : int or None
        The page, counted from 0, where the fault is that of one page.
    """

    def __init__(self, code: str, found: str, expected: str, page: int | None = None) -> None:
        place = "" if page is None else f"page {page}: "
        super().__init__(f"{place}found {found}, expected {expected}")
        self.code = code
        self.found = found
        self.expected = expected if page is None else f"{expected} for page {page}"


@dataclass(frozen=True, slots=True)
class ScanLimits:
    """What a file may declare; beyond it, it is refused.

    Attributes
    ----------
    pages : int
        Most pages.
    page_pixels : int
        Most pixels of a page, and of a tile.
    directory_entries : int
        Most tags of a page.
    """

    pages: int
    page_pixels: int
    directory_entries: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PageTags:
    """What one page declares about itself. Pages are equal if they differ at most in `run`.

    Attributes
    ----------
    height, width : int
        Y and X, in pixels.
    bits_per_sample : tuple of int
        One number a sample.
    samples_per_pixel : int
        1 for a mask.
    sample_format : tuple of int
        1 unsigned integer, 2 signed integer, 3 float, 4 undefined.
    compression, predictor, photometric, fill_order : int
        As numbered by the TIFF specification.
    segment_height, segment_width : int
        Y and X of a strip or tile, in pixels.
    run : range or None
        The bytes of the file that the pixels fill; None where they are compressed, have more than
        one sample or lie in strips or tiles that do not follow each other.
    """

    height: int
    width: int
    bits_per_sample: tuple[int, ...]
    samples_per_pixel: int
    sample_format: tuple[int, ...]
    compression: int
    predictor: int
    photometric: int
    fill_order: int
    segment_height: int
    segment_width: int
    run: range | None = field(compare=False)

    @property
    def is_uint8(self) -> bool:
        """True for one unsigned 8-bit number a pixel."""
        return (
            self.bits_per_sample == (8,)
            and self.samples_per_pixel == 1
            and self.sample_format == (1,)
        )

    @property
    def type_in_words(self) -> str:
        """The pixel type as a user would say it."""
        kinds = {1: "uint", 2: "int", 3: "float"}
        kind = kinds.get(self.sample_format[0] if self.sample_format else 0, "undefined")
        bits = self.bits_per_sample[0] if self.bits_per_sample else 0
        samples = self.samples_per_pixel
        return f"{kind}{bits}" + ("" if samples == 1 else f", {samples} samples a voxel")


class _Entry(NamedTuple):
    """A tag: its type, how many values it has, and these, or the offset of where they are."""

    type_number: int
    length: int
    inline: bytes


_Entries = dict[int, _Entry]


def scan_pages(file: BinaryIO, limits: ScanLimits | None = None) -> tuple[PageTags, ...]:
    """Read what each page of a TIFF or BigTIFF declares, decoding nothing.

    Parameters
    ----------
    file : binary file
        Open for reading, seekable.
    limits : ScanLimits, optional
        What the file may declare; what a mask may, if not given.

    Returns
    -------
    tuple of PageTags
        One for each page, at least one. The strips or tiles of every one-sample page are known to
        be as many as its size asks for and to lie within the file, and to be long enough if they
        are not compressed.

    Raises
    ------
    TiffStructureError
        If the file is not a TIFF, is cut off, contradicts itself, loops or exceeds a limit.
    """
    if limits is None:
        limits = ScanLimits(MAX_PAGES, MAX_PAGE_PIXELS, MAX_DIRECTORY_ENTRIES)
    return _Scan(file, limits).pages()


def looks_like_tiff(head: bytes) -> bool:
    """Return whether a file that begins with these bytes, at least 8, may be a TIFF.

    Parameters
    ----------
    head : bytes
    """
    try:
        _kind_of(head)
    except TiffStructureError:
        return False
    return True


class _Scan:
    """One walk along the directories of one file."""

    def __init__(self, file: BinaryIO, limits: ScanLimits) -> None:
        self._file = file
        self._limits = limits
        self._size = file.seek(0, os.SEEK_END)
        # Honest tables do not overlap, so together they are smaller than the file; the slack is
        # for writers that let pages share a small one.
        self._table_budget = 4 * self._size + 2**20
        self._values_left = MAX_VALUES
        self._page = 0
        header = self._read(0, min(16, self._size))
        self._order, self._big = _kind_of(header)
        self._offset_format = self._order + ("Q" if self._big else "L")
        self._count_format = self._order + ("Q" if self._big else "H")
        self._entry_format = self._order + ("HHQ8s" if self._big else "HHL4s")
        start = 8 if self._big else 4
        width = struct.calcsize(self._offset_format)
        if len(header) < start + width:
            raise TiffStructureError("not-tiff", f"{self._size} bytes", "a whole TIFF header")
        self._first = struct.unpack(self._offset_format, header[start : start + width])[0]

    def pages(self) -> tuple[PageTags, ...]:
        """Return the tags of every page."""
        pages: list[PageTags] = []
        visited: set[int] = set()
        offset = self._first
        if offset == 0:
            raise TiffStructureError("not-tiff", "a TIFF header without any page", "at least one")
        while offset:
            self._page = len(pages)
            if offset in visited:
                self._damaged("a loop: the chain of pages does not end", "one that ends")
            if len(pages) == self._limits.pages:
                self._too_large(f"more than {len(pages)} pages", f"at most {len(pages)}")
            visited.add(offset)
            entries, offset = self._directory(offset)
            pages.append(self._tags(entries))
        return tuple(pages)

    def _directory(self, offset: int) -> tuple[_Entries, int]:
        """Return the entries of one directory that are of interest and the offset of the next."""
        start = offset + struct.calcsize(self._count_format)
        count = struct.unpack(self._count_format, self._read(offset, start - offset))[0]
        most = self._limits.directory_entries
        if not 1 <= count <= most:
            self._damaged(f"{count} tags", f"1 to {most}")
        length = count * struct.calcsize(self._entry_format)
        table = self._read(start, length + struct.calcsize(self._offset_format))
        entries: _Entries = {}
        rows = struct.iter_unpack(self._entry_format, table[:length])
        for tag, type_number, values, inline in rows:
            size = values * _TYPE_SIZES.get(type_number, 0)
            if size > len(inline):
                self._charge(tag, size)
            if tag in _TAGS_READ:
                if tag in entries:
                    # Which of the two a decoder takes is for it to choose.
                    self._damaged(f"tag {tag} twice", "each tag once")
                entries[tag] = _Entry(type_number, values, inline)
        return entries, struct.unpack(self._offset_format, table[length:])[0]

    def _charge(self, tag: int, size: int) -> None:
        """Refuse tables that together are larger than the file can hold."""
        self._table_budget -= size
        if size > self._size or self._table_budget < 0:
            self._damaged(f"{size} bytes of tag {tag}", f"what a file of {self._size} bytes holds")

    def _tags(self, entries: _Entries) -> PageTags:
        height, width = self._one(entries, _HEIGHT), self._one(entries, _WIDTH)
        if height < 1 or width < 1:
            self._damaged(f"an empty axis in size {height} x {width}", "at least 1 x 1")
        self._limit_pixels("page", height, width)
        self._check_depth(entries)
        samples, bits = self._one(entries, _SAMPLES), self._many(entries, _BITS)
        compression = self._one(entries, _COMPRESSION)
        rows, columns = self._segment_size(entries, height, width)
        run = None
        if samples == 1:
            expected = -(-height // rows) * -(-width // columns)
            offsets, lengths = self._tables(entries, expected)
            if compression == UNCOMPRESSED:
                last_rows = rows if _TILE_WIDTH in entries else (height - 1) % rows + 1
                row_bits = columns * sum(bits[:1])
                self._check_lengths(lengths, rows * row_bits // 8, last_rows * row_bits // 8)
                run = _run_of(offsets, lengths)
        return PageTags(
            height=height,
            width=width,
            bits_per_sample=bits,
            samples_per_pixel=samples,
            sample_format=self._many(entries, _SAMPLE_FORMAT),
            compression=compression,
            predictor=self._one(entries, _PREDICTOR),
            photometric=self._one(entries, _PHOTOMETRIC),
            fill_order=self._one(entries, _FILL_ORDER),
            segment_height=rows,
            segment_width=columns,
            run=run,
        )

    def _check_depth(self, entries: _Entries) -> None:
        """Refuse pages and tiles of several slices, which few readers know."""
        for kind, tag in (("tiles", _TILE_DEPTH), ("a page", _IMAGE_DEPTH)):
            depth = self._one(entries, tag)
            if depth != 1:
                raise TiffStructureError(
                    "unsupported-layout",
                    f"{kind} {depth} slices deep",
                    "pages of one slice; write the volume without volumetric tiles,",
                    self._page,
                )

    def _segment_size(self, entries: _Entries, height: int, width: int) -> tuple[int, int]:
        """Return the rows and columns of a strip or tile."""
        if _TILE_WIDTH in entries:
            rows, columns = self._one(entries, _TILE_HEIGHT), self._one(entries, _TILE_WIDTH)
        else:
            rows, columns = min(self._one(entries, _ROWS_PER_STRIP), height), width
        if rows < 1 or columns < 1:
            self._damaged(f"strips or tiles of {rows} x {columns}", "at least 1 x 1")
        self._limit_pixels("tile", rows, columns)
        return rows, columns

    def _tables(self, entries: _Entries, expected: int) -> tuple[tuple[int, ...], tuple[int, ...]]:
        """Return offsets and sizes of strips or tiles, which are complete and within the file."""
        kind, tags, others = "strip", _STRIP_TABLES, _TILE_TABLES
        if _TILE_WIDTH in entries:
            kind, tags, others = "tile", _TILE_TABLES, _STRIP_TABLES
        if not entries.keys().isdisjoint(others):
            self._damaged("tables of both strips and tiles", f"only those of {kind}s")
        found = [entries[tag].length if tag in entries else 0 for tag in tags]
        if found != [expected, expected]:
            reported = f"{found[0]} {kind} offsets and {found[1]} {kind} sizes"
            self._damaged(reported, f"{expected} of each")
        offsets, lengths = (self._many(entries, tag) for tag in tags)
        end = max(map(add, offsets, lengths))
        if end > self._size:
            self._cut_off(end)
        if min(offsets) < _HEADER_BYTES or min(lengths) < 1:
            self._damaged(f"no data for a {kind}", "data for all of them")
        return offsets, lengths

    def _check_lengths(self, lengths: tuple[int, ...], full: int, last: int) -> None:
        """Check that strips or tiles that are not compressed hold all of their pixels."""
        if min(lengths[:-1], default=full) < full or lengths[-1] < last:
            self._damaged(f"strips or tiles of {min(lengths)} bytes", f"{full} (the last: {last})")

    def _limit_pixels(self, kind: str, height: int, width: int) -> None:
        most = self._limits.page_pixels
        if height * width > most:
            self._too_large(f"a {kind} of {height} x {width} pixels", f"at most {most} pixels")

    def _one(self, entries: _Entries, tag: int) -> int:
        """Return the single integer of a tag."""
        if tag not in entries and tag in _DEFAULTS:
            return _DEFAULTS[tag]
        values = self._many(entries, tag)
        if len(values) != 1:
            self._damaged(f"{len(values)} values of tag {tag}", "1")
        return values[0]

    def _many(self, entries: _Entries, tag: int) -> tuple[int, ...]:
        """Return the integers of a tag."""
        entry = entries.get(tag)
        if entry is None:
            return (_DEFAULTS[tag],) if tag in _DEFAULTS else ()
        type_number, length, inline = entry
        code = _INTEGER_FORMATS.get(type_number)
        if code is None:
            self._damaged(f"tag {tag} of type {type_number}", "an integer type")
        self._values_left -= length
        if self._values_left < 0:
            self._too_large(f"{length} more values of tag {tag}", f"{MAX_VALUES} in a file at most")
        size = length * _TYPE_SIZES[type_number]
        if size > len(inline):
            inline = self._read(struct.unpack(self._offset_format, inline)[0], size)
        return struct.unpack_from(f"{self._order}{length}{code}", inline)

    def _read(self, offset: int, length: int) -> bytes:
        self._file.seek(min(offset, self._size))
        content = self._file.read(min(length, self._size))
        if len(content) != length:
            self._cut_off(offset + length)
        return content

    def _cut_off(self, end: int) -> NoReturn:
        self._damaged(f"a truncated TIFF file: it has {self._size} bytes", f"at least {end}")

    def _damaged(self, found: str, expected: str) -> NoReturn:
        raise TiffStructureError("damaged-page", found, expected, self._page)

    def _too_large(self, found: str, expected: str) -> NoReturn:
        raise TiffStructureError("too-large", found, expected, self._page)


def _run_of(offsets: Sequence[int], lengths: Sequence[int]) -> range | None:
    """Return the bytes that segments fill if each begins where the one before it ends."""
    ends = tuple(map(add, offsets, lengths))
    return range(offsets[0], ends[-1]) if ends[:-1] == offsets[1:] else None


def _kind_of(header: bytes) -> tuple[str, bool]:
    """Return the byte order and whether it is a BigTIFF."""
    for order, mark in (("<", b"II"), (">", b"MM")):
        if header[:2] == mark and len(header) >= _HEADER_BYTES:
            version = struct.unpack(order + "H", header[2:4])[0]
            if version == _CLASSIC_VERSION:
                return order, False
            if version == _BIG_VERSION and struct.unpack(order + "HH", header[4:8]) == (8, 0):
                return order, True
    raise TiffStructureError(
        "not-tiff", f"a file that begins with {header[:8].hex(' ')!r}", "a TIFF header"
    )
