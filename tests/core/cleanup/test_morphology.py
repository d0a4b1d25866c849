"""Opening and closing equal SciPy's, bit for bit, at the faces too."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from napari_nx46.core.cleanup.morphology import (
    Element,
    ball,
    close_anisotropic,
    close_with_ball,
    disc,
    open_by_faces,
    z_line,
)
from napari_nx46.voxels.packed import pack, unpack
from napari_nx46.voxels.workers import Workers
from tests.voxels.mask_cases import masks, noise_mask

FACES = ndimage.generate_binary_structure(3, 1)


def cylinder(z_radius, xy_radius):
    """Return the anisotropic element as SciPy takes it."""
    z, y, x = np.indices((2 * z_radius + 1, 2 * xy_radius + 1, 2 * xy_radius + 1))
    within = (y - xy_radius) ** 2 + (x - xy_radius) ** 2 <= xy_radius**2
    return within & (np.abs(z - z_radius) <= z_radius)


def sphere(radius):
    """Return the ball as SciPy takes it."""
    offsets = np.indices((2 * radius + 1,) * 3) - radius
    return (offsets**2).sum(axis=0) <= radius**2


def padded_closing(mask, element):
    """Close a mask in a margin of background, and cut the margin off."""
    radii = [length // 2 for length in element.shape]
    padded = np.pad(mask, [(radius, radius) for radius in radii])
    closing = ndimage.binary_closing(padded, element)
    return closing[tuple(slice(r, r + n) for r, n in zip(radii, mask.shape, strict=True))]


def voxels_of(element: Element):
    """Return an element's voxels as an array."""
    z, y, x = element.radii
    voxels = np.zeros((2 * z + 1, 2 * y + 1, 2 * x + 1), bool)
    for dz, dy, half_width in element.rows:
        voxels[z + dz, y + dy, x - half_width : x + half_width + 1] = True
    return voxels


@pytest.mark.parametrize("radius", range(9))
def test_elements_are_the_defined_sets_of_voxels(radius):
    np.testing.assert_array_equal(voxels_of(ball(radius)), sphere(radius))
    np.testing.assert_array_equal(voxels_of(disc(radius)), cylinder(0, radius))
    np.testing.assert_array_equal(voxels_of(z_line(radius)), cylinder(radius, 0))


def test_the_ball_of_radius_one_is_a_voxel_with_its_six_neighbours():
    np.testing.assert_array_equal(voxels_of(ball(1)), FACES)


@settings(max_examples=60, deadline=None)
@given(mask=masks(), margin=st.tuples(st.integers(0, 3), st.integers(0, 3), st.integers(0, 17)))
def test_unpacking_gives_the_packed_mask_back(mask, margin):
    packed = pack(mask, margin)
    np.testing.assert_array_equal(unpack(packed), mask)
    assert packed.margin[:2] == margin[:2]
    assert 8 * packed.margin[2] >= margin[2]
    free_bits = 64 * packed.words.shape[2] - 8 * packed.margin[2] - mask.shape[2]
    assert free_bits >= margin[2]


@settings(max_examples=80, deadline=None)
@given(mask=masks())
def test_opening_equals_scipy(mask):
    found = open_by_faces(mask)
    assert found.dtype == np.uint8
    np.testing.assert_array_equal(found, ndimage.binary_opening(mask, FACES))


@settings(max_examples=40, deadline=None)
@given(mask=masks(), z_radius=st.integers(0, 8), xy_radius=st.integers(0, 8))
def test_anisotropic_closing_equals_scipy_within_a_margin(mask, z_radius, xy_radius):
    found = close_anisotropic(mask, z_radius, xy_radius)
    assert found.dtype == np.uint8
    np.testing.assert_array_equal(found, padded_closing(mask, cylinder(z_radius, xy_radius)))
    assert np.all(found >= mask)


@settings(max_examples=30, deadline=None)
@given(mask=masks(), radius=st.integers(0, 8))
def test_ball_closing_equals_scipy_within_a_margin(mask, radius):
    found = close_with_ball(mask, radius)
    np.testing.assert_array_equal(found, padded_closing(mask, sphere(radius)))
    assert np.all(found >= mask)


@pytest.mark.parametrize("radii", [(3, 2), (1, 0), (0, 2), (2, 1)])
def test_anisotropic_closing_equals_the_plain_scipy_call_away_from_the_faces(radii):
    mask = noise_mask(46, (26, 24, 90), 0.3, 1.0)
    z, xy = radii
    inner = slice(z, 26 - z), slice(xy, 24 - xy), slice(xy, 90 - xy)
    plain = ndimage.binary_closing(mask, cylinder(*radii))
    np.testing.assert_array_equal(close_anisotropic(mask, *radii)[inner], plain[inner])


def test_ball_closing_equals_the_plain_scipy_call_away_from_the_faces():
    mask = noise_mask(47, (26, 24, 90), 0.3, 1.0)
    inner = (slice(3, -3),) * 3
    plain = ndimage.binary_closing(mask, sphere(3))
    np.testing.assert_array_equal(close_with_ball(mask, 3)[inner], plain[inner])


def test_the_plain_scipy_closing_erases_at_the_faces_what_ours_keeps():
    mask = np.ones((9, 9, 9), np.uint8)
    assert not ndimage.binary_closing(mask, cylinder(3, 2))[0].any()
    assert close_anisotropic(mask, 3, 2).all()


def test_closing_bridges_a_gap_of_twice_the_radius_and_no_more():
    column = np.zeros((40, 1, 1), np.uint8)
    column[[5, 10, 20, 26]] = 1
    closed = close_anisotropic(column, 2, 0)[:, 0, 0]
    assert closed[5:11].all()
    assert not closed[21:26].any()


@pytest.mark.parametrize("step", [open_by_faces, lambda mask: close_with_ball(mask, 2)])
def test_the_mask_that_is_passed_in_is_left_alone(step):
    mask = noise_mask(46, (9, 9, 70), 0.5, 1.0)
    before = mask.copy()
    mask.flags.writeable = False
    assert step(mask).flags.writeable
    np.testing.assert_array_equal(mask, before)


def test_masks_on_many_tiles_equal_the_ones_on_one():
    mask = noise_mask(48, (70, 200, 130), 0.4, 1.0)
    threads = Workers(2)
    np.testing.assert_array_equal(
        close_anisotropic(mask, 3, 2, workers=threads), padded_closing(mask, cylinder(3, 2))
    )
    np.testing.assert_array_equal(
        open_by_faces(mask, workers=threads), ndimage.binary_opening(mask, FACES)
    )
    threads.close()
