"""The chooser of presets, alone on a session without a window."""

from __future__ import annotations

import numpy as np
import pytest
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QInputDialog, QMessageBox

from napari_nx46.data.fragments import open_data, write_data_folder
from napari_nx46.files.presets import PresetStore
from napari_nx46.live.session import Session
from napari_nx46.live.view import slice_view
from napari_nx46.setting import (
    Domain,
    Setting,
    all_presets,
    preset,
    preset_description,
    preset_notes,
)
from napari_nx46.viewer.messages.plain_text import plain_tip
from napari_nx46.viewer.tune.preset_panel import NOTHING_CHOSEN, PresetPanel

SHAPE = (5, 12, 14)


@pytest.fixture(scope="module")
def dataset(tmp_path_factory):
    root = tmp_path_factory.mktemp("presets")
    rng = np.random.default_rng(6)
    for image_id in "ab":
        voxels = rng.random(SHAPE).astype(np.float32)
        write_data_folder(root, image_id, {"p3d": voxels, "p2d": voxels[::-1]})
    return open_data(root)


@pytest.fixture
def store(tmp_path):
    return PresetStore(tmp_path / "own presets")


@pytest.fixture
def new_panel(dataset, store, qtbot):
    """Return a function that makes a panel and its session; all are closed afterwards."""
    sessions = []

    def make(setting=None):
        session = Session(dataset, post=lambda function: None, setting=setting)
        sessions.append(session)
        panel = PresetPanel(session, store)
        qtbot.addWidget(panel)
        return panel, session

    yield make
    for session in sessions:
        session.close()


@pytest.fixture
def answer(monkeypatch):
    """Return a function that lets the user answer what is asked next, and what was asked."""
    asked = []

    def name(text, confirmed=True):
        monkeypatch.setattr(
            QInputDialog, "getText", lambda *a, **k: (asked.append(k), (text, confirmed))[1]
        )

    def question(yes):
        button = QMessageBox.StandardButton.Yes if yes else QMessageBox.StandardButton.No
        monkeypatch.setattr(QMessageBox, "question", lambda *a: (asked.append(a), button)[1])

    name.question, name.asked = question, asked
    return name


def listed(panel):
    return [text for i in range(panel.box.count()) if (text := panel.box.itemText(i))]


def choose(panel, name):
    """Choose a name in the box as a click does."""
    index = panel.box.findText(name)
    assert index >= 0, name
    panel.box.setCurrentIndex(index)
    panel.box.activated.emit(index)


def shown_text(panel):
    """Return what the closed box shows."""
    return panel.box.currentText() or panel.box.placeholderText()


def test_all_published_presets_are_listed_and_then_the_users_own(new_panel, store):
    store.save("zebra", Setting(blend=0.1))
    store.save("ape", Setting(blend=0.2))
    panel, _ = new_panel()
    assert listed(panel) == [*all_presets(), "ape", "zebra"]
    separator = len(all_presets())
    assert panel.box.itemText(separator) == ""
    assert panel.box.itemText(separator + 1) == "ape"


def test_every_published_preset_sets_all_knobs(new_panel):
    panel, session = new_panel()
    assert shown_text(panel) == NOTHING_CHOSEN
    for name, setting in all_presets().items():
        choose(panel, name)
        assert session.setting == setting
        assert shown_text(panel) == name
        assert not panel.delete_button.isEnabled()
        assert panel.message_label.isHidden()
        description = preset_description(name)
        assert panel.description_label.text() == description
        assert not panel.description_label.isHidden()
        tip = panel.box.itemData(panel.box.findText(name), Qt.ItemDataRole.ToolTipRole)
        notes = [f"{title.capitalize()}: {text}" for title, text in preset_notes(name).items()]
        assert tip == plain_tip("\n".join([description, *notes]))
        assert panel.description_label.toolTip() == tip
    session.change(border=63)
    assert panel.description_label.isHidden()


def test_the_box_says_that_the_sliders_have_moved_and_come_back(new_panel):
    panel, session = new_panel()
    choose(panel, "first-place")
    session.change(border=4)
    assert shown_text(panel) == "first-place (changed)"
    session.change(closing_ball=2)
    assert shown_text(panel) == "first-place (changed)"
    session.apply(preset("first-place"))
    assert shown_text(panel) == "first-place"
    session.change(border=4)
    choose(panel, "first-place")
    assert session.setting == preset("first-place")
    assert shown_text(panel) == "first-place"


def test_a_session_that_begins_at_a_published_preset_shows_its_name(new_panel):
    panel, _ = new_panel(preset("twelfth-place"))
    assert shown_text(panel) == "twelfth-place"


