"""A campaign gives the same table whatever it runs on, loses nothing and repeats nothing."""

from __future__ import annotations

import gc
import hashlib
import shutil
import threading

import numpy as np
import pytest
from distributed import Client

from napari_nx46.campaign.execute.cluster import CampaignError, ClusterChoice
from napari_nx46.campaign.execute.runner import CampaignState
from napari_nx46.campaign.execute.suggest import Search
from napari_nx46.campaign.plan.source import DataSource
from napari_nx46.campaign.records.results import CampaignPlan, PlannedRun, TaskState
from napari_nx46.campaign.records.store import CampaignRequest
from napari_nx46.core.measure.label_bits import LabelBits
from napari_nx46.core.measure.volume import measure_volume
from napari_nx46.data.fragments import open_data
from napari_nx46.leaderboard import score
from napari_nx46.run.export.export import export
from napari_nx46.run.pipelines import PipelineSet
from napari_nx46.setting import Setting
from napari_nx46.voxels.workers import Cancelled
from tests.campaign.running import done_seconds, ran, stored, table, watched


def test_every_task_is_what_an_export_and_the_measures_give(undisturbed, asked, data, tmp_path):
    dataset = open_data(data)
    for run in asked.plan.runs[8:]:
        pipelines = PipelineSet(dataset)
        archive = tmp_path / run.run_id / "submission.zip"
        archive.parent.mkdir()
        made = export(pipelines, dict.fromkeys(dataset.image_ids, run.setting), archive)
        for member, found in zip(made.members, undisturbed.of_run(run.run_id), strict=True):
            assert found.state is TaskState.DONE
            assert found.mask_sha256 == member.mask_sha256
            assert found.metrics["density"] == member.density


def test_metrics_are_those_of_the_mask_against_its_label(undisturbed, data):
    fragment = open_data(data)["b"]
    run_id = "closed-larger"
    setting = next(run.setting for run in undisturbed.plan.runs if run.run_id == run_id)
    pipeline, threshold = PipelineSet(open_data(data)).with_threshold("b", setting)
    mask = np.concatenate([slab.mask for slab in pipeline.slabs(setting, threshold)])
    found = undisturbed.fragments[run_id, "b"]
    label = fragment.label.read()
    assert found.mask_sha256 == hashlib.sha256(mask.tobytes()).hexdigest()
    expected = measure_volume(mask, label=LabelBits.of(label)).as_record()
    assert found.metrics.items() >= expected.items()
    assert found.metrics["threshold"] == threshold.values[0]
    assert found.metrics["leaderboard_score"] == score(mask, label).value
    assert [one.z for one in found.slices] == list(range(len(mask)))
    assert sum(one.figures["recall_loss"] for one in found.slices) == pytest.approx(
        1 - found.metrics["recall"]
    )
    assert "continuity" not in found.slices[0].figures
    assert "recall" not in undisturbed.fragments[run_id, "c"].metrics


@pytest.mark.parametrize("choice", [ClusterChoice(threads=2), ClusterChoice(workers=2)], ids=str)
def test_the_table_depends_neither_on_threads_nor_on_processes(
    choice, asked, undisturbed, tmp_path
):
    found = ran(asked, tmp_path / "w.sqlite", choice)
    assert table(found.results) == table(undisturbed)
    assert found.run.progress.done == len(undisturbed.fragments)
    assert found.states == [CampaignState.READING, CampaignState.RUNNING, CampaignState.DONE]
    assert found.reported[TaskState.DONE] == len(undisturbed.fragments)
    assert set(found.reported) == {TaskState.RUNNING, TaskState.DONE}


