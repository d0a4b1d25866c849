"""What a user does is written within a second, and never held up."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
import time

import numpy as np
import pytest

from napari_nx46.data.fragments import open_data, write_data_folder
from napari_nx46.files.workspace import HistoryEntry, Workspace, WorkspaceError
from napari_nx46.live.history.autosave import resume
from napari_nx46.live.history.entries import History
from napari_nx46.live.view import slice_view
from napari_nx46.setting import Setting
from tests.live.driver import named_threads, plane_view, wait_for
from tests.live.history.saved import read, restored

PNG = b"\x89PNG\r\n\x1a\n"


# ---- writing -----------------------------------------------------------------------------------


def test_nothing_is_written_while_nothing_changes(driver, autosave, path):
    assert autosave.flush()
    assert not path.exists()


def test_what_a_user_does_is_found_again(driver, autosave, path, new_driver, dataset):
    session = driver.session
    session.change(quantile=0.8)
    session.accept(("a",))
    session.show_fragment("b")
    session.look_at(slice_view(session.fragment.shape, 1))
    session.change(blend=0.3, border=1)
    autosave.note_view({"camera_zoom": 2.5, "camera_center": [0, 10.5, 7], "theme": "dark"})
    autosave.note_pins({"A": session.setting, "C": Setting()})
    autosave.note_state("layout", {"plots": True})
    assert autosave.close()
    other = new_driver(dataset)
    state = restored(path, other)
    assert state.problems == ()
    assert state.setting == session.setting
    assert (state.image_id, state.z) == ("b", 1)
    assert (state.camera_zoom, state.camera_center) == (2.5, (0, 10.5, 7))
    assert state.view["theme"] == "dark"
    assert state.pins == {"A": session.setting, "C": Setting()}
    assert state.accepted == session.accepted != {}
    assert read(path, lambda workspace: workspace.state("layout")) == {"plots": True}
    resume(other.session, state)
    assert other.session.setting == session.setting
    assert other.session.fragment.image_id == "b"
    assert other.session.view.slice_index == 1
    assert other.session.accepted == session.accepted
    assert len(other.events.of("accepted_changed")) == 1
    other.settle()
    other.assert_shows_the_definition()


def test_the_slice_is_followed_but_not_where_another_axis_is_sliced(driver, autosave, path):
    session = driver.session
    session.look_at(slice_view(session.fragment.shape, 2))
    session.look_at(plane_view(session.fragment.shape, 1, 5))
    assert autosave.flush()
    assert restored(path, driver).z == 2


def test_the_history_with_its_position_is_found_again(driver, new_autosave, path):
    history = History()
    autosave = new_autosave(driver, history)
    for border in range(4):
        history.record(HistoryEntry("a", Setting(border=border), thumbnail=PNG + b"x"))
    assert autosave.flush()
    history.undo()
    history.update_metrics(history.entries[0].id, {"leaderboard_score": 0.5})
    assert autosave.flush()
    again = restored(path, driver).new_history()
    assert again.entries == history.entries
    assert (again.position, again.can_redo) == (2, True)
    history.record(HistoryEntry("b", Setting(opening=True)))
    assert autosave.flush()
    state = restored(path, driver)
    assert state.history == history.entries
    assert [entry.setting.border for entry in state.history] == [0, 1, 2, 0]


def test_a_history_that_goes_on_keeps_what_it_cannot_show(driver, new_autosave, path):
    foreign = HistoryEntry("elsewhere", Setting(border=9))
    with Workspace.open(path) as workspace:
        workspace.add_history(foreign)
        for border in range(3):
            workspace.add_history(HistoryEntry("a", Setting(border=border)))
    history = restored(path, driver).new_history()
    assert len(history) == 3
    autosave = new_autosave(driver, history)
    history.undo()
    history.record(HistoryEntry("a", Setting(border=7)))
    assert autosave.flush()
    borders = [entry.setting.border for entry in read(path, Workspace.history)]
    assert borders == [9, 0, 1, 7]


def test_entries_that_the_file_never_had_are_written_with_the_first_change(
    driver, new_autosave, path
):
    history = History([HistoryEntry("a", Setting(border=border)) for border in range(2)])
    autosave = new_autosave(driver, history)
    history.undo()
    assert autosave.flush()
    assert read(path, Workspace.history) == history.entries


def test_withdrawing_forgets_what_was_accepted_but_not_other_fragments(driver, autosave, path):
    with Workspace.open(path) as workspace:
        workspace.set_accepted({"elsewhere": Setting(), "a": Setting(border=3)})
    session = driver.session
    resume(session, restored(path, driver))
    assert session.accepted == {"a": Setting(border=3)}
    session.accept(("b",))
    assert autosave.flush()
    assert set(read(path, Workspace.accepted)) == {"a", "b", "elsewhere"}
    session.accepted.clear()
    session.accepted_changed.emit()
    assert autosave.flush()
    assert set(read(path, Workspace.accepted)) == {"elsewhere"}


def test_pins_that_stay_keep_their_time_and_others_go(driver, autosave, path):
    autosave.note_pins({"A": Setting(), "B": Setting(border=1)})
    assert autosave.flush()
    before = {pin.letter: pin.time for pin in read(path, Workspace.pins)}
    autosave.note_pins({"A": Setting(), "C": Setting(border=2)})
    assert autosave.flush()
    pins = read(path, Workspace.pins)
    assert [(pin.letter, pin.setting.border) for pin in pins] == [("A", 0), ("C", 2)]
    assert pins[0].time == before["A"]


def test_everything_can_be_reported_at_once(driver, new_autosave, path):
    history = History([HistoryEntry("a", Setting())])
    autosave = new_autosave(driver, history)
    autosave.note_everything()
    assert autosave.flush()
    state = restored(path, driver)
    assert (state.setting, state.image_id, state.z) == (driver.session.setting, "a", 6)
    assert state.history == history.entries


def test_a_burst_is_written_a_few_times_only_and_its_end_is_kept(driver, new_autosave, path):
    writes = []
    autosave = new_autosave(driver, delay_seconds=0.2)
    attempt = autosave._writer.put
    autosave._writer.put = lambda key, write: attempt(
        key, lambda workspace: (writes.append(key), write(workspace))
    )
    begun = time.monotonic()
    for step in range(300):
        driver.session.change(quantile=0.5 + step / 1000)
    lasted = time.monotonic() - begun
    assert autosave.flush()
    assert writes.count("setting") <= lasted / 0.2 + 2
    assert restored(path, driver).setting == driver.session.setting


def test_what_changes_is_in_the_file_within_a_second_without_a_flush(driver, new_autosave, path):
    new_autosave(driver)
    driver.session.change(quantile=0.8)
    begun = time.monotonic()
    wait_for(path.exists)
    wait_for(lambda: read(path, lambda workspace: workspace.state("setting")) is not None)
    assert time.monotonic() - begun < 1.0


def test_noting_never_waits_for_the_disk(driver, autosave, path):
    with Workspace.open(path) as workspace, workspace.transaction():
        workspace.save_state("x", 1)  # the file is locked until the end of the block
        begun = time.monotonic()
        for step in range(20):
            autosave.note_state("step", step)
            time.sleep(0.005)
        assert time.monotonic() - begun < 1.0
        assert not autosave.flush(timeout=0.05)
    assert autosave.flush()
    assert read(path, lambda opened: opened.state("step")) == 19


# ---- what goes wrong ---------------------------------------------------------------------------


def test_a_damaged_file_is_reported_once_and_left_as_it_is(driver, autosave, path):
    path.parent.mkdir(parents=True)
    path.write_bytes(b"no workspace " * 1000)
    for border in range(3):
        driver.session.change(border=border + 1)
        assert not autosave.flush()
    driver.loop.run()
    ((error,),) = autosave.events.of("failed")
    assert isinstance(error, WorkspaceError)
    assert str(path) in str(error)
    assert autosave.events.threads == {threading.get_ident()}
    assert path.read_bytes() == b"no workspace " * 1000
    path.unlink()
    assert autosave.flush()
    assert restored(path, driver).setting.border == 3
    autosave.note_state("bad", {1, 2})
    assert not autosave.flush()
    driver.loop.run()
    assert len(autosave.events.log) == 2


def test_what_could_never_be_written_is_reported_and_holds_nothing_up(driver, autosave, path):
    autosave.note_view({"camera_zoom": float("nan")})
    autosave.note_pins({"not a letter": Setting()})
    driver.session.change(border=2)
    assert not autosave.flush()
    driver.loop.run()
    assert len(autosave.events.of("failed")) == 1
    assert restored(path, driver).setting.border == 2
    autosave.note_view({"camera_zoom": 2.0})
    assert autosave.flush()
    assert restored(path, driver).camera_zoom == 2.0


def test_close_writes_what_is_left_and_ends_the_thread(driver, new_autosave, path):
    autosave = new_autosave(driver, delay_seconds=60)
    driver.session.change(border=5)
    assert autosave.close()
    assert autosave.close()
    assert named_threads("nx46-autosave") == []
    assert restored(path, driver).setting.border == 5
    driver.session.change(border=6)
    autosave.note_state("late", 1)
    assert autosave.flush()
    assert restored(path, driver).setting.border == 5


def test_close_says_where_something_could_not_be_written(driver, new_autosave, path):
    path.mkdir(parents=True)
    autosave = new_autosave(driver, delay_seconds=60)
    driver.session.change(border=5)
    assert not autosave.close()
    assert not autosave.flush(timeout=0)


CRASHING = """
import sys, time
from pathlib import Path
from napari_nx46.files.workspace import HistoryEntry
from napari_nx46.data.fragments import open_data
from napari_nx46.live.history.autosave import Autosave
from napari_nx46.live.history.entries import History
from napari_nx46.live.session import Session
from napari_nx46.setting import Setting