def test_the_users_own_is_saved_chosen_and_deleted(new_panel, store, answer):
    panel, session = new_panel()
    session.change(blend=0.31, closing_z=2)
    mine = session.setting
    answer("mine")
    panel.save_button.click()
    assert store.read("mine") == mine
    assert shown_text(panel) == "mine"
    assert listed(panel)[-1] == "mine"
    assert panel.delete_button.isEnabled()
    session.apply(Setting())
    assert shown_text(panel) == "mine (changed)"
    choose(panel, "mine")
    assert session.setting == mine

    answer.question(False)
    panel.delete_button.click()
    assert store.names() == ("mine",)
    answer.question(True)
    panel.delete_button.click()
    assert store.names() == ()
    assert listed(panel) == list(all_presets())
    assert shown_text(panel) == NOTHING_CHOSEN
    assert not panel.delete_button.isEnabled()
    assert session.setting == mine


def test_nothing_is_saved_without_a_name(new_panel, store, answer):
    panel, _ = new_panel()
    for name, confirmed in (("mine", False), ("", True), ("   ", True)):
        answer(name, confirmed)
        panel.save_button.click()
    assert store.names() == ()
    assert shown_text(panel) == NOTHING_CHOSEN


@pytest.mark.parametrize("name", ["first-place", "FIRST-PLACE", "../outside", "a/b", "x" * 200])
def test_names_that_cannot_be_a_users_are_refused_with_a_reason(
    new_panel, store, answer, tmp_path, name
):
    panel, session = new_panel()
    answer(name)
    panel.save_button.click()
    assert store.names() == ()
    assert not list(tmp_path.rglob("*.json"))
    assert not panel.message_label.isHidden()
    assert "expected" in panel.message_label.text() or "published" in panel.message_label.text()
    assert session.setting == Setting()
    answer("mine")
    panel.save_button.click()
    assert panel.message_label.isHidden()


def test_an_own_preset_is_replaced_only_after_asking(new_panel, store, answer):
    store.save("mine", Setting(blend=0.1))
    panel, session = new_panel()
    session.change(blend=0.9)
    answer("mine")
    answer.question(False)
    panel.save_button.click()
    assert store.read("mine") == Setting(blend=0.1)
    answer.question(True)
    panel.save_button.click()
    assert store.read("mine") == Setting(blend=0.9)
    assert shown_text(panel) == "mine"
    assert answer.asked[-2] == {"text": ""}  # no preset of the user's was chosen
    session.change(blend=0.8)
    panel.save_button.click()
    assert answer.asked[-2] == {"text": "mine"}


def test_a_preset_that_another_window_saved_is_not_replaced_silently(new_panel, store, answer):
    panel, _ = new_panel()
    store.save("mine", Setting(blend=0.1))
    answer("mine")
    answer.question(False)
    panel.save_button.click()
    assert store.read("mine") == Setting(blend=0.1)


def test_a_damaged_preset_is_reported_changes_nothing_and_can_be_deleted(new_panel, store, answer):
    store.folder.mkdir()
    (store.folder / "torn.json").write_text('{"quantile": 7')
    panel, session = new_panel()
    choose(panel, "first-place")
    choose(panel, "torn")
    assert "torn.json" in panel.message_label.text()
    assert session.setting == preset("first-place")
    # What is shown is what the button deletes.
    assert shown_text(panel) == "torn (cannot be read)"
    assert panel.delete_button.isEnabled()
    answer.question(True)
    panel.delete_button.click()
    assert store.names() == ()
    assert panel.message_label.isHidden()


def test_a_preset_that_has_gone_is_reported(new_panel, store):
    store.save("mine", Setting(blend=0.1))
    panel, session = new_panel()
    store.delete("mine")
    choose(panel, "mine")
    assert "mine" in panel.message_label.text()
    assert session.setting == Setting()


def test_a_folder_that_cannot_be_used_is_reported(new_panel, store, answer):
    store.folder.write_text("no folder")
    panel, _ = new_panel()
    assert "cannot be listed" in panel.message_label.text()
    assert listed(panel) == list(all_presets())
    answer("mine")
    panel.save_button.click()
    assert panel.message_label.text().startswith("Not saved")


def test_a_preset_of_the_visible_block_takes_the_block_that_is_visible_now(
    new_panel, store, answer
):
    panel, session = new_panel()
    session.change(domain=Domain.BLOCK, quantile=0.8)
    answer("block")
    panel.save_button.click()
    session.apply(Setting())
    session.look_at(slice_view(SHAPE, 1))
    choose(panel, "block")
    assert session.setting.block == session.view.extents != store.read("block").block
    assert session.setting.quantile == 0.8
    session.look_at(slice_view(SHAPE, 2))
    assert shown_text(panel) == "block"
    session.change(quantile=0.7)
    assert shown_text(panel) == "block (changed)"
