"""The figures of slices and of a whole mask, against SciPy, scikit-image and cc3d."""

from __future__ import annotations

from itertools import pairwise

import cc3d
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from scipy import ndimage
from skimage import measure as skimage_measure

from napari_nx46.core.measure.label_bits import LabelBits
from napari_nx46.core.measure.slices import (
    density,
    measure_slices,
    percentiles_of_slices,
    score_percentiles,
    slice_components,
)
from napari_nx46.core.measure.volume import measure_volume
from napari_nx46.leaderboard import binarise, voxel_overlap
from napari_nx46.voxels.overlap import Overlap
from napari_nx46.voxels.spans import foreground_runs
from napari_nx46.voxels.workers import Cancelled, Workers
from tests.voxels.mask_cases import masks, noise_mask

SHAPES = array_shapes(min_dims=2, max_dims=2, min_side=1, max_side=12)
MASKS = arrays(np.uint8, SHAPES, elements=st.integers(0, 1))
SCORES = arrays(np.float32, SHAPES, elements=st.floats(0, 1, width=32))
CORNERS_2D = np.ones((3, 3))
CORNERS_3D = np.ones((3, 3, 3))


def dice_of(a, b):
    both = int(np.logical_and(a, b).sum())
    voxels = int((a != 0).sum()) + int((b != 0).sum())
    return 2 * both / voxels if voxels else 1.0


def largest_of(mask, structure):
    labels, count = ndimage.label(mask, structure)
    return int(np.bincount(labels.ravel())[1:].max()) if count else 0


@st.composite
def labelled_masks(draw):
    mask = draw(masks(deepest=20))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    shares = draw(st.sampled_from([(0.6, 0.3, 0.1), (1, 0, 0), (0, 0, 1), (0, 1, 0)]))
    return mask, rng.choice(3, mask.shape, p=shares).astype(np.uint8)


def agreement_of(mask, label):
    predicted, true = (mask != 0) & (label != 2), label == 1
    return Overlap(
        int((predicted & true).sum()),
        int((predicted & ~true).sum()),
        int((~predicted & true).sum()),
    )


@given(MASKS)
def test_density_is_the_mean_of_the_mask(mask):
    assert density(mask) == pytest.approx(mask.mean(dtype=np.float64), abs=1e-15)


@given(MASKS)
def test_density_is_the_same_for_0_1_and_0_255_and_bool(mask):
    assert density(mask * 255) == density(mask) == density(mask.astype(bool))


def test_density_of_no_voxels_is_refused():
    with pytest.raises(ValueError, match=r"\(0, 3\)"):
        density(np.zeros((0, 3), np.uint8))


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


@given(masks(deepest=20))
def test_every_slice_has_the_figures_of_the_plain_definitions(mask):
    profile = measure_slices(mask)
    assert [figures.z for figures in profile] == list(range(len(mask)))
    for figures, part in zip(profile, mask, strict=True):
        assert figures.density == density(part)
        assert figures.components == ndimage.label(part, CORNERS_2D)[1]
        largest = largest_of(part, CORNERS_2D)
        assert figures.largest_share == (largest / part.sum() if part.any() else 0.0)
        assert figures.euler_number == skimage_measure.euler_number(part, connectivity=2)
        assert figures.percentiles is None
        assert figures.agreement is figures.recall_loss is None
        assert figures.precision is figures.recall is figures.dice is None
    assert profile[0].continuity is None
    expected = [dice_of(before, part) for before, part in pairwise(mask)]
    assert [figures.continuity for figures in profile[1:]] == expected


@given(masks(deepest=12))
def test_the_whole_mask_has_the_figures_of_the_plain_definitions(mask):
    volume = measure_volume(mask)
    assert volume.density == density(mask)
    assert volume.components == ndimage.label(mask, CORNERS_3D)[1]
    assert volume.components == cc3d.connected_components(mask, connectivity=26, return_N=True)[1]
    largest = largest_of(mask, CORNERS_3D)
    assert volume.largest_share == (largest / mask.sum() if mask.any() else 0.0)
    assert volume.euler_number == skimage_measure.euler_number(mask, connectivity=1)
    steps = [dice_of(before, part) for before, part in pairwise(mask)]
    assert volume.mean_continuity == (pytest.approx(np.mean(steps)) if steps else None)
    assert volume.agreement is volume.precision is volume.recall is volume.dice is None


