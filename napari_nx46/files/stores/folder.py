"""A folder whose files are values, and nothing beyond it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from napari_nx46.files.regular import open_regular
from napari_nx46.files.stores.extents import ChunkError, Extent, FileExtent, Size
from napari_nx46.files.volumes.stamps import Stamps

_MOST_THREADS = 4


class FolderKeys:
    """The files of a folder; keys may lead, even through links, to none outside it.

    Parameters
    ----------
    root : Path
        The folder, without links.
    stamps : Stamps
        Takes the stamp of every file that is read, or found missing.
    """

    is_far = False

    def __init__(self, root: Path, stamps: Stamps) -> None:
        self.name = str(root)
        self.threads = min(_MOST_THREADS, os.cpu_count() or 1)
        self._root = root
        self._stamps = stamps
        self._inside: set[str] = set()

    def read(self, key: str, size: Size) -> bytes | None:
        """Return the content of a file; see `Keys.read`."""
        with self.opened(key) as extent:
            if extent is None:
                return None
            size.check(extent.size)
            return extent.read(0, extent.size)

    @contextmanager
    def opened(
        self, key: str, table: int = 0, *, at_start: bool = False
    ) -> Iterator[Extent | None]:
        """Give the content of a file; see `Keys.opened`."""
        del table, at_start  # nothing is read before it is asked for
        path = os.path.join(self._root, key)
        self._stamps.note(Path(path))
        try:
            stream = open_regular(path)
        except (FileNotFoundError, NotADirectoryError):
            if os.path.islink(path):
                raise ChunkError("it is a link that leads nowhere") from None
            yield None
            return
        with stream:
            self._check_inside(path)
            yield FileExtent.of(stream)

    def names(self, prefix: str, depth: int) -> Iterator[str]:
        """Yield the names of the files below a folder; see `Keys.names`."""
        return _names(self._root.joinpath(prefix), "", depth)

    def identify(self, fingerprint: str) -> None:
        """Do nothing: files have stamps."""

    def discard(self, key: str) -> bool:
        """Return False: nothing is kept."""
        del key
        return False

    def _check_inside(self, path: str) -> None:
        """Check that a file is within the root, whatever links lead to it."""
        folder = os.path.dirname(path)
        if folder in self._inside and not os.path.islink(path):
            return
        if not Path(os.path.realpath(path)).is_relative_to(self._root):
            raise ChunkError("it leads out of the folder")
        if Path(os.path.realpath(folder)).is_relative_to(self._root):
            self._inside.add(folder)


def _names(folder: Path, before: str, depth: int) -> Iterator[str]:
    """Yield the names of all in a folder, and in those in it, that is no folder.

    Links that lead nowhere, and pipes, are among them: what reads them says what is wrong.
    """
    try:
        entries = os.scandir(folder)
    except (FileNotFoundError, NotADirectoryError):
        return
    except OSError as error:
        raise ChunkError(f"{folder} cannot be listed: {error.strerror}") from error
    with entries:
        for entry in entries:
            if not _is_folder(entry):
                yield before + entry.name
            elif depth > 1:
                yield from _names(Path(entry.path), f"{before}{entry.name}/", depth - 1)


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link to itself
        return False
