"""The command nx46 errors."""

from __future__ import annotations

import csv
import io
import json

import numpy as np
import pytest
import tifffile

from napari_nx46 import leaderboard
from napari_nx46.core.measure.suspicions.find import KINDS, find_suspicions
from tests.command import nx46, nx46_here
from tests.pairs import random_pairs, write_tiff

KEYS = {
    "0": {"birth", "death", "fate", "size", "place_voxel", "share", "gain"},
    "1": {"place", "place_voxel", "fate", "share", "gain"},
    "2": {"birth", "death", "fate", "size", "place_voxel", "share", "gain"},
}


@pytest.fixture
def folders(tmp_path):
    return random_pairs(tmp_path, {"a": (12, 14, 16), "b": (9, 12, 11)})


def explained(folders, name):
    masks = [tifffile.imread(folder / f"{name}.tif") for folder in folders]
    return leaderboard.explain(*masks)


def test_json_has_every_error_by_octant_and_what_they_sum_to(folders):
    ran = nx46("errors", *folders, "--json", "--top", "1")
    assert (ran.returncode, ran.stderr) == (0, "")
    printed = json.loads(ran.stdout)
    assert list(printed) == ["fragments"]
    assert list(printed["fragments"]) == ["a", "b"]
    for name, record in printed["fragments"].items():
        assert record == json.loads(
            json.dumps(leaderboard.explanation_record(explained(folders, name)))
        )
        assert record["shares_sum"] == pytest.approx(1 - record["score"], rel=0, abs=1e-9)
        assert [octant["index"] for octant in record["octants"]] == [
            [z, y, x] for z in (0, 1) for y in (0, 1) for x in (0, 1)
        ]
        for octant in record["octants"]:
            for dimension, here in octant["dims"].items():
                assert len(here["counts"]) == 3
                for item in (*here["only_prediction"], *here["only_label"]):
                    assert KEYS[dimension] <= set(item)


def test_json_is_that_of_the_reference_implementation(shared, tmp_path):
    case = "c10_all_kinds_and_ignore"
    expected = json.loads((shared / "golden_features" / f"{case}.json").read_text())
    with np.load(shared / "golden_features" / f"{case}.npz", allow_pickle=False) as pair:
        files = [
            write_tiff(tmp_path / name / "1.tif", pair[name].astype(np.uint8))
            for name in ("pred", "gt")
        ]
    ran = nx46_here("errors", *files, "--json")
    assert (ran.exit_code, ran.stderr) == (0, "")
    record = json.loads(ran.stdout)["fragments"]["1"]
    assert record["score"] == pytest.approx(expected["score"], rel=0, abs=1e-9)
    for here, there in zip(record["octants"], expected["octants"], strict=True):
        for dimension in "012":
            for side in ("only_prediction", "only_label"):
                keys = ("birth", "death", "size", "fate", "gap")
                if dimension == "1":
                    keys = ("size", "fate", "place", "place_voxel")
                mine, others = (
                    [[item.get(key) for key in keys] for item in octant["dims"][dimension][side]]
                    for octant in (here, there)
                )
                assert sorted(map(str, mine)) == sorted(map(str, others))


def test_the_table_lists_the_costliest_errors_and_sums_them_a_kind(folders):
    ran = nx46_here("errors", *folders, "--top", "3")
    assert ran.exit_code == 0, ran.stderr
    text = ran.stdout.splitlines()
    found = explained(folders, "a")
    assert text[0] == f"a: score {found.score.value:.6f}, {len(found.items)} errors"
    assert text[1].split("  ")[0] == "kind"
    assert [
        line.startswith(leaderboard.KINDS[kind])
        for line, kind in zip(text[2:5], found.items.kind[:3], strict=True)
    ] == [True] * 3
    assert text[5] == f"... and {len(found.items) - 3} errors more"
    total = next(line for line in text if line.startswith("1 - score"))
    assert total.split()[-1] == f"{1 - found.score.value:.6f}"
    assert any(line.startswith("b: score") for line in text)


def test_costliest_errors_without_a_repair_are_noted(tmp_path):
    prediction, label = np.zeros((2, 24, 24, 24), np.uint8)
    label[8, 2:22, 2:22] = prediction[8, 2:22, 2:11] = prediction[8, 2:22, 12:22] = 1
    one = [tmp_path / f"{name}.tif" for name in ("prediction", "label")]
    for path, mask in zip(one, (prediction, label), strict=True):
        tifffile.imwrite(path, mask)
    found = leaderboard.explain(prediction, label)
    assert leaderboard.measured_repair(found, 0) is None
    ran = nx46_here("errors", *one, "--repairs", "1", "--top", "0")
    assert "1 error tried, the costliest first: none has an exact repair;" in ran.stdout
    assert "exact repair" not in nx46_here("errors", *one, "--top", "0").stdout


