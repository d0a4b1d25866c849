"""The leaderboard score as a whole: inputs, parameters, cancellation, compiling."""

from __future__ import annotations

import importlib
import json
import math
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest

from napari_nx46 import leaderboard
from napari_nx46.leaderboard import Cancelled, MatchCounts, Parameters, PartWeights
from napari_nx46.leaderboard.topology import topo_score
from napari_nx46.voxels.blocks import octants_of


@pytest.fixture(scope="module")
def pair():
    rng = np.random.default_rng(3)
    label = rng.random((21, 18, 25)) < np.repeat([0.1, 0.6, 0.97], [8, 8, 9])
    prediction = label ^ (rng.random(label.shape) < 0.03)
    return prediction.astype(np.uint8), label.astype(np.uint8)


def test_the_value_is_the_weighted_sum_of_the_parts(pair):
    result = leaderboard.score(*pair)
    parts = 0.30 * result.topo.value + 0.35 * result.surface_dice + 0.35 * result.voi.value
    assert result.value == pytest.approx(parts, abs=1e-15)
    assert 0.3 < result.value < 0.99


def test_the_record_can_be_written_as_json_and_holds_the_voxel_figures(pair):
    record = json.loads(json.dumps(leaderboard.score(*pair).as_record()))
    prediction, label = (mask.astype(bool) for mask in pair)
    both = (prediction & label).sum()
    assert record["voxel_precision"] == pytest.approx(both / prediction.sum())
    assert record["voxel_recall"] == pytest.approx(both / label.sum())
    assert record["voxel_dice"] == pytest.approx(2 * both / (prediction.sum() + label.sum()))
    assert set(record["counts"]) == {"dim0", "dim1", "dim2"}


def test_the_mean_of_a_data_set_is_that_of_every_figure(pair):
    label = pair[1]
    empty = np.zeros_like(label)
    scores = [leaderboard.score(*pair), leaderboard.score(empty, empty)]
    records = [score.as_record() for score in scores]
    mean = leaderboard.mean_record(scores)
    assert mean.keys() == records[0].keys()
    for key in ("score", "topo", "surface_dice", "voi_score", "voi_split", "voxel_dice"):
        assert mean[key] == pytest.approx((records[0][key] + records[1][key]) / 2)
    assert mean["counts"]["dim1"]["p"] == records[0]["counts"]["dim1"]["p"] / 2 > 0
    assert records[1]["f1_per_dim"] == [None, None, None]  # inactive: not in the mean
    assert mean["f1_per_dim"] == records[0]["f1_per_dim"]
    assert leaderboard.mean_record(scores[1:])["f1_per_dim"] == [None, None, None]
    with pytest.raises(ValueError, match="at least one score"):
        leaderboard.mean_record([])


def test_voxel_figures_of_empty_masks_are_defined():
    empty, full = np.zeros((2, 2, 2), bool), np.ones((2, 2, 2), bool)
    both_empty = leaderboard.score(empty, empty).voxels
    assert (both_empty.precision, both_empty.recall, both_empty.dice) == (1.0, 1.0, 1.0)
    missed = leaderboard.score(empty, full).voxels
    assert (missed.precision, missed.recall, missed.dice) == (1.0, 0.0, 0.0)


@pytest.mark.parametrize(
    "convert",
    [
        lambda v: v.astype(bool),
        lambda v: v.astype(np.int32) * -7,
        lambda v: v.astype(">u2") * 256,
        lambda v: np.where(v == 0, np.nan, v * 0.25),
        lambda v: v.astype(np.float16),
        np.asfortranarray,
        lambda v: np.repeat(v, 2, axis=2)[:, :, ::2],
    ],
)
def test_any_number_that_is_not_zero_is_foreground(pair, convert):
    assert leaderboard.score(convert(pair[0]), convert(pair[1])) == leaderboard.score(*pair)


