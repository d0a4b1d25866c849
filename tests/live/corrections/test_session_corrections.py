"""What is corrected by hand is in every mask and figure, whatever the sliders do."""

from __future__ import annotations

import numpy as np
import pytest

from napari_nx46 import leaderboard
from napari_nx46.core.measure.volume import measure_volume
from napari_nx46.live.corrections.session_corrections import SessionCorrections
from napari_nx46.live.derived.comparison import ComparedMask, ComparisonFollower, packed_mask_of
from napari_nx46.live.derived.profile import Profile
from napari_nx46.live.derived.scoring import ScoreFollower
from napari_nx46.live.masks.pin_follower import PinFollower
from napari_nx46.live.masks.pins import Pins
from napari_nx46.live.view import slice_view, volume_view
from napari_nx46.setting import Setting
from napari_nx46.voxels.blocks import whole_block
from napari_nx46.voxels.corrections.corrections import Corrections
from napari_nx46.voxels.overlap import overlap
from tests.live.driver import PATIENCE, Events, plane_view, settle

CLEANED = Setting(quantile=0.85, hysteresis=True, low_quantile=0.6, smallest_object=20)
STROKE = np.s_[5:8, 3:9, 2:20]
OTHER = np.s_[6:7, 5:12, 0:6]


@pytest.mark.parametrize("setting", [Setting(quantile=0.8), CLEANED])
def test_a_stroke_is_shown_before_it_returns_and_exact_once_the_worker_rests(driver, setting):
    session = driver.session
    session.apply(setting)
    driver.settle()
    for block, value in ((STROKE, 1), (OTHER, 2)):
        driver.events.log.clear()
        driver.paint(block, value)
        assert driver.events.names()[:2] == ["mask_changed", "figures_changed"]
        np.testing.assert_array_equal(driver.shown(), driver.expected()[session.view.plane])
        assert session.figures.exact
        assert not session.figures.fragment_exact
        assert not session.settled
        driver.settle()
        driver.assert_shows_the_definition()
        np.testing.assert_array_equal(session.whole_mask(), driver.expected())


def test_sliders_and_other_planes_keep_what_was_corrected(driver):
    session = driver.session
    driver.paint(STROKE, 1)
    driver.paint(OTHER, 2)
    for setting in (Setting(quantile=0.6), CLEANED, Setting(rule="probability", probability=0.9)):
        session.apply(setting)
        for view in (slice_view(session.fragment.shape, 5), plane_view((12, 20, 24), 2, 3)):
            session.look_at(view)
            driver.settle()
            driver.assert_shows_the_definition()
    assert session.present_corrections.erased == 7 * 6


def test_the_volume_in_3d_has_the_corrections(driver):
    session = driver.session
    session.look_at(volume_view(session.fragment.shape))
    driver.settle()
    driver.paint(STROKE, 1)
    driver.settle()
    whole = whole_block(session.fragment.shape)
    np.testing.assert_array_equal(session.mask_block(whole), driver.expected())
    assert session.figures.fragment_density == driver.expected().mean()


def test_every_fragment_has_its_own(driver):
    session = driver.session
    driver.paint(STROKE, 1)
    session.show_fragment("b")
    driver.settle()
    assert session.present_corrections == Corrections.none(session.fragment.shape)
    driver.assert_shows_the_definition()
    driver.events.log.clear()
    driver.paint(OTHER, 2, "a")
    assert driver.events.log == []
    driver.paint(np.s_[2:3, 0:4, :], 1)
    driver.settle()
    driver.assert_shows_the_definition()
    session.show_fragment("a")
    driver.settle()
    driver.assert_shows_the_definition()
    assert session.corrections.by_fragment.keys() == {"a", "b"}


def test_a_stroke_is_undone_as_a_whole_and_done_again(driver):
    corrections = driver.session.corrections
    states = [corrections.of("a")]
    for strokes in ((STROKE,), (STROKE, OTHER), (OTHER,)):
        for block in strokes:
            driver.paint(block, 1 + len(states) % 2, in_stroke=True)
        corrections.end_stroke()
        states.append(corrections.of("a"))
    states.append(Corrections.none(states[0].shape))
    corrections.clear("a")
    for state in states[-2::-1]:
        assert corrections.undo("a")
        assert corrections.of("a") == state
    assert not corrections.undo("a")
    assert not corrections.can_undo("a")
    for state in states[1:]:
        assert corrections.redo("a")
        assert corrections.of("a") == state
    assert not corrections.redo("a")
    corrections.undo("a")
    driver.paint(STROKE, 2)
    assert not corrections.can_redo("a")
    driver.settle()
    driver.assert_shows_the_definition()


