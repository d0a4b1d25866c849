"""Hysteresis and clean-up are previewed at once, and replaced by the whole fragment's result."""

from __future__ import annotations

import numpy as np
import pytest

from napari_nx46.core.pipeline import FragmentPipeline
from napari_nx46.core.score.smoothing import smoothing_key
from napari_nx46.live.view import slice_view
from napari_nx46.setting import Averaging, ScoreFrom, Setting, all_presets, preset
from napari_nx46.voxels.blocks import FragmentVolumes, whole_block
from tests.live.driver import PATIENCE, count_kernels, plane_view

CLEANED = {
    "rule": "probability",
    "probability": 0.8,
    "hysteresis": True,
    "low_probability": 0.55,
    "closing_z": 1,
    "closing_xy": 1,
    "plug_tunnels": True,
    "smallest_object": 12,
    "sheet_gap": 1,
}


@pytest.fixture
def compiled(driver):
    """Return a driver whose kernels are all compiled."""
    assert driver.session.warm_up.wait(4 * PATIENCE)
    driver.settle()
    return driver


@pytest.mark.parametrize("image_id", ["a", "b", "c"])
@pytest.mark.parametrize("name", ["nx47-v61.2", "public-0.552", "twelfth-place", "first-place"])
def test_a_preset_settles_on_the_plain_definition(compiled, image_id, name):
    session = compiled.session
    session.show_fragment(image_id)
    session.apply(preset(name).changed(smallest_object=7, border=1))
    compiled.settle()
    for view in (
        slice_view(session.fragment.shape, 0),
        plane_view(session.fragment.shape, 1, 5),
        plane_view(session.fragment.shape, 2, 3),
    ):
        session.look_at(view)
        compiled.settle()
        np.testing.assert_array_equal(compiled.shown(), compiled.expected()[view.plane])
        assert session.figures.exact
    assert session.figures.fragment_density == compiled.expected().mean()
    assert compiled.events.of("failed") == []


@pytest.mark.parametrize(
    "knobs",
    [
        {"smooth": "diffusion"},
        {"sheetness": "gate", "sheet_threshold": 0.9},
        {"smooth": "gaussian", "smooth_stage": "volumes"},
        {"ced_steps": 3},
    ],
)
def test_what_follows_from_the_whole_fragment_is_left_out_until_it_is_known(compiled, knobs):
    session = compiled.session
    session.change(rule="probability", probability=0.6, low_probability=0.4, blend=0.6)
    session.change(hysteresis=True)
    compiled.settle()
    plain = compiled.shown().copy()
    session.change(**knobs)
    assert not session.figures.exact
    np.testing.assert_array_equal(compiled.shown(), plain)
    compiled.settle()
    assert session.figures.exact
    fragment = session.fragment
    volumes = FragmentVolumes(fragment.p3d.read(), fragment.p2d.read())
    pipeline = FragmentPipeline(volumes)
    threshold = pipeline.threshold(session.setting)
    exact = pipeline.mask(session.setting, threshold, session.view.block)
    np.testing.assert_array_equal(compiled.shown(), exact.reshape(plain.shape))
    assert not np.array_equal(compiled.shown(), plain)


def test_a_clean_up_knob_shows_a_preview_before_it_returns(compiled):
    session = compiled.session
    session.change(**CLEANED)
    compiled.settle()
    compiled.assert_shows_the_definition()
    before = len(compiled.events.log)
    session.change(smallest_object=30)
    assert [name for name, _ in compiled.events.log[before:]][:2] == [
        "setting_changed",
        "mask_changed",
    ]
    figures = session.figures
    assert not figures.exact
    assert not figures.fragment_exact
    assert figures.threshold == 0.8
    assert figures.low_threshold == 0.55
    compiled.settle()
    compiled.assert_shows_the_definition()


def test_the_score_of_a_clean_up_knob_is_not_computed_again(compiled):
    session = compiled.session
    session.change(**CLEANED)
    compiled.settle()
    kernels = count_kernels(session)
    session.change(smallest_object=40)
    compiled.settle()
    compiled.assert_shows_the_definition()
    assert (kernels.scored, kernels.thresholded) == (0, 0)
    session.change(probability=0.7)
    compiled.settle()
    assert kernels.thresholded > 0


def test_a_low_end_pushes_the_high_end_of_a_pair_along(compiled):
    session = compiled.session
    session.change(**CLEANED)
    session.change(low_probability=0.9)
    assert (session.setting.low_probability, session.setting.probability) == (0.9, 0.9)
    compiled.settle()
    compiled.assert_shows_the_definition()


def test_until_the_clean_up_is_compiled_the_threshold_alone_is_shown(dataset, new_driver):
    driver = new_driver(dataset, start=False)
    session = driver.session
    session.warm_up.start = lambda: None  # the kernels are never ready
    session.start()
    driver.settle()
    session.change(**CLEANED)
    bare = Setting(rule="probability", probability=0.8)
    plane = session.view.plane
    np.testing.assert_array_equal(driver.shown(), driver.expected(bare)[plane])
    assert not session.figures.exact
    driver.settle()
    driver.assert_shows_the_definition()


def test_every_preset_can_be_applied_one_after_the_other(compiled):
    session = compiled.session
    for name, setting in all_presets().items():
        session.apply(setting)
        compiled.settle()
        assert session.figures.exact, name
        np.testing.assert_array_equal(compiled.shown(), expected_plane(compiled))


def expected_plane(compiled):
    """Return the displayed plane by the plain definition; of a score it lacks, by a pipeline."""
    setting, fragment = compiled.session.setting, compiled.session.fragment
    plane = compiled.session.view.plane
    if setting.averaging is Averaging.PROBABILITY and not smoothing_key(setting):
        return compiled.expected(setting)[plane]
    pipeline = FragmentPipeline(FragmentVolumes(fragment.p3d.read(), fragment.p2d.read()))
    whole = whole_block(fragment.shape)
    return pipeline.mask(setting, pipeline.threshold(setting), whole)[plane]


def test_the_whole_mask_is_the_cleaned_one(compiled):
    session = compiled.session
    session.change(**CLEANED)
    np.testing.assert_array_equal(session.whole_mask(), compiled.expected())


def test_three_dimensions_show_the_cleaned_volume(compiled):
    session = compiled.session
    session.change(**CLEANED)
    compiled.settle()
    z, y, x = session.fragment.shape
    whole = (slice(0, z), slice(0, y), slice(0, x))
    session.look_at(type(session.view)(whole, whole, three_d=True))
    compiled.settle()
    np.testing.assert_array_equal(session.mask_block(whole), compiled.expected())


def test_a_source_that_needs_a_pass_shows_nothing_until_the_worker_has_taken_it(
    image_driver,
):
    session = image_driver.session
    assert session.setting.source is ScoreFrom.GRADIENT
    image_driver.settle()
    assert session.figures.exact
    assert image_driver.shown().any()
    session.change(source=ScoreFrom.RESIDUAL)
    image_driver.settle()
    assert session.figures.exact
    pipeline = session.pipelines[session.fragment.image_id]
    threshold = pipeline.threshold(session.setting)
    expected = pipeline.mask(session.setting, threshold, session.view.plane)
    np.testing.assert_array_equal(image_driver.shown(), expected)
