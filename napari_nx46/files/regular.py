"""Opening files that users and data folders name, which may be pipes, devices or sockets.

Opening a pipe waits for whoever writes to it, and a device may have no end. Every file of the
package is opened for reading through `open_regular`, which refuses both at once.
"""

from __future__ import annotations

import errno
import os
import stat
from io import BufferedReader
from pathlib import Path

_READ_ONLY = os.O_RDONLY
for _flag in ("O_NONBLOCK", "O_CLOEXEC", "O_NOCTTY", "O_BINARY"):
    _READ_ONLY |= getattr(os, _flag, 0)  # each system has some of them

_KINDS = {
    stat.S_IFIFO: "a named pipe",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
    stat.S_IFSOCK: "a socket",
    stat.S_IFDIR: "a folder",
}


class NotRegularFileError(OSError):
    """A path that leads to a pipe, a device or a socket where a file is expected."""


def open_regular(path: str | os.PathLike[str]) -> BufferedReader:
    """Open a regular file for reading, without ever waiting for another process.

    Parameters
    ----------
    path : str or path-like
        The file; links are followed.

    Returns
    -------
    io.BufferedReader
        Open for reading from the start.

    Raises
    ------
    NotRegularFileError
        If it is a named pipe, a device or a socket.
    OSError
        If there is no such file, it is a folder, or it cannot be opened.
    """
    try:
        descriptor = os.open(path, _READ_ONLY)
    except OSError as error:
        if error.errno == errno.ENXIO:  # a socket, or a device without a driver
            raise _not_regular(path, os.stat(path).st_mode) from error
        raise
    try:
        mode = os.fstat(descriptor).st_mode
        if stat.S_ISDIR(mode):
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), os.fspath(path))
        if not stat.S_ISREG(mode):
            raise _not_regular(path, mode)
        return os.fdopen(descriptor, "rb")
    except BaseException:
        os.close(descriptor)
        raise


def check_regular(path: str | os.PathLike[str]) -> os.stat_result:
    """Check that a path leads to a regular file, for those who have to open it themselves.

    Parameters
    ----------
    path : str or path-like
        The file; links are followed.

    Returns
    -------
    os.stat_result
        The status of the file.

    Raises
    ------
    NotRegularFileError
        If it is a named pipe, a device or a socket.
    OSError
        If there is no such file, or it is a folder.
    """
    status = os.stat(path)
    if stat.S_ISDIR(status.st_mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), os.fspath(path))
    if not stat.S_ISREG(status.st_mode):
        raise _not_regular(path, status.st_mode)
    return status


def special_kind(path: str | os.PathLike[str]) -> str | None:
    """Return what a path leads to in words if that is neither a file nor a folder.

    Parameters
    ----------
    path : str or path-like
        Any path; links are followed.

    Returns
    -------
    str or None
        For example ``"a named pipe"``; None for files, folders, and where nothing is.
    """
    try:
        mode = Path(path).stat().st_mode
    except OSError:
        return None
    return None if stat.S_ISREG(mode) or stat.S_ISDIR(mode) else _kind(mode)


def _not_regular(path: str | os.PathLike[str], mode: int) -> NotRegularFileError:
    """Return the error of a path that leads to something else than a file."""
    return NotRegularFileError(errno.EINVAL, f"{_kind(mode)}, not a regular file", os.fspath(path))


def _kind(mode: int) -> str:
    """Return what a mode stands for in words."""
    return _KINDS.get(stat.S_IFMT(mode), "a special file")
