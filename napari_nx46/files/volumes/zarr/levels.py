"""Whether the chunks of a Zarr array are there, and which other levels of its image are.

A store without chunks reads as zeros. Single chunks that are absent are common, as writers leave
out what holds nothing; where none is there, the chunks have other names or were never copied.
Stores whose keys cannot be listed are taken on trust.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from napari_nx46.files.naming import printable
from napari_nx46.files.volumes.origin import AnyOrigin, VolumeError
from napari_nx46.files.volumes.zarr.array import ZarrArray

_MOST_LEVELS = 32


@dataclass(frozen=True)
class Levels:
    """The resolutions of an image, the finest first.

    Attributes
    ----------
    origin : AnyOrigin
        The store of the image.
    paths : sequence of str
        Where they are in the store.
    open : callable
        Opens the array at such a path; None if there is no array.
    """

    origin: AnyOrigin
    paths: Sequence[str]
    open: Callable[[str], ZarrArray | None]

    def opened(self, path: str) -> ZarrArray:
        """Return a resolution by its path.

        Raises
        ------
        VolumeError
            If it is not there, or none of its chunks is; the message names a level that is.
        """
        array = self.open(path)
        if array is None:
            raise self._missing(f"no array at level {printable(path)} of the image", path)
        if array.names.are_there() is False:
            raise self._missing(
                f"no chunk at level {printable(path)} of the image ({_sought(array)})", path
            )
        return array

    def there(self, chosen: str, has_array: Callable[[str], bool]) -> tuple[str, ...]:
        """Return the paths at which there is an array, the finest first.

        Parameters
        ----------
        chosen : str
            One that is known to be there.
        has_array : callable
            Returns whether there is an array at a path.
        """
        declared = self.paths[:_MOST_LEVELS]
        return tuple(path for path in declared if path == chosen or has_array(path))

    def missing(self, there: Sequence[str]) -> str | None:
        """Return a note on levels that are declared but are not there; None if all are.

        Parameters
        ----------
        there : sequence of str
            Those that are; see `there`.
        """
        gone = [path for path in self.paths[:_MOST_LEVELS] if path not in there]
        if not gone:
            return None
        listed = ", ".join(map(printable, gone))
        word = "level" if len(gone) == 1 else "levels"
        return f"{self.origin.name}: {word} {listed} of the image are declared, but not there"

    def _others(self, chosen: str) -> Iterator[str]:
        return (path for path in self.paths[:_MOST_LEVELS] if path != chosen)

    def _missing(self, found: str, chosen: str) -> VolumeError:
        """Return the error of a level that is not there."""
        there = [path for path in self._others(chosen) if self._is_there(path)]
        if not there:
            return self.origin.error(found, "its chunks; no other level has any either")
        others = ", ".join(printable(path) for path in there)
        example = printable(f"{self.origin.name}/{there[0]}")
        word = "level" if len(there) == 1 else "levels"
        return self.origin.error(found, f"its chunks; {word} {others} can be opened, as {example}")

    def _is_there(self, path: str) -> bool:
        """Return whether a level can be opened and has chunks."""
        try:
            array = self.open(path)
        except ValueError:
            return False
        return array is not None and array.names.are_there() is not False


def check_chunks(origin: AnyOrigin, array: ZarrArray) -> None:
    """Check that an array has any chunk, where that can be found out.

    Parameters
    ----------
    origin : AnyOrigin
        The store, for the message.
    array : ZarrArray
        The array.

    Raises
    ------
    VolumeError
        If it has none; the message says how its files would be named.
    """
    if array.names.are_there() is False:
        raise origin.error(f"no chunk of the array ({_sought(array)})", "at least one chunk")


def _sought(array: ZarrArray) -> str:
    """Return what was looked for in words, and what was found instead."""
    sought = f"looked for files such as {array.names.first}"
    other = array.names.otherwise_named()
    if other is None:
        return sought
    separator, key = other
    return (
        f"{sought}; there are files such as {key}, as with the separator '{separator}' in the "
        "metadata"
    )