session = Session(open_data(Path(sys.argv[1])), post=lambda function: None)
history = History()
autosave = Autosave(session, Path(sys.argv[2]), history, post=lambda function: None)
for step in range(100_000):
    setting = Setting(quantile=step / 100_000)
    session.apply(setting)
    session.accept(("a",))
    history.record(HistoryEntry("a", setting))
    autosave.note_view({"camera_zoom": step + 1})
    autosave.note_pins({"A": setting})
    print(step, time.monotonic(), flush=True)
    time.sleep(0.01)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="needs SIGKILL and a clock that is shared")
def test_a_crash_loses_at_most_the_last_second(tmp_path, path, new_driver):
    rng = np.random.default_rng(1)
    write_data_folder(tmp_path / "data", "a", {"p3d": rng.random((3, 8, 9), dtype=np.float32)})
    command = [sys.executable, "-c", CRASHING, str(tmp_path / "data"), str(path)]
    reported = []
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as crashing:
        for line in crashing.stdout:
            reported.append((int(line.split()[0]), float(line.split()[1])))
            if reported[-1][1] - reported[0][1] > 2.2:
                break
        crashing.send_signal(signal.SIGKILL)
        killed = time.monotonic()
    safe = max(step for step, when in reported if when < killed - 1.0)
    assert safe > 0
    driver = new_driver(open_data(tmp_path / "data"), start=False)
    state = restored(path, driver)
    assert state.problems == ()
    kept = round(state.setting.quantile * 100_000)
    assert kept >= safe
    assert state.view["camera_zoom"] >= safe + 1
    assert round(state.pins["A"].quantile * 100_000) >= safe
    assert round(state.accepted["a"].quantile * 100_000) >= safe
    steps = [round(entry.setting.quantile * 100_000) for entry in state.history]
    assert steps == list(range(len(steps)))
    assert len(steps) > safe
    assert state.history_position == len(steps) - 1
