"""TIFF pages whose strips or tiles the TIFF library decodes on demand."""

from __future__ import annotations

import struct
import threading
from collections import OrderedDict
from collections.abc import Callable, Generator, Iterator
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, NamedTuple
from xml.etree.ElementTree import ParseError

import numpy as np

from napari_nx46.files.volumes.indexing import Box, Shape3D, box_shape
from napari_nx46.files.volumes.origin import FileStamp, VolumeError
from napari_nx46.files.volumes.tiff.coding import (
    COMPRESSIONS,
    check_image,
    compression_name,
    segment_bytes,
)
from napari_nx46.files.volumes.tiff.structure import PageTags, TiffStructureError

if TYPE_CHECKING:
    from tifffile import TiffFile

CACHED_PAGES = 2 * 8 + 2
"""Decoded pages that are kept: what one more slice needs at the largest z-radius, and one over."""

MAX_CACHED_BYTES = 2**28

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

_ENCODED_SLACK = 2**16
"""Bytes of a segment beyond twice its voxels, which none of the compressions needs."""

Decode = Callable[[bytes, int], tuple[np.ndarray | None, tuple[int, ...], tuple[int, ...]]]
"""Turns the bytes of a segment and its number in the page into (1, Y, X, 1) voxels."""


class _Piece(NamedTuple):
    """What a segment has of a region of a page, and where that goes in the answer."""

    segment: int
    shape: tuple[int, int]
    source: tuple[slice, slice]
    target: tuple[slice, slice]


