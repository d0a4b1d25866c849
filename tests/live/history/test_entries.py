"""What rested is in the history; undo and redo go through it as in every editor."""

from __future__ import annotations

import io

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from napari_nx46.files.workspace import HistoryEntry
from napari_nx46.live.history.entries import History, HistoryRecorder, metrics_of, same_knobs
from napari_nx46.live.history.thumbnails import LONGEST_THUMBNAIL_SIDE, thumbnail_png
from napari_nx46.live.view import Figures, slice_view, volume_view
from napari_nx46.setting import Domain, Setting, moved
from napari_nx46.voxels.corrections.corrections import Corrections
from tests.live.driver import Clock, Events, plane_view


def entry(quantile, image_id="a"):
    return HistoryEntry(image_id, Setting(quantile=quantile))


def quantiles(history):
    return [kept.setting.quantile for kept in history.entries]


# ---- the list ----------------------------------------------------------------------------------


def test_an_empty_history_has_nothing_to_go_to():
    history = History()
    assert (history.entries, history.position, history.current) == ((), -1, None)
    assert not history.can_undo
    assert not history.can_redo
    assert history.undo() is None
    assert history.redo() is None
    with pytest.raises(IndexError, match="no entry 0 in a history of 0"):
        history.jump(0)


def test_undo_and_redo_go_back_and_forth_and_a_new_entry_drops_what_was_undone():
    history = History()
    for quantile in (0.1, 0.2, 0.3):
        assert history.record(entry(quantile))
    assert history.undo().quantile == 0.2
    assert history.undo().quantile == 0.1
    assert history.undo() is None
    assert history.redo().quantile == 0.2
    assert history.record(entry(0.4))
    assert quantiles(history) == [0.1, 0.2, 0.4]
    assert history.redo() is None
    assert history.current.setting.quantile == 0.4


def test_what_equals_the_current_entry_is_not_recorded_and_keeps_what_was_undone():
    history = History([entry(0.1), entry(0.2), entry(0.3)], position=1)
    events = Events(history, "changed")
    assert not history.record(entry(0.2, "b"))
    assert quantiles(history) == [0.1, 0.2, 0.3]
    assert history.can_redo
    assert events.log == []


def test_a_jump_drops_nothing_and_changes_are_reported_once():
    history = History([entry(0.1), entry(0.2), entry(0.3)])
    events = Events(history, "changed")
    assert history.jump(0).quantile == 0.1
    assert history.jump(0).quantile == 0.1
    assert len(events.log) == 1
    assert history.can_redo
    assert history.jump(2).quantile == 0.3
    assert len(history) == 3
    for index in (-1, 3):
        with pytest.raises(IndexError):
            history.jump(index)


def test_only_the_newest_entries_are_kept():
    history = History([entry(q / 100) for q in range(5)], capacity=3)
    assert quantiles(history) == [0.02, 0.03, 0.04]
    assert history.position == 2
    history.undo()
    history.record(entry(0.5))
    history.record(entry(0.6))
    assert quantiles(history) == [0.03, 0.5, 0.6]
    early = History([entry(q / 100) for q in range(5)], position=0, capacity=3)
    assert early.current.setting.quantile == 0.0
    assert len(early) == 3


def test_figures_that_come_late_are_filled_in_and_reported():
    history = History([entry(0.1), entry(0.2)])
    events = Events(history, "changed")
    first = history.entries[0].id
    assert history.update_metrics(first, {"leaderboard_score": 0.5})
    assert not history.update_metrics(first, {"leaderboard_score": 0.5})
    assert not history.update_metrics("gone", {"leaderboard_score": 0.5})
    assert history.update_metrics(first, {"density": 0.1})
    assert history.entries[0].metrics == {"leaderboard_score": 0.5, "density": 0.1}
    assert history.entries[1].metrics == {}
    assert history.position == 1
    assert len(events.log) == 2


