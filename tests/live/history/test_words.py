"""Entries of the history in words."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import numpy as np

from napari_nx46.files.workspace import HistoryEntry
from napari_nx46.live.history.words import changes_text, figures_text, time_text
from napari_nx46.setting import Setting
from napari_nx46.voxels.corrections.corrections import Corrections

NOON = datetime(2026, 3, 1, 12, 30, 5, tzinfo=UTC)


def test_the_time_is_reported_by_the_local_clock_and_the_date_where_it_was_not_today():
    entry = HistoryEntry("a", Setting(), time=NOON)
    east = timezone(timedelta(hours=5))
    assert time_text(entry, NOON) == "12:30:05"
    assert time_text(entry, NOON.astimezone(east)) == "17:30:05"
    assert time_text(entry, NOON + timedelta(days=2)) == "2026-03-01 12:30"


def test_changes_are_named_and_what_is_beyond_is_counted():
    before = HistoryEntry("a", Setting())
    one = HistoryEntry("a", Setting(quantile=0.7))
    three = HistoryEntry("a", Setting(quantile=0.7, blend=0.25, z_radius=4))
    assert changes_text(before, None) == "the first setting"
    assert changes_text(one, before).endswith("→ 0.7")
    assert changes_text(three, before).endswith(" and 1 more")
    assert " more" not in changes_text(three, before, 3)
    assert changes_text(three, before, 3).count("→") == 3
    assert changes_text(one, HistoryEntry("b", one.setting)) == ""


def test_figures_that_are_not_known_are_left_out():
    metrics = {"threshold": 0.51, "fragment_density": None, "slice_density": 0.125}
    entry = HistoryEntry("a", Setting(), metrics=metrics)
    assert figures_text(entry) == "threshold 0.5100, slice density 0.1250"
    whole = HistoryEntry("a", Setting(), metrics={**metrics, "fragment_density": 0.25})
    assert figures_text(whole) == "threshold 0.5100, density 0.2500"
    assert figures_text(HistoryEntry("a", Setting())) == ""


def test_what_was_corrected_is_counted_where_it_changed():
    labels = np.zeros((2, 3, 2000), np.uint8)
    labels[0, 0], labels[1, 1, :3] = 1, 2
    corrected, none = Corrections.of(labels), Corrections.none(labels.shape)
    entries = [HistoryEntry("a", Setting(), corrections=one) for one in (None, none, corrected)]
    assert changes_text(entries[1], entries[0]) == ""
    assert changes_text(entries[2], entries[0]) == "corrected 2,000 added, 3 erased"
    assert changes_text(entries[1], entries[2]) == "corrected 0 added, 0 erased"
    moved = HistoryEntry("a", Setting(quantile=0.5), corrections=corrected)
    assert changes_text(moved, entries[2]) == "Threshold quantile 0.95 → 0.5"
    assert changes_text(moved, entries[1]).startswith("corrected 2,000 added, 3 erased, Threshold")