def test_ignored_voxels_are_background_in_both_masks(pair):
    prediction, label = pair
    ignored = np.random.default_rng(8).random(label.shape) < 0.2
    expected = leaderboard.score(np.where(ignored, 0, prediction), np.where(ignored, 0, label))
    assert leaderboard.score(prediction, np.where(ignored, 2, label)) == expected
    other = Parameters(ignore_label=255)
    assert (
        leaderboard.score(prediction, np.where(ignored, 255, label), parameters=other) == expected
    )
    assert leaderboard.score(np.where(ignored, 2, prediction), label) != expected


def test_without_an_ignore_label_twos_are_foreground(pair):
    prediction, label = pair
    nothing_ignored = Parameters(ignore_label=None)
    result = leaderboard.score(prediction, label * 2, parameters=nothing_ignored)
    assert result == leaderboard.score(prediction, label)


def test_the_arguments_are_left_as_they_are(pair):
    copies = [mask.copy() for mask in pair]
    for mask in copies:
        mask.flags.writeable = False
    leaderboard.score(*copies)
    assert all((a == b).all() for a, b in zip(copies, pair, strict=True))


def test_a_block_score_is_the_score_of_the_volumes_cut_to_the_block(pair):
    block = (slice(3, 19), slice(0, 18), slice(5, 20))
    inside = leaderboard.score(pair[0][block], pair[1][block])
    contiguous = [np.ascontiguousarray(mask[block]) for mask in pair]
    assert inside == leaderboard.score(*contiguous)
    assert inside != leaderboard.score(*pair)


@pytest.mark.parametrize(
    ("prediction", "label", "message"),
    [
        (np.zeros((2, 3)), np.zeros((2, 3)), r"prediction must be a \(Z, Y, X\) volume.*\(2, 3\)"),
        (np.zeros((2, 3, 4)), np.zeros((2, 4, 3)), r"one shape.*\(2, 3, 4\) and \(2, 4, 3\)"),
        (np.zeros((2, 3, 4)), np.zeros((1, 2, 3, 4)), r"label must be a \(Z, Y, X\) volume"),
        (np.zeros((2, 0, 4)), np.zeros((2, 0, 4)), "prediction has an empty Y axis"),
        (
            np.zeros((1, 1, 1)),
            np.zeros((1, 1, 1), complex),
            "label must be .* got dtype complex128",
        ),
        (np.zeros((1, 1, 1), "U1"), np.zeros((1, 1, 1)), "prediction must be .* got dtype <U1"),
        (
            np.zeros((1, 1, 1), object),
            np.zeros((1, 1, 1)),
            "prediction must be .* got dtype object",
        ),
    ],
)
def test_arrays_that_are_no_masks_are_refused(prediction, label, message):
    with pytest.raises(ValueError, match=message):
        leaderboard.score(prediction, label)


@pytest.mark.parametrize(
    "values",
    [
        {"tolerance": -1.0},
        {"tolerance": math.nan},
        {"spacing": (1.0, 0.0, 1.0)},
        {"spacing": (1.0, 1.0)},
        {"voi_alpha": -0.1},
        {"voi_connectivity": 8},
        {"dimension_weights": (0.5, 0.5, 0.0)},
        {"octants": (2, 2, 0)},
        {"octants": (2, 2, 1.5)},
    ],
)
def test_parameters_outside_their_range_are_refused_by_name(values):
    with pytest.raises(ValueError, match=next(iter(values))):
        Parameters(**values)


def test_negative_part_weights_are_refused():
    with pytest.raises(ValueError, match="part weights"):
        PartWeights(topo=-0.3)


def test_no_workers_are_refused(pair):
    with pytest.raises(ValueError, match="workers must be at least 1, got 0"):
        leaderboard.score(*pair, workers=0)


def test_parameters_reach_the_parts(pair):
    chosen = Parameters(
        tolerance=0.0,
        voi_alpha=1.0,
        voi_connectivity=6,
        part_weights=PartWeights(topo=0.0, surface_dice=1.0, voi=0.0),
        octants=(1, 1, 1),
    )
    usual, result = leaderboard.score(*pair), leaderboard.score(*pair, parameters=chosen)
    assert result.value == result.surface_dice < usual.surface_dice
    assert result.voi.split != usual.voi.split
    assert result.topo.dimensions != usual.topo.dimensions


