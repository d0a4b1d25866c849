"""The command nx46 score."""

from __future__ import annotations

import json

import numpy as np
import pytest
import tifffile

from napari_nx46 import leaderboard
from napari_nx46.cli.flags.score import parse_ignore_label, parse_triple
from tests.command import nx46, nx46_here
from tests.pairs import random_pairs, write_tiff

CASES = ("s19_sheet_holes_pred", "s28_48x40x33_waves_ignore")


@pytest.fixture
def folders(tmp_path):
    return random_pairs(tmp_path, {"a": (6, 9, 11), "b": (5, 12, 8)})


def test_the_figures_are_those_of_the_reference_implementation(shared, tmp_path):
    golden = json.loads((shared / "golden" / "golden.json").read_text())
    for case in CASES:
        with np.load(shared / "golden" / f"{case}.npz", allow_pickle=False) as pair:
            write_tiff(tmp_path / "pred" / f"{case}.tif", pair["pred"].astype(np.uint8))
            write_tiff(tmp_path / "label" / f"{case}.tif", pair["gt"].astype(np.uint8))
    ran = nx46("score", tmp_path / "pred", tmp_path / "label", "--json")
    assert (ran.returncode, ran.stderr) == (0, "")
    printed = json.loads(ran.stdout)
    assert list(printed) == ["fragments", "mean"]
    assert list(printed["fragments"]) == sorted(CASES)
    for case in CASES:
        found, expected = printed["fragments"][case], golden[case]
        assert found["counts"] == expected["counts"]
        for key in ("score", "topo", "surface_dice", "voi_score", "voi_split", "voi_merge"):
            assert found[key] == pytest.approx(expected[key], rel=0, abs=1e-9)
        assert 0 < found["voxel_dice"] <= 1
    mean = sum(golden[case]["score"] for case in CASES) / len(CASES)
    assert printed["mean"]["score"] == pytest.approx(mean, rel=0, abs=1e-9)


def test_the_table_has_a_line_a_fragment_and_the_mean(folders, tmp_path):
    ran = nx46_here("score", *folders, "--csv", tmp_path / "scores.csv")
    assert ran.exit_code == 0, ran.stderr
    head, *lines = [line.split() for line in ran.stdout.splitlines()]
    assert head[:3] == ["fragment", "score", "topo"]
    assert [line[0] for line in lines] == ["a", "b", "mean"]
    values = [float(line[1]) for line in lines]
    assert values[2] == pytest.approx((values[0] + values[1]) / 2, abs=1e-6)
    assert ran.stderr == f"wrote {tmp_path / 'scores.csv'}\n"
    rows = (tmp_path / "scores.csv").read_text().splitlines()
    assert [row.split(",")[0] for row in rows] == ["fragment", "a", "b"]
    assert float(rows[1].split(",")[1]) == pytest.approx(values[0], abs=1e-6)


def test_fragments_that_do_not_pair_up_are_an_error_and_leave_the_table_alone(folders, tmp_path):
    pred, label = folders
    (label / "b.tif").rename(label / "c.tif")
    (tmp_path / "scores.csv").write_text("of yesterday")
    ran = nx46_here("score", pred, label, "--csv", tmp_path / "scores.csv")
    assert (ran.exit_code, ran.stdout) == (2, "")
    assert ran.stderr.startswith("error: found no prediction of c in ")
    assert "no label of b" in ran.stderr
    assert (tmp_path / "scores.csv").read_text() == "of yesterday"


def test_shapes_that_differ_and_archives_that_are_none_are_errors(folders, tmp_path):
    pred, label = folders
    write_tiff(pred / "b.tif", np.ones((5, 12, 9), np.uint8))
    ran = nx46_here("score", pred, label)
    assert ran.exit_code == 2
    assert "fragment b: found shape (5, 12, 9)" in ran.stderr
    (tmp_path / "s.zip").write_bytes(b"nothing")
    ran = nx46_here("score", tmp_path / "s.zip", label)
    assert ran.exit_code == 2
    assert "not-a-zip" in ran.stderr


def test_flags_reach_the_score(folders):
    pred, label = (folder / "a.tif" for folder in folders)
    flags = (
        *("--tau", "0.5", "--spacing", "2,1,1", "--alpha", "1", "--connectivity", "6"),
        *("--weights", "0,1,0.5", "--dimension-weights", "1,2,3", "--octants", "1,2,3"),
        *("--ignore-label", "none", "--workers", "1"),
    )
    ran = nx46_here("score", pred, label, "--json", *flags)
    assert ran.exit_code == 0, ran.stderr
    parameters = leaderboard.Parameters(
        tolerance=0.5,
        spacing=(2.0, 1.0, 1.0),
        voi_alpha=1.0,
        voi_connectivity=6,
        part_weights=leaderboard.PartWeights(0.0, 1.0, 0.5),
        dimension_weights=(1.0, 2.0, 3.0),
        octants=(1, 2, 3),
        ignore_label=None,
    )
    voxels = [tifffile.imread(path) for path in (pred, label)]
    expected = leaderboard.score(*voxels, parameters=parameters).as_record()
    assert json.loads(ran.stdout)["fragments"]["a"] == expected
    assert expected != leaderboard.score(*voxels).as_record()


@pytest.mark.parametrize(
    ("flag", "value"),
    [
        ("--tau", "-1"),
        ("--spacing", "1,1"),
        ("--spacing", "1,0,1"),
        ("--alpha", "nan"),
        ("--connectivity", "8"),
        ("--weights", "a,b,c"),
        ("--dimension-weights", "1,1,0"),
        ("--octants", "2,2,1.5"),
        ("--octants", "0,1,1"),
        ("--ignore-label", "two"),
    ],
)
def test_parameters_that_make_no_sense_are_refused_by_flag(folders, flag, value):
    ran = nx46_here("score", *folders, flag, value)
    assert ran.exit_code == 2
    assert f"Invalid value for {flag}" in ran.stderr


def test_lists_and_labels_are_parsed_as_what_they_stand_for():
    assert parse_triple("1, 2,3", int) == (1, 2, 3)
    assert parse_ignore_label("none") is None
    assert parse_ignore_label("-1") == -1
