"""Locks on files, and what a workspace says where the file system has none."""

from __future__ import annotations

import errno
import os
import sqlite3
import sys

import pytest

from napari_nx46.files.locks import NoLocksError, create_locked, has_locks, open_unowned
from napari_nx46.files.workspace import Workspace, WorkspaceError

on_unix = pytest.mark.skipif(sys.platform == "win32", reason="locks are made in another way there")


def refusing(number):
    """Return a function in the place of one that locks a file."""

    def refuse(_file, _operation):
        raise OSError(number, os.strerror(number))

    return refuse


def test_a_lock_is_held_until_its_descriptor_is_closed(tmp_path):
    path = tmp_path / "lock"
    descriptor = create_locked(path)
    assert open_unowned(path) is None
    os.close(descriptor)
    again = open_unowned(path)
    assert again is not None
    assert open_unowned(path) is None
    os.close(again)


def test_a_file_that_is_there_already_is_not_taken(tmp_path):
    (tmp_path / "lock").write_bytes(b"mine")
    with pytest.raises(FileExistsError):
        create_locked(tmp_path / "lock")
    assert (tmp_path / "lock").read_bytes() == b"mine"


@on_unix
def test_what_was_removed_between_making_and_locking_is_reported(tmp_path, monkeypatch):
    import fcntl

    lock, path = fcntl.flock, tmp_path / "lock"
    monkeypatch.setattr(fcntl, "flock", lambda *given: (path.unlink(), lock(*given))[1])
    with pytest.raises(FileNotFoundError):
        create_locked(path)


@on_unix
@pytest.mark.parametrize("number", [errno.ENOLCK, errno.EOPNOTSUPP, errno.ENOSYS])
def test_without_locks_no_file_is_left(tmp_path, monkeypatch, number):
    import fcntl

    monkeypatch.setattr(fcntl, "flock", refusing(number))
    with pytest.raises(NoLocksError):
        create_locked(tmp_path / "lock")
    assert list(tmp_path.iterdir()) == []


@on_unix
def test_whether_a_folder_has_locks_is_found_out_without_a_trace(tmp_path, monkeypatch):
    import fcntl

    assert has_locks(tmp_path)
    assert has_locks(tmp_path / "missing")
    monkeypatch.setattr(fcntl, "lockf", refusing(errno.EIO))
    assert has_locks(tmp_path)
    monkeypatch.setattr(fcntl, "lockf", refusing(errno.ENOLCK))
    assert not has_locks(tmp_path)
    assert list(tmp_path.iterdir()) == []


@pytest.fixture
def failing_with(monkeypatch):
    """Return a function that makes SQLite fail with a code whenever a transaction begins."""

    def function(code, message):
        class Failing(sqlite3.Connection):
            def execute(self, statement, *values):
                if statement.startswith("BEGIN"):
                    error = sqlite3.OperationalError(message)
                    error.sqlite_errorcode = code
                    raise error
                return super().execute(statement, *values)

        connect = sqlite3.connect
        monkeypatch.setattr(
            sqlite3, "connect", lambda *given, **named: connect(*given, factory=Failing, **named)
        )

    return function


def message_of(path):
    with pytest.raises(WorkspaceError) as caught:
        Workspace.open(path)
    return str(caught.value)


@pytest.mark.parametrize(
    ("code", "message"),
    [
        (sqlite3.SQLITE_IOERR_LOCK, "disk I/O error"),
        (sqlite3.SQLITE_IOERR_RDLOCK, "disk I/O error"),
        (sqlite3.SQLITE_PROTOCOL, "locking protocol"),
    ],
)
def test_a_workspace_says_that_its_file_system_has_no_locks(tmp_path, failing_with, code, message):
    failing_with(code, message)
    reported = message_of(tmp_path / "share" / "runs.sqlite")
    assert f"the file system of its folder {tmp_path / 'share'} has no file locks" in reported
    assert "give --work FILE, or set NX46_WORKSPACES_DIR to a local folder" in reported
    assert message in reported


@on_unix
@pytest.mark.parametrize("code", [sqlite3.SQLITE_BUSY, sqlite3.SQLITE_IOERR])
def test_where_sqlite_does_not_say_so_the_folder_is_tried(
    tmp_path, failing_with, monkeypatch, code
):
    import fcntl

    failing_with(code, "as SQLite says it")
    assert "no file locks" not in message_of(tmp_path / "runs.sqlite")
    monkeypatch.setattr(fcntl, "lockf", refusing(errno.ENOLCK))
    assert "no file locks" in message_of(tmp_path / "runs.sqlite")
