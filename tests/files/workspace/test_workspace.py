"""A workspace gives back what was kept, to several programs at once, and is never lost."""

from __future__ import annotations

import contextlib
import hashlib
import json
import signal
import sqlite3
import subprocess
import sys
import threading
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from napari_nx46.files.workspace import (
    LARGEST_THUMBNAIL_BYTES,
    HistoryEntry,
    SavedRun,
    Workspace,
    WorkspaceError,
    default_workspace,
    schema,
    store,
)
from napari_nx46.setting import Setting, all_presets

PLAIN = Setting(quantile=0.91)
RICH = Setting(
    weights={"p3d": 0.5, "unet": 2}, domain="block", block=((0, 1), (2, 3), (4, 5)), opening=True
)
PNG = b"\x89PNG\r\n\x1a\n" + b"picture"
SHA = hashlib.sha256(b"archive").hexdigest()
ENTRY = HistoryEntry("a", RICH, metrics={"threshold": 0.25, "slice_density": None}, thumbnail=PNG)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "workspaces" / "scroll" / "runs.sqlite"


@pytest.fixture
def workspace(path):
    with Workspace.open(path) as opened:
        yield opened


def reopened(workspace):
    """Return a second connection to the same file, to be used with `with`."""
    return Workspace.open(workspace.path, create=False)


@contextlib.contextmanager
def raw(path):
    """Open a file past the workspace, as a stranger's program would."""
    connection = sqlite3.connect(path, isolation_level=None)
    try:
        yield connection
    finally:
        connection.close()


def kept_settings(workspace):
    with raw(workspace.path) as connection:
        return connection.execute("SELECT count(*) FROM settings").fetchone()[0]


# ---- what is kept ------------------------------------------------------------------------------


def test_a_new_workspace_is_empty_and_its_folder_is_made(workspace):
    assert workspace.path.is_file()
    assert workspace.history() == ()
    assert workspace.pins() == ()
    assert workspace.accepted() == {}
    assert workspace.runs() == ()
    assert workspace.baseline() is None
    assert workspace.state("view") is None
    assert workspace.state("view", {"z": 1}) == {"z": 1}
    assert workspace.damage == ()


def test_history_entries_come_back_equal_and_in_order(workspace):
    entries = [ENTRY, HistoryEntry("b", PLAIN, tag="try"), HistoryEntry("a", RICH)]
    for entry in entries:
        workspace.add_history(entry)
    with reopened(workspace) as other:
        assert other.history() == tuple(entries)
        assert other.history(limit=2) == tuple(entries[1:])
        assert other.history_ids() == {entry.id for entry in entries}
    assert kept_settings(workspace) == 2


NUMBERS = st.floats(0, 1, allow_nan=False)
SETTINGS = st.builds(
    lambda name, blend, radius, border: all_presets()[name].changed(
        blend=blend, z_radius=radius, border=border
    ),
    st.sampled_from(sorted(all_presets())),
    NUMBERS,
    st.integers(0, 8),
    st.integers(0, 64),
)
ENTRIES = st.builds(
    HistoryEntry,
    image_id=st.text("abc0189_-", min_size=1, max_size=20),
    setting=SETTINGS,
    time=st.datetimes(timezones=st.sampled_from([UTC, timezone(timedelta(hours=5))])),
    metrics=st.dictionaries(
        st.text(min_size=1, max_size=20),
        st.none() | st.floats(allow_nan=False, allow_infinity=False),
    ),
    thumbnail=st.none() | st.binary(max_size=100).map(PNG.__add__),
    tag=st.text(st.characters(codec="utf-8"), max_size=50),
)


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(entries=st.lists(ENTRIES, max_size=4))
def test_any_history_entry_comes_back_equal(workspace, entries):
    workspace.remove_history(workspace.history_ids())
    assert kept_settings(workspace) == 0
    for entry in entries:
        workspace.add_history(entry)
    with reopened(workspace) as other:
        assert other.history() == tuple(entries)
        assert other.damage == ()


def test_an_entry_that_is_there_already_gets_the_new_figures_and_keeps_its_place(workspace):
    first = HistoryEntry("a", PLAIN)
    workspace.add_history(first)
    workspace.add_history(ENTRY)
    scored = HistoryEntry(
        "a", PLAIN, time=first.time, metrics={"leaderboard_score": 0.55}, thumbnail=PNG, id=first.id
    )
    workspace.add_history(scored)
    assert workspace.history() == (scored, ENTRY)


