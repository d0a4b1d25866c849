"""Diffusion is ITK's, and blocks of it are those of the whole."""

from __future__ import annotations

import numpy as np
import pytest
import SimpleITK
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from napari_nx46.core.filters.diffusion import diffuse, diffusion_scale, slope_squares
from napari_nx46.core.filters.gaussian import gaussian, gaussian_reach
from napari_nx46.voxels.workers import Workers


def volume_of(seed, shape, smooth=1.0):
    noise = np.random.default_rng(seed).random(shape)
    return ndimage.gaussian_filter(noise, smooth).astype(np.float32)


def diffused(volume, conductance, step, iterations, workers=None):
    """Diffuse a whole volume."""
    for _ in range(iterations):
        squares = slope_squares(volume, slice(0, len(volume)))
        scale = diffusion_scale(squares, volume.size, conductance)
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
    squares = slope_squares(volume, slice(0, 40))
    assert squares[7:9] == slope_squares(volume[6:10], slice(1, 3))
    scale = diffusion_scale(squares, volume.size, 2)
    once = diffuse(volume, scale, 0.04)
    part = diffuse(volume[4:12, 2:50], scale, 0.04)
    np.testing.assert_array_equal(part[1:-1, 1:-1], once[5:11, 3:49])


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