def test_repairs_are_measured_of_the_costliest_errors(folders):
    one = [folder / "a.tif" for folder in folders]
    found = explained(folders, "a")
    repairs = {item: leaderboard.measured_repair(found, item) for item in range(30)}
    repairs = {item: repair for item, repair in repairs.items() if repair is not None}
    assert repairs
    ran = nx46_here("errors", *one, "--repairs", "30", "--json")
    assert ran.exit_code == 0, ran.stderr
    record = json.loads(ran.stdout)["fragments"]["a"]
    assert record == json.loads(json.dumps(leaderboard.explanation_record(found, repairs)))
    ran = nx46_here("errors", *one, "--repairs", "30", "--top", "0")
    lines = ran.stdout.splitlines()
    table = lines[next(n for n, line in enumerate(lines) if line.startswith("No.")) + 1 :]
    assert [int(line.split()[0]) - 1 for line in table] == list(repairs)


def test_csv_has_a_row_an_error_and_its_shares_sum_to_what_is_lost(folders, tmp_path):
    target = tmp_path / "errors.csv"
    ran = nx46_here("errors", *folders, "--csv", target)
    assert ran.exit_code == 0, ran.stderr
    assert ran.stderr == f"wrote {target}\n"
    rows = list(csv.DictReader(io.StringIO(target.read_text())))
    for name in ("a", "b"):
        found = explained(folders, name)
        of_fragment = [row for row in rows if row["fragment"] == name]
        assert len(of_fragment) == len(found.items)
        total = sum(float(row["share"]) for row in of_fragment)
        assert total == pytest.approx(1 - found.score.value, abs=1e-9)
        assert [int(row["z"]) for row in of_fragment] == found.items.place[:, 0].tolist()


def test_a_perfect_mask_has_no_error(folders):
    _, label = folders
    ran = nx46_here("errors", label / "a.tif", label / "a.tif", "--ignore-label", "none")
    assert ran.exit_code == 0, ran.stderr
    assert ran.stdout == "a: score 1.000000, 0 errors\n"


def test_what_does_not_pair_up_is_an_error_and_nothing_is_overwritten(folders, tmp_path):
    pred, label = folders
    ran = nx46_here("errors", pred, label, "--csv", label / "a.tif")
    assert ran.exit_code == 2
    assert "choose another place" in ran.stderr
    (label / "b.tif").unlink()
    ran = nx46_here("errors", pred, label)
    assert (ran.exit_code, ran.stdout) == (2, "")
    assert "found no label of b" in ran.stderr


# ---- without a label -------------------------------------------------------------------------


@pytest.fixture
def bridged(tmp_path):
    """Return a folder with a mask of two sheets that a bridge joins, one of them with a hole."""
    mask = np.zeros((24, 40, 40), np.uint8)
    mask[4:6] = mask[14:16] = 1
    mask[4:16, 20:22, 20:22] = 1
    mask[4:6, 8:10, 30:32] = 0
    write_tiff(tmp_path / "masks" / "a.tif", mask)
    return tmp_path / "masks", mask


def test_without_a_label_what_is_suspicious_is_listed(bridged, tmp_path):
    folder, mask = bridged
    found = find_suspicions(mask)
    kinds = [KINDS[kind] for kind in found.kind]
    assert {"bridge", "hole", "sheet with holes"} <= set(kinds)
    target = tmp_path / "suspicions.csv"
    ran = nx46_here("errors", folder, "--csv", target, "--top", "2")
    assert ran.exit_code == 0, ran.stderr
    lines = ran.stdout.splitlines()
    assert lines[0] == f"a: no label, {len(found)} suspicious places"
    assert [line.split("  ")[0] for line in lines[2:4]] == kinds[:2]
    assert len(found) == 3
    assert lines[4] == "... and 1 suspicious place more"
    rows = list(csv.DictReader(io.StringIO(target.read_text())))
    assert [row["kind"] for row in rows] == kinds
    assert [[int(row[axis]) for axis in "zyx"] for row in rows] == found.place.tolist()
    assert [float(row["suspicion"]) for row in rows] == found.suspicion.tolist()


def test_what_is_suspicious_as_json_has_places_and_boxes(bridged):
    folder, mask = bridged
    ran = nx46_here("errors", folder / "a.tif", "--json")
    assert (ran.exit_code, ran.stderr) == (0, "")
    record = json.loads(ran.stdout)["fragments"]["a"]
    found = find_suspicions(mask)
    assert record["median_thickness"] == found.shapes.median_thickness
    assert [item["place"] for item in record["suspicions"]] == found.place.tolist()
    assert [item["extent"] for item in record["suspicions"]] == found.places.extents().tolist()


def test_a_list_without_a_label_overwrites_no_mask(bridged):
    folder, _ = bridged
    ran = nx46_here("errors", folder, "--csv", folder / "a.tif")
    assert ran.exit_code == 2
    assert "choose another place" in ran.stderr