def test_history_is_pruned_to_the_newest_and_their_settings_go_too(workspace, monkeypatch):
    monkeypatch.setattr(store, "MOST_HISTORY_ENTRIES", 3)
    entries = [HistoryEntry("a", Setting(quantile=0.9 + step / 100)) for step in range(5)]
    for entry in entries:
        workspace.add_history(entry)
    assert workspace.history() == tuple(entries[2:])
    assert kept_settings(workspace) == 3


def test_a_setting_that_is_still_used_elsewhere_stays_when_its_entry_is_removed(workspace):
    workspace.add_history(HistoryEntry("a", PLAIN))
    workspace.set_pin("A", PLAIN)
    workspace.set_accepted({"a": PLAIN})
    workspace.remove_history(workspace.history_ids())
    workspace.remove_pin("A")
    assert workspace.accepted() == {"a": PLAIN}
    workspace.remove_accepted(["a", "unknown"])
    assert kept_settings(workspace) == 0


def test_pins_come_back_by_letter_and_can_be_replaced_and_removed(workspace):
    pinned_at = datetime(2025, 1, 2, 3, 4, 5, 678901, tzinfo=UTC)
    workspace.set_pin("C", PLAIN, pinned_at)
    workspace.set_pin("A", PLAIN)
    workspace.set_pin("A", RICH)
    assert [(pin.letter, pin.setting) for pin in workspace.pins()] == [("A", RICH), ("C", PLAIN)]
    assert workspace.pins()[1].time == pinned_at
    workspace.remove_pin("C")
    workspace.remove_pin("Z")
    assert [pin.letter for pin in workspace.pins()] == ["A"]


@pytest.mark.parametrize("letter", ["", "a", "AA", "Ä", "1"])
def test_a_pin_has_one_letter_from_a_to_z(workspace, letter):
    with pytest.raises(ValueError, match="expected a letter A to Z"):
        workspace.set_pin(letter, PLAIN)
    assert workspace.pins() == ()


def test_accepting_for_some_fragments_leaves_the_others_as_they_were(workspace):
    workspace.set_accepted({"a": PLAIN, "b": RICH})
    workspace.set_accepted({"b": PLAIN})
    assert workspace.accepted() == {"a": PLAIN, "b": PLAIN}
    assert kept_settings(workspace) == 1
    workspace.remove_accepted(["a"])
    assert workspace.accepted() == {"b": PLAIN}


@pytest.mark.parametrize("value", [None, 3, 0.1, "text ≈", [1, {"z": [None, True]}], {"z": 5}])
def test_state_comes_back_equal(workspace, value):
    workspace.save_state("key", "before")
    workspace.save_state("key", value)
    with reopened(workspace) as other:
        assert other.state("key", "nothing") == value


@pytest.mark.parametrize(
    "value", [float("nan"), {"z": float("inf")}, "x" * 1_000_001, {1, 2}, PLAIN, [object()]]
)
def test_a_value_that_is_no_bounded_json_is_refused_and_the_old_one_stays(workspace, value):
    workspace.save_state("key", "before")
    with pytest.raises(ValueError, match=r"found|JSON"):
        workspace.save_state("key", value)
    assert workspace.state("key") == "before"


@pytest.mark.parametrize(
    "changes",
    [
        {"thumbnail": b"GIF89a"},
        {"thumbnail": PNG + bytes(LARGEST_THUMBNAIL_BYTES)},
        {"metrics": {"density": float("nan")}},
        {"metrics": {str(number): 0.0 for number in range(257)}},
        {"metrics": {"": 1.0}},
        {"tag": "x" * 201},
        {"image_id": "../x/a"},
        {"time": datetime(2025, 1, 2)},
        {"id": "mine"},
    ],
)
def test_an_entry_that_could_not_be_read_back_is_refused(workspace, changes):
    fields = {"image_id": "a", "setting": PLAIN, **changes}
    with pytest.raises(ValueError, match=r"found|contains|begins"):
        workspace.add_history(HistoryEntry(**fields))
    assert workspace.history() == ()
    assert kept_settings(workspace) == 0


