"""Two masks are chosen, and where they differ is reported voxel by voxel."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as st_numpy

from napari_nx46.live.arrays.difference import DifferenceClass, difference_classes, lazy_difference
from napari_nx46.live.derived.comparison import ComparisonFollower, packed_mask_of
from napari_nx46.live.masks.choices import LIVE, MaskChoices
from napari_nx46.live.masks.foreign import ForeignMasks
from napari_nx46.live.masks.pair import PairChoice
from napari_nx46.live.masks.pins import Pins
from napari_nx46.setting import Setting
from napari_nx46.voxels.blocks import whole_block
from napari_nx46.voxels.overlap import overlap, overlap_by_slice
from tests.live.driver import PATIENCE, Events

LOW, HIGH = Setting(quantile=0.8), Setting(quantile=0.9, blend=0.25)
SMALL = (2, 3, 4)
masks = st_numpy.arrays(np.uint8, SMALL, elements=st.integers(0, 1))


class Pairing:
    """A driver with pins whose masks are there, and a pair of masks to compare."""

    def __init__(self, driver):
        self.driver, self.session, self.pins = driver, driver.session, Pins()
        self.choices = MaskChoices(self.session, self.pins, ForeignMasks(self.session))
        self.pair = PairChoice(self.choices)
        self.events = Events(self.pair, "changed")
        driver.settle()

    def pin(self, letter, setting, seed=None):
        """Pin a setting, with a random mask of the fragment shown unless the seed is None."""
        self.pins.pin(letter, setting)
        if seed is None:
            return None
        fragment = self.session.fragment
        mask = np.random.default_rng(seed).integers(0, 2, fragment.shape, np.uint8)
        self.pins.keep_mask(setting, fragment.image_id, packed_mask_of(mask))
        return mask


@pytest.fixture
def pairing(driver):
    return Pairing(driver)


def classes_by_definition(first, second):
    conditions = [(first == 1) & (second == 1), (first == 1) & (second == 0), second == 1]
    kinds = [DifferenceClass.BOTH, DifferenceClass.ONLY_A, DifferenceClass.ONLY_B]
    return np.select(conditions, [int(kind) for kind in kinds], 0)


@given(masks, masks)
def test_the_classes_are_those_of_the_plain_definition(first, second):
    found = difference_classes(first, second)
    assert found.dtype == np.uint8
    np.testing.assert_array_equal(found, classes_by_definition(first, second))


def test_the_first_pin_is_compared_with_the_sliders_until_others_are_chosen(pairing):
    pair = pairing.pair
    assert (pair.first, pair.second) == (LIVE, None)
    assert not pair.is_there
    pairing.pin("B", LOW)
    assert (pair.first, pair.second) == (LIVE, "B")
    pairing.pin("A", HIGH)
    assert (pair.first, pair.second) == (LIVE, "B")
    pair.choose_first("A")
    assert (pair.first, pair.second) == ("A", "B")
    pair.choose_first("B")
    assert (pair.first, pair.second) == ("B", "A")
    pair.choose_second("B")
    assert (pair.first, pair.second) == ("A", "B")
    pair.choose_second(LIVE)
    assert (pair.first, pair.second) == ("A", LIVE)
    assert pair.involves_live()
    assert len(pairing.events.log) == 5
    pairing.pins.unpin("A")
    assert (pair.first, pair.second) == (LIVE, "B")
    pairing.pins.unpin("B")
    assert pair.second is None


@pytest.mark.parametrize(("first", "second"), [("A", "A"), ("Z", LIVE), (LIVE, "Z")])
def test_masks_that_are_not_there_to_choose_are_refused(pairing, first, second):
    pairing.pin("A", LOW)
    with pytest.raises(ValueError, match="expected two of live, A"):
        pairing.pair.choose(first, second)
    with pytest.raises(ValueError, match="expected two of live, A"):
        pairing.pair.choose_second("Z")


def test_an_only_mask_cannot_be_chosen_twice(pairing):
    pairing.pair.choose_second(LIVE)
    assert (pairing.pair.first, pairing.pair.second) == (LIVE, None)


def test_the_difference_is_lazy_and_follows_masks_and_fragment(pairing):
    fragment = pairing.session.fragment
    lazy = lazy_difference(pairing.pair)
    assert (lazy.shape, lazy.size, len(lazy)) == (fragment.shape, 12 * 20 * 24, 12)
    assert not np.asarray(lazy).any()
    first = pairing.pin("A", LOW, 1)
    live = pairing.driver.expected()
    expected = classes_by_definition(live, first)
    assert set(np.unique(expected)) == {0, 1, 2, 3}
    np.testing.assert_array_equal(lazy[3, ::2, 5:9], expected[3, ::2, 5:9])
    np.testing.assert_array_equal(np.asarray(lazy, dtype=np.int16), expected)
    plane = pairing.session.view.plane
    assert pairing.pair.overlap(plane) == overlap(live[plane], first[plane])
    pairing.session.change(quantile=0.6)
    pairing.driver.settle()
    expected = classes_by_definition(pairing.driver.expected(), first)
    np.testing.assert_array_equal(lazy[3], expected[3])
    second = pairing.pin("B", HIGH, 2)
    pairing.pair.choose("B", "A")
    np.testing.assert_array_equal(lazy[...], classes_by_definition(second, first))
    pairing.session.show_fragment("b")
    assert not lazy[3].any()
    assert pairing.pair.overlap(pairing.session.view.plane) is None
    mask = pairing.pin("A", LOW, 3)
    pairing.pair.choose("A", LIVE)
    pairing.driver.settle()
    found = lazy_difference(pairing.pair)[2]
    expected = classes_by_definition(mask, pairing.driver.expected())[2]
    np.testing.assert_array_equal(found, expected)
    assert not lazy[3].any()


def test_the_whole_fragment_is_compared_whichever_masks_are_chosen(pairing):
    comparison = ComparisonFollower(pairing.session, rest_seconds=0.0)

    def compared():
        pairing.pair.compare_in(comparison)
        pairing.driver.settle()
        assert pairing.session.graph.wait_until_idle(PATIENCE)
        pairing.driver.loop.run()
        return comparison.comparison

    assert compared() is None
    first, second = pairing.pin("A", LOW, 1), pairing.pin("B", HIGH, 2)
    for names, expected in (
        ((LIVE, "A"), (pairing.driver.expected(), first)),
        (("B", LIVE), (second, pairing.driver.expected())),
        (("A", "B"), (first, second)),
    ):
        pairing.pair.choose(*names)
        found = compared()
        assert (found.first, found.name) == names
        by_slice = overlap_by_slice(*expected)
        assert [found.slices[z] for z in range(12)] == [by_slice[z] for z in range(12)]
        assert (found.setting is None) == (LIVE not in names)
    # Sliders that move leave the comparison of two pins as it is.
    begun = comparison.begun
    pairing.session.change(quantile=0.6)
    pairing.driver.settle()
    assert not comparison.comparison.stale
    assert comparison.begun == begun
    whole = whole_block(pairing.session.fragment.shape)
    assert comparison.comparison.whole == pairing.pair.overlap(whole)
    comparison.close()
