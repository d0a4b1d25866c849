"""How the pixels of a TIFF page may be coded, and the names of all codings.

What loses nothing is read; anything else is refused by its name. Masks in an archive and volumes
in a file follow the same rule.
"""

from __future__ import annotations

from napari_nx46.files.tiff_structure import UNCOMPRESSED, PageTags, TiffStructureError

_PACKBITS = 32773
COMPRESSIONS = {
    UNCOMPRESSED: "uncompressed",
    5: "LZW",
    8: "deflate",
    _PACKBITS: "PackBits",
    32946: "deflate",
    34925: "LZMA",
    34926: "zstd",
    50000: "zstd",
    50013: "deflate",
}
"""TIFF's numbers of the compressions that are read, all of them lossless, and their names."""

_NOT_READ = {
    **{2: "CCITT RLE", 3: "CCITT fax 3", 4: "CCITT fax 4", 6: "old-style JPEG", 7: "JPEG"},
    **{9: "JBIG", 10: "JBIG", 99: "JPEG", 22610: "JPEG XR", 32766: "NeXT", 32767: "Sony raw"},
    **{32771: "CCITT RLE", 32809: "ThunderScan", 32908: "Pixar film", 32909: "Pixar log"},
    **{33003: "JPEG 2000", 33004: "JPEG 2000", 33005: "JPEG 2000", 33007: "JPEG"},
    **{34661: "JBIG", 34676: "SGI log", 34677: "SGI log", 34712: "JPEG 2000", 34713: "Nikon raw"},
    **{34715: "JBIG2", 34887: "LERC", 34892: "JPEG", 34927: "WebP", 34933: "PNG"},
    **{34934: "JPEG XR", 48124: "Jetraw", 50001: "WebP", 50002: "JPEG XL", 52546: "JPEG XL"},
    **{65000: "EER", 65001: "EER", 65002: "EER"},
}

_PREDICTORS = (1, 2, 3, 34892, 34893, 34894, 34895)
"""No prediction, differences of integers, differences of floats, and these over 2 or 4 voxels."""

_WITHOUT_PREDICTOR = (UNCOMPRESSED, _PACKBITS)
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
    return COMPRESSIONS.get(number) or _NOT_READ.get(number, f"unknown (number {number})")


def compressions_in_words() -> str:
    """Return the names of the compressions that are read, as a list in words."""
    names = list(dict.fromkeys(COMPRESSIONS.values()))[1:]
    return f"{', '.join(names)} or no compression"


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
    _check_predictor(page, number)


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