def test_metrics_may_be_numbers_of_numpy(workspace):
    workspace.add_history(
        HistoryEntry("a", PLAIN, metrics={"x": np.float32(0.5), "n": np.int64(3)})
    )
    assert workspace.history()[0].metrics == {"x": 0.5, "n": 3.0}


# ---- runs --------------------------------------------------------------------------------------


def some_run(tmp_path, **changes):
    fields = {
        "settings": {"b": RICH, "a": PLAIN},
        "metrics": {"a": {"density": 0.08, "leaderboard_score": None}},
        "tag": "night",
        "note": "first try",
        "archive": tmp_path / "submission.zip",
        "archive_sha256": SHA,
    }
    return SavedRun(**{**fields, **changes})


def test_runs_come_back_equal_and_take_the_scores_that_were_returned(workspace, tmp_path):
    run = some_run(tmp_path)
    first, second = workspace.add_run(run), workspace.add_run(SavedRun(settings={"a": PLAIN}))
    assert first != second
    workspace.set_scores(first, public=0.552)
    workspace.set_scores(first, private=0.5)
    with reopened(workspace) as other:
        read = other.run(first)
        assert [found.id for found in other.runs()] == [first, second]
        assert [found.id for found in other.runs(limit=1)] == [second]
        assert other.runs()[0] == read
    assert (read.public_score, read.private_score) == (0.552, 0.5)
    assert read == some_run(
        tmp_path, time=run.time, id=first, public_score=0.552, private_score=0.5
    )
    workspace.clear_scores(first)
    assert workspace.run(first).public_score is None


@pytest.mark.parametrize("score", [-0.1, 1.1, float("nan"), 10**400])
def test_a_score_outside_zero_to_one_is_refused(workspace, tmp_path, score):
    number = workspace.add_run(some_run(tmp_path))
    with pytest.raises(ValueError, match="public_score: found"):
        workspace.set_scores(number, public=score)
    assert workspace.run(number).public_score is None


def test_a_run_that_is_not_there_is_reported_with_those_that_are(workspace, tmp_path):
    with pytest.raises(WorkspaceError, match="no readable run 7; the newest runs are: none"):
        workspace.run(7)
    number = workspace.add_run(some_run(tmp_path))
    for ask in (workspace.run, workspace.set_scores, workspace.freeze_baseline):
        with pytest.raises(WorkspaceError, match=f"no readable run 7; .* are: {number}$"):
            ask(7)


@pytest.mark.parametrize(
    "changes",
    [
        {"settings": {}, "metrics": {}},
        {"metrics": {"c": {}}},
        {"archive": None},
        {"archive_sha256": "abc"},
        {"public_score": 2.0},
        {"settings": {"a/b": PLAIN}, "metrics": {}},
    ],
)
def test_a_run_that_could_not_be_read_back_is_refused_as_a_whole(workspace, tmp_path, changes):
    with pytest.raises(ValueError, match=r"found|contains|begins"):
        workspace.add_run(some_run(tmp_path, **changes))
    assert workspace.runs() == ()
    assert kept_settings(workspace) == 0


def test_a_frozen_baseline_stays_what_it_was(workspace, tmp_path):
    run = some_run(tmp_path)
    number = workspace.add_run(run)
    frozen = workspace.freeze_baseline(number)
    assert (frozen.run_id, frozen.archive_sha256) == (number, SHA)
    assert (frozen.settings, frozen.metrics) == (run.settings, run.metrics)
    with raw(workspace.path) as connection:
        connection.execute("UPDATE runs SET archive_sha256 = ?", ("0" * 64,))
        connection.execute("DELETE FROM run_fragments WHERE image_id = 'a'")
    with reopened(workspace) as other:
        assert other.baseline() == frozen
        assert other.run(number).archive_sha256 == "0" * 64
    later = workspace.freeze_baseline(workspace.add_run(some_run(tmp_path, tag="later")))
    assert workspace.baseline() == later


def test_a_run_without_an_archive_cannot_be_frozen(workspace):
    number = workspace.add_run(SavedRun(settings={"a": PLAIN}))
    with pytest.raises(WorkspaceError, match=f"run {number} has no archive"):
        workspace.freeze_baseline(number)
    assert workspace.baseline() is None


# ---- all or nothing ----------------------------------------------------------------------------


