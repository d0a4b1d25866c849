"""How the pixels of a TIFF page may be coded, and the names of all codings.

What loses nothing is read; anything else is refused by its name. Masks in an archive and volumes
in a file follow the same rule.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from napari_nx46.files.volumes.tiff.image_headers import (
    HeaderError,
    ImageHeader,
    jpeg2000_header,
    jpeg_header,
    jpegxl_header,
    lerc_header,
    png_header,
)
from napari_nx46.files.volumes.tiff.structure import UNCOMPRESSED, PageTags, TiffStructureError


@dataclass(frozen=True, slots=True)
class Coding:
    """A way to compress the pixels of TIFF pages that is read.

    Attributes
    ----------
    name : str
        What people call it.
    header : callable or None
        Reads the header of a strip or tile that is an image of its own, and raises `HeaderError`
        if that image lost anything; None for what compresses bytes, whatever they are.
    working_bytes : int
        What the decoder takes for every pixel, besides the pixel itself.
    """

    name: str
    header: Callable[[bytes], ImageHeader] | None = None
    working_bytes: int = 0


_PACKBITS = 32773
_JPEG_2000 = Coding("JPEG 2000", jpeg2000_header, 4)
_JPEG_XL = Coding("JPEG XL", jpegxl_header, 4)
COMPRESSIONS = {
    UNCOMPRESSED: Coding("uncompressed"),
    5: Coding("LZW"),
    **dict.fromkeys((8, 32946, 50013), Coding("deflate")),
    _PACKBITS: Coding("PackBits"),
    34925: Coding("LZMA"),
    **dict.fromkeys((34926, 50000), Coding("zstd")),
    34933: Coding("PNG", png_header),
    **dict.fromkeys((33003, 33004, 33005, 34712), _JPEG_2000),
    **dict.fromkeys((50002, 52546), _JPEG_XL),
    34887: Coding("LERC", lerc_header),
    7: Coding("JPEG", jpeg_header),
}
"""TIFF's numbers of the compressions that are read, where they lose nothing."""

_NOT_READ = {
    **{2: "CCITT RLE", 3: "CCITT fax 3", 4: "CCITT fax 4", 6: "old-style JPEG", 9: "JBIG"},
    **{10: "JBIG", 99: "JPEG", 22610: "JPEG XR", 32766: "NeXT", 32767: "Sony raw"},
    **{32771: "CCITT RLE", 32809: "ThunderScan", 32908: "Pixar film", 32909: "Pixar log"},
    **{33007: "JPEG", 34661: "JBIG", 34676: "SGI log", 34677: "SGI log", 34713: "Nikon raw"},
    **{34715: "JBIG2", 34892: "JPEG", 34927: "WebP", 34934: "JPEG XR", 48124: "Jetraw"},
    **{50001: "WebP", 65000: "EER", 65001: "EER", 65002: "EER"},
}

_PREDICTORS = (1, 2, 3, 34892, 34893, 34894, 34895)
"""No prediction, differences of integers, differences of floats, and these over 2 or 4 voxels."""

_WITHOUT_PREDICTOR = {
    *(UNCOMPRESSED, _PACKBITS),
    *(number for number, coding in COMPRESSIONS.items() if coding.header is not None),
}
"""Compressions with which some readers apply a predictor and others do not."""

_PALETTE = 3
_ONE_SAMPLE_PHOTOMETRICS = (0, 1, _PALETTE)
_PHOTOMETRICS = {
    **{0: "white is zero", 1: "black is zero", 2: "RGB", _PALETTE: "palette"},
    **{4: "transparency mask", 5: "CMYK", 6: "YCbCr", 8: "CIE L*a*b*", 9: "ICC L*a*b*"},
    **{32803: "colour filter array", 32844: "log luminance", 32845: "log luminance"},
}
_BITS = ((8,), (16,), (32,), (64,))


def compression_name(number: int) -> str:
    """Return what people call a compression of TIFF.

    Parameters
    ----------
    number : int
        As TIFF numbers them.

    Returns
    -------
    str
        For example ``"JPEG"``; one that is not known is called by its number.
    """
    known = COMPRESSIONS.get(number)
    return known.name if known else _NOT_READ.get(number, f"unknown (number {number})")


