"""Notes about volumes: what a user should know of a file that was accepted all the same."""

from __future__ import annotations

import threading
import warnings


class VolumeWarning(UserWarning):
    """A volume was accepted, but not quite as it is; the message names the file."""


class VolumeNotes:
    """The notes about one volume, each of which is issued once as a `VolumeWarning`.

    Safe to use from any number of threads.
    """

    def __init__(self) -> None:
        self._texts: list[str] = []
        self._lock = threading.Lock()

    @property
    def texts(self) -> tuple[str, ...]:
        """The notes so far, in the order in which they were made."""
        return tuple(self._texts)

    def add(self, text: str) -> None:
        """Make a note and issue it as a warning, unless it was made before.

        Parameters
        ----------
        text : str
            Names the file. The same for every block of the volume.
        """
        with self._lock:
            if text in self._texts:
                return
            self._texts.append(text)
        warnings.warn(text, VolumeWarning, stacklevel=2)