def test_what_fails_halfway_leaves_nothing(workspace):
    workspace.set_pin("A", PLAIN)
    with pytest.raises(ValueError, match="letter"), workspace.transaction():
        workspace.set_pin("A", RICH)
        workspace.save_state("key", 1)
        workspace.set_pin("?", RICH)
    assert [pin.setting for pin in workspace.pins()] == [PLAIN]
    assert workspace.state("key") is None
    assert kept_settings(workspace) == 1


def test_a_reader_sees_what_was_last_written_as_a_whole(workspace):
    workspace.save_state("a", 1)
    with reopened(workspace) as reader:
        with workspace.transaction():
            workspace.save_state("a", 2)
            workspace.save_state("b", 2)
            assert (reader.state("a"), reader.state("b")) == (1, None)
        with reader.snapshot():
            assert reader.state("a") == 2
            workspace.save_state("b", 3)
            assert reader.state("b") == 2
        assert reader.state("b") == 3


def test_two_programs_that_write_for_long_tell_it_and_lose_nothing(workspace):
    with Workspace.open(workspace.path, busy_seconds=0.05) as other, workspace.transaction():
        workspace.save_state("a", 1)
        with pytest.raises(WorkspaceError, match="another program has been writing it"):
            other.save_state("a", 2)
    assert workspace.state("a") == 1


@pytest.mark.parametrize("attempt", range(15))
def test_many_that_open_a_new_workspace_at_once_all_write_to_it(path, attempt):
    failures, together = [], threading.Barrier(6)

    def write(number):
        try:
            together.wait()
            with Workspace.open(path) as workspace:
                for step in range(3):
                    workspace.save_state(f"{number} {step}", attempt)
        except WorkspaceError as error:
            failures.append(error)

    threads = [threading.Thread(target=write, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    with Workspace.open(path) as workspace:
        kept = [workspace.state(f"{n} {step}") for n in range(6) for step in range(3)]
    assert kept == [attempt] * 18


WRITER = """
import sys
from pathlib import Path
from napari_nx46.files.workspace import HistoryEntry, Workspace
from napari_nx46.setting import Setting

with Workspace.open(Path(sys.argv[1])) as workspace:
    for step in range(1_000_000):
        with workspace.transaction():
            workspace.add_history(HistoryEntry("a", Setting(border=step % 65), tag=str(step)))
            workspace.save_state("step", step)
        print(step, flush=True)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="needs SIGKILL")
def test_a_second_process_reads_while_one_writes_and_after_it_was_killed(path):
    writer = subprocess.Popen(
        [sys.executable, "-c", WRITER, str(path)], stdout=subprocess.PIPE, text=True
    )
    try:
        assert writer.stdout.readline() == "0\n"
        with Workspace.open(path) as workspace:
            seen = []
            while len(seen) < 3 or seen[-1] < 20:
                with workspace.snapshot():
                    seen.append(workspace.state("step"))
                    assert workspace.history(limit=1)[0].tag == str(seen[-1])
        assert seen == sorted(seen)
    finally:
        writer.send_signal(signal.SIGKILL)
        reported = [int(line) for line in writer.stdout.read().split()]
        writer.wait()
        writer.stdout.close()
    with Workspace.open(path) as workspace:
        step = workspace.state("step")
        assert step >= reported[-1]
        assert [entry.tag for entry in workspace.history()] == [str(n) for n in range(step + 1)]


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


# ---- versions ----------------------------------------------------------------------------------

NEXT = {"pins": ("ALTER TABLE pins ADD COLUMN colour TEXT NOT NULL DEFAULT 'red'",)}


def test_an_older_file_is_brought_to_the_newest_version_with_all_it_holds(workspace, monkeypatch):
    workspace.set_pin("A", RICH)
    workspace.add_history(ENTRY)
    workspace.close()
    newest = (*schema.MIGRATIONS, NEXT)
    for _ in range(2):
        with raw(workspace.path) as connection:
            schema.migrate(connection, workspace.path, newest)
            assert connection.execute("PRAGMA user_version").fetchone() == (len(newest),)
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
        schema.migrate(connection, workspace.path, (*schema.MIGRATIONS, bad))
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
        schema.migrate(connection, workspace.path, (*schema.MIGRATIONS, bad))
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
