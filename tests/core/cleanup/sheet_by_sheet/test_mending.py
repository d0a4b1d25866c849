"""Sheets are mended one by one, as the published chain of the first place does it."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage
from skimage.measure import euler_number

from napari_nx46.core.cleanup.cubes.cubes import plug_cubes_in_raster_order
from napari_nx46.core.cleanup.sheet_by_sheet.mending import SheetRules, mend_sheets
from napari_nx46.voxels.workers import Workers
from tests.voxels.mask_cases import noise_mask

CORNERS = np.ones((3, 3, 3))
BALL = sum(d.astype(float) ** 2 for d in np.ogrid[-3:4, -3:4, -3:4]) <= 3.25**2


def defined_closing(sheet):
    """Close a sheet as SciPy does, whose erosion takes what lies outside for background."""
    return sheet | ndimage.binary_closing(sheet, BALL).astype(np.uint8)


def line_over(heights, hole):
    """Return the straight line over each run of a hole in a row, and its weight."""
    line, weight = np.zeros(hole.size, np.float32), np.zeros(hole.size, np.float32)
    ends = np.flatnonzero(np.diff(hole.astype(int)))
    for before, last in zip(ends[::2], ends[1::2], strict=True):
        after = last + 1
        slope = (int(heights[after]) - int(heights[before])) / (after - before)
        height = heights[before] + slope
        for inner in range(before + 1, after):
            line[inner], weight[inner] = height, 1 / min(inner - before, after - inner)
            height += slope
    return line, weight


def defined_patch(sheet, closed, axis, border, largest):
    """Return the closed sheet with its small holes filled, or None where it has none."""
    inner = (slice(border, length - border) for length in np.delete(sheet.shape, axis))
    window = tuple(inner)
    labels, _ = ndimage.label(sheet.max(axis)[window] == 0, np.ones((3, 3)))
    heights = np.argmax(np.moveaxis(closed, axis, 0), axis=0)[window]
    patched = closed.copy()
    found = False
    for number, (rows, columns) in enumerate(ndimage.find_objects(labels), 1):
        sides = rows.stop - rows.start, columns.stop - columns.start
        on_edge = rows.start == 0 or columns.start == 0
        on_edge |= rows.stop == labels.shape[0] or columns.stop == labels.shape[1]
        if on_edge or sides[0] * sides[1] >= largest**2:
            continue
        found, hole = True, labels == number
        along = [line_over(*both) for both in zip(heights, hole, strict=True)]
        across = [line_over(*both) for both in zip(heights.T, hole.T, strict=True)]
        line_y, weight_y = (np.stack(part) for part in zip(*along, strict=True))
        line_x, weight_x = (np.stack(part).T for part in zip(*across, strict=True))
        mean = (weight_y * line_y + weight_x * line_x) / (weight_y + weight_x + np.float32(1e-8))
        bridged = np.where(hole, np.round(mean).astype(int), heights)
        for row, column in np.argwhere(hole):
            near = bridged[row - 1 : row + 2, column - 1 : column + 2]
            at = np.moveaxis(patched, axis, 0)[:, window[0], window[1]][:, row, column]
            at[max(1, near.min()) : near.max() + 1] = 1
    return patched if found else None


def defined_mending(mask, rules):
    """Mend the sheets of a mask in raster order."""
    labels, count = ndimage.label(mask, CORNERS)
    mended = np.zeros_like(mask)
    for number in range(1, min(count, rules.most or count) + 1):
        sheet = (labels == number).astype(np.uint8)
        axis = int(np.argmax([sheet.max(axis).sum() for axis in range(3)]))
        closed = defined_closing(sheet)
        patched = defined_patch(sheet, closed, axis, rules.border, rules.largest_hole)
        best = plug_cubes_in_raster_order(
            closed if patched is None else defined_closing(patched), rules.passes
        )
        tunnels = 1 - euler_number(best, connectivity=1)
        if tunnels > 0:
            without = plug_cubes_in_raster_order(closed, rules.passes)
            if tunnels > 1 - euler_number(without, connectivity=1):
                best = without
        taken = ndimage.binary_dilation(mended, CORNERS)
        mended[(best != 0) & ~taken] = 1
    return mended


@st.composite
def sheets(draw):
    """Draw a few wavy sheets with holes, along any axis, some of which touch the faces."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    mask = np.zeros((26, 34, 40), np.uint8)
    rows, columns = np.indices(mask.shape[1:])
    for _ in range(draw(st.integers(1, 3))):
        height = rng.uniform(3, 22) + 3 * np.sin(rows / rng.uniform(3, 20) + rng.uniform(0, 6))
        bottom = np.clip(np.round(height), 0, 24).astype(int)
        there = noise_mask(int(rng.integers(2**32)), mask.shape[1:], 0.8, 2.0) > 0
        for thickness in range(draw(st.integers(1, 2))):
            mask[bottom[there] + thickness, rows[there], columns[there]] = 1
    grains = noise_mask(int(rng.integers(2**32)), mask.shape, draw(st.sampled_from([0.0, 0.01])))
    turned = np.transpose(mask | grains, draw(st.permutations([0, 1, 2])))
    return np.ascontiguousarray(turned)


@settings(max_examples=20, deadline=None)
@given(
    mask=sheets(),
    border=st.sampled_from([0, 3]),
    most=st.sampled_from([0, 2, 40]),
    largest=st.sampled_from([0, 6, 64]),
)
def test_mending_equals_the_published_chain(mask, border, most, largest):
    rules = SheetRules(largest_hole=largest, border=border, most=most)
    np.testing.assert_array_equal(mend_sheets(mask, rules), defined_mending(mask, rules))


def test_patches_are_kept_only_where_they_leave_no_more_tunnels():
    sheet = np.zeros((20, 40, 40), np.uint8)
    sheet[8] = 1
    sheet[8, 10:25, 10:25] = 0
    assert int(mend_sheets(sheet).sum()) == 1600
    handle = sheet.copy()
    handle[8:15, 25, 17] = handle[14, 9:25, 17] = handle[8:15, 9, 17] = 1  # an arch over the hole
    handle[8, 12:23, 12:23] = np.eye(11)  # no hole any more, two of them
    found = mend_sheets(handle)
    np.testing.assert_array_equal(found, defined_mending(handle, SheetRules()))


def test_what_touches_an_earlier_sheet_is_not_written():
    walls = np.zeros((12, 24, 24), np.uint8)
    walls[3, 5:19, 5:19] = walls[3:9, 5, 5:19] = walls[3:9, 10, 5:19] = 1
    closed = defined_closing(walls)
    beside = ndimage.binary_dilation(closed, CORNERS) & (closed == 0)
    beside &= ~ndimage.binary_dilation(walls, CORNERS)
    lone = walls.copy()
    lone[tuple(np.argwhere(beside)[0])] = 1
    assert ndimage.label(lone, CORNERS)[1] == 2
    np.testing.assert_array_equal(mend_sheets(lone), mend_sheets(walls))


def test_the_number_of_threads_changes_nothing():
    mask = noise_mask(46, (40, 90, 100), 0.3, 1.5)
    threads = Workers(2)
    np.testing.assert_array_equal(mend_sheets(mask, workers=threads), mend_sheets(mask))
    threads.close()


def test_rules_below_zero_are_refused():
    with pytest.raises(ValueError, match="most_sheets"):
        mend_sheets(np.zeros((2, 3, 4), np.uint8), SheetRules(most=-1))
