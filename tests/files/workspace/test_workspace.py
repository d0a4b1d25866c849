"""A workspace gives back what was kept, to several programs at once."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
import threading
from datetime import UTC, datetime, timedelta, timezone

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
    store,
)
from napari_nx46.setting import Setting, all_presets
from tests.files.workspace.keeping import ENTRY, PLAIN, PNG, RICH, SHA, raw, reopened, some_run


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


def test_statements_name_their_values_or_do_not_count_them(repository):
    # SQLite takes ?1 with a sequence, Python from 3.14 on does not.
    modules = (repository / "napari_nx46" / "files" / "workspace").rglob("*.py")
    counted = [path.name for path in modules if re.search(r"= \?\d", path.read_text("utf-8"))]
    assert counted == []
