"""A workspace that version 0.1 wrote is found whole, and can be written to."""

from __future__ import annotations

import io
import shutil
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from napari_nx46.files.workspace import HistoryEntry, Workspace
from tests.files.workspace import written


@pytest.fixture
def workspace(tmp_path):
    path = shutil.copy(written.FILE, tmp_path / "runs.sqlite")
    with Workspace.open(path, create=False) as opened:
        yield opened
        assert opened.damage == ()


def pixels(png):
    return np.asarray(Image.open(io.BytesIO(png)))


def test_the_history_is_found_with_its_pictures(workspace):
    found = workspace.history()
    assert tuple(replace(entry, thumbnail=None) for entry in found) == written.HISTORY
    for entry, picture in zip(found, written.PICTURES, strict=True):
        np.testing.assert_array_equal(pixels(entry.thumbnail), pixels(picture))


def test_pins_accepted_settings_and_the_view_are_found(workspace):
    assert workspace.pins() == written.PINS
    assert workspace.accepted() == written.ACCEPTED
    assert {key: workspace.state(key) for key in written.STATE} == written.STATE


def test_runs_with_their_scores_and_the_baseline_are_found(workspace):
    runs = workspace.runs()
    assert runs == written.RUNS
    assert list(runs[0].settings) == ["fragment_1", "fragment_0"]
    frozen = workspace.baseline()
    assert (frozen.run_id, frozen.archive, frozen.archive_sha256) == (
        1,
        runs[0].archive,
        runs[0].archive_sha256,
    )
    assert (frozen.settings, frozen.metrics) == (runs[0].settings, runs[0].metrics)


def test_the_campaign_is_found_with_its_tasks_and_results(workspace):
    campaigns = workspace.campaigns
    assert campaigns.all() == (written.CAMPAIGN,)
    assert campaigns.newest_of(written.CAMPAIGN.identity) == 1
    assert campaigns.tasks(1) == written.TASKS
    assert campaigns.outcomes(1) == written.OUTCOMES
    assert campaigns.result(written.RESULT.key) == written.RESULT


def test_it_can_be_written_to(workspace):
    entry = HistoryEntry("fragment_0", written.RICH)
    workspace.add_history(entry)
    assert workspace.history(limit=1) == (entry,)
    assert workspace.add_run(written.RUNS[1]) == 3
    workspace.remove_history(workspace.history_ids())
    assert workspace.pins() == written.PINS
