"""Parts of chunks that were read for display, kept as far as a budget allows, and asked for."""

from __future__ import annotations

import threading
from collections import OrderedDict, deque
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from itertools import product

import numpy as np
import numpy.typing as npt

from napari_nx46.files.volumes.indexing import Box
from napari_nx46.files.volumes.volume import Volume
from napari_nx46.voxels.ending import close_at_exit

__all__ = ["TileKey", "TileReader", "overlapping"]

Voxels = npt.NDArray[np.generic]
TileKey = tuple[int, tuple[tuple[int, int], ...]]
"""A level, and start and stop along (z, y, x)."""

_TABLE_BYTES = 200
"""What a tile takes beside its voxels."""


class TileReader:
    """Reads tiles of the levels of a store in threads, and keeps those used last.

    Parameters
    ----------
    volumes : sequence of Volume
        The levels.
    came : callable
        Called in one of the threads whenever a tile has been read.
    failed : callable
        Called in one of the threads with an error; the tile counts as read, and is all 0.
    memory : int
        Bytes of tiles that are kept.
    threads : int

    Attributes
    ----------
    held : int
        Bytes that are kept.
    """

    def __init__(
        self,
        volumes: Iterable[Volume],
        came: Callable[[], None],
        failed: Callable[[BaseException], None],
        memory: int,
        threads: int,
    ) -> None:
        self._volumes = tuple(volumes)
        self._came = came
        self._failed = failed
        self._memory = memory
        self.held = 0
        self._tiles: OrderedDict[TileKey, Voxels] = OrderedDict()
        self._wanted: dict[int, deque[TileKey]] = {}
        self._under_way: set[TileKey] = set()
        self._lock = threading.Lock()
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix="nx46-scroll")
        self._closed = False
        close_at_exit(self.close)

    def get(self, key: TileKey) -> Voxels | None:
        """Return a tile; None where it has not been read, or is not kept any more."""
        with self._lock:
            tile = self._tiles.get(key)
            if tile is not None:
                self._tiles.move_to_end(key)
            return tile

    def request(self, level: int, keys: Iterable[TileKey]) -> None:
        """Have tiles of a level read, in place of what was asked for before and is shown no more.

        What the coarsest level gives is shown until the finer one is there, and is left alone.

        Parameters
        ----------
        level : int
        keys : iterable of TileKey
            In the order in which they are read.
        """
        with self._lock:
            if self._closed:
                return
            coarsest = len(self._volumes) - 1
            for other in [one for one in self._wanted if coarsest not in (one, level)]:
                del self._wanted[other]
            new = deque(key for key in keys if key not in self._under_way)
            self._wanted[level] = new
            for _ in new:
                self._threads.submit(self._read_next)

    @property
    def is_idle(self) -> bool:
        """Whether nothing is being read."""
        with self._lock:
            return not self._under_way and not any(self._wanted.values())

    def close(self) -> None:
        """Read nothing more; does not wait for what is being read."""
        with self._lock:
            self._closed = True
            self._wanted.clear()
            self._tiles.clear()
            self.held = 0
        self._threads.shutdown(wait=False, cancel_futures=True)

    def _next(self) -> TileKey | None:
        """Take the tile that is wanted first: coarse levels are quick, and give a first picture."""
        with self._lock:
            for level in sorted(self._wanted, reverse=True):
                if self._wanted[level]:
                    key = self._wanted[level].popleft()
                    self._under_way.add(key)
                    return key
        return None

    def _read_next(self) -> None:
        key = self._next()
        if key is None:
            return
        level, extents = key
        z, y, x = (slice(start, stop) for start, stop in extents)
        volume = self._volumes[level]
        try:
            tile: Voxels = volume.shared((z, y, x))
        except (ValueError, OSError) as error:
            tile = np.broadcast_to(volume.dtype.type(0), [stop - start for start, stop in extents])
            self._failed(error)
        with self._lock:
            self._under_way.discard(key)
            if self._closed:
                return
            self._keep(key, tile)
        self._came()

    def _keep(self, key: TileKey, tile: Voxels) -> None:
        replaced = self._tiles.pop(key, None)
        self._tiles[key] = tile
        self.held += _bytes_of(tile) - (0 if replaced is None else _bytes_of(replaced))
        while self.held > self._memory and len(self._tiles) > 1:
            _, oldest = self._tiles.popitem(last=False)
            self.held -= _bytes_of(oldest)


def overlapping(box: Box, chunks: tuple[int, int, int], shape: tuple[int, int, int]) -> list[Box]:
    """Return what tiles a box is read in, from its middle outwards.

    Along an axis in which the box is one voxel thick the tiles are so too: a slice of a chunk takes
    little memory, and the volume keeps the chunk. Along the others they are whole chunks.

    Parameters
    ----------
    box : Box
        Of step 1.
    chunks : tuple of int
        Shape of the chunks along (z, y, x).
    shape : tuple of int
        Of the volume.
    """
    parts = []
    for extent, side, length in zip(box, chunks, shape, strict=True):
        if extent.stop - extent.start == 1:
            parts.append([slice(extent.start, extent.stop)])
            continue
        starts = range(extent.start // side * side, extent.stop, side)
        parts.append([slice(start, min(start + side, length)) for start in starts])
    middle = [(extent.start + extent.stop) / 2 for extent in box]

    def distance(tile: Box) -> float:
        centers = ((one.start + one.stop) / 2 for one in tile)
        return float(sum((c - m) ** 2 for c, m in zip(centers, middle, strict=True)))

    return sorted(((z, y, x) for z, y, x in product(*parts)), key=distance)


def _bytes_of(tile: Voxels) -> int:
    return tile.nbytes + _TABLE_BYTES
