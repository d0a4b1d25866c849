"""Files that appear whole or not at all.

Every writer of the package goes through here: content goes to a *partial* beside its target, is
flushed to the disk, and only then takes the target's name. Whatever happens before that moment
(an error, a cancel, a kill, a full disk) leaves the old target as it was.
"""

from __future__ import annotations

import errno
import hashlib
import os
import platform
import re
import secrets
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from napari_nx46.regular_files import special_kind

_LONGEST_STEM_BYTES = 180
"""Leaves room for the rest of a partial's name below the usual limit of 255 bytes."""

_NO_ROOM_ERRORS = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS})
"""Errors that only writing can cause, so that they are known not to come from a source."""


class Cancelled(RuntimeError):
    """The user cancelled the work; nothing of it was kept."""


class WriteError(OSError):
    """A target that could not be written.

    Parameters
    ----------
    target : Path
        The file that was to be written.
    reason : str
        What went wrong, in words.
    number : int or None
        The system's error number, if there was one.
    """

    def __init__(self, target: Path, reason: str, number: int | None = None) -> None:
        super().__init__(f"cannot write {target}: {reason}; what was there before is unchanged")
        self.target = target
        self.errno = number


def never() -> bool:
    """Say that nobody cancelled; the default of every ``cancelled`` parameter."""
    return False


def stop_if(cancelled: Callable[[], bool]) -> None:
    """Raise `Cancelled` if the user has cancelled.

    Parameters
    ----------
    cancelled : callable
        Returns True once the work is no longer wanted.

    Raises
    ------
    Cancelled
        If ``cancelled()`` is True.
    """
    if cancelled():
        raise Cancelled("cancelled before it was finished; nothing was written")


class Batch:
    """Partials that take their targets' names together; made by `write_together`."""

    def __init__(self) -> None:
        self._partials: dict[Path, Path] = {}

    def add(self, target: Path) -> Path:
        """Reserve an empty partial for one target.

        Parameters
        ----------
        target : Path
            The file to write. A symbolic link is kept, and what it points to is replaced.

        Returns
        -------
        Path
            The partial, in the target's folder; write the content there.

        Raises
        ------
        WriteError
            If the folder is missing or not writable, or the target is a folder, pipe or device.
        ValueError
            If this target is in the batch already.
        """
        real_target = target.resolve() if target.is_symlink() else target
        if real_target in self._partials:
            raise ValueError(f"{target} is to be written twice at the same time")
        if real_target.is_dir():
            raise WriteError(target, "there is a folder of that name", errno.EISDIR)
        kind = special_kind(real_target)
        if kind is not None:
            raise WriteError(target, f"it is {kind}, expected a regular file or nothing")
        if not real_target.parent.is_dir():
            raise WriteError(
                target, f"the folder {real_target.parent} does not exist", errno.ENOENT
            )
        _remove_stale_partials(real_target)
        partial = real_target.with_name(_partial_name(real_target.name))
        with _blamed_on(target):
            os.close(os.open(partial, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666))
        self._partials[real_target] = partial
        return partial

    def commit(self) -> None:
        """Flush every partial to the disk, then rename them in the order they were added."""
        for target, partial in self._partials.items():
            with _blamed_on(target):
                _flush_file(partial)
        renamed: list[str] = []
        for target, partial in self._partials.items():
            try:
                os.replace(partial, target)
            except OSError as error:
                already = f" ({', '.join(renamed)} is new already)" if renamed else ""
                raise WriteError(target, _reason(error) + already, error.errno) from error
            renamed.append(target.name)
        for folder in {target.parent for target in self._partials}:
            _flush_folder(folder)

    def discard(self) -> None:
        """Remove the partials that have not been renamed."""
        for partial in self._partials.values():
            with suppress(OSError):
                partial.unlink(missing_ok=True)

    @property
    def targets(self) -> tuple[Path, ...]:
        """The targets, in the order of their renaming."""
        return tuple(self._partials)


