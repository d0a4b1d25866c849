"""Thresholds counted over tiles equal those in memory."""

from __future__ import annotations

from enum import StrEnum
from functools import reduce
from operator import add

import numpy as np
import pytest

from napari_nx46.core.pipeline import FragmentPipeline
from napari_nx46.core.score.fragment_score import FragmentScore
from napari_nx46.core.score.measured import Measured
from napari_nx46.core.threshold.rules import threshold_of
from napari_nx46.scale.scores import absent_score, is_reached, source_halo
from napari_nx46.scale.stages import refusals
from napari_nx46.scale.thresholds import (
    count_tile,
    counted_box,
    fixed_threshold,
    has_slice_thresholds,
    layer_thresholds,
    threshold_by_tiles,
)
from napari_nx46.setting import Setting
from napari_nx46.voxels.blocks import FragmentVolumes, intersection
from napari_nx46.voxels.grid import Grid
from tests.scale.in_memory import measured_by_tiles

GRID = Grid((7, 10, 9), (3, 4, 5))


@pytest.fixture(scope="module")
def pipeline():
    rng = np.random.default_rng(4)
    first, second = rng.random((2, *GRID.shape)).astype(np.float32)
    first[first < 0.3] = 0
    second[first == 0] = 0
    image = rng.integers(0, 4000, GRID.shape).astype(np.uint16)
    return FragmentPipeline(FragmentVolumes(first, second, image=image))


@pytest.mark.parametrize(
    "knobs",
    [
        {"quantile": 0.8},
        {"quantile": 0.8, "low_quantile": 0.3, "hysteresis": True, "domain": "nonzero"},
        {"quantile": 0.6, "domain": "block", "block": ((2, 30), (1, 5), (3, 9))},
    ],
)
def test_the_threshold_of_a_volume_is_counted_tile_by_tile(pipeline, knobs):
    setting = Setting(z_radius=1, **knobs)
    box = counted_box(setting, GRID.shape)
    parts = [intersection(GRID.block(tile), box) for tile in GRID.overlapping(box)]

    def count(request):
        return reduce(add, (count_tile(pipeline.score(setting, part), request) for part in parts))

    assert not has_slice_thresholds(setting)
    assert threshold_by_tiles(setting, count) == pipeline.threshold(setting)


@pytest.mark.parametrize(
    "knobs",
    [
        {"rule": "adaptive"},
        {"quantile": 0.8, "low_quantile": 0.3, "hysteresis": True, "domain": "slice"},
    ],
)
def test_the_thresholds_of_slices_are_counted_layer_by_layer(pipeline, knobs):
    setting = Setting(z_radius=2, **knobs)
    pairs = []
    for layer in range(GRID.counts[0]):
        tiles = [tile for tile in range(len(GRID)) if GRID.place(tile)[0] == layer][::-1]
        extent = GRID.block(tiles[0])[0]

        def scores(tiles=tiles):
            return (pipeline.score(setting, GRID.block(tile)) for tile in tiles)

        pairs += layer_thresholds(setting, extent.stop - extent.start, scores)
    assert has_slice_thresholds(setting)
    assert threshold_of(pairs) == pipeline.threshold(setting)


def test_a_stated_threshold_needs_no_count():
    setting = Setting(rule="probability", probability=0.4)
    assert fixed_threshold(setting).values == (0.4,)
    assert fixed_threshold(Setting()) is None


@pytest.mark.parametrize(
    ("knobs", "halo"),
    [
        ({"source": "probabilities", "z_radius": 3}, (3, 0, 0)),
        ({"source": "gradient", "z_radius": 1}, (3, 1, 1)),
        ({"source": "residual", "residual_sigma": 0.6, "z_radius": 0}, (2, 2, 2)),
        ({"smooth": "median", "smooth_window": "slice", "z_radius": 1}, (1, 1, 1)),
        ({"smooth": "gaussian", "smooth_sigma_z": 0.3, "smooth_sigma": 0.5}, None),
        ({"ct_gate": "score", "ct_threshold": 255, "ct_margin": 1, "z_radius": 0}, (1, 1, 1)),
        ({"temperature": 2.0, "z_radius": 1}, (1, 0, 0)),
    ],
)
def test_the_score_of_a_box_needs_nothing_beyond_its_halo(pipeline, knobs, halo):
    setting = Setting(**knobs)
    assert source_halo(setting) == (halo or source_halo(setting))
    assert_score_needs_no_more(pipeline, setting, source_halo(setting))


def choices():
    """Return a setting for each value of each knob that is a choice, where tiles can apply it."""
    base = Setting(
        rule="probability",
        z_radius=1,
        residual_sigma=0.5,
        smooth_sigma_z=0.3,
        smooth_sigma=0.3,
        ct_threshold=255,
        ct_margin=1,
        border=1,
    )
    for name, value in Setting().model_dump().items():
        for choice in type(value) if isinstance(value, StrEnum) else ():
            setting = base.model_copy(update={name: choice})
            if not refusals(setting):
                yield pytest.param(setting, id=f"{name}-{choice}")


@pytest.mark.parametrize("setting", list(choices()))
def test_no_choice_of_a_knob_lets_the_score_need_more_than_its_halo(pipeline, setting):
    assert_score_needs_no_more(pipeline, setting, source_halo(setting))


def assert_score_needs_no_more(pipeline, setting, halo):
    """Raise if the score of a box changes with what lies beyond its halo in the sources."""
    box = slice(3, 5), slice(3, 6), slice(4, 6)
    expected = pipeline.score(setting, box)
    near = tuple(
        slice(max(0, extent.start - reach), extent.stop + reach)
        for extent, reach in zip(box, halo, strict=True)
    )
    sources = pipeline.sources
    changed = {}
    for name in ("p3d", "p2d", "image"):
        volume = getattr(sources, name)
        changed[name] = np.zeros_like(volume)
        changed[name][near] = volume[near]
    score = FragmentScore(
        FragmentVolumes(**changed),
        keep_score=False,
        measured=measured_by_tiles(sources, setting, GRID),
    )
    np.testing.assert_array_equal(score.score(setting, box), expected)


def test_the_score_of_absent_chunks_says_whether_tiles_without_any_are_background():
    probability = Setting(rule="probability", probability=0.5)
    threshold = fixed_threshold(probability)
    everywhere = slice(0, 9)
    assert absent_score(probability, {"p3d": np.uint8(0)}) == 0
    assert not is_reached(threshold, 0.0, everywhere)
    assert is_reached(threshold, 0.5, everywhere)
    assert absent_score(probability, {"p3d": np.uint8(255), "p2d": np.uint8(0)}) == np.float32(0.72)
    residual = probability.changed(source="residual")
    assert absent_score(residual, {"image": np.uint16(0)}, Measured(intensities=(0, 9))) == 0.5
    per_slice = threshold_of([(0.9, 0.8), (0.3, 0.2)])
    assert is_reached(per_slice, 0.25, everywhere)
    assert not is_reached(per_slice, 0.25, slice(0, 1))
