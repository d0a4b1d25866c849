"""The pages that a TIFF file declares, read without decoding any of them.

A TIFF from a stranger can declare loops, tables larger than the file and pages larger than the
memory. This walk over its directories finds that out at bounded cost, before a decoder sees it.
"""

from __future__ import annotations

import os
import struct
from dataclasses import dataclass
from typing import BinaryIO, NoReturn

MAX_PAGES = 16_384
"""More slices than any fragment has."""

MAX_PAGE_PIXELS = 2**26
"""Pixels of one page or tile, 8192 x 8192; below what Pillow takes for a decompression bomb."""

MAX_DIRECTORY_ENTRIES = 128
"""A page of a mask has about 12 tags; microscopes write some 40."""

UNCOMPRESSED = 1

_CLASSIC_VERSION, _BIG_VERSION, _HEADER_BYTES = 42, 43, 8

_TYPE_SIZES = {
    **{1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4},
    **{16: 8, 17: 8, 18: 8},
}
_INTEGER_FORMATS = {1: "B", 3: "H", 4: "L", 13: "L", 16: "Q"}

_WIDTH, _HEIGHT, _BITS, _COMPRESSION, _PHOTOMETRIC = 256, 257, 258, 259, 262
_STRIP_OFFSETS, _SAMPLES, _ROWS_PER_STRIP, _STRIP_BYTES = 273, 277, 278, 279
_TILE_WIDTH, _TILE_HEIGHT, _TILE_OFFSETS, _TILE_BYTES = 322, 323, 324, 325
_SAMPLE_FORMAT = 339


class TiffStructureError(ValueError):
    """A file that is not a TIFF, or whose directories cannot be trusted.

    Parameters
    ----------
    code : str
        ``"not-tiff"``, ``"unsupported-layout"``, ``"damaged-page"`` or ``"too-large"``.
    message : str
        What was found and what was expected.
    """

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True, slots=True)
class PageTags:
    """What one page declares about itself.

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
    compression, photometric : int
        As numbered by the TIFF specification.
    """

    height: int
    width: int
    bits_per_sample: tuple[int, ...]
    samples_per_pixel: int
    sample_format: tuple[int, ...]
    compression: int
    photometric: int

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


@dataclass(frozen=True, slots=True)
class _Entry:
    type_number: int
    count: int
    value: bytes


def scan_pages(file: BinaryIO) -> tuple[PageTags, ...]:
    """Read what each page of a TIFF or little-endian BigTIFF declares, decoding nothing.

    Parameters
    ----------
    file : binary file
        Open for reading, seekable.

    Returns
    -------
    tuple of PageTags
        One for each page, at least one. The strips or tiles of every one-sample page are known to
        be as many as its size asks for and to lie within the file.

    Raises
    ------
    TiffStructureError
        If the file is not a TIFF, is cut off, contradicts itself, loops or exceeds a limit.
    """
    return _Scan(file).pages()


