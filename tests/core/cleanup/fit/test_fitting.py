"""Sheets are fitted as the plain definition does it, and none is lost where the guard is on."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from napari_nx46.core.cleanup.fit.fitting import FitRules, fit_sheets
from napari_nx46.core.cleanup.fit.surface import fit_sheet
from napari_nx46.core.pipeline import FragmentPipeline
from napari_nx46.scale.stages import refusals
from napari_nx46.setting import Setting
from napari_nx46.voxels.blocks import FragmentVolumes, whole_block
from napari_nx46.voxels.workers import Cancelled
from tests.core.cleanup.fit import plain

SHAPE = (22, 34, 36)


def torn_sheets(seed, count=2, holes=3):
    """Return scores of curved sheets with holes and bridges, highest in their middle."""
    rng = np.random.default_rng(seed)
    z, y, x = np.indices(SHAPE)
    score = np.zeros(SHAPE)
    for number in range(count):
        middle = 7 + 7 * number + rng.normal(0, 1) + rng.normal(0, 0.04) * (x - 18)
        middle = middle + 1.5 * np.sin((y + rng.uniform(0, 9)) / rng.uniform(5, 9))
        sheet = np.exp(-((z - middle) ** 2) / 3)
        for _ in range(holes):
            at = rng.uniform(8, 26, 2)
            sheet[(y - at[0]) ** 2 + (x - at[1]) ** 2 < rng.uniform(2, 12)] *= 0.1
        score = np.maximum(score, sheet)
    if rng.random() < 0.5:
        score[7:14, 15:18, 15:18] = np.maximum(score[7:14, 15:18, 15:18], 0.55)
    noise = ndimage.gaussian_filter(rng.random(SHAPE), 1)
    return np.clip(score + 0.3 * (noise - noise.mean()), 0, 1).astype(np.float32)


@settings(max_examples=12, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    count=st.integers(1, 2),
    least=st.floats(0.3, 0.9),
    largest=st.sampled_from([0.05, 0.6, 0.95, 1.0]),
    border=st.integers(0, 3),
)
def test_it_equals_the_plain_definition(seed, count, least, largest, border):
    score = torn_sheets(seed, count)
    masks = [(score >= low).astype(np.uint8) for low in (0.35, 0.5, 0.7)]
    rules = FitRules(least, least, least / 2, least, 20, 60, largest, border)
    found = fit_sheets(masks[0], masks[1:], rules)
    np.testing.assert_array_equal(found, plain.fitted(masks[0], masks[1:], rules))


@pytest.mark.parametrize(("seed", "side", "largest", "border"), [(4, 50, 0.5, 0), (2, 20, 1.0, 2)])
def test_in_cubes_it_equals_the_plain_definition(seed, side, largest, border):
    score = torn_sheets(seed, 1, 1)
    masks = [(score >= low).astype(np.uint8) for low in (0.35, 0.5, 0.7)]
    rules = FitRules(0.5, 0.5, 0.3, 0.5, 15, 200, largest, border, side)
    found = fit_sheets(masks[0], masks[1:], rules)
    np.testing.assert_array_equal(found, plain.fitted_in_cubes(masks[0], masks[1:], rules))


def test_cubes_change_nothing_where_no_tunnel_is_near():
    mask = np.zeros((24, 40, 90), np.uint8)
    mask[10:13, 6:34, 6:84] = 1
    mask[9:14, 18:21, 16:19] = 0
    whole, cubes = (
        fit_sheets(mask, [], FitRules(smallest=0, border=0, largest=1, cube=cube))
        for cube in (0, 40)
    )
    assert cubes[11, 19, 17]
    np.testing.assert_array_equal(cubes[..., 60:], mask[..., 60:])
    assert (whole != cubes).any()


@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), grid=st.integers(10, 60))
def test_a_sheet_in_its_box_is_that_of_the_whole_volume(seed, grid):
    component = torn_sheets(seed, 1) >= 0.4
    numbered, _ = ndimage.label(component, np.ones((3, 3, 3)))
    largest = numbered == np.bincount(numbered[numbered > 0]).argmax()
    (box,) = ndimage.find_objects(largest.astype(int))
    sheet = fit_sheet(largest[box], box, SHAPE, grid)
    np.testing.assert_array_equal(sheet.on(whole_block(SHAPE)), plain.sheet_of(largest, grid))


def test_a_hole_in_a_sheet_is_closed():
    mask = np.zeros(SHAPE, np.uint8)
    mask[10:13, 6:28, 6:30] = 1
    mask[:, 14:17, 14:17] = 0
    found = fit_sheets(mask, [], FitRules(largest=1.0, smallest=0, border=0))
    assert found[11, 15, 15]
    assert found.sum() < 2 * mask.sum()


@pytest.mark.parametrize(("largest", "stays"), [(0.05, True), (0.99, True), (1.0, False)])
def test_what_nothing_fits_stays_under_the_guard_and_goes_without(largest, stays):
    mask = np.zeros(SHAPE, np.uint8)
    mask[2:20, 6:28, 6:30] = 1
    mask[:, 14:17, 14:17] = 0
    rules = FitRules(0.99, 0.99, largest=largest, smallest=0, border=0)
    assert fit_sheets(mask, [], rules).any() == stays


@pytest.mark.parametrize("shape", [(1, 1, 1), (1, 30, 30), (3, 4, 200), (6, 6, 6)])
@pytest.mark.parametrize("fill", [0, 1])
def test_odd_shapes_and_uniform_masks_are_no_error(shape, fill):
    mask = np.full(shape, fill, np.uint8)
    for border in (0, 3):
        assert fit_sheets(mask, [mask], FitRules(smallest=0, border=border)).shape == shape


def test_components_on_a_line_are_no_error():
    mask = np.zeros((20, 20, 60), np.uint8)
    mask[10, 10, 5:55] = 1
    sheet = fit_sheet(mask, whole_block(mask.shape), mask.shape, 30)
    assert sheet.on(whole_block(mask.shape)).any()


def test_a_fit_is_given_up_before_the_next_sheet():
    masks = [(torn_sheets(3) >= low).astype(np.uint8) for low in (0.35, 0.5)]
    rules = FitRules(smallest=60, largest=1.0, border=0)
    asked = []

    def cancelled():
        asked.append(None)
        return len(asked) > 1

    with pytest.raises(Cancelled):
        fit_sheets(masks[0], masks[1:], rules, cancelled=cancelled)
    assert len(asked) == 2


def test_alternatives_are_the_masks_before_the_step_by_higher_lows():
    score = torn_sheets(46)
    setting = Setting(
        rule="probability", probability=0.8, low_probability=0.35, hysteresis=True, z_radius=0,
        blend=1.0, border=2, closing_z=1, sheet_fit=True, fit_smallest=50, fit_largest=1,
        fit_grid=20, fit_dice=0.9,
    )  # fmt: skip
    pipeline = FragmentPipeline(FragmentVolumes(score, score))

    def mask_of(setting):
        return pipeline.mask(setting, pipeline.threshold(setting), whole_block(SHAPE))

    plain_setting = setting.changed(sheet_fit=False)
    masks = [mask_of(plain_setting.changed(low_probability=low)) for low in (0.35, 0.5, 0.7)]
    expected = fit_sheets(masks[0], masks[1:], FitRules.of(setting))
    np.testing.assert_array_equal(mask_of(setting), expected)
    with_third = setting.changed(fit_higher_low=0.6, fit_highest_low=0.7, fit_cube=20)
    masks.insert(2, mask_of(plain_setting.changed(low_probability=0.6)))
    expected = fit_sheets(masks[0], masks[1:], FitRules.of(with_third))
    np.testing.assert_array_equal(mask_of(with_third), expected)
    by_quantile = setting.changed(rule="adaptive")
    assert mask_of(by_quantile).shape == SHAPE
    assert mask_of(setting.changed(hysteresis=False)).shape == SHAPE
    assert "fit_sheets needs masks of the whole volume" in refusals(setting)[0]
