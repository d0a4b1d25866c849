"""Holes of sheets are patched, unless a sheet gets worse by it."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes
from scipy import ndimage
from skimage.measure import euler_number

from napari_nx46.core.cleanup import patching
from napari_nx46.core.cleanup.patching import patch_holes
from napari_nx46.voxels.spans import find_components
from napari_nx46.voxels.workers import Workers

SIDES = st.sampled_from([3, 5, 8])
CUBE = np.ones((3, 3, 3), bool)
FOUR = ((-1, 0), (1, 0), (0, -1), (0, 1))


@st.composite
def holed_masks(draw):
    """Draw noise, or a few thin bumpy sheets with holes in them, in any orientation."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    if draw(st.booleans()):
        shape = draw(array_shapes(min_dims=3, max_dims=3, min_side=1, max_side=9))
        return (rng.random(shape) < draw(st.sampled_from([0.1, 0.2, 0.3, 0.5]))).astype(np.uint8)
    mask = np.zeros((12, 11, 13), np.uint8)
    z = np.arange(12)[:, None, None]
    for level in draw(st.sampled_from([(3,), (2, 7), (1, 5, 9)])):
        bumps = ndimage.gaussian_filter(rng.normal(size=(11, 13)), 2) * draw(st.integers(0, 8))
        at = np.round(level + bumps)
        sheet = (z >= at) & (z < at + draw(st.integers(1, 3)))
        mask[sheet & (rng.random((11, 13)) > draw(st.sampled_from([0.05, 0.2, 0.4])))] = 1
    return np.ascontiguousarray(mask.transpose(draw(st.permutations(range(3)))))


def in_raster_order(labels: np.ndarray) -> list[int]:
    flat = labels.ravel()
    return list(dict.fromkeys(flat[flat > 0].tolist()))


def plain_holes(covered: np.ndarray, largest_side: int) -> list[np.ndarray]:
    """Return each hole of a projection as a bool image."""
    labels, _ = ndimage.label(~covered)
    holes = []
    for label in in_raster_order(labels):
        hole = labels == label
        rows, columns = np.nonzero(hole)
        at_border = (
            rows.min() == 0
            or columns.min() == 0
            or rows.max() == covered.shape[0] - 1
            or columns.max() == covered.shape[1] - 1
        )
        if not at_border and max(np.ptp(rows), np.ptp(columns)) + 1 <= largest_side:
            holes.append(hole)
    return holes


def plain_patch(sheet: np.ndarray, covered: np.ndarray, hole: np.ndarray) -> np.ndarray:
    """Return a hole's patch; `sheet` is viewed along its first axis."""
    spans = {}
    for row, column in np.argwhere(covered):
        depths = np.flatnonzero(sheet[:, row, column])
        spans[row, column] = int(depths[0]), int(depths[-1])
    mended = {}
    for row, column in np.argwhere(hole):
        weights = low = high = 0.0
        for row_step, column_step in FOUR:
            distance = 1
            while (row + distance * row_step, column + distance * column_step) not in spans:
                distance += 1
            span = spans[row + distance * row_step, column + distance * column_step]
            weights += 1.0 / distance
            low += 1.0 / distance * span[0]
            high += 1.0 / distance * span[1]
        mended[row, column] = math.floor(low / weights + 0.5), math.floor(high / weights + 0.5)
    spans |= mended
    patch = np.zeros_like(sheet)
    for (row, column), (low, high) in mended.items():
        beside = [spans[row + row_step, column + column_step] for row_step, column_step in FOUR]
        lowest = min(low, *(top for _, top in beside))
        highest = max(high, *(bottom for bottom, _ in beside))
        patch[lowest : highest + 1, row, column] = True
    return patch


def plainly_patched(mask: np.ndarray, largest_side: int) -> np.ndarray:
    """Return what `patch_holes` is defined to, with scikit-image's Euler number."""
    labels, _ = ndimage.label(mask, CUBE)
    for number in in_raster_order(labels):
        places = np.argwhere(labels == number)
        sides = np.ptp(places, axis=0)
        axis = int(np.argmin(sides))
        viewed = np.moveaxis(labels, axis, 0)
        original = viewed == number
        box = tuple(
            slice(low, low + side + 1)
            for low, side in zip(
                np.delete(places.min(axis=0), axis), np.delete(sides, axis), strict=True
            )
        )
        covered = original.any(axis=0)
        for hole_in_box in plain_holes(covered[box], largest_side):
            hole = np.zeros_like(covered)
            hole[box] = hole_in_box
            patch = plain_patch(original, covered, hole)
            near = viewed[ndimage.binary_dilation(patch, CUBE)]
            if np.any((near != 0) & (near != number)):
                continue
            before = abs(1 - euler_number(viewed == number, connectivity=1))
            if abs(1 - euler_number((viewed == number) | patch, connectivity=1)) <= before:
                viewed[patch] = number
    return (labels != 0).astype(np.uint8)