@pytest.mark.parametrize("parts", [(2, 2, 2), (1, 3, 4)])
@pytest.mark.parametrize("shape", [(1, 2, 3), (7, 8, 9), (320, 5, 1)])
def test_octants_cover_the_volume_once_and_differ_by_one_voxel_at_most(shape, parts):
    covered = np.zeros(shape, int)
    octants = octants_of(shape, parts)
    for octant in octants:
        covered[octant] += 1
        assert covered[octant].size > 0
    assert (covered == 1).all()
    for axis in range(3):
        bounds = sorted({(octant[axis].start, octant[axis].stop) for octant in octants})
        lengths = [stop - start for start, stop in bounds]
        assert lengths == sorted(lengths, reverse=True)
        assert max(lengths) - min(lengths) <= 1


def test_f1_follows_the_rules_for_missing_features():
    only_predicted, only_true = MatchCounts(0, 3, 0), MatchCounts(0, 0, 4)
    some, none = MatchCounts(2, 3, 5), MatchCounts(0, 0, 0)
    assert topo_score([(none, none, none)]).value == 1.0
    assert topo_score([(some, none, none)]).value == pytest.approx(0.5)
    result = topo_score([(only_predicted, only_true, none), (none, none, some)])
    assert [d.f1 for d in result.dimensions] == pytest.approx([0.5 / 3.5, 0.0, 0.5])
    assert result.value == pytest.approx(0.34 * 0.5 / 3.5 + 0.33 * 0.5)


def test_a_score_can_be_cancelled_before_it_begins(pair):
    with pytest.raises(Cancelled):
        leaderboard.score(*pair, cancelled=lambda: True)


@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize("allowed", [1, 4, 9])
def test_no_octant_is_begun_once_the_score_is_cancelled(pair, monkeypatch, workers, allowed):
    module = importlib.import_module("napari_nx46.leaderboard.score")
    match_counts = module.match_counts
    begun, asked = [], []
    lock = threading.Lock()

    def cancelled():
        with lock:
            asked.append(None)
            return len(asked) > allowed

    def counted(prediction, label):
        begun.append(None)
        return match_counts(prediction, label)

    monkeypatch.setattr(module, "match_counts", counted)
    with pytest.raises(Cancelled):
        leaderboard.score(*pair, cancelled=cancelled, workers=workers)
    octants_allowed = max(allowed - 2, 0)  # the two other parts are asked for first
    assert octants_allowed <= len(begun) <= octants_allowed + 1
    asked_before = len(asked)
    time.sleep(0.02)
    assert len(asked) == asked_before  # no thread is left that goes on


def test_it_asks_before_each_octant_and_the_two_other_parts(pair):
    asked = []
    leaderboard.score(*pair, cancelled=lambda: bool(asked.append(None)))
    assert len(asked) == 8 + 2


def test_scores_run_side_by_side_from_several_threads(pair):
    expected = leaderboard.score(*pair)
    results = []
    threads = [
        threading.Thread(target=lambda: results.append(leaderboard.score(*pair))) for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == [expected] * 4


def run_python(program):
    return subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    ).stdout.strip()


def test_importing_the_leaderboard_imports_neither_numba_nor_qt():
    program = (
        "import sys, napari_nx46.leaderboard\n"
        "heavy = {'numba', 'napari', 'qtpy', 'PyQt6', 'scipy', 'skimage'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    assert run_python(program) == "[]"


# These are compiled into their callers.
CALLED_FROM_KERNELS = {
    "elimination.merge_two",
    "elimination.take_relation",
    "runs.run_at",
    "union_find.find_root",
    "words.count_bits_of_word",
    "words.lowest_bit",
}


def test_after_warming_up_no_kernel_is_compiled_any_more():
    program = (Path(__file__).parent / "signatures.py").read_text()
    counted = json.loads(run_python(program))
    assert {name for name, count in counted["warm"].items() if not count} <= CALLED_FROM_KERNELS
    assert counted["after"] == counted["warm"]
    assert len(counted["warm"]) > 12