def test_what_was_computed_is_recognised_also_by_another_campaign(
    asked, undisturbed, tmp_path, data
):
    work = tmp_path / "w.sqlite"
    first = ran(asked, work)
    again = ran(asked, work)
    assert again.results == first.results
    assert again.run.campaign_id == 1
    assert again.computed == again.reported[TaskState.RUNNING] == 0
    # the same contents elsewhere, and runs of other names
    copy = shutil.copytree(data, tmp_path / "copy")
    renamed = tuple(PlannedRun(f"x-{run.run_id}", run.setting) for run in asked.plan.runs)
    other = CampaignRequest(CampaignPlan("other", renamed), DataSource.of(copy))
    found = ran(other, work)
    assert found.run.campaign_id == 2
    assert found.computed == 0
    assert done_seconds(found.results) == {
        (f"x-{run_id}", image_id): seconds
        for (run_id, image_id), seconds in done_seconds(first.results).items()
    }
    # without the leaderboard score it is something else that is measured
    plain = CampaignRequest(asked.plan, asked.source, with_score=False)
    found = ran(plain, work)
    assert found.run.campaign_id == 3
    assert "leaderboard_score" not in found.results.fragments["closed", "a"].metrics


def test_data_that_changed_are_computed_again(asked, data, tmp_path):
    copy = shutil.copytree(data, tmp_path / "copy")
    plan = CampaignPlan("first_few", asked.plan.runs[:2])
    request = CampaignRequest(plan, DataSource.of(copy), with_score=False)
    work = tmp_path / "w.sqlite"
    before = ran(request, work).results
    shutil.copy(copy / "p3d" / "a.tif", copy / "p2d" / "a.tif")
    after = ran(request, work)
    assert after.computed == len(plan.runs)
    assert after.run.campaign_id == 2
    for run in plan.runs:
        old, new = before.of_run(run.run_id), after.results.of_run(run.run_id)
        assert old[0].mask_sha256 != new[0].mask_sha256
        assert old[1:] == new[1:]


