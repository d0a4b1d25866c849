"""The errors that the reference implementation finds."""

from __future__ import annotations

import json
from collections import Counter

import numpy as np
import pytest

from napari_nx46 import leaderboard
from napari_nx46.voxels.packed import unpack

CASES = [
    "c01_bridge_between_two_sheets",
    "c02_two_bridges_make_a_handle",
    "c03_hole_in_a_sheet",
    "c04_hole_only_in_label",
    "c05_islands_first_and_later",
    "c06_cavities",
    "c07_torus_missing",
    "c08_sheet_split",
    "c09_handle_on_a_sheet",
    "c10_all_kinds_and_ignore",
    "s14_noise80_flip3",
    "s16_1x40x33_plane",
    "s19_sheet_holes_pred",
    "s20_sheet_holes_both",
    "s22_small_shells_in_octants",
    "s23_tori",
    "s28_48x40x33_waves_ignore",
]
SIDES = ("prediction", "label")


@pytest.fixture(scope="module")
def golden(shared):
    return shared / "golden_features"


@pytest.fixture(scope="module", params=CASES)
def case(request, golden):
    """The masks of a case, the reference's record, what was found, and its record."""
    expected = json.loads((golden / f"{request.param}.json").read_text())
    with np.load(golden / expected["arrays"], allow_pickle=False) as pair:
        masks = pair["pred"], pair["gt"]
    found = leaderboard.explain(*masks)
    record = json.loads(json.dumps(leaderboard.explanation_record(found)))
    return masks, expected, found, record


def close(value):
    return pytest.approx(value, rel=0, abs=1e-9)


def features(record, dimension, keys):
    """Count the unmatched features by octant, side and some of their keys."""
    return Counter(
        (tuple(octant["origin"]), side, *(str(item.get(key)) for key in keys))
        for octant in record["octants"]
        for side in SIDES
        for item in octant["dims"][dimension][f"only_{side}"]
    )


def matched(record, dimension, keys):
    return Counter(
        (tuple(octant["origin"]), *(str(pair[key]) for key in keys))
        for octant in record["octants"]
        for pair in octant["dims"][dimension]["matched"]
    )


def test_every_golden_case_is_tested(golden):
    assert {file.stem for file in golden.glob("*.json")} == set(CASES)


@pytest.mark.parametrize(
    ("dimension", "keys"),
    [
        ("0", ("birth", "death", "fate", "size", "gap")),
        ("1", ("place", "place_voxel", "fate", "size")),
        ("2", ("birth", "death", "fate", "size")),
    ],
)
def test_unmatched_features_are_those_of_the_reference(case, dimension, keys):
    _, expected, _, record = case
    assert features(record, dimension, keys) == features(expected, dimension, keys)


@pytest.mark.parametrize(("dimension", "keys"), [("0", SIDES), ("1", ("place",)), ("2", SIDES)])
def test_matched_features_are_those_of_the_reference(case, dimension, keys):
    _, expected, _, record = case
    assert matched(record, dimension, keys) == matched(expected, dimension, keys)


def test_octants_counts_and_infinite_components_are_those_of_the_reference(case):
    _, expected, _, record = case
    assert record["counts"] == expected["counts"]
    for here, there in zip(record["octants"], expected["octants"], strict=True):
        for key in ("index", "origin", "shape"):
            assert here[key] == there[key]
        assert here["dims"]["0"]["infinite"] == there["dims"]["0"]["infinite"]
        for dimension in "012":
            assert here["dims"][dimension]["counts"] == there["dims"][dimension]["counts"]


def test_score_and_gains_are_those_of_the_reference(case):
    masks, expected, found, record = case
    assert record["score"] == close(expected["score"])
    assert record["topo"] == close(expected["topo"])
    for dimension in "012":
        assert record["cost_points"][dimension] == close(expected["cost_points"][dimension])
    assert found.score == leaderboard.score(*masks)


def test_shares_sum_to_what_the_score_has_lost(case):
    _, _, found, record = case
    assert record["shares_sum"] == close(1 - record["score"])
    shares = [item["share"] for item in features_of(record)]
    shares += [pair["share"] for pair in record["voi"]["pairs"]]
    shares += [region["share"] for region in record["surface"]["regions"]]
    assert sum(shares) == close(1 - record["score"])
    assert sum(group.share for group in found.items.groups()) == close(1 - record["score"])


