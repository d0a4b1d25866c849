"""Workspaces of older versions, and where workspaces are."""

from __future__ import annotations

import hashlib
import sqlite3
from dataclasses import replace
from pathlib import Path

import pytest

from napari_nx46.files.workspace import Workspace, WorkspaceError, default_workspace, schema
from tests.files.workspace.keeping import ENTRY, RICH, raw

# ---- versions ----------------------------------------------------------------------------------


NEXT = {"pins": ("ALTER TABLE pins ADD COLUMN colour TEXT NOT NULL DEFAULT 'red'",)}


def _with(migration):
    """Return the tables of a workspace after one more migration."""
    return replace(schema.WORKSPACE, migrations=(*schema.MIGRATIONS, migration))


def test_an_older_file_is_brought_to_the_newest_version_with_all_it_holds(workspace, monkeypatch):
    workspace.set_pin("A", RICH)
    workspace.add_history(ENTRY)
    workspace.close()
    newest = _with(NEXT)
    for _ in range(2):
        with raw(workspace.path) as connection:
            schema.migrate(connection, workspace.path, newest)
            assert connection.execute("PRAGMA user_version").fetchone() == (len(newest.migrations),)
            assert connection.execute("SELECT letter, colour FROM pins").fetchall() == [
                ("A", "red")
            ]
    with pytest.raises(WorkspaceError, match="newer napari-nx46"):
        Workspace.open(workspace.path)


def test_a_migration_that_fails_halfway_changes_nothing(workspace):
    workspace.set_pin("A", RICH)
    workspace.close()
    bad = {"pins": NEXT["pins"], "history": ("ALTER TABLE nowhere ADD COLUMN x",)}
    with raw(workspace.path) as connection, pytest.raises(sqlite3.OperationalError):
        schema.migrate(
            connection,
            workspace.path,
            _with(bad),
        )
    with Workspace.open(workspace.path) as opened:
        assert [pin.setting for pin in opened.pins()] == [RICH]


def test_a_migration_that_would_leave_rows_without_their_setting_changes_nothing(workspace):
    workspace.set_pin("A", RICH)
    workspace.close()
    bad = {"settings": ("DELETE FROM settings",)}
    with (
        raw(workspace.path) as connection,
        pytest.raises(WorkspaceError, match="refer to what is not there"),
    ):
        schema.migrate(
            connection,
            workspace.path,
            _with(bad),
        )
    with Workspace.open(workspace.path) as opened:
        assert [pin.setting for pin in opened.pins()] == [RICH]


# ---- where it is -------------------------------------------------------------------------------


def test_the_workspace_of_a_folder_has_its_name_and_a_digest_of_its_place(tmp_path):
    environment = {"NX46_WORKSPACES_DIR": str(tmp_path / "kept")}
    data = tmp_path / "scroll 5 ü"
    found = default_workspace(data, environment)
    digest = hashlib.sha256(str(data.resolve()).encode()).hexdigest()[:12]
    assert found == tmp_path / "kept" / f"scroll_5_-{digest}" / "runs.sqlite"
    assert default_workspace(tmp_path / "x" / ".." / "scroll 5 ü", environment) == found
    assert default_workspace(tmp_path / "other" / "scroll 5 ü", environment) != found
    assert not (tmp_path / "kept").exists()
    assert not data.exists()


def test_names_that_are_no_file_names_get_plain_ones(tmp_path):
    environment = {"NX46_WORKSPACES_DIR": str(tmp_path)}
    for data in (Path("/"), tmp_path / "...", tmp_path / ("x" * 200), tmp_path / ".hidden"):
        name = default_workspace(data, environment).parent.name
        assert len(name) <= 64 + 13
        assert not name.startswith((".", "-"))


def test_without_the_variable_workspaces_are_among_the_users_data():
    found = default_workspace(Path("data"), {})
    assert found.is_absolute()
    assert found.parent.parent.name == "workspaces"
    assert "napari-nx46" in found.parts
