"""What the file system said of the files of a volume when they were first read."""

from __future__ import annotations

import os
import threading
from pathlib import Path

from napari_nx46.files.volumes.origin import Origin, VolumeError


class Stamps:
    """The stamps of the files that a volume was read from; safe to use from several threads.

    A stamp is taken before a file is read for the first time. A digest of the files stands for
    what was read if it is taken afterwards and `check` then finds every stamp unchanged.

    Parameters
    ----------
    origin : Origin
        The volume, for messages.
    """

    def __init__(self, origin: Origin) -> None:
        self._origin = origin
        self._stamps: dict[str, int | None] = {}
        self._lock = threading.Lock()

    def note(self, path: Path) -> None:
        """Take the stamp of a file that is about to be read; one that is missing has None.

        Parameters
        ----------
        path : Path
            A file or folder.

        Raises
        ------
        VolumeError
            If a stamp of it was taken before, and the file has been changed since.
        """
        key, stamp = str(path), _stamp(path)
        with self._lock:
            first = self._stamps.setdefault(key, stamp)
        if first != stamp:
            raise self._changed(key)

    def check(self) -> None:
        """Check that no file has changed since its stamp was taken.

        Raises
        ------
        VolumeError
            If one has been changed, replaced, added or removed.
        """
        with self._lock:
            noted = list(self._stamps.items())
        for path, stamp in noted:
            if _stamp(path) != stamp:
                raise self._changed(path)

    def _changed(self, path: str) -> VolumeError:
        root = str(self._origin.path)
        which = "" if path == root else f" ({os.path.relpath(path, root)} in it)"
        return self._origin.error(
            f"a file that has been changed or replaced since it was opened{which}",
            "the same file; open it again",
        )


def _stamp(path: str | Path) -> int | None:
    """Return size, times and number of a file as one number; None if they cannot be had.

    The time of the last change of the entry (ctime) cannot be set by a program, as that of the
    contents can.
    """
    try:
        status = os.stat(path)
    except OSError:
        return None
    return hash((status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino))
