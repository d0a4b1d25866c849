"""A sitting goes on where the last one ended, whatever became of the workspace file."""

from __future__ import annotations

import numpy as np
import pytest

from napari_nx46.files.workspace import HistoryEntry, Workspace
from napari_nx46.live.history.entries import REST_SECONDS
from napari_nx46.live.history.session_store import SessionStore
from napari_nx46.live.masks.pins import Pins
from napari_nx46.live.view import slice_view
from napari_nx46.setting import Setting
from napari_nx46.voxels.corrections.corrections import Corrections
from tests.live.driver import Clock, Events, named_threads, wait_for


class Sitting:
    """A driver whose doings are kept."""

    def __init__(self, driver, path):
        self.driver = driver
        self.session = driver.session
        self.clock = Clock()
        self.pins = Pins()
        self.keeping = SessionStore(
            self.session, self.pins, path, post=driver.loop.post, call_later=self.clock.call_later
        )
        self.events = Events(self.keeping, "failed", "problem")

    def begin(self):
        """Begin, and wait until the history is there."""
        state = self.keeping.begin()
        self.driver.loop.run_until(lambda: self.keeping.begun)
        return state

    def rest(self):
        """Let the setting stand still until it is in the history."""
        self.driver.settle()
        self.clock.advance(REST_SECONDS + 0.1)
        self.driver.settle()

    @property
    def quantiles(self):
        return [entry.setting.quantile for entry in self.keeping.history.entries]


@pytest.fixture
def path(tmp_path):
    return tmp_path / "workspaces" / "data" / "runs.sqlite"


@pytest.fixture
def new_sitting(dataset, new_driver):
    """Return a function that begins a sitting; all are closed afterwards."""
    made = []

    def make(path, **options):
        sitting = Sitting(new_driver(dataset, **options), path)
        made.append(sitting)
        return sitting

    yield make
    for sitting in made:
        sitting.keeping.close()


def test_a_sitting_goes_on_where_the_last_one_ended(new_sitting, path):
    first = new_sitting(path)
    assert first.begin().setting is None
    for quantile in (0.8, 0.7, 0.6):
        first.session.change(quantile=quantile)
        first.rest()
    assert first.keeping.undo()
    first.session.show_fragment("b")
    first.session.look_at(slice_view(first.session.fragment.shape, 1))
    first.pins.pin("B", Setting(blend=0.25))
    first.session.accept(("a", "c"))
    first.keeping.note_view({"camera_zoom": 3.0, "camera_center": [4.0, 5.0]})
    first.keeping.close()

    second = new_sitting(path)
    state = second.begin()
    assert (state.camera_zoom, state.camera_center) == (3.0, (4.0, 5.0))
    assert second.session.setting == first.session.setting == Setting(quantile=0.7)
    assert second.session.fragment.image_id == "b"
    assert second.session.view.slice_index == 1
    assert second.session.accepted == first.session.accepted
    assert [(pin.letter, pin.setting) for pin in second.pins] == [("B", Setting(blend=0.25))]
    assert second.quantiles == first.quantiles
    assert second.quantiles[-3:] == [0.8, 0.7, 0.6]
    assert second.keeping.redo()
    assert second.session.setting.quantile == 0.6
    assert not second.keeping.redo()
    second.keeping.jump(len(second.quantiles) - 3)
    assert second.session.setting.quantile == 0.8
    second.pins.unpin("B")
    second.keeping.close()

    third = new_sitting(path)
    third.begin()
    assert third.session.setting.quantile == 0.8
    assert list(third.pins) == []
    assert third.events.log == []


STROKE, OTHER = np.s_[5:8, 3:9, 2:20], np.s_[6:7, 5:12, 0:6]


def test_what_was_corrected_is_kept_with_pins_accepted_settings_and_history(new_sitting, path):
    first = new_sitting(path)
    first.begin()
    first.rest()
    states = [first.session.present_corrections]
    for block, value in ((STROKE, 1), (OTHER, 2)):
        first.driver.paint(block, value)
        first.rest()
        states.append(first.session.present_corrections)
    first.session.change(quantile=0.8)
    first.pins.pin("A", Setting(), corrections={"a": states[1]})
    first.session.accept(("a", "b"))
    first.driver.paint(np.s_[0:1, 0:2, :], 1, "b")
    first.rest()
    of_b = first.session.corrections.of("b")
    first.keeping.close()

    second = new_sitting(path)
    second.begin()
    session = second.session
    assert session.corrections.by_fragment == {"a": states[2], "b": of_b}
    assert session.accepted_corrections == {"a": states[2]}
    assert second.pins["A"].corrections == {"a": states[1]}
    assert not session.corrections.can_undo("a")
    for corrections in reversed(states):
        assert second.keeping.undo()
        assert session.present_corrections == corrections
        assert session.setting == Setting()
    assert session.corrections.of("b") == of_b
    second.keeping.jump(len(second.quantiles) - 1)
    assert (session.setting.quantile, session.present_corrections) == (0.8, states[2])
    second.rest()
    second.driver.assert_shows_the_definition()
    session.corrections.clear("a")
    second.keeping.close()

    third = new_sitting(path)
    third.begin()
    assert third.session.corrections.by_fragment == {"b": of_b}
    assert third.session.accepted_corrections == {"a": states[2]}
    assert third.events.log == []