@given(labelled_masks())
def test_with_a_label_ignored_voxels_are_background_in_both(case):
    mask, label = case
    packed = LabelBits.of(label)
    surface = int((label == 1).sum())
    assert packed.surface_voxels == surface
    profile = measure_slices(mask, label=packed)
    for figures, part, true in zip(profile, mask, label, strict=True):
        assert figures.ignored is bool((true == 2).all())
        if figures.ignored:
            assert figures.agreement is figures.recall_loss is None
            assert figures.precision is figures.recall is figures.dice is None
            continue
        assert figures.agreement == agreement_of(part, true)
        missed = figures.agreement.only_b
        assert figures.recall_loss == (missed / surface if surface else 0.0)
        assert figures.precision == figures.agreement.precision
        assert figures.recall == figures.agreement.recall
        assert figures.dice == figures.agreement.dice
    volume = measure_volume(mask, label=packed)
    assert volume == measure_volume(mask, profile=profile)
    if (label == 2).all():
        assert volume.agreement is volume.dice is None
        return
    assert volume.agreement == agreement_of(mask, label)
    losses = sum(figures.recall_loss or 0.0 for figures in profile)
    assert losses == pytest.approx(1 - volume.recall, abs=1e-12)


def test_the_agreement_is_that_of_the_leaderboard():
    rng = np.random.default_rng(5)
    mask, label = noise_mask(5, (9, 20, 21), 0.3), rng.integers(0, 3, (9, 20, 21), np.uint8)
    theirs = voxel_overlap(binarise(mask, label))
    ours = measure_volume(mask, label=LabelBits.of(label))
    assert (ours.precision, ours.recall, ours.dice) == (
        theirs.precision,
        theirs.recall,
        theirs.dice,
    )


def test_threads_and_memory_layout_do_not_change_a_profile():
    mask = noise_mask(6, (40, 30, 45), 0.35, 0.7)
    label = np.random.default_rng(6).integers(0, 3, mask.shape, np.uint8)
    workers = Workers(3)
    try:
        packed = LabelBits.of(label, workers)
        parallel = measure_slices(mask, label=packed, workers=workers)
        whole = measure_volume(mask, profile=parallel, workers=workers)
    finally:
        workers.close()
    alone = measure_slices(mask, label=LabelBits.of(label))
    assert parallel == alone
    assert whole == measure_volume(mask, profile=alone)
    others = np.asfortranarray(mask), mask * np.uint8(255), mask != 0
    for other in others:
        assert measure_slices(other, label=packed) == alone
        assert measure_volume(other, profile=alone) == whole


def test_percentiles_of_slices_are_those_of_each_slice_and_are_handed_on():
    mask = noise_mask(7, (20, 9, 10), 0.3)
    score = np.random.default_rng(7).random(mask.shape, dtype=np.float32)
    percentiles = percentiles_of_slices(score)
    assert percentiles == [score_percentiles(part) for part in score]
    profile = measure_slices(mask, percentiles=percentiles)
    assert [figures.percentiles for figures in profile] == percentiles


