"""Workspaces that are not what they should be: refused, or read as far as they are sound."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from napari_nx46.files.workspace import (
    LARGEST_THUMBNAIL_BYTES,
    HistoryEntry,
    SavedRun,
    Workspace,
    WorkspaceError,
    schema,
)
from napari_nx46.setting import Setting
from tests.files.workspace.keeping import PLAIN, PNG, RICH, raw, reopened, some_run

# ---- files that are not what they should be ----------------------------------------------------


def assert_refused_and_unchanged(path, pattern):
    before = path.read_bytes()
    with pytest.raises(WorkspaceError, match=pattern) as refusal:
        Workspace.open(path)
    assert str(path) in str(refusal.value)
    assert path.read_bytes() == before


def overwritten(path):
    """Overwrite pages in the middle of a file, and return what is in it then."""
    content = path.read_bytes()
    middle = len(content) // 8192 * 4096
    path.write_bytes(content[:middle] + b"\xa5" * 4096 * 8 + content[middle + 32768 :])
    return path.read_bytes()


def test_a_missing_file_is_made_only_on_demand(path, tmp_path):
    with pytest.raises(WorkspaceError, match="there is no such file"):
        Workspace.open(path, create=False)
    assert not path.parent.exists()
    with pytest.raises(WorkspaceError, match="found a folder"):
        Workspace.open(tmp_path)
    (tmp_path / "file").write_text("")
    with pytest.raises(WorkspaceError, match="its folder cannot be used"):
        Workspace.open(tmp_path / "file" / "runs.sqlite")


def test_an_empty_file_becomes_a_workspace(tmp_path):
    (tmp_path / "runs.sqlite").touch()
    with Workspace.open(tmp_path / "runs.sqlite") as workspace:
        workspace.set_pin("A", PLAIN)
        assert len(workspace.pins()) == 1


def test_a_file_of_something_else_is_refused(tmp_path):
    path = tmp_path / "runs.sqlite"
    path.write_bytes(b"no database at all " * 100)
    assert_refused_and_unchanged(path, "damaged or is no workspace.*left as it is")


def test_a_sqlite_file_of_another_program_is_refused(tmp_path):
    path = tmp_path / "runs.sqlite"
    with raw(path) as connection:
        connection.execute("CREATE TABLE theirs (x)")
    assert_refused_and_unchanged(path, "of another program")


def test_a_file_of_a_newer_version_is_refused(workspace):
    workspace.close()
    with raw(workspace.path) as connection:
        connection.execute("PRAGMA user_version = 99")
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    assert_refused_and_unchanged(
        workspace.path, rf"newer napari-nx46 \(version 99.*up to {len(schema.MIGRATIONS)}\)"
    )


@pytest.mark.parametrize(
    ("statement", "pattern"),
    [
        ("CREATE TRIGGER t AFTER INSERT ON pins BEGIN DELETE FROM history; END", "a trigger"),
        ("CREATE VIEW v AS SELECT 1", "a view"),
        ("DROP TABLE pins", "the table pins without letter, setting, time"),
        ("ALTER TABLE history DROP COLUMN tag", "the table history without tag"),
    ],
)
def test_a_file_with_other_tables_than_it_was_made_with_is_refused(workspace, statement, pattern):
    workspace.close()
    with raw(workspace.path) as connection:
        connection.execute(statement)
    with pytest.raises(WorkspaceError, match=pattern):
        Workspace.open(workspace.path)
    assert workspace.path.exists()


@pytest.mark.parametrize("what", ["truncated", "overwritten"])
def test_a_damaged_file_is_refused_with_advice_and_left_as_it_is(workspace, what):
    for step in range(200):
        workspace.add_history(HistoryEntry("a", Setting(quantile=step / 200), thumbnail=PNG * 30))
    workspace.close()
    content = workspace.path.read_bytes()
    if what == "truncated":
        workspace.path.write_bytes(content[: len(content) // 2])
    else:
        overwritten(workspace.path)
    assert_refused_and_unchanged(workspace.path, "damaged.*it is left as it is")


def test_an_opening_that_leaves_the_pages_to_another_reads_what_is_sound(workspace):
    workspace.save_state("view", {"z": 1})
    for step in range(200):
        workspace.add_history(HistoryEntry("a", Setting(quantile=step / 200), thumbnail=PNG * 30))
    workspace.close()
    content = overwritten(workspace.path)
    with Workspace.open(workspace.path, check_pages=False) as opened:
        assert opened.state("view") == {"z": 1}
        with pytest.raises(WorkspaceError, match=r"damaged.*it is left as it is"):
            opened.history()
    assert workspace.path.read_bytes() == content
    with pytest.raises(WorkspaceError, match="damaged pages"):
        Workspace.open(workspace.path)


def test_pages_are_always_checked_before_a_file_is_changed_by_its_opening(workspace):
    for step in range(200):
        workspace.add_history(HistoryEntry("a", Setting(quantile=step / 200), thumbnail=PNG * 30))
    workspace.close()
    with raw(workspace.path) as connection:
        connection.execute("PRAGMA journal_mode = DELETE")
    content = overwritten(workspace.path)
    with pytest.raises(WorkspaceError, match="damaged pages"):
        Workspace.open(workspace.path, check_pages=False)
    assert workspace.path.read_bytes() == content


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_whatever_bytes_are_overwritten_nothing_but_a_clear_error_is_raised(tmp_path, data):
    path = tmp_path / "runs.sqlite"
    if not path.with_name("sound").exists():
        with Workspace.open(path) as workspace:
            for step in range(3):
                workspace.add_history(HistoryEntry("a", Setting(border=step), thumbnail=PNG))
            workspace.set_accepted({"a": PLAIN})
            workspace.add_run(some_run(tmp_path))
        path.rename(path.with_name("sound"))
    content = bytearray(path.with_name("sound").read_bytes())
    start = data.draw(st.integers(0, len(content) - 1))
    harm = data.draw(st.binary(min_size=1, max_size=64))
    content[start : start + len(harm)] = harm
    path.write_bytes(content)
    for beside in tmp_path.glob("runs.sqlite-*"):
        beside.unlink()
    try:
        with Workspace.open(path) as workspace:
            workspace.history()
            workspace.accepted()
            workspace.runs()
            workspace.set_pin("A", RICH)
            assert workspace.pins()
    except WorkspaceError as error:
        assert str(path) in str(error)  # noqa: PT017 - mostly there is none


HOSTILE = [
    ("metrics", "{"),
    ("metrics", "[1]"),
    ("metrics", '{"x": NaN}'),
    ("metrics", '{"x": "many"}'),
    ("metrics", '{"x": 1' + "0" * 400 + "}"),
    ("metrics", "[" * 100_000),
    ("metrics", '{"x": ' + "1" * 10_000 + "}"),
    ("metrics", b"{}"),
    ("metrics", '"' + "x" * 2_000_000 + '"'),
    ("image_id", "../../etc"),
    ("image_id", b"7"),
    ("time", "yesterday"),
    ("time", "2025-01-01T00:00:00"),
    ("time", "0001-01-01T00:00:00+14:00"),
    ("thumbnail", b"MZ"),
    ("thumbnail", PNG + bytes(LARGEST_THUMBNAIL_BYTES)),
    ("thumbnail", PNG + bytes(5 * 2**20)),
    ("tag", None),
    ("setting", "0" * 64),
    ("setting", "short"),
    ("id", "mine"),
]


@pytest.mark.parametrize(("column", "value"), HOSTILE)
def test_a_hostile_row_is_left_out_and_reported_and_the_others_are_read(workspace, column, value):
    entries = [HistoryEntry("a", Setting(border=step)) for step in range(3)]
    for entry in entries:
        workspace.add_history(entry)
    stored = "" if value is None else value
    with raw(workspace.path) as connection:
        connection.execute(f"UPDATE history SET {column} = ? WHERE id = ?", (stored, entries[1].id))
        if value is None:
            connection.execute(
                "UPDATE history SET tag = CAST(x'ff41' AS TEXT) WHERE id = ?", (entries[1].id,)
            )
    for _ in range(2):
        assert workspace.history() == (entries[0], entries[2])
        assert [(damage.table, damage.row) for damage in workspace.damage] == [("history", "2")]
    assert "history 2: " in str(workspace.damage[0])
    assert len(str(workspace.damage[0])) < 1000


@pytest.mark.parametrize("value", ["x'ff41'", "zeroblob(5000000)", "printf('%.*c', 5000000, 'x')"])
def test_a_setting_that_cannot_be_read_costs_no_other(workspace, tmp_path, value):
    entries = [HistoryEntry("a", Setting(border=step)) for step in range(3)]
    for entry in entries:
        workspace.add_history(entry)
    number = workspace.add_run(some_run(tmp_path))
    workspace.add_run(SavedRun(settings={"a": entries[1].setting}))
    with raw(workspace.path) as connection:
        connection.execute(
            f"UPDATE settings SET json = CAST({value} AS TEXT) WHERE digest ="
            " (SELECT setting FROM history WHERE id = ?)",
            (entries[1].id,),
        )
    with reopened(workspace) as other:
        assert other.history() == (entries[0], entries[2])
        assert [run.id for run in other.runs()] == [number]
        assert {(damage.table, damage.row) for damage in other.damage} == {
            ("history", "2"),
            ("runs", "2"),
        }


def test_a_long_history_takes_as_few_queries_as_a_short_one(workspace):
    asked = []
    for step in range(3):
        workspace.add_history(HistoryEntry("a", Setting(border=step)))
    for count in (3, 30):
        for step in range(3, count):
            workspace.add_history(HistoryEntry("a", Setting(border=step)))
        with reopened(workspace) as other:
            statements = []
            other._database._connection.set_trace_callback(statements.append)
            assert len(other.history()) == count
            asked.append(len(statements))
    assert asked[0] == asked[1]


def test_a_setting_that_was_changed_behind_the_back_is_left_out_wherever_it_is_used(
    workspace, tmp_path
):
    workspace.add_history(HistoryEntry("a", PLAIN))
    workspace.set_pin("A", PLAIN)
    workspace.set_pin("B", RICH)
    workspace.set_accepted({"a": PLAIN, "b": RICH})
    workspace.freeze_baseline(workspace.add_run(some_run(tmp_path)))
    with raw(workspace.path) as connection:
        connection.execute(
            "UPDATE settings SET json = replace(json, '0.91', '0.19') WHERE json LIKE '%0.91%'"
        )
    with reopened(workspace) as other:
        assert other.history() == ()
        assert [pin.letter for pin in other.pins()] == ["B"]
        assert other.accepted() == {"b": RICH}
        assert other.runs() == ()
        assert other.baseline() is None
        assert {damage.table for damage in other.damage} == {
            "history",
            "pins",
            "accepted",
            "runs",
            "baselines",
        }
        assert all("SHA-256 is another" in damage.reason for damage in other.damage)


def test_a_damaged_setting_is_sound_again_once_it_is_kept_again(workspace):
    workspace.set_accepted({"a": PLAIN})
    with raw(workspace.path) as connection:
        connection.execute("UPDATE settings SET json = '{'")
    with reopened(workspace) as other:
        assert other.accepted() == {}
        other.set_pin("A", PLAIN)
        assert [pin.setting for pin in other.pins()] == [PLAIN]
        assert other.accepted() == {"a": PLAIN}


def test_a_setting_with_a_knob_that_is_unknown_here_is_left_out(workspace):
    workspace.set_accepted({"a": PLAIN, "b": RICH})
    text = json.dumps({**PLAIN.model_dump(mode="json"), "sharpness": 3})
    digest = hashlib.sha256(text.encode()).hexdigest()
    with raw(workspace.path) as connection:
        connection.execute("INSERT INTO settings VALUES (?, ?)", (digest, text))
        connection.execute("UPDATE accepted SET setting = ? WHERE image_id = 'a'", (digest,))
    assert workspace.accepted() == {"b": RICH}
    assert "sharpness" in workspace.damage[0].reason


def test_damaged_state_counts_as_none(workspace):
    workspace.save_state("view", {"z": 1})
    with raw(workspace.path) as connection:
        connection.execute("UPDATE state SET value = '{'")
    assert workspace.state("view", "default") == "default"
    assert workspace.damage[0].table == "state"


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a system with /dev/full")
def test_a_folder_that_cannot_be_made_is_reported(tmp_path):
    with pytest.raises(WorkspaceError, match="its folder cannot be used"):
        Workspace.open(Path("/dev/full/none/runs.sqlite"))


def test_a_disk_that_is_full_is_reported_and_the_old_state_stays(workspace):
    workspace.save_state("key", "before")
    workspace._database.execute("PRAGMA max_page_count = 1")
    with pytest.raises(WorkspaceError, match="the disk is full"):
        for number in range(100):
            workspace.save_state(f"key {number}", "x" * 100_000)
    assert workspace.state("key") == "before"
    workspace._database.execute("PRAGMA max_page_count = 100000")
    workspace.save_state("key", "after")
    with reopened(workspace) as other:
        assert other.state("key") == "after"
