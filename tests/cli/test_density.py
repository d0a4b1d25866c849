"""The flag --density: masks are written with the thresholds that were solved for."""

from __future__ import annotations

import json

import numpy as np
import pytest

from napari_nx46.cli.output.console import share_bar
from napari_nx46.data.fragments import write_data_folder
from napari_nx46.run import density as solver
from napari_nx46.run.density import DensitySolution
from napari_nx46.setting import Setting
from tests.command import nx46_here


@pytest.fixture
def data(tmp_path):
    """Return a data folder with two fragments, the second with higher probabilities."""
    rng = np.random.default_rng(3)
    for image_id, power in {"a": 2.0, "b": 0.5}.items():
        volume = rng.random((6, 20, 24)).astype(np.float32) ** np.float32(power)
        write_data_folder(tmp_path / "data", image_id, {"p3d": volume})
    return tmp_path / "data"


def densities_of(out):
    fragments = json.loads((out / "manifest.json").read_bytes())["fragments"]
    return {entry["image_id"]: entry["density"] for entry in fragments}, {
        entry["image_id"]: Setting.model_validate(entry["setting"]) for entry in fragments
    }


def test_every_fragment_is_written_with_the_threshold_that_gives_it_the_density(data, tmp_path):
    out = tmp_path / "out"
    flags = ("--preset", "first-place", "--border", "0", "--no-per-sheet", "--z-radius", "0")
    flags = (*flags, "--objects-first", "9")
    ran = nx46_here("run", data, "--out", out, "--density", "0.2", *flags)
    assert ran.exit_code == 0, ran.stderr
    densities, settings = densities_of(out)
    lines = [line.split() for line in ran.stdout.splitlines()]
    assert lines[0] == ["fragment", "threshold", "density", "target"]
    for row, (image_id, density) in zip(lines[1:3], densities.items(), strict=True):
        assert density == pytest.approx(0.2, abs=0.01)
        assert (row[0], row[-2], row[-1]) == (image_id, f"{density:.6f}", "0.2")
        assert f"probability={settings[image_id].probability}" in row
        assert settings[image_id].objects_first == 9
        assert "low_probability" not in " ".join(row)
    assert settings["a"].probability < settings["b"].probability


def test_one_threshold_for_all_reaches_the_band_in_all_together(data, tmp_path):
    archive = tmp_path / "s.zip"
    flags = ("--density", "0.15:0.25", "--density-for", "all", "--probability", "0.9")
    ran = nx46_here("export", data, "--out", archive, *flags)
    assert (ran.exit_code, ran.stderr) == (0, "")
    assert "0.15 to 0.25" in ran.stdout
    manifest = json.loads((tmp_path / "s.manifest.json").read_bytes())
    assert manifest["setting"]["rule"] == "probability"
    densities = [entry["density"] for entry in manifest["fragments"]]
    assert 0.15 <= np.mean(densities) <= 0.25
    assert densities[0] < 0.15
    assert densities[1] > 0.25


def test_a_target_that_cannot_be_met_is_a_warning_and_the_nearest_is_written(data, tmp_path):
    out = tmp_path / "out"
    flags = ("--density", "1", "--border", "3", "--fragment", "a")
    ran = nx46_here("run", data, "--out", out, *flags)
    assert ran.exit_code == 0, ran.stderr
    assert ran.stderr.startswith("warning: the target density is not met\n")
    assert "nearest" in ran.stderr
    assert densities_of(out)[0] == {"a": 0.0}


def test_the_flags_reach_the_solver_and_its_thresholds_the_masks(data, tmp_path, monkeypatch):
    calls = []

    def solve(pipelines, image_ids, setting, target, *, shared, cancelled, progress):
        progress(0.5)
        calls.append((image_ids, setting, (target.low, target.high), shared, cancelled()))
        settings = dict.fromkeys(image_ids, setting)
        return DensitySolution(settings, dict.fromkeys(image_ids, 0.5), target, True, "")

    monkeypatch.setattr(solver, "solve_density", solve)
    flags = ("--density", "0.06:0.12", "--quantile", "0.9", "--fragment", "b")
    ran = nx46_here("run", data, "--out", tmp_path / "out", *flags)
    assert ran.exit_code == 0, ran.stderr
    assert calls == [(("b",), Setting(quantile=0.9), (0.06, 0.12), False, False)]
    # What solving did not move is reported as well.
    row = " ".join(ran.stdout.splitlines()[1].split())
    assert row == "b quantile=0.9 0.500000 0.06 to 0.12"
    assert densities_of(tmp_path / "out")[1] == {"b": Setting(quantile=0.9)}


def test_a_dry_run_says_that_it_does_not_solve(data, tmp_path, monkeypatch):
    monkeypatch.setattr(solver, "solve_density", pytest.fail)
    ran = nx46_here("run", data, "--out", tmp_path / "out", "--density", "0.1", "--dry-run")
    assert ran.exit_code == 0
    assert ran.stderr.startswith("note: --density is not solved in a dry run")
    assert (tmp_path / "out" / "preflight.json").exists()


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (("--density", "1.5"), "--density"),
        (("--density", "0.2:0.1"), "LOW:HIGH"),
        (("--density-for", "all"), "expected --density with it"),
        (("--density", "0.1", "--density-for", "slice"), "--density-for"),
    ],
)
def test_densities_that_cannot_be_meant_are_refused_at_once(tmp_path, flags, message):
    ran = nx46_here("run", tmp_path / "nowhere", "--out", tmp_path / "out", *flags)
    assert (ran.exit_code, ran.stdout) == (2, "")
    assert message in ran.stderr
    assert "nowhere" not in ran.stderr


def test_a_terminal_is_shown_the_share_of_the_work_done(capsys, monkeypatch):
    with share_bar("solving") as progress:
        progress(0.25)
    assert capsys.readouterr().err == ""
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    with share_bar("solving") as progress:
        progress(0.25)
    shown = capsys.readouterr()
    assert "25/100" in shown.err
    assert shown.out == ""
