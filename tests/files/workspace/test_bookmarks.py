"""Bookmarks in the workspace: written, read, changed, removed; damaged ones are left out."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import replace

import pytest

from napari_nx46.files.workspace import LONGEST_NOTE, Bookmark, Workspace, WorkspaceError, schema


@pytest.fixture
def path(tmp_path):
    """Return where a workspace is."""
    return tmp_path / "w.sqlite"


def test_what_is_kept_is_read_back(path):
    given = (Bookmark("a", 0, 2, 3, "first"), Bookmark("b é", 319, 0, 7, "ß\nline"))
    with Workspace.open(path) as workspace:
        numbers = [workspace.bookmarks.add(bookmark) for bookmark in given]
        assert numbers == [1, 2]
    with Workspace.open(path, create=False) as workspace:
        kept = workspace.bookmarks.all()
        assert [one.id for one in kept] == numbers
        for one, expected in zip(kept, given, strict=True):
            assert (one.image_id, one.z, one.y, one.x, one.note, one.time) == (
                expected.image_id,
                expected.z,
                expected.y,
                expected.x,
                expected.note,
                expected.time,
            )
        workspace.bookmarks.change(Bookmark("a", 0, 2, 3, "other", id=1))
        assert [one.note for one in workspace.bookmarks.all()] == ["other", "ß\nline"]
        workspace.bookmarks.remove([1, 99])
        assert [one.id for one in workspace.bookmarks.all()] == [2]
        with pytest.raises(WorkspaceError, match="no bookmark 1"):
            workspace.bookmarks.change(Bookmark("a", 0, 2, 3, id=1))
        assert workspace.bookmarks.add(Bookmark("a", 1, 1, 1)) == 3  # numbers are not used again


@pytest.mark.parametrize(
    "bookmark",
    [
        Bookmark("", 0, 0, 0),
        Bookmark("a/b", 0, 0, 0),
        Bookmark("a", -1, 0, 0),
        Bookmark("a", 0, 0, 1 << 40),
        Bookmark("a", 0, 0, 0, "n" * (LONGEST_NOTE + 1)),
    ],
)
def test_what_could_not_be_read_back_is_refused(path, bookmark):
    with Workspace.open(path) as workspace:
        with pytest.raises(ValueError, match=r"found|characters|greater|less|empty"):
            workspace.bookmarks.add(bookmark)
        assert workspace.bookmarks.all() == ()


def test_a_damaged_bookmark_is_left_out_and_reported(path):
    with Workspace.open(path) as workspace:
        workspace.bookmarks.add(Bookmark("a", 1, 2, 3))
        workspace.bookmarks.add(Bookmark("b", 1, 2, 3))
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("UPDATE bookmarks SET z = 'no number' WHERE id = 1")
    connection.close()
    with Workspace.open(path) as workspace:
        assert [one.image_id for one in workspace.bookmarks.all()] == ["b"]
        assert len(workspace.damage) == 1


def test_a_file_of_the_version_before_gets_the_table(path):
    before = next(number for number, one in enumerate(schema.MIGRATIONS) if "bookmarks" in one)
    connection = sqlite3.connect(path, isolation_level=None)
    schema.migrate(
        connection, path, replace(schema.WORKSPACE, migrations=schema.MIGRATIONS[:before])
    )
    connection.close()
    with Workspace.open(path) as workspace:
        assert workspace.bookmarks.all() == ()
        workspace.bookmarks.add(Bookmark("a", 1, 2, 3))
