"""Voxels that can only be decoded all at once, kept until they are released."""

from __future__ import annotations

import math
import threading
from collections.abc import Callable
from typing import IO

import numpy as np

from napari_nx46.files.memory import check_piece
from napari_nx46.files.volumes.indexing import Box, Shape3D
from napari_nx46.files.volumes.origin import FileStamp

_COPY_BYTES = 2**20


class DecodedReader:
    """Voxels that are decoded at the first read and kept until they are released.

    Parameters
    ----------
    stamp : FileStamp
        The file.
    shape : tuple of int
        Number of voxels along (Z, Y, X).
    stored : numpy.dtype
        Their type in the file.
    decode : callable
        Returns all of them; raises `VolumeError` if the file is damaged.
    held : int, optional
        Bytes that decoding holds, if more than the voxels.

    Raises
    ------
    VolumeError
        If they do not fit into the memory.
    """

    def __init__(
        self,
        stamp: FileStamp,
        shape: Shape3D,
        stored: np.dtype,
        decode: Callable[[], np.ndarray],
        held: int = 0,
    ) -> None:
        self.shape = shape
        self.dtype = stored.newbyteorder("=")
        self.piece_bytes = max(held, math.prod(shape) * stored.itemsize)
        self._stamp = stamp
        self._decode = decode
        self._voxels: np.ndarray | None = None
        self._lock = threading.Lock()
        check_piece(stamp.origin, "a compressed array", self.piece_bytes)

    def read_box(self, box: Box) -> np.ndarray:
        """Read a box; see `VolumeReader.read_box`."""
        self._stamp.check()
        with self._lock:
            if self._voxels is None:
                self._voxels = self._decode().astype(self.dtype, order="C", copy=False)
            voxels = self._voxels
        return voxels[box].copy()

    def release(self) -> None:
        """Drop the decoded voxels."""
        with self._lock:
            self._voxels = None


def skip(stream: IO[bytes], count: int) -> None:
    """Read and drop a number of bytes.

    Raises
    ------
    EOFError
        If there are fewer.
    """
    while count > 0:
        dropped = len(stream.read(min(count, _COPY_BYTES)))
        if not dropped:
            raise EOFError(f"it ends {count} bytes too early")
        count -= dropped


def fill(stream: IO[bytes], array: np.ndarray) -> None:
    """Read the elements of a C-contiguous array.

    Raises
    ------
    EOFError
        If there are fewer.
    """
    view = array.reshape(-1).view(np.uint8)
    filled = 0
    while filled < len(view):
        part = stream.read(min(len(view) - filled, _COPY_BYTES))
        if not part:
            raise EOFError(f"it ends {len(view) - filled} bytes too early")
        view[filled : filled + len(part)] = np.frombuffer(part, np.uint8)
        filled += len(part)
