"""The command nx46 campaign run where nothing is run: dry runs, and plans that are refused."""

from __future__ import annotations

import json

import pytest

from tests.command import nx46, nx46_here
from tests.run.data import files_in, write_fragments


@pytest.fixture
def root(tmp_path):
    write_fragments(tmp_path / "data")
    return tmp_path / "data"


def test_a_dry_run_prints_the_plan_and_writes_nothing(root, tmp_path):
    before = files_in(tmp_path)
    ran = nx46("campaign", "run", "nx46-v7.5", root, "--work", tmp_path / "work", "--dry-run")
    unpaired = f"note: {root / 'p3d'} has no volume of c\n"
    assert (ran.returncode, ran.stderr) == (0, unpaired)
    assert "nx46-v7.5: runs 10, fragments 3, tasks 30" in ran.stdout
    assert ran.stdout.endswith("nothing was run, nothing was written\n")
    axes = ("--grid", "quantile=0.9,0.95", "--blend", "0.5")
    asked = nx46_here("campaign", "run", root, *axes, "--work", tmp_path, NX46_DRY_RUN="1")
    assert (asked.exit_code, asked.stderr) == (0, unpaired)
    assert "quantile=0.9   blend=0.5 quantile=0.9" in asked.stdout
    assert files_in(tmp_path) == before


def test_a_dry_run_says_of_fragments_that_cannot_be_opened_and_of_settings_that_do_not_fit(
    root, tmp_path
):
    (root / "p3d" / "b.tif").write_bytes(b"no TIFF")
    axes = ("--grid", "source=gradient,probabilities")
    ran = nx46_here("campaign", "run", root, *axes, "--work", tmp_path / "work", "--dry-run")
    assert ran.exit_code == 1
    errors = [line for line in ran.stderr.splitlines() if line.startswith("error: ")]
    assert len(errors) == 2
    assert "b.tif" in errors[0]
    assert "fragment c: has no CT image" in errors[1]
    assert "runs 2, fragments 3, tasks 6" in ran.stdout
    assert not (tmp_path / "work").exists()


def test_all_faults_of_a_plan_are_reported_before_anything_is_opened_or_run(tmp_path):
    path = tmp_path / "matrix.json"
    rows = [
        {"run_id": "a", "quantil": 0.9},
        {"run_id": "b", "NX46_THRESHOLD_QUANTILE": 0.9, "NX47_PCTL_HI_BASE": 90},
        {"run_id": "b", "blend": 2},
    ]
    path.write_text(json.dumps(rows))
    before = files_in(tmp_path)
    ran = nx46_here("campaign", "run", path, tmp_path / "none", "--work", tmp_path / "work")
    assert (ran.exit_code, ran.stdout) == (2, "")
    head, *faults = ran.stderr.splitlines()
    assert head == f"error: {path}: found 4 faults"
    assert [fault.strip().split(": ")[0] for fault in faults] == [
        "run a",
        "run b",
        "run b",
        "run b",
    ]
    assert "did you mean quantile?" in faults[0]
    assert files_in(tmp_path) == before
    for axes in (("--grid", "blend=2"), ("--suggest", 3, "--vary", "no=0:1")):
        refused = nx46_here("campaign", "run", tmp_path / "none", *axes)
        assert (refused.exit_code, refused.stdout) == (2, "")
        assert f"error: {'--grid' if 'blend=2' in axes else '--vary'}: " in refused.stderr


@pytest.mark.parametrize("more", [(), ("--dry-run",)])
def test_a_search_for_what_no_run_will_have_is_refused(root, tmp_path, more):
    search = ("--suggest", 3, "--vary", "z_radius=0:2", "--work", tmp_path / "work", *more)
    refused = nx46_here("campaign", "run", root, *search)
    assert (refused.exit_code, refused.stdout) == (2, "")
    assert "error: --objective leaderboard: no fragment has a label" in refused.stderr
    assert not (tmp_path / "work").exists()
