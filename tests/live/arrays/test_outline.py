"""The line around a mask is what a dilation adds to it, and no part of what is saved."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.ndimage import binary_dilation

from napari_nx46.live.arrays.outline import OUTLINE, outlined, outlined_mask
from napari_nx46.live.arrays.volume import LazyVolume

SIDES = st.integers(1, 9)


@st.composite
def planes(draw):
    """Return a mask that is one voxel thick along an axis."""
    shape = [draw(SIDES), draw(SIDES)]
    shape.insert(draw(st.integers(0, 2)), 1)
    return draw(arrays(np.uint8, tuple(shape), elements=st.integers(0, 1)))


@given(planes())
def test_it_is_what_a_dilation_within_the_plane_adds(mask):
    shown = outlined(mask)
    assert shown.dtype == np.uint8
    np.testing.assert_array_equal(shown == 1, mask == 1)
    np.testing.assert_array_equal(shown == OUTLINE, binary_dilation(mask) & (mask == 0))


def test_a_volume_has_none():
    mask = np.zeros((3, 4, 5), np.uint8)
    mask[1, 1, 1] = 1
    np.testing.assert_array_equal(outlined(mask), mask)


@pytest.mark.parametrize("drawn", [True, False])
def test_it_is_shown_and_never_saved(drawn):
    mask = np.zeros((3, 5, 5), np.uint8)
    mask[1, 2, 2] = 1
    volume = outlined_mask(
        LazyVolume(mask.shape, lambda box: mask[box], lambda: mask), lambda: drawn
    )
    expected = outlined(mask[1:2])[0] if drawn else mask[1]
    np.testing.assert_array_equal(volume[1], expected)
    np.testing.assert_array_equal(np.asarray(volume), mask)
