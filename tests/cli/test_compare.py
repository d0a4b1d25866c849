"""The command nx46 compare."""

from __future__ import annotations

import csv
import html

import numpy as np
import pytest
import tifffile
import zarr

from napari_nx46 import leaderboard
from napari_nx46.data.fragments import open_data, write_data_folder
from napari_nx46.setting import Setting
from tests.command import nx46, nx46_here
from tests.run.compare.comparing import sha256, write_archive
from tests.run.data import expected_masks

SHAPES = {"a": (6, 15, 13), "b": (4, 9, 21)}
SETTING_A = Setting(quantile=0.9)
SETTING_B = Setting(quantile=0.7, z_radius=1)


@pytest.fixture
def data(tmp_path):
    """Return a data folder of two fragments, of which one has a label."""
    rng = np.random.default_rng(5)
    for name, shape in SHAPES.items():
        volumes = {
            folder: rng.integers(0, 256, shape, dtype=np.uint8)
            for folder in ("p3d", "p2d", "test_images")
        }
        label = {"train_labels": rng.integers(0, 3, shape, dtype=np.uint8)} if name == "a" else {}
        write_data_folder(tmp_path / "data", name, volumes | label)
    return tmp_path / "data"


@pytest.fixture
def setting_file(tmp_path):
    path = tmp_path / "b.json"
    path.write_text(SETTING_B.to_json())
    return path


@pytest.fixture
def exported(data, tmp_path):
    """Return an archive that is a run of a workspace, too."""
    path = tmp_path / "out" / "submission.zip"
    path.parent.mkdir()
    ran = nx46_here(
        *("export", data, "--out", path, "--quantile", 0.9, "--tag", "first"),
        *("--work", tmp_path / "w.sqlite"),
    )
    assert ran.exit_code == 0, ran.stderr
    assert f"kept as run 1 (first) in {tmp_path / 'w.sqlite'}" in ran.stdout
    return path


def masks_of(data, setting):
    dataset = open_data(data)
    return expected_masks(dataset, dict.fromkeys(dataset.image_ids, setting))


def rows_of(path, section):
    with path.open() as file:
        return [row for row in csv.DictReader(file) if row["section"] == section]


def test_an_archive_and_a_setting_file_are_compared(data, exported, setting_file, tmp_path):
    out = tmp_path / "report.csv"
    ran = nx46("compare", exported, setting_file, "--data", data, "--out", out)
    assert ran.returncode == 0, ran.stderr
    assert ran.stderr == f"wrote {out}\n"
    a, b = masks_of(data, SETTING_A), masks_of(data, SETTING_B)
    found = {(row["fragment"], row["name"]): row for row in rows_of(out, "overlap")}
    for name in SHAPES:
        both = (a[name] & b[name]).sum()
        assert float(found[name, "dice"]["both"]) == pytest.approx(
            2 * both / (a[name].sum() + b[name].sum())
        )
        assert int(found[name, "voxels"]["a"]) == (a[name] & ~b[name] & 1).sum()
    knobs = {row["name"]: (row["a"], row["b"]) for row in rows_of(out, "knob")}
    assert knobs == {"quantile": ("0.9", "0.7"), "z_radius": ("2", "1")}
    label = open_data(data)["a"].label.read()
    scores = [
        row
        for row in rows_of(out, "figure")
        if (row["fragment"], row["name"]) == ("a", "leaderboard_score")
    ]
    assert float(scores[0]["a"]) == pytest.approx(leaderboard.score(a["a"], label).value)
    assert float(scores[0]["b"]) == pytest.approx(leaderboard.score(b["a"], label).value)
    assert not [r for r in rows_of(out, "figure") if (r["fragment"], r["name"]) == ("b", "recall")]
    hashes = [row["a"] or row["b"] for row in rows_of(out, "file")]
    assert hashes == [sha256(exported), sha256(setting_file)]
    for word in ("Sides", "Files", "Knobs that differ", "Figures", "Overlap", sha256(exported)):
        assert word in ran.stdout
    assert not any(line != line.rstrip() for line in ran.stdout.splitlines())


def test_runs_folders_presets_and_masks_are_sides(data, exported, tmp_path):
    folder = tmp_path / "run"
    assert nx46_here("run", data, "--out", folder, "--quantile", 0.9).exit_code == 0
    common = ("--data", data, "--work", tmp_path / "w.sqlite")
    for a, b in (
        (folder, "run:first"),
        ("run:1", exported),
        (folder / "masks", exported),
    ):
        ran = nx46_here("compare", a, b, *common)
        assert ran.exit_code == 0, ran.stderr
        overlap = ran.stdout.split("Overlap\n")[1].splitlines()
        assert [line.split()[:3] for line in overlap[1:]] == [
            [name, "1.000000", "1.000000"] for name in SHAPES
        ]
    ran = nx46_here("compare", folder / "masks" / "b.tif", "nx46-v7.5", *common)
    assert ran.exit_code == 0, ran.stderr
    assert "nx46-v7.5" in ran.stdout
    assert [line.split()[0] for line in ran.stdout.split("Overlap\n")[1].splitlines()[1:]] == ["b"]


