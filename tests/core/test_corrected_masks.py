"""A mask with corrections is the mask with the voxels replaced, however it is asked for."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_nx46.core.pipeline import FragmentPipeline
from napari_nx46.setting import Setting
from napari_nx46.voxels import tiles as tiles_module
from napari_nx46.voxels.blocks import FragmentVolumes, whole_block
from napari_nx46.voxels.corrections.corrections import Corrections
from tests.core.definition import defined_mask
from tests.core.test_masks import CHAIN, counted_steps, smooth_volume, wide_settings
from tests.voxels.test_corrections import blocks, defined, label_volumes

SHAPE = (9, 14, 13)


@settings(max_examples=40, deadline=None)
@given(
    setting=wide_settings(),
    seed=st.integers(0, 2**32 - 1),
    labels=label_volumes(SHAPE),
    keep_score=st.booleans(),
    slab_voxels=st.integers(1, 2000),
    data=st.data(),
)
def test_corrections_come_last_of_all(setting, seed, labels, keep_score, slab_voxels, data):
    volume, corrections = smooth_volume(seed), Corrections.of(labels)
    block = data.draw(blocks(SHAPE).filter(lambda block: all(e.start < e.stop for e in block)))
    expected = defined(defined_mask([(volume, volume)], setting), labels)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tiles_module, "SLAB_VOXELS", slab_voxels)
        pipeline = FragmentPipeline(FragmentVolumes(volume, volume), keep_score=keep_score)
        threshold = pipeline.threshold(setting)
        asked = {"setting": setting, "threshold": threshold, "corrections": corrections}
        assert pipeline.density(**asked) == expected.mean()
        streamed = [slab.mask for slab in pipeline.slabs(**asked)]
        whole_preview = pipeline.preview(**asked, block=whole_block(SHAPE))
    np.testing.assert_array_equal(np.concatenate(streamed), expected)
    np.testing.assert_array_equal(whole_preview, expected)
    whole = pipeline.whole_mask(**asked)
    np.testing.assert_array_equal(whole.mask(), expected)
    np.testing.assert_array_equal(whole.mask(block), expected[block])
    assert whole.foreground == expected.sum()
    assert pipeline.whole_mask(**asked) is whole
    np.testing.assert_array_equal(pipeline.mask(**asked, block=block), expected[block])
    known = pipeline.known_mask(**asked, block=block)
    if known is not None:
        np.testing.assert_array_equal(known, expected[block])
    high = pipeline.thresholded(setting, threshold, block)
    corrected = pipeline.thresholded(**asked, block=block)
    np.testing.assert_array_equal(corrected, defined(high, labels[block]))
    assert corrections == Corrections.of(labels)


@pytest.mark.parametrize("setting", [Setting(), CHAIN])
def test_other_corrections_repeat_no_stage(setting, monkeypatch):
    volume = smooth_volume(46)
    pipeline = FragmentPipeline(FragmentVolumes(volume, volume))
    threshold = pipeline.threshold(setting)
    computed = pipeline.mask(setting, threshold, whole_block(SHAPE))
    pipeline.density(setting, threshold)
    done = [] if setting == Setting() else counted_steps(monkeypatch, pipeline)
    labels = np.zeros(SHAPE, np.uint8)
    for z, value in ((3, 1), (4, 2), (8, 1)):
        labels[z, 2:5] = value
        corrections = Corrections.of(labels)
        expected = defined(computed, labels)
        mask = pipeline.known_mask(setting, threshold, whole_block(SHAPE), corrections)
        np.testing.assert_array_equal(mask, expected)
        assert pipeline.density(setting, threshold, corrections=corrections) == expected.mean()
    assert done == []
