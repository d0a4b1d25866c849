"""Diffusion is ITK's, and blocks of it are those of the whole."""

from __future__ import annotations

import math

import numpy as np
import pytest
import SimpleITK
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from napari_nx46.core.filters.diffusion import SlopeSquares, diffuse, diffusion_scale
from napari_nx46.core.filters.gaussian import gaussian, gaussian_reach
from napari_nx46.voxels.blocks import whole_block, widened, within
from napari_nx46.voxels.grid import Grid
from napari_nx46.voxels.workers import Workers


def volume_of(seed, shape, smooth=1.0):
    noise = np.random.default_rng(seed).random(shape)
    return ndimage.gaussian_filter(noise, smooth).astype(np.float32)


def diffused(volume, conductance, step, iterations, workers=None):
    """Diffuse a whole volume."""
    for _ in range(iterations):
        squares = SlopeSquares.of(volume, whole_block(volume.shape))
        scale = diffusion_scale(squares, conductance)
        volume = diffuse(volume, scale, step, workers=workers)
    return volume


@settings(max_examples=25, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    shape=st.tuples(*[st.integers(2, 14)] * 3),
    conductance=st.floats(0.5, 5),
    step=st.floats(0.005, 0.0625),
    iterations=st.integers(1, 4),
)
def test_diffusion_equals_that_of_itk(seed, shape, conductance, step, iterations):
    volume = volume_of(seed, shape, 0.7)
    expected = SimpleITK.GradientAnisotropicDiffusion(
        SimpleITK.GetImageFromArray(volume),
        timeStep=step,
        conductanceParameter=conductance,
        conductanceScalingUpdateInterval=1,
        numberOfIterations=iterations,
    )
    found = diffused(volume, conductance, step, iterations)
    np.testing.assert_allclose(found, SimpleITK.GetArrayFromImage(expected), atol=2e-7)


def test_constant_volumes_stay_as_they_are():
    volume = np.full((3, 4, 5), 0.3, np.float32)
    np.testing.assert_array_equal(diffused(volume, 2, 0.04, 2), volume)


def test_threads_and_blocks_change_no_bit():
    volume = volume_of(46, (40, 90, 100))
    threads = Workers(2)
    whole = diffused(volume, 2, 0.04, 2, threads)
    threads.close()
    np.testing.assert_array_equal(whole, diffused(volume, 2, 0.04, 2))
    scale = diffusion_scale(SlopeSquares.of(volume, whole_block(volume.shape)), 2)
    once = diffuse(volume, scale, 0.04)
    part = diffuse(volume[4:12, 2:50], scale, 0.04)
    np.testing.assert_array_equal(part[1:-1, 1:-1], once[5:11, 3:49])


@settings(max_examples=25, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    shape=st.tuples(*[st.integers(1, 9)] * 3),
    side=st.integers(1, 5),
    power=st.sampled_from([0, -20, -60, -149]),
)
def test_squares_of_slopes_are_summed_exactly_however_a_volume_is_cut(seed, shape, side, power):
    volume = np.ldexp(volume_of(seed, shape, 0.0), power).astype(np.float32)
    grid = Grid(shape, (side, 3, side))
    total = SlopeSquares.none()
    for tile in range(len(grid)):
        block = grid.block(tile)
        wide = widened(block, (1, 1, 1), shape)
        total += SlopeSquares.of(volume[wide], within(block, wide))
    padded = np.pad(volume.astype(np.float64), 1, "edge")
    slopes = [
        (np.roll(padded, -1, axis) - np.roll(padded, 1, axis))[1:-1, 1:-1, 1:-1] / 2
        for axis in range(3)
    ]
    squares = slopes[0] ** 2 + slopes[1] ** 2 + slopes[2] ** 2
    assert total.voxels == volume.size
    assert total.mean == math.fsum(squares.ravel().tolist()) / volume.size


@pytest.mark.parametrize("sigmas", [(0.0, 1.0, 1.0), (1.5, 0.7, 0.7), (0.0, 0.0, 0.0)])
def test_the_gaussian_is_scipys_whatever_the_threads_and_blocks(sigmas):
    volume = volume_of(47, (30, 60, 50), 0.0)
    expected = ndimage.gaussian_filter(volume, sigmas, mode="nearest")
    threads = Workers(2)
    found = gaussian(volume, sigmas, workers=threads)
    threads.close()
    np.testing.assert_array_equal(found, expected)
    halo = gaussian_reach(sigmas[0])
    part = gaussian(volume[10 - halo : 20 + halo], sigmas)
    np.testing.assert_array_equal(part[halo : halo + 10], expected[10:20])
