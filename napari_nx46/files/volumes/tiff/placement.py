"""The voxel size that the metadata of a TIFF file give: OME's, or ImageJ's."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from xml.etree.ElementTree import fromstring

from napari_nx46.files.volumes.placement import PIXEL, Placement
from napari_nx46.files.volumes.tiff.metadata import is_ome, named_elements

if TYPE_CHECKING:
    from tifffile import TiffFile, TiffPage

_OME_UNIT = "µm"
"""Where an OME file says no other."""
_IMAGEJ_VALUE = re.compile(r"^(unit|yunit|zunit|spacing)=(.{1,40}?)\s*$", re.MULTILINE)


def placement_in(tiff: TiffFile) -> Placement | None:
    """Return the voxel size that a file gives; None where it gives none that makes sense.

    Parameters
    ----------
    tiff : TiffFile
        The open file, whose metadata were checked.
    """
    first = tiff.pages.first
    try:
        if is_ome(first.description):
            return _of_ome(first.description)
        if first.description.startswith("ImageJ="):
            return _of_imagej(first)
    except (ArithmeticError, TypeError, ValueError):
        return None  # a size that is no number is as good as none
    return None


def _of_ome(description: str) -> Placement | None:
    pixels = next(named_elements(fromstring(description), "Pixels"), None)
    if pixels is None:
        return None
    sizes = {axis: pixels.get(f"PhysicalSize{axis}") for axis in "ZYX"}
    units = {axis: pixels.get(f"PhysicalSize{axis}Unit", _OME_UNIT) for axis in "ZYX"}
    if sizes["Z"] is None and pixels.get("SizeZ", "1") == "1":
        sizes["Z"], units["Z"] = sizes["Y"], units["Y"]  # a single slice has no distance
    known = [float(size) for size in sizes.values() if size is not None]
    if len(known) < len(sizes):
        return None
    return Placement.of(known, units=list(units.values()))


def _of_imagej(first: TiffPage) -> Placement | None:
    values: dict[str, str] = dict(_IMAGEJ_VALUE.findall(first.description))
    x_unit = values.get("unit", PIXEL)
    if x_unit.lower() in (PIXEL, "pixels", ""):
        return None
    tags = [first.tags.get(name) for name in ("YResolution", "XResolution")]
    counts = [tag.value for tag in tags if tag is not None]
    if len(counts) < len(tags):
        return None
    # A resolution is a fraction: so many voxels in so many units.
    y, x = (float(units) / float(voxels) for voxels, units in counts)
    y_unit, z_unit = values.get("yunit", x_unit), values.get("zunit", x_unit)
    return Placement.of((float(values.get("spacing", 1)), y, x), units=(z_unit, y_unit, x_unit))