class _Scan:
    """One walk along the directories of one file."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._size = file.seek(0, os.SEEK_END)
        # Honest tables do not overlap, so together they are smaller than the file; the slack is
        # for writers that let pages share a small one.
        self._table_budget = 4 * self._size + 2**20
        self._page = 0
        header = self._read(0, min(16, self._size))
        self._order, self._big = _kind_of(header)
        self._offset_format = self._order + ("Q" if self._big else "L")
        start = 8 if self._big else 4
        width = struct.calcsize(self._offset_format)
        if len(header) < start + width:
            raise TiffStructureError("not-tiff", f"found {self._size} bytes, too few for a TIFF")
        self._first = struct.unpack(self._offset_format, header[start : start + width])[0]

    def pages(self) -> tuple[PageTags, ...]:
        """Return the tags of every page."""
        pages: list[PageTags] = []
        visited: set[int] = set()
        offset = self._first
        if offset == 0:
            raise TiffStructureError("not-tiff", "found a TIFF header without any page")
        while offset:
            self._page = len(pages)
            if offset in visited:
                self._damaged("its directory was read before: the pages form a loop")
            if len(pages) == MAX_PAGES:
                raise TiffStructureError(
                    "too-large", f"found more than {MAX_PAGES} pages, more than a mask can have"
                )
            visited.add(offset)
            entries, offset = self._directory(offset)
            pages.append(self._tags(entries))
        return tuple(pages)

    def _directory(self, offset: int) -> tuple[dict[int, _Entry], int]:
        """Return the entries of one directory and the offset of the next."""
        count_format = self._order + ("Q" if self._big else "H")
        entry_format = self._order + ("HHQ8s" if self._big else "HHL4s")
        start = offset + struct.calcsize(count_format)
        count = struct.unpack(count_format, self._read(offset, start - offset))[0]
        if not 1 <= count <= MAX_DIRECTORY_ENTRIES:
            self._damaged(f"found {count} tags, expected 1 to {MAX_DIRECTORY_ENTRIES}")
        length = count * struct.calcsize(entry_format)
        table = self._read(start, length)
        entries: dict[int, _Entry] = {}
        for tag, type_number, values, inline in struct.iter_unpack(entry_format, table):
            self._charge(tag, type_number, values, len(inline))
            entries.setdefault(tag, _Entry(type_number, values, inline))
        width = struct.calcsize(self._offset_format)
        following = self._read(start + length, width)
        return entries, struct.unpack(self._offset_format, following)[0]

    def _charge(self, tag: int, type_number: int, count: int, inline_bytes: int) -> None:
        """Refuse tables that together are larger than the file can hold."""
        length = count * _TYPE_SIZES.get(type_number, 0)
        if length > inline_bytes:
            self._table_budget -= length
        if length > self._size or self._table_budget < 0:
            self._damaged(
                f"tag {tag} declares {length} bytes, too many for a file of {self._size} bytes"
            )

    def _tags(self, entries: dict[int, _Entry]) -> PageTags:
        samples = self._one(entries, _SAMPLES, 1)
        tags = PageTags(
            height=self._one(entries, _HEIGHT, None),
            width=self._one(entries, _WIDTH, None),
            bits_per_sample=self._many(entries, _BITS, (1,)),
            samples_per_pixel=samples,
            sample_format=self._many(entries, _SAMPLE_FORMAT, (1,)),
            compression=self._one(entries, _COMPRESSION, UNCOMPRESSED),
            photometric=self._one(entries, _PHOTOMETRIC, 0),
        )
        if tags.height < 1 or tags.width < 1:
            self._damaged(f"found size {tags.height} x {tags.width}, expected at least 1 x 1")
        self._limit_pixels("page", tags.height, tags.width)
        if samples == 1:
            self._check_segments(entries, tags)
        return tags

    def _check_segments(self, entries: dict[int, _Entry], tags: PageTags) -> None:
        """Check that strips or tiles are complete: decoders fill what is missing with zeros."""
        if _TILE_WIDTH in entries:
            kind, offsets_tag, bytes_tag = "tile", _TILE_OFFSETS, _TILE_BYTES
            rows = self._one(entries, _TILE_HEIGHT, None)
            columns = self._one(entries, _TILE_WIDTH, None)
            if rows < 1 or columns < 1:
                self._damaged(f"found tiles of {rows} x {columns}, expected at least 1 x 1")
            self._limit_pixels(kind, rows, columns)
        else:
            kind, offsets_tag, bytes_tag = "strip", _STRIP_OFFSETS, _STRIP_BYTES
            rows = min(self._one(entries, _ROWS_PER_STRIP, tags.height), tags.height)
            columns = tags.width
            if rows < 1:
                self._damaged("found strips of 0 rows, expected at least 1")
        expected = -(-tags.height // rows) * -(-tags.width // columns)
        offsets = self._many(entries, offsets_tag, ())
        lengths = self._many(entries, bytes_tag, ())
        if len(offsets) != expected or len(lengths) != expected:
            self._damaged(
                f"found {len(offsets)} {kind} offsets and {len(lengths)} {kind} sizes, "
                f"expected {expected} of each"
            )
        for index, (offset, length) in enumerate(zip(offsets, lengths, strict=True)):
            if offset < _HEADER_BYTES or length < 1 or offset + length > self._size:
                self._damaged(
                    f"{kind} {index} is bytes {offset} to {offset + length}, "
                    f"not within the file of {self._size} bytes"
                )
            if tags.compression == UNCOMPRESSED and tags.is_uint8:
                full = kind == "tile" or (index + 1) * rows <= tags.height
                needed = columns * (rows if full else tags.height - index * rows)
                if length < needed:
                    self._damaged(f"{kind} {index} has {length} bytes, expected {needed}")

    def _limit_pixels(self, kind: str, height: int, width: int) -> None:
        if height * width > MAX_PAGE_PIXELS:
            raise TiffStructureError(
                "too-large",
                f"page {self._page}: found a {kind} of {height} x {width} pixels, "
                f"expected at most {MAX_PAGE_PIXELS} pixels",
            )

    def _one(self, entries: dict[int, _Entry], tag: int, default: int | None) -> int:
        """Return the single integer of a tag; without default the tag must be there."""
        if tag not in entries and default is not None:
            return default
        values = self._many(entries, tag, ())
        if len(values) != 1:
            self._damaged(f"tag {tag} has {len(values)} values, expected 1")
        return values[0]

    def _many(
        self, entries: dict[int, _Entry], tag: int, default: tuple[int, ...]
    ) -> tuple[int, ...]:
        """Return the integers of a tag."""
        entry = entries.get(tag)
        if entry is None:
            return default
        code = _INTEGER_FORMATS.get(entry.type_number)
        if code is None:
            self._damaged(f"tag {tag} is of type {entry.type_number}, expected an integer type")
        length = entry.count * struct.calcsize("=" + code)
        if length <= len(entry.value):
            content = entry.value[:length]
        else:
            content = self._read(struct.unpack(self._offset_format, entry.value)[0], length)
        return struct.unpack(f"{self._order}{entry.count}{code}", content)

    def _read(self, offset: int, length: int) -> bytes:
        if offset + length > self._size:
            self._damaged(
                f"the file ends at byte {self._size}, but bytes {offset} to {offset + length} "
                f"are needed: it is cut off or damaged"
            )
        self._file.seek(offset)
        content = self._file.read(length)
        if len(content) != length:
            self._damaged(f"found {len(content)} bytes at {offset}, expected {length}")
        return content

    def _damaged(self, message: str) -> NoReturn:
        raise TiffStructureError("damaged-page", f"page {self._page}: {message}")


def _kind_of(header: bytes) -> tuple[str, bool]:
    """Return the byte order and whether it is a BigTIFF."""
    for order, mark in (("<", b"II"), (">", b"MM")):
        if header[:2] == mark and len(header) >= _HEADER_BYTES:
            version = struct.unpack(order + "H", header[2:4])[0]
            if version == _CLASSIC_VERSION:
                return order, False
            if version == _BIG_VERSION and struct.unpack(order + "HH", header[4:8]) == (8, 0):
                if order == ">":
                    raise TiffStructureError(
                        "unsupported-layout",
                        "found a big-endian BigTIFF, which Pillow cannot read, so it cannot be "
                        "checked; expected a little-endian or a classic TIFF",
                    )
                return order, True
    raise TiffStructureError(
        "not-tiff", f"found a file that begins with {header[:8].hex(' ')!r}, expected a TIFF header"
    )
