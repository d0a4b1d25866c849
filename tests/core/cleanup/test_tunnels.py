"""Tunnels are plugged where, and only where, a voxel raises the Euler number by one."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from scipy import ndimage
from skimage.measure import euler_number

from napari_nx46.core.cleanup.tunnels import plug_tunnels
from napari_nx46.voxels.workers import Workers
from tests.voxels.mask_cases import masks, noise_mask

CENTRE = (1, 1, 1)


def defined_plugging(mask):
    """Try every background voxel on its own, one after the other."""
    padded = np.pad(mask, 1)
    plugged = mask.copy()
    faces = ndimage.generate_binary_structure(3, 1)
    for voxel in np.argwhere(mask == 0):
        around = padded[tuple(slice(start, start + 3) for start in voxel)].copy()
        before = euler_number(around, connectivity=1)
        has_neighbour = around[faces].any()
        around[CENTRE] = 1
        if has_neighbour and euler_number(around, connectivity=1) - before == 1:
            plugged[tuple(voxel)] = 1
    return plugged


def sheet(thickness=1, size=9):
    """Return an upright sheet in the middle of a cube of background."""
    mask = np.zeros((size, size, size), np.uint8)
    first = (size - thickness) // 2
    mask[:, first : first + thickness] = 1
    return mask


@settings(max_examples=25, deadline=None)
@given(mask=masks(deepest=4))
def test_plugging_equals_the_definition(mask):
    found = plug_tunnels(mask)
    assert found.dtype == np.uint8
    np.testing.assert_array_equal(found, defined_plugging(mask))


def test_every_neighbourhood_of_a_sample_is_judged_by_the_euler_number_of_the_whole():
    mask = noise_mask(46, (6, 6, 6), 0.45)
    plugged = plug_tunnels(mask)
    whole = euler_number(mask, connectivity=1)
    for voxel in map(tuple, np.argwhere(plugged > mask)):
        filled = mask.copy()
        filled[voxel] = 1
        assert euler_number(filled, connectivity=1) == whole + 1


@pytest.mark.parametrize("thickness", [1, 3])
def test_a_hole_of_one_voxel_through_a_sheet_is_plugged(thickness):
    whole = sheet(thickness)
    holed = whole.copy()
    holed[4, :, 4] = 0
    np.testing.assert_array_equal(plug_tunnels(holed), whole)


def test_a_diagonal_hole_through_a_sheet_is_plugged():
    holed = sheet(3)
    for step, y in enumerate((3, 4, 5)):
        holed[4, y, 3 + step] = 0
    np.testing.assert_array_equal(plug_tunnels(holed)[:, 3:6], sheet(3)[:, 3:6])


def test_a_hole_diagonal_in_space_is_plugged():
    holed = sheet(3)
    for step, y in enumerate((3, 4, 5)):
        holed[3 + step, y, 3 + step] = 0
    plugged = plug_tunnels(holed)
    assert euler_number(holed, connectivity=1) < 1
    assert euler_number(plugged, connectivity=1) == 1


def test_a_loop_is_plugged_and_one_that_is_open_by_faces_is_not():
    ring = np.zeros((3, 5, 5), np.uint8)
    ring[1, 1:4, 1:4] = 1
    ring[1, 2, 2] = 0
    opened = ring.copy()
    opened[1, 1, 1] = 0  # its ends touch by an edge now, which does not connect them
    assert plug_tunnels(ring)[1, 2, 2]
    np.testing.assert_array_equal(plug_tunnels(opened), opened)


def test_a_diagonal_crack_stays_as_no_voxel_alone_shuts_it():
    cracked = sheet(3)
    for step in range(3):
        cracked[3 + step, 3:6, 3 + step] = 0
    np.testing.assert_array_equal(plug_tunnels(cracked), cracked)


def test_an_open_groove_stays_open():
    grooved = sheet(3)
    grooved[4, 3] = 0
    np.testing.assert_array_equal(plug_tunnels(grooved), grooved)


def test_a_gap_of_two_voxels_stays():
    holed = sheet(1)
    holed[4, 4, 4:6] = 0
    np.testing.assert_array_equal(plug_tunnels(holed), holed)


def test_lone_voxels_and_empty_masks_stay_as_they_are():
    empty = np.zeros((4, 5, 6), np.uint8)
    np.testing.assert_array_equal(plug_tunnels(empty), empty)
    lone = empty.copy()
    lone[2, 2, 2] = 1
    np.testing.assert_array_equal(plug_tunnels(lone), lone)


def test_plugging_on_many_tiles_equals_plugging_on_one():
    mask = noise_mask(48, (70, 200, 130), 0.4, 0.7)
    threads = Workers(2)
    found = plug_tunnels(mask, workers=threads)
    threads.close()
    slabs = [plug_tunnels(mask[max(0, z - 1) : z + 2])[min(z, 1)] for z in range(70)]
    np.testing.assert_array_equal(found, np.stack(slabs))
