"""A volume in a file: a lazy (Z, Y, X) array, whose values are checked as they are read."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import DTypeLike

from napari_nx46.files.memory import check_held, check_piece
from napari_nx46.files.volumes.fingerprint import fingerprint_of
from napari_nx46.files.volumes.indexing import Index, Shape3D, select
from napari_nx46.files.volumes.notes import VolumeNotes
from napari_nx46.files.volumes.origin import Origin
from napari_nx46.files.volumes.reading import ReadAs
from napari_nx46.files.volumes.roles import Role, check_dtype, checked_block
from napari_nx46.files.volumes.sources import VoxelSource
from napari_nx46.files.volumes.stamps import Stamps

CLIPPED = "values up to 0.001 beyond [0, 1], as from rounding, are clipped to [0, 1]"
"""The note about probabilities that are a hair beyond [0, 1]."""


class Volume:
    """A lazy (Z, Y, X) array of voxels in a file, with a role that its values are checked for.

    Reading is safe from any number of threads. Nothing is held open between two reads.

    Parameters
    ----------
    origin : Origin
        The file or folder, and the fragment.
    role : Role
        What the voxels stand for.
    source : VoxelSource
        The voxels.
    channels : int or None
        Number of channels in the file; None without an axis of them.
    read_as : ReadAs or None
        The channel, counted from 0, where the file has an axis of them; and the kind of logits.
    note : str or None
        What a user should know of how it was opened.
    stamps : Stamps, optional
        Of the files that the source has read, and will read.
    slices : tuple of Path
        The files of the volume, if it is a folder of slices.

    Attributes
    ----------
    path : pathlib.Path
        The file or folder.
    slices : tuple of pathlib.Path
        The files of the slices, if it is a folder of them; else empty.
    image_id : str or None
        The fragment, where it is known.
    role : Role
        What the voxels stand for.
    channels : int or None
        Number of channels in the file; None without an axis of them.
    read_as : ReadAs
        The channel, counted from 0, where the file has an axis of them; and the kind of logits.
    notes : tuple of str
        What a user should know of the volume, as far as it was read; see `VolumeWarning`.

    Raises
    ------
    VolumeError
        If the role does not allow the type of the voxels.
    """

    ndim = 3

    def __init__(
        self,
        origin: Origin,
        role: Role,
        source: VoxelSource,
        channels: int | None = None,
        read_as: ReadAs | None = None,
        note: str | None = None,
        stamps: Stamps | None = None,
        slices: tuple[Path, ...] = (),
    ) -> None:
        check_dtype(origin, role, source.dtype)
        self.channels = channels
        self.read_as = read_as or ReadAs()
        self._stamps = stamps or Stamps(origin)
        self._slices = slices
        self._origin = origin
        self._role = role
        self._source = source
        self._notes = VolumeNotes()
        if note is not None:
            self._notes.add(note)

    @property
    def path(self) -> Path:
        """File, or Zarr folder."""
        return self._origin.path

    @property
    def image_id(self) -> str | None:
        """The fragment, where it is known."""
        return self._origin.image_id

    @property
    def slices(self) -> tuple[Path, ...]:
        """The files of the slices, if it is a folder of them; else empty."""
        return self._slices

    @property
    def role(self) -> Role:
        """What the voxels stand for."""
        return self._role

    @property
    def notes(self) -> tuple[str, ...]:
        """What a user should know of the volume, as far as it was read."""
        return self._notes.texts

    @property
    def shape(self) -> Shape3D:
        """Number of voxels along (Z, Y, X)."""
        return self._source.shape

    @property
    def dtype(self) -> np.dtype:
        """Type of the voxels, in native byte order."""
        return self._source.dtype

    @property
    def size(self) -> int:
        """Number of voxels."""
        z, y, x = self.shape
        return z * y * x

    @property
    def nbytes(self) -> int:
        """Bytes of all voxels in memory."""
        return self.size * self.dtype.itemsize

    def __len__(self) -> int:
        """Return the number of slices."""
        return self.shape[0]

    def __repr__(self) -> str:
        """Return the file, role, shape and type."""
        return f"<Volume {self.path} {self.role} {self.shape} {self.dtype}>"

    def __getitem__(self, index: Index) -> np.ndarray:
        """Read what an index asks for, and as little beyond it as the format allows.

        Parameters
        ----------
        index : int, slice, Ellipsis, or tuple of them
            As in NumPy's basic indexing.

        Returns
        -------
        numpy.ndarray
            A new array in native byte order that belongs to the caller; one of no axes where
            three integers were given.

        Raises
        ------
        IndexError
            If the index is out of bounds or not of that kind.
        VolumeError
            If the file is damaged there or has changed, or if the values read are not what the
            role allows.
        """
        selection = select(index, self.shape)
        if 0 in selection.box_shape:
            return selection.arrange(np.empty(selection.box_shape, self.dtype))
        held = math.prod(selection.box_shape) * self.dtype.itemsize
        check_held(self._origin, selection.box_shape, held)
        block = self._source.read_box(selection.box)
        block, clipped = checked_block(self._origin, self._role, block, selection.box)
        if clipped:
            self._notes.add(f"{self.path}: {CLIPPED}")
        return selection.arrange(block)

    def __iter__(self) -> Iterator[np.ndarray]:
        """Read slice after slice."""
        return (self[z] for z in range(len(self)))

    def __array__(self, dtype: DTypeLike | None = None, copy: bool | None = None) -> np.ndarray:
        """Read the whole volume where NumPy wants an array."""
        if copy is False:
            raise ValueError("a volume in a file cannot become an array without a copy")
        voxels = self.read()
        return voxels if dtype is None else voxels.astype(dtype, copy=False)

    def read(self) -> np.ndarray:
        """Read the whole volume.

        Returns
        -------
        numpy.ndarray
            All voxels, (Z, Y, X), in native byte order.

        Raises
        ------
        VolumeError
            As for reading any part.
        """
        return self[...]

    def release(self) -> None:
        """Forget voxels and file tables that are kept in memory; they are read again on demand."""
        self._source.release()

    def fingerprint(self) -> str:
        """Return the SHA-256 of the bytes that the voxels were, and are, read from.

        Returns
        -------
        str
            64 hexadecimal digits: of the file; or of all names and contents of a Zarr folder, or
            of a folder of slices.

        Raises
        ------
        VolumeError
            If a file cannot be read or has been changed since it was opened, or a Zarr folder has
            links to files outside it.
        """
        return fingerprint_of(self._origin, self._stamps, self._slices)

    def check_memory(self, budget: int) -> None:
        """Check that reading it holds no more than a budget, however few voxels are read.

        Parameters
        ----------
        budget : int
            Bytes.

        Raises
        ------
        VolumeError
            If a strip, tile or chunk, or whatever else has to be decoded in one piece, is larger.
        """
        check_piece(self._origin, "a strip, tile or chunk", self._source.piece_bytes, budget)

    def check_unchanged(self) -> None:
        """Check that the files are those that were opened, read or hashed before.

        Raises
        ------
        VolumeError
            If one has been changed, replaced, added or removed.
        """
        self._stamps.check()
