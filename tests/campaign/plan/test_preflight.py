"""Looking at a campaign before it runs: what fits, what it may cost."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from napari_nx46.campaign.execute.suggest import Search
from napari_nx46.campaign.plan import preflight
from napari_nx46.campaign.plan.estimate import (
    Cost,
    campaign_seconds,
    measure_cost,
    result_bytes,
    worker_bytes,
)
from napari_nx46.campaign.plan.grid import grid_plan
from napari_nx46.campaign.plan.preflight import campaign_preflight
from napari_nx46.campaign.records.results import CampaignPlan, PlannedRun
from napari_nx46.data.fragments import open_data, write_data_folder
from napari_nx46.setting import Setting
from napari_nx46.voxels.workers import Cancelled
from tests.run.data import files_in, write_fragments

PAIR = grid_plan(["quantile=0.8,0.9"])


@pytest.fixture
def root(tmp_path):
    """Return a folder of four small fragments, of which one has a label."""
    folder = tmp_path / "data"
    write_fragments(folder)
    rng = np.random.default_rng(1)
    shape = (6, 12, 14)
    write_data_folder(
        folder,
        "d",
        {
            "p3d": rng.integers(0, 256, shape, dtype=np.uint8),
            "train_labels": rng.integers(0, 3, shape, dtype=np.uint8),
        },
    )
    return folder


def plan_of(**settings):
    return CampaignPlan("mine", tuple(PlannedRun(*run) for run in settings.items()))


def test_a_campaign_that_fits_is_reported_with_its_fragments_and_nothing_is_written(root):
    before = files_in(root)
    found = campaign_preflight(open_data(root), PAIR, workers=2, work=root / "new" / "work")
    assert files_in(root) == before
    assert (found.name, found.runs, found.run_count, found.task_count) == ("grid", PAIR.runs, 2, 8)
    assert (found.faults, found.notes) == ((), ())
    assert [fragment.image_id for fragment in found.fragments] == ["a", "b", "c", "d"]
    assert [fragment.shape for fragment in found.fragments][:2] == [(9, 20, 17), (5, 11, 24)]
    assert found.fragments[1].sources == ("p3d=b.tif float16", "p2d=b.tif uint16")
    assert [fragment.has_label for fragment in found.fragments] == [False, False, False, True]
    assert (found.cost.image_id, found.cost.voxels, found.cost.settings) == ("d", 6 * 12 * 14, 2)
    assert found.cost.leaderboard > 0
    assert found.seconds > 0
    assert found.memory_bytes == 9 * 20 * 17 * (4 + 1 + 8)
    assert found.disk_bytes == result_bytes(tuple(open_data(root)), 2)


def test_settings_that_do_not_fit_a_fragment_are_reported_with_their_runs(root):
    plan = plan_of(
        fits=Setting(),
        ct=Setting(source="gradient"),
        far=Setting(domain="block", block=((0, 4), (11, 13), (0, 9))),
        weighted=Setting(weights={"unet": 1}),
    )
    a, b, c, d = campaign_preflight(open_data(root), plan).fragments
    assert [len(fragment.faults) for fragment in (a, b, c, d)] == [1, 3, 2, 2]
    assert "unet" in a.faults[0]
    assert a.faults[0].endswith("(runs weighted)")
    assert "no CT image" in b.faults[0]
    assert "outside" in b.faults[1]
    everywhere = campaign_preflight(open_data(root), plan_of(ct=Setting(source="residual")))
    assert [bool(fragment.faults) for fragment in everywhere.fragments] == [False, True, True, True]
    assert everywhere.fragments[1].faults[0].endswith("(all runs)")
    assert everywhere.cost.image_id == "a"


@pytest.mark.parametrize("z", [2, 1])  # the slice that is looked at, and one of the sample
def test_a_damaged_fragment_is_reported_and_the_others_are_estimated(root, z):
    (root / "p3d" / "d.tif").unlink()
    volume = np.full((4, 8, 8), 0.5, np.float32)
    volume[z, 3, 4] = np.nan
    write_data_folder(root, "e", {"p3d": volume, "train_labels": np.ones(volume.shape, np.uint8)})
    found = campaign_preflight(open_data(root), PAIR)
    (fault,) = found.faults
    assert "e.tif" in fault
    assert "NaN" in fault
    assert found.cost.image_id == "a"
    alone = campaign_preflight(open_data(root / "p3d" / "e.tif"), PAIR)
    assert (alone.cost, alone.seconds, alone.memory_bytes) == (None, None, 0)


def test_fragments_that_could_not_be_opened_count_as_faults_and_tasks(root):
    found = campaign_preflight(open_data(root), PAIR, unopened=["x.tif: damaged"])
    assert found.faults == found.unopened == ("x.tif: damaged",)
    assert found.task_count == 2 * 5


def test_of_a_search_the_first_batch_is_held_against_the_fragments(root):
    search = Search(runs=9, objective="density", vary=("z_radius=0:4",), batch=3)
    found = campaign_preflight(open_data(root), search)
    assert (len(found.runs), found.run_count, found.task_count) == (3, 9, 36)
    assert found.faults == ()


def test_equal_settings_and_what_the_machine_lacks_are_noted(root, monkeypatch):
    monkeypatch.setattr(preflight.shutil, "disk_usage", lambda _folder: SimpleNamespace(free=0))
    plan = plan_of(a=Setting(), b=Setting(blend=0.5), c=Setting())
    found = campaign_preflight(open_data(root), plan, workers=10**9, work=root / "work")
    equal, memory, disk = found.notes
    assert equal == "runs a, c have one setting"
    assert "give fewer workers" in memory
    assert f"{root}: 0 MiB are free" in disk


def test_it_can_be_cancelled(root):
    with pytest.raises(Cancelled):
        campaign_preflight(open_data(root), PAIR, cancelled=lambda: True)


def test_the_time_counts_shared_scores_once_and_labels_where_they_are(root):
    dataset = open_data(root)
    fragments = (dataset["b"], dataset["d"])
    voxels = {fragment.image_id: int(np.prod(fragment.shape)) for fragment in fragments}
    settings = [
        Setting(quantile=0.8),
        Setting(quantile=0.9),
        Setting(blend=0.1),
        Setting(blend=0.1),
    ]
    cost = Cost("d", 1, 1, read=1.0, score=100.0, mask=10_000.0, leaderboard=1_000_000.0)
    reading = voxels["b"] * (2 + 2) + voxels["d"]
    each = 2 * 100.0 + 3 * 10_000.0
    whole = reading + sum(voxels.values()) * each
    assert campaign_seconds(cost, fragments, settings) == whole + voxels["d"] * 3_000_000.0
    unscored = Cost("d", 1, 1, read=1.0, score=100.0, mask=10_000.0)
    assert campaign_seconds(unscored, fragments, settings) == whole
    longer = reading + 2 * (whole - reading)
    assert campaign_seconds(unscored, fragments, settings, runs=6) == longer


def test_disk_grows_with_runs_fragments_and_slices(root):
    a, b = open_data(root)["a"], open_data(root)["b"]
    assert result_bytes((a,), 4) == 4 * result_bytes((a,), 1)
    assert result_bytes((a, b), 1) == result_bytes((a,), 1) + result_bytes((b,), 1)
    assert result_bytes((a,), 1) - result_bytes((b,), 1) > 0  # a has more slices


def test_memory_is_the_volumes_that_are_read_and_two_of_float32(root):
    b, a = open_data(root)["b"], open_data(root)["a"]
    assert worker_bytes(b, Setting()) == 5 * 11 * 24 * (2 + 2 + 8)
    assert worker_bytes(b, Setting(weights={"p3d": 1})) == 5 * 11 * 24 * (2 + 8)
    assert worker_bytes(a, Setting(source="gradient")) == 9 * 20 * 17 * (1 + 12)


def test_a_setting_whose_block_lies_outside_the_sample_can_be_measured(root):
    block = Setting(domain="block", block=((0, 1), (0, 1), (0, 1)))
    cost = measure_cost(open_data(root)["d"], [block, Setting(rule="adaptive")], leaderboard=False)
    assert (cost.settings, cost.leaderboard) == (2, None)
    assert min(cost.read, cost.score, cost.mask) > 0
