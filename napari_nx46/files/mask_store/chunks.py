"""The chunks of a mask's image: written so that each appears whole or not at all, and read back."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from napari_nx46.files.atomic import WriteError
from napari_nx46.files.mask_store.layout import Index, StoreLayout
from napari_nx46.files.regular import open_regular
from napari_nx46.voxels.halving import halved

__all__ = ["ChunkFiles", "ChunkHash", "place_file"]

Voxels = npt.NDArray[np.uint8]

_SPARE_BYTES = 1 << 16
"""By how much a chunk may grow where it cannot be compressed."""


@dataclass(frozen=True, slots=True)
class ChunkHash:
    """A chunk that was written.

    Parameters
    ----------
    level : int
    index : tuple of int
        Along (z, y, x).
    sha256 : str
        Of its file, 64 hexadecimal digits.
    size : int
        Of its file, in bytes.
    """

    level: int
    index: Index
    sha256: str
    size: int


def place_file(path: Path, content: bytes, staging: Path) -> None:
    """Write a file that appears whole or not at all: written elsewhere, flushed and renamed.

    Parameters
    ----------
    path : Path
        The file; folders that are missing are made.
    content : bytes
    staging : Path
        A folder on the same disk for files that are not complete yet.

    Raises
    ------
    WriteError
        If it cannot be written.
    """
    partial = staging / f"{os.getpid()}-{os.urandom(8).hex()}"
    try:
        with partial.open("xb") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
        try:
            os.replace(partial, path)
        except FileNotFoundError:
            path.parent.mkdir(parents=True, exist_ok=True)
            os.replace(partial, path)
    except OSError as error:
        partial.unlink(missing_ok=True)
        raise WriteError(path, error.strerror or str(error), error.errno) from error


@dataclass(frozen=True, slots=True)
class ChunkFiles:
    """The chunks of an image in a folder; any number of processes may use one.

    Parameters
    ----------
    layout : StoreLayout
    root : Path
        The folder of the image.
    staging : Path
        A folder on the same disk for chunks that are not complete yet.
    """

    layout: StoreLayout
    root: Path
    staging: Path

    def write(self, level: int, index: Index, voxels: Voxels) -> ChunkHash | None:
        """Write a chunk; one without foreground has no file.

        Parameters
        ----------
        level : int
        index : tuple of int
        voxels : (z, y, x) array of uint8
            What `StoreLayout.block` names: less than a whole chunk at the ends of a level.

        Returns
        -------
        ChunkHash or None
            None where there was nothing to write.

        Raises
        ------
        WriteError
            If it cannot be written.
        """
        if not voxels.any():
            return None
        content = _encoded(voxels, self.layout.chunk)
        place_file(self.root / self.layout.key(level, index), content, self.staging)
        return ChunkHash(level, index, hashlib.sha256(content).hexdigest(), len(content))

    def write_block(self, level: int, corner: Index, voxels: Voxels) -> list[ChunkHash]:
        """Write all chunks of a block that begins with a chunk and ends with one, or the level.

        Parameters
        ----------
        level : int
        corner : tuple of int
            The first voxel of the block, a multiple of the chunk.
        voxels : (z, y, x) array of uint8

        Returns
        -------
        list of ChunkHash
            Of the chunks that have foreground.
        """
        side = self.layout.chunk
        written = []
        counts = (range(-(-length // side)) for length in voxels.shape)
        for step in np.ndindex(*map(len, counts)):
            part = tuple(slice(n * side, (n + 1) * side) for n in step)
            z, y, x = (start // side + n for start, n in zip(corner, step, strict=True))
            chunk = self.write(level, (z, y, x), voxels[part])
            if chunk is not None:
                written.append(chunk)
        return written

    def read(self, level: int, index: Index) -> Voxels:
        """Read a chunk back, 0 where it has no file.

        Returns
        -------
        (z, y, x) array of uint8
            Without what lies beyond the level.

        Raises
        ------
        OSError, ValueError
            If the file cannot be read, or is no chunk of the image.
        """
        block = self.layout.block(level, index)
        shape = tuple(part.stop - part.start for part in block)
        path = self.root / self.layout.key(level, index)
        try:
            with open_regular(path) as stream:
                content = stream.read(self._most_bytes + 1)
        except FileNotFoundError:
            return np.zeros(shape, np.uint8)
        return _decoded(content, self.layout.chunk, path)[tuple(slice(n) for n in shape)]

    def make_coarser(self, level: int, index: Index) -> ChunkHash | None:
        """Make a chunk of a level from those of the next finer one, which must all be there.

        Parameters
        ----------
        level : int
            From 1 on.
        index : tuple of int

        Returns
        -------
        ChunkHash or None
            None where there is no foreground.
        """
        block = self.layout.block(level, index)
        finer = self.layout.shapes[level - 1]
        shape = [
            min(2 * part.stop, length) - 2 * part.start
            for part, length in zip(block, finer, strict=True)
        ]
        voxels = np.zeros(shape, np.uint8)
        side, found = self.layout.chunk, False
        for step in np.ndindex(2, 2, 2):
            child = tuple(2 * n + more for n, more in zip(index, step, strict=True))
            if not all(
                n < count for n, count in zip(child, self.layout.grid(level - 1), strict=True)
            ):
                continue
            if not (self.root / self.layout.key(level - 1, child)).exists():
                continue
            part = tuple(slice(n * side, (n + 1) * side) for n in step)
            voxels[part] = self.read(level - 1, child)
            found = True
        return self.write(level, index, halved(voxels, self.layout.kind)) if found else None

    def hash_of(self, level: int, index: Index) -> ChunkHash | None:
        """Return what a chunk's file holds now; None where there is none."""
        path = self.root / self.layout.key(level, index)
        try:
            with open_regular(path) as stream:
                content = stream.read(self._most_bytes + 1)
        except FileNotFoundError:
            return None
        return ChunkHash(level, index, hashlib.sha256(content).hexdigest(), len(content))

    @property
    def _most_bytes(self) -> int:
        return 2 * self.layout.chunk**3 + _SPARE_BYTES


def _encoded(voxels: Voxels, side: int) -> bytes:
    """Return a chunk as Blosc writes it, with zeros beyond the level."""
    import imagecodecs

    if voxels.shape != (side,) * 3:
        whole = np.zeros((side,) * 3, np.uint8)
        whole[tuple(slice(n) for n in voxels.shape)] = voxels
        voxels = whole
    # One thread: the bytes must not depend on how many there are.
    content = imagecodecs.blosc_encode(
        np.ascontiguousarray(voxels),  # type: ignore[arg-type]  # it takes arrays as well
        level=1,
        compressor="zstd",
        shuffle=1,
        typesize=1,
        numthreads=1,
    )
    return bytes(content)


def _decoded(content: bytes, side: int, path: Path) -> Voxels:
    """Return the voxels of a chunk.

    Raises
    ------
    ValueError
        If it is none of that size.
    """
    from napari_nx46.files.stores.extents import Size
    from napari_nx46.files.volumes.zarr.codecs import CHUNK_DAMAGE, bytes_codec

    blosc = bytes_codec("blosc", {}, 1)
    try:
        decoded = b"" if blosc is None else blosc.decode(content, Size(side**3))
    except CHUNK_DAMAGE as error:
        raise ValueError(f"{path}: a damaged chunk ({error})") from error
    return np.frombuffer(decoded, np.uint8).reshape((side,) * 3)