@given(masks(deepest=12))
def test_runs_that_were_found_before_change_no_figure(mask):
    runs = foreground_runs(mask)
    profile = measure_slices(mask)
    assert measure_slices(mask, runs=runs) == profile
    assert measure_volume(mask, profile=profile, runs=runs) == measure_volume(mask)
    for tile in (slice(0, len(mask)), slice(len(mask) // 2, len(mask))):
        of_tile, alone = runs.of_slices(tile), foreground_runs(mask[tile])
        assert of_tile.shape == alone.shape
        for name in ("row_starts", "first", "stop"):
            assert getattr(of_tile, name).tolist() == getattr(alone, name).tolist()


@given(masks(deepest=12))
def test_components_of_slices_are_found_on_their_own(mask):
    found = slice_components(foreground_runs(mask))
    assert found.counts.tolist() == [ndimage.label(part, CORNERS_2D)[1] for part in mask]
    assert found.largest.tolist() == [largest_of(part, CORNERS_2D) for part in mask]


@given(masks(deepest=20), st.data())
def test_slabs_of_a_mask_have_the_figures_of_the_whole(mask, data):
    whole = measure_slices(mask)
    cuts = sorted(data.draw(st.sets(st.integers(1, len(mask)))) | {len(mask)})
    slabs, start = [], 0
    for stop in cuts:
        before = mask[start - 1] if start else None
        slabs += measure_slices(mask[start:stop], first_z=start, before=before)
        start = stop
    assert slabs == whole


def test_the_foreground_value_of_a_mask_does_not_matter():
    mask = noise_mask(12, (11, 9, 13), 0.4)
    mixed = mask * np.random.default_rng(2).integers(1, 256, mask.shape, dtype=np.uint8)
    assert measure_slices(mixed[1:], before=mixed[0]) == measure_slices(mask[1:], before=mask[0])


@pytest.mark.parametrize("value", [0, 1])
def test_an_empty_and_a_full_mask_have_figures(value):
    mask = np.full((3, 4, 5), value, np.uint8)
    volume = measure_volume(mask)
    assert (volume.density, volume.largest_share) == (value, value)
    assert (volume.components, volume.euler_number) == (value, value)
    assert volume.mean_continuity == 1.0


def test_the_distance_from_the_band_has_the_sign_of_the_side():
    mask = np.zeros((1, 4, 4), np.uint8)
    mask[0, 0] = 1
    volume = measure_volume(mask)
    assert volume.distance_from((0.0, 0.125)) == 0.125
    assert volume.distance_from((0.5, 0.75)) == -0.25
    assert volume.distance_from((0.25, 0.25)) == 0.0
    with pytest.raises(ValueError, match=r"\(0\.5, 0\.1\)"):
        volume.distance_from((0.5, 0.1))


def test_a_record_holds_the_figures_that_are_known():
    mask, label = noise_mask(8, (3, 6, 7), 0.4), noise_mask(9, (3, 6, 7), 0.4)
    bare = measure_volume(mask).as_record()
    full = measure_volume(mask, label=LabelBits.of(label)).as_record()
    assert set(full) - set(bare) == {"precision", "recall", "dice"}
    assert {name: full[name] for name in bare} == bare
    assert "mean_continuity" not in measure_volume(mask[:1]).as_record()


def test_what_does_not_fit_a_mask_is_refused():
    mask = noise_mask(10, (3, 4, 5), 0.5)
    with pytest.raises(ValueError, match=r"\(3, 4, 5\).*\(3, 4, 6\)"):
        measure_slices(mask, label=LabelBits.of(np.zeros((3, 4, 6), np.uint8)))
    with pytest.raises(ValueError, match="3 slices, the percentiles 1"):
        measure_slices(mask, percentiles=[(0.0, 0.0, 0.0, 0.0)])
    with pytest.raises(ValueError, match="runs"):
        measure_slices(mask, runs=foreground_runs(mask[:2]))
    with pytest.raises(ValueError, match=r"\(4, 5\).*before them \(5, 4\)"):
        measure_slices(mask, before=np.zeros((5, 4), np.uint8))
    with pytest.raises(ValueError, match="3 slices, the profile 2"):
        measure_volume(mask, profile=measure_slices(mask[:2]))
    for shape in ((4, 5), (0, 4, 5)):
        with pytest.raises(ValueError, match="with voxels"):
            measure_slices(np.zeros(shape, np.uint8))
    with pytest.raises(ValueError, match="label"):
        LabelBits.of(np.zeros((4, 5), np.uint8))


def test_measuring_stops_between_tiles_when_it_is_cancelled():
    mask = noise_mask(11, (40, 6, 7), 0.5)
    asked = []

    def cancelled():
        asked.append(len(asked))
        return len(asked) > 2

    with pytest.raises(Cancelled):
        measure_slices(mask, cancelled=cancelled)
    assert len(asked) == 3
    profile = measure_slices(mask)
    with pytest.raises(Cancelled):
        measure_volume(mask, profile=profile, cancelled=lambda: True)
    with pytest.raises(Cancelled):
        percentiles_of_slices(mask.astype(np.float32), cancelled=lambda: True)
