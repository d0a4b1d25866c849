"""Applying a setting to a whole store beside a window."""

from __future__ import annotations

import threading

import numpy as np
import pytest

from napari_nx46.data.fragments import StorePlace, open_data
from napari_nx46.data.fragments.boxes import Box
from napari_nx46.scale.beside import (
    apply_work,
    outcome_words,
    preflight_work,
    setting_for_all,
    sources_of,
)
from napari_nx46.setting import Domain, Setting, SettingError, ThresholdRule
from napari_nx46.voxels.workers import Cancelled, never
from tests.scale.execute.stores import level, mask_in_memory, scores, write_store

SETTING = Setting(quantile=0.8, z_radius=1)
BOXES = (Box((0, 0, 0), (20, 20, 20)), Box((16, 20, 8), (37, 40, 29)))


@pytest.fixture
def place(tmp_path):
    return StorePlace(str(write_store(tmp_path / "p.zarr", scores())), boxes=BOXES)


def checked(place, out, setting=SETTING, cancelled=never):
    reports = []
    work = preflight_work(open_data(place), setting, sources_of(place), out, threads=1)
    return work(cancelled, reports.append), reports


def test_quantiles_become_those_of_the_boxes_and_the_mask_is_that_in_memory(place, tmp_path):
    preflight, reports = checked(place, tmp_path / "mask.zarr")
    chosen = preflight.plan.setting
    assert chosen.rule is ThresholdRule.PROBABILITY
    pooled = SETTING.changed(domain=Domain.DATASET)
    assert chosen == pooled.changed(
        rule=chosen.rule, probability=chosen.probability, domain=Domain.FRAGMENT
    )
    assert [report.words for report in reports] == [
        "Freezing the threshold over the boxes",
        "Timing a few tiles",
    ]
    words = preflight.in_words()
    for part in ("37 × 40 × 29 voxels", "Time: about", "Disk: about", "Memory: about", "To read"):
        assert part in words
    assert "earlier run" not in words
    progress = apply_work(preflight)(never, lambda progress: None)
    assert outcome_words(preflight, progress).startswith("✓")
    expected = mask_in_memory(scores(), chosen)
    assert np.array_equal(level(tmp_path / "mask.zarr"), 255 * expected)


def test_it_can_be_cancelled_and_goes_on(place, tmp_path):
    out = tmp_path / "mask.zarr"
    preflight, _ = checked(place, out)
    stop = threading.Event()
    with pytest.raises(Cancelled):
        apply_work(preflight)(stop.is_set, lambda progress: stop.set())
    assert not out.exists()
    again, _ = checked(place, out)
    assert again.goes_on
    assert "earlier run" in again.in_words()
    assert again.plan.identity() == preflight.plan.identity()
    reports = []
    apply_work(again)(never, reports.append)
    assert out.exists()
    assert all(report.words for report in reports)


def test_before_anything_runs_it_can_be_cancelled(place, tmp_path):
    with pytest.raises(Cancelled):
        checked(place, tmp_path / "mask.zarr", cancelled=lambda: True)


def test_what_cannot_be_done_by_tiles_is_refused_with_the_reason(place, tmp_path):
    patching = SETTING.changed(patch_holes=True)
    with pytest.raises(ValueError, match="tile by tile"):
        checked(place, tmp_path / "mask.zarr", patching)


def test_all_boxes_need_one_accepted_setting():
    assert setting_for_all({"a": SETTING, "b": SETTING}) == SETTING
    with pytest.raises(SettingError, match="press Accept where"):
        setting_for_all({})
    with pytest.raises(SettingError, match="Accept for all"):
        setting_for_all({"a": SETTING, "b": SETTING.changed(quantile=0.7)})


def test_sources_are_reached_as_the_place_says(tmp_path):
    place = StorePlace("s3://bucket/a.zarr", "2", endpoint="http://here", image="b.zarr")
    sources = sources_of(place, place.beside("c.zarr#level=1"))
    assert sources.p3d.location == "s3://bucket/a.zarr"
    assert (sources.p3d.level, sources.p3d.endpoint) == ("2", "http://here")
    assert sources.p2d.level == "1"
    assert sources.image.level == "2"
    assert sources.image.location.endswith("/b.zarr")
