"""Previews of the threshold: near at once, nearer once they have learned, exact where they can."""

from __future__ import annotations

import numpy as np
import pytest

from napari_nx46.core.pipeline import FragmentPipeline
from napari_nx46.core.score.blend import FragmentVolumes, PathKey
from napari_nx46.core.score.kernels import compiled_kernels, plain_kernels
from napari_nx46.core.threshold.rules import block_pair, quantile_pair
from napari_nx46.core.threshold.thresholds import Threshold
from napari_nx46.live.preview.threshold import SAMPLE_COLUMNS_PER_AXIS, PreviewSource, ScoreSample
from napari_nx46.live.view import slice_view
from napari_nx46.setting import Domain, Setting
from napari_nx46.voxels.blocks import whole_block
from tests.core.definition import defined_score
from tests.live.driver import plane_view, smooth_volume

SHAPE = (10, 60, 70)
SETTING = Setting(quantile=0.9, blend=0.6, z_radius=1)
PLANE = slice_view(SHAPE, 4).plane


@pytest.fixture
def sources():
    rng = np.random.default_rng(9)
    return FragmentVolumes(smooth_volume(rng, SHAPE), smooth_volume(rng, SHAPE))


@pytest.fixture
def pipeline(sources):
    return FragmentPipeline(sources, kernels=plain_kernels())


def misleading():
    """Return a volume whose high values lie between the sampled columns."""
    volume = np.random.default_rng(3).random(SHAPE, dtype=np.float32) * np.float32(0.5)
    volume[:, 4:7] += np.float32(0.5)  # of the rows, 3 and 7 are sampled
    return volume


def rank_error(scores, value, quantile):
    """Return how far a threshold is from the quantile, as a share of the voxels."""
    return abs(np.count_nonzero(scores < value) / scores.size - quantile)


def test_a_sample_is_close_on_smooth_data_before_it_has_learned(sources):
    preview = ScoreSample(sources, plain_kernels(), PathKey.of(SETTING)).threshold(SETTING)
    assert not preview.exact
    assert not preview.per_slice
    scores = defined_score(sources.p3d, sources.p2d, SETTING)
    assert rank_error(scores, preview.values[0], 0.9) < 0.02


@pytest.mark.parametrize(
    "knobs",
    [
        {"temperature": 3.0},
        {"sdf_zero": 1.5},
        {"ct_gate": "score", "ct_threshold": 10.0},
        {"averaging": "rank"},
        {"smooth": "gaussian"},
        {"smooth": "gaussian", "smooth_stage": "volumes"},
    ],
)
def test_the_knobs_of_single_volumes_are_applied_to_a_sample_once(sources, knobs):
    setting = SETTING.changed(**knobs)
    image = np.full(sources.shape, 20, np.uint8)
    image[:, :7] = 0
    whole = FragmentVolumes(sources.p3d, sources.p2d, {}, image)
    pipeline = FragmentPipeline(whole, kernels=plain_kernels())
    sample = ScoreSample(pipeline.paths(setting), plain_kernels(), PathKey.of(setting))
    sample.learn(setting, pipeline.threshold(setting))
    scores = pipeline.score(setting, whole_block(sources.shape))
    assert rank_error(scores, sample.threshold(setting).values[0], setting.quantile) < 0.04


@pytest.mark.parametrize("quantile", [0.7, 0.88, 0.95])
def test_having_learned_it_is_close_at_neighbouring_quantiles(sources, pipeline, quantile):
    sample = ScoreSample(sources, plain_kernels(), PathKey.of(SETTING))
    sample.learn(SETTING, pipeline.threshold(SETTING))
    setting = SETTING.changed(quantile=quantile)
    exact = pipeline.threshold(setting).values[0]
    assert sample.threshold(setting).values[0] == pytest.approx(exact, abs=0.01)


def test_learning_brings_the_sample_nearer_to_the_truth():
    volume = misleading()
    pipeline = FragmentPipeline(FragmentVolumes(volume, volume), kernels=plain_kernels())
    sample = ScoreSample(pipeline.sources, plain_kernels(), PathKey.of(SETTING))
    setting = Setting(quantile=0.93, z_radius=0)
    exact = pipeline.threshold(setting)
    before = abs(sample.threshold(setting).values[0] - exact.values[0])
    sample.learn(setting, exact)
    after = abs(sample.threshold(setting).values[0] - exact.values[0])
    assert before > 0.01
    assert after < before / 4


def test_what_was_learned_stays_within_the_quantiles_there_are(sources):
    sample = ScoreSample(sources, plain_kernels(), PathKey.of(SETTING))
    scores = defined_score(*sampled_columns(sources), SETTING)
    sample.learn(SETTING, Threshold((2.0,)))
    assert sample.threshold(SETTING.changed(quantile=0.99)).values[0] == scores.max()
    sample.learn(SETTING, Threshold((0.0,)))
    assert sample.threshold(SETTING.changed(quantile=0.01)).values[0] == scores.min()


