"""Files that appear whole or not at all.

Every writer of the package goes through here: content goes to a *partial* in a hidden folder
beside its target, is flushed to the disk, and only then takes the target's name. Whatever happens
before that moment (an error, a cancel, a kill, a full disk) leaves the old target as it was.
"""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from napari_nx46.files.regular import special_kind
from napari_nx46.files.staging import staging_folder
from napari_nx46.voxels.workers import Cancelled

_NO_ROOM_ERRORS = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS})
"""Errors that only writing can cause, so that they are known not to come from a source."""


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
        self._staging: dict[Path, Path] = {}
        self._stack = ExitStack()

    def add(self, target: Path) -> Path:
        """Reserve an empty partial for one target.

        Parameters
        ----------
        target : Path
            The file to write. A symbolic link is kept, and what it points to is replaced.

        Returns
        -------
        Path
            The partial, on the target's disk; write the content there.

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
        with _blamed_on(target):
            partial = self._staging_of(real_target.parent) / f"{len(self._partials)}.partial"
            partial.touch(exist_ok=False)
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
            flush_folder(folder)

    def discard(self) -> None:
        """Remove the partials that have not been renamed."""
        self._stack.close()

    @property
    def targets(self) -> tuple[Path, ...]:
        """The targets, in the order of their renaming."""
        return tuple(self._partials)

    def _staging_of(self, folder: Path) -> Path:
        """Return the hidden folder of the targets in one folder."""
        if folder not in self._staging:
            self._staging[folder] = self._stack.enter_context(staging_folder(folder))
        return self._staging[folder]


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
        # After a commit the partials have their names, so this only removes what a failure left.
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
        An empty partial, ``.nx46-RANDOM.partial/0.partial`` in the same folder. When the block
        ends well it is flushed to the disk and renamed to ``target``; on any exception it is
        removed and ``target`` is untouched. What killed processes left in the folder is removed
        first.

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


def _flush_file(path: Path) -> None:
    with path.open("rb+") as file:
        os.fsync(file.fileno())


def flush_folder(folder: Path) -> None:
    """Make new names in a folder durable, where the system lets a folder be opened.

    Parameters
    ----------
    folder : Path
    """
    if sys.platform == "win32":
        return
    # The files are in place by now: a file system that cannot flush a folder is no failure.
    with suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
