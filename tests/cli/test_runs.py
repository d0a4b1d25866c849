"""The command nx46 runs, and the exports that register themselves."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import numpy as np
import pytest

from napari_nx46.data.fragments import write_data_folder
from napari_nx46.files.workspace import WORKSPACES_VARIABLE, Workspace, default_workspace
from napari_nx46.setting import Setting
from tests.command import nx46, nx46_here
from tests.run.compare.comparing import sha256, write_archive

SHAPES = {"a": (6, 15, 13), "b": (4, 9, 21)}


@pytest.fixture
def data(tmp_path):
    rng = np.random.default_rng(6)
    for name, shape in SHAPES.items():
        volumes = {folder: rng.integers(0, 256, shape, dtype=np.uint8) for folder in ("p3d", "p2d")}
        write_data_folder(tmp_path / "data", name, volumes)
    return tmp_path / "data"


@pytest.fixture
def work(tmp_path):
    return ("--work", tmp_path / "w.sqlite")


@pytest.fixture
def archives(data, work, tmp_path):
    """Return two archives that were exported into the workspace, as runs 1 and 2."""
    paths = []
    for tag, quantile in (("base", 0.9), ("next", 0.8)):
        path = tmp_path / tag / "submission.zip"
        path.parent.mkdir()
        flags = ("--quantile", quantile, "--tag", tag, *work)
        ran = nx46_here("export", data, "--out", path, *flags)
        assert ran.exit_code == 0, ran.stderr
        paths.append(path)
    return paths


def listed(work):
    ran = nx46_here("runs", "list", "--json", *work)
    assert ran.exit_code == 0, ran.stderr
    return json.loads(ran.stdout)


def test_exports_and_added_archives_are_listed_with_their_scores(archives, work, tmp_path):
    assert nx46_here("runs", "add", archives[0], "--tag", "again", *work).exit_code == 0
    scored = nx46_here("runs", "score", "next", "--public", 0.303, "--private", 0.29, *work)
    assert scored.stdout == "run 2 (next): public score 0.303, private score 0.29\n"
    assert nx46_here("runs", "freeze", "1", *work).exit_code == 0
    base, following, again = listed(work)
    assert [one["tag"] for one in (base, following, again)] == ["base", "next", "again"]
    assert (following["public_score"], following["private_score"]) == (0.303, 0.29)
    assert [one["best"] for one in (base, following, again)] == [False, True, False]
    assert [one["baseline"] for one in (base, following, again)] == [True, False, False]
    assert base["archive_sha256"] == again["archive_sha256"] == sha256(archives[0])
    assert base["archive"] == str(archives[0])
    assert Setting.model_validate(base["fragments"]["b"]["setting"]) == Setting(quantile=0.9)
    ran = nx46("runs", "list", *work)
    assert (ran.returncode, ran.stderr) == (0, "")
    head, *lines = ran.stdout.splitlines()
    assert head.split()[:2] == ["id", "time"]
    assert [line.split()[0] for line in lines] == ["1", "2", "3"]
    assert "best" in lines[1]
    assert "baseline" in lines[0]


def test_a_verdict_is_go_or_no_go_by_exit_code_and_keeps_the_best_accepted(archives, work):
    for arguments in (("score", "base", "--public", 0.3), ("freeze", "base")):
        assert nx46_here("runs", *arguments, *work).exit_code == 0
    ran = nx46_here("runs", "verdict", "next", *work)
    assert ran.exit_code == 1
    assert ran.stdout.startswith("run 2 (next): NO-GO\n  run 2 (next) has no public score yet\n")
    assert "give run 2 (next) its score with: nx46 runs score 2 --public SCORE" in ran.stderr
    assert accepted(work) == {"a": 0.9, "b": 0.9}

    assert nx46_here("runs", "score", "next", "--public", 0.31, *work).exit_code == 0
    ran = nx46_here("runs", "verdict", "next", "--no-accept", *work)
    assert ran.exit_code == 0
    assert accepted(work) == {"a": 0.9, "b": 0.9}
    ran = nx46_here("runs", "verdict", "next", *work)
    assert ran.exit_code == 0
    assert ran.stdout.startswith("run 2 (next): GO\n  the public score 0.31 is above the 0.3 of")
    deltas = [line.split() for line in ran.stdout.splitlines()]
    assert ["public_score", "0.310000", "0.300000", "+0.010000"] in deltas
    assert "accepted before for a: quantile=0.9" in ran.stderr
    assert accepted(work) == {"a": 0.8, "b": 0.8}

    with archives[1].open("ab") as file:
        file.write(b"x")
    ran = nx46_here("runs", "verdict", "next", "--baseline", "1", *work)
    assert ran.exit_code == 1
    assert f"its archive {archives[1]} was changed: found SHA-256" in ran.stdout
    assert "best: run 1 (base), public score 0.3" in ran.stdout
    assert accepted(work) == {"a": 0.9, "b": 0.9}
    archives[0].unlink()
    ran = nx46_here("runs", "verdict", "next", *work)
    assert f"warning: baseline run 1 (base): its archive {archives[0]} is missing" in ran.stderr


def accepted(work):
    with Workspace.open(work[1], create=False) as workspace:
        return {name: setting.quantile for name, setting in workspace.accepted().items()}


def test_scores_are_checked_and_can_be_taken_back(archives, work):
    for flags in (("--public", "1.5"), ("--private", "nan"), ("--public", "-0.1"), ()):
        ran = nx46_here("runs", "score", "base", *flags, *work)
        assert ran.exit_code == 2
        assert "Invalid value" in ran.stderr
    assert nx46_here("runs", "score", "1", "--public", 0.3, "--private", 0.2, *work).exit_code == 0
    assert nx46_here("runs", "score", "1", "--private", 0.25, *work).exit_code == 0
    assert [listed(work)[0][name] for name in ("public_score", "private_score")] == [0.3, 0.25]
    ran = nx46_here("runs", "score", "1", "--clear", "--public", 0, *work)
    assert ran.stdout == "run 1 (base): public score 0, private score none\n"


def test_only_an_archive_that_stands_is_frozen(archives, work):
    archives[0].write_bytes(b"torn")
    ran = nx46_here("runs", "freeze", "base", *work)
    assert ran.exit_code == 1
    assert "was changed" in ran.stderr
    assert "not-a-zip" in ran.stderr
    assert not any(one["baseline"] for one in listed(work))


def test_what_is_wrong_is_reported_with_exit_code_2(archives, work, tmp_path):
    foreign = write_archive(tmp_path / "foreign.zip", {"a": np.ones((2, 3, 4), np.uint8)})
    (tmp_path / "torn.sqlite").write_bytes(b"no database at all" * 100)
    for arguments, reported in (
        (("add", foreign, *work), "found no manifest beside it"),
        (("score", "9", "--public", "0.1", *work), "no readable run 9"),
        (("freeze", "none", *work), "found no run with the tag 'none'"),
        (("verdict", "1", *work), "no frozen baseline"),
        (("list", "--work", tmp_path / "no.sqlite"), "there is no such file"),
        (("list", "--work", tmp_path / "torn.sqlite"), "damaged or is no workspace"),
        (("list", *work, "--data", tmp_path), "Invalid value for --work"),
    ):
        ran = nx46_here("runs", *arguments)
        assert (ran.exit_code, ran.stdout) == (2, "")
        assert reported in ran.stderr
    assert not (tmp_path / "no.sqlite").exists()
    assert len(listed(work)) == 2


def test_the_workspace_is_that_of_the_data_folder_by_default(archives, data, monkeypatch):
    assert nx46_here("runs", "add", archives[0], "--data", data).exit_code == 0
    assert default_workspace(data).is_file()
    monkeypatch.chdir(data)
    ran = nx46_here("runs", "list")
    assert ran.exit_code == 0, ran.stderr
    assert [line.split()[0] for line in ran.stdout.splitlines()] == ["id", "1"]


def test_the_folder_of_workspaces_is_that_of_naparis_preferences(archives, data, tmp_path):
    preferred = tmp_path / "preferred"
    config = tmp_path / "config"
    config.mkdir()
    (config / "napari-nx46.yaml").write_text(f"computing:\n  workspace_folder: {preferred}\n")
    environment = {**os.environ, "NAPARI_CONFIG": str(config / "settings.yaml")}
    del environment[WORKSPACES_VARIABLE]
    ran = subprocess.run(
        [sys.executable, "-m", "napari_nx46", "runs", "add", archives[0], "--data", data],
        env=environment,
        check=False,
        capture_output=True,
        text=True,
    )
    assert ran.returncode == 0, ran.stderr
    assert default_workspace(data, {WORKSPACES_VARIABLE: str(preferred)}).is_file()


def test_an_export_is_not_begun_where_it_could_not_be_kept(data, tmp_path):
    damaged = tmp_path / "w.sqlite"
    damaged.write_bytes(b"no database at all" * 100)
    out = tmp_path / "submission.zip"
    ran = nx46_here("export", data, "--out", out, "--work", damaged)
    assert ran.exit_code == 2
    assert not out.exists()
    ran = nx46_here("export", data, "--out", out, "--dry-run", "--work", tmp_path / "new.sqlite")
    assert ran.exit_code == 0
    assert not (tmp_path / "new.sqlite").exists()
    ran = nx46_here(
        "export", data, "--out", out, "--tag", "x" * 201, "--work", tmp_path / "new.sqlite"
    )
    assert ran.exit_code == 2
    assert f"wrote {out}" in ran.stdout
    assert "the run cannot be kept: tag: found 201 characters" in ran.stderr
