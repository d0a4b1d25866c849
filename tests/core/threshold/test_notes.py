"""A threshold that selects something else than what was asked for is noted, and no other."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from napari_nx46.core.pipeline import FragmentPipeline
from napari_nx46.core.threshold.notes import (
    LEAST_PLATEAU,
    LEAST_SHARE_OF_FOREGROUND,
    NoteKind,
    ThresholdTally,
    note_of_metrics,
    threshold_notes,
)
from napari_nx46.setting import Domain, Setting
from napari_nx46.voxels.blocks import FragmentVolumes
from napari_nx46.voxels.workers import Workers

PLAIN = {"z_radius": 0, "blend": 1.0}


def notes_of(volume, setting, workers=1):
    pool = Workers(workers)
    pipeline = FragmentPipeline(FragmentVolumes(volume, volume), workers=pool)
    found = threshold_notes(pipeline, setting, pipeline.threshold(setting))
    pool.close()
    return found


def streamed_notes_of(volume, setting):
    """Return the notes of scores that are counted slab by slab, as when masks are written."""
    pipeline = FragmentPipeline(FragmentVolumes(volume, volume), keep_score=False)
    tally = ThresholdTally(pipeline.threshold(setting), volume.shape)
    for extent, score in pipeline.score_slabs(setting):
        tally.add(extent, score)
    return tally.notes(setting)


def mostly(value, others, share, shape=(6, 20, 20), dtype=np.float32):
    """Return a volume that is `value` but in a share of its voxels, which are drawn from others."""
    rng = np.random.default_rng(5)
    drawn = rng.choice(np.asarray(others, dtype), shape)
    return np.where(rng.random(shape) < share, drawn, dtype(value)).astype(dtype)


@pytest.mark.parametrize(
    ("volume", "value"),
    [
        (mostly(0, [0.75, 0.8], 0.03), 0.0),
        (mostly(0, [255], 0.03, dtype=np.uint8), 0.0),
        (mostly(0, [65535], 0.03, dtype=np.uint16), 0.0),
        (mostly(0.25, [0.5], 0.02, dtype=np.float16), 0.25),
        (np.full((4, 6, 7), 0.5), 0.5),
        (np.zeros((4, 6, 7), np.uint8), 0.0),
        (mostly(0.01, [1.0], 0.07), 1.0),  # clipped: 7 % where 5 % were asked for
    ],
)
@pytest.mark.parametrize("domain", [Domain.FRAGMENT, Domain.SLICE, Domain.DATASET])
def test_a_quantile_on_a_plateau_is_noted_with_its_value_and_share(volume, value, domain):
    setting = Setting(quantile=0.95, domain=domain, **PLAIN)
    (note,) = notes_of(volume, setting)
    assert (note.kind, note.is_low) == (NoteKind.PLATEAU, False)
    assert note.value == pytest.approx(value, abs=1e-6)
    share = np.mean(volume == volume.dtype.type(value if volume.dtype.kind == "f" else 0))
    assert note.share == pytest.approx(share, abs=0.03)
    assert f"{note.share:.1%}" in note.text(setting)
    assert "non-zero" in note.text(setting)


def test_each_threshold_of_a_pair_is_looked_at():
    volume = mostly(0, np.linspace(0.5, 1, 500), 0.2)
    pair = {"hysteresis": True, "quantile": 0.99, "low_quantile": 0.5}
    (note,) = notes_of(volume, Setting(**pair, **PLAIN))
    assert note.is_low
    assert "low quantile 0.5" in note.text(Setting(**pair))


def test_slices_without_signal_are_named_where_each_has_its_own_threshold():
    volume = np.random.default_rng(2).random((9, 20, 20), dtype=np.float32)
    volume[[3, 7]] = 0
    setting = Setting(domain=Domain.SLICE, **PLAIN)
    (note,) = notes_of(volume, setting)
    assert (note.first_slice, note.slice_count) == (3, 2)
    assert (note.share, note.foreground) == (1.0, 1.0)
    assert "slice 3 and 1 more" in note.text(setting)
    adaptive = notes_of(volume, Setting(rule="adaptive", **PLAIN))
    assert [(one.is_low, one.first_slice, one.slice_count) for one in adaptive] == [
        (False, 3, 2),
        (True, 3, 2),
    ]
    for one in (note, *adaptive):
        assert note_of_metrics({"density": 0.1, **one.as_metrics()}) == one


@pytest.mark.parametrize("domain", [Domain.FRAGMENT, Domain.SLICE, Domain.NONZERO])
def test_an_honest_quantile_has_no_note(domain):
    smooth = np.random.default_rng(3).random((6, 30, 30), dtype=np.float32)
    levels = np.round(smooth * 255).astype(np.uint8)
    for volume in (smooth, levels):
        assert notes_of(volume, Setting(quantile=0.9, domain=domain, **PLAIN)) == ()


def test_the_non_zero_domain_mends_an_empty_volume():
    volume = mostly(0, np.linspace(0.1, 1, 900), 0.04)
    setting = Setting(quantile=0.5, domain=Domain.NONZERO, **PLAIN)
    assert notes_of(volume, setting) == ()
    pipeline = FragmentPipeline(FragmentVolumes(volume, volume))
    threshold = pipeline.threshold(setting)
    assert threshold.values == (np.quantile(volume[volume > 0].astype(np.float64), 0.5),)
    assert pipeline.density(setting, threshold) == pytest.approx(0.02, abs=0.005)


def test_an_empty_volume_has_an_empty_mask_over_its_non_zero_voxels():
    setting = Setting(domain=Domain.NONZERO, **PLAIN)
    (note,) = notes_of(np.zeros((3, 4, 5), np.float32), setting)
    assert note.kind is NoteKind.UNREACHED
    assert "every score is 0" in note.text(setting)
    assert note_of_metrics(note.as_metrics()) == note
    assert note_of_metrics({"density": 0.1}) is None


@pytest.mark.parametrize("hysteresis", [False, True])
def test_a_probability_that_no_voxel_reaches_is_noted_with_the_largest_score(hysteresis):
    volume = np.random.default_rng(1).integers(0, 101, (5, 8, 9), dtype=np.uint8)
    setting = Setting(rule="probability", probability=0.5, hysteresis=hysteresis, **PLAIN)
    (note,) = notes_of(volume, setting)
    assert note.kind is NoteKind.UNREACHED
    assert note.value == pytest.approx(100 / 255)
    assert "0.392" in note.text(setting)
    assert notes_of(volume, setting.changed(probability=0.3)) == ()


@given(
    levels=st.lists(st.integers(0, 6), min_size=60, max_size=60),
    quantile=st.floats(0, 1),
    workers=st.integers(1, 3),
)
def test_shares_equal_those_of_the_plain_definition(levels, quantile, workers):
    volume = np.array(levels, np.float32).reshape(3, 4, 5) / 8
    setting = Setting(quantile=quantile, **PLAIN)
    found = notes_of(volume, setting, workers)
    assert streamed_notes_of(volume, setting) == found
    threshold = np.quantile(volume.astype(np.float64), quantile)
    equal, reached = np.mean(volume == threshold), np.mean(volume >= threshold)
    odd = equal >= LEAST_PLATEAU and equal >= LEAST_SHARE_OF_FOREGROUND * reached
    assert [(note.value, note.share, note.foreground) for note in found] == (
        [(threshold, pytest.approx(equal), pytest.approx(reached))] if odd else []
    )
