"""The profile follows the session's exact mask, and says so where it is older."""

from __future__ import annotations

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
from tests.live.driver import PATIENCE, Events, named_threads, settle, wait_for

CLEANED = Setting(quantile=0.85, hysteresis=True, low_quantile=0.6, smallest_object=20)


@pytest.fixture
def new_follower():
    """Return a function that profiles a bench; all are closed before the bench is."""
    made = []

    def make(bench, scores=None):
        follower = Profile(bench.session, scores, rest_seconds=0.0)
        made.append(follower)
        follower.touch()
        return follower

    yield make
    for follower in made:
        follower.close()


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
    settle(bench, follower)
    assert_profiles(bench, follower.state.result)
    assert not follower.state.stale
    for setting in (Setting(quantile=0.7), CLEANED):
        bench.session.apply(setting)
        settle(bench, follower)
        assert_profiles(bench, follower.state.result)


def test_a_profile_that_is_older_than_the_sliders_says_so(bench, new_follower):
    follower = new_follower(bench)
    settle(bench, follower)
    events = Events(follower, "changed")
    old = follower.state.result
    bench.session.change(quantile=0.75)
    assert follower.state.stale
    assert follower.state.result is old
    settle(bench, follower)
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
        settle(bench, follower)
        profiles.append(follower.state.result)
    begun = follower.begun
    bench.session.change(quantile=0.7)
    settle(bench, follower)
    assert follower.state.result is profiles[0]
    assert not follower.state.stale
    assert follower.begun == begun


def test_only_the_newest_profiles_are_remembered(bench, new_follower, monkeypatch):
    monkeypatch.setattr(profile_module, "MOST_KNOWN_PROFILES", 2)
    follower = new_follower(bench)
    for quantile in (0.7, 0.8, 0.7, 0.9):
        bench.session.change(quantile=quantile)
        settle(bench, follower)
    begun = follower.begun
    bench.session.change(quantile=0.7)
    settle(bench, follower)
    assert follower.begun == begun
    bench.session.change(quantile=0.8)
    settle(bench, follower)
    assert follower.begun == begun + 1


def test_a_profile_that_comes_too_late_is_remembered_but_not_shown(bench, new_follower):
    follower = new_follower(bench)
    settle(bench, follower)
    shown = follower.state.result
    bench.session.change(quantile=0.75)
    bench.settle()
    assert bench.session.graph.wait_until_idle(PATIENCE)
    bench.session.change(quantile=0.8)
    bench.loop.run()
    assert follower.state.result is shown
    assert follower.state.stale
    settle(bench, follower)
    begun = follower.begun
    bench.session.change(quantile=0.75)
    settle(bench, follower)
    assert_profiles(bench, follower.state.result)
    assert follower.begun == begun


def test_another_slice_needs_no_other_profile(bench, new_follower):
    follower = new_follower(bench)
    settle(bench, follower)
    events, begun = Events(follower, "changed"), follower.begun
    bench.session.look_at(slice_view(bench.session.fragment.shape, 1))
    settle(bench, follower)
    assert follower.begun == begun
    assert not events.log


def test_another_fragment_has_its_own_profile_and_never_shows_the_old_one(bench, new_follower):
    follower = new_follower(bench)
    settle(bench, follower)
    events = Events(follower, "changed")
    bench.session.step_fragment(1)
    settle(bench, follower)
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
        settle(bench, follower)
        assert_profiles(bench, follower.state.result)
        scores.start()
        bench.loop.run_until(lambda: scores.label is not None)
        settle(bench, follower)
        assert_profiles(bench, follower.state.result, labelled["a"].label.read())
        assert follower.state.result.volume.recall is not None
        bench.session.show_fragment("b")
        settle(bench, follower)
        assert_profiles(bench, follower.state.result)
    finally:
        scores.close()


def test_after_a_burst_only_the_last_setting_is_profiled(bench, new_follower):
    follower = new_follower(bench)
    settle(bench, follower)
    begun = follower.begun
    for step in range(40):
        bench.session.change(quantile=0.5 + step / 100)
        bench.loop.run()
    settle(bench, follower)
    assert follower.state.result.key.setting.quantile == 0.89
    assert_profiles(bench, follower.state.result)
    assert follower.begun <= begun + bench.session.exact_requests_begun


def test_what_cannot_be_measured_is_reported(bench, new_follower, monkeypatch):
    follower = new_follower(bench)
    settle(bench, follower)
    events = Events(follower, "failed")

    def fail(*_arguments, **_options):
        raise OSError("the disk is gone")

    monkeypatch.setattr(profile_module, "measure_slices", fail)
    bench.session.change(quantile=0.66)
    settle(bench, follower)
    ((error,),) = events.of("failed")
    assert str(error) == "the disk is gone"
    assert (follower.state.stale, follower.state.busy) == (True, False)


def test_closing_ends_the_threads_and_says_nothing_more(dataset, new_bench, new_follower):
    before = named_threads("nx46-graph")
    bench = new_bench(dataset)
    follower = new_follower(bench)
    follower.close()
    events = Events(follower, "changed", "failed")
    bench.session.change(quantile=0.6)
    settle(bench, follower)
    assert not events.log
    bench.session.close()
    wait_for(lambda: len(named_threads("nx46-graph")) <= len(before))
