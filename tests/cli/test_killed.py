"""Commands that are killed in the middle, and the next ones."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from contextlib import contextmanager
from datetime import date

import numpy as np
import pytest

from tests.command import nx46_here, without_knobs

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="stops processes by signals")


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """A data folder whose masks take Zlib seconds."""
    folder = tmp_path_factory.mktemp("data")
    (folder / "p3d").mkdir()
    rng = np.random.default_rng(8)
    np.save(folder / "p3d" / "big.npy", rng.integers(0, 256, (96, 384, 384), dtype=np.uint8))
    return folder


@contextmanager
def writing(command, data, out):
    """Start a command and yield it as soon as it writes beside its target."""
    folder = out if command == "run" else out.parent
    folder.mkdir(exist_ok=True)
    process = subprocess.Popen(
        [
            *(sys.executable, "-m", "napari_nx46", command, str(data), "--out", str(out)),
            *("--quantile", "0.5", "--workers", "1"),
        ],
        env=without_knobs(os.environ),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        deadline = time.monotonic() + 60
        while not list(folder.glob(".nx46-*/*.partial")) + list(folder.glob(".nx46-*/.nx46-*")):
            assert process.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.01)
        yield process
    finally:
        process.kill()
        process.wait(timeout=60)


def everything(folder):
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*"))


@pytest.mark.parametrize("command", ["run", "export"])
def test_the_next_run_removes_what_a_killed_one_left(tmp_path, data, command):
    out = tmp_path / "out" if command == "run" else tmp_path / "out" / "submission.zip"
    with writing(command, data, out) as process:
        process.kill()
    left = [name for name in everything(tmp_path / "out") if ".partial" in name]
    assert left
    assert not [name for name in everything(tmp_path / "out") if name.endswith((".zip", ".tif"))]
    small = tmp_path / "small.npy"
    np.save(small, np.zeros((4, 8, 8), np.uint8))
    assert nx46_here(command, small, "--out", out, "--quantile", "0.5").exit_code == 0
    whole = {
        "run": ["manifest.json", "masks", "masks/small.tif", "metrics.csv"],
        "export": ["metrics.csv", "submission.manifest.json", "submission.zip"],
    }
    assert everything(tmp_path / "out") == whole[command]


def test_a_run_into_the_folder_of_a_living_one_disturbs_nothing(tmp_path, data):
    out = tmp_path / "out"
    with writing("run", data, out) as process:
        small = tmp_path / "small.npy"
        np.save(small, np.zeros((4, 8, 8), np.uint8))
        assert nx46_here("run", small, "--out", out, "--quantile", "0.5").exit_code == 0
        assert process.wait(timeout=60) == 0
    assert everything(out / "masks") == ["big.tif", "small.tif"]
    assert not list(out.glob(".*"))


KILLED_BEFORE_KEEPING = """
import os, signal, sys
from napari_nx46.cli.app import app
from napari_nx46.run.judge import kept_exports

kept_exports.register_export = lambda *arguments: os.kill(os.getpid(), signal.SIGKILL)
app(sys.argv[1:])
"""


@pytest.mark.parametrize("opened_by", ["runs list", "export"])
def test_an_export_killed_before_it_was_kept_is_kept_when_the_workspace_is_opened(
    tmp_path, opened_by
):
    volume, work = tmp_path / "small.npy", tmp_path / "w.sqlite"
    np.save(volume, np.random.default_rng(1).integers(0, 256, (4, 8, 8), dtype=np.uint8))
    archive = tmp_path / "submission.zip"
    flags = ("export", volume, "--quantile", "0.5", "--work", work)
    killed = subprocess.run(
        [
            *(sys.executable, "-c", KILLED_BEFORE_KEEPING),
            *map(str, (*flags, "--out", archive, "--tag", "killed")),
        ],
        env=without_knobs(os.environ),
        timeout=120,
        check=False,
        capture_output=True,
    )
    assert killed.returncode == -9, killed.stderr
    assert archive.is_file()
    if opened_by == "export":
        ran = nx46_here(*flags, "--out", tmp_path / "next.zip", "--tag", "next")
    else:
        ran = nx46_here("runs", "list", "--work", work)
    assert f"kept as run 1 (killed): the export of {date.today()}" in ran.stderr
    assert str(archive) in ran.stderr
    again = nx46_here("runs", "list", "--json", "--work", work)
    kept = [(one["tag"], one["archive"]) for one in json.loads(again.stdout)]
    assert again.stderr == ""
    assert kept[0] == ("killed", str(archive))
    assert [tag for tag, _ in kept] == ["killed", "next"][: 1 + (opened_by == "export")]
    left = {path.name for path in tmp_path.iterdir()}
    assert not [name for name in left if "-export-" in name or name.startswith(".")]