@given(
    todo=st.lists(
        st.sampled_from(["undo", "redo"]) | st.integers(0, 9) | st.tuples(st.integers(0, 20)),
        max_size=40,
    ),
    capacity=st.integers(1, 6),
)
def test_a_history_behaves_like_two_stacks(todo, capacity):
    history, done, undone = History(capacity=capacity), [], []
    for step in todo:
        if step == "undo":
            if len(done) > 1:
                undone.append(done.pop())
                assert history.undo().border == done[-1]
            else:
                assert history.undo() is None
        elif step == "redo":
            assert (history.redo() is None) == (not undone)
            if undone:
                done.append(undone.pop())
        elif isinstance(step, tuple):
            line = done + undone[::-1]
            if step[0] < len(line):
                assert history.jump(step[0]).border == line[step[0]]
                done, undone = line[: step[0] + 1], line[: step[0] : -1]
        elif not done or done[-1] != step:
            history.record(HistoryEntry("a", Setting(border=step)))
            done, undone = [*done, step][-capacity:], []
        else:
            assert not history.record(HistoryEntry("a", Setting(border=step)))
        assert [kept.setting.border for kept in history.entries] == done + undone[::-1]
        assert history.position == len(done) - 1
        assert history.can_undo == (len(done) > 1)
        assert history.can_redo == bool(undone)


# ---- the recorder ------------------------------------------------------------------------------


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def recording(driver, clock):
    """Return a driver that has settled, with a recorder that has recorded the first setting."""
    recorder = HistoryRecorder(driver.session, History(), clock.call_later)
    driver.settle()
    clock.advance(1.0)
    assert len(recorder.history) == 1
    yield recorder
    recorder.close()


def rest(driver, clock):
    driver.settle()
    clock.advance(0.7)


def test_a_setting_is_recorded_once_it_has_rested_with_exact_figures(driver, recording, clock):
    session, history = driver.session, recording.history
    for quantile in (0.6, 0.7, 0.8):
        session.change(quantile=quantile)
        clock.advance(0.6)
    driver.settle()
    clock.advance(0.05)
    assert len(history) == 1
    clock.advance(0.1)
    assert quantiles(history)[1:] == [0.8]
    newest, expected = history.current, driver.expected()
    plane = session.view.plane
    assert newest.image_id == "a"
    assert newest.setting == session.setting
    assert newest.metrics == {
        "threshold": session.exact_threshold.at(6),
        "low_threshold": None,
        "slice_density": expected[plane].mean(),
        "block_density": expected[plane].mean(),
        "fragment_density": expected.mean(),
    }
    picture = np.asarray(Image.open(io.BytesIO(newest.thumbnail)))
    np.testing.assert_array_equal(picture, expected[plane][0] * 255)
    clock.advance(100)
    driver.settle()
    assert len(history) == 2


def test_a_setting_that_is_corrected_before_it_has_rested_is_gone_back_to(driver, recording, clock):
    session, history = driver.session, recording.history
    session.change(quantile=0.6)
    labels = np.zeros(session.fragment.shape, np.uint8)
    for voxel in range(2):
        labels[0, 0, voxel] = 1
        session.corrections.change("a", Corrections.of(labels), in_stroke=True)
    assert len(history) == 2
    assert recording.undo()
    assert (session.setting.quantile, session.present_corrections.added) == (0.6, 0)
    assert recording.redo()
    assert (session.setting.quantile, session.present_corrections.added) == (0.6, 2)
    assert len(history) == 3


def test_a_setting_that_rests_before_its_figures_are_exact_is_recorded_when_they_are(
    driver, recording, clock
):
    driver.session.change(quantile=0.6)
    assert driver.session.wait_until_exact(30)
    clock.advance(5.0)
    assert len(recording.history) == 1
    driver.loop.run()
    assert len(recording.history) == 2
    assert recording.history.current.metrics["fragment_density"] == driver.expected().mean()


def test_looking_elsewhere_records_nothing(driver, recording, clock):
    session = driver.session
    session.look_at(slice_view(session.fragment.shape, 2))
    rest(driver, clock)
    session.look_at(volume_view(session.fragment.shape))
    rest(driver, clock)
    session.show_fragment("b")
    rest(driver, clock)
    assert len(recording.history) == 1
    assert clock.calls == {}


