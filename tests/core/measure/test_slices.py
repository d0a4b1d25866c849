"""The figures of a slice."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from scipy import ndimage

from napari_nx46.core.measure.slices import (
    BandPosition,
    SliceMetrics,
    components,
    continuity,
    density,
    measure_slice,
    position_in_band,
    score_percentiles,
)

SHAPES = array_shapes(min_dims=2, max_dims=2, min_side=1, max_side=12)
MASKS = arrays(np.uint8, SHAPES, elements=st.integers(0, 1))
MASK_PAIRS = SHAPES.flatmap(
    lambda shape: st.tuples(*[arrays(np.uint8, shape, elements=st.integers(0, 1))] * 2)
)
SCORES = arrays(np.float32, SHAPES, elements=st.floats(0, 1, width=32))


def random_slice(seed: int, shape: tuple[int, int] = (9, 13), share: float = 0.3) -> np.ndarray:
    return (np.random.default_rng(seed).random(shape) < share).astype(np.uint8)


@given(MASKS)
def test_density_is_the_mean_of_the_mask(mask):
    assert density(mask) == pytest.approx(mask.mean(dtype=np.float64), abs=1e-15)


@given(MASKS)
def test_density_is_the_same_for_0_1_and_0_255_and_bool(mask):
    assert density(mask * 255) == density(mask) == density(mask.astype(bool))


def test_density_of_no_voxels_is_refused():
    with pytest.raises(ValueError, match=r"\(0, 3\)"):
        density(np.zeros((0, 3), np.uint8))


@given(MASK_PAIRS)
def test_continuity_is_the_dice_coefficient_and_symmetric(pair):
    a, b = (set(zip(*np.nonzero(mask), strict=True)) for mask in pair)
    expected = 2 * len(a & b) / (len(a) + len(b)) if a or b else 1.0
    assert continuity(*pair) == continuity(*reversed(pair)) == pytest.approx(expected, abs=1e-15)


@given(MASKS)
def test_continuity_of_a_slice_with_itself_is_one(mask):
    assert continuity(mask, mask) == 1.0


def test_continuity_of_an_empty_and_a_full_slice_is_zero():
    assert continuity(np.zeros((3, 4), np.uint8), np.ones((3, 4), np.uint8)) == 0.0


def test_continuity_of_different_shapes_is_refused():
    with pytest.raises(ValueError, match=r"\(3, 4\) and \(4, 3\)"):
        continuity(np.zeros((3, 4), np.uint8), np.zeros((4, 3), np.uint8))


@given(MASKS)
def test_components_are_those_that_scipy_finds_with_diagonals(mask):
    assert components(mask) == ndimage.label(mask, structure=np.ones((3, 3)))[1]


def test_components_do_not_depend_on_the_foreground_value_nor_on_the_memory_layout():
    mask = random_slice(1)
    expected = components(mask)
    assert expected > 1
    mixed = mask * np.random.default_rng(2).integers(1, 256, mask.shape, dtype=np.uint8)
    assert components(mixed) == expected
    assert components(np.asfortranarray(mask)) == expected
    assert components(np.repeat(mask, 2, axis=1)[:, ::2]) == expected


def test_components_of_an_empty_slice_are_none():
    assert components(np.zeros((5, 5), np.uint8)) == 0


def test_components_of_a_volume_are_refused():
    with pytest.raises(ValueError, match=r"\(Y, X\).*\(2, 5, 5\)"):
        components(np.zeros((2, 5, 5), np.uint8))


@given(SCORES)
def test_percentiles_are_those_of_numpy_and_leave_the_scores_alone(scores):
    expected = np.percentile(scores.astype(np.float64), [50, 90, 95, 99])
    before = scores.copy()
    assert score_percentiles(scores, (50, 90, 95, 99)) == pytest.approx(expected, rel=1e-15)
    assert np.array_equal(scores, before)


def test_percentiles_keep_the_order_in_which_they_are_asked_for():
    scores = np.linspace(0, 1, 101, dtype=np.float32).reshape(1, -1)
    high, low = score_percentiles(scores, (90, 10))
    assert (high, low) == pytest.approx((0.9, 0.1), abs=1e-7)


def test_percentiles_of_no_scores_are_refused():
    with pytest.raises(ValueError, match="no scores"):
        score_percentiles(np.zeros((0, 4), np.float32))


def test_a_slice_is_measured_with_all_its_figures():
    mask, previous = random_slice(3), random_slice(4)
    scores = np.random.default_rng(5).random(mask.shape, dtype=np.float32)
    p50, p90, p95, p99 = score_percentiles(scores)
    assert measure_slice(7, mask, previous, scores) == SliceMetrics(
        z=7,
        density=density(mask),
        continuity=continuity(previous, mask),
        components=components(mask),
        p50=p50,
        p90=p90,
        p95=p95,
        p99=p99,
    )


def test_the_first_slice_has_no_continuity():
    mask = random_slice(6)
    assert measure_slice(0, mask, None, mask.astype(np.float32)).continuity is None


def test_scores_of_another_shape_than_the_mask_are_refused():
    with pytest.raises(ValueError, match=r"slice 2: .*\(9, 13\).*\(9, 12\)"):
        measure_slice(2, random_slice(7), None, np.zeros((9, 12), np.float32))


@pytest.mark.parametrize(
    ("value", "position"),
    [
        (0.0599, BandPosition.BELOW),
        (0.06, BandPosition.IN),
        (0.1, BandPosition.IN),
        (0.12, BandPosition.IN),
        (0.1201, BandPosition.ABOVE),
    ],
)
def test_a_density_is_below_in_or_above_the_band_whose_ends_belong_to_it(value, position):
    assert position_in_band(value, (0.06, 0.12)) is position


def test_a_band_that_is_the_wrong_way_round_is_refused():
    with pytest.raises(ValueError, match=r"\(0\.12, 0\.06\)"):
        position_in_band(0.1, (0.12, 0.06))


def test_a_density_that_is_not_a_number_has_no_position():
    with pytest.raises(ValueError, match="not a number"):
        position_in_band(float("nan"), (0.06, 0.12))
