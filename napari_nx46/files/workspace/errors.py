"""What can be wrong with a workspace file, in words that a user can act on."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from pathlib import Path

from napari_nx46.files.locks import has_locks
from napari_nx46.files.workspace.location import WORKSPACES_VARIABLE

_PRIMARY_CODE = 0xFF
"""SQLite's extended error codes carry the primary one in their lowest byte."""

_KEEP_OR_MOVE = (
    "it is left as it is: put a copy of it back, or move it and the files beside it that begin "
    "with its name to another folder, and a new one is begun"
)

_ADVICE = {
    **dict.fromkeys(
        (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB),
        f"the file is damaged or is no workspace; {_KEEP_OR_MOVE}",
    ),
    **dict.fromkeys(
        (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED),
        "another program has been writing it for too long; try again when that has finished",
    ),
    sqlite3.SQLITE_FULL: "the disk is full; make room and try again",
    **dict.fromkeys(
        (sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM),
        "it cannot be opened for writing; expected a file and a folder that you may write",
    ),
    sqlite3.SQLITE_IOERR: "the disk could not be read or written; nothing half written is kept",
}

_OF_LOCKS = frozenset(
    {
        *(sqlite3.SQLITE_IOERR_LOCK, sqlite3.SQLITE_IOERR_RDLOCK, sqlite3.SQLITE_IOERR_UNLOCK),
        *(sqlite3.SQLITE_IOERR_CHECKRESERVEDLOCK, sqlite3.SQLITE_IOERR_SHMLOCK),
        sqlite3.SQLITE_PROTOCOL,
    }
)
"""Extended codes of a lock that failed for another reason than that somebody holds it."""

_OF_LOCKS_PERHAPS = frozenset({sqlite3.SQLITE_BUSY, sqlite3.SQLITE_IOERR})
"""Primary codes that SQLite gives for many reasons, a file system without locks among them."""


class WorkspaceError(ValueError):
    """A workspace file that cannot be read or written; it is never deleted.

    Parameters
    ----------
    path : Path
        The file.
    reason : str
        What was found and what to do, in words.
    """

    def __init__(self, path: Path, reason: str) -> None:
        super().__init__(f"workspace {path}: {reason}")
        self.path = path
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Damage:
    """A row that was left out because it does not hold what it should.

    Parameters
    ----------
    table : str
        Name of the table.
    row : str
        Which row of it, by its key or its number.
    reason : str
        What was found and what was expected.
    """

    table: str
    row: str
    reason: str

    def __str__(self) -> str:
        return f"{self.table} {self.row}: {self.reason}"


class RowError(ValueError):
    """The content of a row is not what it should be."""


def damaged(path: Path, found: str) -> WorkspaceError:
    """Return the error of a file whose content cannot be trusted."""
    return WorkspaceError(path, f"found {found}; {_KEEP_OR_MOVE}")


def translated(path: Path, error: sqlite3.Error) -> WorkspaceError:
    """Return what an error of SQLite means to a user.

    Parameters
    ----------
    path : Path
        The workspace file.
    error : sqlite3.Error
        What SQLite raised.
    """
    code = getattr(error, "sqlite_errorcode", 0)
    primary = code & _PRIMARY_CODE
    if code in _OF_LOCKS or (primary in _OF_LOCKS_PERHAPS and not has_locks(path.parent)):
        return WorkspaceError(path, f"{_advice_without_locks(path)} ({error})")
    advice = _ADVICE.get(primary, "SQLite could not do what it was asked; the file is unchanged")
    return WorkspaceError(path, f"{advice} ({error})")


def _advice_without_locks(path: Path) -> str:
    return (
        f"the file system of its folder {path.parent} has no file locks, as some network shares, "
        "and without them two programs could damage the workspace; keep it on a local disk: give "
        f"--work FILE, or set {WORKSPACES_VARIABLE} to a local folder, and copy the file there "
        "first if it holds runs"
    )
