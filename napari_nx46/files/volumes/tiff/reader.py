"""Multi-page TIFF as voxels: read in place where it is uncompressed, else decoded on demand.

The directories are walked, and every link, place and size in them is found to lie within the
file, before the TIFF library sees it: it stops quietly at a damaged directory and fills what a
file lacks with zeros, so that a file that was cut off would look like a shorter volume.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from napari_nx46.files.memory import check_piece
from napari_nx46.files.regular import open_regular
from napari_nx46.files.volumes.axes import StoredAxes, find_axes
from napari_nx46.files.volumes.channels import Channels, slices_of
from napari_nx46.files.volumes.indexing import Box, box_shape
from napari_nx46.files.volumes.origin import (
    AXES,
    MAX_VOXELS,
    FileStamp,
    Origin,
    VolumeError,
    check_shape,
)
from napari_nx46.files.volumes.reader import VolumeReader
from napari_nx46.files.volumes.strided_reader import StridedReader
from napari_nx46.files.volumes.tiff.coding import check_coding, compression_name, segment_bytes
from napari_nx46.files.volumes.tiff.metadata import check_all_slices_here
from napari_nx46.files.volumes.tiff.pages import TIFF_DAMAGE, PagedReader
from napari_nx46.files.volumes.tiff.placement import placement_in
from napari_nx46.files.volumes.tiff.structure import (
    UNCOMPRESSED,
    PageTags,
    ScanLimits,
    TiffStructureError,
    scan_pages,
)

if TYPE_CHECKING:
    from tifffile import TiffFile

VOLUME_LIMITS = ScanLimits(pages=2**16, page_pixels=MAX_VOXELS, directory_entries=4096)
"""What a volume may declare: one page may hold all of it."""

_MAX_DECLARED_AXES = 32
_BIG_TIFF_BYTES = 2**31
"""Voxels beyond this are written as BigTIFF: places in a classic file have 32 bits."""


def open_tiff(origin: Origin) -> Channels:
    """Open a TIFF file as voxels; only its page table is read.

    Parameters
    ----------
    origin : Origin
        The file.

    Returns
    -------
    Channels
        Its pages along z, or along z and an axis of channels. A file of one page is one slice.
        Values are those stored, whether black is said to be the least of them or the greatest.

    Raises
    ------
    VolumeError
        If it is no TIFF file, is truncated, or is anything but grey pages of equal layout that
        make up a volume (see `find_axes`), compressed without loss or
        not at all, or if slices are in other files.
    """
    from tifffile import TiffFile

    stamp = FileStamp.of(origin)
    pages = _scanned(origin)
    layout = pages[0]
    _check_layout(origin, layout)
    try:
        # With _multifile, metadata could make the library open other files than this one.
        with TiffFile(origin.path, _multifile=False) as tiff:
            check_all_slices_here(tiff, pages, origin.path.name, stamp.size)
            first = tiff.pages.first
            dtype, stored_shape = first.dtype, first.shape
            byte_order = tiff.byteorder
            declared = _declared_axes(origin, tiff, len(pages))
            placement = placement_in(tiff)
    except VolumeError:
        raise
    except TiffStructureError as fault:
        raise origin.error(fault.found, fault.expected, fault.code) from fault
    except TIFF_DAMAGE as error:
        raise origin.error(f"a damaged TIFF file ({error})", "a readable one") from error
    if (
        dtype is None
        or dtype.kind not in "iuf"
        or (dtype.itemsize * 8,) != layout.bits_per_sample
        or stored_shape != (layout.height, layout.width)
    ):
        raise origin.error(f"pages of {_in_words(layout)}", "integers or real numbers")
    channels = _channels(stamp, pages, dtype.newbyteorder(byte_order), declared)
    return replace(channels, placement=placement)


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
        raise origin.error(fault.found, fault.expected, fault.code) from fault
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
        f"compression: {compression_name(page.compression)}, "
        f"segments {page.segment_height} x {page.segment_width}"
    )


@dataclass(frozen=True, slots=True)
class _Declared:
    """The array that the metadata declare for all pages together, its axes named if they do so."""

    shape: tuple[int, ...]
    names: tuple[str, ...] | None

    @classmethod
    def of(cls, shape: Sequence[int], names: Sequence[str]) -> _Declared:
        """Return the array; names that do not fit it have no effect."""
        named = tuple(name.lower() for name in names)
        if named[-2:] == ("y", "x") and len(named) == len(shape):
            longer = [axis for axis, size in enumerate(shape[:-2]) if size > 1]
            if len(longer) == 1:
                # Many writers name a single axis before y and x otherwise than z.
                named = tuple(
                    "z" if axis == longer[0] else "batch" if name == "z" else name
                    for axis, name in enumerate(named)
                )
        return cls(tuple(shape), named or None)

    def on_pages(self, height: int, width: int) -> _Declared:
        """Return the array without the last axis, if it has size 1 and pages do without it."""
        is_plane = self.names is not None and self.names[-1] == "x"
        if is_plane or len(self.shape) <= AXES or self.shape[-3:] != (height, width, 1):
            return self
        return _Declared(self.shape[:-1], self.names and self.names[:-1])


def _channels(
    stamp: FileStamp, pages: tuple[PageTags, ...], stored: np.dtype, declared: _Declared | None
) -> Channels:
    """Return the channels that the pages and the metadata together describe.

    The type ``stored`` has the byte order of the file.
    """
    origin, layout = stamp.origin, pages[0]
    stacked = check_shape(origin, (len(pages), layout.height, layout.width))
    axes = find_axes(origin, stacked)
    if declared is not None:
        declared = declared.on_pages(layout.height, layout.width)
        axes = find_axes(origin, declared.shape, declared.names)
    planes = math.prod(axes.stored[:-2]), *axes.stored[-2:]
    starts = _starts(pages, layout.height * layout.width * stored.itemsize)
    # A writer may describe one page only, and let the voxels of all others follow.
    describes_first = stacked[0] == 1 and planes[0] > 1 and planes[1:] == stacked[1:]
    if starts is not None and (describes_first or planes == stacked):
        return Channels(axes.channels, partial(_strided, stamp, stored, axes, starts))
    if planes != stacked and (stacked[0] != 1 or math.prod(planes) != math.prod(stacked)):
        raise origin.error(
            f"metadata that declare shape {axes.stored} on {stacked[0]} pages of "
            f"{layout.height} x {layout.width}",
            "pages that hold that shape",
        )
    stack: VolumeReader
    if starts is None:
        stack = paged = PagedReader(stamp, layout, len(pages), stored.newbyteorder("="))
        paged.check_first_image()
    else:
        stack = _strided(stamp, stored, find_axes(origin, stacked), starts, 0)
    if planes == stacked and axes.has_whole_planes:
        return Channels(axes.channels, lambda channel: slices_of(stack, axes.planes(channel)))
    return Channels(axes.channels, partial(_Reshaped, origin, stack, axes))


def _declared_axes(origin: Origin, tiff: TiffFile, page_count: int) -> _Declared | None:
    """Return the array that the metadata declare for all pages together, if they do."""
    first = tiff.pages.first
    if first.shaped_description is not None:
        declared = _described(first.shaped_description)
        if page_count > 1 and math.prod(declared.shape) == math.prod(first.shape):
            return None  # every page was written, and describes itself, on its own
        return declared
    if first.is_imagej or first.is_ome:
        all_series = tiff.series
        if len(all_series) != 1:
            shapes = ", ".join(str(series.shape) for series in all_series)
            raise origin.error(f"{len(all_series)} arrays, of shapes {shapes}", "one volume")
        series = all_series[0]
        named = zip(series.get_axes(squeeze=False), series.get_shape(squeeze=False), strict=True)
        kept = [(size, axis) for axis, size in named if axis != "S"]  # one sample per voxel
        order = [None if page is None else page.index for page in series.pages]
        if first.is_ome and order != list(range(page_count)):
            raise origin.error(
                "metadata that order the pages otherwise than the file, or name other files",
                "all slices in ascending order in this file",
            )
        return _Declared.of([size for size, _ in kept], [axis for _, axis in kept])
    return None


def _described(description: str) -> _Declared:
    """Return the array in the image description that tifffile writes."""
    sizes: list[object]
    names: object = None
    if description.startswith("shape="):
        sizes = [int(digits) for digits in re.findall(r"\d+", description)]
    else:
        content = json.loads(description)
        sizes, names = content["shape"], content.get("axes")
    shape = tuple(size for size in sizes if isinstance(size, int) and size >= 0)
    if not 1 <= len(sizes) <= _MAX_DECLARED_AXES or len(shape) != len(sizes):
        raise ValueError(f"it declares shape {sizes!r:.100}")
    return _Declared.of(shape, names if isinstance(names, str) else "")


def _check_layout(origin: Origin, layout: PageTags) -> None:
    """Check that pages of this layout can be slices of a volume."""
    try:
        check_coding(layout)
    except TiffStructureError as fault:
        raise origin.error(fault.found, fault.expected, fault.code) from fault
    check_piece(origin, "strips or tiles", segment_bytes(layout))


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


def _strided(
    stamp: FileStamp, stored: np.dtype, axes: StoredAxes, starts: range, channel: int
) -> StridedReader:
    """Return a source of a channel of planes at regular distances."""
    *leading, _, columns = axes.stored
    steps = [math.prod(leading[axis + 1 :]) * starts.step for axis in range(len(leading))]
    voxel = stored.itemsize
    offset, strides = axes.strided((*steps, columns * voxel, voxel), channel)
    return StridedReader(stamp, stored, axes.shape, starts.start + offset, strides)


class _Reshaped:
    """A channel of an array whose pages are not its planes.

    Some writers put a whole volume into one page, or one with the channels last into pages of
    (X, C).
    """

    def __init__(self, origin: Origin, pages: VolumeReader, axes: StoredAxes, channel: int) -> None:
        self._pages = pages
        self._axes = axes
        self._channel = channel
        self.shape = axes.shape
        self.dtype = pages.dtype
        count, height, width = pages.shape
        together = self._pages_of_a_slice or count
        self.piece_bytes = together * height * width * self.dtype.itemsize
        check_piece(origin, "pages that hold slices side by side", self.piece_bytes)

    def read_box(self, box: Box) -> np.ndarray:
        """Read a box; see `VolumeReader.read_box`."""
        count, height, width = self._pages.shape
        first, rest, per_slice = 0, box, self._pages_of_a_slice
        if per_slice:
            z = box[0]
            first, count = z.start * per_slice, (z.stop - z.start) * per_slice
            rest = (slice(0, z.stop - z.start, z.step), *box[1:])
        pages = (slice(first, first + count, 1), slice(0, height, 1), slice(0, width, 1))
        voxels = self._pages.read_box(pages)
        array = voxels.reshape(self._sizes(count * height * width))
        return np.array(array[self._axes.index(self._channel, rest)]).reshape(box_shape(box))

    @property
    def _pages_of_a_slice(self) -> int:
        """How many pages a slice has; 0 if only all pages together can be taken apart."""
        per_slice, remainder = divmod(self._pages.shape[0], self.shape[0])
        outermost = math.prod(self._axes.stored[: self._axes.space[0]]) == 1
        return per_slice if outermost and not remainder else 0

    def release(self) -> None:
        """Release the decoded pages."""
        self._pages.release()

    def _sizes(self, voxels: int) -> tuple[int, ...]:
        """Return the stored shape with as many slices as there are voxels for."""
        sizes = list(self._axes.stored)
        if len(self._axes.space) == AXES:
            z = self._axes.space[0]
            sizes[z] = voxels * sizes[z] // math.prod(sizes)
        return tuple(sizes)
