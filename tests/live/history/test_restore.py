"""What was kept is found again."""

from __future__ import annotations

import json
import sqlite3

import pytest

from napari_nx46.files.workspace import HistoryEntry, Workspace
from napari_nx46.live.history.autosave import Autosave, RestoredState, restore, resume
from napari_nx46.live.history.entries import History
from napari_nx46.live.session import Session
from napari_nx46.setting import Domain, Setting
from tests.live.history.saved import restored

# ---- finding it again --------------------------------------------------------------------------


def test_a_new_workspace_restores_nothing_and_resuming_changes_nothing(driver, path):
    with Workspace.open(path) as workspace:
        state = restore(driver.session, workspace)
    assert state == RestoredState()
    before = len(driver.events.log)
    resume(driver.session, state)
    assert len(driver.events.log) == before
    assert len(state.new_history()) == 0


def test_restoring_leaves_the_session_and_the_file_as_they_are(driver, path):
    with Workspace.open(path) as workspace:
        workspace.save_state("setting", Setting(border=4).model_dump(mode="json"))
        workspace.save_state("view", {"image_id": "c", "z": 2})
    before, content = len(driver.events.log), path.read_bytes()
    state = restored(path, driver)
    assert (state.image_id, state.setting.border) == ("c", 4)
    assert len(driver.events.log) == before
    assert driver.session.setting == Setting()
    assert path.read_bytes() == content


def test_fragments_that_are_not_open_are_left_out_and_reported(driver, path):
    with Workspace.open(path) as workspace:
        workspace.save_state("view", {"image_id": "gone", "z": 3, "camera_zoom": 2})
        workspace.set_accepted({"gone": Setting(), "b": Setting(border=1)})
        workspace.add_history(HistoryEntry("gone", Setting()))
        workspace.add_history(HistoryEntry("b", Setting(border=1)))
    state = restored(path, driver)
    assert (state.image_id, state.z, state.camera_zoom) == (None, None, 2.0)
    assert state.accepted == {"b": Setting(border=1)}
    assert [entry.image_id for entry in state.history] == ["b"]
    assert len(state.problems) == 2
    assert all("gone" in problem and "is not in data" in problem for problem in state.problems)


def test_settings_that_do_not_fit_any_more_are_reported(driver, path):
    block = Setting(domain="block", block=((100, 101), (0, 5), (0, 5)))
    with Workspace.open(path) as workspace:
        workspace.set_accepted({"a": Setting(weights={"unet": 1}), "b": block, "c": Setting()})
        workspace.save_state("setting", {"quantile": 7})
        workspace.set_pin("A", Setting(border=1))
        workspace.set_pin("B", Setting(border=2))
    connection = sqlite3.connect(path)
    connection.execute("UPDATE settings SET json = '{}' WHERE json LIKE '%\"border\":1,%'")
    connection.commit()
    connection.close()
    state = restored(path, driver)
    assert state.setting is None
    assert state.accepted == {"c": Setting()}
    assert state.pins == {"B": Setting(border=2)}
    problems = "\n".join(state.problems)
    assert len(state.problems) == 4
    for part in (
        "quantile",
        "fragment a",
        "fragment b",
        "pins 1: found a setting that was changed",
    ):
        assert part in problems


def test_weights_of_volumes_that_are_gone_leave_the_sliders(driver, path):
    with Workspace.open(path) as workspace:
        kept = Setting(weights={"unet": 1}, border=2)
        workspace.save_state("setting", kept.model_dump(mode="json"))
    assert restored(path, driver).setting == Setting(border=2)


def test_the_quantile_of_the_visible_block_is_of_what_is_visible_now(driver, path):
    kept = Setting(domain=Domain.BLOCK, block=((100, 101), (0, 5), (0, 5)))
    with Workspace.open(path) as workspace:
        workspace.save_state("setting", kept.model_dump(mode="json"))
        workspace.save_state("view", {"image_id": "b", "z": 4})
    resume(driver.session, restored(path, driver))
    assert driver.session.setting.block == driver.session.view.extents == ((4, 5), (0, 18), (0, 27))
    driver.settle()
    driver.assert_shows_the_definition()


@pytest.mark.parametrize(
    ("view", "z", "zoom", "center"),
    [
        ({"image_id": "b", "z": 99}, 4, None, ()),
        ({"image_id": "b", "z": -(10**30)}, 0, None, ()),
        ({"image_id": "b", "z": True}, None, None, ()),
        ({"image_id": "b", "z": "1", "camera_zoom": "2"}, None, None, ()),
        ({"image_id": "b", "camera_zoom": -1, "camera_center": [1]}, None, None, ()),
        ({"image_id": "b", "camera_zoom": 10**400, "camera_center": [1, None]}, None, None, ()),
        ({"image_id": "b", "camera_zoom": True, "camera_center": [1, 2.5]}, None, None, (1, 2.5)),
        ({"image_id": ["b"]}, None, None, ()),
        ([1], None, None, ()),
    ],
)
def test_a_view_that_anyone_may_have_written_is_checked(driver, path, view, z, zoom, center):
    with Workspace.open(path) as workspace:
        workspace.save_state("view", json.loads(json.dumps(view)))
    state = restored(path, driver)
    assert (state.z, state.camera_zoom, state.camera_center) == (z, zoom, center)
    resume(driver.session, state)
    assert driver.events.of("failed") == []
    known = isinstance(view, dict) and view["image_id"] == "b"
    assert state.image_id == ("b" if known else None)
    assert len(state.problems) == (0 if known else 1)


def test_a_session_belongs_to_its_signals_only_while_the_autosave_is_open(dataset, path):
    session = Session(dataset, post=lambda function: function())
    try:
        before = [len(s) for s in (session.setting_changed, session.figures_changed)]
        autosave = Autosave(session, path, History(), post=lambda function: function())
        autosave.close()
        after = [len(s) for s in (session.setting_changed, session.figures_changed)]
        assert before == after
    finally:
        session.close()
