"""Whether the chunks of a Zarr array are there, and which other levels of its image are.

A store without chunks reads as zeros. Single chunks that are absent are common, as writers leave
out what holds nothing; where none is there, the chunks have other names or were never copied.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from napari_nx46.files.naming import printable
from napari_nx46.files.volumes.origin import Origin, VolumeError
from napari_nx46.files.volumes.zarr.array import ZarrArray

_MOST_LEVELS = 32
_SEPARATORS = {".": "/", "/": "."}


@dataclass(frozen=True)
class Levels:
    """The resolutions of an image, the finest first.

    Attributes
    ----------
    origin : Origin
        The folder of the image.
    paths : sequence of str
        Where they are in the folder.
    open : callable
        Opens the array at such a path; None if there is no array.
    """

    origin: Origin
    paths: Sequence[str]
    open: Callable[[str], ZarrArray | None]

    def first(self) -> ZarrArray:
        """Return the finest resolution.

        Raises
        ------
        VolumeError
            If it is not there, or none of its chunks is; the message names a level that is.
        """
        path = self.paths[0]
        array = self.open(path)
        if array is None:
            raise self._missing(f"no array at level {printable(path)} of the image")
        if not array.has_chunks():
            raise self._missing(
                f"no chunk at level {printable(path)} of the image ({_sought(array)})"
            )
        return array

    def _missing(self, found: str) -> VolumeError:
        """Return the error of a level that is not there."""
        there = [path for path in islice(self.paths, 1, _MOST_LEVELS) if self._is_there(path)]
        if not there:
            return self.origin.error(found, "its chunks; no other level has any either")
        others = ", ".join(printable(path) for path in there)
        example = printable(str(self.origin.path / there[0]))
        word = "level" if len(there) == 1 else "levels"
        return self.origin.error(
            found, f"its chunks; {word} {others} can be opened, as the folder {example}"
        )

    def _is_there(self, path: str) -> bool:
        """Return whether a level can be opened and has chunks."""
        try:
            array = self.open(path)
        except ValueError:
            return False
        return array is not None and array.has_chunks()


def has_array(root: Path, path: str) -> bool:
    """Return whether there are the metadata of an array at a path below a folder.

    Parameters
    ----------
    root : Path
        The folder.
    path : str
        Relative to it.

    Returns
    -------
    bool
    """
    return any((root / path / name).exists() for name in ("zarr.json", ".zarray"))


def check_chunks(origin: Origin, array: ZarrArray) -> None:
    """Check that an array has any chunk.

    Parameters
    ----------
    origin : Origin
        The folder, for the message.
    array : ZarrArray
        The array.

    Raises
    ------
    VolumeError
        If it has none; the message says how its files would be named.
    """
    if not array.has_chunks():
        raise origin.error(f"no chunk of the array ({_sought(array)})", "at least one chunk")


def _sought(array: ZarrArray) -> str:
    """Return what was looked for in words, and what was found instead."""
    sought = f"looked for files such as {array.first_key}"
    for declared, other in _SEPARATORS.items():
        if declared in array.first_key and array.has_chunks(other):
            key = array.first_key.replace(declared, other)
            return (
                f"{sought}; there are files such as {key}, as with the separator "
                f"'{other}' in the metadata"
            )
    return sought