def compressions_in_words() -> str:
    """Return the names of the compressions that are read, as a list in words."""
    codings = list(dict.fromkeys(COMPRESSIONS.values()))[1:]
    always = [coding.name for coding in codings if coding.header is None]
    lossless = [coding.name for coding in codings if coding.header is not None]
    return f"{', '.join(always)}, lossless {', '.join(lossless)} or no compression"


def check_coding(page: PageTags, number: int = 0) -> None:
    """Check that the pixels of a page are coded in a way that is read.

    Palettes are passed over: the voxels are the numbers that are stored.

    Parameters
    ----------
    page : PageTags
        What the page declares.
    number : int
        The page, counted from 0.

    Raises
    ------
    TiffStructureError
        If its pixels are colours, are compressed in a way that may lose something, or are not of
        8, 16, 32 or 64 bits.
    """
    if page.samples_per_pixel != 1 or page.photometric not in _ONE_SAMPLE_PHOTOMETRICS:
        kind = _PHOTOMETRICS.get(page.photometric, f"unknown (number {page.photometric})")
        raise TiffStructureError(
            "not-grayscale",
            f"colour pages ({page.samples_per_pixel} samples per voxel, "
            f"photometric interpretation: {kind})",
            "grey pages with one sample per voxel",
            number,
        )
    if page.compression not in COMPRESSIONS:
        raise TiffStructureError(
            "unsupported-compression",
            f"{compression_name(page.compression)} compression",
            compressions_in_words(),
            number,
        )
    if page.bits_per_sample not in _BITS:
        raise TiffStructureError(
            "unsupported-layout",
            f"voxels of {page.bits_per_sample[0] if page.bits_per_sample else 0} bits",
            "8, 16, 32 or 64 bits a voxel; save it as uint8",
            number,
        )
    if page.fill_order != 1 and COMPRESSIONS[page.compression].header is not None:
        raise TiffStructureError(
            "unsupported-layout",
            f"{compression_name(page.compression)} compression with its bits in reverse",
            "a file with fill order 1",
            number,
        )
    _check_predictor(page, number)


def segment_bytes(page: PageTags) -> int:
    """Return the bytes that decoding a strip or tile of a page takes.

    Parameters
    ----------
    page : PageTags
        What the page declares; `check_coding` has found it sound.
    """
    pixel = page.bits_per_sample[0] // 8 + COMPRESSIONS[page.compression].working_bytes
    return page.segment_height * page.segment_width * pixel


def check_image(
    page: PageTags, content: bytes, sizes: tuple[tuple[int, int], ...], dtype: np.dtype
) -> None:
    """Check that a strip or tile that is an image of its own is lossless and of the right size.

    Parameters
    ----------
    page : PageTags
        What the page declares; `check_coding` has found it sound.
    content : bytes
        The strip or tile, encoded.
    sizes : tuple of tuple of int
        The sizes (Y, X), in pixels, that it may have.
    dtype : numpy.dtype
        Type of the pixels.

    Raises
    ------
    TiffStructureError
        If it has lost something, or would be decoded to anything else. Of compressions of bytes,
        nothing is checked.
    """
    read_header = COMPRESSIONS[page.compression].header
    if read_header is None:
        return
    try:
        found = read_header(content)
    except HeaderError as fault:
        raise TiffStructureError(
            "unsupported-compression", str(fault), compressions_in_words()
        ) from fault
    if (found.height, found.width) not in sizes or (found.kind, found.bits) != (
        dtype.kind,
        8 * dtype.itemsize,
    ):
        kind = {"u": "uint", "i": "int", "f": "float"}[found.kind]
        raise TiffStructureError(
            "damaged-page",
            f"a strip or tile that is an image of {found.height} x {found.width} voxels of "
            f"{kind}{found.bits}",
            f"{' or '.join(f'{height} x {width}' for height, width in sizes)} of {dtype}",
        )


def _check_predictor(page: PageTags, number: int) -> None:
    """Check that all readers undo the prediction of a page in one way."""
    known = page.predictor in _PREDICTORS
    if page.predictor == 1 or (known and page.compression not in _WITHOUT_PREDICTOR):
        return
    raise TiffStructureError(
        "unsupported-layout",
        f"predictor {page.predictor} with {compression_name(page.compression)} compression"
        if page.compression != UNCOMPRESSED
        else f"predictor {page.predictor} without compression",
        "no predictor, as readers take it differently",
        number,
    )
