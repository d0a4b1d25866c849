"""What a comparison reports: scores, runs, knobs, worst slices, and the pages."""

from __future__ import annotations

import csv
import html
import io
import re
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from napari_nx46 import leaderboard
from napari_nx46.core.measure.label_bits import LabelBits
from napari_nx46.core.measure.volume import measure_volume
from napari_nx46.data.fragments import FragmentError
from napari_nx46.files.atomic import WriteError
from napari_nx46.files.workspace import SavedRun
from napari_nx46.run.compare.comparison import (
    ComparedFragment,
    MaskFigures,
    compare_sides,
    knob_differences,
)
from napari_nx46.run.compare.pairing import MaskPair, find_labels, pair_sides
from napari_nx46.run.compare.report import (
    COMPARISON_COLUMNS,
    check_report_target,
    comparison_csv,
    comparison_html,
    comparison_markdown,
    comparison_tables,
    figure_text,
)
from napari_nx46.run.compare.setting_sides import run_side
from napari_nx46.run.compare.stored_mask import StoredMask
from napari_nx46.run.export.export import same_setting
from napari_nx46.run.export.targets import manifest_path
from napari_nx46.run.pipelines import PipelineSet
from napari_nx46.setting import Domain, ThresholdRule
from napari_nx46.voxels.overlap import overlap_by_slice
from napari_nx46.voxels.workers import Cancelled, Workers
from tests.run.compare.comparing import export_to, sha256, write_masks
from tests.run.compare.random_masks import SETTING_A, SHAPES, assert_reported, compared, side_of
from tests.run.data import expected_masks

# ---- labels --------------------------------------------------------------------------------


def test_with_labels_each_side_has_its_leaderboard_score(tmp_path, masks_a, masks_b):
    rng = np.random.default_rng(9)
    labels = {name: rng.integers(0, 3, shape, np.uint8) for name, shape in SHAPES.items()}
    write_masks(tmp_path / "data" / "train_labels", labels)
    sides = [
        side_of(write_masks(tmp_path / name, masks))
        for name, masks in (("one", masks_a), ("other", masks_b))
    ]
    pairing = pair_sides(*sides)
    report = compare_sides(pairing, find_labels(pairing.pairs, tmp_path / "data"))
    for one in report.fragments:
        for figures, masks in ((one.a, masks_a), (one.b, masks_b)):
            mask, label = masks[one.image_id], labels[one.image_id]
            assert figures.volume == measure_volume(mask, label=LabelBits.of(label))
            assert figures.score == leaderboard.score(mask, label)
            assert figures.as_record()["leaderboard_score"] == figures.score.value
    mean_a, mean_b = report.means()
    for mean, masks in ((mean_a, masks_a), (mean_b, masks_b)):
        scores = [leaderboard.score(masks[name], labels[name]).value for name in SHAPES]
        assert mean["leaderboard_score"] == pytest.approx(sum(scores) / 2)


def test_labels_that_are_missing_or_do_not_fit_are_an_error(tmp_path, masks_a):
    side = side_of(write_masks(tmp_path / "m", masks_a))
    pairs = pair_sides(side, side).pairs
    labels = write_masks(tmp_path / "labels", {"b": masks_a["b"]})
    with pytest.raises(FragmentError, match=r"found no label of a in .*labels"):
        find_labels(pairs, labels)
    with pytest.raises(FragmentError, match=r"found no label of a in .*b\.tif"):
        find_labels(pairs, labels / "b.tif")
    with pytest.raises(FragmentError, match="gone: found nothing"):
        find_labels(pairs, tmp_path / "gone")
    write_masks(labels, {"a": masks_a["a"][1:]})
    with pytest.raises(
        FragmentError, match=r"fragment a: found shape \(5, 9, 12\) in the masks but"
    ):
        find_labels(pairs, labels)


# ---- runs of the workspace -----------------------------------------------------------------


@pytest.fixture
def saved(dataset, out):
    """Return a run as a workspace keeps it, with its archive."""
    archive = out / "submission.zip"
    result, _ = export_to(archive, dataset, SETTING_A, "kept")
    return SavedRun(
        same_setting(dataset, SETTING_A),
        {member.image_id: {"density": member.density} for member in result.members},
        tag="kept",
        archive=archive,
        archive_sha256=sha256(archive),
        public_score=0.3,
        id=4,
    )


