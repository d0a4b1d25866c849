"""Two masks compared, against the plain definition."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from napari_nx46.voxels.overlap import (
    Overlap,
    bits_of,
    compare_bits,
    count_bits,
    difference,
    overlap,
    overlap_by_slice,
)
from napari_nx46.voxels.workers import Workers
from tests.voxels.mask_cases import WIDTHS, noise_mask


@st.composite
def mask_pairs(draw):
    shape = draw(st.integers(1, 40)), draw(st.integers(1, 7)), draw(WIDTHS)
    shares = st.sampled_from([0.0, 0.05, 0.4, 0.9, 1.0])
    seeds = st.integers(0, 2**32 - 1)
    return tuple(noise_mask(draw(seeds), shape, draw(shares)) for _ in range(2))


def plain_counts(mask_a, mask_b):
    a, b = mask_a != 0, mask_b != 0
    return int((a & b).sum()), int((a & ~b).sum()), int((~a & b).sum())


@given(mask_pairs())
def test_overlaps_are_the_counts_of_the_plain_definition(pair):
    a, b = pair
    assert overlap(a, b) == Overlap(*plain_counts(a, b))
    by_slice = overlap_by_slice(a, b)
    assert len(by_slice) == len(a)
    for z in range(len(a)):
        assert by_slice[z] == overlap(a[z], b[z]) == Overlap(*plain_counts(a[z], b[z]))
    assert by_slice.dice.tolist() == [by_slice[z].dice for z in range(len(a))]
    assert by_slice.iou.tolist() == [by_slice[z].iou for z in range(len(a))]


@given(mask_pairs())
def test_shares_of_an_overlap_follow_from_its_counts(pair):
    a, b = pair
    both, only_a, only_b = plain_counts(a, b)
    found = overlap(a, b)
    assert found.dice == (2 * both / (2 * both + only_a + only_b) if a.any() or b.any() else 1.0)
    assert found.iou == (both / (both + only_a + only_b) if a.any() or b.any() else 1.0)
    assert found.precision == (both / a.sum() if a.any() else 1.0)
    assert found.recall == (both / b.sum() if b.any() else 1.0)


def test_the_threads_do_not_change_the_overlap():
    a, b = (noise_mask(seed, (50, 12, 33), 0.4) for seed in (1, 2))
    workers = Workers(3)
    try:
        parallel, alone = overlap_by_slice(a, b, workers), overlap_by_slice(a, b)
    finally:
        workers.close()
    for name in ("both", "only_a", "only_b"):
        np.testing.assert_array_equal(getattr(parallel, name), getattr(alone, name))


def test_any_value_but_zero_is_foreground_in_an_overlap():
    a, b = noise_mask(3, (4, 5, 11), 0.5), noise_mask(4, (4, 5, 11), 0.5)
    expected = overlap(a, b)
    assert overlap(a * np.uint8(255), b.astype(np.bool_)) == expected
    np.testing.assert_array_equal(difference(a * np.uint8(7), b != 0), difference(a, b))


@given(mask_pairs())
def test_packed_masks_compare_like_the_masks(pair):
    a, b = pair
    assert compare_bits(bits_of(a), bits_of(b)).whole == overlap(a, b)


@given(mask_pairs())
def test_a_difference_says_of_every_voxel_which_mask_it_is_in(pair):
    a, b = pair
    classes = difference(a, b)
    assert classes.dtype == np.uint8
    np.testing.assert_array_equal(classes, a + 2 * b)
    assert (a.max(initial=0), b.max(initial=0)) <= (1, 1)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.uint64])
def test_bits_are_counted_slice_by_slice_in_words_of_any_size(dtype):
    high = np.iinfo(dtype).max
    numbers = np.random.default_rng(0).integers(0, high, (5, 3, 7), dtype, endpoint=True)
    expected = [sum(int(word).bit_count() for word in part.ravel()) for part in numbers]
    assert count_bits(numbers).tolist() == expected
    assert count_bits(numbers[:, ::2, ::2]).tolist() == [
        sum(int(word).bit_count() for word in part[::2, ::2].ravel()) for part in numbers
    ]


def test_masks_of_other_shapes_are_not_compared():
    a, b = np.zeros((2, 3, 4), np.uint8), np.zeros((2, 4, 3), np.uint8)
    for compare in (overlap, overlap_by_slice, difference, compare_bits):
        with pytest.raises(ValueError, match=r"\(2, 3, 4\) and \(2, 4, 3\)"):
            compare(a, b)
    with pytest.raises(ValueError, match="axes"):
        overlap(np.zeros(3, np.uint8), np.zeros(3, np.uint8))