@given(holed_masks(), st.sampled_from([1, 2, 3, 5, 64]))
def test_holes_are_patched_as_the_definition_says(mask, largest_side):
    expected = plainly_patched(mask, largest_side)
    np.testing.assert_array_equal(patch_holes(mask, largest_side), expected)


@given(holed_masks(), st.sampled_from([1, 3, 1000]))
def test_a_sheets_euler_number_is_that_of_scikit_image(mask, runs_per_tile):
    components = find_components(mask, 26)
    labels = components.labels(np.arange(1, components.count + 1, dtype=np.int32), mask)
    sheets = patching._Sheets.of(components)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(patching, "RUNS_PER_TILE", runs_per_tile)
        found = [sheets.euler_number(sheet, labels, None) for sheet in range(components.count)]
    expected = [
        euler_number(labels == sheet + 1, connectivity=1) for sheet in range(components.count)
    ]
    assert found == expected


@given(holed_masks())
def test_patching_only_adds_and_leaves_its_argument_alone(mask):
    copy = mask.copy()
    patched = patch_holes(mask, 64)
    assert np.all(patched >= mask)
    np.testing.assert_array_equal(mask, copy)
    assert not np.shares_memory(patched, mask)


@given(holed_masks())
def test_patching_brings_no_sheets_together(mask):
    assert ndimage.label(patch_holes(mask, 64), CUBE)[1] == ndimage.label(mask, CUBE)[1]


def sheet_at(level: np.ndarray, depth: int, thickness: int = 2) -> np.ndarray:
    """Return a sheet `thickness` voxels thick from the level of each column on."""
    z = np.arange(depth)[:, None, None]
    at = np.round(level).astype(int)
    return ((z >= at) & (z < at + thickness)).astype(np.uint8)


def punched(sheet: np.ndarray, low: int, high: int) -> np.ndarray:
    holed = sheet.copy()
    holed[:, low:high, low:high] = 0
    return holed


LEVELS = {
    "flat": np.full((32, 32), 8.0),
    "tilted": 4 + 0.4 * np.arange(32)[:, None] + np.zeros((1, 32)),
    "steep": 2 + 0.8 * np.arange(32)[:, None] + np.zeros((1, 32)),
    "tilted both ways": 4 + 0.3 * np.arange(32)[:, None] + 0.4 * np.arange(32)[None, :],
    "curved": 40 - np.sqrt(36**2 - np.arange(-16, 16)[:, None] ** 2) + np.zeros((1, 32)),
    "saddle": 12 + (np.arange(-16, 16)[:, None] ** 2 - np.arange(-16, 16)[None, :] ** 2) / 40,
}


@pytest.mark.parametrize("axis", [0, 1, 2])
@pytest.mark.parametrize("thickness", [3, 5])
@pytest.mark.parametrize("level", LEVELS.values(), ids=LEVELS)
def test_a_square_hole_is_patched_to_a_disc_near_the_true_sheet(level, thickness, axis):
    whole = sheet_at(level, 36, thickness)
    holed = punched(whole, 10, 20)
    patched = np.moveaxis(patch_holes(np.moveaxis(holed, 0, axis), 10), axis, 0)
    assert euler_number(holed, connectivity=1) == 0
    assert euler_number(patched, connectivity=1) == 1
    assert patched[:, 10:20, 10:20].any(axis=0).all()
    added = patched & ~holed
    distance = ndimage.distance_transform_cdt(whole == 0, "taxicab")
    assert distance[added != 0].max() <= 1
    assert 0.8 < np.count_nonzero(added) / np.count_nonzero(whole & ~holed) < 1.4


def test_a_flat_sheet_is_restored_exactly():
    whole = sheet_at(LEVELS["flat"], 16, 3)
    np.testing.assert_array_equal(patch_holes(punched(whole, 4, 12), 8), whole)


def test_a_hole_larger_than_allowed_stays():
    holed = punched(sheet_at(LEVELS["flat"], 16), 4, 12)
    np.testing.assert_array_equal(patch_holes(holed, 7), holed)
    assert patch_holes(holed, 8).sum() > holed.sum()


def test_without_a_size_no_hole_is_patched():
    holed = punched(sheet_at(LEVELS["flat"], 16), 4, 12)
    np.testing.assert_array_equal(patch_holes(holed, 0), holed)


