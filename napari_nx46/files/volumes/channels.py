"""The channels of a stored array, each of which can be read as a volume."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from napari_nx46.files.volumes.indexing import Box, Shape3D
from napari_nx46.files.volumes.layout import Layout
from napari_nx46.files.volumes.origin import AnyOrigin
from napari_nx46.files.volumes.placement import Placement
from napari_nx46.files.volumes.reader import VolumeReader

USUAL_CHANNELS = 2
"""Background and surface: the last is the one to take. With more, it is uncertain."""


@dataclass(frozen=True, slots=True)
class Channels:
    """What a file holds.

    Attributes
    ----------
    count : int or None
        Number of channels; None without an axis of them.
    source : callable
        Returns the voxels of a channel, counted from 0; always the same without an axis of them.
    placement : Placement or None
        Size and place of the voxels, where the file says them.
    layout : Layout or None
        Their chunks, of a store.
    notes : tuple of str
        What a user should know of how it was opened.
    beside : tuple of Path
        Files that belong to it.
    """

    count: int | None
    source: Callable[[int], VolumeReader]
    placement: Placement | None = None
    layout: Layout | None = None
    notes: tuple[str, ...] = ()
    beside: tuple[Path, ...] = ()

    def number(self, origin: AnyOrigin, channel: int | None) -> int:
        """Return the number of a channel, counted from 0.

        Parameters
        ----------
        origin : AnyOrigin
            The file, for the message.
        channel : int or None
            Negative ones count from the last. None is the last.

        Raises
        ------
        VolumeError
            If there is no such channel.
        """
        if self.count is None:
            return 0
        wanted = -1 if channel is None else channel
        if not -self.count <= wanted < self.count:
            raise origin.error(
                f"{self.count} channel(s)",
                f"one with the number {channel}; they are counted from 0",
            )
        return wanted % self.count

    def check_single(self, origin: AnyOrigin, role: str) -> None:
        """Check that there is no choice of channels.

        Raises
        ------
        VolumeError
            If there are several: a mask, a label or an image has one.
        """
        if self.count is not None and self.count > 1:
            raise origin.error(f"{self.count} channels", f"one channel, as it is to be the {role}")

    def all_notes(self, origin: AnyOrigin, channel: int | None) -> tuple[str, ...]:
        """Return what a user should know of how it was opened, the choice of a channel first."""
        chosen = self._note(origin, channel)
        return self.notes if chosen is None else (chosen, *self.notes)

    def _note(self, origin: AnyOrigin, channel: int | None) -> str | None:
        """Return what a user should know of the choice of a channel, if there is anything."""
        if self.count is None:
            if channel in (None, 0, -1):
                return None
            return f"{origin.name}: there is no axis of channels; channel {channel} was not chosen"
        if channel is not None or self.count <= USUAL_CHANNELS:
            return None
        return (
            f"{origin.name}: channel {self.count - 1}, the last of {self.count} channels (counted "
            "from 0), is read; choose another one with --channel, or under Reading in the window"
        )


def slices_of(stack: VolumeReader, slices: range) -> VolumeReader:
    """Return some slices of a stack as a volume; the stack itself where it has no others.

    Parameters
    ----------
    stack : VolumeReader
        Of all slices.
    slices : range
        Those of the volume, ascending.
    """
    return stack if slices == range(stack.shape[0]) else SlicesOf(stack, slices)


@dataclass(frozen=True)
class SlicesOf:
    """Some slices of a stack as a volume.

    Attributes
    ----------
    stack : VolumeReader
        Of all slices.
    slices : range
        Those of the volume, ascending.
    """

    stack: VolumeReader
    slices: range

    @property
    def shape(self) -> Shape3D:
        """Number of voxels along (Z, Y, X)."""
        return len(self.slices), *self.stack.shape[1:]

    @property
    def dtype(self) -> np.dtype:
        """Type of the voxels, in native byte order."""
        return self.stack.dtype

    @property
    def piece_bytes(self) -> int:
        """See `VolumeReader.piece_bytes`."""
        return self.stack.piece_bytes

    def read_box(self, box: Box) -> np.ndarray:
        """Read a box; see `VolumeReader.read_box`."""
        z, y, x = box
        chosen = self.slices[z]
        return self.stack.read_box((slice(chosen.start, chosen[-1] + 1, chosen.step), y, x))

    def release(self) -> None:
        """Release what the stack keeps in memory."""
        self.stack.release()
