"""The sheetness is that of NumPy's eigenvalues, and blocks of it are those of the whole."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from napari_nx46.core.filters.sheetness import sheetness, sheetness_extent, sheetness_reach
from napari_nx46.voxels.workers import Workers


def noise(seed, shape, smooth=1.0):
    return ndimage.gaussian_filter(np.random.default_rng(seed).random(shape), smooth).astype("f4")


def extent_of(volume, sigma):
    return sheetness_extent(volume, sigma, np.s_[:, :, :], Workers(1))


def defined_sheetness(volume, sigma, gamma, beta):
    smooth = ndimage.gaussian_filter(volume, sigma, mode="nearest").astype(float)
    smooth = (smooth - smooth.min()) / np.ptp(smooth)
    hessian = np.empty((*volume.shape, 3, 3))
    for axis, slope in enumerate(np.gradient(smooth, edge_order=2)):
        for other, second in enumerate(np.gradient(slope, edge_order=2)):
            hessian[..., axis, other] = 36 * second
    hessian = (hessian + np.swapaxes(hessian, -1, -2)) / 2
    values = np.linalg.eigvalsh(hessian)
    order = np.argsort(np.abs(values), axis=-1)
    l1, l2, l3 = np.moveaxis(np.take_along_axis(values, order, -1), -1, 0)
    strength = 1 - np.exp(-(hessian**2).sum((-1, -2)) / (2 * gamma**2))
    plate = np.exp(-((l2 / l3) ** 2) / (2 * beta**2))
    blob = np.exp(-(l1**2 / np.abs(l2 * l3)) / (2 * beta**2))
    return np.where(l3 < 0, strength * plate * blob, 0)


@settings(max_examples=25, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    shape=st.tuples(*[st.integers(3, 14)] * 3),
    sigma=st.floats(0.5, 2),
    gamma=st.floats(0.5, 5),
    beta=st.floats(0.2, 1),
)
def test_sheetness_equals_the_definition(seed, shape, sigma, gamma, beta):
    volume = noise(seed, shape, 0.6)
    found = sheetness(volume, extent_of(volume, sigma), sigma, gamma, beta)
    assert found.min() >= 0
    assert found.max() <= 1
    expected = defined_sheetness(volume, sigma, gamma, beta)
    # Where an eigenvalue is nearly 0, its share of another one has few digits in float32.
    assert np.quantile(np.abs(found - expected), 0.99) < 1e-3
    np.testing.assert_allclose(found, expected, atol=0.02)


def test_a_bright_sheet_is_one_and_a_dark_one_and_a_thread_are_not():
    sheet = np.zeros((15, 30, 30), np.float32)
    sheet[7] = 1
    thread = np.zeros_like(sheet)
    thread[7, 15] = 1
    at = {}
    for name, volume in {"sheet": sheet, "dark": 1 - sheet, "thread": thread}.items():
        at[name] = sheetness(volume, extent_of(volume, 2))[7, 15, 15]
    assert at["sheet"] > 0.9
    assert at["dark"] == 0
    assert at["thread"] < 0.2


def test_threads_and_blocks_change_no_bit():
    volume = noise(46, (44, 60, 70))
    extent = extent_of(volume, 1.0)
    threads = Workers(2)
    whole = sheetness(volume, extent, 1.0, workers=threads)
    threads.close()
    np.testing.assert_array_equal(whole, sheetness(volume, extent, 1.0))
    halo = sheetness_reach(1.0)
    part = sheetness(volume[10 - halo : 20 + halo, 20 - halo :], extent, 1.0)
    np.testing.assert_array_equal(part[halo:-halo, halo:], whole[10:20, 20:])


def test_volumes_of_few_voxels_and_constant_ones_have_none():
    assert not sheetness(np.ones((4, 5, 6), np.float32), (1.0, 1.0)).any()
    assert sheetness(noise(1, (1, 2, 9)), (0.0, 1.0)).shape == (1, 2, 9)
