"""Arrays are known by a sample of their voxels."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from napari_nx46.files.volumes import sampled
from napari_nx46.files.volumes.sampled import sampled_fingerprint


@given(arrays.arrays(st.sampled_from([np.uint8, np.float32]), arrays.array_shapes(max_dims=4)))
def test_equal_arrays_have_one_fingerprint_whatever_their_layout(array):
    expected = sampled_fingerprint(array)
    assert sampled_fingerprint(np.asfortranarray(array)) == expected
    assert sampled_fingerprint(array.astype(array.dtype.newbyteorder(">"))) == expected
    assert sampled_fingerprint(array[None]) != expected
    assert sampled_fingerprint(array.view(np.int8)) != expected
    changed = array.copy()
    changed.reshape(-1).view(np.uint8)[0] ^= 1
    assert sampled_fingerprint(changed) != expected


@pytest.mark.parametrize("place", [(0, 0, 0), (800, 4, 4), (400, 2, 3)])
def test_what_is_changed_all_over_a_large_array_is_seen(place):
    array = np.zeros((1000, 150, 100), np.uint8)
    assert array.nbytes > sampled.SAMPLE_BYTES
    other = array.copy()
    other[place[0] :, place[1] :, place[2]] = 1
    assert sampled_fingerprint(other) != sampled_fingerprint(array)
