"""The command nx46 corrections, and the flag --corrections of run and export."""

from __future__ import annotations

import json

import numpy as np
import pytest
import tifffile

from napari_nx46.data.fragments import write_data_folder
from napari_nx46.files.corrections import read_corrections, write_corrections
from napari_nx46.files.workspace import Workspace
from napari_nx46.setting import Setting
from napari_nx46.voxels.corrections.corrections import Corrections
from tests.command import nx46, nx46_here
from tests.core.definition import defined_mask
from tests.voxels.test_corrections import defined

SHAPE = (6, 12, 14)
SETTING = Setting(quantile=0.8)


@pytest.fixture
def data(tmp_path):
    rng = np.random.default_rng(46)
    for image_id in ("a", "b"):
        volumes = {name: rng.random(SHAPE, dtype=np.float32) for name in ("p3d", "p2d")}
        write_data_folder(tmp_path / "data", image_id, volumes)
    return tmp_path / "data"


@pytest.fixture
def labels():
    labels = np.zeros(SHAPE, np.uint8)
    labels[2, 3:7, 2:12], labels[4, :, 5] = 1, 2
    return labels


@pytest.fixture
def corrections(labels):
    return Corrections.of(labels)


def expected(data, labels):
    pair = [tifffile.imread(data / name / "a.tif") for name in ("p3d", "p2d")]
    return defined(defined_mask([pair], SETTING), labels)


@pytest.mark.parametrize("name", ["saved.npz", "a.tif", "folder"])
def test_run_and_export_apply_saved_corrections(data, labels, corrections, tmp_path, name):
    saved = tmp_path / name
    if name == "folder":
        saved.mkdir()
        np.save(saved / "a.npy", labels)
    else:
        write_corrections(saved, {"a": corrections})
    out = tmp_path / "out"
    command = nx46 if name == "saved.npz" else nx46_here
    ran = command("run", data, "--quantile", "0.8", "--corrections", saved, "--out", out)
    assert (ran.returncode if command is nx46 else ran.exit_code) == 0, ran.stderr
    assert "a: 40 voxels added and 12 erased by hand" in ran.stdout
    assert str(out / "corrections.npz") in ran.stdout
    mask = tifffile.imread(out / "masks" / "a.tif")
    np.testing.assert_array_equal(mask, expected(data, labels))
    noted = {
        entry["image_id"]: entry["corrections"]
        for entry in json.loads((out / "manifest.json").read_text())["fragments"]
    }
    assert noted["b"] is None
    assert noted["a"] == {
        "voxels_added": 40,
        "voxels_erased": 12,
        "sha256": corrections.digest,
    }
    archive = tmp_path / "submission.zip"
    options = ("--quantile", "0.8", "--fragment", "a", "--out", archive)
    assert nx46_here("export", data, "--corrections", saved, *options).exit_code == 0
    assert read_corrections(tmp_path / "submission.corrections.npz") == {"a": corrections}


def test_a_dry_run_checks_them_and_names_what_would_be_written(data, corrections, tmp_path):
    write_corrections(tmp_path / "saved.npz", {"a": corrections})
    options = ("--corrections", tmp_path / "saved.npz", "--dry-run")
    ran = nx46_here("export", data, *options, "--out", tmp_path / "submission.zip")
    assert ran.exit_code == 0, ran.stderr
    report = json.loads((tmp_path / "submission.preflight.json").read_text())
    assert str(tmp_path / "submission.corrections.npz") in report["targets"]


def test_corrections_that_do_not_fit_end_the_command_before_anything_is_written(data, tmp_path):
    saved = tmp_path / "saved.npz"
    for corrections, found in (
        ({"a": Corrections.of(np.ones((2, 3, 4), np.uint8))}, "corrections of shape (2, 3, 4)"),
        ({"z": Corrections.of(np.ones((2, 3, 4), np.uint8))}, "found corrections of z; expected"),
    ):
        write_corrections(saved, corrections)
        ran = nx46_here("run", data, "--corrections", saved, "--out", tmp_path / "out")
        assert ran.exit_code == 2
        assert found in ran.stderr
    ran = nx46_here("run", data, "--corrections", tmp_path / "none.npz", "--out", tmp_path / "out")
    assert ran.exit_code == 2
    assert "nothing at this path" in ran.stderr
    assert not (tmp_path / "out").exists()