class PagedReader:
    """Pages whose segments (strips or tiles) are decoded on demand, the latest of them kept.

    Segments are decoded outside the lock under which they are read from the file, so that several
    threads decode at once; at worst two of them decode the same segment. The file is open only
    while it is read from; what the library knows of its pages is kept until `release`.

    Parameters
    ----------
    stamp : FileStamp
        The file.
    layout : PageTags
        What all of its pages declare; `scan_pages` has found them sound.
    page_count : int
        Number of pages.
    dtype : numpy.dtype
        Type of the voxels, in native byte order.
    """

    def __init__(
        self, stamp: FileStamp, layout: PageTags, page_count: int, dtype: np.dtype
    ) -> None:
        self.shape: Shape3D = (page_count, layout.height, layout.width)
        self.dtype = dtype
        self.piece_bytes = segment_bytes(layout)
        self._stamp = stamp
        self._layout = layout
        self._tiff: TiffFile | None = None
        self._readers = 0
        self._lock = threading.Lock()
        page_bytes = layout.height * layout.width * dtype.itemsize
        self._cache = _SegmentCache(min(CACHED_PAGES * page_bytes, MAX_CACHED_BYTES))

    def read_box(self, box: Box) -> np.ndarray:
        """Read a box; see `VolumeReader.read_box`."""
        self._stamp.check()
        planes, rows, columns = box
        pieces = list(self._pieces(rows, columns))
        block = np.empty(box_shape(box), self.dtype)
        with ExitStack() as stack:
            tiff: TiffFile | None = None
            for place, page in enumerate(range(planes.start, planes.stop, planes.step)):
                missing: list[_Piece] = []
                for piece in pieces:
                    voxels = self._cache.get((page, piece.segment))
                    if voxels is None:
                        missing.append(piece)
                    else:
                        block[place][piece.target] = voxels[piece.source]
                if missing:
                    tiff = tiff or stack.enter_context(self._open())
                    for piece, voxels in self._decoded(tiff, page, missing):
                        block[place][piece.target] = voxels[piece.source]
        return block

    def check_first_image(self) -> None:
        """Check that the first strip or tile, if it is an image of its own, lost nothing.

        Raises
        ------
        VolumeError
            If it did, or is damaged.
        """
        if COMPRESSIONS[self._layout.compression].header is None:
            return
        first = next(self._pieces(slice(0, 1, 1), slice(0, 1, 1)))
        with self._open() as tiff:
            (content,), _ = self._encoded(tiff, 0, [first])
        self._check_image(0, content, first.shape)

    def release(self) -> None:
        """Release the decoded segments and, unless a thread is reading them, the pages."""
        with self._lock:
            if not self._readers:
                self._tiff = None
        self._cache.clear()

    def _pieces(self, rows: slice, columns: slice) -> Iterator[_Piece]:
        """Yield what each segment has of a region of a page."""
        _, length, width = self.shape
        height, across = self._layout.segment_height, self._layout.segment_width
        segments_across = -(-width // across)
        for row in range(rows.start // height, _last(rows) // height + 1):
            top = row * height
            shape_y = min(height, length - top)
            from_y, to_y = _overlap(rows, top, shape_y)
            for column in range(columns.start // across, _last(columns) // across + 1):
                left = column * across
                shape_x = min(across, width - left)
                from_x, to_x = _overlap(columns, left, shape_x)
                segment = row * segments_across + column
                yield _Piece(segment, (shape_y, shape_x), (from_y, from_x), (to_y, to_x))

    @contextmanager
    def _open(self) -> Generator[TiffFile]:
        """Open the file until all threads are done with it; its pages are indexed as asked for."""
        from tifffile import TiffFile

        origin = self._stamp.origin
        with self._lock:
            try:
                if self._tiff is None:
                    # With _multifile, metadata could make the library open other files.
                    self._tiff = TiffFile(origin.path, _multifile=False)
                    # All pages are known to be equal but for the places and sizes of their data.
                    self._tiff.pages.useframes = True
                elif not self._readers:
                    self._tiff.filehandle.open()
            except TIFF_DAMAGE as error:
                raise origin.error(str(error), "a readable TIFF file") from error
            tiff = self._tiff
            self._readers += 1
        try:
            yield tiff
        finally:
            with self._lock:
                self._readers -= 1
                if not self._readers:
                    tiff.close()

    def _decoded(
        self, tiff: TiffFile, page: int, pieces: list[_Piece]
    ) -> Iterator[tuple[_Piece, np.ndarray]]:
        """Read, decode and keep segments of a page, cropped to the page."""
        encoded, decode = self._encoded(tiff, page, pieces)
        for piece, content in zip(pieces, encoded, strict=True):
            segment, (height, width) = piece.segment, piece.shape
            self._check_image(page, content, piece.shape)
            try:
                decoded, _, _ = decode(content, segment)
            except TIFF_DAMAGE as error:
                raise self._damaged(page, f"segment {segment}: {error}") from error
            # Codecs may stop quietly at the end of data that are cut off.
            if decoded is None or decoded.shape[1] < height or decoded.shape[2] < width:
                raise self._damaged(page, f"segment {segment}: too few voxels")
            if decoded.dtype != self.dtype:
                raise self._damaged(page, f"segment {segment}: {decoded.dtype} voxels")
            voxels = np.ascontiguousarray(decoded[0, :height, :width, 0])
            self._cache.put((page, segment), voxels)
            yield piece, voxels

    def _check_image(self, page: int, content: bytes, cropped: tuple[int, int]) -> None:
        """Check a segment that is an image of its own, before a decoder sees it."""
        layout = self._layout
        whole = (layout.segment_height, layout.segment_width)
        sizes = tuple(dict.fromkeys((whole, (cropped[0], whole[1]), cropped)))
        try:
            check_image(layout, content, sizes, self.dtype)
        except TiffStructureError as fault:
            raise self._stamp.origin.error(
                f"{fault.found} in page {page}", fault.expected, fault.code
            ) from fault

    def _encoded(
        self, tiff: TiffFile, page: int, pieces: list[_Piece]
    ) -> tuple[list[bytes], Decode]:
        """Return the bytes of segments of a page as the file has them, and what decodes them."""
        with self._lock:
            try:
                frame = tiff.pages[page]
                places = [
                    (frame.dataoffsets[piece.segment], frame.databytecounts[piece.segment])
                    for piece in pieces
                ]
                return [self._read(tiff, *place) for place in places], tiff.pages.first.decode
            except TIFF_DAMAGE as error:
                raise self._damaged(page, str(error)) from error

    def _read(self, tiff: TiffFile, offset: int, size: int) -> bytes:
        """Return the bytes of one segment."""
        if size > 2 * self.piece_bytes + _ENCODED_SLACK:
            raise ValueError(f"{size} bytes for {self.piece_bytes} bytes of voxels")
        tiff.filehandle.seek(offset)
        encoded = tiff.filehandle.read(size)
        if len(encoded) != size:
            raise ValueError(f"{len(encoded)} of {size} bytes")
        return encoded

    def _damaged(self, page: int, what: str) -> VolumeError:
        """Return the error of data that cannot be decoded."""
        layout = self._layout
        return self._stamp.origin.error(
            f"damaged data in page {page} ({what})",
            f"{compression_name(layout.compression)} data of {layout.segment_height} x "
            f"{layout.segment_width} {self.dtype}",
        )


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
