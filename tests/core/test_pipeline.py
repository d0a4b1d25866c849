"""The pipeline equals the plain definition, bit for bit, however the work is cut."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_nx46.core.pipeline import FragmentPipeline
from napari_nx46.core.score.kernels import compiled_kernels, plain_kernels
from napari_nx46.core.threshold.thresholds import Threshold
from napari_nx46.setting import Domain, Setting
from napari_nx46.voxels import tiles as tiles_module
from napari_nx46.voxels.blocks import PROBABILITY_DTYPES, FragmentVolumes, whole_block
from napari_nx46.voxels.workers import Cancelled, Workers
from tests.core.definition import defined_mask, defined_score

SHAPES = st.tuples(st.integers(1, 11), st.integers(1, 7), st.integers(1, 9))
KERNELS = {"plain": plain_kernels, "compiled": compiled_kernels}


def random_volume(rng, shape, dtype, character):
    """Return probabilities: smooth, of few levels, or with numbers too small to sum exactly."""
    values = rng.random(shape)
    if character == "levels":
        values = np.round(values * 4) / 4
    if character == "tiny":
        values = np.where(rng.random(shape) < 0.5, values * 1e-12, values)
    if character == "empty":
        values = np.where(rng.random(shape) < 0.9, 0.0, values * 1e-44)
    if np.issubdtype(dtype, np.integer):
        return np.round(values * np.iinfo(dtype).max).astype(dtype)
    return values.astype(dtype)


@st.composite
def cases(draw, domains=tuple(Domain)):
    """Draw a small data set of (p3d, p2d) pairs and a setting for it."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    domain = draw(st.sampled_from(domains))
    pairs = []
    for _ in range(draw(st.integers(1, 2)) if domain is Domain.DATASET else 1):
        shape = draw(SHAPES)
        character = draw(st.sampled_from(["smooth", "levels", "tiny", "empty"]))
        dtypes = [np.dtype(draw(st.sampled_from(PROBABILITY_DTYPES))) for _ in range(2)]
        pairs.append(tuple(random_volume(rng, shape, dtype, character) for dtype in dtypes))
    block = None
    if domain is Domain.BLOCK:
        starts = [draw(st.integers(0, length - 1)) for length in pairs[0][0].shape]
        block = tuple(
            (start, draw(st.integers(start + 1, length)))
            for start, length in zip(starts, pairs[0][0].shape, strict=True)
        )
    setting = Setting(
        quantile=draw(st.one_of(st.floats(0, 1), st.sampled_from([0.0, 0.5, 0.95, 0.999, 1.0]))),
        blend=draw(st.one_of(st.floats(0, 1), st.sampled_from([0.0, 0.72, 1.0]))),
        z_radius=draw(st.integers(0, 8)),
        domain=domain,
        block=block,
    )
    return pairs, setting


def pipelines_of(pairs, **options):
    """Return a pipeline for each pair."""
    return [FragmentPipeline(FragmentVolumes(*pair), **options) for pair in pairs]


@pytest.mark.parametrize("kernels", KERNELS)
@settings(max_examples=120, deadline=None)
@given(case=cases())
def test_mask_equals_the_plain_definition(kernels, case):
    pairs, setting = case
    pipelines = pipelines_of(pairs, kernels=KERNELS[kernels]())
    threshold = pipelines[0].threshold(setting, pipelines)
    mask = pipelines[0].mask(setting, threshold, whole_block(pipelines[0].shape))
    assert mask.dtype == np.uint8
    np.testing.assert_array_equal(mask, defined_mask(pairs, setting))
    assert pipelines[0].density(setting, threshold) == mask.mean()


@settings(max_examples=60, deadline=None)
@given(
    case=cases(),
    slab_voxels=st.integers(1, 200),
    rows=st.integers(1, 4),
    slices=st.integers(1, 4),
    workers=st.integers(1, 3),
    keep_score=st.booleans(),
)
def test_cutting_and_threads_change_no_bit(case, slab_voxels, rows, slices, workers, keep_score):
    pairs, setting = case
    expected = defined_mask(pairs, setting)
    pool = Workers(workers)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tiles_module, "SLAB_VOXELS", slab_voxels)
        patch.setattr(tiles_module, "ROWS_PER_TILE", rows)
        patch.setattr(tiles_module, "SLICES_PER_TILE", slices)
        patch.setattr(tiles_module, "INLINE_VOXELS", 0)
        pipelines = pipelines_of(pairs, workers=pool, keep_score=keep_score)
        threshold = pipelines[0].threshold(setting, pipelines)
        streamed = [slab.mask for slab in pipelines[0].slabs(setting, threshold)]
    pool.close()
    np.testing.assert_array_equal(np.concatenate(streamed), expected)


