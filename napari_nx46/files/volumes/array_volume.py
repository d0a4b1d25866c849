"""An array in memory as a volume, checked like one in a file."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np

from napari_nx46.files.memory import check_piece
from napari_nx46.files.volumes.array_reader import ArrayReader, element_type, finest_level
from napari_nx46.files.volumes.axes import StoredAxes, find_axes
from napari_nx46.files.volumes.channels import Channels
from napari_nx46.files.volumes.indexing import Index
from napari_nx46.files.volumes.logits import open_channel
from napari_nx46.files.volumes.origin import AnyOrigin, ArrayOrigin
from napari_nx46.files.volumes.placement import Placement
from napari_nx46.files.volumes.reader import VolumeReader
from napari_nx46.files.volumes.reading import Logits, ReadAs
from napari_nx46.files.volumes.roles import Role
from napari_nx46.files.volumes.volume import Volume

__all__ = ["ArrayVolume", "open_array"]


class ArrayVolume(Volume):
    """A lazy (Z, Y, X) array of voxels that are in memory, or are computed when they are read.

    Parameters and attributes are those of `Volume`.

    Attributes
    ----------
    axes : StoredAxes
        Which of the array's axes are z, y and x.
    """

    def __init__(
        self,
        origin: AnyOrigin,
        role: Role,
        source: VolumeReader,
        axes: StoredAxes,
        read_as: ReadAs | None = None,
        notes: Sequence[str] = (),
        placement: Placement | None = None,
    ) -> None:
        super().__init__(origin, role, source, axes.channels, read_as, notes, placement)
        self.axes = axes

    def __getitem__(self, index: Index) -> np.ndarray:
        """Read what an index asks for; see `Volume.__getitem__`."""
        block = self.shared(index)
        return block if block.flags.owndata else block.copy()

    @property
    def load_bytes(self) -> int:
        """Bytes that it takes to hold all voxels: none where they are in memory already."""
        source = self._source
        return 0 if isinstance(source, ArrayReader) and source.in_memory else self.nbytes

    def fingerprint(self) -> str:
        """Return the SHA-256 of shape, type and voxels, in the order of the axes."""
        digest = hashlib.sha256(f"{self.shape} {self.dtype.str}".encode())
        for z in range(len(self)):
            plane = self.shared(z)
            little = plane.astype(plane.dtype.newbyteorder("<"), order="C", copy=False)
            digest.update(np.ascontiguousarray(little).data)
        return digest.hexdigest()

    def record(self) -> dict[str, str | int | list[int]]:
        """Return name, shape, type and SHA-256, and the channel and logits where there are any."""
        return {
            "array": self.name,
            "shape": list(self.shape),
            "dtype": self.dtype.name,
            "sha256": self.fingerprint(),
            **self.read_as.recorded(),
        }

    def check_unchanged(self) -> None:
        """Do nothing: an array has no stamp; its fingerprint says what was read."""


def open_array(
    array: Any,
    *,
    name: str = "array",
    origin: AnyOrigin | None = None,
    role: Role = Role.PROBABILITY,
    channel: int | None = None,
    channel_axis: int | str | None = None,
    logits: Logits | None = None,
    image_id: str | None = None,
    axes: Sequence[str] | None = None,
    placement: Placement | None = None,
) -> ArrayVolume:
    """Open an array as a volume; no voxel is read, and nothing is copied.

    Parameters
    ----------
    array : array-like, or sequence of them
        NumPy, Dask, Zarr or anything with shape, type and slices: (Z, Y, X), with an axis of
        channels or without; (Y, X) is one slice. A sequence of arrays of descending sizes is one
        array at several resolutions, of which the first is read.
    name : str, optional
        What messages call it.
    origin : AnyOrigin, optional
        In place of name and image_id.
    role : Role, optional
        What the voxels stand for.
    channel : int, optional
        Which channel to read of an array that has several; negative ones count from the last,
        which is the default, with a `VolumeWarning` where there are more than two.
    channel_axis : int or str, optional
        Which of more than three axes is of channels; see `find_axes`.
    logits : Logits, optional
        How the values become probabilities, if they are logits. Without effect but on the role of
        probabilities.
    image_id : str, optional
        The fragment, for messages.
    axes : sequence of str, optional
        Names of the axes; by default those that the array has itself, as ``dims``.
    placement : Placement, optional
        Size and place of the voxels.

    Returns
    -------
    ArrayVolume

    Raises
    ------
    VolumeError
        If it is no volume of a type that the role allows.
    """
    origin, role = origin or ArrayOrigin(name, image_id), Role(role)
    level = finest_level(origin, array)
    dtype = element_type(origin, level)
    names = axes if axes is not None else _named_axes(level)
    found = find_axes(origin, tuple(map(int, level.shape)), names, channel=channel_axis)
    channels = Channels(found.channels, partial(ArrayReader, origin, level, dtype, found))
    if role is not Role.PROBABILITY and channel is None:
        channels.check_single(origin, role)
    number = channels.number(origin, channel)
    check_piece(origin, "chunks", channels.source(number).piece_bytes)
    kind = None if logits is None or role is not Role.PROBABILITY else Logits(logits)
    source = open_channel(origin, channels, number, kind)
    read_as = ReadAs(None if channels.count is None else number, kind)
    notes = channels.all_notes(origin, channel)
    return ArrayVolume(origin, role, source, found, read_as, notes, placement)


def _named_axes(array: Any) -> Sequence[str] | None:
    """Return the names that an array gives its axes, as xarray does."""
    names = getattr(array, "dims", None)
    return tuple(map(str, names)) if isinstance(names, tuple) else None
