"""A folder of slices as voxels: each file is opened when its slice is asked for."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from napari_nx46.files.volumes.channels import Channels
from napari_nx46.files.volumes.indexing import Box, Shape3D, box_shape
from napari_nx46.files.volumes.origin import Origin, check_shape
from napari_nx46.files.volumes.reader import VolumeReader
from napari_nx46.files.volumes.slices import open_slice
from napari_nx46.files.volumes.stamps import Stamps

OPEN_SLICES = 2 * 8 + 2
"""Slices that are kept open: what one more slice needs at the largest z-radius, and one over."""


def open_stack(origin: Origin, files: Sequence[Path], stamps: Stamps) -> Channels:
    """Open a folder of slices as voxels.

    Parameters and errors are those of `StackReader`.
    """
    source = StackReader(origin, files, stamps)
    return Channels(None, lambda _channel: source)


class StackReader:
    """Slices in files of their own; the latest that were read are kept.

    Parameters
    ----------
    origin : Origin
        The folder.
    files : sequence of Path
        The slices in ascending order, as `slices_in` returns them.
    stamps : Stamps
        Takes the stamp of every slice.

    Raises
    ------
    VolumeError
        If a slice cannot be opened, or they declare too many voxels.
    """

    def __init__(self, origin: Origin, files: Sequence[Path], stamps: Stamps) -> None:
        self._origin = origin
        self._files = tuple(files)
        self._stamps = stamps
        self._open: OrderedDict[int, VolumeReader] = OrderedDict()
        self._lock = threading.Lock()
        for path in self._files:
            stamps.note(path)
        first = self._opened(0)
        self._plane = first.shape[1:]
        self.dtype = first.dtype
        self.piece_bytes = first.piece_bytes
        self.shape: Shape3D = check_shape(origin, (len(self._files), *self._plane))

    def read_box(self, box: Box) -> np.ndarray:
        """Read a box; see `VolumeReader.read_box`."""
        planes, rows, columns = box
        block = np.empty(box_shape(box), self.dtype)
        for place, number in enumerate(range(planes.start, planes.stop, planes.step)):
            block[place] = self._slice(number).read_box((slice(0, 1, 1), rows, columns))[0]
        return block

    def release(self) -> None:
        """Release the slices that are kept."""
        with self._lock:
            self._open.clear()

    def _slice(self, number: int) -> VolumeReader:
        """Return a slice, which is kept; the one that was used least lately is dropped."""
        self._stamps.note(self._files[number])
        with self._lock:
            source = self._open.get(number)
            if source is not None:
                self._open.move_to_end(number)
                return source
        source = self._opened(number)
        if (source.shape, source.dtype) != ((1, *self._plane), self.dtype):
            raise Origin(self._files[number], self._origin.image_id).error(
                f"shape {source.shape} of {source.dtype}",
                f"{(1, *self._plane)} of {self.dtype}, as in the first slice",
            )
        with self._lock:
            self._open[number] = source
            while len(self._open) > OPEN_SLICES:
                self._open.popitem(last=False)
        return source

    def _opened(self, number: int) -> VolumeReader:
        return open_slice(Origin(self._files[number], self._origin.image_id))
