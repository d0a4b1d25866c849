"""Which of several files somebody may write to: one holder a file, as long as it lives."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

from napari_nx46.files.locks import try_lock

__all__ = ["Held", "hold"]

MOST = 99
"""Of files with one name; who finds all of them held shares the first."""

SUFFIX = ".open"


class Held:
    """A file that nobody else holds, by a lock on another file beside it.

    Parameters
    ----------
    path : Path
    number : int
        1, or more where those before it are held by others.
    descriptor : int, optional
        Of the lock; None where there can be none, as on some network shares.
    """

    def __init__(self, path: Path, number: int = 1, descriptor: int | None = None) -> None:
        self.path = path
        self.number = number
        self._descriptor = descriptor

    def release(self) -> None:
        """Leave the file to others, once; a second call does nothing."""
        descriptor, self._descriptor = self._descriptor, None
        if descriptor is None:
            return
        lock = _lock_of(self.path)
        with suppress(OSError):  # Windows removes no open file; an empty one that stays is no harm
            lock.unlink()
        os.close(descriptor)
        with suppress(OSError):  # somebody has written there
            lock.parent.rmdir()


def hold(path: Path) -> Held:
    """Return a file, or the first of those named after it with a number, that nobody holds.

    Parameters
    ----------
    path : Path
        It need not be there, nor its folder.

    Returns
    -------
    Held
        To be released. The first file, held by nobody, where the file system has no locks.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        for number in range(1, MOST + 1):
            numbered = path if number == 1 else path.with_stem(f"{path.stem}-{number}")
            descriptor = _lock(_lock_of(numbered))
            if descriptor is not None:
                return Held(numbered, number, descriptor)
    except OSError:  # whoever writes there says what is wrong
        pass
    return Held(path)


def _lock_of(path: Path) -> Path:
    return path.with_name(path.name + SUFFIX)


def _lock(path: Path) -> int | None:
    """Return an open descriptor of a file that is locked by it, or None if another one has it."""
    while True:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0), 0o666)
        try:
            locked = try_lock(descriptor)
            # Its holder may have removed it before the lock was free.
            there = locked and path.exists() and os.path.samestat(os.fstat(descriptor), path.stat())
        except OSError:
            os.close(descriptor)
            raise
        if there:
            return descriptor
        os.close(descriptor)
        if not locked:
            return None