def test_reports_are_written_as_markdown_and_html_and_whole(exported, tmp_path):
    for ending in (".md", ".HTML"):
        out = tmp_path / f"report{ending}"
        out.write_text("of yesterday")
        ran = nx46_here("compare", exported, exported, "--out", out)
        assert ran.exit_code == 0, ran.stderr
        text = html.unescape(out.read_text().replace("\\", ""))
        assert sha256(exported) in text
        assert "the settings of A and B are the same" in text
    before = out.read_text()
    other = write_archive(tmp_path / "x.zip", {"x": np.ones((2, 3, 4), np.uint8)})
    ran = nx46_here("compare", exported, other, "--out", out)
    assert ran.exit_code == 2
    assert "found no mask of x in A (submission.zip) and no mask of a, b in B (x.zip)" in ran.stderr
    assert out.read_text() == before
    assert not list(tmp_path.glob(".*"))


def test_a_changed_or_missing_archive_of_a_frozen_run_is_reported(data, exported, tmp_path):
    work = ("--work", tmp_path / "w.sqlite")
    assert nx46_here("runs", "freeze", "first", *work).exit_code == 0
    with exported.open("ab") as file:
        file.write(b"x")
    ran = nx46_here("compare", "run:baseline", "run:first", *work)
    assert ran.exit_code == 2
    assert "was changed: found SHA-256" in ran.stderr
    exported.unlink()
    ran = nx46_here("compare", "run:baseline", "nx46-v7.5", *work, "--data", data)
    assert ran.exit_code == 0
    assert f"its archive {exported} is missing; its masks are computed" in ran.stderr


def test_what_cannot_be_compared_is_reported(data, exported, setting_file, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("torn.zip", "torn.json"):
        (tmp_path / name).write_bytes(b"torn")
    archive = "out/submission.zip"
    for arguments, reported in (
        (("first-place", "nx46-v7.5"), "Invalid value for --data"),
        ((archive, "unheard"), "no preset 'unheard'"),
        ((archive, "run:9", "--work", "w.sqlite"), "no readable run 9"),
        ((archive, "run:9", "--work", "no.sqlite"), "no.sqlite: there is no such"),
        ((archive, "run:9"), "runs.sqlite: there is no such file"),
        ((archive, "out"), "out: found no volume"),
        ((archive, archive, "--out", "x.txt"), "ends in .md, .csv, .html"),
        ((archive, archive, "--fragment", "z"), "no mask of z in A"),
        ((archive, "torn.zip"), "torn.zip: found no valid submission"),
        ((archive, "torn.json", "--data", "data"), "torn.json: setting: Invalid JSON"),
        ((archive, "b.json", "--data", "nowhere"), "nowhere: found nothing"),
    ):
        ran = nx46_here("compare", *arguments)
        assert (ran.exit_code, ran.stdout) == (2, "")
        assert reported in ran.stderr


def test_nothing_that_is_compared_is_written_over(data, tmp_path):
    masks = write_archive(tmp_path / "masks.zip", masks_of(data, SETTING_A))
    label = tmp_path / "label.zarr"
    write_zarr_folder(label, open_data(data)["a"].label.read())
    arguments = ("compare", masks, masks, "--fragment", "a", "--label", label)
    ran = nx46_here(*arguments, "--out", label / "report.md")
    assert ran.exit_code == 2
    assert "a file that is compared is there; choose another place" in ran.stderr
    assert not (label / "report.md").exists()
    assert nx46_here(*arguments, "--out", tmp_path / "report.md").exit_code == 0


def write_zarr_folder(path, voxels):
    array = zarr.create_array(path, shape=voxels.shape, dtype=voxels.dtype)
    array[:] = voxels


def test_with_labels_the_errors_that_were_mended_and_are_new_are_reported(tmp_path):
    label = np.zeros((20, 24, 24), np.uint8)
    label[3:5] = label[13:15] = 1
    with_hole, with_island = label.copy(), label.copy()
    with_hole[3:5, 4:6, 4:6] = 0
    with_island[8, 8, 8] = 1
    paths = [
        write_mask(tmp_path / name / "1.tif", mask)
        for name, mask in (("label", label), ("a", with_hole), ("b", with_island))
    ]
    out = tmp_path / "report.csv"
    ran = nx46_here("compare", *paths[1:], "--label", paths[0], "--out", out)
    assert ran.exit_code == 0, ran.stderr
    scores = [leaderboard.score(mask, label).value for mask in (with_hole, with_island)]
    table = (
        ran.stdout.split("Kinds of errors that are mended or new\n")[1]
        .split("\n\n")[0]
        .splitlines()
    )
    assert table[-1].split()[:2] == ["1", "all"]
    assert float(table[-1].split()[-1]) == pytest.approx(scores[1] - scores[0], abs=1e-6)
    costliest = ran.stdout.split("Costliest errors that are mended or new\n")[1].split("\n\n")[0]
    assert any(line.split()[1:3] == ["mended", "hole"] for line in costliest.splitlines())
    assert any(line.split()[1:3] == ["new", "island"] for line in costliest.splitlines())
    facts = {(row["section"], row["name"]): row for row in read_rows(out)}
    assert facts["errors_mended", "hole"]["both"] == "1"
    assert facts["errors_new", "island"]["both"] == "1"
    assert float(facts["errors_new", "island"]["delta"]) < 0


def read_rows(path):
    with path.open() as file:
        return list(csv.DictReader(file))


def write_mask(path, mask):
    path.parent.mkdir()
    tifffile.imwrite(path, mask, photometric="minisblack", compression="zlib")
    return path
