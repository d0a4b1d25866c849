"""Exports that are announced beside a workspace before their archives take their names.

An announcement is a file of its own, not a row: it can be written while another program has the
workspace locked. What is left of one says that an export was not kept as a run, and why not: the
process that made it was killed, or the workspace could not be written.
"""

from __future__ import annotations

import json
import os
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path

from napari_nx46.files.atomic import flush_folder
from napari_nx46.files.locks import create_locked, open_unowned
from napari_nx46.files.workspace.columns import setting_object, time_text
from napari_nx46.files.workspace.rows import RUN, SavedRun
from napari_nx46.setting import parse_setting

_LARGEST_BYTES = 16 * 2**20
_MOST_FILES = 1000
_ENDING = "-export-"
_FIELDS = ("time", "archive", "archive_sha256", "metrics")

Announce = Callable[[SavedRun], None]


@contextmanager
def announcing(work: Path | None) -> Iterator[Announce]:
    """Announce an export that is to be kept as a run once its archive is in its place.

    Parameters
    ----------
    work : Path, optional
        The workspace file, which need not be there; None to announce nothing.

    Yields
    ------
    callable
        To be called with the run, without an id, right before the archive takes its name. Until
        the block ends the announcement is this process's own; after that any process that opens
        the workspace settles it. An announcement that cannot be written is left out: the archive
        is worth more.
    """
    held: list[int] = []

    def announce(run: SavedRun) -> None:
        if work is not None:
            with suppress(OSError):
                held.append(_announced(work.absolute(), run))

    try:
        yield announce
    finally:
        for descriptor in held:
            os.close(descriptor)


class Announcement:
    """An announced export that no living process holds.

    Parameters
    ----------
    path : Path
        Its file.
    run : SavedRun or None
        What was announced; None if it was not written to its end, so that its archive cannot
        have taken its name.
    """

    def __init__(self, path: Path, run: SavedRun | None) -> None:
        self.path = path
        self.run = run
        self.settled = False

    def settle(self) -> None:
        """Remove it when it is let go."""
        self.settled = True


def announcements(work: Path) -> Iterator[Announcement]:
    """Yield the announced exports of a workspace, oldest first.

    Each is claimed until the next one is asked for: no other process settles it meanwhile.

    Parameters
    ----------
    work : Path
        The workspace file.
    """
    for path in _files(work.absolute()):
        # One that is gone by now was settled by another process; one that cannot be read waits.
        with suppress(OSError):
            descriptor = open_unowned(path)
            if descriptor is not None:
                yield from _claimed(path, descriptor)


def _claimed(path: Path, descriptor: int) -> Iterator[Announcement]:
    with os.fdopen(descriptor, "rb") as file:
        announcement = Announcement(path, _parsed(file.read(_LARGEST_BYTES)))
        yield announcement
    if announcement.settled:
        path.unlink()


def _files(work: Path) -> list[Path]:
    try:
        beside = [path for path in work.parent.iterdir() if path.name.startswith(_prefix(work))]
        return sorted(beside, key=lambda path: path.lstat().st_mtime)[:_MOST_FILES]
    except OSError:
        return []


def _prefix(work: Path) -> str:
    return work.name + _ENDING


def _announced(work: Path, run: SavedRun) -> int:
    """Write an announcement and return the descriptor that holds it."""
    work.parent.mkdir(parents=True, exist_ok=True)
    path = work.with_name(_prefix(work) + secrets.token_hex(8))
    descriptor = create_locked(path)
    try:
        with os.fdopen(descriptor, "wb", closefd=False) as file:
            file.write(_text(run))
        os.fsync(descriptor)
        flush_folder(work.parent)
    except BaseException:
        os.close(descriptor)
        path.unlink()
        raise
    return descriptor


def _text(run: SavedRun) -> bytes:
    record = {
        "time": time_text(run.time),
        "tag": run.tag,
        "archive": str(run.archive),
        "archive_sha256": run.archive_sha256,
        "settings": {name: setting_object(setting) for name, setting in run.settings.items()},
        "metrics": {name: dict(metrics) for name, metrics in run.metrics.items()},
    }
    return json.dumps(record, allow_nan=False).encode()


def _parsed(content: bytes) -> SavedRun | None:
    """Return the run that was announced; None if the content is not whole, or a stranger's."""
    try:
        record = json.loads(content)
        settings = {name: parse_setting(one) for name, one in record["settings"].items()}
        run = RUN.parse({**{field: record[field] for field in _FIELDS}, "settings": settings})
        # A tag that is too long to be kept is reported when the run is added, not here.
        announced = replace(run, tag=str(record["tag"]))
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
        return None
    return None if run.archive is None else announced
