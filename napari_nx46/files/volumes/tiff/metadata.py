"""What the metadata of microscopes and of ImageJ say about the slices of a TIFF file.

A stack may be split over several files, each with the metadata of all. Part of a stack must not
be taken for the whole.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING
from xml.etree.ElementTree import Element, fromstring

from napari_nx46.files.naming import first_few, printable
from napari_nx46.files.volumes.tiff.structure import PageTags, TiffStructureError

if TYPE_CHECKING:
    from tifffile import TiffFile

_OME_ROOT = re.compile(r"<(\w+:)?OME[\s>]")
_IMAGEJ_SIZES = re.compile(r"^(images|channels|slices|frames)=(\d{1,18})\s*$", re.MULTILINE)
_METAMORPH_PLANES = 33629
"""The tag of which a MetaMorph stack has one value for each plane, all of them in one page."""
_WHAT_TO_DO = "all slices in this file; merge the files, for example in Fiji, and save one TIFF"


def is_ome(description: str) -> bool:
    """Return whether the description of a page holds the metadata of OME."""
    return _OME_ROOT.search(description) is not None


def check_all_slices_here(
    tiff: TiffFile, pages: tuple[PageTags, ...], name: str, file_bytes: int
) -> None:
    """Check that the metadata of a file do not promise more slices than it has.

    Parameters
    ----------
    tiff : TiffFile
        The open file.
    pages : tuple of PageTags
        What its pages declare.
    name : str
        Its name.
    file_bytes : int
        Its size.

    Raises
    ------
    TiffStructureError
        If slices are in other files, which the message names, or are missing.
    """
    first = tiff.pages.first
    description = first.description
    if is_ome(description):
        root = fromstring(description)
        _check_ome(root, name, len(pages))
        _check_ome_sizes(root, pages)
    elif description.startswith("ImageJ="):
        _check_imagej(description, pages, file_bytes)
    elif _METAMORPH_PLANES in first.tags:
        _check_count("MetaMorph metadata", first.tags[_METAMORPH_PLANES].count, len(pages))


def _check_ome(root: Element, name: str, page_count: int) -> None:
    """Check that an OME-TIFF is no part of a set of files, and has all of its planes."""
    for element in named_elements(root, "BinaryOnly"):
        holder = printable(element.get("MetadataFile", "another file"))
        raise TiffStructureError(
            "missing-slices",
            f"a file of a set of several files, whose metadata are in {holder}",
            _WHAT_TO_DO,
        )
    own = root.get("UUID")
    places = {
        ((element.text or "").strip(), element.get("FileName", ""))
        for data in named_elements(root, "TiffData")
        for element in named_elements(data, "UUID")
    }
    others = sorted(
        {
            file or uuid
            for uuid, file in places
            if (uuid != own if own is not None else file != name and len(places) > 1)
        }
    )
    if others:
        raise TiffStructureError(
            "missing-slices",
            "a file of a set of several files; other slices are in "
            f"{first_few([*map(printable, others)])}",
            _WHAT_TO_DO,
        )
    planes = sum(map(_ome_planes, named_elements(root, "Pixels")))
    _check_count("OME metadata", planes, page_count)


def _check_ome_sizes(root: Element, pages: tuple[PageTags, ...]) -> None:
    """Check that no number in the metadata of an OME-TIFF stands for more than the file has.

    The TIFF library makes lists as long as these numbers say.
    """
    voxels = len(pages) * pages[0].height * pages[0].width
    images = list(named_elements(root, "Pixels"))
    for pixels in images:
        sizes = [_number(pixels, f"Size{axis}", 1) for axis in "XYZCT"]
        if min(sizes) < 1 or math.prod(sizes) > voxels:
            shape = " x ".join(map(str, sizes))
            raise TiffStructureError(
                "missing-slices",
                f"OME metadata of {shape} voxels (X, Y, Z, C, T) in a file of {len(pages)} pages "
                f"of {pages[0].height} x {pages[0].width}",
                _WHAT_TO_DO,
            )
    places = list(named_elements(root, "TiffData"))
    _check_count("OME metadata of places", len(places), len(pages) + len(images))
    for data in places:
        for count in ("PlaneCount", "NumPlanes", "IFD"):
            _check_count("OME metadata", _number(data, count, 0), len(pages))
    for axis in "ZCT":
        for along in named_elements(root, f"ModuloAlong{axis}"):
            start, end, step = (float(along.get(key, "1")) for key in ("Start", "End", "Step"))
            if not abs(end - start) <= abs(step) * len(pages):
                raise TiffStructureError(
                    "missing-slices", f"OME metadata of {start} to {end} along {axis}", _WHAT_TO_DO
                )


def _number(element: Element, key: str, default: int) -> int:
    return int(element.get(key, default))


def _ome_planes(pixels: Element) -> int:
    """Return how many pages an image of an OME-TIFF has by its metadata."""
    sizes = [int(pixels.get(size, "1")) for size in ("SizeZ", "SizeC", "SizeT")]
    samples = [
        int(channel.get("SamplesPerPixel", "1")) for channel in named_elements(pixels, "Channel")
    ]
    z, channels, t = sizes
    return z * t * -(-channels // max([1, *samples]))


def _check_imagej(description: str, pages: tuple[PageTags, ...], file_bytes: int) -> None:
    """Check that an ImageJ stack has all of its slices, which may follow a single page."""
    sizes = {key: int(value) for key, value in _IMAGEJ_SIZES.findall(description)}
    product = sizes.get("channels", 1) * sizes.get("slices", 1) * sizes.get("frames", 1)
    declared = max(sizes.get("images", 1), product)
    present = len(pages)
    run = pages[0].run
    if present == 1 and run is not None:
        present = max(1, (file_bytes - run.start) // len(run))
    _check_count("ImageJ metadata", declared, present)


def _check_count(source: str, declared: int, present: int) -> None:
    if declared > present:
        raise TiffStructureError(
            "missing-slices",
            f"{source} of {declared} slices in a file that has {present}",
            _WHAT_TO_DO,
        )


def named_elements(element: Element, name: str) -> Iterator[Element]:
    """Yield the elements below one, of a name in any namespace.

    Parameters
    ----------
    element : Element
    name : str
    """
    return (below for below in element.iter() if below.tag.rpartition("}")[2] == name)
