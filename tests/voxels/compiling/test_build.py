"""Compiling beforehand."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time

import pytest

import napari_nx46
from napari_nx46.run.warm_up import EVERY_MODULE
from napari_nx46.voxels.compiling import build as building

MODULE = """
from napari_nx46.voxels.compiling.kernel import kernel

@kernel("(i8,)", "(f8,)")
def double(value):
    return value + value

@kernel("(i8,)")
def square(value):
    return value * value
"""

PROGRAM = """
import dataclasses, json
from napari_nx46.voxels.compiling.build import build
from napari_nx46.voxels.compiling import build as building
building.WORTH_A_PROCESS = {worth}
seen = []
done = build(["kernels_of_a_test"], lambda *report: seen.append(report))
print(json.dumps([done.kernels, done.compiled, [str(f) for f in done.folders], seen]))
"""


HELPED = """
import json
from napari_nx46.voxels.compiling import build as building
building.WORTH_A_PROCESS = {worth}
modules = ["kernels_of_a_test"]
helpers, seen = building.Helpers(modules), []
working = helpers.working
building.load(modules, lambda *report: seen.append(report), coming=lambda: helpers.working)
kept = [target.is_kept for target in building.targets(modules)]
helpers.close()
print(json.dumps([working, kept, seen[-1:], helpers.working]))
"""


LEFT_ALONE = """
import atexit, os, time
from pathlib import Path
folder = Path({folder!r})
if os.environ.get("PARENT", str(os.getpid())) != str(os.getpid()):
    (folder / "started").touch()
    while not (folder / "parent_is_gone").exists():
        time.sleep(0.01)
    atexit.register((folder / "ended").touch)
"""

LEAVING = """
import os, time
from pathlib import Path
from napari_nx46.voxels.compiling import build as building
building.WORTH_A_PROCESS = {worth}
folder = Path(os.environ["NUMBA_CACHE_DIR"]).parent
os.environ["PARENT"] = str(os.getpid())
helpers = building.Helpers(["kernels_of_a_test"])
while not (folder / "started").exists():
    time.sleep(0.01)
print("null", flush=True)
os._exit(0)
"""


def wait_until(holds, seconds=60):
    """Raise if something does not hold in time."""
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.02)


@pytest.fixture
def run(tmp_path):
    """Return a function that builds the module in a process of its own."""
    (tmp_path / "kernels_of_a_test.py").write_text(MODULE)

    def ran(cache, worth=99, program=PROGRAM):
        path = os.pathsep.join([str(tmp_path), os.path.dirname(napari_nx46.__path__[0])])
        done = subprocess.run(
            [sys.executable, "-c", program.format(worth=worth)],
            env={**os.environ, "NUMBA_CACHE_DIR": str(cache), "PYTHONPATH": path},
            capture_output=True,
            check=False,
            text=True,
            timeout=300,
        )
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    return ran


def test_the_second_time_nothing_is_compiled(run, tmp_path):
    kernels, compiled, folders, seen = run(tmp_path / "kept")
    assert (kernels, compiled) == (3, 3)
    assert len(folders) == 1
    assert seen == [["double", 0, 3], ["double", 1, 3], ["square", 2, 3]]
    assert run(tmp_path / "kept") == [3, 0, folders, []]


def test_a_second_process_changes_nothing_in_the_result(run, tmp_path):
    kernels, compiled, folders, _ = run(tmp_path / "kept", worth=1)
    assert (kernels, compiled, len(folders)) == (3, 3, 1)
    assert run(tmp_path / "kept")[1] == 0


def test_where_nothing_can_be_kept_all_is_compiled_here(run):
    kernels, compiled, folders, _ = run(os.path.join(os.devnull, "no"), worth=1)
    assert (kernels, compiled, folders) == (3, 3, [])


def test_every_module_with_kernels_is_in_the_list(repository):
    package = repository / "napari_nx46"
    with_kernels = {
        ".".join(path.relative_to(repository).with_suffix("").parts)
        for path in package.rglob("*.py")
        if "\n@kernel(" in path.read_text("utf-8")
    }
    assert with_kernels == set(EVERY_MODULE)


def test_nobody_compiles_but_with_the_decorators(repository):
    package = repository / "napari_nx46"
    offenders = [
        path.name
        for path in package.rglob("*.py")
        if path.parent != package / "voxels" / "compiling"
        and any(word in path.read_text("utf-8") for word in ("njit", "numba.jit", "vectorize("))
    ]
    assert offenders == []


def test_what_is_kept_is_not_compiled_to_load_it(monkeypatch):
    # The kernels of the tests are compiled before them.
    building.load(["napari_nx46.leaderboard.kernels.words"])
    assert all(t.is_kept for t in building.targets(["napari_nx46.leaderboard.kernels.words"]))


def test_loading_stops_when_it_is_cancelled():
    seen = []
    building.load(
        ["napari_nx46.leaderboard.kernels.words"], lambda *r: seen.append(r), lambda: True
    )
    assert seen == []


def test_what_other_processes_compile_is_waited_for_and_loaded(run, tmp_path):
    working, kept, last, still = run(tmp_path / "kept", worth=1, program=HELPED)
    assert working
    assert kept == [True] * 3
    assert last == [["", 3, 3]]
    assert not still
    # The second time there is nothing to do, and nothing to report.
    assert run(tmp_path / "kept", worth=1, program=HELPED) == [False, [True] * 3, [], False]


@pytest.mark.skipif(os.name != "posix", reason="elsewhere the parent's number does not change")
def test_a_process_that_is_left_alone_compiles_nothing_more(run, tmp_path):
    waiting = LEFT_ALONE.format(folder=str(tmp_path))
    (tmp_path / "kernels_of_a_test.py").write_text(waiting + MODULE)
    run(tmp_path / "kept", worth=1, program=LEAVING)
    (tmp_path / "parent_is_gone").touch()
    wait_until((tmp_path / "ended").exists)
    assert not list((tmp_path / "kept").rglob("*.nbc"))


def test_without_a_folder_no_other_process_is_started(run):
    no_folder = os.path.join(os.devnull, "no")
    working, kept, last, _ = run(no_folder, worth=1, program=HELPED)
    assert (working, kept, last) == (False, [False] * 3, [["", 3, 3]])


def test_waiting_for_other_processes_ends_when_it_is_cancelled(monkeypatch):
    monkeypatch.setattr(building.Target, "is_kept", False)
    asked = iter([False, True, True])
    building.load(
        ["napari_nx46.leaderboard.kernels.words"],
        cancelled=lambda: next(asked),
        coming=lambda: True,
    )
    assert next(asked, "none left") == "none left"