def test_a_run_of_the_workspace_is_its_archive_while_that_is_unchanged(saved, dataset):
    manifest_path(saved.archive).unlink()
    side = run_side(saved)
    assert (side.name, side.tag, side.public_score) == ("run 4 (kept)", "kept", 0.3)
    report = compared(side, side)
    assert_reported(report, *[expected_masks(dataset, saved.settings)] * 2)
    assert report.notes == ("the settings of A and B are the same",)


def test_a_run_whose_archive_is_missing_or_changed_is_reported(saved, dataset):
    pipelines = PipelineSet(dataset)
    archived = run_side(saved)
    saved.archive.rename(saved.archive.with_name("moved.zip"))
    for fault in ("is missing", "was changed: found SHA-256"):
        with pytest.raises(FragmentError, match=rf"run 4 \(kept\): .*{fault}.*--data DATA"):
            run_side(saved)
        side = run_side(saved, pipelines)
        assert len(side.notes) == 1
        assert fault in side.notes[0]
        assert "computed from its settings" in side.notes[0]
        assert [mask.shape for mask in side.masks.values()] == [
            mask.shape for mask in archived.masks.values()
        ]
        assert compared(side, side).fragments[0].overlap.dice == 1.0
        saved.archive.write_bytes(b"another one")
    with pytest.raises(FragmentError, match="it has no archive"):
        run_side(replace(saved, archive=None, archive_sha256=None))


def test_figures_that_are_not_those_kept_of_a_run_are_reported(saved):
    kept = dict(saved.metrics) | {"b": {"density": 0.25, "mean_continuity": None}}
    report = compared(run_side(replace(saved, metrics=kept)), run_side(saved))
    (note,) = [note for note in report.notes if "kept" in note and "found" in note]
    assert note.startswith("run 4 (kept): fragment b: found density 0.1")
    assert note.endswith("but 0.25 was kept of the run")


# ---- knobs, worst slices, cancelling -------------------------------------------------------


def pair_with(image_id, setting):
    """Return a pair whose first mask is of `SETTING_A`; its masks cannot be read."""
    return MaskPair(
        image_id,
        *(
            StoredMask(image_id, (1, 1, 1), None, lambda _cancelled: None, one)
            for one in (SETTING_A, setting)
        ),
    )


def test_knobs_that_differ_are_reported_for_all_fragments_or_for_each():
    fitted = SETTING_A.changed(rule=ThresholdRule.PROBABILITY, weights={"p3d": 2.0}, opening=True)
    pairs = [
        pair_with("x", fitted),
        pair_with("y", fitted.changed(probability=0.7)),
        pair_with("z", None),
    ]
    reported = [
        (one.knob, one.image_id, one.value_a, one.value_b) for one in knob_differences(pairs)
    ]
    assert ("rule", None, "quantile", "probability") in reported
    assert ("quantile", None, "0.9", "not used") in reported
    assert ("weights", None, "none", "p3d=2") in reported
    assert ("opening", None, "off", "on") in reported
    assert [one[1:] for one in reported if one[0] == "probability"] == [
        ("x", "not used", f"{fitted.probability:g}"),
        ("y", "not used", "0.7"),
    ]
    assert not [one for one in reported if one[0] in {"z_radius", "low_probability", "block"}]
    block = SETTING_A.changed(domain=Domain.BLOCK, block=((0, 2), (1, 3), (0, 9)))
    reported = {one.knob: one.value_b for one in knob_differences([pair_with("x", block)])}
    assert reported == {"domain": "block", "block": "0:2,1:3,0:9"}


@given(*[arrays(np.uint8, (6, 3, 4), elements=st.integers(0, 1)) for _ in "ab"])
def test_the_worst_slices_are_those_with_the_lowest_dice(mask_a, mask_b):
    slices = overlap_by_slice(mask_a, mask_b)
    figures = MaskFigures(measure_volume(mask_a))
    fragment = ComparedFragment("f", mask_a.shape, figures, figures, slices)
    differing = [z for z in range(6) if (mask_a[z] != mask_b[z]).any()]
    worst = fragment.slices.worst_slices(3)
    assert worst == fragment.slices.worst_slices(6)[:3]
    assert sorted(fragment.slices.worst_slices(6)) == differing
    dice = [slices[z].dice for z in fragment.slices.worst_slices(6)]
    assert dice == sorted(dice)


def test_a_comparison_can_be_cancelled_and_says_how_far_it_is(tmp_path, masks_a, masks_b):
    sides = [
        side_of(write_masks(tmp_path / name, masks))
        for name, masks in (("one", masks_a), ("other", masks_b))
    ]
    shares = []
    compared(*sides, progress=shares.append)
    assert shares == [0.5, 1.0]
    with pytest.raises(Cancelled):
        compared(*sides, cancelled=lambda: True)


