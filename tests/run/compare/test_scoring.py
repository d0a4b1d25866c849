"""Pairing masks with labels, and their scores."""

from __future__ import annotations

import csv
import io
import zipfile

import numpy as np
import pytest

from napari_nx46 import leaderboard
from napari_nx46.data.fragments import FragmentError
from napari_nx46.files.atomic import WriteError
from napari_nx46.files.volumes.opening import VolumeError
from napari_nx46.run.compare.scoring import (
    check_score_target,
    pair_up,
    parts_of,
    score_pairs,
    scores_csv,
)
from tests.pairs import write_tiff

SHAPES = {"a": (6, 9, 11), "b": (5, 12, 8)}


def volume(seed, shape, values=2):
    return np.random.default_rng(seed).integers(0, values, shape, dtype=np.uint8)


PREDICTIONS = {
    name: volume(len(shape) + i, shape) for i, (name, shape) in enumerate(SHAPES.items())
}
LABELS = {name: volume(90 + i, shape, 3) for i, (name, shape) in enumerate(SHAPES.items())}


@pytest.fixture
def folders(tmp_path):
    for name in SHAPES:
        write_tiff(tmp_path / "predictions" / f"{name}.tif", PREDICTIONS[name])
        write_tiff(tmp_path / "labels" / f"{name}.tif", LABELS[name])
    return tmp_path / "predictions", tmp_path / "labels"


def expected(**changed):
    return {
        name: leaderboard.score(changed.get(name, PREDICTIONS[name]), LABELS[name])
        for name in SHAPES
    }


def test_folders_pair_up_by_image_id_whatever_the_format(folders):
    predictions, labels = folders
    (predictions / "b.tif").unlink()
    np.save(predictions / "b.npy", PREDICTIONS["b"].astype(np.float32))
    (predictions / "notes.txt").write_text("not a volume")
    pairs = pair_up(predictions, labels)
    assert [pair.image_id for pair in pairs] == ["a", "b"]
    assert score_pairs(pairs) == expected()


def test_a_run_folder_and_a_data_folder_are_folders_of_masks_and_labels(folders):
    predictions, labels = folders
    root = predictions.parent / "moved"
    (root / "run").mkdir(parents=True)
    predictions.rename(root / "run" / "masks")
    labels.rename(root / "train_labels")
    assert score_pairs(pair_up(root / "run", root)) == expected()


@pytest.mark.parametrize("foreground", [1, 255])
def test_an_archive_pairs_up_with_a_folder_of_labels(folders, foreground):
    predictions, labels = folders
    archive = predictions.parent / "submission.zip"
    with zipfile.ZipFile(archive, "w") as opened:
        for name, mask in PREDICTIONS.items():
            path = write_tiff(predictions / f"{name}.tif", mask * np.uint8(foreground))
            opened.write(path, path.name)
    assert score_pairs(pair_up(archive, labels)) == expected()


def test_two_volumes_are_a_pair_whatever_their_names(folders):
    predictions, labels = folders
    (pair,) = pair_up(predictions / "a.tif", (labels / "a.tif").rename(labels / "my label.tif"))
    assert pair.image_id == "my label"
    assert score_pairs([pair])["my label"] == expected()["a"]


def test_a_prediction_is_not_scored_against_the_label_of_another_fragment(folders):
    predictions, labels = folders
    (labels / "b.tif").unlink()
    assert score_pairs(pair_up(predictions / "a.tif", labels)) == {"a": expected()["a"]}
    write_tiff(predictions / "c.tif", PREDICTIONS["a"])
    with pytest.raises(FragmentError, match=r"no prediction of a in .* and no label of c"):
        pair_up(predictions / "c.tif", labels)


def test_fragments_without_a_partner_are_named(folders):
    predictions, labels = folders
    write_tiff(predictions / "c.tif", PREDICTIONS["a"])
    (predictions / "a.tif").unlink()
    with pytest.raises(
        FragmentError, match=r"no prediction of a in .*predictions and no label of c in .*labels"
    ):
        pair_up(predictions, labels)


def test_shapes_that_differ_are_reported_with_both_files(folders):
    predictions, labels = folders
    write_tiff(predictions / "b.tif", PREDICTIONS["a"])
    with pytest.raises(FragmentError, match=r"fragment b: .*\(6, 9, 11\).*\(5, 12, 8\)"):
        pair_up(predictions, labels)