def test_undo_leaves_fragments_alone_that_are_not_shown(new_sitting):
    sitting = new_sitting(None)
    sitting.begin()
    sitting.rest()
    sitting.driver.paint(STROKE, 1)
    sitting.rest()
    painted = sitting.session.corrections.of("a")
    sitting.session.show_fragment("b")
    sitting.session.change(quantile=0.6)
    sitting.rest()
    assert sitting.keeping.undo()
    assert sitting.keeping.undo()
    assert sitting.session.corrections.of("a") == painted
    sitting.session.show_fragment("a")
    sitting.rest()
    assert sitting.session.corrections.of("a") == painted


def test_corrections_of_data_that_were_exchanged_are_left_out_and_reported(new_sitting, path):
    wrong = Corrections.of(np.ones((2, 3, 4), np.uint8))
    with Workspace.open(path) as workspace:
        workspace.set_corrections("a", wrong)
        workspace.set_corrections("gone", wrong)
        workspace.set_accepted({"a": Setting(), "b": Setting()}, {"a": wrong})
    sitting = new_sitting(path)
    sitting.begin()
    assert sitting.session.corrections.by_fragment == {}
    assert sitting.session.accepted == {"b": Setting()}
    (first,), (second,), (third,) = sitting.events.of("problem")
    assert "found corrections of shape (2, 3, 4), expected (12, 20, 24)" in first
    assert "corrections of gone, which is not in" in second
    assert "accepted setting does not fit" in third
    sitting.keeping.close()
    with Workspace.open(path) as workspace:
        assert workspace.corrections() == {"a": wrong, "gone": wrong}


def test_what_is_done_before_the_history_has_come_is_kept_too(new_sitting, path):
    with Workspace.open(path) as workspace:
        workspace.add_history(HistoryEntry("a", Setting(quantile=0.5)))
    sitting = new_sitting(path)
    sitting.keeping.begin()
    assert not sitting.keeping.begun
    assert not sitting.keeping.undo()
    with pytest.raises(IndexError, match="not there yet"):
        sitting.keeping.jump(0)
    sitting.session.change(quantile=0.4)
    sitting.pins.pin("A", Setting(quantile=0.4))
    sitting.keeping.note_view({"camera_zoom": 7.0})
    sitting.driver.loop.run_until(lambda: sitting.keeping.begun)
    sitting.rest()
    assert sitting.quantiles == [0.5, 0.4]
    assert sitting.keeping.flush()
    with Workspace.open(path) as workspace:
        assert workspace.state("setting")["quantile"] == 0.4
        assert [pin.letter for pin in workspace.pins()] == ["A"]
        assert workspace.state("view")["camera_zoom"] == 7.0
        assert len(workspace.history()) == 2


@pytest.mark.parametrize("damage", ["no database", "a newer version", "a folder"])
def test_a_file_that_cannot_be_used_is_reported_and_nothing_is_kept(new_sitting, path, damage):
    path.parent.mkdir(parents=True)
    if damage == "a folder":
        path.mkdir()
    elif damage == "no database":
        path.write_bytes(b"runs, but not SQLite" * 100)
    else:
        with Workspace.open(path) as workspace:
            workspace._database.execute("PRAGMA user_version = 99")
    before = sorted(path.parent.iterdir()), path.read_bytes() if path.is_file() else b""
    sitting = new_sitting(path)
    sitting.begin()
    ((error,),) = sitting.events.of("failed")
    assert str(path) in str(error)
    assert sitting.keeping.path is None
    sitting.rest()
    sitting.session.change(quantile=0.6)
    sitting.rest()
    assert sitting.keeping.undo()
    assert sitting.keeping.flush()
    sitting.keeping.close()
    assert before == (sorted(path.parent.iterdir()), path.read_bytes() if path.is_file() else b"")


def test_without_a_file_there_is_a_history_all_the_same(new_sitting):
    sitting = new_sitting(None)
    sitting.begin()
    sitting.rest()
    sitting.session.change(quantile=0.6)
    assert sitting.keeping.undo()
    assert sitting.session.setting == Setting()
    assert sitting.keeping.redo()
    assert sitting.session.setting.quantile == 0.6


def test_what_does_not_fit_is_reported_once(new_sitting, path):
    with Workspace.open(path) as workspace:
        workspace.set_accepted({"elsewhere": Setting()})
    sitting = new_sitting(path)
    sitting.begin()
    ((problem,),) = sitting.events.of("problem")
    assert "elsewhere" in problem


def test_a_sitting_that_is_closed_early_leaves_nothing_behind(new_sitting, path):
    sitting = new_sitting(path)
    sitting.keeping.begin()
    sitting.keeping.close()
    wait_for(lambda: not named_threads("nx46-history"))
    sitting.driver.loop.run()
    assert not sitting.keeping.begun
    assert not named_threads("nx46-autosave")
    sitting.keeping.close()
