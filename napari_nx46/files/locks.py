"""Locks on files: who holds one is alive, on whatever machine it runs.

The system takes a lock back when its holder ends, however it ends. A process id says less: it is
given out again, and means nothing on another machine that sees the same folder.
"""

from __future__ import annotations

import errno
import os
import sys
import tempfile
from contextlib import suppress
from pathlib import Path

_NO_LOCKS = frozenset({errno.ENOLCK, errno.EOPNOTSUPP, errno.ENOTSUP, errno.ENOSYS, errno.EINVAL})
"""What systems answer on file systems without locks, such as some network shares."""

_HELD = frozenset({errno.EAGAIN, errno.EACCES, errno.EDEADLK})
_OPEN_FLAGS = os.O_RDWR | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)


class NoLocksError(OSError):
    """A file on a file system that has no locks."""


def create_locked(path: Path) -> int:
    """Make a new file that this process holds the lock of.

    Parameters
    ----------
    path : Path
        Where there is no file yet.

    Returns
    -------
    int
        An open descriptor; closing it gives the lock back.

    Raises
    ------
    NoLocksError
        If the file system has no locks; there is no file then.
    OSError
        If the file cannot be made, or somebody who took it for a dead owner's removes it.
    """
    descriptor = os.open(path, _OPEN_FLAGS | os.O_CREAT | os.O_EXCL, 0o666)
    try:
        # Between the two calls others could lock the file, and remove it as nobody's.
        if not try_lock(descriptor) or not os.path.samestat(os.fstat(descriptor), os.stat(path)):
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(path))
    except BaseException:
        os.close(descriptor)
        with suppress(OSError):
            path.unlink()
        raise
    return descriptor


def open_unowned(path: Path) -> int | None:
    """Open a file and lock it, unless its owner lives.

    Parameters
    ----------
    path : Path
        A file that `create_locked` made.

    Returns
    -------
    int or None
        An open descriptor, whose closing gives the lock back; None if the owner holds the lock.

    Raises
    ------
    NoLocksError
        If the file system has no locks.
    OSError
        If the file cannot be opened.
    """
    descriptor = os.open(path, _OPEN_FLAGS)
    try:
        locked = try_lock(descriptor)
    except BaseException:
        os.close(descriptor)
        raise
    if not locked:
        os.close(descriptor)
        return None
    return descriptor


def try_lock(descriptor: int) -> bool:
    """Lock an open file for this descriptor alone; return False if another one has it locked.

    Raises
    ------
    NoLocksError
        If the file system has no locks.
    OSError
        If the system fails otherwise.
    """
    try:
        if sys.platform == "win32":
            import msvcrt

            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        else:
            import fcntl

            # Of the descriptor, not of the process: threads are distinguished, too.
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno in _HELD:
            return False
        if error.errno in _NO_LOCKS:
            raise NoLocksError(error.errno, error.strerror) from error
        raise
    return True


def has_locks(folder: Path) -> bool:
    """Return whether files of a folder can be locked the way SQLite does; in doubt they can.

    Parameters
    ----------
    folder : Path
        A nameless file is made in it for a moment.
    """
    if sys.platform == "win32":
        return True
    import fcntl

    try:
        with tempfile.TemporaryFile(dir=folder, prefix=".nx46-", suffix=".partial") as file:
            fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        return error.errno not in _NO_LOCKS
    return True