@settings(max_examples=60, deadline=None)
@given(case=cases(), data=st.data())
def test_any_block_in_any_order_is_a_cut_of_the_whole(case, data):
    pairs, setting = case
    pipelines = pipelines_of(pairs)
    threshold = pipelines[0].threshold(setting, pipelines)
    fresh = pipelines_of(pairs)[0]
    expected = defined_mask(pairs, setting)
    for _ in range(3):
        block = []
        for length in fresh.shape:
            start = data.draw(st.integers(0, length - 1))
            block.append(slice(start, data.draw(st.integers(start + 1, length))))
        block = tuple(block)
        np.testing.assert_array_equal(fresh.mask(setting, threshold, block), expected[block])


@pytest.mark.parametrize("dtype", PROBABILITY_DTYPES)
@pytest.mark.parametrize("radius", range(9))
def test_score_is_equal_for_every_dtype_and_radius(dtype, radius):
    rng = np.random.default_rng(radius)
    p3d = random_volume(rng, (12, 5, 70), np.dtype(dtype), "tiny")
    p2d = random_volume(rng, (12, 5, 70), np.dtype(dtype), "smooth")
    setting = Setting(blend=0.3, z_radius=radius)
    for kernels in KERNELS.values():
        score = FragmentPipeline(FragmentVolumes(p3d, p2d), kernels=kernels()).score(
            setting, whole_block(p3d.shape)
        )
        np.testing.assert_array_equal(score, defined_score(p3d, p2d, setting))


def test_one_source_serves_both_paths():
    volume = np.random.default_rng(1).random((6, 5, 4), dtype=np.float32)
    setting = Setting(quantile=0.8, blend=0.4, z_radius=3)
    pipeline = FragmentPipeline(FragmentVolumes(volume, volume))
    mask = pipeline.mask(setting, pipeline.threshold(setting), whole_block(volume.shape))
    np.testing.assert_array_equal(mask, defined_mask([(volume, volume)], setting))


def test_moving_the_quantile_does_not_blend_again(monkeypatch):
    volume = np.random.default_rng(2).random((6, 5, 4), dtype=np.float32)
    pipeline = FragmentPipeline(FragmentVolumes(volume, volume))
    setting = Setting(quantile=0.8)
    stage = pipeline.stage(setting)
    assert pipeline.stage(setting.changed(quantile=0.9)) is stage
    assert pipeline.stage(setting.changed(blend=0.1)) is not stage


def test_cancelled_work_raises_and_leaves_the_pipeline_usable():
    volume = np.random.default_rng(3).random((6, 5, 4), dtype=np.float32)
    pipeline = FragmentPipeline(FragmentVolumes(volume, volume))
    with pytest.raises(Cancelled):
        pipeline.threshold(Setting(), cancelled=lambda: True)
    assert pipeline.threshold(Setting()).values


def test_threshold_is_compared_in_float64():
    low, high = np.float32(0.5), np.nextafter(np.float32(0.5), np.float32(1))
    volume = np.array([low, high], np.float32).reshape(1, 1, 2)
    pipeline = FragmentPipeline(FragmentVolumes(volume, volume))
    between = (float(low) + float(high)) / 2
    mask = pipeline.mask(Setting(z_radius=0), Threshold((between,)), whole_block((1, 1, 2)))
    assert mask.ravel().tolist() == [0, 1]


@pytest.mark.parametrize(
    ("p3d", "p2d", "message"),
    [
        (np.zeros((2, 2)), np.zeros((2, 2)), "p3d: expected a"),
        (np.zeros((2, 0, 2)), np.zeros((2, 0, 2)), "with voxels"),
        (np.zeros((2, 2, 2), np.int16), np.zeros((2, 2, 2)), "found int16"),
        (np.zeros((2, 2, 2)), np.zeros((2, 2, 3)), "p2d"),
    ],
)
def test_sources_that_do_not_fit_are_refused(p3d, p2d, message):
    with pytest.raises(ValueError, match=message):
        FragmentVolumes(p3d, p2d)


def test_block_outside_the_volume_is_refused():
    volume = np.zeros((2, 2, 2), np.float32)
    setting = Setting(domain="block", block=((5, 6), (0, 1), (0, 1)))
    with pytest.raises(ValueError, match="outside the volume"):
        FragmentPipeline(FragmentVolumes(volume, volume)).threshold(setting)
