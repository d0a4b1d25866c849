"""Hidden folders in which files are completed before they take their names.

A process that is killed leaves its folder behind; whoever writes into the same place next removes
it. A folder is known to be nobody's by the lock on a file in it: its owner holds that for life.
"""

from __future__ import annotations

import os
import re
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from napari_nx46.files.locks import NoLocksError, create_locked, open_unowned

_PREFIX, _SUFFIX = ".nx46-", ".partial"
_NAME = re.compile(re.escape(_PREFIX) + "[a-z0-9_]{8}" + re.escape(_SUFFIX))
_LOCK = "lock"
_UNLOCKED = "unlocked"
"""In the place of the lock where the file system has none, so that the folder is never empty."""

_MOST_ATTEMPTS = 10
_ABANDONED_SECONDS = 7 * 24 * 3600
"""For how long nothing has changed in a folder without a lock that counts as nobody's."""


@contextmanager
def staging_folder(folder: Path) -> Iterator[Path]:
    """Make a hidden folder on the disk of the targets, which is gone afterwards.

    What killed processes left in the same place is removed first.

    Parameters
    ----------
    folder : Path
        Where the targets will be; it must exist.

    Yields
    ------
    Path
        ``FOLDER/.nx46-RANDOM.partial``, with the file in it whose lock says that it is in use.

    Raises
    ------
    OSError
        If it cannot be made.
    """
    remove_abandoned(folder)
    staging, lock = _made(folder)
    try:
        yield staging
    finally:
        # An open file cannot be removed everywhere, and on a network share it keeps its folder.
        if lock is not None:
            os.close(lock)
        shutil.rmtree(staging, ignore_errors=True)


def remove_abandoned(folder: Path) -> None:
    """Remove what killed processes left in a folder; what a living one uses stays.

    Parameters
    ----------
    folder : Path
        Where `staging_folder` made its folders.
    """
    # Clearing up is a courtesy: a folder that cannot be listed may still be written to.
    with suppress(OSError):
        for entry in list(folder.iterdir()):
            if _NAME.fullmatch(entry.name):
                with suppress(OSError):
                    _remove_if_abandoned(entry)


def _made(folder: Path) -> tuple[Path, int | None]:
    """Make a folder with its lock; None in the place of that where the file system has none."""
    for attempt in range(1, _MOST_ATTEMPTS + 1):
        staging = Path(tempfile.mkdtemp(dir=folder, prefix=_PREFIX, suffix=_SUFFIX))
        try:
            return staging, create_locked(staging / _LOCK)
        except NoLocksError:
            (staging / _UNLOCKED).touch()
            return staging, None
        except OSError as error:
            shutil.rmtree(staging, ignore_errors=True)
            # Another process removes folders that have no lock yet: as if it never was.
            if not isinstance(error, FileNotFoundError) or attempt == _MOST_ATTEMPTS:
                raise
    raise AssertionError("the last attempt returns or raises")


def _remove_if_abandoned(entry: Path) -> None:
    """Remove what was left behind, if nobody can be using it."""
    if entry.is_symlink() or not entry.is_dir():
        if _is_old(entry):
            entry.unlink()
        return
    try:
        lock = open_unowned(entry / _LOCK)
    except (FileNotFoundError, NoLocksError):
        _remove_without_lock(entry)
        return
    if lock is None:
        return
    try:
        for inner in list(entry.iterdir()):
            if inner.name != _LOCK:
                _remove(inner)
    finally:
        os.close(lock)
    shutil.rmtree(entry, ignore_errors=True)


def _remove_without_lock(entry: Path) -> None:
    try:
        entry.rmdir()  # killed before there was a lock: nothing is in it
    except OSError:
        if all(map(_is_old, (entry, *entry.rglob("*")))):
            shutil.rmtree(entry, ignore_errors=True)


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        with suppress(OSError):
            path.unlink()


def _is_old(path: Path) -> bool:
    return time.time() - path.lstat().st_mtime > _ABANDONED_SECONDS
