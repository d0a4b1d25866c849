"""The table of the reference implementation."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest

from napari_nx46 import leaderboard

CASES = [
    "s01_1x1x1_fg_fg",
    "s02_1x1x1_fg_bg",
    "s03_2x2x2_diag",
    "s04_both_empty_5x6x7",
    "s06_gt_empty",
    "s07_both_full_7x5x9",
    "s08_full_vs_noise",
    "s10_all_ignored",
    "s11_noise10_16",
    "s12_noise30_17x15x13",
    "s13_noise50_flip5",
    "s14_noise80_flip3",
    "s16_1x40x33_plane",
    "s17_1x1x48_line",
    "s19_sheet_holes_pred",
    "s20_sheet_holes_both",
    "s22_small_shells_in_octants",
    "s23_tori",
    "s24_touching_sheets_bridged",
    "s26_one_voxel_sheets_shift1",
    "s27_one_voxel_sheets_shift3",
    "s28_48x40x33_waves_ignore",
    "s30_blobs_33x35x37",
    "m01_96_waves_noise",
    "m03_128_waves_noise_both",
    "real_conc_r01_vs_conc0552",
    "real_nx46_v7.5_vs_conc0552",
    "real_nx47_v61_vs_conc0552",
]
FLOATS = ["score", "topo", "surface_dice", "voi_score", "voi_split", "voi_merge"]


@pytest.fixture(scope="module")
def golden(shared):
    folder = shared / "golden"
    return folder, json.loads((folder / "golden.json").read_text())


def test_every_golden_case_is_tested(golden):
    assert set(golden[1]) == set(CASES)


@pytest.mark.parametrize("case", CASES)
def test_score_equals_the_reference_implementation(golden, case):
    folder, table = golden
    with np.load(folder / f"{case}.npz", allow_pickle=False) as pair:
        record = leaderboard.score(pair["pred"], pair["gt"]).as_record()
    expected = table[case]
    assert record["counts"] == expected["counts"]
    assert {k: record[k] for k in FLOATS} == pytest.approx(
        {k: expected[k] for k in FLOATS}, rel=0, abs=1e-9
    )
    for f1, expected_f1 in zip(record["f1_per_dim"], expected["f1_per_dim"], strict=True):
        inactive = expected_f1 is None
        assert f1 is None if inactive else f1 == pytest.approx(expected_f1, rel=0, abs=1e-9)


@pytest.mark.parametrize("case", ["s28_48x40x33_waves_ignore", "m01_96_waves_noise"])
@pytest.mark.parametrize("workers", [1, 3])
def test_the_number_of_workers_changes_no_bit(golden, case, workers):
    with np.load(golden[0] / f"{case}.npz", allow_pickle=False) as pair:
        pred, gt = pair["pred"], pair["gt"]
    assert leaderboard.score(pred, gt, workers=workers) == leaderboard.score(pred, gt)


def test_a_self_pair_scores_one_in_the_rounding_of_the_reference(golden):
    with np.load(golden[0] / "s30_blobs_33x35x37.npz", allow_pickle=False) as pair:
        value = leaderboard.score(pair["gt"], pair["gt"]).value
    assert value == math.nextafter(1.0, 0.0)
