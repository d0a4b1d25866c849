"""The headers of image codecs that can be lossless: how large an image is, and whether it lost any.

A strip of a TIFF can be a whole image of another format, whose decoder takes the memory that the
header of that image asks for, and says nothing of what was lost. Each function here reads that
header, so that only what is lossless and of the size of the strip is decoded.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

_MOST_BOXES = 64
_MOST_MARKERS = 2**16


class HeaderError(ValueError):
    """An image that is not read; the message says why, as a phrase that completes "found ..."."""


@dataclass(frozen=True, slots=True)
class ImageHeader:
    """What the header of a lossless grey image says.

    Attributes
    ----------
    height, width : int
        Y and X, in pixels.
    kind : str
        As NumPy's: ``"u"``, ``"i"`` or ``"f"``.
    bits : int
        Of a pixel.
    """

    height: int
    width: int
    kind: str
    bits: int


def png_header(content: bytes) -> ImageHeader:
    """Return the header of a PNG image, which never loses anything.

    Parameters
    ----------
    content : bytes
        The image.

    Raises
    ------
    HeaderError
        If it is no grey PNG image.
    """
    if content[:16] != b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR":
        raise HeaderError("no PNG image")
    width, height, bits, colours = _unpacked(">LLBB", content, 16)
    if colours:
        raise HeaderError("a PNG image in colour")
    return ImageHeader(height, width, "u", bits)


def lerc_header(content: bytes) -> ImageHeader:
    """Return the header of a LERC image that loses nothing.

    Parameters
    ----------
    content : bytes
        The image.

    Raises
    ------
    HeaderError
        If it is no single LERC image, of version 3 to 6, with all of its pixels, or a lossy one.
    """
    if content[:6] != b"Lerc2 ":
        raise HeaderError("LERC of an old version, or compressed once more")
    (version,) = _unpacked("<l", content, 6)
    fields = {3: "<6l", 4: "<7l", 5: "<7l", 6: "<8l"}.get(version)
    if fields is None:
        raise HeaderError(f"LERC of version {version}")
    numbers = list(_unpacked(fields, content, 14))
    height, width = numbers[:2]
    layers = 1 if version == 3 else numbers.pop(2)  # noqa: PLR2004
    valid, _, size, number_type = numbers[2:6]
    # Version 6 has four flags between the numbers and the largest error.
    place = 14 + struct.calcsize(fields) + (4 if len(numbers) > 6 else 0)  # noqa: PLR2004
    (largest_error,) = _unpacked("<d", content, place)
    if (layers, size) != (1, len(content)) or any(numbers[6:]):
        raise HeaderError("LERC of several images")
    if valid != height * width:
        raise HeaderError("LERC with pixels left out")
    if not 0 <= number_type < len(_LERC_TYPES):
        raise HeaderError(f"LERC of the unknown type {number_type}")
    kind, bits = _LERC_TYPES[number_type]
    # A whole number that is off by at most a half is exact.
    if not 0 <= largest_error <= (0 if kind == "f" else 0.5):
        raise HeaderError(f"lossy LERC compression (errors up to {largest_error:g})")
    return ImageHeader(height, width, kind, bits)


_LERC_TYPES = (
    *(("i", 8), ("u", 8), ("i", 16), ("u", 16), ("i", 32), ("u", 32), ("f", 32), ("f", 64)),
)


# ---- JPEG ----------------------------------------------------------------------------------


def jpeg_header(content: bytes) -> ImageHeader:
    """Return the header of a lossless JPEG image, the process that predicts pixels.

    Parameters
    ----------
    content : bytes
        The image.

    Raises
    ------
    HeaderError
        If it is no JPEG image, or a lossy one, as nearly all are.
    """
    if content[:2] != b"\xff\xd8":
        raise HeaderError("no JPEG image")
    found: ImageHeader | None = None
    for marker, segment in _segments(content, 2):
        if marker == _LOSSLESS_FRAME and found is None:
            bits, height, width, samples = _unpacked(">BHHB", segment, 0)
            if samples != 1:
                raise HeaderError("a JPEG image in colour")
            found = ImageHeader(height, width, "u", bits)
        elif marker in _FRAMES:
            raise HeaderError("lossy JPEG compression")
        elif marker == _SCAN:
            # The last byte is how many bits of each pixel were dropped.
            if found is None or not segment or segment[-1] & 15:
                raise HeaderError("lossy JPEG compression")
            return found
    raise HeaderError("a JPEG image without pixels")


_FRAMES = {*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC}
_LOSSLESS_FRAME, _SCAN = 0xC3, 0xDA


def _segments(content: bytes, place: int) -> Iterator[tuple[int, bytes]]:
    """Yield the markers of a JPEG or JPEG 2000 header, each with what it says."""
    for _ in range(_MOST_MARKERS):
        mark, marker, length = _unpacked(">BBH", content, place)
        if mark != 0xFF or length < 2:  # noqa: PLR2004
            raise HeaderError("a damaged header")
        yield marker, content[place + 4 : place + 2 + length]
        place += 2 + length
    raise HeaderError("a header without an end")


# ---- JPEG 2000 -----------------------------------------------------------------------------


def jpeg2000_header(content: bytes) -> ImageHeader:
    """Return the header of a JPEG 2000 image whose wavelets are reversible, without quantization.

    Parameters
    ----------
    content : bytes
        A codestream, or a JP2 file.

    Raises
    ------
    HeaderError
        If it is no grey JPEG 2000 image, or a lossy one.
    """
    if content[:12] == b"\0\0\0\x0cjP  \r\n\x87\n":
        content = _codestream(content, b"jp2c")
    if content[:4] != b"\xff\x4f\xff\x51":
        raise HeaderError("no JPEG 2000 image")
    found: ImageHeader | None = None
    for marker, segment in _parts(content):
        if marker == _SIZE:
            found = _jpeg2000_size(segment)
        elif marker in _REVERSIBLE:
            place, bits, expected = _REVERSIBLE[marker]
            if len(segment) <= place or segment[place] & bits != expected:
                raise HeaderError("lossy JPEG 2000 compression")
    if found is None:
        raise HeaderError("a JPEG 2000 image without a size")
    return found


_SIZE, _TILE_PART, _TILE_DATA, _END = 0x51, 0x90, 0x93, 0xD9
_REVERSIBLE = {
    **{0x52: (9, 255, 1), 0x53: (6, 255, 1)},  # wavelets, in general and of one component
    **{0x5C: (0, 31, 0), 0x5D: (1, 31, 0)},  # quantization
}
"""Markers that say whether something was lost: in which byte, which of its bits, and if not."""
_MOST_TILES = 2**12


def _parts(content: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield the markers of the main header of a JPEG 2000 image and of those of its tiles."""
    place, tile_end = 2, 0
    for _ in range(_MOST_MARKERS):
        mark, marker = _unpacked(">BB", content, place)
        if mark != 0xFF:  # noqa: PLR2004
            raise HeaderError("a damaged JPEG 2000 header")
        if marker == _TILE_DATA:
            if not tile_end:
                return
            place = tile_end
            if place >= len(content) or content[place : place + 2] == b"\xff\xd9":
                return
            continue
        (length,) = _unpacked(">H", content, place + 2)
        if length < 2:  # noqa: PLR2004
            raise HeaderError("a damaged JPEG 2000 header")
        if marker == _TILE_PART:
            (size,) = _unpacked(">L", content, place + 6)
            tile_end = place + size if size else 0
            if size and tile_end <= place + 2 + length:
                raise HeaderError("a damaged JPEG 2000 header")
        yield marker, content[place + 4 : place + 2 + length]
        place += 2 + length
    raise HeaderError("a JPEG 2000 header without an end")


