"""A volume: a lazy (Z, Y, X) array, whose values are checked as they are read."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import DTypeLike

from napari_nx46.files.memory import check_held, check_piece
from napari_nx46.files.volumes.indexing import Index, Shape3D, select
from napari_nx46.files.volumes.layout import Layout
from napari_nx46.files.volumes.logits import LogitReader, probabilities_of
from napari_nx46.files.volumes.notes import VolumeNotes
from napari_nx46.files.volumes.origin import AnyOrigin
from napari_nx46.files.volumes.placement import Placement
from napari_nx46.files.volumes.reader import VolumeReader
from napari_nx46.files.volumes.reading import ReadAs
from napari_nx46.files.volumes.roles import Role, check_dtype, checked_block

CLIPPED = "values up to 0.001 beyond [0, 1], as from rounding, are clipped to [0, 1]"
"""The note about probabilities that are a hair beyond [0, 1]."""


class Volume(ABC):
    """A lazy (Z, Y, X) array of voxels with a role that its values are checked for.

    Reading is safe from any number of threads.

    Parameters
    ----------
    origin : AnyOrigin
        The file, folder or array, and the fragment.
    role : Role
        What the voxels stand for.
    source : VolumeReader
        The voxels.
    channels : int or None
        Number of channels; None without an axis of them.
    read_as : ReadAs or None
        The channel, counted from 0, where there is an axis of them; and the kind of logits.
    notes : tuple of str
        What a user should know of how it was opened.
    placement : Placement or None
        Size and place of the voxels, where they are known.
    layout : Layout or None
        Their chunks, of a store.
    level : str or None
        Path of the array in its store, where one was chosen.

    Attributes
    ----------
    path : pathlib.Path or None
        The file or folder; None of an array.
    slices : tuple of pathlib.Path
        The files of the slices, if it is a folder of them; else empty.
    name : str
        What messages call it.
    image_id : str or None
        The fragment, where it is known.
    role : Role
        What the voxels stand for.
    channels : int or None
        Number of channels; None without an axis of them.
    read_as : ReadAs
        The channel, counted from 0, where there is an axis of them; and the kind of logits.
    placement : Placement or None
        Size and place of the voxels, where they are known.
    layout : Layout or None
        Their chunks, of a store.
    level : str or None
        Path of the array in its store, where one was chosen.
    notes : tuple of str
        What a user should know of the volume, as far as it was read; see `VolumeWarning`.

    Raises
    ------
    VolumeError
        If the role does not allow the type of the voxels.
    """

    ndim = 3
    slices: tuple[Path, ...] = ()

    def __init__(
        self,
        origin: AnyOrigin,
        role: Role,
        source: VolumeReader,
        channels: int | None = None,
        read_as: ReadAs | None = None,
        notes: Sequence[str] = (),
        placement: Placement | None = None,
        layout: Layout | None = None,
        level: str | None = None,
    ) -> None:
        check_dtype(origin, role, source.dtype)
        self.channels = channels
        self.read_as = read_as or ReadAs()
        self.placement = placement
        self.layout = layout
        self.level = level
        self._origin = origin
        self._role = role
        self._source = source
        self._notes = VolumeNotes()
        for note in notes:
            self._notes.add(note)

    @property
    def path(self) -> Path | None:
        """File or folder; None of an array."""
        return self._origin.path

    @property
    def name(self) -> str:
        """What messages call it: the path of a file, or the name of an array."""
        return self._origin.name

    @property
    def short_name(self) -> str:
        """The name of a file without its folders, or of an array."""
        return self.name if self.path is None else self.path.name

    @property
    def origin(self) -> AnyOrigin:
        """Where it comes from, for messages."""
        return self._origin

    @property
    def image_id(self) -> str | None:
        """The fragment, where it is known."""
        return self._origin.image_id

    @property
    def source(self) -> VolumeReader:
        """The voxels, unchecked."""
        return self._source

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

    @property
    def load_bytes(self) -> int:
        """Bytes that it takes to hold all voxels: none where they are in memory already."""
        return self.nbytes

    def __len__(self) -> int:
        """Return the number of slices."""
        return self.shape[0]

    def __repr__(self) -> str:
        """Return what it is called, role, shape and type."""
        return f"<Volume {self.name} {self.role} {self.shape} {self.dtype}>"

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
        return self.shared(index)

    def shared(self, index: Index) -> np.ndarray:
        """Read as by indexing, but where it can be, voxels that are in memory already.

        Parameters
        ----------
        index : int, slice, Ellipsis, or tuple of them
            As in NumPy's basic indexing.

        Returns
        -------
        numpy.ndarray
            Not to be written to.

        Raises
        ------
        IndexError, VolumeError
            As by indexing.
        """
        selection = select(index, self.shape)
        if 0 in selection.box_shape:
            return selection.arrange(np.empty(selection.box_shape, self.dtype))
        held = math.prod(selection.box_shape) * self.dtype.itemsize
        check_held(self._origin, selection.box_shape, held)
        block = self._source.read_box(selection.box)
        block, clipped = checked_block(self._origin, self._role, block, selection.box)
        if clipped:
            self._notes.add(f"{self.name}: {CLIPPED}")
        return selection.arrange(block)

    def __iter__(self) -> Iterator[np.ndarray]:
        """Read slice after slice."""
        return (self[z] for z in range(len(self)))

    def __array__(self, dtype: DTypeLike | None = None, copy: bool | None = None) -> np.ndarray:
        """Read the whole volume where NumPy wants an array."""
        if copy is False:
            raise ValueError("a volume cannot become an array without a copy")
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

    @property
    def coarser_level(self) -> str | None:
        """Path of the level that is read; None of the finest one, whether it was chosen or not."""
        levels = () if self.layout is None else self.layout.levels
        return None if levels and self.level == levels[0] else self.level

    @property
    def absent_value(self) -> float | None:
        """What a voxel of an absent chunk is read as; None of what is no store."""
        if self.layout is None:
            return None
        fill = self.layout.fill
        if self.read_as.logits is None:
            return float(fill)
        if not fill:
            return 0.0
        others = [fill] * ((self.channels or 1) - 1)
        return float(np.float32(probabilities_of(self.read_as.logits, fill, others)))

    def without_prediction(self, index: Index) -> np.ndarray | None:
        """Return where no network predicted anything: where the logits of all channels are 0.

        Parameters
        ----------
        index : int, slice, Ellipsis, or tuple of them
            As in NumPy's basic indexing.

        Returns
        -------
        numpy.ndarray or None
            Booleans; None of what was not opened as logits.

        Raises
        ------
        IndexError, VolumeError
            As by indexing.
        """
        if not isinstance(self._source, LogitReader):
            return None
        selection = select(index, self.shape)
        return selection.arrange(self._source.without_prediction(selection.box))

    def release(self) -> None:
        """Release voxels and file tables that are kept in memory; they are read again on demand."""
        self._source.release()

    @abstractmethod
    def fingerprint(self) -> str:
        """Return the SHA-256 of what the voxels were, and are, read from.

        Returns
        -------
        str
            64 hexadecimal digits: of a file; of all names and contents of a Zarr folder, or of a
            folder of slices; of shape, type and voxels of an array.

        Raises
        ------
        VolumeError
            If it cannot be read or has been changed since it was opened, or a Zarr folder has
            links to files outside it.
        """

    def place(self) -> dict[str, str | int | list[int]]:
        """Return by name what of a file or store it is: the level, channel and logits, if given."""
        level: dict[str, str | int | list[int]] = (
            {} if self.level is None else {"level": self.level}
        )
        return {**level, **self.read_as.recorded()}

    @abstractmethod
    def record(self) -> dict[str, str | int | list[int]]:
        """Return what a manifest says of it, `fingerprint` included."""

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

    @abstractmethod
    def check_unchanged(self) -> None:
        """Check that it is what was opened, read or hashed before.

        Raises
        ------
        VolumeError
            If a file has been changed, replaced, added or removed.
        """