def test_a_bay_at_the_border_of_the_volume_stays():
    holed = punched(sheet_at(LEVELS["flat"], 16), 0, 6)
    np.testing.assert_array_equal(patch_holes(holed, 64), holed)


def test_each_of_two_sheets_is_patched_by_itself():
    whole = sheet_at(LEVELS["flat"], 16) | sheet_at(LEVELS["flat"] - 4, 16)
    holed = whole.copy()
    holed[8:10, 5:9, 5:9] = 0
    holed[4:6, 7:20, 7:20] = 0
    np.testing.assert_array_equal(patch_holes(holed, 64), whole)


def test_a_patch_that_would_touch_another_sheet_is_left_out():
    holed = punched(sheet_at(LEVELS["flat"], 16), 4, 12)
    holed[9:14, 7:9, 7:9] = 1
    np.testing.assert_array_equal(patch_holes(holed, 64), holed)


def test_a_patch_beside_another_sheet_is_left_out():
    holed = punched(sheet_at(LEVELS["flat"], 16), 4, 12)
    holed[10:14, 7:9, 7:9] = 1
    np.testing.assert_array_equal(patch_holes(holed, 64), holed)
    holed[10, 7:9, 7:9] = 0
    patched = patch_holes(holed, 64)
    assert np.all(patched[8:10, 4:12, 4:12] == 1)


def test_a_patch_that_closes_a_void_in_a_sheet_is_undone():
    # A box without a lid has Euler number 1: a lid would enclose a void.
    box = np.zeros((6, 12, 12), np.uint8)
    box[0:4, 1:11, 1:11] = 1
    box[1:4, 3:9, 3:9] = 0
    assert euler_number(box, connectivity=1) == 1
    np.testing.assert_array_equal(patch_holes(box, 64), box)
    # A tube has Euler number 0, and a plug makes it 1.
    tube = box.copy()
    tube[0, 3:9, 3:9] = 0
    assert euler_number(tube, connectivity=1) == 0
    assert euler_number(patch_holes(tube, 64), connectivity=1) == 1


def test_a_patch_that_adds_to_voids_is_undone():
    # A sheet with a void has Euler number 2. Patching its hole would make it 3.
    holed = punched(sheet_at(LEVELS["flat"], 16, 5), 4, 8)
    for column in (12, 16, 20):
        holed[10, 12, column] = 0
    assert euler_number(holed, connectivity=1) == 3
    np.testing.assert_array_equal(patch_holes(holed, 64), holed)


def test_patching_does_not_depend_on_threads():
    rng = np.random.default_rng(3)
    level = 30 + 8 * np.sin(np.arange(90) / 14)[:, None] + 5 * np.cos(np.arange(90) / 9)[None, :]
    holes = ndimage.gaussian_filter(rng.normal(size=(90, 90)), 2) > 0.16
    mask = sheet_at(level, 90) | sheet_at(level + 20, 90)
    mask[:, holes] = 0
    threads = Workers(3)
    alone = patch_holes(mask, 20)
    np.testing.assert_array_equal(patch_holes(mask, 20, workers=threads), alone)
    assert alone.sum() > mask.sum()
    threads.close()


@pytest.mark.parametrize("shape", [(0, 4, 4), (4, 0, 4), (4, 4, 0), (5, 6, 7)])
def test_an_empty_mask_has_no_holes(shape):
    nothing = np.zeros(shape, np.uint8)
    np.testing.assert_array_equal(patch_holes(nothing, 64), nothing)


def test_patching_what_is_no_mask_is_refused():
    with pytest.raises(ValueError, match=r"\(3, 4\) of uint8"):
        patch_holes(np.zeros((3, 4), np.uint8), 5)


@settings(deadline=None)
@given(mask=holed_masks(), side=SIDES, corner=st.tuples(*[st.integers(0, 9)] * 3))
def test_boxes_are_patched_each_by_itself_wherever_the_mask_lies(mask, side, corner):
    block = tuple(
        slice(start, start + length) for start, length in zip(corner, mask.shape, strict=True)
    )
    expected = mask.copy()
    owners = [np.arange(extent.start, extent.stop) // side for extent in block]
    for box in np.ndindex(*(int(owner[-1]) + 1 for owner in owners)):
        inside = np.ix_(*(owner == at for owner, at in zip(owners, box, strict=True)))
        if expected[inside].size:
            expected[inside] = patch_holes(np.ascontiguousarray(mask[inside]), 6)
    np.testing.assert_array_equal(patch_holes(mask, 6, side=side, block=block), expected)