def sampled_columns(sources):
    """Return the evenly spaced columns of both paths that the sample holds."""
    count = SAMPLE_COLUMNS_PER_AXIS
    rows, columns = (np.linspace(0, length - 1, count).astype(int) for length in SHAPE[1:])
    return [np.asarray(volume)[:, rows][:, :, columns] for volume in (sources.p3d, sources.p2d)]


def test_a_sample_of_a_small_fragment_is_the_fragment():
    volume = np.random.default_rng(1).random((3, 4, 5), dtype=np.float32)
    sources = FragmentVolumes(volume, volume)
    exact = FragmentPipeline(sources, kernels=plain_kernels()).threshold(SETTING)
    assert (
        ScoreSample(sources, plain_kernels(), PathKey.of(SETTING)).threshold(SETTING).values
        == exact.values
    )


def test_kernels_can_be_changed_and_change_nothing(sources):
    sample = ScoreSample(sources, plain_kernels(), PathKey.of(SETTING))
    plain = sample.threshold(SETTING)
    sample.use_kernels(compiled_kernels())
    assert sample.threshold(SETTING) == plain


def test_with_nothing_loaded_the_plane_stands_for_the_fragment(pipeline):
    preview = PreviewSource(pipeline, (pipeline,), None).fragment_threshold(SETTING, PLANE)
    assert preview == Threshold(block_pair(pipeline, SETTING, PLANE), exact=False)


def test_the_sample_is_preferred_to_the_plane(sources, pipeline):
    sample = ScoreSample(sources, plain_kernels(), PathKey.of(SETTING))
    preview = PreviewSource(pipeline, (pipeline,), sample).fragment_threshold(SETTING, PLANE)
    assert preview == sample.threshold(SETTING)


def test_the_histogram_is_near_and_exact_where_it_was_refined(sources, pipeline):
    exact = pipeline.threshold(SETTING)
    source = PreviewSource(pipeline, (pipeline,), None)
    assert source.fragment_threshold(SETTING, PLANE) == exact
    moved = SETTING.changed(quantile=0.61)
    near = source.fragment_threshold(moved, PLANE)
    assert not near.exact
    scores = defined_score(sources.p3d, sources.p2d, moved)
    assert near.values[0] == pytest.approx(np.quantile(scores, 0.61), rel=2**-8)


def test_the_histograms_of_a_pool_are_taken_together():
    rng = np.random.default_rng(12)
    volumes = [smooth_volume(rng, SHAPE), smooth_volume(rng, SHAPE) ** 3]
    pool = tuple(
        FragmentPipeline(FragmentVolumes(one, one), kernels=plain_kernels()) for one in volumes
    )
    setting = SETTING.changed(domain=Domain.DATASET)
    source = PreviewSource(pool[0], pool, None)
    exact = pool[0].threshold(setting, pool)
    assert source.fragment_threshold(setting, PLANE) == exact
    moved = setting.changed(quantile=0.7)
    pooled = np.concatenate([defined_score(one, one, moved).ravel() for one in volumes])
    near = source.fragment_threshold(moved, PLANE)
    assert near.values[0] == pytest.approx(np.quantile(pooled, 0.7), rel=2**-8)
    assert near.values[0] != pytest.approx(pool[0].threshold(moved).values[0], rel=2**-8)


def test_a_pool_of_which_a_part_is_unknown_is_not_judged_by_the_rest(sources, pipeline):
    other = FragmentPipeline(sources, kernels=plain_kernels())
    setting = SETTING.changed(domain=Domain.DATASET)
    pipeline.stage(setting)
    sample = ScoreSample(sources, plain_kernels(), PathKey.of(SETTING))
    source = PreviewSource(pipeline, (pipeline, other), sample)
    assert source.fragment_threshold(setting, PLANE) == sample.threshold(setting)


def test_a_single_slice_has_its_own_threshold_whatever_part_of_it_is_shown(sources, pipeline):
    setting = SETTING.changed(domain=Domain.SLICE)
    exact = pipeline.threshold(setting)
    source = PreviewSource(pipeline, (pipeline,), None)
    for plane in (PLANE, (PLANE[0], slice(3, 9), slice(40, 41))):
        assert source.plane_threshold(setting, plane, quantile_pair).values[4] == exact.values[4]


def test_a_plane_across_slices_has_a_threshold_for_each_of_them(sources, pipeline):
    setting = SETTING.changed(domain=Domain.SLICE)
    plane = plane_view(SHAPE, 1, 30).plane
    preview = PreviewSource(pipeline, (pipeline,), None).plane_threshold(
        setting, plane, quantile_pair
    )
    assert len(preview.values) == SHAPE[0]
    scores = pipeline.score(setting, whole_block(SHAPE))[plane]
    expected = [np.quantile(row.astype(np.float64), 0.9) for row in scores]
    assert preview.values == tuple(expected)
    assert not preview.exact
