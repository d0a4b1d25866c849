"""Scores are smoothed, gated and tempered as plain NumPy and SciPy do it, however they are cut."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage, special, stats

from napari_nx46.core.cleanup.ct_gate import confine_to_ct
from napari_nx46.core.filters.coherence import enhance_coherence
from napari_nx46.core.filters.diffusion import SlopeSquares, diffuse, diffusion_scale
from napari_nx46.core.filters.sheetness import sheetness, sheetness_extent
from napari_nx46.core.pipeline import FragmentPipeline
from napari_nx46.core.score.ensemble import mean_of_powers
from napari_nx46.setting import Setting
from napari_nx46.voxels.blocks import FragmentVolumes, whole_block
from napari_nx46.voxels.workers import Workers

SHAPE = (11, 16, 18)
PLAIN = Setting(blend=0.6, z_radius=1)


def volumes(seed, with_image=True):
    """Return two probability volumes and a CT image."""
    rng = np.random.default_rng(seed)
    p3d = ndimage.gaussian_filter(rng.random(SHAPE), 1.0).astype(np.float32)
    p2d = (255 * rng.random(SHAPE)).astype(np.uint8)
    image = (255 * ndimage.gaussian_filter(rng.random(SHAPE), 1.0)).astype(np.uint8)
    return FragmentVolumes(p3d, p2d, {}, image if with_image else None)


def score_of(sources, setting, block=None, **more):
    return FragmentPipeline(sources, **more).score(setting, block or whole_block(SHAPE))


def defined(score, setting):
    """Smooth the scores of a whole fragment."""
    if setting.smooth == "gaussian":
        sigmas = (setting.smooth_sigma_z, setting.smooth_sigma, setting.smooth_sigma)
        score = ndimage.gaussian_filter(score, sigmas, mode="nearest")
    elif setting.smooth == "median":
        footprint = {
            "cube": np.ones((3, 3, 3)),
            "cross": ndimage.generate_binary_structure(3, 1),
            "slice": np.ones((1, 3, 3)),
            "line": np.ones((3, 1, 1)),
        }[setting.smooth_window]
        for _ in range(setting.smooth_passes):
            score = ndimage.median_filter(score, footprint=footprint, mode="nearest")
    elif setting.smooth == "diffusion":
        for _ in range(setting.diffusion_iterations):
            squares = SlopeSquares.of(score, whole_block(score.shape))
            scale = diffusion_scale(squares, setting.diffusion_conductance)
            score = np.clip(diffuse(score, scale, setting.diffusion_step), 0, 1)
    score = np.clip(score, 0, 1)
    if setting.sheetness != "off":
        sigma, everywhere = setting.sheet_sigma, np.s_[:, :, :]
        extent = sheetness_extent(score, sigma, everywhere, Workers(1))
        found = sheetness(score, extent, sigma, setting.sheet_gamma, setting.sheet_beta)
        share, highest = (
            np.float32(setting.sheet_mix),
            np.float32(np.quantile(found.astype(float), 0.995)),
        )
        mixed = (1 - share) * score + share * np.minimum(found / highest, np.float32(1))
        score = {"mix": mixed, "replace": found, "gate": score}[setting.sheetness]
    if setting.ced_steps:
        knobs = (setting.ced_sigma, setting.ced_rho, setting.ced_lambda)
        score = enhance_coherence(score, setting.ced_steps, *knobs)
    return score


SMOOTHINGS = [
    {"smooth": "gaussian", "smooth_sigma": 0.7, "smooth_sigma_z": 0.0},
    {"smooth": "gaussian", "smooth_sigma": 1.0, "smooth_sigma_z": 0.5},
    *(
        {"smooth": "median", "smooth_window": window, "smooth_passes": 2}
        for window in ("cube", "cross", "slice", "line")
    ),
    {"smooth": "diffusion", "diffusion_iterations": 2},
    {"sheetness": "replace", "sheet_sigma": 1.0},
    {"sheetness": "gate", "sheet_sigma": 0.7, "sheet_threshold": 0.2},
    {"sheetness": "mix", "sheet_sigma": 1.0, "sheet_mix": 0.4, "smooth": "diffusion"},
    {"smooth": "diffusion", "diffusion_iterations": 1, "diffusion_conductance": 1.5},
    {"ced_steps": 1, "ced_sigma": 0.5, "ced_rho": 1, "smooth": "gaussian"},
    {"ced_steps": 2, "sheetness": "replace", "sheet_sigma": 0.7, "ced_lambda": 0.2},
]


@pytest.mark.parametrize("knobs", SMOOTHINGS)
@settings(max_examples=8, deadline=None)
@given(data=st.data(), seed=st.integers(0, 2**32 - 1), keep=st.booleans())
def test_smoothed_scores_are_those_of_the_whole_on_every_block(knobs, data, seed, keep):
    sources, setting = volumes(seed), PLAIN.changed(**knobs)
    expected = defined(score_of(sources, PLAIN), setting)
    block = tuple(
        slice(start, data.draw(st.integers(start + 1, length)))
        for length in SHAPE
        for start in [data.draw(st.integers(0, length - 1))]
    )
    pipeline = FragmentPipeline(sources, workers=Workers(1), keep_score=keep)
    np.testing.assert_array_equal(pipeline.score(setting, block), expected[block])
    stage = pipeline.stage(setting)
    assert stage.histogram.counts.sum() == expected.size
    np.testing.assert_array_equal(pipeline.score(setting, whole_block(SHAPE)), expected)
    threshold = pipeline.threshold(setting.changed(quantile=0.9))
    assert threshold.values[0] == pytest.approx(np.quantile(expected.astype(float), 0.9), abs=1e-12)


def test_a_diffusion_is_ready_once_the_fragment_was_passed():
    pipeline = FragmentPipeline(volumes(46))
    setting = PLAIN.changed(smooth="diffusion")
    assert not pipeline.is_ready(setting)
    pipeline.stage(setting)
    assert pipeline.is_ready(setting)
    assert not pipeline.is_ready(setting.changed(diffusion_iterations=3))


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), threshold=st.integers(0, 255), margin=st.integers(0, 3))
def test_gated_scores_have_nothing_where_the_ct_has_none(seed, threshold, margin):
    sources = volumes(seed)
    support = sources.image > threshold
    cube = np.ones((2 * margin + 1,) * 3)
    support = ndimage.binary_erosion(support, cube, border_value=1)
    gated = FragmentVolumes(sources.p3d * support, sources.p2d * support.astype(np.uint8))
    setting = PLAIN.changed(ct_gate="score", ct_threshold=threshold, ct_margin=margin)
    np.testing.assert_array_equal(score_of(sources, setting), score_of(gated, PLAIN))
    mask = (sources.p3d > 0.5).astype(np.uint8)
    found = confine_to_ct(mask, sources.image, threshold, margin)
    np.testing.assert_array_equal(found, mask * support)


def test_values_of_the_ct_that_are_no_numbers_support_nothing():
    image = np.array([[[np.nan, np.inf, 1.0, 0.0]]], np.float32)
    found = confine_to_ct(np.ones(image.shape, np.uint8), image, 0)
    assert found.ravel().tolist() == [0, 0, 1, 0]


@pytest.mark.parametrize("gate", ["score", "mask"])
def test_without_a_ct_image_the_gate_is_refused(gate):
    setting = Setting(rule="probability", ct_gate=gate)
    pipeline = FragmentPipeline(volumes(46, with_image=False))
    with pytest.raises(ValueError, match="CT gate needs one"):
        pipeline.mask(setting, pipeline.threshold(setting), whole_block(SHAPE))


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), temperature=st.floats(0.25, 4))
def test_temperature_divides_the_logits_of_every_volume(seed, temperature):
    sources = volumes(seed)
    p3d, p2d = (
        special.expit(special.logit(np.clip(p.astype(float), 1e-6, 1 - 1e-6)) / temperature)
        for p in (sources.p3d, sources.p2d / np.float32(255))
    )
    tempered = FragmentVolumes(p3d.astype(np.float32), p2d.astype(np.float32))
    found = score_of(sources, PLAIN.changed(temperature=temperature))
    expected = sources if temperature == 1 else tempered
    np.testing.assert_allclose(found, score_of(expected, PLAIN), rtol=0, atol=1e-7)


@settings(max_examples=20, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    temperatures=st.dictionaries(st.sampled_from(["p3d", "p2d"]), st.floats(0.25, 4)),
    shift=st.floats(-10, 5),
)
def test_each_volume_has_its_temperature_and_all_the_same_shift(seed, temperatures, shift):
    sources = volumes(seed)
    p3d, p2d = (
        special.expit(
            (special.logit(np.clip(p.astype(float), 1e-6, 1 - 1e-6)) + shift)
            / temperatures.get(name, 1.5)
        ).astype(np.float32)
        for name, p in (("p3d", sources.p3d), ("p2d", sources.p2d / np.float32(255)))
    )
    setting = PLAIN.changed(temperature=1.5, temperatures=temperatures, sdf_zero=shift)
    expected = score_of(FragmentVolumes(p3d, p2d), PLAIN)
    np.testing.assert_allclose(score_of(sources, setting), expected, rtol=0, atol=1e-7)


@given(distance=st.floats(-12, 5), zero=st.floats(-5, 5), scale=st.floats(0.25, 4))
def test_zero_and_scale_of_the_distance_are_knobs(distance, zero, scale):
    volume = np.full((1, 1, 1), special.expit(-distance), np.float32)
    setting = Setting(sdf_zero=zero, temperature=scale, z_radius=0)
    score = FragmentPipeline(FragmentVolumes(volume, volume)).score(setting, whole_block((1, 1, 1)))
    # A probability near 1 has few digits left.
    expected = special.expit(-(distance - zero) / scale)
    np.testing.assert_allclose(score.item(), expected, atol=1e-6 + np.spacing(volume).item() * 4e5)


def test_a_temperature_of_a_volume_that_is_not_there_is_refused():
    with pytest.raises(ValueError, match="temperatures: there is no probability volume unet"):
        score_of(volumes(46), PLAIN.changed(temperatures={"unet": 2.0}))


@pytest.mark.parametrize("knobs", SMOOTHINGS[:7])
@settings(max_examples=6, deadline=None)
@given(data=st.data(), seed=st.integers(0, 2**32 - 1), keep=st.booleans())
def test_each_volume_is_smoothed_before_the_mean(knobs, data, seed, keep):
    sources = volumes(seed)
    setting = PLAIN.changed(**knobs)
    p3d, p2d = (defined(p, setting) for p in (sources.p3d, sources.p2d / np.float32(255)))
    expected = score_of(FragmentVolumes(p3d, p2d), PLAIN)
    block = tuple(
        slice(start, data.draw(st.integers(start + 1, length)))
        for length in SHAPE
        for start in [data.draw(st.integers(0, length - 1))]
    )
    pipeline = FragmentPipeline(sources, keep_score=keep)
    each = setting.changed(smooth_stage="volumes")
    assert pipeline.is_ready(each) is False
    np.testing.assert_array_equal(pipeline.score(each, block), expected[block])
    assert pipeline.is_ready(each)
    np.testing.assert_array_equal(pipeline.score(each, whole_block(SHAPE)), expected)
    pipeline.clear_score()
    np.testing.assert_array_equal(pipeline.score(each, block), expected[block])


@settings(max_examples=30, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    power=st.one_of(st.sampled_from([-1.0, 0.0, 1.0, 2.0]), st.floats(0.1, 4), st.floats(-4, -0.1)),
)
def test_powers_are_averaged_as_numpy_does(seed, power):
    rng = np.random.default_rng(seed)
    parts = {name: rng.random((2, 3, 4)).astype(np.float32) for name in ("p3d", "a", "b")}
    weights = {"p3d": 0.5, "a": 0.3, "b": 0.2}
    stacked = np.stack([np.clip(parts[name].astype(float), 1e-6, 1) for name in weights])
    each = np.array(list(weights.values()))[:, None, None, None]
    if power == 0:
        expected = np.exp((each * np.log(stacked)).sum(0))
    else:
        expected = (each * stacked**power).sum(0) ** (1 / power)
    out = np.empty((2, 3, 4), np.float32)
    mean_of_powers(parts, weights, power, out)
    np.testing.assert_allclose(out, np.minimum(expected, 1), rtol=1e-6)


def test_the_geometric_mean_is_the_power_of_zero():
    sources = volumes(46)
    geometric = score_of(sources, PLAIN.changed(averaging="geometric"))
    np.testing.assert_array_equal(
        geometric, score_of(sources, PLAIN.changed(averaging="power", power=0))
    )
    assert not np.array_equal(geometric, score_of(sources, PLAIN.changed(averaging="logit")))


@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 2**32 - 1))
def test_ranks_are_scipys_less_half_a_voxel(seed):
    sources = volumes(seed)
    p3d, p2d = (
        ((stats.rankdata(p, method="average") - 0.5) / p.size).reshape(SHAPE).astype(np.float32)
        for p in (sources.p3d, sources.p2d)
    )
    setting = PLAIN.changed(averaging="rank", z_radius=0)
    pipeline = FragmentPipeline(sources)
    assert not pipeline.is_ready(setting)
    found = pipeline.score(setting, whole_block(SHAPE))
    assert pipeline.is_ready(setting)
    np.testing.assert_allclose(found, 0.6 * p3d + 0.4 * p2d, rtol=0, atol=1e-6)
    block = (slice(2, 5), slice(3, 9), slice(1, 7))
    np.testing.assert_array_equal(pipeline.score(setting, block), found[block])
    assert pipeline.kept_bytes > 0
    pipeline.clear_score()
    assert pipeline.kept_bytes == 0
