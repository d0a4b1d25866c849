"""TIFF pages whose strips or tiles are decoded on demand."""

from __future__ import annotations

import struct
import threading
from collections import OrderedDict
from collections.abc import Callable
from contextlib import ExitStack
from typing import BinaryIO
from xml.etree.ElementTree import ParseError

import numpy as np

from napari_nx46.files.indexing import Box, Shape3D, box_shape
from napari_nx46.files.origin import FileStamp
from napari_nx46.files.tiff_directory import TiffDirectory

CACHED_PAGES = 2 * 8 + 2
"""Decoded pages that are kept: what one more slice needs at the largest z-radius, and one over."""

MAX_CACHED_BYTES = 2**28

COMPRESSIONS = {
    1: "uncompressed",
    5: "LZW",
    8: "deflate",
    32946: "deflate",
    34926: "zstd",
    50000: "zstd",
}
"""TIFF's numbers of the compressions that are read, and their names."""

TIFF_DAMAGE = (
    ValueError,
    TypeError,
    LookupError,
    ArithmeticError,
    AttributeError,
    AssertionError,
    RuntimeError,
    OSError,
    struct.error,
    ParseError,
)
"""What the TIFF library and its codecs raise at damaged data."""

Decode = Callable[[bytes, int], tuple[np.ndarray | None, tuple[int, ...], tuple[int, ...]]]


