"""A component that is pointed at is found in the exact mask of the whole fragment."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from napari_nx46.live.corrections.component import PickedComponent
from napari_nx46.setting import Setting
from tests.live.driver import Events, settle

CLEANED = Setting(quantile=0.85, hysteresis=True, low_quantile=0.6, smallest_object=20)
SPARSE = Setting(quantile=0.97)


def component_of(mask, voxel):
    numbers, _ = ndimage.label(mask, np.ones((3, 3, 3)))
    return (numbers == numbers[voxel]) & (numbers > 0)


def picked(driver, value, voxel, number):
    """Pick a component and take it up as the window does; return whether it was found."""
    events = Events(value, "found")
    value.pick(voxel, number)
    settle(driver)
    ((image_id, component),) = events.of("found")
    corrections = driver.session.corrections
    corrections.change(image_id, corrections.of(image_id).merged(component))
    settle(driver)
    return component


@pytest.mark.parametrize("setting", [SPARSE, CLEANED])
@pytest.mark.parametrize("number", [1, 2])
def test_all_of_a_component_is_kept_or_removed(driver, setting, number):
    value = PickedComponent(driver.session)
    driver.session.apply(setting)
    settle(driver)
    mask = driver.expected()
    voxel = tuple(int(axis[len(axis) // 2]) for axis in np.nonzero(mask))
    component = component_of(mask, voxel)
    found = picked(driver, value, voxel, number)
    np.testing.assert_array_equal(found.whole_labels(), component * number)
    kept = mask if number == 1 else mask & ~component
    np.testing.assert_array_equal(driver.session.whole_mask(), kept)
    driver.session.change(quantile=1.0, hysteresis=False)
    settle(driver)
    assert driver.session.whole_mask()[component].all() == (number == 1)


def test_it_is_found_once_the_mask_is_exact_and_only_the_newest(driver):
    value = PickedComponent(driver.session)
    events = Events(value, "found")
    settle(driver)
    driver.session.change(quantile=0.9)
    assert not driver.session.settled
    value.pick((0, 0, 0), 1)
    voxel = tuple(int(axis[0]) for axis in np.nonzero(driver.expected()))
    value.pick(voxel, 2)
    settle(driver)
    ((image_id, component),) = events.of("found")
    assert image_id == "a"
    expected = component_of(driver.expected(), voxel)
    np.testing.assert_array_equal(component.whole_labels(), 2 * expected)
    assert value.wanted is None


def test_background_has_no_component_and_other_fragments_none_of_this(driver):
    value = PickedComponent(driver.session)
    settle(driver)
    background = tuple(int(axis[0]) for axis in np.nonzero(driver.expected() == 0))
    assert picked(driver, value, background, 1).is_empty
    events = Events(value, "found")
    driver.session.change(quantile=0.8)
    value.pick((0, 0, 0), 1)
    driver.session.show_fragment("b")
    settle(driver)
    assert events.log == []
