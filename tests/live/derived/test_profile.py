"""The profile follows the session's exact mask, and says so where it is older."""

from __future__ import annotations

from functools import partial

import pytest

from napari_nx46.core.measure.label_bits import LabelBits
from napari_nx46.core.measure.slices import measure_slices, score_percentiles
from napari_nx46.core.measure.volume import measure_volume
from napari_nx46.live.derived import profile as profile_module
from napari_nx46.live.derived.profile import Profile
from napari_nx46.live.derived.scoring import ScoreFollower
from napari_nx46.live.view import slice_view
from napari_nx46.setting import Setting
from napari_nx46.voxels.blocks import whole_block
from tests.live.driver import PATIENCE, Events, settle

CLEANED = Setting(quantile=0.85, hysteresis=True, low_quantile=0.6, smallest_object=20)


@pytest.fixture
def new_follower(new_value):
    """Return a function that follows a driver; all are closed before the driver is."""
    return partial(new_value, Profile)


def assert_profiles(driver, profile, label=None):
    """Check a profile against figures of the mask by the plain definition."""
    mask = driver.expected()
    session = driver.session
    score = session.pipelines[profile.key.bits.image_id].score(
        session.setting, whole_block(mask.shape)
    )
    packed = None if label is None else LabelBits.of(label)
    expected = measure_slices(
        mask, label=packed, percentiles=[score_percentiles(part) for part in score]
    )
    assert list(profile.slices) == expected
    assert profile.volume == measure_volume(mask, profile=expected)
    assert profile.key.bits.setting == session.setting
    assert profile.key.has_label is (label is not None)


def test_the_profile_is_that_of_the_exact_mask(driver, new_follower):
    follower = new_follower(driver)
    settle(driver)
    assert_profiles(driver, follower.state.result)
    assert not follower.state.stale
    for setting in (Setting(quantile=0.7), CLEANED):
        driver.session.apply(setting)
        settle(driver)
        assert_profiles(driver, follower.state.result)


def test_a_profile_that_is_older_than_the_sliders_says_so(driver, new_follower):
    follower = new_follower(driver)
    settle(driver)
    events = Events(follower, "changed")
    old = follower.state.result
    driver.session.change(quantile=0.75)
    assert follower.state.stale
    assert follower.state.result is old
    settle(driver)
    assert not follower.state.stale
    assert follower.state.result is not old
    states = [state for (state,) in events.of("changed")]
    assert [(state.stale, state.busy) for state in states] == [
        (True, False),
        (True, True),
        (False, False),
    ]


def test_going_back_to_a_setting_shows_its_profile_without_computing(driver, new_follower):
    follower = new_follower(driver)
    profiles = []
    for quantile in (0.7, 0.8):
        driver.session.change(quantile=quantile)
        settle(driver)
        profiles.append(follower.state.result)
    begun = follower.begun
    driver.session.change(quantile=0.7)
    settle(driver)
    assert follower.state.result is profiles[0]
    assert not follower.state.stale
    assert follower.begun == begun


def test_only_the_newest_profiles_are_remembered(driver, new_follower, monkeypatch):
    monkeypatch.setattr(profile_module, "MOST_KNOWN_PROFILES", 2)
    follower = new_follower(driver)
    for quantile in (0.7, 0.8, 0.7, 0.9):
        driver.session.change(quantile=quantile)
        settle(driver)
    begun = follower.begun
    driver.session.change(quantile=0.7)
    settle(driver)
    assert follower.begun == begun
    driver.session.change(quantile=0.8)
    settle(driver)
    assert follower.begun == begun + 1


def test_a_profile_that_comes_too_late_is_remembered_but_not_shown(driver, new_follower):
    follower = new_follower(driver)
    settle(driver)
    shown = follower.state.result
    driver.session.change(quantile=0.75)
    driver.settle()
    assert driver.session.graph.wait_until_idle(PATIENCE)
    driver.session.change(quantile=0.8)
    driver.loop.run()
    assert follower.state.result is shown
    assert follower.state.stale
    settle(driver)
    begun = follower.begun
    driver.session.change(quantile=0.75)
    settle(driver)
    assert_profiles(driver, follower.state.result)
    assert follower.begun == begun


def test_another_slice_needs_no_other_profile(driver, new_follower):
    follower = new_follower(driver)
    settle(driver)
    events, begun = Events(follower, "changed"), follower.begun
    driver.session.look_at(slice_view(driver.session.fragment.shape, 1))
    settle(driver)
    assert follower.begun == begun
    assert not events.log


def test_another_fragment_has_its_own_profile_and_never_shows_the_old_one(driver, new_follower):
    follower = new_follower(driver)
    settle(driver)
    events = Events(follower, "changed")
    driver.session.step_fragment(1)
    settle(driver)
    assert follower.state.result.key.bits.image_id == "b"
    assert_profiles(driver, follower.state.result)
    states = [state for (state,) in events.of("changed")]
    assert states[0].result is None
    assert all(state.result is None or state.result.key.bits.image_id == "b" for state in states)


def test_with_a_label_the_profile_has_precision_recall_and_loss(labelled, new_driver, new_follower):
    driver = new_driver(labelled)
    scores = ScoreFollower(driver.session, rest_seconds=0.0)
    try:
        follower = new_follower(driver, scores)
        settle(driver)
        assert_profiles(driver, follower.state.result)
        scores.start()
        driver.loop.run_until(lambda: scores.label is not None)
        settle(driver)
        assert_profiles(driver, follower.state.result, labelled["a"].label.read())
        assert follower.state.result.volume.recall is not None
        driver.session.show_fragment("b")
        settle(driver)
        assert_profiles(driver, follower.state.result)
    finally:
        scores.close()


def test_after_a_burst_only_the_last_setting_is_profiled(driver, new_follower):
    follower = new_follower(driver)
    settle(driver)
    begun = follower.begun
    for step in range(40):
        driver.session.change(quantile=0.5 + step / 100)
        driver.loop.run()
    settle(driver)
    assert follower.state.result.key.bits.setting.quantile == 0.89
    assert_profiles(driver, follower.state.result)
    assert follower.begun <= begun + driver.session.exact_requests_begun
