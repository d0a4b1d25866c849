"""Hysteresis and clean-up give the whole fragment's mask, however it is asked for and kept."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from napari_nx46.core.cleanup.steps import STEPS
from napari_nx46.core.line import is_local
from napari_nx46.core.pipeline import FragmentPipeline
from napari_nx46.setting import Domain, Setting, ThresholdRule, all_presets, preset
from napari_nx46.voxels import tiles as tiles_module
from napari_nx46.voxels.blocks import FragmentVolumes, whole_block
from napari_nx46.voxels.workers import Cancelled, Workers
from tests.core.definition import defined_mask, mask_of_scores

CHAIN = Setting(
    blend=0.5,
    z_radius=0,
    quantile=0.8,
    border=1,
    closing_ball=1,
    plug_tunnels=True,
    patch_holes=64,
    fill_cavities=True,
    smallest_object=6,
    object_connectivity=6,
    stabilise_radius=1,
    sheet_gap=1,
)


def smooth_volume(seed, shape=(9, 14, 13)):
    noise = np.random.default_rng(seed).random(shape)
    blurred = ndimage.gaussian_filter(noise, 1.0)
    spread = np.ptp(blurred)
    return ((blurred - blurred.min()) / (spread or 1.0)).astype(np.float32)


@st.composite
def wide_settings(draw):
    """Draw a setting with any rule and any clean-up."""
    low, high = sorted((draw(st.floats(0.3, 1)), draw(st.floats(0.3, 1))))
    return Setting(
        blend=draw(st.floats(0, 1)),
        z_radius=draw(st.integers(0, 2)),
        rule=draw(st.sampled_from(ThresholdRule)),
        quantile=high,
        low_quantile=low,
        probability=high,
        low_probability=low,
        hysteresis=draw(st.booleans()),
        domain=draw(st.sampled_from([Domain.FRAGMENT, Domain.SLICE])),
        border=draw(st.integers(0, 2)),
        opening=draw(st.booleans()),
        closing_z=draw(st.integers(0, 2)),
        closing_xy=draw(st.integers(0, 2)),
        closing_ball=draw(st.integers(0, 2)),
        plug_tunnels=draw(st.booleans()),
        plug_cubes=draw(st.sampled_from(["off", "cubes"])),
        border_again=draw(st.booleans()),
        objects_first=draw(st.sampled_from([0, 5])),
        edge_margin=draw(st.sampled_from([0, 3])),
        edge_min=draw(st.sampled_from([0, 9])),
        patch_holes=draw(st.sampled_from([0, 4])),
        fill_cavities=draw(st.booleans()),
        smallest_object=draw(st.sampled_from([0, 5, 30])),
        object_connectivity=draw(st.sampled_from([6, 18, 26])),
        stabilise_radius=draw(st.integers(0, 2)),
        sheet_gap=draw(st.integers(0, 2)),
    )


@settings(max_examples=60, deadline=None)
@given(
    setting=wide_settings(),
    seed=st.integers(0, 2**32 - 1),
    keep_score=st.booleans(),
    workers=st.integers(1, 2),
    slab_voxels=st.integers(1, 2000),
)
def test_mask_is_the_chain_on_the_whole_fragment(setting, seed, keep_score, workers, slab_voxels):
    p3d, p2d = smooth_volume(seed), smooth_volume(seed + 1)
    expected = defined_mask([(p3d, p2d)], setting)
    pool = Workers(workers)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tiles_module, "SLAB_VOXELS", slab_voxels)
        patch.setattr(tiles_module, "INLINE_VOXELS", 0)
        pipeline = FragmentPipeline(FragmentVolumes(p3d, p2d), workers=pool, keep_score=keep_score)
        threshold = pipeline.threshold(setting)
        streamed = [slab.mask for slab in pipeline.slabs(setting, threshold)]
    pool.close()
    np.testing.assert_array_equal(np.concatenate(streamed), expected)
    assert pipeline.density(setting, threshold) == expected.mean()
    block = (slice(2, 7), slice(3, 4), slice(1, 12))
    np.testing.assert_array_equal(pipeline.mask(setting, threshold, block), expected[block])
    known = pipeline.known_mask(setting, threshold, block)
    np.testing.assert_array_equal(known, expected[block])


@settings(max_examples=40, deadline=None)
@given(setting=wide_settings(), seed=st.integers(0, 2**32 - 1))
def test_a_preview_of_the_whole_fragment_is_exact(setting, seed):
    volume = smooth_volume(seed)
    pipeline = FragmentPipeline(FragmentVolumes(volume, volume))
    pipeline.stage(setting)
    threshold = pipeline.threshold(setting)
    whole = whole_block(volume.shape)
    preview = pipeline.preview(setting, threshold, whole)
    np.testing.assert_array_equal(preview, pipeline.mask(setting, threshold, whole))


@settings(max_examples=40, deadline=None)
@given(
    setting=wide_settings(),
    changed=st.sampled_from(
        [{"sheet_gap": 3}, {"smallest_object": 12}, {"closing_ball": 1}, {"opening": True}]
    ),
    seed=st.integers(0, 2**32 - 1),
)
def test_a_preview_goes_on_from_the_stages_that_stand(setting, changed, seed):
    volume = smooth_volume(seed)
    pipeline = FragmentPipeline(FragmentVolumes(volume, volume))
    threshold = pipeline.threshold(setting)
    pipeline.density(setting, threshold)
    whole = whole_block(volume.shape)
    preview = pipeline.preview(setting.changed(**changed), threshold, whole)
    expected = defined_mask([(volume, volume)], setting.changed(**changed))
    np.testing.assert_array_equal(preview, expected)


@settings(max_examples=40, deadline=None)
@given(setting=wide_settings(), seed=st.integers(0, 2**32 - 1), data=st.data())
def test_a_preview_of_local_steps_equals_the_exact_slice(setting, seed, data):
    setting = setting.changed(
        patch_holes=0,
        fill_cavities=False,
        objects_first=0,
        smallest_object=0,
        edge_min=0,
        sheet_gap=0,
        hysteresis=False,
    )
    if setting.rule is ThresholdRule.ADAPTIVE:
        setting = setting.changed(rule="quantile")
    volume = smooth_volume(seed)
    pipeline = FragmentPipeline(FragmentVolumes(volume, volume))
    pipeline.stage(setting)
    threshold = pipeline.threshold(setting)
    z = data.draw(st.integers(0, 8))
    plane = (slice(z, z + 1), slice(0, 14), slice(0, 13))
    expected = defined_mask([(volume, volume)], setting)[plane]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("napari_nx46.core.masks.PREVIEW_HALO", 100)
        np.testing.assert_array_equal(pipeline.preview(setting, threshold, plane), expected)


def counted_steps(monkeypatch, pipeline):
    """Count what the pipeline computes: scores, thresholds and steps, by name."""
    done = []

    def counting(step):
        def apply(mask, context):
            done.append(step.name)
            return step.apply(mask, context)

        return step.__class__(**{**vars_of(step), "apply": apply})

    counted = tuple(counting(step) for step in STEPS)
    monkeypatch.setattr("napari_nx46.core.cleanup.steps.STEPS", counted)
    masks = pipeline._masks
    thresholded, score = masks.thresholded, pipeline._compute_score
    monkeypatch.setattr(
        masks, "thresholded", lambda *a, **k: (done.append("threshold"), thresholded(*a, **k))[1]
    )
    monkeypatch.setattr(
        pipeline, "_compute_score", lambda *a, **k: (done.append("score"), score(*a, **k))[1]
    )
    return done


def vars_of(step):
    return {name: getattr(step, name) for name in step.__dataclass_fields__}


def test_a_knob_repeats_only_what_is_downstream_of_it(monkeypatch):
    volume = smooth_volume(46)
    pipeline = FragmentPipeline(FragmentVolumes(volume, volume))
    done = counted_steps(monkeypatch, pipeline)

    def computed(setting):
        done.clear()
        pipeline.density(setting, pipeline.threshold(setting))
        return list(done)

    everything = computed(CHAIN)
    assert everything[:3] == ["score", "threshold", "zero_border"]
    assert computed(CHAIN) == []
    smaller = CHAIN.changed(smallest_object=12)
    assert computed(smaller) == ["remove_small_objects", "stabilise_slices", "keep_sheets_apart"]
    assert computed(smaller.changed(sheet_gap=2)) == ["keep_sheets_apart"]
    closed = computed(CHAIN.changed(closing_ball=2))
    assert closed[0] == "close_with_ball"
    requantiled = computed(CHAIN.changed(quantile=0.85))
    assert requantiled[0] == "threshold"
    assert "score" not in requantiled


def test_a_preview_begins_with_what_is_known_of_the_whole(monkeypatch):
    volume = smooth_volume(46)
    pipeline = FragmentPipeline(FragmentVolumes(volume, volume))
    threshold = pipeline.threshold(CHAIN)
    pipeline.density(CHAIN, threshold)
    done = counted_steps(monkeypatch, pipeline)
    plane = (slice(4, 5), slice(0, 14), slice(0, 13))
    pipeline.preview(CHAIN.changed(smallest_object=9), threshold, plane)
    assert done == ["remove_small_objects", "stabilise_slices", "keep_sheets_apart"]


def test_a_preview_goes_without_what_takes_longer_than_a_frame():
    volume = smooth_volume(46)
    pipeline = FragmentPipeline(FragmentVolumes(volume, volume))
    setting = Setting(rule="quantile", quantile=0.8, border=1, per_sheet=True)
    threshold = pipeline.threshold(setting)
    plane = (slice(4, 5), slice(0, 14), slice(0, 13))
    shown = pipeline.preview(setting, threshold, plane)
    without = pipeline.preview(setting.changed(per_sheet=False), threshold, plane)
    np.testing.assert_array_equal(shown, without)
    assert not np.array_equal(pipeline.mask(setting, threshold, plane), without)
    expected = defined_mask([(volume, volume)], setting)[plane]
    np.testing.assert_array_equal(pipeline.preview(setting, threshold, plane), expected)


def test_what_leaves_the_block_stays_in_a_preview_as_in_the_mask_before():
    mask = np.zeros((6, 12, 12), np.float32)
    mask[:, 2, 2] = 1  # 6 voxels, a column through the displayed slice
    mask[3, 8, 4:8] = 1  # 4 voxels within it
    setting = Setting(rule="probability", probability=0.5, z_radius=0, smallest_object=5)
    pipeline = FragmentPipeline(FragmentVolumes(mask, mask))
    threshold = pipeline.threshold(setting)
    plane = (slice(3, 4), slice(0, 12), slice(0, 12))
    shown = pipeline.preview(setting, threshold, plane)[0]
    assert shown[2, 2] == 1  # it leaves the block: its size is unknown
    pipeline.density(setting.changed(smallest_object=7), threshold)  # completes another mask
    shown = pipeline.preview(setting, threshold, plane)[0]
    assert shown[2, 2] == 0  # the mask before had none of it
    exact = pipeline.mask(setting, threshold, plane)[0]
    assert exact[2, 2] == 1
    assert not exact[8].any()


def test_cancelled_clean_up_keeps_the_stages_that_were_done(monkeypatch):
    volume = smooth_volume(46)
    pipeline = FragmentPipeline(FragmentVolumes(volume, volume))
    threshold = pipeline.threshold(CHAIN)
    done = counted_steps(monkeypatch, pipeline)
    with pytest.raises(Cancelled):
        pipeline.density(CHAIN, threshold, cancelled=lambda: "close_with_ball" in done)
    done.clear()
    pipeline.density(CHAIN, threshold)
    assert done[0] == "plug_tunnels"


def test_forgetting_gives_the_stages_back():
    volume = smooth_volume(46)
    pipeline = FragmentPipeline(FragmentVolumes(volume, volume))
    threshold = pipeline.threshold(CHAIN)
    pipeline.density(CHAIN, threshold)
    pipeline.clear_score()
    assert pipeline.known_mask(CHAIN, threshold, whole_block(volume.shape)) is None
    expected = defined_mask([(volume, volume)], CHAIN)
    np.testing.assert_array_equal(
        pipeline.mask(CHAIN, threshold, whole_block(volume.shape)), expected
    )


@pytest.mark.parametrize("name", list(all_presets()))
def test_every_preset_gives_its_chain(name):
    setting = preset(name)
    volume = smooth_volume(5, (12, 30, 28))
    pipeline = FragmentPipeline(FragmentVolumes(volume, volume))
    threshold = pipeline.threshold(setting)
    whole = whole_block(volume.shape)
    expected = mask_of_scores([pipeline.score(setting, whole)], setting)
    np.testing.assert_array_equal(pipeline.mask(setting, threshold, whole), expected)
    assert is_local(setting) == name.startswith("nx46")


def test_an_equal_slice_has_no_tail_to_adapt_to():
    volume = np.full((3, 4, 5), 0.25, np.float32)
    pipeline = FragmentPipeline(FragmentVolumes(volume, volume))
    threshold = pipeline.threshold(preset("nx47-v61.2"))
    assert threshold.values == threshold.low == (0.25,) * 3