class PagedSource:
    """Pages whose segments (strips or tiles) are decoded on demand, the latest of them kept.

    Segments are read and decoded outside the lock, which guards the cache alone, so that several
    threads decode at once; at worst two of them decode the same segment.

    Parameters
    ----------
    stamp : FileStamp
        The file.
    directory : TiffDirectory
        Its pages.
    dtype : numpy.dtype
        Type of the voxels, in native byte order.
    decode : callable
        Turns the bytes of a segment and its number in the page into voxels.
    """

    def __init__(
        self, stamp: FileStamp, directory: TiffDirectory, dtype: np.dtype, decode: Decode
    ) -> None:
        layout = directory.layout
        self.shape: Shape3D = (len(directory.pages), layout.length, layout.width)
        self.dtype = dtype
        self._stamp = stamp
        self._pages = directory.pages
        self._layout = layout
        self._decode = decode
        page_bytes = layout.length * layout.width * dtype.itemsize
        self._cache = _SegmentCache(min(CACHED_PAGES * page_bytes, MAX_CACHED_BYTES))

    def read_box(self, box: Box) -> np.ndarray:
        """Read a box; see `VoxelSource.read_box`."""
        self._stamp.check()
        planes, rows, columns = box
        block = np.empty(box_shape(box), self.dtype)
        with ExitStack() as stack:
            stream: BinaryIO | None = None
            for place, page in enumerate(range(planes.start, planes.stop, planes.step)):
                for segment in self._segments_in(rows, columns):
                    voxels = self._cache.get((page, segment))
                    if voxels is None:
                        stream = stream or stack.enter_context(self._open())
                        voxels = self._decoded(stream, page, segment)
                        self._cache.put((page, segment), voxels)
                    self._place(voxels, segment, rows, columns, block[place])
        return block

    def release(self) -> None:
        """Forget the decoded segments."""
        self._cache.clear()

    def _open(self) -> BinaryIO:
        """Open the file."""
        try:
            return open(self._stamp.origin.path, "rb")
        except OSError as error:
            raise self._stamp.origin.error(str(error), "a readable file") from error

    def _segments_in(self, rows: slice, columns: slice) -> list[int]:
        """Return the numbers of the segments that a region of a page touches."""
        layout = self._layout
        down = range(rows.start // layout.segment_length, _last(rows) // layout.segment_length + 1)
        across = range(
            columns.start // layout.segment_width, _last(columns) // layout.segment_width + 1
        )
        return [row * layout.segments_across + column for row in down for column in across]

    def _decoded(self, stream: BinaryIO, page: int, segment: int) -> np.ndarray:
        """Read and decode one segment into (rows, columns), cropped to the page."""
        layout, origin = self._layout, self._stamp.origin
        size = int(self._pages[page].byte_counts[segment])
        height, width = self._segment_size(segment)
        try:
            stream.seek(int(self._pages[page].offsets[segment]))
            encoded = stream.read(size)
            if len(encoded) != size:
                raise ValueError(f"{len(encoded)} of {size} bytes")
            decoded, _, _ = self._decode(encoded, segment)
        except TIFF_DAMAGE as error:
            raise origin.error(
                f"damaged data in page {page} (segment {segment}: {error})",
                f"{COMPRESSIONS[layout.compression]} data of {height} x {width} {self.dtype}",
            ) from error
        # The codecs stop quietly at the end of data that are cut off.
        if decoded is None or decoded.shape[1] < height or decoded.shape[2] < width:
            raise origin.error(
                f"too little data in page {page} (segment {segment})",
                f"{height} x {width} voxels of {self.dtype}",
            )
        return np.array(decoded[0, :height, :width, 0], dtype=self.dtype)

    def _segment_size(self, segment: int) -> tuple[int, int]:
        """Return the rows and columns of a segment that lie on the page."""
        top, left = self._corner(segment)
        layout = self._layout
        return (
            min(layout.segment_length, layout.length - top),
            min(layout.segment_width, layout.width - left),
        )

    def _corner(self, segment: int) -> tuple[int, int]:
        """Return the first row and column of a segment."""
        row, column = divmod(segment, self._layout.segments_across)
        return row * self._layout.segment_length, column * self._layout.segment_width

    def _place(
        self, voxels: np.ndarray, segment: int, rows: slice, columns: slice, plane: np.ndarray
    ) -> None:
        """Copy what a segment has of a region into the plane of that region."""
        top, left = self._corner(segment)
        from_rows, to_rows = _overlap(rows, top, voxels.shape[0])
        from_columns, to_columns = _overlap(columns, left, voxels.shape[1])
        plane[to_rows, to_columns] = voxels[from_rows, from_columns]


def _last(part: slice) -> int:
    """Return the last position of an ascending slice that is not empty."""
    last: int = range(part.start, part.stop, part.step)[-1]
    return last


def _overlap(wanted: slice, start: int, size: int) -> tuple[slice, slice]:
    """Return where the wanted positions lie in a piece, and where they go in the result.

    The piece holds the positions from ``start`` on, ``size`` of them.
    """
    step = wanted.step
    first = max(0, -(-(start - wanted.start) // step))
    stop = min(wanted.stop, start + size)
    count = max(0, -(-(stop - (wanted.start + first * step)) // step))
    begin = wanted.start + first * step - start
    return slice(begin, begin + count * step, step), slice(first, first + count)


class _SegmentCache:
    """The segments used last, up to a number of bytes; safe to use from several threads."""

    def __init__(self, capacity: int) -> None:
        self._capacity = capacity
        self._used = 0
        self._segments: OrderedDict[tuple[int, int], np.ndarray] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, key: tuple[int, int]) -> np.ndarray | None:
        """Return a segment, if it is kept."""
        with self._lock:
            if key in self._segments:
                self._segments.move_to_end(key)
            return self._segments.get(key)

    def put(self, key: tuple[int, int], voxels: np.ndarray) -> None:
        """Keep a segment, dropping the ones used least lately to make room."""
        with self._lock:
            if key in self._segments or voxels.nbytes > self._capacity:
                return
            self._segments[key] = voxels
            self._used += voxels.nbytes
            while self._used > self._capacity:
                _, dropped = self._segments.popitem(last=False)
                self._used -= dropped.nbytes

    def clear(self) -> None:
        """Drop all segments."""
        with self._lock:
            self._segments.clear()
            self._used = 0
