"""Multi-page TIFF as voxels: mapped where it is uncompressed, else decoded on demand.

The directories are walked, and every link, place and size in them is found to lie within the
file, before the TIFF library sees it: it stops quietly at a damaged directory and fills what a
file lacks with zeros, so that a file that was cut off would look like a shorter volume.
"""

from __future__ import annotations

import json
import math
import re
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from napari_nx46.files.indexing import Box, Shape3D
from napari_nx46.files.origin import (
    AXES,
    MAX_DECODED_BYTES,
    MAX_VOXELS,
    FileStamp,
    Origin,
    VolumeError,
    check_shape,
)
from napari_nx46.files.sources import MappedSource, VoxelSource
from napari_nx46.files.tiff_pages import COMPRESSIONS, TIFF_DAMAGE, PagedSource
from napari_nx46.files.tiff_structure import (
    UNCOMPRESSED,
    PageTags,
    ScanLimits,
    TiffStructureError,
    scan_pages,
)
from napari_nx46.regular_files import open_regular

if TYPE_CHECKING:
    from tifffile import TiffFile

VOLUME_LIMITS = ScanLimits(
    pages=2**16, page_pixels=MAX_VOXELS, directory_entries=4096, big_endian_bigtiff=True
)
"""What a volume may declare: one page may hold all of it."""

_GREY_PHOTOMETRICS = (0, 1)
_VOXEL_BITS = ((8,), (16,), (32,), (64,))
_MAX_DECLARED_AXES = 32
_BIG_TIFF_BYTES = 2**31
"""Voxels beyond this are written as BigTIFF: places in a classic file have 32 bits."""


def open_tiff(origin: Origin) -> VoxelSource:
    """Open a TIFF file as voxels; only its page table is read.

    Parameters
    ----------
    origin : Origin
        The file.

    Returns
    -------
    VoxelSource
        Its pages along z. A file of one page is one slice. Values are those stored, whether
        black is said to be the least of them or the greatest.

    Raises
    ------
    VolumeError
        If it is no TIFF file, is truncated, or is anything but grey pages of equal layout along
        one axis, compressed with LZW, deflate or zstd, or not at all.
    """
    from tifffile import TiffFile

    stamp = FileStamp.of(origin)
    pages = _scanned(origin)
    layout = pages[0]
    _check_layout(origin, layout)
    try:
        # With _multifile, metadata could make the library open other files than this one.
        with TiffFile(origin.path, _multifile=False) as tiff:
            first = tiff.pages.first
            dtype, stored_shape = first.dtype, first.shape
            byte_order = tiff.byteorder
            declared = _declared_axes(origin, tiff, len(pages))
    except VolumeError:
        raise
    except TIFF_DAMAGE as error:
        raise origin.error(f"a damaged TIFF file ({error})", "a readable one") from error
    if (
        dtype is None
        or dtype.kind not in "iuf"
        or (dtype.itemsize * 8,) != layout.bits_per_sample
        or stored_shape != (layout.height, layout.width)
    ):
        raise origin.error(f"pages of {_in_words(layout)}", "integers or real numbers")
    return _source(stamp, pages, dtype.newbyteorder(byte_order), declared)


def write_tiff(path: Path, voxels: np.ndarray) -> None:
    """Write a volume as zlib pages, without anything that differs from one day to the next.

    Parameters
    ----------
    path : pathlib.Path
        The file, overwritten.
    voxels : numpy.ndarray
        Integers or real numbers, (Z, Y, X).

    Raises
    ------
    OSError
        If the file cannot be written.
    """
    from tifffile import TiffWriter

    with TiffWriter(path, byteorder="<", bigtiff=voxels.nbytes >= _BIG_TIFF_BYTES) as writer:
        for plane in voxels:
            writer.write(
                np.ascontiguousarray(plane),
                photometric="minisblack",
                compression="zlib",
                metadata=None,
                software=False,
                contiguous=False,
            )


def _scanned(origin: Origin) -> tuple[PageTags, ...]:
    """Return what the pages declare, which are equal, and whose data are within the file."""
    try:
        with open_regular(origin.path) as stream:
            pages = scan_pages(stream, VOLUME_LIMITS)
    except OSError as error:
        raise origin.error(error.strerror or str(error), "a readable file") from error
    except TiffStructureError as fault:
        raise origin.error(fault.found, fault.expected) from fault
    for number, page in enumerate(pages):
        if page != pages[0]:
            raise origin.error(
                f"pages that differ: page 0 has {_in_words(pages[0])}; "
                f"page {number} has {_in_words(page)}",
                "a volume of equal pages",
            )
    return pages


def _in_words(page: PageTags) -> str:
    """Return the layout of a page in words, for messages."""
    return (
        f"{page.height} x {page.width} voxels of {page.type_in_words}, "
        f"compression {page.compression}, "
        f"segments {page.segment_height} x {page.segment_width}"
    )


def _source(
    stamp: FileStamp,
    pages: tuple[PageTags, ...],
    stored: np.dtype,
    declared: tuple[int, ...] | None,
) -> VoxelSource:
    """Return the source that reads what the pages and the metadata together describe.

    The type ``stored`` has the byte order of the file.
    """
    origin, layout = stamp.origin, pages[0]
    stacked = check_shape(origin, (len(pages), layout.height, layout.width))
    shape = stacked if declared is None else _declared_shape(origin, declared)
    starts = _starts(pages, layout.height * layout.width * stored.itemsize)
    if starts is not None and _describes_first_page_only(stacked, shape):
        return _mapped(stamp, stored, shape, starts)
    if shape != stacked and (stacked[0] != 1 or math.prod(shape) != math.prod(stacked)):
        raise origin.error(
            f"metadata that declare shape {shape} on {stacked[0]} pages of "
            f"{layout.height} x {layout.width}",
            "pages that hold that shape",
        )
    source: VoxelSource = (
        PagedSource(stamp, layout, len(pages), stored.newbyteorder("="))
        if starts is None
        else _mapped(stamp, stored, stacked, starts)
    )
    return source if shape == stacked else _ReshapedPage(source, shape)


