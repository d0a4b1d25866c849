"""The thickness of sheets is twice the distance at the nearest middle, found one by one."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from napari_nx46.core.measure.thickness import measure_thickness


def distances_to(points, shape):
    """Return the distance of each voxel to the nearest of some points."""
    grid = np.stack(np.indices(shape), -1).reshape(-1, 1, 3)
    apart = np.linalg.norm(grid - np.argwhere(points)[None], axis=-1)
    return apart.min(1).reshape(shape), apart


@settings(max_examples=40, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    shape=st.tuples(*[st.integers(1, 7)] * 3),
    share=st.floats(0.1, 0.95),
)
def test_it_is_that_of_the_nearest_maximum_of_the_distance(seed, shape, share):
    mask = (np.random.default_rng(seed).random(shape) < share).astype(np.uint8)
    measured = measure_thickness(mask)
    if mask.all() or not mask.any():
        assert measured.median is None
        assert not measured.map.any()
        return
    distance, _ = distances_to(mask == 0, shape)
    ridge = np.zeros(shape, bool)
    for place in np.argwhere(mask):
        around = tuple(slice(max(0, at - 1), at + 2) for at in place)
        ridge[tuple(place)] = distance[tuple(place)] >= distance[around].max() - 1e-6
    to_ridge, apart = distances_to(ridge, shape)
    nearest = apart <= to_ridge.reshape(-1, 1) + 1e-6
    of_ridge = 2 * distance[ridge]
    for found, candidates, inside in zip(measured.map.ravel(), nearest, mask.ravel(), strict=True):
        expected = of_ridge[candidates] if inside else [0]
        assert np.isclose(found, expected, atol=1e-5).any()
    assert measured.ridge_voxels == ridge.sum()
    assert measured.median == pytest.approx(np.median(of_ridge), abs=1e-5)
    assert measured.p90 == pytest.approx(np.percentile(of_ridge, 90), abs=1e-5)


def test_two_sheets_that_are_fused_stand_out():
    mask = np.zeros((20, 40, 40), np.uint8)
    mask[3] = mask[9] = 1
    mask[14:19, :, :8] = 1
    measured = measure_thickness(mask)
    assert measured.median == 2
    assert 0 < measured.fused_share < 0.2
    assert measured.map[16, 20, 2] > 2 * measured.median
    np.testing.assert_array_equal(measured.map > 0, ndimage.label(mask)[0] > 0)


def test_a_mask_of_two_axes_is_refused():
    with pytest.raises(ValueError, match="2 axes"):
        measure_thickness(np.zeros((3, 4), np.uint8))
