"""The session's mask beside another one, slice by slice and as a whole."""

from __future__ import annotations

import numpy as np
import pytest

from napari_nx46 import leaderboard
from napari_nx46.live.derived.comparison import ComparedMask, ComparisonFollower, packed_mask_of
from napari_nx46.live.masks.pins import Pins
from napari_nx46.live.view import slice_view
from napari_nx46.setting import Setting
from napari_nx46.voxels.overlap import overlap, overlap_by_slice
from tests.live.driver import Events, named_threads, settle, wait_for

CLEANED = Setting(quantile=0.85, hysteresis=True, low_quantile=0.6, smallest_object=20)


@pytest.fixture
def foreign(dataset):
    """Return a mask of every fragment, made by somebody else."""
    rng = np.random.default_rng(12)
    return {
        fragment.image_id: (rng.random(fragment.shape) < 0.2).astype(np.uint8)
        for fragment in dataset
    }


@pytest.fixture
def other(foreign):
    """Return the foreign masks as what is compared with."""
    masks = {image_id: packed_mask_of(mask) for image_id, mask in foreign.items()}
    return ComparedMask("theirs.zip", masks.get)


@pytest.fixture
def new_follower():
    """Return a function that compares a driver; all are closed before the driver is."""
    made = []

    def make(driver):
        follower = ComparisonFollower(driver.session, rest_seconds=0.0)
        made.append(follower)
        return follower

    yield make
    for follower in made:
        follower.close()


def assert_compared(driver, follower, masks):
    """Check the comparison against the plain definition."""
    session, comparison = driver.session, follower.comparison
    image_id = session.fragment.image_id
    mask, theirs = driver.expected(), masks[image_id]
    assert (comparison.image_id, comparison.setting) == (image_id, session.setting)
    assert not comparison.stale
    expected = overlap_by_slice(mask, theirs)
    assert [comparison.slices[z] for z in range(len(mask))] == [
        expected[z] for z in range(len(mask))
    ]
    np.testing.assert_array_equal(comparison.slices.dice, expected.dice)
    assert comparison.whole == overlap(mask, theirs)


def test_there_is_no_comparison_until_there_is_another_mask(driver, new_follower, other):
    follower = new_follower(driver)
    settle(driver)
    assert follower.comparison is None
    follower.compare_with(other)
    settle(driver)
    assert follower.comparison.name == "theirs.zip"
    assert follower.pair[1] is other
    follower.stop()
    assert follower.comparison is None


def test_the_comparison_follows_sliders_and_fragments(driver, new_follower, foreign, other):
    follower = new_follower(driver)
    follower.compare_with(other)
    settle(driver)
    assert_compared(driver, follower, foreign)
    for setting in (Setting(quantile=0.7), CLEANED):
        driver.session.apply(setting)
        settle(driver)
        assert_compared(driver, follower, foreign)
    driver.session.step_fragment(1)
    settle(driver)
    assert_compared(driver, follower, foreign)


def test_a_comparison_that_is_older_than_the_sliders_says_so(driver, new_follower, other):
    follower = new_follower(driver)
    follower.compare_with(other)
    settle(driver)
    old = follower.comparison
    driver.session.change(quantile=0.6)
    assert follower.comparison.stale
    assert follower.comparison.slices is old.slices
    assert follower.comparison.setting == old.setting
    settle(driver)
    assert not follower.comparison.stale
    assert follower.comparison.slices is not old.slices


def test_another_slice_needs_no_other_comparison(driver, new_follower, other):
    follower = new_follower(driver)
    follower.compare_with(other)
    settle(driver)
    begun, events = follower.begun, Events(follower, "comparison_changed")
    driver.session.look_at(slice_view(driver.session.fragment.shape, 1))
    settle(driver)
    assert follower.begun == begun
    assert not events.log


def test_a_pin_is_compared_with_once_its_mask_is_there(driver, new_follower):
    pins, follower = Pins(), new_follower(driver)
    pins.changed.connect(follower.touch)
    pinned = Setting(quantile=0.6)
    pins.pin("B", pinned)
    follower.compare_with(ComparedMask("B", lambda image_id: pins.packed_mask("B", image_id)))
    settle(driver)
    assert follower.comparison is None
    mask = driver.expected(pinned)
    pins.keep_mask(pinned, "a", packed_mask_of(mask))
    settle(driver)
    assert_compared(driver, follower, {"a": mask})
    pins.unpin("B")
    assert follower.comparison is None


def test_a_mask_of_another_shape_is_refused_once(driver, new_follower):
    follower = new_follower(driver)
    events = Events(follower, "failed")
    stage = packed_mask_of(np.zeros((2, 3, 4), np.uint8))
    follower.compare_with(ComparedMask("small.tif", lambda _image_id: stage))
    driver.session.change(quantile=0.6)
    settle(driver)
    assert follower.comparison is None
    ((error,),) = events.of("failed")
    assert "small.tif" in str(error)
    assert "(2, 3, 4)" in str(error)
    assert "(12, 20, 24)" in str(error)


def test_the_leaderboard_score_is_computed_where_it_is_asked_for(
    driver, new_follower, foreign, other
):
    follower = new_follower(driver)
    follower.compare_with(other)
    follower.ask_for_score()
    settle(driver)
    assert follower.comparison.score is None
    follower.ask_for_score()
    assert follower.comparison.scoring
    settle(driver)
    expected = leaderboard.score(driver.expected(), foreign["a"])
    assert follower.comparison.score == expected
    assert not follower.comparison.scoring
    events = Events(follower, "comparison_changed")
    follower.ask_for_score()
    settle(driver)
    assert not events.log
    driver.session.change(quantile=0.6)
    settle(driver)
    assert follower.comparison.score is None


def test_a_score_that_fails_is_reported_and_leaves_the_comparison(
    driver, new_follower, other, monkeypatch
):
    def fail(*_arguments, **_options):
        raise ValueError("no score today")

    follower = new_follower(driver)
    follower.compare_with(other)
    settle(driver)
    events = Events(follower, "failed")
    monkeypatch.setattr(leaderboard, "score", fail)
    follower.ask_for_score()
    settle(driver)
    ((error,),) = events.of("failed")
    assert str(error) == "no score today"
    assert (follower.comparison.score, follower.comparison.scoring) == (None, False)
    assert follower.comparison.slices is not None


def test_after_a_burst_only_the_last_mask_is_compared(driver, new_follower, foreign, other):
    follower = new_follower(driver)
    follower.compare_with(other)
    settle(driver)
    for step in range(40):
        driver.session.change(quantile=0.5 + step / 100)
        driver.loop.run()
    settle(driver)
    assert_compared(driver, follower, foreign)


def test_closing_compares_nothing_any_more(dataset, new_driver, new_follower, other):
    before = named_threads("nx46-graph")
    driver = new_driver(dataset)
    follower = new_follower(driver)
    follower.compare_with(other)
    follower.close()
    events = Events(follower, "comparison_changed", "failed")
    driver.session.change(quantile=0.6)
    follower.ask_for_score()
    settle(driver)
    assert not events.log
    driver.session.close()
    wait_for(lambda: len(named_threads("nx46-graph")) <= len(before))
