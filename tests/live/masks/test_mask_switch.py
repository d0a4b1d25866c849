"""Flipping between masks shows what is kept, and computes nothing."""

from __future__ import annotations

import numpy as np
import pytest

from napari_nx46.live.arrays.mask import lazy_mask
from napari_nx46.live.derived.comparison import packed_mask_of
from napari_nx46.live.masks.choices import LIVE, ChosenMask, MaskChoices
from napari_nx46.live.masks.foreign import ForeignMasks
from napari_nx46.live.masks.mask_switch import MaskSwitch
from napari_nx46.live.masks.pins import Pins
from napari_nx46.live.view import slice_view, volume_view
from napari_nx46.setting import Domain, Setting
from napari_nx46.voxels.blocks import whole_block
from tests.live.driver import Events, count_kernels

LOW, HIGH = Setting(quantile=0.8), Setting(quantile=0.9, blend=0.25)


def mask_of(setting, fragment):
    seed = round(100 * setting.quantile) + len(fragment.image_id)
    return np.random.default_rng(seed).integers(0, 2, fragment.shape, np.uint8)


class Flipping:
    """A driver whose pins have random masks of the first two fragments."""

    def __init__(self, driver, **pinned):
        self.driver, self.session = driver, driver.session
        self.pins = Pins()
        self.choices = MaskChoices(self.session, self.pins, ForeignMasks(self.session))
        self.flip = MaskSwitch(self.choices)
        self.events = Events(self.flip, "changed")
        for letter, setting in pinned.items():
            self.pins.pin(letter, setting)
            for fragment in list(driver.dataset)[:2]:
                packed = packed_mask_of(mask_of(setting, fragment))
                self.pins.keep_mask(setting, fragment.image_id, packed)
        driver.settle()

    def assert_shows(self, setting):
        """Check a slice and the whole of what is shown against a pin's mask, or the session's."""
        fragment, view = self.session.fragment, self.session.view
        lazy = lazy_mask(self.session, self.flip)
        whole = self.driver.expected() if setting is None else mask_of(setting, fragment)
        np.testing.assert_array_equal(lazy[view.slice_index], whole[view.slice_index])
        np.testing.assert_array_equal(np.asarray(lazy), whole)


@pytest.fixture
def flipping(driver):
    return Flipping(driver, A=LOW, C=HIGH)


def test_flipping_goes_round_the_masks_that_are_there(flipping):
    flipping.assert_shows(None)
    for name, setting in (("A", LOW), ("C", HIGH), (LIVE, None), ("A", LOW)):
        assert flipping.flip.next_name == name
        flipping.flip.flip()
        assert flipping.flip.name == name
        flipping.assert_shows(setting)
    assert flipping.events.log == [("changed", (name,)) for name in ("A", "C", LIVE, "A")]


def test_without_pins_a_flip_stays_with_the_sliders(driver):
    flipping = Flipping(driver)
    flipping.flip.flip()
    flipping.flip.show("B")
    assert flipping.flip.name == LIVE
    assert flipping.events.log == []


def test_a_flip_computes_nothing(flipping):
    flipping.events.log.clear()
    kernels = count_kernels(flipping.session)
    begun = flipping.session.exact_requests_begun
    reported = Events(flipping.session, "mask_changed", "figures_changed", "setting_changed")
    for _ in range(5):
        flipping.flip.flip()
        flipping.flip.mask_block(flipping.session.view.plane)
    assert (flipping.session.exact_requests_begun, reported.log) == (begun, [])
    assert len(flipping.events.log) == 5
    assert (kernels.scored, kernels.thresholded) == (0, 0)


def test_slices_and_the_volume_come_from_the_pin_while_it_is_shown(flipping):
    flipping.flip.show("A")
    fragment = flipping.session.fragment
    for z in (0, 7, 11):
        flipping.session.look_at(slice_view(fragment.shape, z))
        flipping.assert_shows(LOW)
    flipping.session.look_at(volume_view(fragment.shape))
    whole = flipping.flip.mask_block(whole_block(fragment.shape))
    np.testing.assert_array_equal(whole, mask_of(LOW, fragment))
    assert flipping.flip.name == "A"


def test_a_slider_brings_the_sliders_mask_back(flipping):
    flipping.flip.show("A")
    flipping.session.change(quantile=0.7)
    assert flipping.flip.name == LIVE
    flipping.driver.settle()
    flipping.assert_shows(None)


def test_a_view_that_moves_its_block_is_no_slider(flipping):
    session = flipping.session
    session.change(domain=Domain.BLOCK)
    flipping.flip.show("A")
    session.look_at(slice_view(session.fragment.shape, 2))
    assert session.setting.block[0] == (2, 3)
    assert flipping.flip.name == "A"


def test_another_fragment_shows_the_same_pin_if_its_mask_is_there(flipping):
    flipping.flip.show("C")
    flipping.session.show_fragment("b")
    assert flipping.flip.name == "C"
    flipping.assert_shows(HIGH)
    flipping.session.show_fragment("c")
    assert flipping.flip.name == LIVE
    assert flipping.choices.shown_names == (LIVE,)


def test_a_pin_that_goes_is_not_shown_any_more(flipping):
    flipping.flip.show("A")
    flipping.pins.unpin("A")
    assert flipping.flip.name == LIVE
    flipping.flip.show("C")
    flipping.pins.pin("C", LOW)
    assert flipping.flip.name == LIVE


def test_a_chosen_mask_is_empty_where_it_is_not_there_or_of_another_shape(flipping):
    fragment = flipping.session.fragment
    whole = whole_block(fragment.shape)
    chosen = ChosenMask(flipping.choices, "A")
    np.testing.assert_array_equal(chosen.whole_mask(), mask_of(LOW, fragment))
    beyond = (slice(0, 1), slice(0, 1), slice(0, fragment.shape[2] + 1))
    assert not chosen.mask_block(beyond).any()
    assert chosen.mask_block(beyond).shape == (1, 1, fragment.shape[2] + 1)
    flipping.pins.unpin("A")
    assert not chosen.mask_block(whole).any()
