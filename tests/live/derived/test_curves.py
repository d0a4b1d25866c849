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
    """Return a function that follows a driver; all are closed before the driver is."""
    return partial(new_value, Curves)


def scores_of(driver):
    session = driver.session
    pipeline = session.pipelines[session.fragment.image_id]
    return pipeline.score(session.setting, whole_block(pipeline.shape))


def assert_follows(driver, follower):
    """Check histogram and density against the scores themselves."""
    scores, curves = scores_of(driver), follower.state.result
    assert not follower.state.stale
    assert curves.key.image_id == driver.session.fragment.image_id
    assert curves.scores.total == scores.size
    edges, counts = curves.bins.edges, curves.bins.counts
    np.testing.assert_array_equal(np.histogram(scores, edges)[0], counts)
    thresholds = np.quantile(scores, CURVE_QUANTILES, method="lower")
    expected = [np.mean(scores >= threshold) for threshold in thresholds]
    # A threshold is taken at the lower edge of its bin.
    np.testing.assert_allclose(curves.density, expected, atol=0.02)


def test_the_histogram_is_that_of_the_score_whatever_the_threshold(driver, new_follower):
    follower = new_follower(driver)
    settle(driver)
    assert_follows(driver, follower)
    first, begun = follower.state.result, follower.begun
    events = Events(follower, "changed")
    for setting in (
        Setting(quantile=0.7),
        Setting(rule="probability", probability=0.4, smallest_object=9),
    ):
        driver.session.apply(setting)
        settle(driver)
    assert follower.state.result is first
    assert (follower.begun, events.log) == (begun, [])
    driver.session.change(blend=0.2)
    settle(driver)
    assert follower.state.result is not first
    assert_follows(driver, follower)


def test_curves_of_another_score_are_stale_until_the_new_ones_are_there(driver, new_follower):
    follower = new_follower(driver)
    settle(driver)
    events, old = Events(follower, "changed"), follower.state.result
    driver.session.change(z_radius=0)
    assert (follower.state.result, follower.state.stale) == (old, True)
    settle(driver)
    states = [state for (state,) in events.of("changed")]
    assert [(state.stale, state.busy) for state in states] == [
        (True, False),
        (True, True),
        (False, False),
    ]
    begun = follower.begun
    driver.session.change(z_radius=2)
    assert (follower.state.result, follower.state.stale) == (old, False)
    settle(driver)
    assert follower.begun == begun


def test_after_a_burst_only_the_last_score_has_curves(driver, new_follower):
    follower = new_follower(driver)
    settle(driver)
    begun = follower.begun
    for step in range(30):
        driver.session.change(blend=0.5 + step / 100)
        driver.loop.run()
    settle(driver)
    assert_follows(driver, follower)
    assert follower.state.result.key.score.blend == 0.79
    assert follower.begun <= begun + driver.session.exact_requests_begun


def test_another_fragment_has_its_own_curves_and_never_shows_the_old_ones(driver, new_follower):
    follower = new_follower(driver)
    settle(driver)
    events = Events(follower, "changed")
    driver.session.step_fragment(1)
    settle(driver)
    assert_follows(driver, follower)
    states = [state for (state,) in events.of("changed")]
    assert states[0].result is None
    assert all(state.result is None or state.result.key.image_id == "b" for state in states)


def test_with_a_label_the_curves_are_precision_and_recall(labelled, new_driver, new_follower):
    driver = new_driver(labelled)
    scores = ScoreFollower(driver.session, rest_seconds=0.0)
    try:
        follower = new_follower(driver, scores)
        settle(driver)
        assert follower.state.result.curve is None
        scores.start()
        driver.loop.run_until(lambda: scores.label is not None)
        settle(driver)
        assert_follows(driver, follower)
        curves, voxels = follower.state.result, scores_of(driver)
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
        driver.session.show_fragment("b")
        settle(driver)
        assert follower.state.result.curve is None
    finally:
        scores.close()


def test_the_sessions_own_score_is_counted_without_a_second_pass(driver, new_follower, monkeypatch):
    driver.settle()
    pipeline = driver.session.pipelines["a"]
    stage = pipeline.cached_stage(driver.session.setting)
    assert stage is not None
    follower = new_follower(driver)
    settle(driver)
    assert follower.state.result.scores is stage.histogram
