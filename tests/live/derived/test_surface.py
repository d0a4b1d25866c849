"""The surface follows the sliders while it is asked for; planes are read as they are."""

from __future__ import annotations

import numpy as np
import pytest

from napari_nx46.core.measure.surface import surface_of
from napari_nx46.live.derived.surface import PlanePicture, Surface, picture_of
from tests.live.driver import Events, settle


@pytest.fixture(scope="module", autouse=True)
def _compiled():
    """Import and compile what surfaces need: under load that takes longer than tests wait."""
    surface_of(np.ones((3, 3, 3), np.uint8))


@pytest.fixture
def surface(driver, new_value):
    """Return the surface of the session's mask."""
    return new_value(lambda session, scores, **options: Surface(session, **options), driver)


@pytest.fixture
def plane(driver, new_value):
    """Return the plane of the fragment."""
    return new_value(lambda session, scores, **options: PlanePicture(session), driver)


def ask_for(surface):
    surface.is_asked_for = True
    surface.touch()


def assert_surface_of_mask(surface, driver):
    expected = surface_of(driver.expected())
    assert surface.state.is_current
    np.testing.assert_array_equal(surface.state.result.vertices, expected.vertices)
    np.testing.assert_array_equal(surface.state.result.faces, expected.faces)
    np.testing.assert_array_equal(surface.state.result.ranks, expected.ranks)


def test_nothing_is_computed_before_the_surface_is_asked_for(driver, surface):
    settle(driver)
    driver.session.change(quantile=0.8)
    settle(driver)
    assert surface.begun == 0
    assert surface.state.result is None
    ask_for(surface)
    settle(driver)
    assert_surface_of_mask(surface, driver)


def test_it_follows_the_sliders_and_says_when_it_is_older(driver, surface):
    ask_for(surface)
    settle(driver)
    states = Events(surface, "changed")
    driver.session.change(quantile=0.75, smallest_object=5)
    settle(driver)
    ((first,), *_) = states.of("changed")
    assert first.stale
    assert first.result is not None
    assert_surface_of_mask(surface, driver)
    driver.session.step_fragment(1)
    settle(driver)
    assert_surface_of_mask(surface, driver)


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_a_plane_across_any_axis_is_read_as_it_is(driver, plane, axis):
    plane.place = (axis, 2)
    plane.touch()
    settle(driver)
    shown = plane.state.result
    assert (shown.axis, shown.position) == (axis, 2)
    fragment = driver.session.fragment
    volume = fragment.image or next(iter(fragment.sources.values()))
    np.testing.assert_array_equal(shown.picture, picture_of(volume, axis, 2))
    rest = [n for one, n in enumerate(fragment.shape) if one != axis]
    assert list(shown.picture.shape) == rest
    plane.place = (axis, 10_000)
    plane.touch()
    assert plane.state.stale


def test_bytes_are_drawn_as_they_are_and_other_types_from_black_to_white(driver):
    voxels = np.random.default_rng(0).integers(0, 256, (4, 5, 6), dtype=np.uint8)
    np.testing.assert_array_equal(picture_of(voxels, 1, 3), voxels[:, 3])
    floats = np.linspace(-3, 7, 120, dtype=np.float32).reshape(4, 5, 6)
    floats[0, 0, 0] = np.nan
    drawn = picture_of(floats, 0, 3)
    assert drawn.dtype == np.uint8
    assert (drawn.min(), drawn.max()) == (0, 255)
    assert np.all(np.diff(drawn.ravel().astype(int)) >= 0)
    assert np.all(picture_of(np.full((2, 3, 4), 5.0), 0, 1) == 0)
