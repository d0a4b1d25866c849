"""Coherence-enhancing diffusion is that of a plain NumPy loop, on blocks as on the whole."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from napari_nx46.core.filters.coherence import coherence_reach, enhance_coherence
from napari_nx46.voxels.workers import Workers


def noise(seed, shape, smooth=1.0):
    values = ndimage.gaussian_filter(np.random.default_rng(seed).random(shape), smooth)
    return ((values - values.min()) / (np.ptp(values) or 1)).astype(np.float32)


def gaussian_weights(sigma):
    radius = int(np.ceil(3 * sigma))
    weights = np.exp(-(np.arange(-radius, radius + 1) ** 2) / (2 * sigma**2))
    return weights / weights.sum()


def correlated(plane, kernel):
    """Correlate with a two-dimensional kernel, zeros outside, one pixel of it after the other."""
    height, width = plane.shape
    reach_y, reach_x = (length // 2 for length in kernel.shape)
    padded = np.pad(plane, ((reach_y, reach_y), (reach_x, reach_x)))
    total = np.zeros_like(plane)
    for (y, x), weight in np.ndenumerate(kernel):
        total += weight * padded[y : y + height, x : x + width]
    return total


def defined_step(plane, sigma, rho, contrast):
    """Do one step as villa's code has it, of tensors with their edges repeated."""
    blurred = correlated(plane, np.outer(*[gaussian_weights(sigma)] * 2))
    derivative = np.array([2, 1, -16, -27, 0, 27, 16, -1, -2]) / 96
    across = np.array([1, 4, 6, 4, 1]) / 16
    gy = correlated(blurred, np.outer(derivative, across))
    gx = correlated(blurred, np.outer(across, derivative))
    average = np.outer(*[gaussian_weights(rho)] * 2)
    s11, s12, s22 = (correlated(one, average) for one in (gx * gx, gx * gy, gy * gy))
    alpha = np.sqrt((s11 - s22) ** 2 + 4 * s12**2)
    eps, c1 = 2.0**-52, 0.01
    c2 = 0.01 + 0.99 * np.exp(-7.2848 / ((alpha + eps) / contrast))
    dd = (c2 - c1) * (s11 - s22) / (alpha + eps)
    d11, d12, d22 = (c1 + c2 + dd) / 2, (c1 - c2) * s12 / (alpha + eps), (c1 + c2 - dd) / 2
    u, a, b, c = (np.pad(one, 1, "edge") for one in (plane, d11, d12, d22))
    out = plane.copy()
    for y, x in np.ndindex(plane.shape):
        j, i = y + 1, x + 1
        first = (
            (c[j, i] + c[j, i - 1]) * (u[j, i - 1] - u[j, i])
            + (c[j, i] + c[j, i + 1]) * (u[j, i + 1] - u[j, i])
            + (a[j, i] + a[j - 1, i]) * (u[j - 1, i] - u[j, i])
            + (a[j, i] + a[j + 1, i]) * (u[j + 1, i] - u[j, i])
        )
        second = (
            (b[j - 1, i] + b[j, i - 1]) * u[j - 1, i - 1]
            + (b[j + 1, i] + b[j, i + 1]) * u[j + 1, i + 1]
            - (b[j + 1, i] + b[j, i - 1]) * u[j + 1, i - 1]
            - (b[j - 1, i] + b[j, i + 1]) * u[j - 1, i + 1]
        )
        out[y, x] += 0.24 * (0.5 * first + 0.25 * second)
    return out


def defined(volume, steps, sigma, rho, contrast):
    planes = []
    for image in volume:
        plane = 255 * image.astype(float)
        for _ in range(steps):
            plane = defined_step(plane, sigma, rho, contrast)
        planes.append(np.clip(plane / 255, 0, 1))
    return np.array(planes, np.float32)


@settings(max_examples=20, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    shape=st.tuples(st.integers(1, 3), st.integers(1, 24), st.integers(1, 24)),
    steps=st.integers(0, 4),
    sigma=st.floats(0.5, 4),
    rho=st.floats(1, 8),
    contrast=st.floats(0.1, 5),
)
def test_it_equals_the_plain_loop(seed, shape, steps, sigma, rho, contrast):
    volume = noise(seed, shape)
    found = enhance_coherence(volume, steps, sigma, rho, contrast)
    np.testing.assert_allclose(
        found, defined(volume, steps, sigma, rho, contrast), rtol=0, atol=6e-8
    )


@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), steps=st.integers(1, 2), threads=st.integers(1, 2))
def test_a_block_with_its_halo_has_the_bits_of_the_whole(seed, steps, threads):
    volume, sigma, rho = noise(seed, (4, 60, 64)), 0.7, 1.0
    whole = enhance_coherence(volume, steps, sigma, rho)
    halo = steps * coherence_reach(sigma, rho)
    workers = Workers(threads)
    part = enhance_coherence(
        volume[1:3, 30 - halo : 34 + halo, : 20 + halo], steps, sigma, rho, workers=workers
    )
    workers.close()
    np.testing.assert_array_equal(part[:, halo:-halo, :20], whole[1:3, 30:34, :20])


def test_a_gap_in_a_sheet_is_bridged_and_two_sheets_are_not_joined():
    sheets = np.zeros((1, 40, 60), np.float32)
    sheets[0, [15, 20]] = 1
    sheets[0, 15, 28:31] = 0
    found = enhance_coherence(sheets, 30)[0]
    assert found[15, 29] > 0.25
    assert found[17:19, 10].max() < 0.1


@pytest.mark.parametrize("value", [0.0, 1.0])
def test_nothing_happens_to_a_constant_slice_but_at_its_edges(value):
    volume = np.full((2, 30, 30), value, np.float32)
    np.testing.assert_allclose(enhance_coherence(volume, 3), volume, atol=1e-6)