def _jpeg2000_size(segment: bytes) -> ImageHeader:
    """Return the size of a grey JPEG 2000 image whose grid begins at 0."""
    _, width, height, left, top, tile_width, tile_height, tiles_left, tiles_top, samples = (
        _unpacked(">H8LH", segment, 0)
    )
    depth, *steps = _unpacked(">BBB", segment, 36)
    if samples != 1:
        raise HeaderError("a JPEG 2000 image in colour")
    if (left, top, tiles_left, tiles_top, *steps) != (0, 0, 0, 0, 1, 1):
        raise HeaderError("a JPEG 2000 image of part of a grid")
    if not (tile_width and tile_height):
        raise HeaderError("a damaged JPEG 2000 header")
    tiles = -(-width // tile_width) * -(-height // tile_height)
    if tiles > _MOST_TILES:
        raise HeaderError(f"a JPEG 2000 image of {tiles} tiles")
    return ImageHeader(height, width, "i" if depth & 128 else "u", (depth & 127) + 1)


# ---- JPEG XL -------------------------------------------------------------------------------


def jpegxl_header(content: bytes) -> ImageHeader:
    """Return the header of a JPEG XL image in modular mode whose pixels are kept as they were.

    Parameters
    ----------
    content : bytes
        A codestream, or a file with boxes.

    Raises
    ------
    HeaderError
        If it is no grey JPEG XL image, or a lossy one.
    """
    if content[:12] == b"\0\0\0\x0cJXL \r\n\x87\n":
        content = _codestream(content, b"jxlc", b"jxlp")
    if content[:2] != b"\xff\x0a":
        raise HeaderError("no JPEG XL image")
    bits = _Bits(content[:_MOST_JPEGXL_HEADER], 16)
    height, width = _jpegxl_size(bits)
    kind, depth = _jpegxl_samples(bits)
    _skip_colours(bits)
    if bits.read(2) or not bits.read(1):  # extensions, and colour transforms of its own
        raise HeaderError("a JPEG XL image with extensions")
    bits.align()
    # A frame of defaults, and one whose third bit is not set, is coded by cosine transforms.
    if bits.read(1) or (bits.read(2), bits.read(1))[1] != 1:
        raise HeaderError("lossy JPEG XL compression")
    return ImageHeader(height, width, kind, depth)


_MOST_JPEGXL_HEADER = 256
_SIZES = ((9, 1), (13, 1), (18, 1), (30, 1))
_RATIOS = ((1, 1), (12, 10), (4, 3), (3, 2), (16, 9), (5, 4), (2, 1))
_ENUM = ((0, 0), (0, 1), (4, 2), (6, 18))
_GREY, _CUSTOM = 1, 2


class _Bits:
    """Bits of a JPEG XL header, the lowest of each byte first."""

    def __init__(self, content: bytes, place: int) -> None:
        self._content = int.from_bytes(content, "little")
        self._end = 8 * len(content)
        self._place = place

    def read(self, count: int) -> int:
        """Return the number in so many bits."""
        if self._place + count > self._end:
            raise HeaderError("a JPEG XL header that is cut off, or too long")
        number = self._content >> self._place & (1 << count) - 1
        self._place += count
        return number

    def choice(self, *forms: tuple[int, int]) -> int:
        """Return a number in one of four forms: so many bits, and what is added to them."""
        count, added = forms[self.read(2)]
        return self.read(count) + added

    def align(self) -> None:
        """Go on to the next whole byte."""
        self._place += -self._place % 8


def _jpegxl_size(bits: _Bits) -> tuple[int, int]:
    """Return the height and width of a JPEG XL image."""
    small = bits.read(1)
    height = 8 * (bits.read(5) + 1) if small else bits.choice(*_SIZES)
    ratio = bits.read(3)
    if ratio:
        across, down = _RATIOS[ratio - 1]
        return height, height * across // down
    return height, 8 * (bits.read(5) + 1) if small else bits.choice(*_SIZES)


def _jpegxl_samples(bits: _Bits) -> tuple[str, int]:
    """Return the kind and the bits of the pixels of a JPEG XL image whose values are its own."""
    if bits.read(1):
        raise HeaderError("lossy JPEG XL compression")
    if bits.read(1):
        raise HeaderError("a JPEG XL image that is turned, or has a preview or several frames")
    if bits.read(1):
        kind, depth = "f", bits.choice((0, 32), (0, 16), (0, 24), (6, 1))
        exponent = bits.read(4) + 1
        if (depth, exponent) not in ((32, 8), (16, 5)):
            raise HeaderError(f"a JPEG XL image of floats of {depth} bits")
    else:
        kind, depth = "u", bits.choice((0, 8), (0, 10), (0, 12), (6, 1))
    bits.read(1)
    if bits.choice((0, 0), (0, 1), (4, 2), (12, 1)):
        raise HeaderError("a JPEG XL image with several channels")
    if bits.read(1):
        raise HeaderError("lossy JPEG XL compression")
    return kind, depth


def _skip_colours(bits: _Bits) -> None:
    """Pass over what a JPEG XL header says of colours, of which there are to be none."""
    is_default, has_profile = bits.read(1), 0
    if not is_default:
        has_profile = bits.read(1)
    if is_default or bits.choice(*_ENUM) != _GREY or has_profile:
        raise HeaderError("a JPEG XL image in colour, or with a profile")
    if bits.choice(*_ENUM) == _CUSTOM:
        raise HeaderError("a JPEG XL image with a white of its own")
    if bits.read(1):
        bits.read(24)
    else:
        bits.choice(*_ENUM)
    bits.choice(*_ENUM)


# ---- files with boxes ----------------------------------------------------------------------


def _codestream(content: bytes, *names: bytes) -> bytes:
    """Return what is in the first box of one of some names, before which no palette may be."""
    place = 0
    for _ in range(_MOST_BOXES):
        size, name = _unpacked(">L4s", content, place)
        start = place + 8
        if size == 1:
            (size,) = _unpacked(">Q", content, start)
            start += 8
        end = place + size if size else len(content)
        if not start <= end <= len(content):
            break
        if name in names:
            return content[start + (4 if name == b"jxlp" else 0) : end]
        if b"pclr" in content[start:end]:
            raise HeaderError("an image with a palette")
        place = end
    raise HeaderError("boxes that are damaged")


def _unpacked(form: str, content: bytes, place: int) -> tuple[Any, ...]:
    """Return what is packed at a place; raise `HeaderError` if the header ends before."""
    if place + struct.calcsize(form) > len(content):
        raise HeaderError("a header that is cut off")
    return struct.unpack_from(form, content, place)
