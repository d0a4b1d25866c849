"""Thresholds of scores that are counted in parts equal those of the scores together."""

from __future__ import annotations

import math
from functools import reduce
from operator import add

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_nx46.core.pipeline import FragmentPipeline
from napari_nx46.core.score.kernels import compiled_kernels
from napari_nx46.core.threshold.freezing import frozen
from napari_nx46.core.threshold.moments import Moments
from napari_nx46.core.threshold.rules import adaptive_pair, quantile_pair
from napari_nx46.core.threshold.search import count_scores, find, search_of
from napari_nx46.setting import Setting, SettingError
from napari_nx46.voxels.blocks import FragmentVolumes, whole_block

SCORES = st.lists(
    st.one_of(st.floats(0, 1, width=32), st.sampled_from([0.0, 0.5, 1.0, 1e-44, 1.0000001])),
    min_size=1,
    max_size=60,
)
SETTINGS = [
    Setting(quantile=0.9),
    Setting(quantile=0.7, low_quantile=0.2, hysteresis=True),
    Setting(quantile=0.5, domain="nonzero"),
    Setting(quantile=0.5, low_quantile=0.5, hysteresis=True, domain="nonzero"),
]


def as_scores(values):
    return np.array(values, np.float32).reshape(1, 1, -1)


@settings(max_examples=200, deadline=None)
@given(values=SCORES, seed=st.integers(0, 99), setting=st.sampled_from(SETTINGS))
def test_quantiles_of_parts_equal_those_of_the_whole(values, seed, setting):
    scores = as_scores(values)
    rng = np.random.default_rng(seed)
    cuts = np.sort(rng.integers(0, scores.size + 1, 3))
    parts = [part for part in np.split(scores, cuts, axis=2) if part.size]
    rng.shuffle(parts)

    def count(request):
        return reduce(add, (count_scores(part, request, compiled_kernels()) for part in parts))

    assert find(search_of(setting), count) == quantile_pair(scores, setting)


@settings(max_examples=100, deadline=None)
@given(values=SCORES, seed=st.integers(0, 99))
def test_the_adaptive_pair_of_parts_in_any_order_equals_that_of_a_slice(values, seed):
    scores = as_scores(values)
    setting = Setting(rule="adaptive", adaptive_gain=20)
    shuffled = np.random.default_rng(seed).permutation(scores, axis=2)

    def count(request):
        parts = (shuffled[..., at : at + 7] for at in range(0, scores.size, 7))
        return reduce(add, (count_scores(part, request, compiled_kernels()) for part in parts))

    assert find(search_of(setting), count) == adaptive_pair(scores, setting)


@settings(max_examples=200, deadline=None)
@given(values=SCORES)
def test_the_deviation_is_that_of_exact_sums(values):
    scores = as_scores(values)
    found = Moments.of(scores)
    halves = Moments.of(scores[..., ::2]) + Moments.of(scores[..., 1::2]) + Moments.none()
    assert halves.deviation == found.deviation
    exact = scores.astype(np.float64).ravel().tolist()
    mean = math.fsum(exact) / len(exact)
    variance = math.fsum((value - mean) ** 2 for value in exact) / len(exact)
    assert found.deviation == pytest.approx(math.sqrt(variance), rel=1e-12, abs=1e-30)


def test_the_deviation_of_equal_scores_is_zero_and_of_none_an_error():
    assert Moments.of(np.full(1001, 0.1, np.float32)).deviation == 0.0
    with pytest.raises(ValueError, match="at least one score"):
        _ = Moments.none().deviation


def pipelines_of(*shapes, top=1.0):
    rng = np.random.default_rng(11)
    volumes = [(rng.random(shape) * top).astype(np.float32) for shape in shapes]
    for volume in volumes:
        volume[volume < 0.2] = 0
    return [FragmentPipeline(FragmentVolumes(volume, volume)) for volume in volumes]


@pytest.mark.parametrize("domain", ["dataset", "fragment", "nonzero"])
def test_a_frozen_setting_gives_the_masks_of_the_quantiles_over_all(domain):
    pipelines = pipelines_of((4, 9, 8), (7, 5, 6))
    setting = Setting(
        quantile=0.83, low_quantile=0.41, hysteresis=True, domain=domain, smallest_object=3
    )
    numbers = frozen(setting, pipelines)
    assert numbers.rule == "probability"
    assert Setting.model_validate_json(numbers.to_json()) == numbers
    scores = np.concatenate(
        [one.score(setting, whole_block(one.shape)).ravel() for one in pipelines]
    ).astype(np.float64)
    scores = scores[scores > 0] if domain == "nonzero" else scores
    assert numbers.probability == np.quantile(scores, 0.83)
    assert numbers.low_probability == np.quantile(scores, 0.41)
    for pipeline in pipelines if domain == "dataset" else []:
        whole = whole_block(pipeline.shape)
        masks = [
            pipeline.mask(one, pipeline.threshold(one, pipelines), whole)
            for one in (setting, numbers)
        ]
        np.testing.assert_array_equal(*masks)
    assert frozen(numbers, []) == numbers


def test_a_quantile_on_scores_rounded_beyond_one_is_frozen_to_one():
    volume = np.ones((2, 3, 4), np.float32)
    volume[0] = 0.5
    setting = Setting(quantile=0.9, z_radius=0)
    for blend in np.linspace(0, 1, 101).tolist():
        pipeline = FragmentPipeline(FragmentVolumes(volume, volume))
        value = pipeline.threshold(setting.changed(blend=blend)).values[0]
        assert frozen(setting.changed(blend=blend), [pipeline]).probability == min(value, 1.0)
    beyond = np.linspace(0.5, 1.5, 24, dtype=np.float32).reshape(2, 3, 4)
    pipeline = FragmentPipeline(FragmentVolumes(beyond, beyond))
    with pytest.raises(SettingError, match="choose a lower quantile"):
        frozen(setting, [pipeline])


@pytest.mark.parametrize(
    "knobs",
    [
        {"rule": "adaptive"},
        {"domain": "slice"},
        {"domain": "block", "block": ((0, 1), (0, 1), (0, 1))},
    ],
)
def test_thresholds_of_slices_and_blocks_cannot_be_frozen(knobs):
    with pytest.raises(SettingError):
        frozen(Setting(**knobs), pipelines_of((2, 3, 4)))
