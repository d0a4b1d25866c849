"""The sample fragments: what they are like, and that they are always the same."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from scipy import ndimage

from napari_nx46.data.synthetic import SAMPLES, SampleFragment, SampleSpec, make_sample

MAXIMUM_BYTES = 3_000_000
VOLUME_FOLDERS = {"p3d": "p3d", "p2d": "p2d", "image": "train_images", "label": "train_labels"}
GAIN = 0.02

each_sample = pytest.mark.parametrize("spec", SAMPLES, ids=lambda spec: spec.image_id)


@cache
def sample(spec: SampleSpec) -> SampleFragment:
    return make_sample(spec)


def best_dice(fragment: SampleFragment, weight: float) -> float:
    """Return the best Dice over quantiles of the blended score, outside the ignore region."""
    p3d, p2d = (volume / np.float32(255) for volume in (fragment.p3d, fragment.p2d))
    score = np.float32(weight) * p3d + np.float32(1 - weight) * p2d
    labelled = fragment.label != 2
    surface = fragment.label == 1
    dice = []
    for threshold in np.quantile(score, np.arange(0.80, 0.97, 0.01)):
        mask = (score >= threshold) & labelled
        dice.append(2 * np.count_nonzero(mask & surface) / (mask.sum() + surface.sum()))
    return max(dice)


def test_there_are_three_samples_with_names_of_their_own():
    assert len(SAMPLES) >= 3
    assert len({spec.image_id for spec in SAMPLES}) == len(SAMPLES)
    assert len({spec.description for spec in SAMPLES}) == len(SAMPLES)


@each_sample
def test_every_volume_is_uint8_of_the_shape_that_the_spec_names(spec):
    assert len(set(spec.shape)) == 3, "axes that are mixed up must be noticed"
    fragment = sample(spec)
    assert fragment.image_id == spec.image_id
    for name in VOLUME_FOLDERS:
        volume = getattr(fragment, name)
        assert (volume.shape, volume.dtype) == (spec.shape, np.uint8), name


@each_sample
def test_the_label_has_background_surface_and_an_ignore_border_and_region(spec):
    label = sample(spec).label
    assert np.unique(label).tolist() == [0, 1, 2]
    inner = label[2:-2, 4:-4, 4:-4]
    border = np.ones(spec.shape, bool)
    border[2:-2, 4:-4, 4:-4] = False
    assert (label[border] == 2).all()
    assert 0.02 < (inner == 2).mean() < 0.12


@each_sample
def test_the_density_of_the_label_is_that_of_a_scroll(spec):
    assert 0.06 <= (sample(spec).label == 1).mean() <= 0.15


@each_sample
def test_blending_the_two_paths_is_better_than_either(spec):
    fragment = sample(spec)
    alone = max(best_dice(fragment, 0.0), best_dice(fragment, 1.0))
    for weight in (0.5, 0.6, 0.7):
        assert best_dice(fragment, weight) >= alone + GAIN


@each_sample
def test_p3d_is_smooth_along_z_and_p2d_is_not(spec):
    fragment = sample(spec)
    roughness = [np.abs(np.diff(v.astype(float), axis=0)).mean() / v.mean() for v in paths(spec)]
    assert roughness[1] > 2 * roughness[0]
    slice_sums = fragment.p2d.sum(axis=(1, 2), dtype=np.int64)
    lost = slice_sums < 0.6 * np.median(slice_sums)
    assert 2 <= np.count_nonzero(lost) <= spec.shape[0] / 4


def paths(spec: SampleSpec) -> tuple[np.ndarray, np.ndarray]:
    return sample(spec).p3d, sample(spec).p2d


@pytest.mark.parametrize("image_id", ["sample-pressed", "sample-torn"])
def test_p3d_bridges_sheets_that_the_label_keeps_apart(image_id):
    fragment = sample(next(spec for spec in SAMPLES if spec.image_id == image_id))
    inner = (slice(2, -2), slice(4, -4), slice(4, -4))
    surface = fragment.label[inner] == 1
    neighbours = np.ones((3, 3, 3))
    sheets, _ = ndimage.label(surface, neighbours)
    large = np.bincount(sheets.ravel()) > 500
    bridged, count = ndimage.label((fragment.p3d[inner] > 40) | surface, neighbours)
    sheets_of_part = [np.unique(sheets[(bridged == n) & surface]) for n in range(1, count + 1)]
    assert max(np.count_nonzero(large[sheet]) for sheet in sheets_of_part) >= 2


@each_sample
def test_papyrus_is_brighter_than_air_in_the_image(spec):
    fragment = sample(spec)
    surface = fragment.image[fragment.label == 1].mean()
    assert surface > fragment.image.mean() + 20


def test_the_pressed_sample_has_sheets_that_come_closer_than_in_the_wound_one():
    def share_of_close_neighbours(spec: SampleSpec) -> float:
        surface = sample(spec).label == 1
        closed = ndimage.binary_closing(surface, np.ones((1, 5, 5)))
        return (closed & ~surface).sum() / surface.sum()

    wound, pressed = (
        next(spec for spec in SAMPLES if spec.image_id == f"sample-{name}")
        for name in ("wound", "pressed")
    )
    assert share_of_close_neighbours(pressed) > 1.5 * share_of_close_neighbours(wound)


def small_spec(**changes: object) -> SampleSpec:
    return replace(SAMPLES[0], shape=(12, 40, 44), **changes)


def test_the_same_spec_gives_the_same_voxels():
    first, second = make_sample(small_spec()), make_sample(small_spec())
    for name in VOLUME_FOLDERS:
        assert np.array_equal(getattr(first, name), getattr(second, name)), name


def test_another_seed_gives_another_fragment():
    first, second = make_sample(small_spec()), make_sample(small_spec(seed=1))
    for name in VOLUME_FOLDERS:
        assert not np.array_equal(getattr(first, name), getattr(second, name)), name


def test_gaps_take_the_surface_away():
    whole, torn = (make_sample(small_spec(gap_share=share)).label == 1 for share in (0.0, 0.5))
    assert not (torn & ~whole).any()
    assert 0 < torn.sum() < 0.9 * whole.sum()


@each_sample
@pytest.mark.parametrize("name", VOLUME_FOLDERS)
def test_the_files_in_sample_data_are_what_the_code_makes(spec, name, repository):
    tifffile = pytest.importorskip("tifffile")
    path = repository / "sample_data" / VOLUME_FOLDERS[name] / f"{spec.image_id}.tif"
    assert np.array_equal(tifffile.imread(path), getattr(sample(spec), name))


def test_the_files_in_sample_data_are_small_and_no_others(repository):
    files = sorted((repository / "sample_data").rglob("*.tif"))
    expected = {
        repository / "sample_data" / folder / f"{spec.image_id}.tif"
        for folder in VOLUME_FOLDERS.values()
        for spec in SAMPLES
    }
    assert set(files) == expected
    assert sum(path.stat().st_size for path in files) <= MAXIMUM_BYTES
