"""Euler numbers against scikit-image's."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from skimage import measure

from napari_nx46.voxels.euler import euler_number, euler_numbers_of_slices
from napari_nx46.voxels.workers import Cancelled, Workers
from tests.voxels.mask_cases import masks, noise_mask


@given(masks())
def test_the_euler_number_of_a_volume_is_that_of_scikit_image(mask):
    assert euler_number(mask) == measure.euler_number(mask, connectivity=1)


@given(masks())
def test_the_euler_numbers_of_slices_are_those_of_scikit_image(mask):
    expected = [measure.euler_number(part, connectivity=2) for part in mask]
    assert euler_numbers_of_slices(mask).tolist() == expected
    assert euler_numbers_of_slices(mask[0]).tolist() == expected[:1]


@pytest.mark.parametrize("depth", [1, 15, 16, 17, 33, 48])
def test_the_euler_number_does_not_depend_on_where_tiles_begin(depth):
    mask = noise_mask(depth, (depth, 9, 70), 0.4)
    workers = Workers(3)
    try:
        assert euler_number(mask, workers) == measure.euler_number(mask, connectivity=1)
    finally:
        workers.close()


def test_solids_rings_and_shells_have_the_euler_numbers_of_textbooks():
    solid = np.zeros((5, 5, 5), np.uint8)
    solid[1:4, 1:4, 1:4] = 1
    ring, shell = solid.copy(), solid.copy()
    ring[:, 2, 2] = 0
    shell[2, 2, 2] = 0
    assert [euler_number(mask) for mask in (solid, ring, shell)] == [1, 0, 2]
    assert euler_number(np.zeros_like(solid)) == 0
    assert euler_number(np.ones_like(solid)) == 1
    assert euler_number(solid * np.uint8(255)) == euler_number(solid != 0) == 1


def test_the_euler_number_of_a_slice_needs_another_function():
    with pytest.raises(ValueError, match=r"\(Z, Y, X\).*\(4, 4\)"):
        euler_number(np.zeros((4, 4), np.uint8))


def test_the_euler_number_is_given_up_when_it_is_cancelled():
    with pytest.raises(Cancelled):
        euler_number(np.zeros((4, 4, 4), np.uint8), cancelled=lambda: True)
