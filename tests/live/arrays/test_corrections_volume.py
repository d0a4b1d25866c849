"""The volume of corrections is written and read like an array, and the session follows."""

from __future__ import annotations

import copy

import numpy as np
import pytest

from napari_nx46.live.arrays.corrections import CorrectionsVolume
from napari_nx46.voxels.corrections.corrections import CorrectionsError
from tests.live.driver import Events


@pytest.fixture
def volume(driver):
    driver.settle()
    return CorrectionsVolume(driver.session)


INDICES = [
    np.s_[3],
    np.s_[-1, 2:5],
    np.s_[2:5, 4, 1:9],
    np.s_[..., 7],
    np.s_[6, 5, 4],
    np.s_[0:0, :, :],
    (np.array([1, 1, 5]), np.array([0, 3, 4]), np.array([2, 2, 23])),
    (np.zeros(0, int), np.zeros(0, int), np.zeros(0, int)),
]


@pytest.mark.parametrize("index", INDICES)
def test_it_reads_and_writes_like_an_array(volume, driver, index):
    array = np.zeros(volume.shape, np.uint8)
    for where, value in ((np.s_[2:7, 3:9, 0:12], 1), (index, 2)):
        array[where] = volume[where] = value
        np.testing.assert_array_equal(volume[index], array[index])
    np.testing.assert_array_equal(np.asarray(volume), array)
    driver.loop.run()
    np.testing.assert_array_equal(driver.session.present_corrections.whole_labels(), array)


def test_values_may_be_an_array(volume):
    rng = np.random.default_rng(1)
    region = rng.integers(0, 3, (2, 5, 6), np.uint8)
    volume[4:6, 1:6, 2:8] = region
    np.testing.assert_array_equal(volume[4:6, 1:6, 2:8], region)
    voxels = tuple(rng.permutation(8) for _ in range(3))
    volume[voxels] = rng.integers(0, 3, 8, np.uint8)
    assert volume[4:6, 1:6, 2:8].flags.writeable


def test_the_session_hears_of_many_writes_once(volume, driver):
    events = Events(driver.session, "mask_changed")
    for x in range(10):
        volume[6, 5, x] = 1
    assert events.log == []
    volume.flush()
    assert len(events.log) == 1
    assert driver.session.present_corrections.added == 10
    driver.loop.run()
    assert len(events.log) == 1
    np.testing.assert_array_equal(driver.shown(), driver.expected()[driver.session.view.plane])


def test_what_was_written_before_the_fragment_changed_stays_with_it(volume, driver):
    volume[0, 0] = 1
    driver.session.show_fragment("b")
    driver.loop.run()
    assert driver.session.corrections.by_fragment.keys() == {"a"}
    assert volume[0, 0].all()


def test_other_labels_and_odd_indices_are_refused(volume):
    for index, label in ((np.s_[0], 3), (np.s_[0], -1), ((np.array([0]),) * 3, 5)):
        with pytest.raises(CorrectionsError, match="expected 0"):
            volume[index] = label
    with pytest.raises(IndexError, match="step 1"):
        volume[::2] = 1
    with pytest.raises(IndexError, match="step 1"):
        volume[::-1] = 1
    assert not np.asarray(volume).any()


def test_a_copy_is_an_ordinary_array(volume):
    volume[1] = 2
    copied = copy.deepcopy(volume)
    assert isinstance(copied, np.ndarray)
    volume[1] = 0
    assert (copied[1] == 2).all()
