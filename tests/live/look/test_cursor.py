"""Three slices through a voxel, and what is known of a voxel, against plain definitions."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from napari_nx46.live.derived.surface import picture_of
from napari_nx46.live.look.cursor import OrthogonalSlices, Probe
from napari_nx46.voxels.blocks import whole_block
from napari_nx46.voxels.spans import find_components
from tests.live.driver import settle


@pytest.fixture(scope="module", autouse=True)
def _compiled():
    """Compile what finds components: under load that takes longer than tests wait."""
    find_components(np.ones((3, 3, 3), np.uint8), 26).sizes()


@pytest.fixture
def slices(driver):
    """Return the slices through the cursor of a session."""
    value = OrthogonalSlices(driver.session)
    yield value
    value.close()


@pytest.fixture
def probe(driver):
    """Return the probe of a session."""
    value = Probe(driver.session, rest_seconds=0.0)
    yield value
    value.close()


def ask(value, voxel):
    value.voxel = voxel
    value.touch()


def test_the_slices_are_those_through_the_voxel(driver, slices):
    settle(driver)
    assert slices.begun == 0
    session = driver.session
    fragment = session.fragment
    volume = fragment.image or next(iter(fragment.sources.values()))
    for voxel in ((0, 0, 0), (2, 5, 7), tuple(length - 1 for length in fragment.shape)):
        ask(slices, voxel)
        settle(driver)
        shown, mask = slices.state.result, driver.expected()
        assert shown.key.voxel == voxel
        for axis in range(3):
            expected = picture_of(volume, axis, voxel[axis])
            np.testing.assert_array_equal(shown.pictures[axis], expected)
            np.testing.assert_array_equal(shown.masks[axis], mask.take(voxel[axis], axis))
    ask(slices, (fragment.shape[0], 0, 0))
    assert slices.state.stale
    ask(slices, None)
    assert slices.wanted is None


def test_the_slices_follow_the_setting_and_clean_up(driver, slices):
    ask(slices, (2, 5, 7))
    settle(driver)
    driver.session.change(quantile=0.8, smallest_object=6)
    settle(driver)
    mask = driver.expected()
    assert slices.state.is_current
    for axis in range(3):
        at = slices.state.result.key.voxel[axis]
        np.testing.assert_array_equal(slices.state.result.masks[axis], mask.take(at, axis))


def test_the_probe_says_what_is_at_voxels_within_and_beside_the_mask(driver, probe):
    session = driver.session
    session.change(quantile=0.8)
    settle(driver)
    mask = driver.expected()
    labels, _ = ndimage.label(mask, np.ones((3, 3, 3)))
    sizes = np.bincount(labels.ravel())
    score = session.pipelines[session.fragment.image_id].score(
        session.setting, whole_block(mask.shape)
    )
    rng = np.random.default_rng(1)
    voxels = [tuple(rng.choice(np.argwhere(mask == value))) for value in (0, 1, 0, 1, 1)]
    voxels += [(0, 0, 0), tuple(length - 1 for length in mask.shape)]
    for voxel in (tuple(map(int, one)) for one in voxels):
        ask(probe, voxel)
        settle(driver)
        known = probe.state.result
        assert known.key.voxel == voxel
        assert known.mask == mask[voxel]
        assert known.component_size == (sizes[labels[voxel]] if mask[voxel] else 0)
        assert known.score == pytest.approx(float(score[voxel]), abs=1e-6)
        for name, volume in session.fragment.sources.items():
            assert known.values[name] == pytest.approx(float(np.asarray(volume.read())[voxel]))


def test_the_probe_knows_image_and_label(labelled, new_driver):
    driver = new_driver(labelled)
    probe = Probe(driver.session, rest_seconds=0.0)
    settle(driver)
    ask(probe, (3, 4, 5))
    settle(driver)
    label = driver.session.fragment.label.read()
    assert probe.state.result.values["label"] == label[3, 4, 5]
    assert "image" not in probe.state.result.values
    probe.close()