def _declared_axes(origin: Origin, tiff: TiffFile, page_count: int) -> tuple[int, ...] | None:
    """Return the shape that the metadata declare for all pages together, if they do.

    Axes of one element before the last two are left out.
    """
    first = tiff.pages.first
    if first.shaped_description is not None:
        full = _described_shape(first.shaped_description)
        if page_count > 1 and math.prod(full) == math.prod(first.shape):
            return None  # every page was written, and describes itself, on its own
    elif first.is_imagej or first.is_ome:
        all_series = tiff.series
        if len(all_series) != 1:
            shapes = ", ".join(str(series.shape) for series in all_series)
            raise origin.error(f"{len(all_series)} arrays, of shapes {shapes}", "one volume")
        series = all_series[0]
        named = zip(series.get_axes(squeeze=False), series.get_shape(squeeze=False), strict=True)
        full = tuple(size for axis, size in named if axis != "S")  # one sample per voxel
        order = [None if page is None else page.index for page in series.pages]
        if first.is_ome and order != list(range(page_count)):
            raise origin.error(
                "metadata that order the pages otherwise than the file, or name other files",
                "all slices in ascending order in this file",
            )
    else:
        return None
    return (*(size for size in full[:-2] if size != 1), *full[-2:])


def _described_shape(description: str) -> tuple[int, ...]:
    """Return the shape in the image description that tifffile writes."""
    sizes: list[object]
    if description.startswith("shape="):
        sizes = [int(digits) for digits in re.findall(r"\d+", description)]
    else:
        sizes = json.loads(description)["shape"]
    shape = tuple(size for size in sizes if isinstance(size, int) and size >= 0)
    if not 1 <= len(sizes) <= _MAX_DECLARED_AXES or len(shape) != len(sizes):
        raise ValueError(f"it declares shape {sizes!r:.100}")
    return shape


def _check_layout(origin: Origin, layout: PageTags) -> None:
    """Check that pages of this layout can be slices of a volume."""
    if layout.samples_per_pixel != 1 or layout.photometric not in _GREY_PHOTOMETRICS:
        raise origin.error(
            f"colour pages ({layout.samples_per_pixel} samples per voxel, "
            f"photometric interpretation {layout.photometric})",
            "grey pages with one sample per voxel",
        )
    if layout.depth != 1:
        raise origin.error(f"pages that are {layout.depth} slices deep", "one slice a page")
    if layout.compression not in COMPRESSIONS:
        raise origin.error(
            f"compression {layout.compression}", "LZW, deflate, zstd or no compression"
        )
    if layout.bits_per_sample not in _VOXEL_BITS:
        raise origin.error(f"{_in_words(layout)}", "8, 16, 32 or 64 bit voxels")
    size = layout.segment_height * layout.segment_width * layout.bits_per_sample[0] // 8
    if size > MAX_DECODED_BYTES:
        raise origin.error(
            f"strips or tiles of {size} bytes", f"at most {MAX_DECODED_BYTES} bytes each"
        )


def _declared_shape(origin: Origin, declared: tuple[int, ...]) -> Shape3D:
    """Return the declared shape as (Z, Y, X)."""
    if len(declared) > AXES:
        raise origin.error(f"an array of {len(declared)} axes, {declared}", "three axes, (Z, Y, X)")
    return check_shape(origin, (1,) * (AXES - len(declared)) + declared)


def _describes_first_page_only(stacked: Shape3D, shape: Shape3D) -> bool:
    """Tell whether a writer described one page only, and let the voxels of all others follow."""
    return stacked[0] == 1 and shape[0] > 1 and shape[1:] == stacked[1:]


def _starts(pages: tuple[PageTags, ...], page_bytes: int) -> range | None:
    """Return where the voxels of each page start if they lie in the file as in memory.

    None if they do not, or if they are not at regular distances.
    """
    layout = pages[0]
    if (layout.compression, layout.predictor, layout.fill_order) != (UNCOMPRESSED, 1, 1):
        return None
    starts = [page.run.start for page in pages if page.run and len(page.run) == page_bytes]
    if layout.segment_width != layout.width or len(starts) != len(pages):
        return None
    distance = starts[1] - starts[0] if len(starts) > 1 else page_bytes
    regular = range(starts[0], starts[0] + len(starts) * distance, max(distance, 1))
    return regular if distance >= page_bytes and starts == list(regular) else None


def _mapped(stamp: FileStamp, stored: np.dtype, shape: Shape3D, starts: range) -> MappedSource:
    """Return a source that maps pages at regular distances."""
    strides = (starts.step, shape[2] * stored.itemsize, stored.itemsize)
    return MappedSource(stamp, stored, shape, starts.start, strides)


class _ReshapedPage:
    """One page that holds a whole volume, as some writers store volumes with X = 1."""

    def __init__(self, page: VoxelSource, shape: Shape3D) -> None:
        self._page = page
        self.shape = shape
        self.dtype = page.dtype

    def read_box(self, box: Box) -> np.ndarray:
        """Read a box; see `VoxelSource.read_box`."""
        everything = tuple(slice(0, size, 1) for size in self._page.shape)
        voxels = self._page.read_box((everything[0], everything[1], everything[2]))
        return voxels.reshape(self.shape)[box].copy()

    def release(self) -> None:
        """Forget the decoded page."""
        self._page.release()