def features_of(record):
    for octant in record["octants"]:
        for dimension in octant["dims"].values():
            yield from dimension["only_prediction"]
            yield from dimension["only_label"]


def test_repairs_gain_what_the_reference_measured(case):
    _, expected, found, _ = case
    measured = {
        key_of(dimension, side, item): item["repair"]
        for octant in expected["octants"]
        for dimension, here in octant["dims"].items()
        for side in SIDES
        for item in here[f"only_{side}"]
        if "repair" in item
    }
    features, items = found.topology.features, found.items
    for number in np.flatnonzero(items.dimension >= 0).tolist():
        row = items.row[number]
        birth = features.seed[row] + (items.dimension[number] == 2)
        mine = {"place": features.death[row].tolist(), "birth": birth.tolist()}
        key = key_of(str(items.dimension[number]), SIDES[items.side[number]], mine)
        reference = measured.pop(key, None)
        if reference is None:
            continue
        repair = leaderboard.measured_repair(found, number)
        assert (repair.edit, repair.voxels) == (reference["edit"], reference["voxels"])
        assert repair.gain == close(reference["gain"])
        record = leaderboard.explanation_record(found, {number: repair})
        kept = [item["repair"] for item in features_of(record) if "repair" in item]
        assert [one["counts"] for one in kept] == [reference["counts"]]
    assert not measured


def key_of(dimension, side, item):
    return dimension, side, tuple(item["place" if dimension == "1" else "birth"])


def test_cycles_of_loops_are_listed_where_there_are_some(case):
    _, expected, found, record = case
    assert bool(record["cycles"]) == bool(expected["cycles"])
    for cycle in record["cycles"]:
        voxels = np.array(cycle["voxels"])
        own = unpack(found.masks[SIDES.index(cycle["side"])])
        assert own[tuple(voxels.T)].all()
        assert (np.abs(np.roll(voxels, -1, axis=0) - voxels).sum(axis=1) == 1).all()


def test_voi_pairs_are_those_of_the_reference(case):
    _, expected, _, record = case
    here, there = record["voi"], expected["voi"]
    for key in ("voxels", "split", "merge", "value"):
        assert here[key] == close(there[key])
    pairs = {(str(p["prediction"]), str(p["label"])): p for p in here["pairs"]}
    assert len(pairs) == len(here["pairs"]) == len(there["pairs"]) + there["pairs_left_out"]
    for number, pair in enumerate(there["pairs"]):
        mine = pairs[str(pair["prediction"]), str(pair["label"])]
        for key in ("voxels", "split_bits", "merge_bits"):
            assert mine[key] == close(pair[key])
        if number < 25:
            assert mine.get("join_with") == pair.get("join_with")
            for key in ("cut_gain", "join_gain"):
                assert mine.get(key) == (close(pair[key]) if key in pair else None)


def test_surface_regions_are_those_of_the_reference(case):
    _, expected, _, record = case
    here, there = record["surface"], expected["surface"]
    for key in ("value", "area_prediction", "area_label"):
        assert here[key] == close(there[key])
    assert len(here["regions"]) == len(there["regions"]) + there["regions_left_out"]
    mine = {(region["side"], str(region["corner"])): region for region in here["regions"]}
    for region in there["regions"]:
        found = mine[region["side"], str(region["corner"])]
        assert found["corners"] == region["corners"]
        assert found["area"] == close(region["area"])
        assert found["points"] == close(region["points"])


@pytest.mark.parametrize(
    "name",
    ["real_conc_r01_vs_conc0552", "real_nx46_v7.5_vs_conc0552", "real_nx47_v61_vs_conc0552"],
)
def test_real_masks_lose_what_the_reference_implementation_says(shared, name):
    expected = json.loads((shared / "golden" / "golden.json").read_text())[name]
    with np.load(shared / "golden" / f"{name}.npz", allow_pickle=False) as pair:
        found = leaderboard.explain(pair["pred"], pair["gt"])
    assert found.score.as_record()["counts"] == expected["counts"]
    assert found.score.value == close(expected["score"])
    assert found.shares_sum == close(1 - expected["score"])
