"""Histogram and curves follow the session's score, and nothing else."""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest

from napari_nx46.live.derived.curves import CURVE_QUANTILES, Curves
from napari_nx46.live.derived.scoring import ScoreFollower
from napari_nx46.setting import Setting
from napari_nx46.voxels.blocks import whole_block
from tests.live.driver import Events, settle


@pytest.fixture
def new_follower(new_value):
    """Return a function that follows a bench; all are closed before the bench is."""
    return partial(new_value, Curves)


def scores_of(bench):
    session = bench.session
    pipeline = session.pipelines[session.fragment.image_id]
    return pipeline.score(session.setting, whole_block(pipeline.shape))


def assert_follows(bench, follower):
    """Check histogram and density against the scores themselves."""
    scores, curves = scores_of(bench), follower.state.result
    assert not follower.state.stale
    assert curves.key.image_id == bench.session.fragment.image_id
    assert curves.scores.total == scores.size
    edges, counts = curves.bins.edges, curves.bins.counts
    np.testing.assert_array_equal(np.histogram(scores, edges)[0], counts)
    thresholds = np.quantile(scores, CURVE_QUANTILES, method="lower")
    expected = [np.mean(scores >= threshold) for threshold in thresholds]
    # A threshold is taken at the lower edge of its bin.
    np.testing.assert_allclose(curves.density, expected, atol=0.02)


def test_the_histogram_is_that_of_the_score_whatever_the_threshold(bench, new_follower):
    follower = new_follower(bench)
    settle(bench)
    assert_follows(bench, follower)
    first, begun = follower.state.result, follower.begun
    events = Events(follower, "changed")
    for setting in (
        Setting(quantile=0.7),
        Setting(rule="probability", probability=0.4, smallest_object=9),
    ):
        bench.session.apply(setting)
        settle(bench)
    assert follower.state.result is first
    assert (follower.begun, events.log) == (begun, [])
    bench.session.change(blend=0.2)
    settle(bench)
    assert follower.state.result is not first
    assert_follows(bench, follower)


def test_curves_of_another_score_are_stale_until_the_new_ones_are_there(bench, new_follower):
    follower = new_follower(bench)
    settle(bench)
    events, old = Events(follower, "changed"), follower.state.result
    bench.session.change(z_radius=0)
    assert (follower.state.result, follower.state.stale) == (old, True)
    settle(bench)
    states = [state for (state,) in events.of("changed")]
    assert [(state.stale, state.busy) for state in states] == [
        (True, False),
        (True, True),
        (False, False),
    ]
    begun = follower.begun
    bench.session.change(z_radius=2)
    assert (follower.state.result, follower.state.stale) == (old, False)
    settle(bench)
    assert follower.begun == begun


def test_after_a_burst_only_the_last_score_has_curves(bench, new_follower):
    follower = new_follower(bench)
    settle(bench)
    begun = follower.begun
    for step in range(30):
        bench.session.change(blend=0.5 + step / 100)
        bench.loop.run()
    settle(bench)
    assert_follows(bench, follower)
    assert follower.state.result.key.score.blend == 0.79
    assert follower.begun <= begun + bench.session.exact_requests_begun


def test_another_fragment_has_its_own_curves_and_never_shows_the_old_ones(bench, new_follower):
    follower = new_follower(bench)
    settle(bench)
    events = Events(follower, "changed")
    bench.session.step_fragment(1)
    settle(bench)
    assert_follows(bench, follower)
    states = [state for (state,) in events.of("changed")]
    assert states[0].result is None
    assert all(state.result is None or state.result.key.image_id == "b" for state in states)


def test_with_a_label_the_curves_are_precision_and_recall(labelled, new_bench, new_follower):
    bench = new_bench(labelled)
    scores = ScoreFollower(bench.session, rest_seconds=0.0)
    try:
        follower = new_follower(bench, scores)
        settle(bench)
        assert follower.state.result.curve is None
        scores.start()
        bench.loop.run_until(lambda: scores.label is not None)
        settle(bench)
        assert_follows(bench, follower)
        curves, voxels = follower.state.result, scores_of(bench)
        label = labelled["a"].label.read()
        edges = curves.bins.edges
        for bins, value in ((curves.surface_bins, 1), (curves.background_bins, 0)):
            expected = np.histogram(voxels[label == value], edges)[0]
            np.testing.assert_array_equal(bins.counts, expected)
        for index in (50, 180, 300):
            mask = (voxels >= curves.curve.thresholds[index]) & (label != 2)
            hits = np.count_nonzero(mask & (label == 1))
            assert curves.curve.precision[index] == hits / np.count_nonzero(mask)
            assert curves.curve.recall[index] == hits / np.count_nonzero(label == 1)
        bench.session.show_fragment("b")
        settle(bench)
        assert follower.state.result.curve is None
    finally:
        scores.close()


def test_the_sessions_own_score_is_counted_without_a_second_pass(bench, new_follower, monkeypatch):
    bench.settle()
    pipeline = bench.session.pipelines["a"]
    stage = pipeline.cached_stage(bench.session.setting)
    assert stage is not None
    follower = new_follower(bench)
    settle(bench)
    assert follower.state.result.scores is stage.histogram
