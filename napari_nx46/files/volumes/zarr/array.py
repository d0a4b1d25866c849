"""The numbers of a Zarr array, read from the bytes of its chunks."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import chain, islice
from typing import TYPE_CHECKING

import numpy as np

from napari_nx46.files.stores.extents import ChunkError, FetchError, Held
from napari_nx46.files.stores.kept import KeptValues
from napari_nx46.files.stores.keys import Keys
from napari_nx46.files.volumes.zarr.codecs import CHUNK_DAMAGE
from napari_nx46.files.volumes.zarr.formats import chunk_format
from napari_nx46.files.volumes.zarr.image import dimension_names
from napari_nx46.files.volumes.zarr.names import ChunkNames
from napari_nx46.files.volumes.zarr.pieces import Index, pieces

if TYPE_CHECKING:
    from zarr.types import AnyArray

_WORTH_A_THREAD = 2**18
"""Bytes of the numbers of a chunk from which decoding is shared among threads."""

_CHUNKS_AT_A_TIME = 256

_TABLE_BYTES = 2**24
"""Of the tables of shards that are kept."""

Place = tuple[int, ...]
Piece = tuple[Place, Index, Index]


class ZarrArray:
    """A Zarr array in a store; any number of threads may read at once.

    Parameters
    ----------
    keys : Keys
        The store.
    array : zarr.Array
        The array; only its metadata are used.
    memory : int, optional
        Bytes of decoded chunks that are kept.

    Attributes
    ----------
    shape : tuple of int
        Numbers along each axis.
    dtype : numpy.dtype
        Their type, in native byte order.
    shard, piece : tuple of int
        Shape of what is in one value of the store, and of what is decoded in one piece.
    axis_names : tuple of str or None
        Names of its axes, as it gives them itself.
    fill : numpy.ndarray
        What stands where there is no chunk, without axes.
    names : ChunkNames
        The keys of the chunks.

    Raises
    ------
    CodecError
        If it has a codec that is not read.
    """

    def __init__(self, keys: Keys, array: AnyArray, memory: int = 0) -> None:
        metadata = array.metadata
        stored = np.dtype(array.dtype)
        self.shape: tuple[int, ...] = array.shape
        self.dtype = stored.newbyteorder("=")
        self.shard: tuple[int, ...] = array.shards or array.chunks
        self.axis_names = dimension_names(array)
        fill = metadata.fill_value
        self.fill = np.zeros((), self.dtype) if fill is None else np.asarray(fill, self.dtype)
        self._format = chunk_format(metadata.to_dict(), self.shard, stored, self.fill)
        self._shard = self._format.shard
        self._unit = self.shard if self._shard is None else self._shard.chunk_shape
        self.piece = self._format.piece
        self.names = ChunkNames(keys, array.path, metadata.encode_chunk_key, self.grid)
        self._keys = keys
        self._kept: KeptValues[np.ndarray] | None = None
        if memory:
            self._kept = KeptValues(memory, _nbytes)
        self._tables: KeptValues[np.ndarray] = KeptValues(_TABLE_BYTES, _nbytes)

    @property
    def piece_bytes(self) -> int:
        """Bytes that are decoded in one piece: numbers, or the table of a shard."""
        return max(math.prod(self.piece) * self.dtype.itemsize, self._format.table_bytes)

    @property
    def grid(self) -> tuple[int, ...]:
        """Number of values of the store along each axis."""
        return tuple(-(-size // part) for size, part in zip(self.shape, self.shard, strict=True))

    def read(self, index: tuple[int | slice, ...]) -> np.ndarray:
        """Read a part of the array.

        Parameters
        ----------
        index : tuple of int or slice
            Along each axis a position, or start, stop and an ascending step; not empty.

        Returns
        -------
        numpy.ndarray
            A new array of the type `dtype`, of size 1 along the axes of positions.

        Raises
        ------
        ChunkError
            If a chunk is damaged, cannot be read, or leads out of the root.
        """
        slices = tuple(
            part if isinstance(part, slice) else slice(part, part + 1, 1) for part in index
        )
        shape = tuple(len(range(part.start, part.stop, part.step)) for part in slices)
        out = np.full(shape, self.fill, self.dtype)

        def fill(piece: Piece) -> None:
            place, source, target = piece
            found = self._read_unit(place, source)
            if found is not None:
                out[target] = found

        self._for_all(pieces(slices, self._unit), fill)
        return out

    def release(self) -> None:
        """Drop the chunks that are kept."""
        self._tables.clear()
        if self._kept is not None:
            self._kept.clear()

    def _for_all(self, found: Iterator[Piece], fill: Callable[[Piece], None]) -> None:
        """Fill in all pieces, in several threads where that is worth it."""
        first = list(islice(found, 2))
        alone = len(first) == 1
        if alone or not (self._keys.is_far or self.piece_bytes >= _WORTH_A_THREAD):
            for piece in chain(first, found):
                fill(piece)
            return
        every = chain(first, found)
        with ThreadPoolExecutor(self._keys.threads) as pool:
            while batch := list(islice(every, _CHUNKS_AT_A_TIME)):
                for _ in pool.map(fill, batch):
                    pass

    def _read_unit(self, place: Place, source: Index) -> np.ndarray | None:
        """Return a part of a chunk; None if there is no such chunk."""
        if self._kept is None:
            return self._decoded(place, source)
        whole = tuple(slice(0, size, 1) for size in self._unit)
        found = self._kept.get(place, lambda: self._decoded(place, whole))
        return None if found is None else found[source]

    def _decoded(self, place: Place, source: Index) -> np.ndarray | None:
        """Read and decode a part of a chunk, again if what was kept of it is damaged."""
        steps = [whole // part for whole, part in zip(self.shard, self._unit, strict=True)]
        shard = tuple(at // step for at, step in zip(place, steps, strict=True))
        within = tuple(at % step for at, step in zip(place, steps, strict=True))
        key = self.names.key(shard)
        try:
            try:
                return self._found(key, within, source)
            except CHUNK_DAMAGE as error:
                if isinstance(error, FetchError) or not self._keys.discard(key):
                    raise
                self._tables.clear()
                return self._found(key, within, source)
        except FetchError:
            raise
        except CHUNK_DAMAGE as error:
            raise ChunkError(f"chunk {self.names.short(key)}: {_reason(error)}") from error

    def _found(self, key: str, within: Place, source: Index) -> np.ndarray | None:
        """Read and decode a part of a chunk once."""
        shard = self._shard
        if shard is None:
            content = self._keys.read(key, self._format.encoded)
            return None if content is None else self._format.read(Held(content), source)
        table_bytes, at_start = shard.own_table
        with self._keys.opened(key, table_bytes, at_start=at_start) as extent:
            if extent is None:
                return None
            shard.encoded.check(extent.size)
            table = self._tables.get(key, lambda: shard.table(extent))
            return None if table is None else shard.read_chunk(extent, table, within, source)


def _nbytes(array: np.ndarray) -> int:
    return array.nbytes


def _reason(error: BaseException) -> str:
    """Return what went wrong, in words."""
    message = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return message or type(error).__name__
