"""HDF5 datasets as voxels: ilastik's exports, the predictions of 3D U-Net, and others.

h5py reads where the numbers are; it needs the extra ``[formats]``. The numbers themselves, and what
compresses them, are read here: no filter of the HDF5 library sees a byte of a stranger's.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from napari_nx46.files.memory import check_piece
from napari_nx46.files.regular import open_regular
from napari_nx46.files.stores.extents import ChunkError, FileExtent, Held
from napari_nx46.files.volumes.axes import StoredAxes, find_axes
from napari_nx46.files.volumes.channels import Channels
from napari_nx46.files.volumes.hdf5.datasets import axis_names, chosen_dataset, placement_of
from napari_nx46.files.volumes.hdf5.filters import CodecError, Filter, chunk_format
from napari_nx46.files.volumes.indexing import Box, box_shape
from napari_nx46.files.volumes.origin import FileStamp, Origin, VolumeError
from napari_nx46.files.volumes.reader import VolumeReader
from napari_nx46.files.volumes.strided_reader import StridedReader
from napari_nx46.files.volumes.zarr.codecs import CHUNK_DAMAGE
from napari_nx46.files.volumes.zarr.pieces import pieces

_MOST_CHUNKS = 2**22
_DAMAGE = (OSError, RuntimeError, ValueError, TypeError, LookupError, ArithmeticError)
"""What h5py raises at damaged files."""


def open_hdf5(origin: Origin, path: str | None = None) -> Channels:
    """Open a dataset of an HDF5 file as voxels; only metadata are read.

    Parameters
    ----------
    origin : Origin
        The file.
    path : str, optional
        Of the dataset in it; by default the only one of three to five axes, or that of a usual
        name.

    Raises
    ------
    VolumeError
        If h5py is not installed, or there is no such dataset, it is damaged, its numbers are in
        other files, it has a filter that is not read, or it is no volume.
    """
    stamp = FileStamp.of(origin)
    with _opened(origin) as file:
        dataset = chosen_dataset(origin, file, path)
        stored = _Stored.of(origin, dataset)
        names, placement = axis_names(dataset), placement_of(dataset)
    axes = find_axes(origin, stored.shape, names)
    return Channels(axes.channels, partial(_source, stamp, stored, axes), placement)


@dataclass(frozen=True)
class _Stored:
    """A dataset: where its numbers are, and how they are stored.

    Attributes
    ----------
    name : str
        Its path in the file.
    shape : tuple of int
    dtype : numpy.dtype
        With its byte order.
    start : int or None
        Byte of the file from which the numbers follow each other; None of chunks.
    chunk : tuple of int
        Shape of a chunk; empty without chunks.
    filters : tuple of Filter
    fill : numpy.ndarray
        What stands where there is no chunk, without axes.
    """

    name: str
    shape: tuple[int, ...]
    dtype: np.dtype
    start: int | None
    chunk: tuple[int, ...]
    filters: tuple[Filter, ...]
    fill: np.ndarray

    @classmethod
    def of(cls, origin: Origin, dataset: Any) -> _Stored:
        """Return what a dataset says of itself, after checking it."""
        import h5py

        dtype = dataset.dtype
        if dtype.kind not in "biuf" or dtype.shape or dtype.hasobject:
            raise origin.error(f"elements of type {dtype}", "integers or real numbers")
        if dataset.external or dataset.is_virtual:
            raise origin.error("numbers in other files", "a dataset whose numbers are in this file")
        plan = dataset.id.get_create_plist()
        filters = tuple(Filter.of(plan.get_filter(number)) for number in range(plan.get_nfilters()))
        start = None
        if plan.get_layout() == h5py.h5d.CONTIGUOUS:
            start = dataset.id.get_offset()
        if start is None and not dataset.chunks:
            raise origin.error("numbers that were never written, or within the header", "others")
        chunk = () if dataset.chunks is None else tuple(dataset.chunks)
        count = math.prod(
            -(-size // part) for size, part in zip(dataset.shape, chunk, strict=False)
        )
        if count > _MOST_CHUNKS:
            raise origin.error(f"{count} chunks", f"at most {_MOST_CHUNKS}")
        fill = np.asarray(dataset.fillvalue, dtype.newbyteorder("="))
        return cls(dataset.name, tuple(dataset.shape), dtype, start, chunk, filters, fill)


def _source(stamp: FileStamp, stored: _Stored, axes: StoredAxes, channel: int) -> VolumeReader:
    """Return the voxels of a channel."""
    if stored.start is None:
        return ChunkedReader(stamp, stored, axes, channel)
    sizes = stored.shape
    steps = [math.prod(sizes[axis + 1 :]) * stored.dtype.itemsize for axis in range(len(sizes))]
    offset, strides = axes.strided(steps, channel)
    return StridedReader(stamp, stored.dtype, axes.shape, stored.start + offset, strides)


class ChunkedReader:
    """Voxels in chunks of an HDF5 file.

    Parameters
    ----------
    stamp : FileStamp
        The file.
    stored : _Stored
        The dataset.
    axes : StoredAxes
        Its axes.
    channel : int
        The channel, counted from 0.

    Raises
    ------
    VolumeError
        If a filter is not read, or a chunk is larger than the memory allows.
    """

    def __init__(self, stamp: FileStamp, stored: _Stored, axes: StoredAxes, channel: int) -> None:
        self.shape = axes.shape
        self.dtype = stored.dtype.newbyteorder("=")
        self.piece_bytes = math.prod(stored.chunk) * stored.dtype.itemsize
        self._stamp = stamp
        self._stored = stored
        self._axes = axes
        self._channel = channel
        self._places: dict[tuple[int, ...], tuple[int, int, int]] | None = None
        check_piece(stamp.origin, "chunks", self.piece_bytes)
        try:
            chunk_format(stored.chunk, stored.dtype, stored.filters, 0)
        except CodecError as error:
            raise stamp.origin.error(
                str(error), "filters for numbers: gzip, shuffle, lzf, blosc, zstd or fletcher32"
            ) from error

    def read_box(self, box: Box) -> np.ndarray:
        """Read a box; see `VolumeReader.read_box`."""
        self._stamp.check()
        index = self._axes.index(self._channel, box)
        slices = tuple(
            part if isinstance(part, slice) else slice(part, part + 1, 1) for part in index
        )
        shape = tuple(len(range(part.start, part.stop, part.step)) for part in slices)
        out = np.full(shape, self._stored.fill, self.dtype)
        places = self._all_places()
        origin = self._stamp.origin
        try:
            with open_regular(origin.path) as stream:
                extent = FileExtent.of(stream)
                for place, source, target in pieces(slices, self._stored.chunk):
                    if place in places:
                        out[target] = self._chunk(extent, place, places[place])[source]
        except CHUNK_DAMAGE as error:
            where = ", ".join(f"{part.start}:{part.stop}" for part in box)
            raise origin.error(
                f"damaged data in (z, y, x) = [{where}] ({error})", "readable chunks"
            ) from error
        return out.reshape(box_shape(box))

    def release(self) -> None:
        """Drop where the chunks are; it is read again when asked for."""
        self._places = None

    def _chunk(
        self, extent: FileExtent, place: tuple[int, ...], found: tuple[int, int, int]
    ) -> np.ndarray:
        """Return the numbers of a chunk."""
        start, size, skipped = found
        stored = self._stored
        encoding = chunk_format(stored.chunk, stored.dtype, stored.filters, skipped)
        if start + size > extent.size:
            raise ChunkError(f"chunk {place}: {size} bytes from {start} on, beyond the file")
        encoding.encoded.check(size)
        whole = tuple(slice(0, part, 1) for part in stored.chunk)
        return encoding.read(Held(extent.read(start, size)), whole)

    def _all_places(self) -> dict[tuple[int, ...], tuple[int, int, int]]:
        """Return start, size and skipped filters of the chunks that exist, by place."""
        places = self._places
        if places is None:
            places = {}
            origin, chunk = self._stamp.origin, self._stored.chunk

            def note(info: Any) -> None:
                at = tuple(
                    place // part for place, part in zip(info.chunk_offset, chunk, strict=True)
                )
                if len(places) < _MOST_CHUNKS and info.byte_offset is not None:
                    places[at] = (info.byte_offset, info.size, info.filter_mask)

            with _opened(origin) as file:
                chosen_dataset(origin, file, self._stored.name.strip("/")).id.chunk_iter(note)
            self._places = places
        return places


@contextmanager
def _opened(origin: Origin) -> Iterator[Any]:
    """Open an HDF5 file."""
    try:
        import h5py
    except ImportError as error:
        raise origin.error(
            "an HDF5 file, which h5py reads",
            'h5py; install it with pip install "napari-nx46[formats]"',
        ) from error
    try:
        with open_regular(origin.path) as stream, h5py.File(stream, "r") as file:
            yield file
    except VolumeError:
        raise
    except _DAMAGE as error:
        raise origin.error(f"a damaged HDF5 file ({error})", "a readable one") from error
