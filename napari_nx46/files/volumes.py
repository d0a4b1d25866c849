"""Opening one file or folder as a lazy (Z, Y, X) volume.

Formats: multi-page TIFF, ``.npy``, nnU-Net ``.npz``, Zarr v2 / v3 and OME-Zarr. Opening reads
headers; voxels are read, and checked, when they are asked for.

Examples
--------
>>> from napari_nx46.files.volumes import open_volume
>>> volume = open_volume("data/p3d/1407735.tif")  # doctest: +SKIP
>>> volume[160]  # reads one slice  # doctest: +SKIP
"""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import DTypeLike

from napari_nx46.files.channels import Channels
from napari_nx46.files.fingerprint import fingerprint_of
from napari_nx46.files.indexing import Index, Shape3D, select
from napari_nx46.files.memory import check_held, check_piece
from napari_nx46.files.notes import VolumeNotes, VolumeWarning
from napari_nx46.files.origin import Origin, VolumeError
from napari_nx46.files.reading import Logits, ReadAs
from napari_nx46.files.roles import LogitsError, Role, check_dtype, checked_block
from napari_nx46.files.slices import note_on_slices, slices_in
from napari_nx46.files.sources import VoxelSource
from napari_nx46.files.stamps import Stamps

__all__ = [
    "VOLUME_SUFFIXES",
    "Logits",
    "LogitsError",
    "ReadAs",
    "Role",
    "Volume",
    "VolumeError",
    "VolumeWarning",
    "image_id_of",
    "open_volume",
]

VOLUME_SUFFIXES = (
    ".ome.tiff",
    ".ome.tif",
    ".ome.zarr",
    ".tiff",
    ".tif",
    ".npy",
    ".npz",
    ".zarr",
)
"""Endings of files and folders that can be opened; an ending comes after any that ends with it."""

CLIPPED = "values up to 0.001 beyond [0, 1], as from rounding, are clipped to [0, 1]"
"""The note about probabilities that are a hair beyond [0, 1]."""

_ZARR_METADATA = ("zarr.json", ".zarray", ".zgroup")


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


def open_volume(
    path: str | os.PathLike[str],
    *,
    role: Role = Role.PROBABILITY,
    channel: int | None = None,
    logits: Logits | None = None,
    image_id: str | None = None,
) -> Volume:
    """Open a file, or a Zarr folder, as a volume; only headers are read.

    Parameters
    ----------
    path : str or path-like
        A local file, Zarr folder, or folder of slices; the ending of a file says its format.
    role : Role, optional
        What the voxels stand for.
    channel : int, optional
        Which channel to read of a file that has several; negative ones count from the last,
        which is the default, with a `VolumeWarning` where there are more than two.
    logits : Logits, optional
        How the values become probabilities, if they are logits. Without effect but on the role
        of probabilities.
    image_id : str, optional
        The fragment, for messages.

    Returns
    -------
    Volume
        The lazy volume.

    Raises
    ------
    VolumeError
        If there is no such file, or if it is not a sound volume of a format and type that the
        role allows.
    """
    origin, role = Origin(Path(path), image_id), Role(role)
    stamps = Stamps(origin)
    slices = slices_of(origin.path) if origin.path.is_dir() else ()
    channels = _open_channels(origin, stamps, slices)
    if role is not Role.PROBABILITY and channel is None:
        channels.check_single(origin, role)
    number = channels.number(origin, channel)
    kind = None if logits is None or role is not Role.PROBABILITY else Logits(logits)
    if kind is None:
        source = channels.source(number)
    else:
        from napari_nx46.files.logits import open_logits

        source = open_logits(origin, channels, number, kind)
    read_as = ReadAs(None if channels.count is None else number, kind)
    note = channels.note(origin, channel) or (note_on_slices(slices) if slices else None)
    return Volume(origin, role, source, channels.count, read_as, note, stamps, slices)


