"""The levels of a store as arrays that answer at once, and read behind the window."""

from __future__ import annotations

import math
import threading
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from psygnal import Signal

from napari_nx46.files.volumes.indexing import Index, Shape3D, select
from napari_nx46.files.volumes.volume import Volume
from napari_nx46.live.scroll.tiles import TileKey, TileReader, overlapping
from napari_nx46.run.job import Post
from napari_nx46.voxels.blocks import Block, block_shape, intersection, placed, whole_block, within

__all__ = ["LevelArray", "Pyramid"]

Voxels = npt.NDArray[np.generic]

MEMORY = 128 << 20
"""Bytes of tiles that are kept."""

THREADS = 2
_USUAL_CHUNK = 128


class Pyramid:
    """The levels of a store for display: what was read is there, what was not is coarser.

    An array of it never waits: what is missing is taken from coarser levels that are known, or is
    0, and is read in threads; `changed` says when it is worth to ask again.

    Parameters
    ----------
    volumes : sequence of Volume
        The levels, the finest first.
    post : callable
        Runs a function later in the owner's thread.
    memory : int
        Bytes of what was read that are kept, beside the chunks that the volumes keep.
    threads : int
        That read.

    Attributes
    ----------
    levels : tuple of LevelArray
    changed : Signal()
        Something that was asked for has been read.
    failed : Signal(BaseException)
        A part cannot be read; not emitted again for the same message.
    """

    changed = Signal()
    failed = Signal(BaseException)

    def __init__(
        self, volumes: Sequence[Volume], post: Post, memory: int = MEMORY, threads: int = THREADS
    ) -> None:
        self._post = post
        self._is_posted = threading.Event()
        self._reported: set[str] = set()
        self._closed = False
        self.memory = memory
        self._reader = TileReader(volumes, self._came, self._fault, memory, threads)
        self.levels = tuple(LevelArray(self, volume, n) for n, volume in enumerate(volumes))

    @property
    def is_complete(self) -> bool:
        """Whether all that was asked for last has been read."""
        return self._reader.is_idle

    @property
    def held(self) -> int:
        """Bytes of what is kept."""
        return self._reader.held

    def close(self) -> None:
        """Read nothing more, and emit nothing."""
        self._closed = True
        self._reader.close()

    def read(self, level: int, box: Block) -> Voxels:
        """Return a box of a level as far as it is known, and have the rest of it read.

        Parameters
        ----------
        level : int
        box : Box
            Of step 1.
        """
        array = self.levels[level]
        voxels = np.zeros(block_shape(box), array.dtype)
        missing: list[TileKey] = []
        for tile in array.tiles(box):
            key = _key(level, tile)
            tile_voxels = self._reader.get(key)
            part = intersection(box, tile)
            if tile_voxels is None:
                missing.append(key)
                known = self._coarser(level, part)
            else:
                known = tile_voxels[within(part, tile)]
            if known is not None:
                voxels[within(part, box)] = known
        self._reader.request(level, missing)
        return voxels

    def _coarser(self, level: int, box: Block) -> Voxels | None:
        """Return a box as the finest of the coarser levels has it that knows all of it."""
        shape = self.levels[level].shape
        for number, array in enumerate(self.levels[level + 1 :], level + 1):
            places = [
                np.minimum(np.arange(part.start, part.stop) * own // length, own - 1)
                for part, own, length in zip(box, array.shape, shape, strict=True)
            ]
            z, y, x = (slice(int(at[0]), int(at[-1]) + 1) for at in places)
            known = self._known(number, (z, y, x))
            if known is not None:
                found: Voxels = known[np.ix_(*(at - at[0] for at in places))]
                return found
        return None

    def _known(self, level: int, box: Block) -> Voxels | None:
        """Return a box of a level if all of it has been read."""
        array = self.levels[level]
        voxels = np.empty(block_shape(box), array.dtype)
        for tile in array.tiles(box):
            known = self._reader.get(_key(level, tile))
            if known is None:
                return None
            part = intersection(box, tile)
            voxels[within(part, box)] = known[within(part, tile)]
        return voxels

    def _came(self) -> None:
        if not self._is_posted.is_set():
            self._is_posted.set()
            self._post(self._emit)

    def _emit(self) -> None:
        self._is_posted.clear()
        if not self._closed:
            self.changed.emit()

    def _fault(self, error: BaseException) -> None:
        self._post(lambda: self._report(error))

    def _report(self, error: BaseException) -> None:
        if not self._closed and str(error) not in self._reported:
            self._reported.add(str(error))
            self.failed.emit(error)


class LevelArray:
    """One level of a pyramid, or a box of it, (Z, Y, X), as a layer of napari reads it.

    napari first cuts out what the canvas shows, at all z, and then one slice of that: as of a Dask
    array, three slices of step 1 give a box that reads nothing before it is asked for less.

    Parameters
    ----------
    pyramid : Pyramid
    volume : Volume
    number : int
        Which level, from 0.
    box : Block, optional
        By default all of it.

    Attributes
    ----------
    shape : tuple of int
    dtype : numpy.dtype
    volume : Volume
    """

    ndim = 3

    def __init__(
        self, pyramid: Pyramid, volume: Volume, number: int, box: Block | None = None
    ) -> None:
        self._pyramid = pyramid
        self._number = number
        self._box = whole_block(volume.shape) if box is None else box
        self._is_whole = box is None
        self.volume = volume
        self.shape: Shape3D = block_shape(self._box)
        self.dtype = volume.dtype
        layout = volume.layout
        self._chunks = (_USUAL_CHUNK,) * 3 if layout is None else layout.chunks

    @property
    def size(self) -> int:
        """Number of voxels."""
        return math.prod(self.shape)

    def __len__(self) -> int:
        """Return the number of slices."""
        return self.shape[0]

    def tiles(self, box: Block) -> list[Block]:
        """Return what tiles a box of the level is read in."""
        return overlapping(box, self._chunks, self.volume.shape)

    def __getitem__(self, index: Index) -> Voxels | LevelArray:
        """Return what an index asks for, as far as it is known, without waiting.

        Three slices of step 1 give a box as another of these.
        """
        selection = select(index, self.shape)
        if 0 in selection.box_shape:
            return selection.arrange(np.empty(selection.box_shape, self.dtype))
        z, y, x = (slice(part.start, part.stop) for part in selection.box)
        box = placed((z, y, x), self._box)
        if not any(selection.dropped + selection.flipped) and all(
            part.step == 1 for part in selection.box
        ):
            return LevelArray(self._pyramid, self.volume, self._number, box)
        steps = tuple(slice(None, None, part.step) for part in selection.box)
        return selection.arrange(self._read(box)[steps])

    def __array__(self, dtype: npt.DTypeLike | None = None, copy: bool | None = None) -> Voxels:
        """Return a box as far as it is known, without waiting; of the whole level read all."""
        if self._is_whole:
            return self.volume.__array__(dtype, copy)
        voxels = self._read(self._box)
        return voxels if dtype is None else voxels.astype(dtype, copy=False)

    def _read(self, box: Block) -> Voxels:
        """Return a box of the level; what is too large to be kept is read at once."""
        if 2 * math.prod(block_shape(box)) * self.dtype.itemsize > self._pyramid.memory:
            voxels: Voxels = self.volume.shared(box)
            return voxels
        return self._pyramid.read(self._number, box)


def _key(level: int, tile: Block) -> TileKey:
    return level, tuple((part.start, part.stop) for part in tile)
