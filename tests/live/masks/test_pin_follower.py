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
    """Return a function that follows the pins of a bench; all are closed before the bench is."""
    made = []

    def make(bench, pins=None, *, start=True, **options):
        follower = PinFollower(bench.session, pins or Pins(), **options)
        made.append(follower)
        if start:
            follower.touch()
        return follower

    yield make
    for follower in made:
        follower.close()


def settle(bench, follower):
    """Wait until every mask that is missing has been computed or given up."""
    bench.settle()
    bench.loop.run()
    bench.loop.run_until(lambda: not follower.busy)
    assert bench.session.graph.wait_until_idle(PATIENCE)
    bench.loop.run()


def assert_has_masks(bench, follower, letters):
    """Check the pinned masks of the fragment shown against the plain definition."""
    fragment = bench.session.fragment
    for letter in letters:
        block = whole_block(fragment.shape)
        mask = follower.pins.mask_block(letter, fragment.image_id, block)
        expected = bench.expected(follower.pins[letter].setting, fragment.image_id)
        np.testing.assert_array_equal(mask, expected)


def test_every_pin_gets_its_mask_of_the_fragment_shown_and_of_the_next(bench, new_follower):
    follower = new_follower(bench)
    events = Events(follower, "busy_changed", "failed")
    for letter, setting in zip("ABC", (LOW, HIGH, CLEANED), strict=True):
        follower.pins.pin(letter, setting)
    settle(bench, follower)
    assert_has_masks(bench, follower, "ABC")
    assert not follower.pins.has_mask("A", "b")
    bench.session.step_fragment(1)
    settle(bench, follower)
    assert_has_masks(bench, follower, "ABC")
    assert events.log == 2 * [("busy_changed", (True,)), ("busy_changed", (False,))]


def test_pins_that_were_there_before_get_their_masks_at_the_start(bench, new_follower):
    pins = Pins()
    pins.pin("A", LOW)
    follower = new_follower(bench, pins)
    settle(bench, follower)
    assert_has_masks(bench, follower, "A")


def test_the_mask_of_the_sliders_is_taken_from_what_the_session_has(bench, new_follower):
    bench.session.apply(CLEANED)
    bench.settle()
    bench.session.warm_up.wait(PATIENCE)
    computed = []

    def compute(pipelines, wanted, cancelled):
        computed.append(wanted.setting)
        return compute_mask(pipelines, wanted, cancelled)

    follower = new_follower(bench, compute=compute)
    follower.pins.pin("A", CLEANED)
    settle(bench, follower)
    assert_has_masks(bench, follower, "A")
    bench.session.apply(HIGH)
    bench.settle()
    follower.pins.pin("B", HIGH)
    settle(bench, follower)
    assert_has_masks(bench, follower, "B")
    assert computed == []
    follower.pins.pin("C", LOW)
    settle(bench, follower)
    assert computed == [LOW]


def test_the_session_keeps_its_stages_while_pins_are_computed(bench, new_follower):
    session = bench.session
    bench.settle()
    follower = new_follower(bench)
    pipeline = session.pipelines[session.fragment.image_id]
    stage = pipeline.cached_stage(session.setting)
    begun = session.exact_requests_begun
    follower.pins.pin("A", LOW)
    follower.pins.pin("B", CLEANED)
    settle(bench, follower)
    assert_has_masks(bench, follower, "AB")
    assert pipeline.cached_stage(session.setting) is stage is not None
    assert session.exact_requests_begun == begun


def test_flipping_between_pinned_masks_computes_nothing(bench, new_follower, monkeypatch):
    follower = new_follower(bench)
    for letter, setting in (("A", LOW), ("B", HIGH)):
        follower.pins.pin(letter, setting)
    settle(bench, follower)
    monkeypatch.setattr(follower, "prepare", None)
    plane = bench.session.view.plane
    for letter in "ABABAB":
        mask = follower.pins.mask_block(letter, bench.session.fragment.image_id, plane)
        expected = bench.expected(follower.pins[letter].setting)[plane]
        np.testing.assert_array_equal(mask, expected)
    assert not follower.busy


def test_the_volumes_are_given_back_when_nothing_is_missing(bench, new_follower):
    follower = new_follower(bench)
    follower.pins.pin("A", LOW)
    settle(bench, follower)
    image_id = bench.session.fragment.image_id
    wait_for(lambda: not follower._pipelines.is_loaded(image_id, LOW))
    assert follower._pipelines[image_id].cached_stage(LOW).score is None


def test_no_more_masks_are_computed_than_fit_into_the_memory(bench, new_follower):
    fragment = bench.session.fragment
    pins = Pins(2 * packed_bytes(fragment.shape))
    pins.pin("A", LOW)
    follower = new_follower(bench, pins)
    settle(bench, follower)
    for letter, setting in (("B", HIGH), ("C", CLEANED)):
        pins.pin(letter, setting)
    settle(bench, follower)
    assert_has_masks(bench, follower, "AB")
    assert not pins.has_mask("C", fragment.image_id)
    pins.unpin("A")
    settle(bench, follower)
    assert_has_masks(bench, follower, "BC")


def test_a_setting_that_cannot_be_computed_is_reported_once_and_does_not_hold_up_the_others(
    bench, new_follower
):
    outside = Setting(domain=Domain.BLOCK, block=((90, 99), (0, 5), (0, 5)))
    follower = new_follower(bench)
    events = Events(follower, "failed")
    follower.pins.pin("A", outside)
    follower.pins.pin("B", LOW)
    settle(bench, follower)
    assert_has_masks(bench, follower, "B")
    assert not follower.pins.has_mask("A", bench.session.fragment.image_id)
    ((error,),) = events.of("failed")
    assert "outside the volume" in str(error)
    follower.pins.pin("C", HIGH)
    settle(bench, follower)
    assert len(events.of("failed")) == 1
    bench.session.step_fragment(1)
    settle(bench, follower)
    assert len(events.of("failed")) == 2


def test_a_pin_that_is_freed_while_its_mask_is_computed_gets_none(bench, new_follower):
    follower = new_follower(bench)
    follower.pins.pin("A", CLEANED)
    bench.loop.run()
    follower.pins.unpin("A")
    settle(bench, follower)
    assert follower.pins.memory_used == 0
    assert not follower.busy


def test_closing_ends_the_threads_and_says_nothing_any_more(dataset, new_bench, new_follower):
    before = named_threads("nx46-graph")
    bench = new_bench(dataset)
    bench.settle()
    follower = new_follower(bench)
    follower.pins.pin("A", CLEANED)
    bench.loop.run()
    follower.close()
    events = Events(follower, "busy_changed", "failed")
    follower.pins.pin("B", LOW)
    bench.loop.run()
    assert not events.log
    bench.session.close()
    wait_for(lambda: len(named_threads("nx46-graph")) <= len(before))
