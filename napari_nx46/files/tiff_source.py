"""Multi-page TIFF as voxels: mapped where it is uncompressed, else decoded on demand."""

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
    FileStamp,
    Origin,
    VolumeError,
    check_shape,
)
from napari_nx46.files.sources import MappedSource, VoxelSource
from napari_nx46.files.tiff_directory import Page, PageLayout, TiffDirectory, read_tiff_directory
from napari_nx46.files.tiff_segments import COMPRESSIONS, TIFF_DAMAGE, Decode, PagedSource

if TYPE_CHECKING:
    from tifffile import TiffFile

_GREY_PHOTOMETRICS = (0, 1)
_VOXEL_BITS = (8, 16, 32, 64)
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
    directory = read_tiff_directory(stamp)
    layout = directory.layout
    _check_layout(origin, layout)
    try:
        # Without _multifile, metadata could make the library open other files than this one.
        with TiffFile(origin.path, _multifile=False) as tiff:
            first = tiff.pages.first
            dtype, decode = first.dtype, first.decode
            declared = _declared_axes(origin, tiff, directory)
    except VolumeError:
        raise
    except TIFF_DAMAGE as error:
        raise origin.error(f"a damaged TIFF file ({error})", "a readable one") from error
    if dtype is None or dtype.itemsize * 8 != layout.bits or dtype.kind not in "iuf":
        raise origin.error(f"pages of {layout}", "integers or real numbers")
    return _source(stamp, directory, dtype, decode, declared)


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


def _source(
    stamp: FileStamp,
    directory: TiffDirectory,
    dtype: np.dtype,
    decode: Decode,
    declared: tuple[int, ...] | None,
) -> VoxelSource:
    """Return the source that reads what the pages and the metadata together describe."""
    origin, layout = stamp.origin, directory.layout
    stacked = check_shape(origin, (len(directory.pages), layout.length, layout.width))
    shape = stacked if declared is None else _declared_shape(origin, declared)
    page_bytes = layout.length * layout.width * dtype.itemsize
    if _describes_first_page_only(directory, shape, page_bytes):
        return _mapped(stamp, directory, dtype, shape, page_bytes)
    if shape != stacked and (stacked[0] != 1 or math.prod(shape) != math.prod(stacked)):
        raise origin.error(
            f"metadata that declare shape {shape} on {stacked[0]} pages of "
            f"{layout.length} x {layout.width}",
            "pages that hold that shape",
        )
    stride = _page_stride(directory, page_bytes)
    pages: VoxelSource = (
        PagedSource(stamp, directory, dtype.newbyteorder("="), decode)
        if stride is None
        else _mapped(stamp, directory, dtype, stacked, stride)
    )
    return pages if shape == stacked else _ReshapedPage(pages, shape)


def _declared_axes(
    origin: Origin, tiff: TiffFile, directory: TiffDirectory
) -> tuple[int, ...] | None:
    """Return the shape that the metadata declare for all pages together, if they do.

    Axes of one element before the last two are left out.
    """
    first = tiff.pages.first
    if first.shaped_description is not None:
        full = _described_shape(first.shaped_description)
        if len(directory.pages) > 1 and math.prod(full) == math.prod(first.shape):
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
        if first.is_ome and order != list(range(len(directory.pages))):
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


def _check_layout(origin: Origin, layout: PageLayout) -> None:
    """Check that pages of this layout can be slices of a volume."""
    if layout.samples != 1 or layout.photometric not in _GREY_PHOTOMETRICS:
        raise origin.error(
            f"colour pages ({layout.samples} samples per voxel, "
            f"photometric interpretation {layout.photometric})",
            "grey pages with one sample per voxel",
        )
    if layout.depth != 1:
        raise origin.error(f"pages that are {layout.depth} slices deep", "one slice a page")
    if layout.compression not in COMPRESSIONS:
        raise origin.error(
            f"compression {layout.compression}", "LZW, deflate, zstd or no compression"
        )
    if layout.bits not in _VOXEL_BITS:
        raise origin.error(f"{layout.bits} bit voxels", "8, 16, 32 or 64 bit voxels")
    size = layout.segment_length * layout.segment_width * layout.bits // 8
    if size > MAX_DECODED_BYTES:
        raise origin.error(
            f"strips or tiles of {size} bytes", f"at most {MAX_DECODED_BYTES} bytes each"
        )


def _declared_shape(origin: Origin, declared: tuple[int, ...]) -> Shape3D:
    """Return the declared shape as (Z, Y, X)."""
    if len(declared) > AXES:
        raise origin.error(f"an array of {len(declared)} axes, {declared}", "three axes, (Z, Y, X)")
    return check_shape(origin, (1,) * (AXES - len(declared)) + declared)


def _is_plain(layout: PageLayout) -> bool:
    """Tell whether the voxels lie in the file as they lie in memory."""
    return (
        layout.compression == 1
        and layout.predictor == 1
        and layout.fill_order == 1
        and layout.segments_across == 1
        and layout.segment_width == layout.width
    )


def _describes_first_page_only(directory: TiffDirectory, shape: Shape3D, page_bytes: int) -> bool:
    """Tell whether a writer described one page only, and let the voxels of all others follow."""
    layout = directory.layout
    return (
        len(directory.pages) == 1
        and shape[0] > 1
        and shape[1:] == (layout.length, layout.width)
        and _is_plain(layout)
        and _is_one_run(directory.pages[0], page_bytes)
    )


def _page_stride(directory: TiffDirectory, page_bytes: int) -> int | None:
    """Return the distance of pages in bytes if all voxels lie at regular distances, else None."""
    in_runs = all(_is_one_run(page, page_bytes) for page in directory.pages)
    if not in_runs or not _is_plain(directory.layout):
        return None
    distances = np.unique(np.diff([page.offsets[0] for page in directory.pages]))
    if distances.size > 1 or (distances.size and distances[0] < page_bytes):
        return None
    return int(distances[0]) if distances.size else page_bytes


def _is_one_run(page: Page, size: int) -> bool:
    """Tell whether the strips of a page follow each other without a gap and fill it."""
    ends = page.offsets + page.byte_counts
    return bool((ends[:-1] == page.offsets[1:]).all()) and ends[-1] - page.offsets[0] == size


def _mapped(
    stamp: FileStamp,
    directory: TiffDirectory,
    dtype: np.dtype,
    shape: Shape3D,
    page_stride: int,
) -> MappedSource:
    """Return a source that maps pages at regular distances."""
    stored = dtype.newbyteorder("<" if directory.byte_order == "<" else ">")
    strides = (page_stride, shape[2] * dtype.itemsize, dtype.itemsize)
    return MappedSource(stamp, stored, shape, int(directory.pages[0].offsets[0]), strides)


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
