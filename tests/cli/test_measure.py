"""The command nx46 measure."""

from __future__ import annotations

import csv
import json

import numpy as np
import pytest

from napari_nx46.core.measure.label_bits import LabelBits
from napari_nx46.core.measure.slices import measure_slices
from napari_nx46.core.measure.volume import measure_volume
from napari_nx46.run.compare.measures import measure_masks, measures_csv, slices_csv
from tests.command import nx46, nx46_here
from tests.run.compare.comparing import tiff_bytes, write_archive, write_masks

SHAPES = {"a": (6, 9, 11), "b": (5, 12, 8)}


@pytest.fixture
def masks():
    rng = np.random.default_rng(8)
    return {name: (rng.random(shape) < 0.2).astype(np.uint8) for name, shape in SHAPES.items()}


@pytest.fixture
def labels(tmp_path):
    rng = np.random.default_rng(9)
    volumes = {name: rng.integers(0, 3, shape, np.uint8) for name, shape in SHAPES.items()}
    write_masks(tmp_path / "data" / "train_labels", volumes)
    return volumes


@pytest.fixture
def folder(tmp_path, masks):
    return write_masks(tmp_path / "masks", masks)


def test_the_table_and_the_files_have_the_figures_of_every_mask(folder, masks, tmp_path):
    written = tmp_path / "figures.csv", tmp_path / "slices.csv"
    ran = nx46("measure", folder, "--csv", written[0], "--slices", written[1], "--band", "0:0.15")
    assert ran.returncode == 0, ran.stderr
    assert ran.stderr == f"wrote {written[0]}\nwrote {written[1]}\n"
    head, *lines = [line.split() for line in ran.stdout.splitlines()]
    assert head[:4] == ["fragment", "slices", "density", "band"]
    for line, (name, mask) in zip(lines, masks.items(), strict=True):
        figures = measure_volume(mask)
        assert line == [
            name,
            str(len(mask)),
            f"{mask.mean():.6f}",
            "above",
            f"{figures.mean_continuity:.6f}",
            str(figures.components),
            f"{figures.largest_share:.6f}",
            str(figures.euler_number),
        ]
    measured = measure_masks([folder])
    assert written[0].read_bytes() == measures_csv(measured, (0.0, 0.15))
    assert written[1].read_bytes() == slices_csv(measured)
    rows = list(csv.DictReader(written[0].read_text().splitlines()))
    assert float(rows[0]["band_distance"]) == pytest.approx(masks["a"].mean() - 0.15)


def test_several_files_are_reported_apart_and_compared_with_their_labels(
    folder, masks, labels, tmp_path
):
    archive = write_archive(tmp_path / "s.zip", {"b": masks["b"]})
    ran = nx46_here("measure", folder / "a.tif", archive, "--label", tmp_path / "data")
    assert ran.exit_code == 0, ran.stderr
    lines = [line.split() for line in ran.stdout.splitlines()]
    assert lines[0][0] == "file"
    assert lines[0][-3:] == ["precision", "recall", "dice"]
    assert [line[:2] for line in lines[1:]] == [["a.tif", "a"], ["s.zip", "b"]]
    for line, name in zip(lines[1:], "ab", strict=True):
        figures = measure_volume(masks[name], label=LabelBits.of(labels[name]))
        reported = [f"{value:.6f}" for value in (figures.precision, figures.recall, figures.dice)]
        assert line[-3:] == reported


def test_json_has_every_figure_of_every_slice(folder, masks, labels, tmp_path):
    label = tmp_path / "data" / "train_labels" / "a.tif"
    ran = nx46_here("measure", folder / "a.tif", "--label", label, "--json")
    assert ran.exit_code == 0, ran.stderr
    (record,) = json.loads(ran.stdout)
    bits = LabelBits.of(labels["a"])
    figures = measure_volume(masks["a"], label=bits)
    assert record["file"] == str(folder / "a.tif")
    assert {name: record[name] for name in figures.as_record()} == figures.as_record()
    assert record["band_distance"] == figures.distance_from((0.06, 0.12))
    slices = measure_slices(masks["a"], label=bits)
    for found, expected in zip(record["slices"], slices, strict=True):
        assert found == {name: getattr(expected, name) for name in found}
    assert {"z", "continuity", "components", "recall_loss"} <= set(record["slices"][0])


def test_what_cannot_be_measured_leaves_older_files_alone(folder, masks, labels, tmp_path):
    target = tmp_path / "figures.csv"
    target.write_text("of yesterday")
    (folder / "a.tif").write_bytes(tiff_bytes(masks["a"] * np.arange(1, 12, dtype=np.uint8)))
    for arguments, reported in (
        ([tmp_path / "gone"], "gone: found nothing at this path"),
        ([folder], "expected a binary mask"),
        ([folder / "b.tif", "--label", tmp_path / "data" / "train_labels" / "a.tif"], "shape"),
    ):
        ran = nx46_here("measure", *arguments, "--csv", target)
        assert (ran.exit_code, ran.stdout) == (2, "")
        assert reported in ran.stderr
        assert target.read_text() == "of yesterday"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["data", "figures.csv", "masks"]


def test_nothing_is_written_over_a_mask_or_a_label(folder, labels, tmp_path):
    before = {path: path.read_bytes() for path in tmp_path.rglob("*.tif")}
    label = tmp_path / "data" / "train_labels" / "a.tif"
    for target in (folder / "a.tif", folder / "c.tif", label):
        for flag in ("--csv", "--slices"):
            ran = nx46_here("measure", folder, "--label", label.parent, flag, target)
            assert ran.exit_code == 2
            assert "a mask or label may be there" in ran.stderr
    assert {path: path.read_bytes() for path in tmp_path.rglob("*.tif")} == before
    assert nx46_here("measure", folder, "--csv", folder / "figures.csv").exit_code == 0
    same = nx46_here("measure", folder, "--csv", "x.csv", "--slices", "./x.csv")
    assert same.exit_code == 2
    assert "Invalid value for --slices" in same.stderr


def test_a_band_that_is_none_is_refused(folder):
    ran = nx46_here("measure", folder, "--band", "0.5:0.1")
    assert ran.exit_code == 2
    assert "Invalid value for --band" in ran.stderr
