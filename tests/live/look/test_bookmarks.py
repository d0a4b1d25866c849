"""Bookmarks are kept in the workspace, found again, changed, removed and exported."""

from __future__ import annotations

import csv
import io

import pytest

from napari_nx46.files.workspace import Bookmark, WorkspaceError
from napari_nx46.live.look.bookmarks import Bookmarks, bookmarks_csv
from tests.live.driver import Loop


@pytest.fixture
def loop():
    """Return an event loop."""
    return Loop()


@pytest.fixture(params=["workspace", "memory"])
def bookmarks(request, tmp_path, loop):
    """Return bookmarks that are kept, or that last as long as they are open."""
    path = tmp_path / "folder" / "w.sqlite" if request.param == "workspace" else None
    opened = Bookmarks(path, loop.post)
    yield opened
    opened.close()


def notes(bookmarks):
    return [(one.image_id, one.z, one.y, one.x, one.note) for one in bookmarks.all]


def test_bookmarks_are_added_changed_and_removed(bookmarks, loop):
    bookmarks.add(Bookmark("a", 1, 2, 3, "first"))
    bookmarks.add(Bookmark("b", 4, 5, 6))
    loop.run_until(lambda: len(bookmarks.all) == 2)
    assert notes(bookmarks) == [("a", 1, 2, 3, "first"), ("b", 4, 5, 6, "")]
    bookmarks.change_note(bookmarks.all[1], "a hole, ≥ 3 voxels")
    loop.run_until(lambda: bookmarks.all[1].note != "")
    assert notes(bookmarks)[1][-1] == "a hole, ≥ 3 voxels"
    bookmarks.remove([bookmarks.all[0]])
    loop.run_until(lambda: len(bookmarks.all) == 1)
    bookmarks.add(Bookmark("a", 7, 8, 9))
    loop.run_until(lambda: len(bookmarks.all) == 2)
    assert len({one.id for one in bookmarks.all}) == 2


def test_they_are_found_again(tmp_path, loop):
    path = tmp_path / "w.sqlite"
    first = Bookmarks(path, loop.post)
    first.read()
    first.add(Bookmark("a", 1, 2, 3, "here"))
    loop.run_until(lambda: len(first.all) == 1)
    first.close()
    second = Bookmarks(path, loop.post)
    assert second.all == ()
    second.read()
    loop.run_until(lambda: len(second.all) == 1)
    assert second.all == first.all
    second.close()


def test_what_cannot_be_kept_is_an_error(tmp_path, loop):
    path = tmp_path / "w.sqlite"
    path.write_bytes(b"no workspace" * 100)
    opened, errors = Bookmarks(path, loop.post), []
    opened.failed.connect(errors.append)
    opened.add(Bookmark("a", 1, 2, 3))
    loop.run_until(lambda: bool(errors))
    assert isinstance(errors[0], WorkspaceError)
    assert opened.all == ()
    opened.close()


def test_the_table_has_all_of_them_and_no_formula(bookmarks, loop, tmp_path):
    bookmarks.add(Bookmark("a", 1, 2, 3, '=HYPERLINK("x"), "quoted"\nline'))
    loop.run_until(lambda: len(bookmarks.all) == 1)
    rows = list(csv.DictReader(io.StringIO(bookmarks_csv(bookmarks.all).decode())))
    assert [(row["image_id"], row["z"], row["y"], row["x"]) for row in rows] == [
        ("a", "1", "2", "3")
    ]
    assert rows[0]["note"] == '\'=HYPERLINK("x"), "quoted"\nline'
    target = tmp_path / "bookmarks.csv"
    bookmarks.export(target)
    assert target.read_bytes() == bookmarks_csv(bookmarks.all)
