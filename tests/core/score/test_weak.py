"""The voxels between two thresholds are those of a plain definition, however they are cut."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from napari_nx46.core.filters.sheetness import sheetness, sheetness_extent
from napari_nx46.core.pipeline import FragmentPipeline
from napari_nx46.core.score.weak import WeakVoxels
from napari_nx46.scale.stages import refusals
from napari_nx46.scale.tiles import TileWork
from napari_nx46.setting import Setting
from napari_nx46.voxels.blocks import FragmentVolumes, whole_block
from napari_nx46.voxels.grid import Grid
from napari_nx46.voxels.workers import Workers
from tests.scale.in_memory import mask_by_tiles

SHAPE = (9, 15, 17)
PAIR = Setting(
    rule="probability", probability=0.7, low_probability=0.6, hysteresis=True, z_radius=1
)
EVERYWHERE = np.s_[:, :, :]


def noise(rng, smooth):
    values = ndimage.gaussian_filter(rng.random(SHAPE), smooth)
    return ((values - values.min()) / np.ptp(values)).astype(np.float32)


def volumes(seed):
    rng = np.random.default_rng(seed)
    bytes_ = (255 * noise(rng, 0.6)).astype(np.uint8)
    return FragmentVolumes(noise(rng, 1.0), bytes_, {"unet": noise(rng, 0.8)})


def linked(high, weak):
    return ndimage.binary_propagation(high, np.ones((3, 3, 3)), high | weak)


def mask_of(pipeline, setting, block=None):
    threshold = pipeline.threshold(setting)
    return pipeline.mask(setting, threshold, block or whole_block(SHAPE))


@settings(max_examples=25, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    rule=st.sampled_from(["probability", "quantile", "adaptive"]),
    least=st.floats(0, 1),
    keep=st.booleans(),
)
def test_the_gate_zeroes_scores_below_the_high_threshold_that_are_no_sheet(seed, rule, least, keep):
    sources = volumes(seed)
    setting = PAIR.changed(rule=rule, quantile=0.9, low_quantile=0.7, z_radius=0)
    plain = FragmentPipeline(sources)
    score = plain.score(setting, whole_block(SHAPE))
    threshold = plain.threshold(setting)
    high, low = (
        one.lowest_scores(slice(0, SHAPE[0]))[:, None, None] for one in (threshold, threshold.lower)
    )
    extent = sheetness_extent(score, 1.0, EVERYWHERE, Workers(1))
    likeness = sheetness(score, extent, 1.0)
    gated = np.where((score < high) & (likeness < np.float32(least)), 0, score)
    gate = setting.changed(sheetness="gate", sheet_sigma=1, sheet_threshold=least)
    pipeline = FragmentPipeline(sources, keep_score=keep)
    assert not pipeline.is_ready(gate)
    found = mask_of(pipeline, gate)
    np.testing.assert_array_equal(found, linked(gated >= high, gated >= low))
    assert pipeline.threshold(gate) == threshold
    assert pipeline.is_ready(gate)
    block = (slice(2, 6), slice(0, 9), slice(5, 17))
    np.testing.assert_array_equal(mask_of(pipeline, gate, block), found[block])
    pipeline.clear_score()
    np.testing.assert_array_equal(mask_of(pipeline, gate), found)


def test_a_smoothed_score_is_kept_for_the_next_low_threshold():
    pipeline = FragmentPipeline(volumes(46))
    setting = PAIR.changed(ced_steps=2)
    assert not pipeline.is_ready(setting)
    mask_of(pipeline, setting)
    assert pipeline.is_ready(setting.changed(low_probability=0.5))
    assert pipeline.cached_stage(setting).score is not None


def test_without_a_pair_the_gate_changes_nothing():
    flat = PAIR.changed(hysteresis=False, sheetness="gate")
    pipeline = FragmentPipeline(volumes(46))
    assert pipeline.is_ready(flat)
    np.testing.assert_array_equal(
        mask_of(pipeline, flat), mask_of(pipeline, flat.changed(sheetness="off"))
    )


@settings(max_examples=25, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    weights=st.sampled_from([(), {"unet": 1.0}, {"p3d": 1.0, "unet": 2.0, "p2d": 0.0}]),
    blend=st.sampled_from([0.0, 0.4, 1.0]),
    averaging=st.sampled_from(["probability", "rank", "logit"]),
)
def test_any_averaged_volume_above_a_half_makes_a_voxel_weak(seed, weights, blend, averaging):
    sources = volumes(seed)
    setting = PAIR.changed(weights=weights, blend=blend, averaging=averaging, smooth="gaussian")
    plain = FragmentPipeline(sources)
    score = plain.score(setting, whole_block(SHAPE))
    given_weights = weights or {"p3d": blend, "p2d": 1 - blend}
    above = {"p3d": sources.p3d > 0.5, "p2d": sources.p2d / 255 > 0.5}
    above["unet"] = sources.models["unet"] > 0.5
    counted = [above[name] for name, weight in given_weights.items() if weight]
    weak = (score >= np.float32(0.6)) | np.any(counted, axis=0)
    found = mask_of(plain, setting.changed(weak_from_argmax=True))
    np.testing.assert_array_equal(found, linked(score >= np.float32(0.7), weak))


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), tile=st.tuples(*[st.integers(3, 12)] * 3))
def test_by_tiles_it_is_the_mask_in_memory(seed, tile):
    pipeline = FragmentPipeline(volumes(seed))
    setting = PAIR.changed(weak_from_argmax=True, blend=0.3)
    assert refusals(setting) == []
    work = TileWork(setting, pipeline.threshold(setting), Grid(SHAPE, tile))
    weak = WeakVoxels(pipeline)
    found = mask_by_tiles(
        work,
        lambda block: pipeline.score(setting, block),
        weak=lambda block, high, low: weak.adjusted(setting, block, high, low),
    )
    np.testing.assert_array_equal(found, mask_of(pipeline, setting))


@pytest.mark.parametrize(
    "knobs",
    [{"smooth": "gaussian", "smooth_stage": "volumes", "averaging": "rank"}, {"ced_steps": 50}],
)
def test_what_tiles_cannot_do_is_refused_in_words(knobs):
    (reason,) = refusals(PAIR.changed(**knobs))
    assert "choose" in reason
