"""A lazy mask answers to an index as the array of the defined mask would."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from napari_nx46.live.arrays.mask import lazy_mask
from napari_nx46.live.view import volume_view
from napari_nx46.setting import Domain, Setting
from tests.live.driver import plane_view

SHAPE = (12, 20, 24)


def extents(length):
    bounds = st.one_of(st.none(), st.integers(-length - 3, length + 3))
    steps = st.one_of(st.none(), st.integers(1, 4), st.integers(-4, -1))
    return st.builds(slice, bounds, bounds, steps)


@st.composite
def indices(draw):
    """Draw integers and slices for up to three axes, perhaps with an ellipsis between them."""
    count = draw(st.integers(0, 3))
    axes = list(range(3))
    ellipsis_at = draw(st.one_of(st.none(), st.integers(0, count)))
    chosen = axes[:count] if ellipsis_at is None else axes[:ellipsis_at]
    after = [] if ellipsis_at is None else axes[3 - (count - ellipsis_at) :]
    parts = [draw(axis_index(SHAPE[axis])) for axis in chosen]
    if ellipsis_at is not None:
        parts.append(...)
        parts += [draw(axis_index(SHAPE[axis])) for axis in after if count > ellipsis_at]
    return tuple(parts)


def axis_index(length):
    return st.one_of(st.integers(-length, length - 1), extents(length))


@pytest.fixture(scope="module")
def exact_masks(dataset):
    """Return settings, and the defined mask of the first fragment for each."""
    from tests.core.definition import defined_mask
    from tests.live.driver import pairs_of

    chosen = [
        Setting(quantile=0.9, blend=0.3, z_radius=2),
        Setting(quantile=0.8, z_radius=1, domain=Domain.SLICE),
    ]
    pairs = pairs_of(dataset)
    return [(setting, defined_mask(pairs, setting)) for setting in chosen]


@pytest.mark.parametrize("which", [0, 1])
def test_any_index_gives_what_numpy_gives(dataset, new_driver, exact_masks, which):
    setting, expected = exact_masks[which]
    driver = new_driver(dataset, setting=setting)
    driver.settle()
    lazy = lazy_mask(driver.session)

    @settings(max_examples=150, suppress_health_check=list(HealthCheck))
    @given(index=indices())
    def check(index):
        found = lazy[index]
        assert found.dtype == np.uint8
        np.testing.assert_array_equal(found, expected[index], strict=True)

    check()


def test_the_plain_indices_of_a_viewer_give_what_numpy_gives(driver):
    driver.settle()
    lazy, expected = lazy_mask(driver.session), driver.expected()
    for index in (0, -1, slice(None), ..., (3,), (2, 5, 7), (slice(None), 4), (np.int64(6),)):
        np.testing.assert_array_equal(lazy[index], expected[index])


@pytest.mark.parametrize("index", [12, -13, (0, 20), (0, 0, 0, 0), [1, 2], None, 1.0, True])
def test_an_index_that_is_not_basic_or_out_of_bounds_is_refused(driver, index):
    with pytest.raises(IndexError):
        lazy_mask(driver.session)[index]


def test_it_has_the_attributes_of_an_array(driver):
    lazy = lazy_mask(driver.session)
    assert lazy.shape == SHAPE
    assert (lazy.ndim, lazy.dtype, lazy.size, len(lazy)) == (3, np.uint8, 12 * 20 * 24, 12)


@pytest.mark.parametrize("domain", Domain)
def test_as_an_array_it_is_exact_even_before_the_worker_is(dataset, new_driver, domain):
    driver = new_driver(dataset, start=False)
    driver.session.change(quantile=0.87, blend=0.4, domain=domain)
    lazy = lazy_mask(driver.session)
    found = np.asarray(lazy)
    assert found.dtype == np.uint8
    np.testing.assert_array_equal(found, driver.expected())
    assert np.asarray(lazy, dtype=np.float32).dtype == np.float32
    assert np.asarray(lazy, dtype=bool).sum() == found.sum()


@pytest.mark.parametrize("domain", [Domain.SLICE, Domain.BLOCK])
def test_a_part_of_a_slice_is_a_cut_of_it_even_before_the_worker_is_done(
    dataset, new_driver, domain
):
    driver = new_driver(dataset, start=False)
    driver.session.change(quantile=0.9, domain=domain)
    expected = driver.expected()
    lazy = lazy_mask(driver.session)
    for z in (0, 6, 11):
        np.testing.assert_array_equal(lazy[z, 3:9, 2:20:3], expected[z, 3:9, 2:20:3])


def test_it_follows_the_sliders(driver):
    lazy = lazy_mask(driver.session)
    for quantile in (0.6, 0.99):
        driver.session.change(quantile=quantile)
        driver.settle()
        np.testing.assert_array_equal(lazy[4], driver.expected()[4])


def test_a_plane_across_slices_is_the_defined_one(driver):
    driver.settle()
    for axis, index in ((1, np.s_[:, 7, :]), (2, np.s_[:, :, 3])):
        driver.session.look_at(plane_view(SHAPE, axis, index[axis]))
        np.testing.assert_array_equal(lazy_mask(driver.session)[index], driver.expected()[index])


def test_in_3d_it_is_empty_until_the_volume_is_there(dataset, new_driver):
    driver = new_driver(dataset, start=False)
    driver.session.look_at(volume_view(SHAPE))
    assert not lazy_mask(driver.session)[...].any()
    driver.settle()
    np.testing.assert_array_equal(lazy_mask(driver.session)[...], driver.expected())
