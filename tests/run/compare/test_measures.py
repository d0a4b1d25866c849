"""Masks in files are measured, each against its label where there is one."""

from __future__ import annotations

import csv
import io
import zipfile

import numpy as np
import pytest
import tifffile

from napari_nx46.core.measure.label_bits import LabelBits
from napari_nx46.core.measure.slices import measure_slices
from napari_nx46.core.measure.volume import measure_volume
from napari_nx46.data.fragments import FragmentError
from napari_nx46.files.volumes.origin import VolumeError
from napari_nx46.run.compare.measures import (
    MEASURE_COLUMNS,
    SLICE_COLUMNS,
    measure_masks,
    measures_csv,
    slices_csv,
)
from napari_nx46.voxels.workers import Cancelled, Workers

SHAPES = {"a": (5, 9, 12), "b": (3, 7, 8)}


@pytest.fixture
def masks():
    rng = np.random.default_rng(3)
    return {name: (rng.random(shape) < 0.3).astype(np.uint8) for name, shape in SHAPES.items()}


@pytest.fixture
def labels():
    rng = np.random.default_rng(4)
    return {name: rng.integers(0, 3, shape, np.uint8) for name, shape in SHAPES.items()}


def tiff_bytes(voxels):
    file = io.BytesIO()
    tifffile.imwrite(file, voxels, photometric="minisblack", compression="zlib", metadata=None)
    return file.getvalue()


def write_folder(folder, volumes):
    folder.mkdir(parents=True)
    for name, voxels in volumes.items():
        (folder / f"{name}.tif").write_bytes(tiff_bytes(voxels))
    return folder


def write_archive(path, members):
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return path


def rows_of(text):
    return list(csv.DictReader(io.StringIO(text.decode())))


def assert_measures(measured, image_id, mask, label=None):
    packed = None if label is None else LabelBits.of(label)
    assert measured.image_id == image_id
    assert list(measured.slices) == measure_slices(mask, label=packed)
    assert measured.volume == measure_volume(mask, label=packed)


@pytest.mark.parametrize("foreground", [1, 255])
def test_a_single_mask_is_measured_whatever_its_foreground(tmp_path, masks, foreground):
    path = tmp_path / "a.tif"
    path.write_bytes(tiff_bytes(masks["a"] * np.uint8(foreground)))
    (measured,) = measure_masks([path])
    assert measured.path == path
    assert_measures(measured, "a", masks["a"])


def test_every_mask_of_a_folder_and_of_a_run_is_measured(tmp_path, masks):
    flat = write_folder(tmp_path / "flat", masks)
    run = write_folder(tmp_path / "run" / "masks", masks).parent
    for folder in (flat, run):
        measured = measure_masks([folder])
        for one, (image_id, mask) in zip(measured, masks.items(), strict=True):
            assert_measures(one, image_id, mask)


@pytest.mark.parametrize("foreground", [1, 255])
def test_every_mask_of_an_archive_is_measured(tmp_path, masks, foreground):
    members = {f"{name}.tif": tiff_bytes(mask * foreground) for name, mask in masks.items()}
    archive = write_archive(tmp_path / "submission.zip", members)
    measured = measure_masks([archive])
    for one, (image_id, mask) in zip(measured, masks.items(), strict=True):
        assert one.path == archive
        assert_measures(one, image_id, mask)


def test_masks_are_compared_with_the_labels_of_their_names(tmp_path, masks, labels):
    folder = write_folder(tmp_path / "masks", masks)
    data = write_folder(tmp_path / "data" / "train_labels", labels).parent
    flat = write_folder(tmp_path / "labels", labels)
    workers = Workers(2)
    try:
        for label in (data, flat):
            measured = measure_masks([folder], label, workers=workers)
            for one, image_id in zip(measured, masks, strict=True):
                assert_measures(one, image_id, masks[image_id], labels[image_id])
    finally:
        workers.close()


def test_several_masks_are_compared_with_a_single_label(tmp_path, masks, labels):
    paths = [tmp_path / "mine.tif", tmp_path / "theirs.npy"]
    paths[0].write_bytes(tiff_bytes(masks["a"]))
    np.save(paths[1], 1 - masks["a"])
    label = tmp_path / "label.tif"
    label.write_bytes(tiff_bytes(labels["a"]))
    mine, theirs = measure_masks(paths, label)
    assert_measures(mine, "mine", masks["a"], labels["a"])
    assert_measures(theirs, "theirs", 1 - masks["a"], labels["a"])


def test_the_csv_has_one_row_a_mask_and_leaves_out_what_is_not_known(tmp_path, masks, labels):
    folder = write_folder(tmp_path / "masks", masks)
    measured = measure_masks([folder], write_folder(tmp_path / "labels", labels))
    rows = rows_of(measures_csv(measured, (0.06, 0.12)))
    assert tuple(rows[0]) == MEASURE_COLUMNS
    for row, one in zip(rows, measured, strict=True):
        volume = one.volume
        assert (row["file"], row["fragment"]) == (f"{one.image_id}.tif", one.image_id)
        assert int(row["slices"]) == SHAPES[one.image_id][0]
        assert int(row["components"]) == volume.components
        assert int(row["euler_number"]) == volume.euler_number
        for name in ("density", "mean_continuity", "largest_share", "precision", "recall", "dice"):
            assert float(row[name]) == pytest.approx(getattr(volume, name), rel=1e-8)
        assert float(row["band_distance"]) == pytest.approx(volume.density - 0.12, rel=1e-8)
    bare = rows_of(measures_csv(measure_masks([folder / "a.tif"])))
    assert [bare[0][name] for name in ("precision", "recall", "dice")] == ["", "", ""]