def write_volume(
    path: str | os.PathLike[str], voxels: np.ndarray, *, image_id: str | None = None
) -> None:
    """Write an array as a multi-page TIFF compressed with zlib, and read it back.

    Equal arrays give equal bytes. The file is written in place: give it a name beside the target
    and rename it afterwards.

    Parameters
    ----------
    path : str or path-like
        The file; its name need not end in ``.tif``.
    voxels : numpy.ndarray
        Integers or real numbers, (Z, Y, X).
    image_id : str, optional
        The fragment, for messages.

    Raises
    ------
    OSError
        If the file cannot be written.
    VolumeError
        If it does not read back as the array.
    """
    from napari_nx46.files.tiff_source import open_tiff, write_tiff

    origin = Origin(Path(path), image_id)
    write_tiff(origin.path, voxels)
    written = Volume(origin, Role.IMAGE, open_tiff(origin).source(0))
    same = written.shape == voxels.shape and written.dtype == voxels.dtype.newbyteorder("=")
    is_float = voxels.dtype.kind == "f"
    if not same or not all(map(partial(np.array_equal, equal_nan=is_float), written, voxels)):
        raise origin.error("other voxels than were written", "the same")


def is_zarr_folder(path: str | os.PathLike[str]) -> bool:
    """Tell whether a path is the folder of a Zarr array or group.

    Parameters
    ----------
    path : str or path-like
        Any path.

    Returns
    -------
    bool
        Whether it is a folder with Zarr metadata, or one that is named as such.
    """
    folder = Path(path)
    named = volume_suffix(folder.name).endswith(".zarr")
    return folder.is_dir() and (named or any((folder / name).is_file() for name in _ZARR_METADATA))


def is_volume_folder(path: str | os.PathLike[str]) -> bool:
    """Return whether a path is a folder that is one volume: Zarr, or slices.

    Parameters
    ----------
    path : str or path-like
        Any path.

    Returns
    -------
    bool
        Whether it can be opened as a volume, though it is a folder.

    Raises
    ------
    VolumeError
        If it is a folder of slices, some of which are missing or differ from the others.
    """
    folder = Path(path)
    return folder.is_dir() and (is_zarr_folder(folder) or bool(slices_of(folder)))


def slices_of(folder: Path) -> tuple[Path, ...]:
    """Return the slices of the volume that a folder is, in ascending order.

    Parameters
    ----------
    folder : Path
        Any folder.

    Returns
    -------
    tuple of Path
        Files of one slice each; empty if the folder is no such volume.

    Raises
    ------
    VolumeError
        If some slices are missing, damaged, or differ from the others, or the folder cannot be
        listed.
    """
    try:
        return () if is_zarr_folder(folder) else slices_in(folder)
    except OSError as error:
        raise Origin(folder).error(str(error), "a folder that can be listed") from error


def image_id_of(path: str | os.PathLike[str]) -> str:
    """Return the name of a file or folder without the ending that tells its format.

    Parameters
    ----------
    path : str or path-like
        For example ``1407735.tif`` or ``a.ome.zarr``.

    Returns
    -------
    str
        For example ``1407735`` or ``a``.
    """
    name = Path(path).name or Path(path).resolve().name
    suffix = volume_suffix(name)
    return name[: len(name) - len(suffix)]


def volume_suffix(name: str) -> str:
    """Return the one of `VOLUME_SUFFIXES` that a name ends with, in any case.

    Parameters
    ----------
    name : str
        Name of a file or folder.

    Returns
    -------
    str
        The ending, or an empty string if it has none of them.
    """
    lowered = name.lower()
    return next((suffix for suffix in VOLUME_SUFFIXES if lowered.endswith(suffix)), "")


def _open_channels(origin: Origin, stamps: Stamps, slices: tuple[Path, ...]) -> Channels:
    """Open the channels of a file by its format. The readers are imported when they are needed."""
    path = origin.path
    if slices:
        from napari_nx46.files.stack_source import open_stack

        return open_stack(origin, slices, stamps)
    if path.is_dir():
        from napari_nx46.files.zarr_source import open_zarr

        if not is_zarr_folder(path):
            raise origin.error(
                "a folder that has neither Zarr metadata nor the slices of one volume",
                "a Zarr array, an OME-Zarr image, or 2D slices whose names differ in one number",
            )
        return open_zarr(origin, stamps)
    stamps.note(path)
    if not path.exists():
        raise origin.error("nothing at this path", "a file or a Zarr folder")
    suffix = volume_suffix(path.name)
    if suffix in (".ome.tiff", ".ome.tif", ".tiff", ".tif"):
        from napari_nx46.files.tiff_source import open_tiff

        return open_tiff(origin)
    if suffix == ".npy":
        from napari_nx46.files.numpy_source import open_npy

        return open_npy(origin)
    if suffix == ".npz":
        from napari_nx46.files.numpy_source import open_npz

        return open_npz(origin)
    raise origin.error(
        "a file that is not of a known format", "a name that ends in " + ", ".join(VOLUME_SUFFIXES)
    )
