"""One process a time works on a plan, or on a part of it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from napari_nx46.files.atomic import WriteError
from napari_nx46.files.locks import NoLocksError, create_locked, open_unowned
from napari_nx46.scale.plan.errors import ApplyError

__all__ = ["owned"]


@contextmanager
def owned(folder: Path, part: int) -> Iterator[None]:
    """Hold the lock of a part of the work in a folder, which is made, while the context is open.

    Raises
    ------
    ApplyError
        If another process holds it.
    WriteError
        If the folder cannot be written.
    """
    path = folder / f"part-{part}.lock"
    try:
        folder.mkdir(exist_ok=True)
        descriptor = _locked(path)
    except OSError as error:
        raise WriteError(folder, error.strerror or str(error), error.errno) from error
    try:
        yield
    finally:
        if descriptor is not None:
            os.close(descriptor)


def _locked(path: Path) -> int | None:
    """Return the open lock; None where the file system has none."""
    try:
        descriptor = open_unowned(path) if path.exists() else create_locked(path)
    except NoLocksError:
        return None
    if descriptor is None:
        raise ApplyError(f"{path.parent}: another process is at work on it; wait for it to end")
    return descriptor