def test_the_csv_has_one_row_a_slice(tmp_path, masks, labels):
    folder = write_folder(tmp_path / "masks", masks)
    measured = measure_masks([folder], write_folder(tmp_path / "labels", labels))
    rows = rows_of(slices_csv(measured))
    assert tuple(rows[0]) == SLICE_COLUMNS
    slices = [(one.image_id, figures) for one in measured for figures in one.slices]
    assert len(rows) == len(slices) == 8
    for row, (image_id, figures) in zip(rows, slices, strict=True):
        assert (row["fragment"], int(row["z"])) == (image_id, figures.z)
        assert int(row["components"]) == figures.components
        assert int(row["euler_number"]) == figures.euler_number
        assert (row["continuity"] == "") is (figures.z == 0)
        names = ("density", "largest_share", "precision", "recall", "dice", "recall_loss")
        for name in names:
            assert float(row[name]) == pytest.approx(getattr(figures, name), rel=1e-8, abs=1e-12)


def test_slices_that_the_label_ignores_have_no_figures_against_it(tmp_path, masks, labels):
    folder = write_folder(tmp_path / "masks", masks)
    labels["a"][1] = 2
    labels["b"][:] = 2
    of_a, of_b = measure_masks([folder], write_folder(tmp_path / "labels", labels))
    rows = [row for row in rows_of(slices_csv([of_a, of_b])) if row["ignored"] == "1"]
    assert {(row["fragment"], int(row["z"])) for row in rows} == {
        ("a", 1),
        *(("b", z) for z in range(len(masks["b"]))),
    }
    for row in rows:
        assert [row[name] for name in ("precision", "recall", "dice", "recall_loss")] == [""] * 4
    assert of_a.volume.dice is not None
    assert of_b.volume.dice is None


def test_progress_is_reported_after_each_mask(tmp_path, masks):
    reported = []
    folder = write_folder(tmp_path / "masks", masks)
    measure_masks([folder], progress=lambda *what: reported.append(what))
    assert reported == [("a", 1, 2), ("b", 2, 2)]


def test_measuring_masks_can_be_cancelled(tmp_path, masks):
    folder = write_folder(tmp_path / "masks", masks)
    with pytest.raises(Cancelled):
        measure_masks([folder], cancelled=lambda: True)
    archive = write_archive(tmp_path / "s.zip", {"a.tif": tiff_bytes(masks["a"])})
    with pytest.raises(Cancelled):
        measure_masks([archive], cancelled=lambda: True)


@pytest.mark.parametrize("values", [(1, 2), (0.25, 0.5)])
def test_what_is_no_binary_mask_is_refused(tmp_path, values):
    voxels = np.zeros((2, 3, 4), np.asarray(values).dtype)
    voxels[0, 0, :2] = values
    np.save(tmp_path / "a.npy", voxels)
    with pytest.raises(FragmentError, match=r"fragment a: found values .* expected a binary mask"):
        measure_masks([tmp_path / "a.npy"])


@pytest.mark.parametrize("values", [(1.0, np.nan), (np.nan, np.nan)])
def test_a_mask_with_nan_is_refused(tmp_path, values):
    voxels = np.zeros((2, 3, 4))
    voxels[0, 0, :2] = values
    np.save(tmp_path / "a.npy", voxels)
    with pytest.raises(VolumeError, match=r"found [12] voxels of NaN"):
        measure_masks([tmp_path / "a.npy"])


def test_masks_without_a_label_of_their_name_or_shape_are_refused(tmp_path, masks, labels):
    folder = write_folder(tmp_path / "masks", masks)
    only_a = write_folder(tmp_path / "labels", {"a": labels["a"]})
    with pytest.raises(FragmentError, match=r"found no label of b in .*labels"):
        measure_masks([folder], only_a)
    with pytest.raises(FragmentError, match=r"fragment b: .*\(3, 7, 8\).*\(5, 9, 12\)"):
        measure_masks([folder], only_a / "a.tif")


def test_paths_that_hold_no_mask_are_refused(tmp_path, masks):
    (tmp_path / "empty").mkdir()
    with pytest.raises(FragmentError, match=r"nowhere.*found nothing"):
        measure_masks([tmp_path / "nowhere"])
    with pytest.raises(FragmentError, match="found no volume"):
        measure_masks([tmp_path / "empty"])
    mask = tmp_path / "a.tif"
    mask.write_bytes(tiff_bytes(masks["a"]))
    with pytest.raises(FragmentError, match=r"nowhere.*found nothing.*label"):
        measure_masks([mask], tmp_path / "nowhere")


@pytest.mark.parametrize(
    ("members", "message"),
    [
        ({"../a.tif": b""}, "unsafe-name"),
        ({"a.tif": b"no tiff"}, r"found no valid submission: .*a\.tif"),
        ({}, "empty-archive"),
    ],
)
def test_archives_that_are_no_submission_are_refused_with_the_reason(tmp_path, members, message):
    archive = write_archive(tmp_path / "s.zip", members)
    with pytest.raises(VolumeError, match=message):
        measure_masks([archive])
