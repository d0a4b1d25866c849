"""Sheets that a closing joined are kept apart."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes
from scipy import ndimage

from napari_nx46.core.cleanup.sheets import keep_sheets_apart
from napari_nx46.voxels.workers import Workers

CUBE = np.ones((3, 3, 3), bool)
SHAPES = array_shapes(min_dims=3, max_dims=3, min_side=1, max_side=9)


@st.composite
def joined_masks(draw):
    """Draw a mask, and one before it that need not lie within it."""
    shape = draw(SHAPES)
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    before = rng.random(shape) < draw(st.sampled_from([0.02, 0.08, 0.2, 0.5]))
    added = rng.random(shape) < draw(st.sampled_from([0.0, 0.1, 0.4, 0.8]))
    lost = rng.random(shape) < draw(st.sampled_from([0.0, 0.1]))
    return ((before | added) & ~lost).astype(np.uint8), before.astype(np.uint8)


def raster_numbers(mask: np.ndarray, smallest: int) -> np.ndarray:
    """Number the components that are large enough in raster order of their first voxels."""
    labels, _ = ndimage.label(mask, CUBE)
    flat = labels.ravel()
    numbers = np.zeros_like(labels)
    number = 0
    for label in dict.fromkeys(flat[flat > 0].tolist()):
        if np.count_nonzero(flat == label) >= max(smallest, 1):
            number += 1
            numbers[labels == label] = number
    return numbers


def grown(sheet: np.ndarray, mask: np.ndarray) -> np.ndarray:
    sheet = np.where(mask != 0, sheet, 0)
    for _ in range(64):
        layer = np.zeros_like(sheet)
        for number in range(sheet.max(), 0, -1):
            reached = ndimage.binary_dilation(sheet == number, CUBE)
            layer[reached & (sheet == 0) & (mask != 0)] = number
        if not layer.any():
            return sheet
        sheet = sheet + layer
    return sheet


def plainly_separated(mask, unjoined, gap, smallest=0):
    """Return what `keep_sheets_apart` is defined to, in dilations and loops."""
    sheets = raster_numbers(unjoined, smallest)
    if gap == 0 or not sheets.any():
        return mask.copy()
    sheet = grown(sheets, mask)
    apart = mask.copy()
    for place in np.argwhere(sheet):
        near = tuple(slice(max(at - gap, 0), at + gap + 1) for at in place)
        own = sheet[tuple(place)]
        own_added = unjoined[tuple(place)] == 0
        for other, other_before in zip(sheet[near].ravel(), unjoined[near].ravel(), strict=True):
            if other not in (0, own) and (other_before == 0, other) < (own_added, own):
                apart[tuple(place)] = 0
    return apart


@given(joined_masks(), st.integers(0, 3), st.sampled_from([0, 1, 2, 5]))
def test_sheets_are_separated_as_the_definition_says(masks, gap, smallest):
    expected = plainly_separated(*masks, gap, smallest)
    np.testing.assert_array_equal(keep_sheets_apart(*masks, gap, smallest), expected)


@given(joined_masks(), st.integers(1, 3))
def test_separated_sheets_end_so_many_voxels_apart(masks, gap):
    mask, unjoined = masks
    apart = keep_sheets_apart(mask, unjoined, gap)
    sheet = grown(raster_numbers(unjoined, 0), mask) * apart
    cube = np.ones((2 * gap + 1,) * 3, bool)
    for number in range(1, sheet.max() + 1):
        near = ndimage.binary_dilation(sheet == number, cube)
        assert not np.any(near & (sheet != 0) & (sheet != number))


@given(joined_masks(), st.integers(1, 3))
def test_separating_sheets_only_removes_and_leaves_its_arguments_alone(masks, gap):
    mask, unjoined = masks
    copies = mask.copy(), unjoined.copy()
    apart = keep_sheets_apart(mask, unjoined, gap)
    assert np.all(apart <= mask)
    np.testing.assert_array_equal(mask, copies[0])
    np.testing.assert_array_equal(unjoined, copies[1])
    assert not np.shares_memory(apart, mask)


@pytest.mark.parametrize("length", [70, 128, 131, 160])
@pytest.mark.parametrize("ends", ["one", "both"])
def test_sheets_grow_at_most_64_voxels(length, ends):
    thread = np.ones((1, 1, length), np.uint8)
    tips = np.zeros_like(thread)
    tips[..., 0] = 1
    tips[..., -1] = ends == "both"
    tips = np.concatenate([tips, thread[..., :1].repeat(length, axis=2) * 0, tips], axis=1)
    both = np.concatenate([thread, thread, thread], axis=1)
    expected = plainly_separated(both, tips, 1)
    np.testing.assert_array_equal(keep_sheets_apart(both, tips, 1), expected)


def two_planes(distance: int) -> np.ndarray:
    """Return two flat sheets with `distance` slices of background between them."""
    planes = np.zeros((9, 6, 6), np.uint8)
    planes[2] = planes[3 + distance] = 1
    return planes


def test_a_bridge_between_two_planes_is_cut_off_the_second():
    planes = two_planes(3)
    bridged = planes.copy()
    bridged[3:6, 2, 2] = 1
    apart = keep_sheets_apart(bridged, planes, 1)
    # Both planes reach for the middle in the second layer: it goes to the first one, and then
    # yields to nothing; the last voxel of the bridge, beside it, is the higher sheet's.
    assert apart[3:6, 2, 2].tolist() == [1, 1, 0]
    assert np.all(apart[planes == 1] == 1)


def test_a_wider_gap_cuts_more_off_the_bridge():
    planes = two_planes(3)
    bridged = planes.copy()
    bridged[3:6, 2, 2] = 1
    apart = keep_sheets_apart(bridged, planes, 2)
    assert apart[3:6, 2, 2].tolist() == [1, 0, 0]
    assert np.all(apart[planes == 1] == 1)


def test_planes_nearer_than_the_gap_lose_voxels_of_the_later_one():
    planes = two_planes(1)
    apart = keep_sheets_apart(planes, planes, 2)
    assert np.all(apart[2] == 1)
    assert not apart[4].any()


def test_a_gap_of_nothing_changes_nothing():
    planes = two_planes(1)
    solid = np.ones_like(planes)
    np.testing.assert_array_equal(keep_sheets_apart(solid, planes, 0), solid)


def test_one_sheet_has_nothing_to_keep_apart_from():
    planes = two_planes(2)
    planes[5] = 0
    solid = np.ones_like(planes)
    np.testing.assert_array_equal(keep_sheets_apart(solid, planes, 3), solid)


def test_specks_smaller_than_a_sheet_neither_grow_nor_hold_their_ground():
    planes = two_planes(3)
    planes[4, 2, 2] = 1
    joined = planes.copy()
    joined[3:6, 2, 2] = 1
    apart = keep_sheets_apart(joined, planes, 1, smallest=10)
    # The speck is reached by both planes in the second layer, as if it had been added; being in
    # the mask before, it does not yield to what was added beside it.
    assert apart[3:6, 2, 2].tolist() == [1, 1, 0]


def test_where_no_component_is_a_sheet_nothing_is_removed():
    planes = two_planes(1)
    solid = np.ones_like(planes)
    np.testing.assert_array_equal(keep_sheets_apart(solid, planes, 2, smallest=1000), solid)


def test_what_no_sheet_reaches_is_left_alone():
    planes = two_planes(1)
    planes[:, 3:] = 0
    joined = planes.copy()
    joined[3, 5, 5] = 1
    assert keep_sheets_apart(joined, planes, 3)[3, 5, 5] == 1


@pytest.mark.parametrize("gap", [1, 3])
def test_separating_sheets_does_not_depend_on_threads(gap):
    rng = np.random.default_rng(5)
    before = ndimage.gaussian_filter(rng.random((90, 90, 90)), 2) > 0.52
    mask = ndimage.binary_dilation(before, iterations=1)
    masks = mask.astype(np.uint8), before.astype(np.uint8)
    threads = Workers(3)
    alone = keep_sheets_apart(*masks, gap, 20)
    np.testing.assert_array_equal(keep_sheets_apart(*masks, gap, 20, workers=threads), alone)
    assert 0 < np.count_nonzero(alone) < np.count_nonzero(mask)
    threads.close()


@pytest.mark.parametrize("shape", [(0, 4, 4), (4, 0, 4), (4, 4, 0), (3, 4, 5)])
def test_separating_nothing_gives_nothing(shape):
    nothing = np.zeros(shape, np.uint8)
    np.testing.assert_array_equal(keep_sheets_apart(nothing, nothing, 1), nothing)


def test_separating_masks_of_different_shapes_is_refused():
    with pytest.raises(ValueError, match=r"mask has shape \(2, 3, 4\).*\(2, 3, 5\)"):
        keep_sheets_apart(np.zeros((2, 3, 4), np.uint8), np.zeros((2, 3, 5), np.uint8), 1)