def test_undo_of_one_fragment_leaves_the_others(driver):
    driver.paint(STROKE, 1, "a")
    driver.paint(np.s_[0:1, 0:4, :], 1, "b")
    assert driver.session.corrections.undo("a")
    assert driver.session.corrections.by_fragment.keys() == {"b"}


def test_what_was_replaced_together_is_undone_and_done_again_together(driver):
    driver.paint(STROKE, 1, "a")
    corrections = driver.session.corrections
    before = corrections.by_fragment
    loaded = {
        image_id: Corrections.of(np.full(driver.session.dataset[image_id].shape, 2, np.uint8))
        for image_id in ("a", "b")
    }
    corrections.replace_all(loaded)
    assert corrections.by_fragment == loaded
    assert corrections.undo("b")
    assert corrections.by_fragment == before
    assert corrections.redo("a")
    assert corrections.by_fragment == loaded
    corrections.clear("b")
    assert corrections.undo("a")  # but where something was corrected since
    assert corrections.by_fragment == before


def test_corrections_of_another_shape_are_refused(dataset):
    corrections = SessionCorrections(dataset)
    events = Events(corrections, "changed")
    good = Corrections.of(np.ones(dataset["b"].shape, np.uint8))
    wrong = Corrections.of(np.ones((2, 3, 4), np.uint8))
    with pytest.raises(ValueError, match=r"fragment a: found corrections of shape \(2, 3, 4\)"):
        corrections.replace_all({"b": good, "a": wrong})
    assert events.log == []
    corrections.replace_all({"b": good})
    corrections.change("b", good)
    assert events.of("changed") == [("b",)]


# ---- what follows from masks -----------------------------------------------------------------


def test_profile_and_leaderboard_score_are_those_of_the_corrected_mask(labelled, new_driver):
    driver = new_driver(labelled)
    scores = ScoreFollower(driver.session, rest_seconds=0.0)
    profile = Profile(driver.session, rest_seconds=0.0)
    scores.start()
    try:
        label = labelled["a"].label.read()
        for value in (1, 2):
            driver.paint(np.s_[4:7, 2:9, :], value)
            profile.touch()
            driver.loop.run_until(
                lambda: (
                    driver.session.settled
                    and profile.state.is_current
                    and scores.scores.fragment.is_current
                )
            )
            expected = driver.expected()
            assert profile.state.result.volume.as_record() == measure_volume(expected).as_record()
            assert scores.scores.fragment.result.value == leaderboard.score(expected, label).value
            z = driver.session.view.slice_index
            counted = scores.scores.slice.voxels
            assert counted.both == (expected[z] & (label[z] == 1)).sum()
            assert counted.only_a == (expected[z] & (label[z] == 0)).sum()
    finally:
        profile.close()
        scores.close()


def test_a_comparison_is_with_the_corrected_mask(driver):
    other = np.zeros(driver.session.fragment.shape, np.uint8)
    other[STROKE] = 1
    follower = ComparisonFollower(driver.session, rest_seconds=0.0)
    kept = packed_mask_of(other)
    follower.compare_with(ComparedMask("other", lambda _: kept))
    driver.paint(STROKE, 1)
    settle(driver)
    driver.loop.run()
    assert not follower.comparison.stale
    assert follower.comparison.whole == overlap(driver.expected(), other)
    follower.close()


def test_a_pin_keeps_what_was_corrected_when_it_was_pinned(driver):
    session, pins = driver.session, Pins()
    follower = PinFollower(session, pins)
    driver.settle()
    setting = session.setting
    masks = {}
    for letter, value in (("A", 0), ("B", 1), ("C", 2)):
        driver.paint(STROKE, value)
        driver.settle()
        masks[letter] = driver.expected()
        pins.pin(letter, setting, corrections=session.corrections.by_fragment)
    driver.paint(OTHER, 1)
    session.apply(CLEANED)
    driver.settle()
    driver.loop.run_until(lambda: all(pins.has_mask(letter, "a") for letter in "ABC"))
    assert session.graph.wait_until_idle(PATIENCE)
    whole = whole_block(session.fragment.shape)
    for letter, mask in masks.items():
        np.testing.assert_array_equal(pins.mask_block(letter, "a", whole), mask)
    pins.note_metrics(setting, "a", {"density": 0.5}, pins["B"].corrections["a"])
    assert [pin.metrics for pin in pins] == [{}, {"a": {"density": 0.5}}, {}]
    pins.pin("B", setting)
    assert pins["B"].metrics == {}
    follower.close()


def test_accepting_freezes_what_was_corrected(driver):
    session = driver.session
    driver.paint(STROKE, 1)
    session.accept()
    frozen = session.present_corrections
    driver.paint(OTHER, 2)
    assert session.accepted_corrections == {"a": frozen}
    session.corrections.clear("a")
    session.accept(("b",))
    assert session.accepted_corrections == {"a": frozen}
    session.accept()
    assert session.accepted_corrections == {}
