"""Zarr v2 / v3 arrays and OME-Zarr images as voxels.

A Zarr store is a tree of files, or of objects on a server, that strangers may have written. The
Zarr library interprets its metadata, which are read before and never exceed a size. The chunks are
read and decoded by `ZarrArray`, which knows how large they may be.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from napari_nx46.files.memory import check_piece
from napari_nx46.files.naming import printable
from napari_nx46.files.stores.extents import ChunkError, FetchError
from napari_nx46.files.stores.keys import Keys
from napari_nx46.files.volumes.axes import StoredAxes, find_axes
from napari_nx46.files.volumes.channels import Channels
from napari_nx46.files.volumes.indexing import Box, Shape3D, box_shape
from napari_nx46.files.volumes.layout import Layout
from napari_nx46.files.volumes.origin import MAX_STORED_VOXELS, AnyOrigin, VolumeError
from napari_nx46.files.volumes.zarr.array import ZarrArray
from napari_nx46.files.volumes.zarr.codecs import CodecError
from napari_nx46.files.volumes.zarr.documents import Documents, sought
from napari_nx46.files.volumes.zarr.image import Image, image_of
from napari_nx46.files.volumes.zarr.levels import Levels, check_chunks

if TYPE_CHECKING:
    from zarr.types import AnyArray

UNREACHABLE = "unreachable"
"""The kind of fault of a server that does not give a chunk; see `VolumeError`."""

_SMALL_CHUNK, _MOST_SMALL_CHUNKS = 2**10, 2**16
_LARGE = 2**31
"""Bytes of an array from which on some of its chunks are kept, not all of it."""

_FIRST_OME_AXES = ("t", "c", "z", "y", "x")
"""The axes of OME-Zarr images before version 0.3, which did not name them."""

_DAMAGE = (
    ValueError,
    TypeError,
    LookupError,
    ArithmeticError,
    AttributeError,
    AssertionError,
    RuntimeError,
    EOFError,
    OSError,
)
"""What Zarr raises at damaged metadata."""


def open_zarr(origin: AnyOrigin, keys: Keys, level: str | None = None, memory: int = 0) -> Channels:
    """Open a Zarr array or OME-Zarr image as voxels; only metadata are read.

    Parameters
    ----------
    origin : AnyOrigin
        The store, for messages.
    keys : Keys
        The store.
    level : str, optional
        Path of the array in it; by default that of the full resolution of the first image.
    memory : int, optional
        Bytes of decoded chunks that are kept of an array that is far, or larger than a fragment;
        none are of others, which are kept elsewhere once they are read.

    Returns
    -------
    Channels
        The array.

    Raises
    ------
    VolumeError
        If it is no Zarr store, is damaged, leads outside itself, needs a codec that is not
        allowed, or has other axes than those of a volume; see `find_axes`.
    """
    try:
        return _Store(origin, keys, Documents(keys), memory).opened(level)
    except VolumeError:
        raise
    except FetchError as error:
        raise origin.error(str(error), error.expected, UNREACHABLE) from error
    except _DAMAGE as error:
        raise origin.error(f"a damaged Zarr store ({error})", "a readable one") from error


@dataclass(frozen=True)
class _Store:
    """A store that is being opened."""

    origin: AnyOrigin
    keys: Keys
    documents: Documents
    memory: int

    def opened(self, level: str | None) -> Channels:
        """Return the channels of the array at a level."""
        from zarr import Group

        node = self.documents.node()
        if node is None:
            raise self.origin.error(
                f"no Zarr metadata (looked for {sought('')})", "a Zarr array or an OME-Zarr image"
            )
        note, placement = None, None
        there: tuple[str, ...] = ()
        if isinstance(node, Group):
            image = image_of(self.origin, node, self.keys, level)
            levels = Levels(self.origin, image.paths, self._at)
            array, placement = levels.opened(image.path), image.placement
            there = levels.there(image.path, self.documents.has_array)
            note = levels.missing(there)
            axes = self._axes(array, self._names(image, array), from_right=bool(image.paths))
        elif level is not None:
            raise self.origin.error(
                f"one array, without a level {printable(level)}", "an image; leave out the level"
            )
        else:
            array = self._checked(node)
            check_chunks(self.origin, array)
            axes = self._axes(array, array.axis_names, from_right=False)
        _check_chunk_count(self.origin, array, axes)
        fingerprint = self.documents.sha256()
        self.keys.identify(fingerprint)
        layout = _Chunks(self.origin, array, axes).layout(fingerprint, there, far=self.keys.is_far)
        notes = () if note is None else (note,)
        source = partial(ZarrReader, self.origin, array, axes)
        return Channels(axes.channels, source, placement, layout, notes)

    def _at(self, path: str) -> ZarrArray | None:
        """Return the array at a path; None if there is none."""
        if not self.documents.has_array(path):
            return None
        from zarr import Array

        node = self.documents.node(path)
        return self._checked(node) if isinstance(node, Array) else None

    def _names(self, image: Image, array: ZarrArray) -> tuple[str, ...] | None:
        """Return the names of the axes of an array of a group."""
        if image.axes is not None:
            return image.axes
        if not image.paths:
            return array.axis_names
        return _FIRST_OME_AXES if len(array.shape) == len(_FIRST_OME_AXES) else None

    def _axes(
        self, array: ZarrArray, names: tuple[str, ...] | None, *, from_right: bool
    ) -> StoredAxes:
        return find_axes(
            self.origin, array.shape, names, most=MAX_STORED_VOXELS, from_right=from_right
        )

    def _checked(self, array: AnyArray) -> ZarrArray:
        """Return an array after checking everything that it declares."""
        dtype = np.dtype(array.dtype)
        if dtype.hasobject or dtype.kind not in "biuf":
            raise self.origin.error(f"elements of type {dtype}", "integers or real numbers")
        try:
            checked = ZarrArray(self.keys, array, self._memory(array))
        except CodecError as error:
            raise self.origin.error(
                str(error), "codecs for numbers, such as blosc, gzip or zstd"
            ) from error
        check_piece(self.origin, "chunks", checked.piece_bytes)
        return checked

    def _memory(self, array: AnyArray) -> int:
        """Return how many bytes of decoded chunks are kept."""
        size = math.prod(array.shape) * np.dtype(array.dtype).itemsize
        return self.memory if self.keys.is_far or size > _LARGE else 0


class ZarrReader:
    """Voxels of a Zarr array; chunks are read and decoded when they are asked for.

    Parameters
    ----------
    origin : AnyOrigin
        The store.
    array : ZarrArray
        The array.
    axes : StoredAxes
        Its axes.
    channel : int
        The channel, counted from 0.
    """

    def __init__(self, origin: AnyOrigin, array: ZarrArray, axes: StoredAxes, channel: int) -> None:
        self.shape = axes.shape
        self.dtype = array.dtype
        self.piece_bytes = array.piece_bytes
        self._origin = origin
        self._array = array
        self._axes = axes
        self._channel = channel

    def read_box(self, box: Box) -> np.ndarray:
        """Read a box; see `VolumeReader.read_box`."""
        place = ", ".join(f"{part.start}:{part.stop}" for part in box)
        with _named(self._origin, f"damaged data in (z, y, x) = [{place}]"):
            block = self._array.read(self._axes.index(self._channel, box))
        return block.reshape(box_shape(box))

    def release(self) -> None:
        """Drop the chunks that are kept."""
        self._array.release()


@contextmanager
def _named(origin: AnyOrigin, damage: str) -> Iterator[None]:
    """Have what stores raise say which volume it is, and what was done."""
    try:
        yield
    except FetchError as error:
        raise origin.error(str(error), error.expected, UNREACHABLE) from error
    except ChunkError as error:
        raise origin.error(f"{damage} ({error})", "readable chunks") from error


@dataclass(frozen=True)
class _Chunks:
    """The chunks of an array, seen as boxes of the volume."""

    origin: AnyOrigin
    array: ZarrArray
    axes: StoredAxes

    def layout(self, fingerprint: str, levels: tuple[str, ...], *, far: bool) -> Layout:
        """Return what is known of them."""
        chunks = self._of_space(self.array.piece)
        return Layout(chunks, self.existing, self.array.fill, fingerprint, far, levels)

    def existing(self) -> Iterator[Box] | None:
        """Yield the boxes of the chunks that exist, of any channel; None if that is not known."""
        with _named(self.origin, "a folder without a list"):
            places = self.array.names.existing()
        return None if places is None else self._boxes(places)

    def _boxes(self, places: Iterator[tuple[int, ...]]) -> Iterator[Box]:
        sides, seen = self._of_space(self.array.shard), set()
        for place in self._listed(places):
            z, y, x = found = self._of_space(place, missing=0)
            if found in seen:
                continue
            seen.add(found)
            corner = zip((z, y, x), sides, self.axes.shape, strict=True)
            depth, height, width = (
                slice(at * side, min((at + 1) * side, size)) for at, side, size in corner
            )
            yield depth, height, width

    def _listed(self, places: Iterator[tuple[int, ...]]) -> Iterator[tuple[int, ...]]:
        with _named(self.origin, "a folder without a list"):
            yield from places

    def _of_space(self, sizes: tuple[int, ...], missing: int = 1) -> Shape3D:
        """Return the numbers along z, y and x; that of z is given where there is but one slice."""
        *depth, y, x = (sizes[axis] for axis in self.axes.space)
        return (*depth, missing)[0], y, x


def _check_chunk_count(origin: AnyOrigin, array: ZarrArray, axes: StoredAxes) -> None:
    """Check that a slice is not cut into so many tiny chunks that reading it takes minutes."""
    plane = axes.space[-2:]
    voxels = math.prod(array.piece[axis] for axis in plane)
    chunks = math.prod(-(-array.shape[axis] // array.piece[axis]) for axis in plane)
    if voxels < _SMALL_CHUNK and chunks > _MOST_SMALL_CHUNKS:
        raise origin.error(
            f"chunks of shape {array.piece}, {chunks} of them in a slice",
            f"at most {_MOST_SMALL_CHUNKS} chunks a slice, or at least {_SMALL_CHUNK} voxels of "
            "a slice in each",
        )