def test_markdown_and_html_hold_what_the_tables_hold(report):
    tables = comparison_tables(report)
    assert [table.title for table in tables] == ["Sides", "Files", "Figures", "Overlap"]
    markdown = comparison_markdown(report).decode()
    lines = [
        [cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]]
        for line in markdown.splitlines()
        if line.startswith("|") and "---" not in line
    ]
    wanted = [[*row] for table in tables for row in (table.columns, *table.rows)]
    assert [[re.sub(r"\\(.)", r"\1", cell) for cell in line] for line in lines] == wanted
    page = comparison_html(report).decode()
    cells = re.findall(r"<t[dh]>(.*?)</t[dh]>", page)
    assert [html.unescape(cell) for cell in cells] == [cell for row in wanted for cell in row]
    assert "<script" not in page
    assert not re.search(r"(src|href|url|@import)", page)
    for note in report.notes:
        assert html.escape(note) in page


def test_the_csv_holds_every_figure_in_full(report):
    rows = list(csv.DictReader(io.StringIO(comparison_csv(report).decode())))
    assert tuple(rows[0]) == COMPARISON_COLUMNS
    for one in report.fragments:
        a, b = one.a.as_record(), one.b.as_record()
        found = {
            row["name"]: row
            for row in rows
            if (row["section"], row["fragment"]) == ("figure", one.image_id)
        }
        assert list(found) == list(a)
        for name, row in found.items():
            assert float(row["a"]) == pytest.approx(a[name], rel=1e-8)
            assert float(row["b"]) == pytest.approx(b[name], rel=1e-8)
            assert float(row["delta"]) == pytest.approx(b[name] - a[name], abs=1e-8)
        (voxels,) = (
            row for row in rows if row["name"] == "voxels" and row["fragment"] == one.image_id
        )
        whole = one.overlap
        counts = (whole.only_a, whole.only_b, whole.both)
        assert tuple(int(voxels[name]) for name in ("a", "b", "both")) == counts
    hashes = {row["a"] or row["b"] for row in rows if row["section"] == "file"}
    assert hashes == {file.sha256 for side in (report.a, report.b) for file in side.files}


@pytest.mark.parametrize(
    ("name", "value", "signed", "text"),
    [
        ("density", 0.25, False, "0.250000"),
        ("density", 0.25, True, "+0.250000"),
        ("density", -1e-9, True, "0.000000"),
        ("components", 12.0, True, "+12"),
        ("components", 12.5, False, "12.500000"),
        ("euler_number", -3, True, "-3"),
        ("recall", None, True, ""),
    ],
)
def test_figures_are_reported_with_their_decimals(name, value, signed, text):
    assert figure_text(name, value, signed=signed) == text


def test_a_report_is_never_written_over_what_is_compared(tmp_path, report):
    sides = (report.a, report.b)
    path = tmp_path / "labels" / "a.tif"
    write_masks(path.parent, {"a": np.ones(SHAPES["a"], np.uint8)})
    side = side_of(path)
    labels = find_labels(pair_sides(side, side).pairs, path)
    check_report_target(tmp_path / "report.md", sides, labels)
    for taken in (report.b.files[0].path, path, tmp_path / "labels" / ".." / "labels" / "a.tif"):
        with pytest.raises(WriteError, match="that is compared is there"):
            check_report_target(taken, sides, labels)
    with pytest.raises(WriteError, match="that is compared is there"):
        check_report_target(tmp_path / "data.md", sides, labels, [tmp_path / "data.md"])


def test_real_archives_are_compared(shared):
    archives = [
        shared / "real" / name
        for name in ("competitor_0.552.submission.zip", "nx46_v7.5.submission.zip")
    ]
    if not all(path.is_file() for path in archives):
        pytest.skip(f"needs published archives in {shared}")
    (fragment,) = compared(*map(side_of, archives), workers=Workers(2)).fragments
    assert fragment.shape == (320, 320, 320)
    assert fragment.a.volume.density == pytest.approx(0.094122, abs=1e-6)
    assert fragment.b.volume.density == pytest.approx(0.023418, abs=1e-6)
    whole = fragment.overlap
    voxels = 320**3
    assert (whole.both + whole.only_a) / voxels == fragment.a.volume.density
    assert (whole.both + whole.only_b) / voxels == fragment.b.volume.density