@pytest.mark.parametrize("axis", [None, 1, 2])
def test_other_planes_and_the_volume_have_a_thumbnail_too(driver, recording, clock, axis):
    session = driver.session
    shape = session.fragment.shape
    session.look_at(volume_view(shape) if axis is None else plane_view(shape, axis, 3))
    session.change(quantile=0.7)
    rest(driver, clock)
    picture = np.asarray(Image.open(io.BytesIO(recording.history.current.thumbnail)))
    expected = driver.expected()
    plane = expected[shape[0] // 2] if axis is None else expected.take(3, axis=axis)
    np.testing.assert_array_equal(picture, plane * 255)


def test_undo_and_redo_move_the_sliders_and_are_not_recorded_themselves(driver, recording, clock):
    session = driver.session
    first = session.setting
    for quantile in (0.6, 0.7):
        session.change(quantile=quantile)
        rest(driver, clock)
    before = recording.history.entries
    assert recording.undo()
    assert session.setting.quantile == 0.6
    rest(driver, clock)
    driver.assert_shows_the_definition()
    assert recording.undo()
    assert session.setting == first
    rest(driver, clock)
    assert not recording.undo()
    assert recording.redo()
    rest(driver, clock)
    recording.jump(2)
    rest(driver, clock)
    assert session.setting.quantile == 0.7
    assert not recording.redo()
    assert recording.history.entries == before


def test_undo_before_the_rest_goes_back_to_what_rested_and_redo_returns(driver, recording, clock):
    session = driver.session
    first = session.setting
    session.change(quantile=0.6)
    assert recording.undo()
    assert session.setting == first
    rest(driver, clock)
    assert recording.redo()
    assert session.setting.quantile == 0.6
    rest(driver, clock)
    entries = recording.history.entries
    assert [kept.setting.quantile for kept in entries] == [first.quantile, 0.6]
    # Its figures were not known when it was recorded, and are filled in now.
    assert entries[1].metrics["fragment_density"] == driver.expected().mean()


def test_a_preview_is_never_recorded_as_a_figure(driver, recording):
    driver.session.change(quantile=0.6)
    assert not driver.session.figures.exact
    recording.record_now()
    assert set(recording.history.current.metrics.values()) == {None}


def test_a_slider_that_moves_after_an_undo_drops_what_was_undone(driver, recording, clock):
    session = driver.session
    for quantile in (0.6, 0.7):
        session.change(quantile=quantile)
        rest(driver, clock)
    recording.undo()
    session.change(quantile=0.8)
    assert not recording.redo()
    rest(driver, clock)
    assert quantiles(recording.history)[1:] == [0.6, 0.8]


def test_a_jump_drops_nothing_even_before_the_rest(driver, recording, clock):
    session = driver.session
    for quantile in (0.6, 0.7):
        session.change(quantile=quantile)
        rest(driver, clock)
    recording.undo()
    session.change(quantile=0.8)
    recording.jump(2)
    rest(driver, clock)
    assert session.setting.quantile == 0.7
    assert quantiles(recording.history)[1:] == [0.6, 0.7]
    session.change(quantile=0.9)
    recording.jump(0)
    assert quantiles(recording.history)[1:] == [0.6, 0.7, 0.9]
    with pytest.raises(IndexError):
        recording.jump(9)


def test_the_visible_block_alone_makes_no_entry_and_undo_keeps_the_present_one(
    driver, recording, clock
):
    session = driver.session
    session.change(domain=Domain.BLOCK, quantile=0.6)
    rest(driver, clock)
    session.change(quantile=0.7)
    rest(driver, clock)
    seen = plane_view(session.fragment.shape, 0, 6, ((6, 7), (2, 9), (3, 11)))
    session.look_at(seen)
    rest(driver, clock)
    assert len(recording.history) == 3
    assert recording.undo()
    rest(driver, clock)
    assert session.setting.block == seen.extents
    session.look_at(slice_view(session.fragment.shape, 5))
    rest(driver, clock)
    assert recording.redo()
    assert session.setting.block == session.view.extents
    rest(driver, clock)
    driver.assert_shows_the_definition()
    assert len(recording.history) == 3


def test_undo_takes_only_the_volumes_that_the_fragment_has(driver, clock):
    kept = [
        HistoryEntry("a", Setting(weights={"unet": 1}, quantile=0.6)),
        HistoryEntry("a", driver.session.setting),
    ]
    recorder = HistoryRecorder(driver.session, History(kept), clock.call_later)
    assert recorder.undo()
    rest(driver, clock)
    assert driver.session.setting == Setting(quantile=0.6)
    driver.assert_shows_the_definition()
    assert recorder.history.entries[0] == kept[0]
    assert len(recorder.history) == 2
    assert recorder.history.can_redo
    recorder.close()


def test_a_history_goes_on_where_it_ended(driver, clock):
    kept = [HistoryEntry("a", Setting(quantile=0.6)), HistoryEntry("a", driver.session.setting)]
    recorder = HistoryRecorder(driver.session, History(kept), clock.call_later)
    rest(driver, clock)
    assert len(recorder.history) == 2
    assert recorder.history.current.metrics["fragment_density"] == driver.expected().mean()
    assert recorder.undo()
    assert driver.session.setting.quantile == 0.6
    recorder.close()


def test_a_closed_recorder_records_nothing(driver, recording, clock):
    driver.session.change(quantile=0.6)
    recording.close()
    recording.close()
    assert clock.calls == {}
    driver.session.change(quantile=0.7)
    rest(driver, clock)
    recording.record_now()
    assert len(recording.history) == 1


def test_a_burst_keeps_one_call_waiting(driver, recording, clock):
    for step in range(200):
        driver.session.change(quantile=0.5 + step / 1000)
        assert len(clock.calls) == 1
    rest(driver, clock)
    assert quantiles(recording.history)[1:] == [0.5 + 199 / 1000]


def test_a_fragment_that_cannot_be_read_is_not_recorded(damaged, new_driver, clock):
    driver = new_driver(damaged)
    recorder = HistoryRecorder(driver.session, History(), clock.call_later)
    rest(driver, clock)
    assert len(recorder.history) == 0
    driver.session.show_fragment("b")
    rest(driver, clock)
    assert len(recorder.history) == 1
    recorder.close()


# ---- figures and pictures ----------------------------------------------------------------------


def test_figures_that_are_not_exact_or_no_numbers_are_unknown():
    figures = Figures(0.5, float("nan"), 0.1, 0.2, 0.3, exact=True, fragment_exact=False)
    assert metrics_of(figures) == {
        "threshold": 0.5,
        "low_threshold": None,
        "slice_density": 0.1,
        "block_density": 0.2,
        "fragment_density": None,
    }


def test_knobs_are_the_same_whatever_block_was_visible():
    one = Setting(domain="block", block=((0, 1), (0, 2), (0, 3)))
    other = one.changed(block=((1, 2), (0, 2), (0, 3)))
    assert same_knobs(one, other)
    assert not same_knobs(one, moved(other, quantile=0.5))
    assert not same_knobs(one, Setting())
    assert same_knobs(Setting(), Setting())


@pytest.mark.parametrize("shape", [(1, 300, 200), (1, 97, 5), (500, 1, 90), (8, 400, 1), (3, 9, 4)])
def test_a_thumbnail_is_small_and_shows_the_share_of_foreground(shape):
    rng = np.random.default_rng(5)
    mask = (rng.random(shape) < 0.4).astype(np.uint8)
    content = thumbnail_png(mask)
    picture = Image.open(io.BytesIO(content))
    assert (picture.format, picture.mode) == ("PNG", "L")
    assert max(picture.size) <= LONGEST_THUMBNAIL_SIDE
    assert len(content) < 10_000
    axis = shape.index(1) if 1 in shape else 0
    plane = mask.take(shape[axis] // 2, axis=axis)
    ratio = max(plane.shape) / max(picture.size)
    assert abs(plane.shape[0] / ratio - picture.height) <= 1
    assert abs(np.asarray(picture).mean() / 255 - plane.mean()) < 0.03


def test_empty_and_full_masks_stay_black_and_white_in_a_thumbnail():
    for value in (0, 1):
        picture = Image.open(io.BytesIO(thumbnail_png(np.full((1, 301, 205), value, np.uint8))))
        assert picture.getextrema() == (value * 255, value * 255)