def test_two_files_of_one_fragment_are_not_guessed_between(folders):
    predictions, labels = folders
    np.save(predictions / "b.npy", PREDICTIONS["b"])
    with pytest.raises(FragmentError, match="fragment b: found two files"):
        pair_up(predictions, labels)


def test_a_folder_without_volumes_and_mixed_kinds_are_reported(folders, tmp_path):
    predictions, labels = folders
    (tmp_path / "empty").mkdir()
    with pytest.raises(FragmentError, match="empty: found no volume"):
        pair_up(tmp_path / "empty", labels)
    with pytest.raises(FragmentError, match=r"no label of b in .*a\.tif"):
        pair_up(predictions, labels / "a.tif")
    with pytest.raises(FragmentError, match=r"no prediction of b in .*a\.tif"):
        pair_up(predictions / "a.tif", labels)
    with pytest.raises(FragmentError, match=r"z\.zip: found nothing.*expected a mask"):
        pair_up(predictions / "z.zip", labels)
    with pytest.raises(FragmentError, match="z: found nothing at this path, expected a label"):
        pair_up(predictions, labels / "z")


def test_labels_hold_only_what_labels_hold_unless_another_value_is_ignored(folders):
    predictions, labels = folders
    write_tiff(labels / "a.tif", np.where(LABELS["a"] == 2, 255, LABELS["a"]).astype(np.uint8))
    with pytest.raises(VolumeError, match="255"):
        score_pairs(pair_up(predictions, labels))
    pair = pair_up(predictions / "a.tif", labels / "a.tif", ignore_label=255)
    assert score_pairs(pair, leaderboard.Parameters(ignore_label=255))["a"] == expected()["a"]


def test_a_prediction_that_is_no_binary_mask_is_reported(folders):
    predictions, labels = folders
    (predictions / "b.tif").unlink()
    odd = PREDICTIONS["b"] * np.linspace(0.25, 1, 8, dtype=np.float32)
    np.save(predictions / "b.npy", odd)
    reported = []
    scores = score_pairs(pair_up(predictions, labels), notify=reported.append)
    assert scores == expected(b=odd)
    (note,) = reported
    assert note.startswith("note: fragment b: found values from 0.25")
    assert "to 1.0 in" in note


def test_nan_in_a_prediction_is_refused_and_counted(folders):
    predictions, labels = folders
    (predictions / "b.tif").unlink()
    voxels = PREDICTIONS["b"].astype(np.float32)
    voxels[0, 0, :3] = np.nan
    np.save(predictions / "b.npy", voxels)
    with pytest.raises(VolumeError, match=r"fragment b\): found 3 voxels of NaN"):
        score_pairs(pair_up(predictions, labels))


def test_progress_goes_through_every_part_to_the_last(folders):
    pairs = pair_up(*folders)
    seen = []
    score_pairs(pairs, progress=lambda *step: seen.append(step))
    for pair in pairs:
        steps = [done for image_id, done, of in seen if image_id == pair.image_id]
        assert steps == [*range(1, 11), parts_of(pair)] == [*range(1, 12)]


@pytest.mark.parametrize("allowed", [0, 3, 14])
def test_scoring_stops_between_parts(folders, allowed):
    asked = []
    with pytest.raises(leaderboard.Cancelled):
        score_pairs(
            pair_up(*folders), cancelled=lambda: len(asked) == allowed or asked.append(None)
        )


def test_the_csv_has_a_row_a_fragment_with_every_figure(folders):
    scores = score_pairs(pair_up(*folders))
    rows = list(csv.DictReader(io.StringIO(scores_csv(scores).decode())))
    assert [row["fragment"] for row in rows] == ["a", "b"]
    for row, result in zip(rows, scores.values(), strict=True):
        record = result.as_record()
        counts = record.pop("counts")
        del record["f1_per_dim"]
        assert {key: float(row[key]) for key in record} == record
        for k in range(3):
            names = (f"dim{k}_matched", f"dim{k}_predicted", f"dim{k}_true")
            assert [int(row[name]) for name in names] == list(counts[f"dim{k}"].values())


def test_a_table_does_not_overwrite_what_is_scored(folders):
    predictions, labels = folders
    pairs = pair_up(predictions, labels)
    for source in (predictions / "a.tif", labels / "b.tif"):
        with pytest.raises(WriteError, match="choose another place"):
            check_score_target(source, pairs)
    check_score_target(predictions / "scores.csv", pairs)
