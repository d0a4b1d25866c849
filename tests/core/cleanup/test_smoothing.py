"""Masks are smoothed as SciPy smooths them, and lines drawn as scikit-image thins them."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage
from skimage.morphology import skeletonize

from napari_nx46.core.cleanup.repair.lines import normalise_lines
from napari_nx46.core.cleanup.smoothing import smooth_mask, take_median
from napari_nx46.setting import MedianWindow
from napari_nx46.voxels.workers import Workers
from tests.voxels.mask_cases import masks, noise_mask

FOOTPRINTS = {
    MedianWindow.CUBE: np.ones((3, 3, 3)),
    MedianWindow.CROSS: ndimage.generate_binary_structure(3, 1),
    MedianWindow.SLICE: np.ones((1, 3, 3)),
    MedianWindow.LINE: np.ones((3, 1, 1)),
}


def defined_median(mask, passes, window):
    for _ in range(passes):
        mask = ndimage.median_filter(mask, footprint=FOOTPRINTS[window], mode="nearest")
    return mask


@settings(max_examples=60, deadline=None)
@given(mask=masks(), passes=st.integers(0, 3), window=st.sampled_from(MedianWindow))
def test_medians_equal_scipys(mask, passes, window):
    found = take_median(mask, passes, window)
    assert found.dtype == np.uint8
    np.testing.assert_array_equal(found, defined_median(mask, passes, window))


@settings(max_examples=40, deadline=None)
@given(mask=masks(), sigma=st.floats(0, 2))
def test_the_gaussian_of_a_mask_equals_scipys(mask, sigma):
    smooth = ndimage.gaussian_filter(mask.astype(np.float32), sigma, mode="nearest")
    np.testing.assert_array_equal(smooth_mask(mask, sigma), smooth > 0.5)


@settings(max_examples=30, deadline=None)
@given(mask=masks(), radius=st.floats(0.1, 3))
def test_lines_are_all_within_a_radius_of_the_skeleton(mask, radius):
    expected = np.zeros_like(mask)
    for plane, drawn in zip(mask, expected, strict=True):
        thin = skeletonize(plane)
        if thin.any():
            drawn[:] = ndimage.distance_transform_edt(~thin) <= radius
    np.testing.assert_array_equal(normalise_lines(mask, radius), expected)


def test_many_tiles_give_what_one_gives():
    mask = noise_mask(46, (40, 110, 120), 0.3, 1.0)
    threads = Workers(2)
    for window in MedianWindow:
        found = take_median(mask, 2, window, workers=threads)
        np.testing.assert_array_equal(found, defined_median(mask, 2, window))
    np.testing.assert_array_equal(smooth_mask(mask, 1, workers=threads), smooth_mask(mask, 1))
    np.testing.assert_array_equal(
        normalise_lines(mask, 1.5, workers=threads), normalise_lines(mask, 1.5)
    )
    threads.close()


def test_knobs_below_zero_are_refused():
    mask = np.zeros((2, 3, 4), np.uint8)
    for knob, call in (
        ("mask_gauss", lambda: smooth_mask(mask, -1)),
        ("median_passes", lambda: take_median(mask, -1)),
        ("line_norm", lambda: normalise_lines(mask, -0.1)),
    ):
        with pytest.raises(ValueError, match=knob):
            call()
