"""The commands nx46 campaign run, resume and list; and a campaign that is killed in the middle."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import sys
import time

import numpy as np
import pytest

from napari_nx46.files.workspace import Workspace, WorkspaceError
from napari_nx46.fragments import open_data, write_data_folder
from napari_nx46.run.pipelines import PipelineSet
from napari_nx46.run.runner import export, same_setting

from ..campaign.running import done_seconds, stored, table
from ..command import nx46, nx46_here, without_knobs

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
    with sqlite3.connect(tmp_path / "runs.sqlite") as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    ran = nx46_here(*command)
    assert ran.exit_code == 0, ran.stderr
    assert f"tasks {TASKS}, done {TASKS} (known before: {len(before)}), failed 0" in ran.stdout
    after = stored(tmp_path / "runs.sqlite")
    assert after.campaign_id == 1
    assert table(after) == whole
    assert done_seconds(after).items() >= before.items()


def test_ctrl_c_cancels_and_tells_how_to_go_on(data, whole, tmp_path):
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
    assert ran.stdout.splitlines()[-1].startswith("no run is the best")
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


def test_a_failed_task_is_told_with_exit_code_1(data, tmp_path):
    import shutil

    copy = shutil.copytree(data, tmp_path / "copy")
    (copy / "p2d" / "b.tif").write_bytes(b"no TIFF")
    ran = nx46_here("campaign", "run", *GRID[:2], copy, "--work", tmp_path / "w.sqlite")
    assert ran.exit_code == 1
    assert "failed: quantile=0.8 on b: " in ran.stderr
    assert "p2d/b.tif" in ran.stderr
    assert "done 16 (known before: 0), failed 16" in ran.stdout


def test_what_is_wrong_is_told_with_exit_code_2(data, tmp_path):
    work = ("--work", tmp_path / "work")
    for arguments, told in (
        (("run", "nx46-v7.5", tmp_path / "nothing", *work), "found nothing there"),
        (("run", "nx46-v7.5", data, "--workers", 2, "--threads", 2, *work), "expected one"),
        (("run", "nx46-v7.5", data, "--scheduler", "x://y", *work), "cannot be reached"),
        (("run", "--grid", "nonsense=1,2", data, *work), "no such knob"),
        (("resume", 7, *work), "no readable campaign 7"),
        (("list", "--work", tmp_path / "no"), "there is no such file"),
    ):
        ran = nx46_here("campaign", *arguments)
        assert ran.exit_code == 2, (arguments, ran.stdout, ran.stderr)
        assert told in ran.stderr


def test_a_dry_run_writes_nothing(data, tmp_path):
    ran = nx46_here("campaign", "run", "nx46-v7.5", data, "--work", tmp_path / "w", "--dry-run")
    assert ran.exit_code == 0, ran.stderr
    assert "nothing was run, nothing was written" in ran.stdout
    assert not (tmp_path / "w").exists()
