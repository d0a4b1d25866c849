"""Whole masks of fragments that are streamed, slab by slab: those that are made at once."""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_nx46.core.pipeline import FragmentPipeline
from napari_nx46.data.fragments import open_data
from napari_nx46.run.pipelines import PipelineSet
from napari_nx46.scale.by_slabs import mask_by_slabs
from napari_nx46.setting import Setting, Sheetness, ThresholdRule
from napari_nx46.voxels.blocks import FragmentVolumes, whole_block
from napari_nx46.voxels.corrections.corrections import Corrections
from napari_nx46.voxels.workers import Cancelled
from tests.scale.execute.stores import scores

BASE = Setting(rule=ThresholdRule.PROBABILITY, probability=0.55, low_probability=0.45)
STEPS = {
    "threshold": {"smallest_object": 5},
    "hysteresis": {"hysteresis": True},
    "objects": {"smallest_object": 20, "closing_z": 1, "closing_xy": 2},
    "cavities": {"fill_cavities": True, "opening": True, "border": 2},
    "all": {
        "hysteresis": True,
        "closing_ball": 1,
        "plug_tunnels": True,
        "fill_cavities": True,
        "stabilise_radius": 1,
        "smallest_object": 9,
    },
    "quantile by slice": {"rule": ThresholdRule.ADAPTIVE, "hysteresis": True},
}


def pipelines(shape, seed, thickness):
    """Return a pipeline that makes whole masks by slabs, and one that makes them at once."""
    voxels, other = scores(shape, seed), scores(shape, seed + 1, empty=False)
    by_slabs = partial(mask_by_slabs, thickness=thickness)
    streamed = FragmentPipeline(FragmentVolumes(voxels, other), keep_score=False, by_slabs=by_slabs)
    return streamed, FragmentPipeline(FragmentVolumes(voxels, other))


@pytest.mark.parametrize("name", STEPS)
@settings(max_examples=6)
@given(
    shape=st.tuples(st.integers(12, 30), st.integers(5, 20), st.integers(5, 20)),
    seed=st.integers(0, 99),
    thickness=st.integers(2, 4),
)
def test_slabs_make_the_mask_that_is_made_at_once(name, shape, seed, thickness):
    setting = BASE.changed(**STEPS[name])
    streamed, at_once = pipelines(shape, seed, thickness)
    threshold = at_once.threshold(setting)
    expected = at_once.mask(setting, threshold, whole_block(shape))
    found = streamed.whole_mask(setting, threshold)
    assert np.array_equal(found.mask(), expected)
    assert found.foreground == expected.sum()
    slabs = list(streamed.slabs(setting, threshold))
    assert np.array_equal(np.concatenate([slab.mask for slab in slabs]), expected)
    assert streamed.density(setting, threshold) == at_once.density(setting, threshold)


def test_the_mask_is_kept_and_corrected():
    setting = BASE.changed(hysteresis=True)
    streamed, at_once = pipelines((24, 10, 9), 3, 4)
    threshold = at_once.threshold(setting)
    first = streamed.whole_mask(setting, threshold)
    assert streamed.whole_mask(setting, threshold) is first
    mask = first.mask()
    labels = np.zeros(mask.shape, np.uint8)
    labels[3:9, 2:5, 4] = 1
    labels[10:14, 6, 2:8] = 2
    fixed, whole = Corrections.of(labels), whole_block(mask.shape)
    corrected = streamed.mask(setting, threshold, whole, corrections=fixed)
    assert not np.array_equal(corrected, mask)
    assert np.array_equal(corrected, at_once.mask(setting, threshold, whole, corrections=fixed))


@pytest.mark.parametrize(
    "knobs",
    [
        {"sheet_gap": 2, "closing_ball": 1},
        {"patch_holes": 3},
        {"patch_holes": 3, "patch_blocks": 512},
    ],
)
def test_what_looks_at_sheets_as_a_whole_is_made_at_once(knobs):
    setting = BASE.changed(**knobs)
    streamed, at_once = pipelines((24, 10, 9), 5, 3)
    threshold = at_once.threshold(setting)
    found = streamed.whole_mask(setting, threshold).mask()
    assert np.array_equal(found, at_once.mask(setting, threshold, whole_block(found.shape)))


def test_what_links_beyond_the_score_is_linked_by_slabs():
    setting = BASE.changed(hysteresis=True, sheetness=Sheetness.GATE, sheet_threshold=0.2)
    streamed, at_once = pipelines((24, 12, 11), 7, 4)
    threshold = at_once.threshold(setting)
    found = streamed.whole_mask(setting, threshold).mask()
    assert np.array_equal(found, at_once.mask(setting, threshold, whole_block(found.shape)))


def test_it_ends_between_slabs_when_cancelled():
    setting = BASE.changed(hysteresis=True)
    streamed, _ = pipelines((24, 10, 9), 3, 4)
    threshold = streamed.threshold(setting)
    asked = []
    with pytest.raises(Cancelled):
        streamed.whole_mask(setting, threshold, lambda: len(asked) > 4 or asked.append(None))


def test_a_data_set_that_fits_into_memory_is_not_streamed(tmp_path):
    np.save(tmp_path / "a.npy", scores((24, 10, 9), 1))
    asked = []
    sets = PipelineSet(open_data(tmp_path / "a.npy"), by_slabs=lambda *given: asked.append(given))
    setting = BASE.changed(smallest_object=9)
    pipeline, threshold = sets.with_threshold("a", setting)
    pipeline.whole_mask(setting, threshold)
    assert not asked
