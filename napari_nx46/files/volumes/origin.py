"""Where a volume comes from, and how its faults are reported to the user."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from napari_nx46.files.naming import printable
from napari_nx46.files.regular import check_regular

AXES = 3
"""Axes of a volume: (Z, Y, X)."""

MAX_VOXELS = 2**38
"""Most voxels that a volume may declare: beyond it a header is taken for damaged or hostile."""

MAX_STORED_VOXELS = 2**48
"""Likewise, of a store that is read chunk by chunk: a scroll has 2**41 in its finest level."""


class VolumeError(ValueError):
    """A volume cannot be opened or read.

    The message names the file, the fragment where it is known, what was found and what was
    expected.

    Parameters
    ----------
    message : str
        The whole message.
    detail : str, optional
        The message without the names of the file and the fragment.
    code : str, optional
        The kind of fault, of those of `TiffStructureError`, ``"not-numpy"`` or
        ``"unreachable"``, where it is known.
    path : pathlib.Path, optional
        The file.
    """

    def __init__(
        self, message: str, detail: str = "", code: str = "", path: Path | None = None
    ) -> None:
        super().__init__(message)
        self.detail = detail or message
        self.code = code
        self.path = path


class AnyOrigin(Protocol):
    """Where a volume comes from: a file, a folder, or an array in memory."""

    @property
    def path(self) -> Path | None:
        """File or folder; None of an array."""
        ...

    @property
    def name(self) -> str:
        """What messages call it."""
        ...

    @property
    def image_id(self) -> str | None:
        """The fragment, where it is known."""
        ...

    def error(self, found: str, expected: str, code: str = "") -> VolumeError:
        """Return (not raise) the error that says what was found here instead of what."""
        ...


@dataclass(frozen=True, slots=True)
class Origin:
    """The file or folder of a volume and the fragment it belongs to.

    Attributes
    ----------
    path : pathlib.Path
        File, or Zarr folder.
    image_id : str or None
        The fragment; ``None`` where it is not known.
    """

    path: Path
    image_id: str | None = None

    @property
    def name(self) -> str:
        """What messages call it: the path."""
        return str(self.path)

    def error(self, found: str, expected: str, code: str = "") -> VolumeError:
        """Return (not raise) the error that says what was found here instead of what.

        Parameters
        ----------
        found, expected : str
            Phrases that complete "found ..." and "expected ...".
        code : str, optional
            The kind of fault; see `VolumeError`.

        Returns
        -------
        VolumeError
            The error to raise.
        """
        return origin_error(self, found, expected, code)


@dataclass(frozen=True, slots=True)
class ArrayOrigin:
    """An array in memory, or a layer's, and the fragment it belongs to.

    Attributes
    ----------
    name : str
        What messages call it, e.g. ``array p3d``.
    image_id : str or None
        The fragment; ``None`` where it is not known.
    """

    name: str
    image_id: str | None = None

    @property
    def path(self) -> None:
        """None: there is no file."""
        return None

    def error(self, found: str, expected: str, code: str = "") -> VolumeError:
        """Return (not raise) the error that says what was found here; see `Origin.error`."""
        return origin_error(self, found, expected, code)


def origin_error(origin: AnyOrigin, found: str, expected: str, code: str) -> VolumeError:
    """Return (not raise) the error that says what was found somewhere instead of what.

    Parameters
    ----------
    origin : AnyOrigin
    found, expected, code : str
        See `Origin.error`.
    """
    fragment = "" if origin.image_id is None else f" (fragment {origin.image_id})"
    detail = f"found {found}; expected {expected}"
    message = f"{printable(origin.name)}{printable(fragment)}: {detail}"
    return VolumeError(message, detail, code, origin.path)


@dataclass(frozen=True, slots=True)
class FileStamp:
    """What the file system said of a file when it was opened.

    No volume holds its file open between two reads: a data set has more files than a process may
    have handles. The stamp says whether the file is still the one whose header was read.

    Attributes
    ----------
    origin : Origin
        The file.
    size : int
        Size, in bytes.
    modified : int
        Time of the last change, in nanoseconds.
    inode : int
        Number of the file in its file system.
    """

    origin: Origin
    size: int
    modified: int
    inode: int

    @classmethod
    def of(cls, origin: Origin) -> FileStamp:
        """Take the stamp of a file.

        Parameters
        ----------
        origin : Origin
            The file.

        Returns
        -------
        FileStamp
            Its stamp now.

        Raises
        ------
        VolumeError
            If there is no such file, or it cannot be asked.
        """
        try:
            status = check_regular(origin.path)
        except OSError as error:
            raise origin.error(error.strerror or str(error), "a readable file") from error
        return cls(origin, status.st_size, status.st_mtime_ns, status.st_ino)

    def check_holds(self, end: int) -> None:
        """Check that the file goes on up to a place, in bytes from its start.

        Raises
        ------
        VolumeError
            If it ends before.
        """
        if end > self.size:
            raise self.origin.error(f"{self.size} bytes", f"at least {end}: the file is cut off")

    def check(self) -> None:
        """Check that the file has not changed since the stamp was taken.

        Raises
        ------
        VolumeError
            If the file has been changed, replaced or removed.
        """
        if FileStamp.of(self.origin) != self:
            raise self.origin.error(
                "a file that has been changed or replaced since it was opened",
                "the same file; open it again",
            )


def check_shape(
    origin: AnyOrigin, shape: tuple[int, ...], most: int = MAX_VOXELS
) -> tuple[int, int, int]:
    """Check that a shape is that of a volume.

    Parameters
    ----------
    origin : Origin
        The file, for the message.
    shape : tuple of int
        The shape found.
    most : int, optional
        Voxels that it may have.

    Returns
    -------
    tuple of int
        The shape as (Z, Y, X).

    Raises
    ------
    VolumeError
        If it has not three axes, if an axis is empty, or if it declares more voxels.
    """
    if len(shape) != AXES:
        raise origin.error(f"an array of shape {shape}", "three axes, (Z, Y, X)")
    z, y, x = shape
    if min(shape) < 1:
        raise origin.error(f"an empty axis in shape {shape}", "at least one voxel along each axis")
    if z * y * x > most:
        raise origin.error(f"shape {shape}", f"at most {most} voxels")
    return z, y, x