def test_a_fragment_that_cannot_be_read_fails_its_own_tasks(asked, data, undisturbed, tmp_path):
    copy = shutil.copytree(data, tmp_path / "copy")
    (copy / "p3d" / "a.tif").write_bytes(b"no TIFF")  # found when it is opened
    damaged = copy / "p2d" / "b.tif"
    content = bytearray(damaged.read_bytes())
    content[len(content) // 2 : len(content) // 2 + 2000] = bytes(2000)  # when it is read
    damaged.write_bytes(content)
    request = CampaignRequest(asked.plan, DataSource.of(copy))
    work = tmp_path / "w.sqlite"
    found = ran(request, work)
    assert found.run.state is CampaignState.DONE
    for (run_id, image_id), one in found.results.fragments.items():
        expected = undisturbed.fragments[run_id, image_id]
        if image_id == "c" and not run_id.startswith("dataset"):
            assert one.mask_sha256 == expected.mask_sha256
        else:
            assert one.state is TaskState.FAILED
            assert ("p3d/a.tif" if image_id == "a" else ".tif") in one.error
    # what has failed is tried again, what is done is not
    for path in ("p3d/a.tif", "p2d/b.tif"):
        shutil.copy(data / path, copy / path)
    mended = ran(request, work, campaign_id=1)
    assert table(mended.results) == table(undisturbed)
    assert done_seconds(mended.results).items() >= done_seconds(found.results).items()


def test_a_file_that_changes_while_the_campaign_runs_is_noticed(asked, data, tmp_path):
    copy = shutil.copytree(data, tmp_path / "copy")
    plan = CampaignPlan("first_few", asked.plan.runs[:4])
    request = CampaignRequest(plan, DataSource.of(copy), with_score=False)
    reported = watched(request, tmp_path / "w.sqlite", ClusterChoice(threads=1))

    def touch(row):
        if row.state is TaskState.DONE:
            (copy / "p2d" / "c.tif").touch()

    reported.run.task_changed.connect(touch)
    results = reported.run.run()
    failed = [one for one in results.fragments.values() if one.state is TaskState.FAILED]
    assert {one.image_id for one in failed} == {"c"}
    assert all("changed or replaced" in one.error for one in failed)


def test_a_campaign_that_is_cancelled_goes_on_where_it_was(asked, undisturbed, tmp_path):
    work = tmp_path / "w.sqlite"
    reported = watched(asked, work)
    first_done = threading.Event()
    reported.run.task_changed.connect(
        lambda row: row.state is TaskState.DONE and first_done.set(), check_nargs=False
    )
    thread = threading.Thread(target=lambda: setattr(reported, "results", reported.run.run()))
    thread.start()
    assert first_done.wait(60)
    reported.run.cancel()
    thread.join(60)
    assert not thread.is_alive()
    assert reported.run.state is CampaignState.CANCELLED
    before = done_seconds(reported.results)
    assert 0 < len(before) < len(undisturbed.fragments)
    resumed = ran(asked, work)
    assert table(resumed.results) == table(undisturbed)
    assert done_seconds(resumed.results).items() >= before.items()
    assert resumed.run.progress.known == len(before)


def test_a_campaign_that_is_cancelled_before_it_begins_is_not_kept(asked, tmp_path):
    reported = watched(asked, tmp_path / "w.sqlite")
    reported.run.cancel()
    with pytest.raises(Cancelled):
        reported.run.run()
    assert reported.run.state is CampaignState.CANCELLED


def test_a_search_is_the_same_when_it_is_resumed(asked, tmp_path):
    search = Search(
        runs=7, objective="recall", vary=("quantile=0.8:0.98", "blend=0.2:0.8"), batch=3
    )
    request = CampaignRequest(search, asked.source, with_score=False)
    whole = ran(request, tmp_path / "whole.sqlite").results
    assert len(whole.plan.runs) == 7
    work = tmp_path / "cut.sqlite"
    reported = watched(request, work)
    reported.run.task_changed.connect(
        lambda row: (
            row.state is TaskState.DONE and row.run_id == "suggested-0004" and reported.run.cancel()
        ),
        check_nargs=False,
    )
    cut = reported.run.run()
    assert reported.run.state is CampaignState.CANCELLED
    assert 3 < len(cut.plan.runs) < 7
    resumed = ran(request, work)
    assert resumed.run.campaign_id == 1
    assert resumed.results.plan == whole.plan
    assert table(resumed.results) == table(whole)
    assert done_seconds(resumed.results).items() >= done_seconds(cut).items()


def test_a_scheduler_that_is_not_there_is_reported(asked, tmp_path, monkeypatch):
    monkeypatch.setattr("napari_nx46.campaign.execute.cluster.CONNECT_SECONDS", 0.5)
    for address in ("tcp://127.0.0.1:9", "nonsense://x"):
        reported = watched(asked, tmp_path / "w.sqlite", ClusterChoice(scheduler=address))
        with pytest.raises(CampaignError, match="cannot be reached"):
            reported.run.run()
        assert reported.run.state is CampaignState.FAILED
    assert stored(tmp_path / "w.sqlite").plan == asked.plan
    # A client left to the garbage collector closes itself at any time, and may block for ever.
    # By type, as some objects are proxies of what is gone.
    clients = [one for one in gc.get_objects() if type(one) is Client]
    assert all(one.status == "closed" for one in clients)


def test_a_setting_that_does_not_fit_fails_its_tasks_alone(asked, tmp_path):
    beyond = Setting(domain="block", block=((0, 2), (500, 600), (0, 9)))
    runs = (PlannedRun("fits", Setting()), PlannedRun("block", beyond))
    weights = Setting(weights={"unet": 1.0})
    runs = (*runs, PlannedRun("model", weights))
    request = CampaignRequest(CampaignPlan("two", runs), asked.source, with_score=False)
    results = ran(request, tmp_path / "w.sqlite").results
    assert all(one.state is TaskState.DONE for one in results.of_run("fits"))
    assert all("outside" in one.error for one in results.of_run("block"))
    assert all("unet" in one.error for one in results.of_run("model"))