@contextmanager
def write_together() -> Iterator[Batch]:
    """Write several files so that all of them are complete before the first is replaced.

    Yields
    ------
    Batch
        ``batch.add(target)`` returns the partial to write to. When the block ends well the
        partials are flushed and renamed, in the order they were added; the renames are single
        steps of the file system, one after the other. When it ends with any exception, a
        `KeyboardInterrupt` included, the partials are removed and no target is touched.

    Raises
    ------
    WriteError
        If a target cannot be written, e.g. the disk is full.
    """
    batch = Batch()
    try:
        yield batch
        batch.commit()
    except WriteError:
        raise
    except OSError as error:
        if error.errno in _NO_ROOM_ERRORS and batch.targets:
            raise WriteError(batch.targets[0], _reason(error), error.errno) from error
        raise
    finally:
        # After a commit the partials are gone, so this only finds what a failure left.
        batch.discard()


@contextmanager
def write_beside(target: Path) -> Iterator[Path]:
    """Write one file so that it appears whole or not at all.

    Parameters
    ----------
    target : Path
        The file to write, new or old.

    Yields
    ------
    Path
        An empty partial in the same folder, ``.NAME.HOST-PID-RANDOM.partial``. When the block
        ends well it is flushed to the disk and renamed to ``target``; on any exception it is
        removed and ``target`` is untouched. Partials that dead processes of this machine left
        for the same target are removed first.

    Raises
    ------
    WriteError
        If the target cannot be written.

    Examples
    --------
    >>> with write_beside(Path("report.json")) as partial:  # doctest: +SKIP
    ...     partial.write_text("{}")
    """
    with write_together() as batch:
        yield batch.add(target)


@contextmanager
def _blamed_on(target: Path) -> Iterator[None]:
    """Turn an `OSError` of the block into a `WriteError` of the target."""
    try:
        yield
    except OSError as error:
        raise WriteError(target, _reason(error), error.errno) from error


def _reason(error: OSError) -> str:
    return error.strerror or str(error)


def _stem(target_name: str) -> str:
    """Return the part of a partial's name that stands for the target, of bounded length."""
    encoded = os.fsencode(target_name)  # a name need not be UTF-8
    if len(encoded) <= _LONGEST_STEM_BYTES:
        return target_name
    digest = hashlib.sha256(encoded).hexdigest()[:16]
    start = encoded[: _LONGEST_STEM_BYTES - 17].decode(errors="ignore")
    return f"{start}-{digest}"


def _host() -> str:
    """Return a short token of this machine: a process id means nothing on another one."""
    return hashlib.sha256(platform.node().encode()).hexdigest()[:8]


def _partial_name(target_name: str) -> str:
    return f".{_stem(target_name)}.{_host()}-{os.getpid()}-{secrets.token_hex(4)}.partial"


def _remove_stale_partials(target: Path) -> None:
    """Remove what processes that have died left while they wrote this target."""
    pattern = re.compile(
        rf"\.{re.escape(_stem(target.name))}\.{_host()}-(\d{{1,10}})-[0-9a-f]{{8}}\.partial"
    )
    # Clearing up is a courtesy: a folder that cannot be listed may still be written to.
    with suppress(OSError):
        for entry in list(target.parent.iterdir()):
            match = pattern.fullmatch(entry.name)
            if match and not _is_alive(int(match.group(1))):
                with suppress(OSError):
                    entry.unlink()


def _is_alive(process_id: int) -> bool:
    """Say whether a process of this machine is running; in doubt, it is."""
    if sys.platform == "win32":
        # os.kill would end the process there instead of probing it.
        import ctypes

        synchronize, access_denied, still_running = 0x00100000, 5, 258
        kernel = ctypes.WinDLL("kernel32", use_last_error=True)
        handle = kernel.OpenProcess(synchronize, False, process_id)
        if not handle:
            return ctypes.get_last_error() == access_denied
        running = kernel.WaitForSingleObject(handle, 0) == still_running
        kernel.CloseHandle(handle)
        return bool(running)
    try:
        os.kill(process_id, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except OSError:
        return True
    return True


def _flush_file(path: Path) -> None:
    with path.open("rb+") as file:
        os.fsync(file.fileno())


def _flush_folder(folder: Path) -> None:
    """Make the renames themselves durable, where the system lets a folder be opened."""
    if sys.platform == "win32":
        return
    # The files are in place by now: a file system that cannot flush a folder is no failure.
    with suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
