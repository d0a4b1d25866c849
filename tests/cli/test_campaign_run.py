"""The commands nx46 campaign run, resume and list; and a campaign that is killed in the middle."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing

import numpy as np
import pytest

from napari_nx46.campaign.execute.suggest import Search, sampler_record
from napari_nx46.campaign.plan.source import DataSource
from napari_nx46.campaign.records.store import CampaignRequest, CampaignStore
from napari_nx46.campaign.verdicts.rules import Rules
from napari_nx46.data.fragments import open_data, write_data_folder
from napari_nx46.files.workspace import Workspace, WorkspaceError
from napari_nx46.run.export.export import export, same_setting
from napari_nx46.run.pipelines import PipelineSet
from napari_nx46.setting import Setting
from tests.campaign.running import done_seconds, stored, table
from tests.campaign.running import ran as run_here
from tests.command import nx46, nx46_here, without_knobs

SHAPE = (24, 96, 80)
GRID = ("--grid", "quantile=0.80:0.95:0.01", "--grid", "blend=0.3,0.7")
TASKS = 16 * 2 * 2


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    root = tmp_path_factory.mktemp("campaigns") / "data"
    rng = np.random.default_rng(7)
    for image_id in ("a", "b"):
        volumes = {path: rng.integers(0, 256, SHAPE, dtype=np.uint8) for path in ("p3d", "p2d")}
        volumes["train_labels"] = (rng.random(SHAPE) < 0.2).astype(np.uint8)
        write_data_folder(root, image_id, volumes)
    return root


@pytest.fixture(scope="module")
def whole(data, tmp_path_factory):
    """Return the table of the campaign that nobody disturbs."""
    work = tmp_path_factory.mktemp("whole")
    ran = nx46_here("campaign", "run", *GRID, data, "--work", work, "--no-score")
    assert ran.exit_code == 0, ran.stderr
    return table(stored(work / "runs.sqlite"))


def begun(*arguments):
    """Start the command in a process of its own, and of its own group."""
    return subprocess.Popen(
        [sys.executable, "-m", "napari_nx46", *map(str, arguments)],
        env=without_knobs(os.environ),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def wait_for_tasks(work, count, process):
    """Read the file that another process writes, until so many tasks are done."""
    file, deadline = work / "runs.sqlite", time.monotonic() + 90
    while time.monotonic() < deadline:
        assert process.poll() is None, process.communicate()
        try:
            results = stored(file)
        except WorkspaceError:
            time.sleep(0.02)  # not made yet, or without a campaign
            continue
        done = done_seconds(results)
        for place in done:
            # What is there is there as a whole.
            assert results.fragments[place].mask_sha256
            assert len(results.fragments[place].slices) == SHAPE[0]
        if len(done) >= count:
            return
    raise AssertionError(f"{count} tasks were not done in time")


@pytest.mark.parametrize(
    "cluster", [("--threads", 1), ("--workers", 1)], ids=["threads", "process"]
)
def test_a_campaign_that_is_killed_goes_on_and_repeats_nothing(cluster, data, whole, tmp_path):
    command = ("campaign", "run", *GRID, data, "--work", tmp_path, "--no-score")
    process = begun(*command, *cluster)
    try:
        wait_for_tasks(tmp_path, 3, process)
    finally:
        process.send_signal(signal.SIGKILL)
        process.communicate(timeout=60)
    before = done_seconds(stored(tmp_path / "runs.sqlite"))
    assert 3 <= len(before) < TASKS
    with closing(sqlite3.connect(tmp_path / "runs.sqlite")) as connection, connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    ran = nx46_here(*command)
    assert ran.exit_code == 0, ran.stderr
    assert f"tasks {TASKS}, done {TASKS} (known before: {len(before)}), failed 0" in ran.stdout
    after = stored(tmp_path / "runs.sqlite")
    assert after.campaign_id == 1
    assert table(after) == whole
    assert done_seconds(after).items() >= before.items()


def test_ctrl_c_cancels_and_says_how_to_go_on(data, whole, tmp_path):
    process = begun(
        *("campaign", "run", *GRID, data, "--work", tmp_path, "--no-score", "--workers", 1)
    )
    try:
        wait_for_tasks(tmp_path, 2, process)
        os.killpg(process.pid, signal.SIGINT)
        _, error = process.communicate(timeout=60)
    finally:
        process.kill()
    assert process.returncode == 130, error
    assert "Traceback" not in error
    assert f"cancelled; to go on: nx46 campaign resume 1 --work {tmp_path}" in error
    ran = nx46_here("campaign", "resume", "--work", tmp_path)
    assert ran.exit_code == 0, ran.stderr
    assert table(stored(tmp_path / "runs.sqlite")) == whole


def test_runs_are_listed_with_knobs_metrics_and_the_masks_of_an_export(data, tmp_path):
    matrix = tmp_path / "matrix.json"
    matrix.write_text(json.dumps([{"run_id": "low", "quantile": 0.8}, {"run_id": "high"}]))
    work = tmp_path / "work"
    ran = nx46("campaign", "run", matrix, data, "--work", work)
    assert ran.returncode == 0
    assert [line.split(":")[:2] for line in ran.stderr.splitlines()] == [
        ["rejected", " low"],
        ["rejected", " high"],
    ]
    best = ran.stdout.splitlines()[-1]
    assert best.startswith("best run: low, by its mean leaderboard score, 0.")
    assert "; it is rejected: mean density 0.2" in best
    assert not (work / "campaign-1").exists()
    assert ran.stdout.splitlines()[0].startswith(("low  density 0.2", "high  density 0.0"))
    assert "leaderboard_score 0." in ran.stdout
    (listed,) = json.loads(nx46_here("campaign", "list", "--json", "--work", work).stdout)
    assert [run["run_id"] for run in listed["runs"]] == ["low", "high"]
    dataset = open_data(data)
    with Workspace.open(work / "runs.sqlite", create=False) as workspace:
        settings = workspace.campaigns.one(1).settings
    for run in listed["runs"]:
        made = export(
            *(PipelineSet(dataset), same_setting(dataset, settings[run["run_id"]])),
            tmp_path / f"{run['run_id']}.zip",
        )
        for member in made.members:
            of_fragment = run["fragments"][member.image_id]
            assert of_fragment["mask_sha256"] == member.mask_sha256
            assert of_fragment["metrics"]["density"] == member.density
    assert [run["verdict"]["decision"] for run in listed["runs"]] == ["rejected"] * 2
    wide = nx46_here("campaign", "run", matrix, data, "--work", work, "--band", "0.04:0.3")
    assert "known before: 4" in wide.stdout
    assert "best run: low, by its mean leaderboard score" in wide.stdout
    assert f"kept {work / 'campaign-1' / 'submission.zip'}" in wide.stdout
    shown = nx46_here("campaign", "list", "--work", work).stdout.splitlines()
    assert shown[0].startswith("campaign 1 (matrix), begun ")
    assert shown[2].split()[:4] == ["low", "quantile=0.8", "a", "done"]
    assert len(shown) == 2 + 2 * 2


SEARCH = ("--suggest", 6, "--vary", "quantile=0.7:0.95:0.01", "--objective", "recall", "--no-score")


def kept_rules(work):
    with Workspace.open(work / "runs.sqlite", create=False) as workspace:
        return CampaignStore(workspace).rules(1)


def decisions(work):
    with Workspace.open(work / "runs.sqlite", create=False) as workspace:
        verdicts = CampaignStore(workspace).verdicts(1)
    return {run_id: verdict.decision.value for run_id, verdict in verdicts.items()}


def test_resume_judge_and_report_keep_the_rules_that_a_search_was_begun_with(data, tmp_path):
    work = ("--work", tmp_path)
    flags = ("--band", "none", "--largest-recall-fall", "0.5", "--any-exports", "--no-exports")
    ran = nx46_here("campaign", "run", data, *SEARCH, *flags, *work)
    assert ran.exit_code == 0, ran.stderr
    begun = Rules(band=None, largest_recall_fall=0.5, exports_validate=False)
    assert kept_rules(tmp_path) == begun
    assert stored(tmp_path / "runs.sqlite").plan.runs[0].setting == Setting()
    assert set(decisions(tmp_path).values()) == {"accepted"}
    for command in ("resume", "judge"):
        given = ("--no-exports",) if command == "resume" else ()
        again = nx46_here("campaign", command, *given, *work)
        assert again.exit_code == 0, again.stderr
        assert kept_rules(tmp_path) == begun
        assert set(decisions(tmp_path).values()) == {"accepted"}
    report = nx46_here("campaign", "report", "--out", tmp_path / "report", *work)
    assert report.exit_code == 0, report.stderr
    assert "Of 6 runs: 6 accepted." in report.stdout
    # What is given counts instead, and is kept from then on.
    other = nx46_here("campaign", "resume", "--band", "0.9:1", "--no-exports", *work)
    assert other.exit_code == 0
    assert kept_rules(tmp_path) == begun.model_copy(update={"band": (0.9, 1.0)})
    assert set(decisions(tmp_path).values()) == {"rejected"}
    assert "it is rejected: mean density" in other.stdout.splitlines()[-1]


def test_a_search_that_goes_on_under_another_sampler_warns(data, tmp_path):
    work = ("--work", tmp_path)
    ran = nx46_here("campaign", "run", data, *SEARCH, "--no-exports", *work)
    assert (ran.exit_code, "warning" in ran.stderr) == (0, False)
    with Workspace.open(tmp_path / "runs.sqlite") as workspace:
        store = CampaignStore(workspace)
        assert store.sampler(1) == sampler_record()
        details = dict(workspace.campaigns.one(1).details)
        details["sampler"] = {**sampler_record(), "version": "3.0.0"}
        workspace.campaigns.set_details(1, details)
        before = store.results(1).plan
    again = nx46_here("campaign", "resume", "--no-exports", *work)
    assert again.exit_code == 0
    assert "warning: the search was begun with another sampler" in again.stderr
    assert "version 3.0.0" in again.stderr
    assert f"version {sampler_record()['version']}" in again.stderr
    assert stored(tmp_path / "runs.sqlite").plan == before


def test_a_search_of_an_older_version_is_resumed_without_its_start(data, tmp_path):
    request = CampaignRequest(
        Search(runs=3, objective="recall", vary=("quantile=0.7:0.9",), runs_base=False),
        DataSource.of(data),
        with_score=False,
    )
    run_here(request, tmp_path / "runs.sqlite")
    with Workspace.open(tmp_path / "runs.sqlite") as workspace:
        details = dict(workspace.campaigns.one(1).details)
        del details["rules"], details["sampler"]
        details["search"] = {
            name: value for name, value in details["search"].items() if name != "runs_base"
        }
        workspace.campaigns.set_details(1, details)
    again = nx46_here("campaign", "resume", "--no-exports", "--work", tmp_path)
    assert again.exit_code == 0, again.stderr
    assert "done 6 (known before: 6)" in again.stdout
    asked_for = ("--largest-recall-fall", "0")
    judged = nx46_here("campaign", "judge", "--band", "none", *asked_for, "--work", tmp_path)
    assert "no setting that it starts from" in judged.stdout
    assert kept_rules(tmp_path) == Rules()


def test_a_baseline_that_no_run_can_have_and_a_density_aimed_at_nowhere_are_refused(data, tmp_path):
    work = ("--work", tmp_path)
    for arguments, words in (
        (("run", *GRID, data, "--baseline", "gone"), "expected a run of the plan"),
        (("run", *SEARCH, data, "--baseline", "suggested-0006"), "expected a run of the plan"),
        (
            ("run", *SEARCH[:4], data, "--objective", "density", "--band", "none"),
            "expected a density",
        ),
        (("run", *SEARCH, data, "--band", "nothing"), "or none"),
    ):
        found = nx46_here("campaign", *arguments, *work)
        assert found.exit_code == 2, arguments
        assert words in " ".join(found.stderr.replace("│", " ").split())
    assert not (tmp_path / "runs.sqlite").exists()


def test_a_failed_task_is_reported_with_exit_code_1(data, tmp_path):
    import shutil

    copy = shutil.copytree(data, tmp_path / "copy")
    (copy / "p2d" / "b.tif").write_bytes(b"no TIFF")
    ran = nx46_here("campaign", "run", *GRID[:2], copy, "--work", tmp_path / "w.sqlite")
    assert ran.exit_code == 1
    assert "failed: quantile=0.8 on b: " in ran.stderr
    assert "p2d/b.tif" in ran.stderr
    assert "done 16 (known before: 0), failed 16" in ran.stdout


def test_what_is_wrong_is_reported_with_exit_code_2(data, tmp_path):
    work = ("--work", tmp_path / "work")
    for arguments, reported in (
        (("run", "nx46-v7.5", tmp_path / "nothing", *work), "found nothing there"),
        (("run", "nx46-v7.5", data, "--workers", 2, "--threads", 2, *work), "expected one"),
        (("run", "nx46-v7.5", data, "--scheduler", "x://y", *work), "cannot be reached"),
        (("run", "--grid", "nonsense=1,2", data, *work), "no such knob"),
        (("resume", 7, *work), "no readable campaign 7"),
        (("list", "--work", tmp_path / "no"), "there is no such file"),
    ):
        ran = nx46_here("campaign", *arguments)
        assert ran.exit_code == 2, (arguments, ran.stdout, ran.stderr)
        assert reported in ran.stderr


def test_a_dry_run_writes_nothing(data, tmp_path):
    ran = nx46_here("campaign", "run", "nx46-v7.5", data, "--work", tmp_path / "w", "--dry-run")
    assert ran.exit_code == 0, ran.stderr
    assert "nothing was run, nothing was written" in ran.stdout
    assert not (tmp_path / "w").exists()
