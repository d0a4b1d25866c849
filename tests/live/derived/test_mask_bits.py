"""One rest of the sliders assembles the mask once, however many measure, score and compare it."""

from __future__ import annotations

import math

import numpy as np
import pytest

from napari_nx46.leaderboard import score
from napari_nx46.live.derived.comparison import ComparedMask, ComparisonFollower, packed_mask_of
from napari_nx46.live.derived.profile import Profile
from napari_nx46.live.derived.scoring import ScoreFollower
from napari_nx46.live.masks.pin_follower import PinFollower
from napari_nx46.live.masks.pin_metrics import LEADERBOARD_SCORE, PinMeasurer
from napari_nx46.live.masks.pins import Pins
from napari_nx46.setting import Domain
from tests.live.driver import PATIENCE, count_kernels

PAIR = {"hysteresis": True, "low_quantile": 0.5, "smallest_object": 5}


class Readers:
    """A session with a label, and all that reads its exact mask."""

    def __init__(self, driver):
        self.driver, self.session, self.pins = driver, driver.session, Pins()
        self.scores = ScoreFollower(self.session)
        self.profile = Profile(self.session, self.scores)
        self.comparison = ComparisonFollower(self.session)
        self.pin_follower = PinFollower(self.session, self.pins, compute=self._compute)
        self.measurer = PinMeasurer(self.session, self.pins, self.scores)
        self.computed = []
        self.theirs = np.random.default_rng(3).integers(0, 2, self.shape, np.uint8)
        packed = packed_mask_of(self.theirs)
        self.comparison.compare_with(ComparedMask("theirs", lambda _image_id: packed))
        self.scores.start()
        self.session.graph.touch()
        driver.loop.run_until(lambda: self.scores.kernels_ready)
        assert self.session.warm_up.wait(4 * PATIENCE)
        driver.loop.run_until(self.all_there)

    @property
    def shape(self):
        return self.session.fragment.shape

    def _compute(self, _pipelines, wanted, _cancelled):
        self.computed.append(wanted)
        raise AssertionError("the session has this mask")

    def all_there(self):
        states = (self.scores.scores.fragment, self.profile.state)
        compared = self.comparison.comparison
        return (
            self.session.settled
            and all(state.is_current for state in states)
            and compared is not None
            and not compared.stale
        )

    def rest(self):
        """Pin the setting, and let everything be computed; wait for the metrics of the pin too."""
        self.pins.pin("A", self.session.setting, corrections=self.session.corrections.by_fragment)
        self.driver.loop.run_until(self.all_there)
        self.comparison.ask_for_score()
        self.driver.loop.run_until(lambda: self.comparison.comparison.score is not None)
        self.driver.loop.run_until(lambda: self.pins.has_mask("A", "a"))
        self.driver.loop.run_until(
            lambda: (
                {"density", "recall", LEADERBOARD_SCORE} <= set(self.pins["A"].metrics.get("a", {}))
            )
        )

    def close(self):
        for follower in (self.measurer, self.pin_follower, self.comparison, self.profile):
            follower.close()
        self.scores.close()


@pytest.fixture
def readers(labelled, new_driver):
    made = Readers(new_driver(labelled))
    yield made
    made.close()


@pytest.mark.parametrize(
    ("knobs", "passes"),
    [
        ({"quantile": 0.7}, 1),
        ({"quantile": 0.7, "domain": Domain.SLICE}, 1),
        ({"quantile": 0.7, **PAIR}, 2),  # low and high threshold of one pair
    ],
)
@pytest.mark.parametrize("corrected", [False, True])
def test_one_rest_assembles_the_mask_once_for_all_who_read_it(readers, knobs, passes, corrected):
    driver, session = readers.driver, readers.session
    if corrected:
        driver.paint(np.s_[3:5, 2:9, 4:12], 1)
        driver.loop.run_until(readers.all_there)
    kernels = count_kernels(session)
    session.change(**knobs)
    readers.rest()
    whole, plane = math.prod(readers.shape), math.prod(readers.shape[1:])
    # Besides the whole: previews of the plane, and the slices in which something is corrected.
    assert passes * whole <= kernels.thresholded < (passes + 1) * whole - plane
    assert readers.computed == []
    expected = driver.expected()
    assert session.figures.fragment_density == expected.mean()
    assert readers.profile.state.result.volume.density == expected.mean()
    assert readers.scores.scores.fragment.result == score(expected, readers.scores.label)
    assert readers.comparison.comparison.whole.both == np.count_nonzero(expected & readers.theirs)
    np.testing.assert_array_equal(readers.pins.packed_mask("A", "a").mask(), expected)
    np.testing.assert_array_equal(session.whole_mask(), expected)
    assert kernels.thresholded < (passes + 1) * whole


def test_what_nobody_reads_is_not_assembled(labelled, new_driver):
    driver = new_driver(labelled)
    assert driver.session.warm_up.wait(4 * PATIENCE)
    driver.settle()
    kernels = count_kernels(driver.session)
    driver.session.change(quantile=0.7)
    driver.settle()
    driver.assert_shows_the_definition()
    assert kernels.thresholded < math.prod(driver.session.fragment.shape)


def test_percentiles_are_those_of_the_score_whatever_its_threshold(readers):
    before = [one.percentiles for one in readers.profile.state.result.slices]
    readers.session.change(quantile=0.7)
    readers.driver.loop.run_until(readers.all_there)
    assert [one.percentiles for one in readers.profile.state.result.slices] == before
    readers.session.change(z_radius=4)
    readers.driver.loop.run_until(readers.all_there)
    assert [one.percentiles for one in readers.profile.state.result.slices] != before