def test_corrections_of_other_data_are_named(data, corrections, tmp_path):
    write_corrections(tmp_path / "saved.npz", {"a": corrections, "z": corrections})
    options = ("--corrections", tmp_path / "saved.npz", "--out", tmp_path / "out")
    ran = nx46_here("run", data, *options)
    assert ran.exit_code == 0
    assert "has corrections of other data: z" in ran.stderr


def test_those_of_a_workspace_are_listed_and_saved(corrections, labels, tmp_path):
    work, other = tmp_path / "runs.sqlite", Corrections.of(np.ones(SHAPE, np.uint8))
    with Workspace.open(work) as workspace:
        workspace.set_corrections("a", corrections)
        workspace.set_corrections("b", other)
        workspace.set_accepted({"b": SETTING}, {"b": corrections})
    ran = nx46("corrections", "--work", work, "--out", tmp_path / "saved.npz")
    assert ran.returncode == 0, ran.stderr
    first, second, third = ran.stdout.splitlines()
    assert first == f"a  40 voxels added, 12 erased  6 x 12 x 14  {corrections.digest[:12]}"
    assert second.startswith("b  1,008 voxels added, 0 erased")
    assert third == f"wrote {tmp_path / 'saved.npz'}"
    assert read_corrections(tmp_path / "saved.npz") == {"a": corrections, "b": other}
    options = ("--work", work, "--fragment", "a", "--out", tmp_path / "a.tif")
    assert nx46_here("corrections", *options).exit_code == 0
    np.testing.assert_array_equal(tifffile.imread(tmp_path / "a.tif"), labels)
    frozen = nx46_here("corrections", "--work", work, "--accepted")
    assert frozen.stdout.splitlines() == [first.replace("a  ", "b  ", 1)]


def test_a_file_is_listed(corrections, tmp_path):
    write_corrections(tmp_path / "saved.npz", {"a": corrections})
    ran = nx46_here("corrections", tmp_path / "saved.npz")
    assert ran.stdout.startswith("a  40 voxels added, 12 erased")
    write_corrections(tmp_path / "empty.npz", {})
    assert nx46_here("corrections", tmp_path / "empty.npz").stdout == (
        "nothing is corrected by hand\n"
    )


@pytest.mark.parametrize(
    ("arguments", "found"),
    [
        (["saved.npz", "--accepted"], "a workspace is given as well"),
        (["saved.npz", "--fragment", "b"], "found no corrections of b; there are: a"),
        (["none.npz"], "nothing at this path"),
        (["saved.npz", "--out", "list.csv"], "must end in .npz"),
        (["--work", "none.sqlite"], "there is no such file"),
    ],
)
def test_what_cannot_be_done_is_said(corrections, tmp_path, monkeypatch, arguments, found):
    monkeypatch.chdir(tmp_path)
    write_corrections(tmp_path / "saved.npz", {"a": corrections})
    ran = nx46_here("corrections", *arguments)
    assert ran.exit_code == 2
    assert found in ran.stderr


def test_score_and_compare_take_masks_as_corrected(data, labels, corrections, tmp_path):
    saved, setting, out = tmp_path / "c.npz", tmp_path / "s.json", tmp_path / "out"
    write_corrections(saved, {"a": corrections})
    setting.write_text(SETTING.model_dump_json())
    options = ("--quantile", "0.8", "--fragment", "a")
    assert nx46_here("run", data, *options, "--out", out).exit_code == 0
    plain, corrected = out / "masks" / "a.tif", tmp_path / "a.tif"
    tifffile.imwrite(corrected, expected(data, labels), photometric="minisblack")
    ran = nx46_here("score", plain, corrected, "--corrections", saved, "--json")
    assert ran.exit_code == 0, ran.stderr
    assert json.loads(ran.stdout)["mean"]["score"] == pytest.approx(1)
    without = nx46_here("score", plain, corrected, "--json")
    assert json.loads(without.stdout)["mean"]["score"] < 0.99

    compared = ("compare", setting, corrected, "--data", data, "--fragment", "a")
    ran = nx46_here(*compared, "--corrections", saved)
    assert ran.exit_code == 0, ran.stderr
    assert "a corrected by hand" in ran.stderr
    assert "none differs" in ran.stdout
    assert "none differs" not in nx46_here(*compared).stdout

    write_corrections(saved, {"z": corrections})
    ran = nx46_here("score", plain, corrected, "--corrections", saved)
    assert ran.exit_code == 2
    assert "found corrections of z, expected some of a" in ran.stderr
