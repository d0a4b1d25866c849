"""The numbers of a Zarr array, read from the files of its chunks."""

from __future__ import annotations

import math
import os
import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from io import BufferedReader
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from napari_nx46.files.regular import open_regular
from napari_nx46.files.volumes.stamps import Stamps
from napari_nx46.files.volumes.zarr.codecs import CHUNK_DAMAGE, ChunkError
from napari_nx46.files.volumes.zarr.formats import chunk_format
from napari_nx46.files.volumes.zarr.pieces import Extent, Index, pieces

if TYPE_CHECKING:
    from zarr.types import AnyArray

_MOST_THREADS = 4
_WORTH_A_THREAD = 2**18
"""Bytes of the numbers of a chunk from which decoding is shared among threads."""

_CHUNKS_AT_A_TIME = 256


class ZarrArray:
    """A Zarr array on disk; any number of threads may read at once.

    Parameters
    ----------
    root : Path
        Folder that no file may lie outside of, without links.
    array : zarr.Array
        The array; only its metadata are used.
    stamps : Stamps
        Takes the stamp of every file that is read, or found missing.

    Attributes
    ----------
    shape : tuple of int
        Numbers along each axis.
    dtype : numpy.dtype
        Their type, in native byte order.
    shard, piece : tuple of int
        Shape of what is in one file, and of what is decoded in one piece.

    Raises
    ------
    CodecError
        If it has a codec that is not read.
    """

    def __init__(self, root: Path, array: AnyArray, stamps: Stamps) -> None:
        self._stamps = stamps
        metadata = array.metadata
        stored = np.dtype(array.dtype)
        self.shape: tuple[int, ...] = array.shape
        self.dtype = stored.newbyteorder("=")
        self.shard: tuple[int, ...] = array.shards or array.chunks
        fill = metadata.fill_value
        self._fill = np.zeros((), self.dtype) if fill is None else np.asarray(fill, self.dtype)
        self._format = chunk_format(metadata.to_dict(), self.shard, stored, self._fill)
        self.piece = self._format.piece
        self._root = root
        self._folder = root.joinpath(*array.path.split("/")) if array.path else root
        self._key_of = metadata.encode_chunk_key
        self._inside: set[str] = set()

    @property
    def piece_bytes(self) -> int:
        """Bytes that are decoded in one piece: numbers, or the table of a shard."""
        return max(math.prod(self.piece) * self.dtype.itemsize, self._format.table_bytes)

    @property
    def grid(self) -> tuple[int, ...]:
        """Number of chunk files along each axis."""
        return tuple(-(-size // part) for size, part in zip(self.shape, self.shard, strict=True))

    @property
    def first_key(self) -> str:
        """Name of the file of the first chunk, below the folder of the array."""
        return self._key_of((0,) * len(self.shape))

    def has_chunks(self, separator: str | None = None) -> bool:
        """Return whether there is a file of any chunk.

        Parameters
        ----------
        separator : str, optional
            What stands between the numbers in the names, if not what the metadata say.
        """
        sample = self._key_of((1,) * len(self.shape))
        if separator is not None:
            sample = sample.replace("/", ".").replace(".", separator)
        patterns = [
            re.compile(re.escape(part).replace("1", "([0-9]{1,18})")) for part in sample.split("/")
        ]
        return any(
            all(int(place) < count for place, count in zip(places, self.grid, strict=True))
            for places in _matching(self._folder, patterns)
        )

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
        out = np.full(shape, self._fill, self.dtype)

        def fill(piece: tuple[tuple[int, ...], Index, Index]) -> None:
            place, source, target = piece
            self._read_chunk(place, source, out[target])

        found = pieces(slices, self.shard)
        if self.piece_bytes < _WORTH_A_THREAD:
            for piece in found:
                fill(piece)
            return out
        with ThreadPoolExecutor(min(_MOST_THREADS, os.cpu_count() or 1)) as pool:
            while batch := list(islice(found, _CHUNKS_AT_A_TIME)):
                for _ in pool.map(fill, batch):
                    pass
        return out

    def _read_chunk(self, place: tuple[int, ...], source: Index, out: np.ndarray) -> None:
        """Read a part of a chunk, if there is a file of it."""
        key = self._key_of(place)
        path = os.path.join(self._folder, key)
        self._stamps.note(Path(path))
        try:
            with open_regular(path) as stream:
                self._check_inside(path)
                out[...] = self._format.read(_FileExtent.of(stream), source)
        except FileNotFoundError:
            if os.path.islink(path):
                raise ChunkError(f"chunk {key} is a link that leads nowhere") from None
        except CHUNK_DAMAGE as error:
            raise ChunkError(f"chunk {key}: {_reason(error)}") from error

    def _check_inside(self, path: str) -> None:
        """Check that a file is within the root, whatever links lead to it."""
        folder = os.path.dirname(path)
        if folder in self._inside and not os.path.islink(path):
            return
        if not Path(os.path.realpath(path)).is_relative_to(self._root):
            raise ChunkError("it leads out of the folder")
        if Path(os.path.realpath(folder)).is_relative_to(self._root):
            self._inside.add(folder)


@dataclass(frozen=True)
class _FileExtent:
    """The bytes of an open file."""

    stream: BufferedReader
    size: int

    @classmethod
    def of(cls, stream: BufferedReader) -> Extent:
        """Return all bytes of a file."""
        return cls(stream, os.fstat(stream.fileno()).st_size)

    def read(self, start: int, count: int) -> bytes:
        """Return some of them."""
        self.stream.seek(start)
        content = self.stream.read(count)
        if len(content) != count:
            raise ChunkError(f"{len(content)} of {count} bytes: the file is cut off")
        return content


def _matching(folder: Path, patterns: list[re.Pattern[str]]) -> Iterator[tuple[str, ...]]:
    """Yield what the groups of some patterns are in the paths of files that match them."""
    first, *others = patterns
    try:
        entries = os.scandir(folder)
    except OSError:
        return
    with entries:
        for entry in entries:
            match = first.fullmatch(entry.name)
            if match is None:
                continue
            if not others:
                if entry.is_file():
                    yield match.groups()
            elif entry.is_dir():
                for groups in _matching(Path(entry.path), others):
                    yield match.groups() + groups


def _reason(error: BaseException) -> str:
    """Return what went wrong, in words."""
    message = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return message or type(error).__name__
