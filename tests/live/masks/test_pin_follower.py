"""The masks of pins are computed in the background, one after the other."""

from __future__ import annotations

import numpy as np
import pytest

from napari_nx46.live.masks.pin_follower import PinFollower, compute_mask
from napari_nx46.live.masks.pins import Pins, packed_bytes
from napari_nx46.setting import Domain, Setting
from napari_nx46.voxels.blocks import whole_block
from tests.live.driver import PATIENCE, Events, named_threads, wait_for

LOW, HIGH = Setting(quantile=0.8, z_radius=1), Setting(quantile=0.9, blend=0.25)
CLEANED = Setting(quantile=0.85, hysteresis=True, low_quantile=0.6, smallest_object=20)


@pytest.fixture
def new_follower():
    """Return a function that follows the pins of a driver; all are closed before the driver is."""
    made = []

    def make(driver, pins=None, *, start=True, **options):
        follower = PinFollower(driver.session, pins or Pins(), **options)
        made.append(follower)
        if start:
            follower.touch()
        return follower

    yield make
    for follower in made:
        follower.close()


def settle(driver, follower):
    """Wait until every mask that is missing has been computed or given up."""
    driver.settle()
    driver.loop.run()
    driver.loop.run_until(lambda: not follower.busy)
    assert driver.session.graph.wait_until_idle(PATIENCE)
    driver.loop.run()


def assert_has_masks(driver, follower, letters):
    """Check the pinned masks of the fragment shown against the plain definition."""
    fragment = driver.session.fragment
    for letter in letters:
        block = whole_block(fragment.shape)
        mask = follower.pins.mask_block(letter, fragment.image_id, block)
        expected = driver.expected(follower.pins[letter].setting, fragment.image_id)
        np.testing.assert_array_equal(mask, expected)


def test_every_pin_gets_its_mask_of_the_fragment_shown_and_of_the_next(driver, new_follower):
    follower = new_follower(driver)
    events = Events(follower, "busy_changed", "failed")
    for letter, setting in zip("ABC", (LOW, HIGH, CLEANED), strict=True):
        follower.pins.pin(letter, setting)
    settle(driver, follower)
    assert_has_masks(driver, follower, "ABC")
    assert not follower.pins.has_mask("A", "b")
    driver.session.step_fragment(1)
    settle(driver, follower)
    assert_has_masks(driver, follower, "ABC")
    assert events.log == 2 * [("busy_changed", (True,)), ("busy_changed", (False,))]


def test_pins_that_were_there_before_get_their_masks_at_the_start(driver, new_follower):
    pins = Pins()
    pins.pin("A", LOW)
    follower = new_follower(driver, pins)
    settle(driver, follower)
    assert_has_masks(driver, follower, "A")


def test_the_mask_of_the_sliders_is_taken_from_what_the_session_has(driver, new_follower):
    driver.session.apply(CLEANED)
    driver.settle()
    driver.session.warm_up.wait(PATIENCE)
    computed = []

    def compute(pipelines, wanted, cancelled):
        computed.append(wanted.setting)
        return compute_mask(pipelines, wanted, cancelled)

    follower = new_follower(driver, compute=compute)
    follower.pins.pin("A", CLEANED)
    settle(driver, follower)
    assert_has_masks(driver, follower, "A")
    driver.session.apply(HIGH)
    driver.settle()
    follower.pins.pin("B", HIGH)
    settle(driver, follower)
    assert_has_masks(driver, follower, "B")
    assert computed == []
    follower.pins.pin("C", LOW)
    settle(driver, follower)
    assert computed == [LOW]


def test_the_session_keeps_its_stages_while_pins_are_computed(driver, new_follower):
    session = driver.session
    driver.settle()
    follower = new_follower(driver)
    pipeline = session.pipelines[session.fragment.image_id]
    stage = pipeline.cached_stage(session.setting)
    begun = session.exact_requests_begun
    follower.pins.pin("A", LOW)
    follower.pins.pin("B", CLEANED)
    settle(driver, follower)
    assert_has_masks(driver, follower, "AB")
    assert pipeline.cached_stage(session.setting) is stage is not None
    assert session.exact_requests_begun == begun


def test_flipping_between_pinned_masks_computes_nothing(driver, new_follower, monkeypatch):
    follower = new_follower(driver)
    for letter, setting in (("A", LOW), ("B", HIGH)):
        follower.pins.pin(letter, setting)
    settle(driver, follower)
    monkeypatch.setattr(follower, "prepare", None)
    plane = driver.session.view.plane
    for letter in "ABABAB":
        mask = follower.pins.mask_block(letter, driver.session.fragment.image_id, plane)
        expected = driver.expected(follower.pins[letter].setting)[plane]
        np.testing.assert_array_equal(mask, expected)
    assert not follower.busy


def test_the_volumes_are_given_back_when_nothing_is_missing(driver, new_follower):
    follower = new_follower(driver)
    follower.pins.pin("A", LOW)
    settle(driver, follower)
    image_id = driver.session.fragment.image_id
    wait_for(lambda: not follower._pipelines.is_loaded(image_id, LOW))
    assert follower._pipelines[image_id].cached_stage(LOW).score is None


def test_no_more_masks_are_computed_than_fit_into_the_memory(driver, new_follower):
    fragment = driver.session.fragment
    pins = Pins(2 * packed_bytes(fragment.shape))
    pins.pin("A", LOW)
    follower = new_follower(driver, pins)
    settle(driver, follower)
    for letter, setting in (("B", HIGH), ("C", CLEANED)):
        pins.pin(letter, setting)
    settle(driver, follower)
    assert_has_masks(driver, follower, "AB")
    assert not pins.has_mask("C", fragment.image_id)
    pins.unpin("A")
    settle(driver, follower)
    assert_has_masks(driver, follower, "BC")


def test_a_setting_that_cannot_be_computed_is_reported_once_and_does_not_hold_up_the_others(
    driver, new_follower
):
    outside = Setting(domain=Domain.BLOCK, block=((90, 99), (0, 5), (0, 5)))
    follower = new_follower(driver)
    events = Events(follower, "failed")
    follower.pins.pin("A", outside)
    follower.pins.pin("B", LOW)
    settle(driver, follower)
    assert_has_masks(driver, follower, "B")
    assert not follower.pins.has_mask("A", driver.session.fragment.image_id)
    ((error,),) = events.of("failed")
    assert "outside the volume" in str(error)
    follower.pins.pin("C", HIGH)
    settle(driver, follower)
    assert len(events.of("failed")) == 1
    driver.session.step_fragment(1)
    settle(driver, follower)
    assert len(events.of("failed")) == 2


def test_a_pin_that_is_freed_while_its_mask_is_computed_gets_none(driver, new_follower):
    follower = new_follower(driver)
    follower.pins.pin("A", CLEANED)
    driver.loop.run()
    follower.pins.unpin("A")
    settle(driver, follower)
    assert follower.pins.memory_used == 0
    assert not follower.busy


def test_closing_ends_the_threads_and_says_nothing_any_more(dataset, new_driver, new_follower):
    before = named_threads("nx46-graph")
    driver = new_driver(dataset)
    driver.settle()
    follower = new_follower(driver)
    follower.pins.pin("A", CLEANED)
    driver.loop.run()
    follower.close()
    events = Events(follower, "busy_changed", "failed")
    follower.pins.pin("B", LOW)
    driver.loop.run()
    assert not events.log
    driver.session.close()
    wait_for(lambda: len(named_threads("nx46-graph")) <= len(before))
