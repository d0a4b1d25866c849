"""Paths from the CT alone equal their definitions, written out, however they are cut."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import ndimage

from napari_nx46.core.score.ct_paths import (
    GradientPath2d,
    GradientPath3d,
    ResidualPath,
    ct_sources,
    intensity_extent,
)
from napari_nx46.setting import ScoreFrom
from napari_nx46.voxels import tiles
from napari_nx46.voxels.blocks import whole_block
from napari_nx46.voxels.workers import Cancelled

DTYPES = ["uint8", "uint16", "int16", "float16", "float32", "float64", "int64", "bool"]
ONE_ROUNDING = 2.0**-23
SHAPES = st.tuples(st.integers(1, 14), st.integers(1, 14), st.integers(1, 14))


def image_of(shape, dtype="uint8", seed=0):
    rng = np.random.default_rng(seed)
    if np.dtype(dtype).kind == "f":
        return (rng.random(shape) * 50 - 20).astype(dtype)
    if dtype == "bool":
        return rng.random(shape) < 0.5
    reach = np.iinfo(dtype)
    return rng.integers(max(reach.min, -30_000), min(reach.max, 30_000), shape).astype(dtype)


def normalised(image):
    exact = image.astype(np.float64)
    if exact.min() == exact.max():
        return np.zeros(image.shape, np.float32)
    return ((exact - exact.min()) / (exact.max() - exact.min())).astype(np.float32)


def differences(norm):
    """Return |dz|, |dy|, |dx| to the voxel before."""
    return [np.abs(np.diff(norm, axis=axis, prepend=norm.take([0], axis))) for axis in range(3)]


def defined_gradient_3d(image):
    norm = normalised(image)
    dz, dy, dx = differences(norm)
    padded = np.pad(norm, ((2, 2), (0, 0), (0, 0)), mode="edge").astype(np.float64)
    depth = len(norm)
    box = (sum(padded[k : k + depth] for k in range(5)) / 5).astype(np.float32)
    before, after = (padded[k : k + depth].astype(np.float32) for k in (1, 3))
    second = before - 2 * norm + after
    return (
        0.34 * dz + 0.22 * dy + 0.22 * dx + 0.12 * np.abs(norm - box) + 0.10 * (np.abs(second) / 2)
    )


def defined_gradient_2d(image):
    dz, dy, dx = differences(normalised(image))
    return 0.45 * dz + 0.30 * dy + 0.25 * dx


def defined_residual(image, sigma):
    norm = normalised(image)
    return (norm - ndimage.gaussian_filter(norm, sigma, mode="nearest", truncate=4.0) + 1) / 2


def paths_of(image, sigma=1.0):
    extent = intensity_extent(image)
    return (
        GradientPath3d(image, extent),
        GradientPath2d(image, extent),
        ResidualPath(image, extent, sigma),
    )


class Recorded:
    """An image that notes how much is read of it."""

    def __init__(self, voxels):
        self.voxels = voxels
        self.shape = voxels.shape
        self.dtype = voxels.dtype
        self.read = []

    def __getitem__(self, block):
        self.read.append(tuple((part.start, part.stop) for part in block))
        return self.voxels[block]


@given(shape=SHAPES, dtype=st.sampled_from(DTYPES), seed=st.integers(0, 9))
def test_the_gradients_are_their_formulas_bit_for_bit(shape, dtype, seed):
    image = image_of(shape, dtype, seed)
    three, two, _ = paths_of(image)
    whole = whole_block(shape)
    for path, definition in ((three, defined_gradient_3d), (two, defined_gradient_2d)):
        found = path[whole]
        assert found.dtype == path.dtype == np.float32
        np.testing.assert_array_equal(found, definition(image))


@given(shape=SHAPES, dtype=st.sampled_from(DTYPES), sigma=st.floats(0.5, 3.0))
def test_the_residual_is_the_image_minus_its_gaussian(shape, dtype, sigma):
    image = image_of(shape, dtype)
    residual = paths_of(image, sigma)[2]
    found = residual[whole_block(shape)]
    assert found.dtype == residual.dtype == np.float32
    np.testing.assert_allclose(found, defined_residual(image, sigma), rtol=0, atol=ONE_ROUNDING)


@given(shape=SHAPES, dtype=st.sampled_from(DTYPES), sigma=st.floats(0.5, 3.0), data=st.data())
def test_where_a_block_is_cut_changes_no_bit(shape, dtype, sigma, data):
    image = image_of(shape, dtype)
    block = []
    for length in shape:
        start = data.draw(st.integers(0, length - 1))
        block.append(slice(start, data.draw(st.integers(start + 1, length))))
    for path in paths_of(image, sigma):
        whole = path[whole_block(shape)]
        np.testing.assert_array_equal(path[tuple(block)], whole[tuple(block)])


@given(shape=SHAPES, dtype=st.sampled_from(DTYPES), seed=st.integers(0, 99))
def test_all_values_are_scores_between_0_and_1(shape, dtype, seed):
    for path in paths_of(image_of(shape, dtype, seed), 0.5):
        voxels = path[whole_block(shape)]
        assert voxels.min() >= 0
        assert voxels.max() <= 1


def test_the_strongest_contrast_gives_at_most_1():
    board = np.indices((9, 9, 9)).sum(axis=0) % 2
    three, two, _ = paths_of(board.astype(np.uint8))
    assert 0.9 < three[whole_block(board.shape)].max() <= 1
    assert two[whole_block(board.shape)].max() == 1


@pytest.mark.parametrize("dtype", DTYPES)
def test_a_constant_image_has_no_gradient_and_is_as_its_surroundings(dtype):
    image = np.full((4, 5, 6), 1, dtype)
    three, two, residual = paths_of(image)
    whole = whole_block(image.shape)
    assert (three[whole] == 0).all()
    assert (two[whole] == 0).all()
    assert (residual[whole] == 0.5).all()


def test_a_voxel_brighter_than_its_surroundings_has_a_residual_above_one_half():
    image = np.zeros((15, 15, 15), np.uint8)
    image[7, 7, 7] = 200
    residual = paths_of(image, 2.0)[2][whole_block(image.shape)]
    assert residual[7, 7, 7] > 0.99
    assert residual[7, 7, 9] < 0.5


@pytest.mark.parametrize("dtype", DTYPES)
def test_the_extent_is_the_lowest_and_highest_value_of_all_slabs(dtype, monkeypatch):
    image = image_of((7, 3, 4), dtype)
    monkeypatch.setattr(tiles, "SLAB_VOXELS", 25)
    recorded = Recorded(image)
    assert intensity_extent(recorded) == (float(image.min()), float(image.max()))
    assert [block[0] for block in recorded.read] == [(0, 2), (2, 4), (4, 6), (6, 7)]


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_values_that_are_no_numbers_are_reported_with_their_slices(value, dtype, monkeypatch):
    monkeypatch.setattr(tiles, "SLAB_VOXELS", 24)
    image = image_of((7, 3, 4), dtype)
    image[3, 1, 2] = value
    with pytest.raises(ValueError, match=r"in slices 2 to 3; expected finite numbers"):
        intensity_extent(image)


def test_values_further_apart_than_numbers_reach_are_reported(monkeypatch):
    monkeypatch.setattr(tiles, "SLAB_VOXELS", 1)
    image = np.zeros((2, 1, 1))
    image[:, 0, 0] = -1.7e308, 1.7e308
    with pytest.raises(ValueError, match="too far apart"):
        intensity_extent(image)


def test_looking_for_the_extent_can_be_cancelled(monkeypatch):
    monkeypatch.setattr(tiles, "SLAB_VOXELS", 1)
    recorded = Recorded(image_of((5, 2, 2)))
    with pytest.raises(Cancelled):
        intensity_extent(recorded, lambda: len(recorded.read) == 3)
    assert len(recorded.read) == 3


def test_the_sources_name_their_two_paths():
    image = image_of((6, 7, 8))
    extent = intensity_extent(image)
    whole = whole_block(image.shape)
    three, two = ct_sources(image, ScoreFrom.GRADIENT, 2.0, extent)
    np.testing.assert_array_equal(three[whole], defined_gradient_3d(image))
    np.testing.assert_array_equal(two[whole], defined_gradient_2d(image))
    first, second = ct_sources(image, ScoreFrom.RESIDUAL, 0.7, extent)
    assert first is second
    np.testing.assert_array_equal(first[whole], paths_of(image, 0.7)[2][whole])
    with pytest.raises(ValueError, match="not made from the CT image"):
        ct_sources(image, ScoreFrom.PROBABILITIES, 2.0, extent)


def test_a_block_reads_no_more_of_the_image_than_it_depends_on():
    image = Recorded(image_of((40, 50, 60)))
    extent = intensity_extent(image)
    block = (slice(20, 22), slice(0, 10), slice(55, 60))
    for path, read in (
        (GradientPath3d(image, extent), ((18, 24), (0, 11), (54, 60))),
        (GradientPath2d(image, extent), ((19, 23), (0, 11), (54, 60))),
        (ResidualPath(image, extent, 2.0), ((12, 30), (0, 18), (47, 60))),
    ):
        image.read.clear()
        path[block]
        assert image.read == [read]


def test_a_block_takes_a_few_times_its_memory():
    image = image_of((60, 80, 80))
    for path in paths_of(image, 2.0):
        tracemalloc.start()
        voxels = path[whole_block(image.shape)]
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert peak < 3 * voxels.nbytes
