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
    """Return a function that follows a bench; all are closed before the bench is."""
    return partial(new_value, Profile)


def assert_profiles(bench, profile, label=None):
    """Check a profile against figures of the mask by the plain definition."""
    mask = bench.expected()
    session = bench.session
    score = session.pipelines[profile.key.image_id].score(session.setting, whole_block(mask.shape))
    packed = None if label is None else LabelBits.of(label)
    expected = measure_slices(
        mask, label=packed, percentiles=[score_percentiles(part) for part in score]
    )
    assert list(profile.slices) == expected
    assert profile.volume == measure_volume(mask, profile=expected)
    assert profile.key.setting == session.setting
    assert profile.key.has_label is (label is not None)


def test_the_profile_is_that_of_the_exact_mask(bench, new_follower):
    follower = new_follower(bench)
    settle(bench)
    assert_profiles(bench, follower.state.result)
    assert not follower.state.stale
    for setting in (Setting(quantile=0.7), CLEANED):
        bench.session.apply(setting)
        settle(bench)
        assert_profiles(bench, follower.state.result)


def test_a_profile_that_is_older_than_the_sliders_says_so(bench, new_follower):
    follower = new_follower(bench)
    settle(bench)
    events = Events(follower, "changed")
    old = follower.state.result
    bench.session.change(quantile=0.75)
    assert follower.state.stale
    assert follower.state.result is old
    settle(bench)
    assert not follower.state.stale
    assert follower.state.result is not old
    states = [state for (state,) in events.of("changed")]
    assert [(state.stale, state.busy) for state in states] == [
        (True, False),
        (True, True),
        (False, False),
    ]


def test_going_back_to_a_setting_shows_its_profile_without_computing(bench, new_follower):
    follower = new_follower(bench)
    profiles = []
    for quantile in (0.7, 0.8):
        bench.session.change(quantile=quantile)
        settle(bench)
        profiles.append(follower.state.result)
    begun = follower.begun
    bench.session.change(quantile=0.7)
    settle(bench)
    assert follower.state.result is profiles[0]
    assert not follower.state.stale
    assert follower.begun == begun


def test_only_the_newest_profiles_are_remembered(bench, new_follower, monkeypatch):
    monkeypatch.setattr(profile_module, "MOST_KNOWN_PROFILES", 2)
    follower = new_follower(bench)
    for quantile in (0.7, 0.8, 0.7, 0.9):
        bench.session.change(quantile=quantile)
        settle(bench)
    begun = follower.begun
    bench.session.change(quantile=0.7)
    settle(bench)
    assert follower.begun == begun
    bench.session.change(quantile=0.8)
    settle(bench)
    assert follower.begun == begun + 1


def test_a_profile_that_comes_too_late_is_remembered_but_not_shown(bench, new_follower):
    follower = new_follower(bench)
    settle(bench)
    shown = follower.state.result
    bench.session.change(quantile=0.75)
    bench.settle()
    assert bench.session.graph.wait_until_idle(PATIENCE)
    bench.session.change(quantile=0.8)
    bench.loop.run()
    assert follower.state.result is shown
    assert follower.state.stale
    settle(bench)
    begun = follower.begun
    bench.session.change(quantile=0.75)
    settle(bench)
    assert_profiles(bench, follower.state.result)
    assert follower.begun == begun


def test_another_slice_needs_no_other_profile(bench, new_follower):
    follower = new_follower(bench)
    settle(bench)
    events, begun = Events(follower, "changed"), follower.begun
    bench.session.look_at(slice_view(bench.session.fragment.shape, 1))
    settle(bench)
    assert follower.begun == begun
    assert not events.log


def test_another_fragment_has_its_own_profile_and_never_shows_the_old_one(bench, new_follower):
    follower = new_follower(bench)
    settle(bench)
    events = Events(follower, "changed")
    bench.session.step_fragment(1)
    settle(bench)
    assert follower.state.result.key.image_id == "b"
    assert_profiles(bench, follower.state.result)
    states = [state for (state,) in events.of("changed")]
    assert states[0].result is None
    assert all(state.result is None or state.result.key.image_id == "b" for state in states)


def test_with_a_label_the_profile_has_precision_recall_and_loss(labelled, new_bench, new_follower):
    bench = new_bench(labelled)
    scores = ScoreFollower(bench.session, rest_seconds=0.0)
    try:
        follower = new_follower(bench, scores)
        settle(bench)
        assert_profiles(bench, follower.state.result)
        scores.start()
        bench.loop.run_until(lambda: scores.label is not None)
        settle(bench)
        assert_profiles(bench, follower.state.result, labelled["a"].label.read())
        assert follower.state.result.volume.recall is not None
        bench.session.show_fragment("b")
        settle(bench)
        assert_profiles(bench, follower.state.result)
    finally:
        scores.close()


def test_after_a_burst_only_the_last_setting_is_profiled(bench, new_follower):
    follower = new_follower(bench)
    settle(bench)
    begun = follower.begun
    for step in range(40):
        bench.session.change(quantile=0.5 + step / 100)
        bench.loop.run()
    settle(bench)
    assert follower.state.result.key.setting.quantile == 0.89
    assert_profiles(bench, follower.state.result)
    assert follower.begun <= begun + bench.session.exact_requests_begun
