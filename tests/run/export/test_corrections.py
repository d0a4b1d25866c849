"""An export has what was corrected by hand, says so, and can be repeated from what it wrote."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from napari_nx46.data.fragments import FragmentError
from napari_nx46.files.corrections import read_corrections
from napari_nx46.files.volumes.origin import VolumeError
from napari_nx46.run.export.export import export, exported_run, run, same_setting
from napari_nx46.run.export.manifest import RunOptions
from napari_nx46.run.export.manifest_reading import read_manifest
from napari_nx46.run.export.targets import corrections_path, manifest_path
from napari_nx46.run.pipelines import PipelineSet
from napari_nx46.setting import Setting
from napari_nx46.voxels.corrections.corrections import Corrections
from tests.run.data import expected_masks, files_in
from tests.run.export.test_export import assert_equal_masks, masks_in_archive, masks_in_folder
from tests.voxels.test_corrections import defined

SETTING = Setting(quantile=0.85, hysteresis=True, low_quantile=0.6, smallest_object=5)


@pytest.fixture
def labels(dataset):
    rng = np.random.default_rng(5)
    labels = {
        image_id: rng.choice(np.array([0, 0, 0, 1, 2], np.uint8), dataset[image_id].shape)
        for image_id in ("a", "c")
    }
    labels["a"][3:5] = 0
    return labels


@pytest.fixture
def corrections(labels):
    return {image_id: Corrections.of(one) for image_id, one in labels.items()}


def corrected_masks(dataset, labels):
    masks = expected_masks(dataset, same_setting(dataset, SETTING))
    return {
        image_id: defined(mask, labels[image_id]) if image_id in labels else mask
        for image_id, mask in masks.items()
    }


def test_archive_and_folder_have_the_corrected_masks(dataset, out, labels, corrections):
    settings = same_setting(dataset, SETTING)
    archive, expected = out / "submission.zip", corrected_masks(dataset, labels)
    result = export(PipelineSet(dataset), settings, archive, corrections=corrections)
    run(PipelineSet(dataset), settings, out / "run", corrections=corrections)
    assert_equal_masks(masks_in_archive(archive), expected)
    found = masks_in_folder(out / "run")
    assert_equal_masks({image_id: found[image_id] for image_id in sorted(found)}, expected)
    for member in result.members:
        assert member.density == expected[member.name.removesuffix(".tif")].mean()
    assert read_corrections(corrections_path(archive)) == corrections
    assert read_corrections(out / "run" / "corrections.npz") == corrections


def test_those_of_an_older_export_are_not_left_beside_one_without(dataset, out, corrections):
    settings, archive = same_setting(dataset, SETTING), out / "submission.zip"
    for given in (corrections, None):
        export(PipelineSet(dataset), settings, archive, corrections=given)
        run(PipelineSet(dataset), settings, out / "run", corrections=given)
    for path in (corrections_path(archive), out / "run" / "corrections.npz"):
        assert read_corrections(path) == {}
    assert_equal_masks(masks_in_archive(archive), expected_masks(dataset, settings))


def test_manifest_and_kept_run_note_what_was_corrected(dataset, out, labels, corrections):
    archive = out / "submission.zip"
    result = export(
        PipelineSet(dataset), same_setting(dataset, SETTING), archive, corrections=corrections
    )
    manifest = json.loads(manifest_path(archive).read_text())
    noted = {entry["image_id"]: entry["corrections"] for entry in manifest["fragments"]}
    assert noted == {
        "a": {
            "voxels_added": int((labels["a"] == 1).sum()),
            "voxels_erased": int((labels["a"] == 2).sum()),
            "sha256": corrections["a"].digest,
        },
        "b": None,
        "c": {
            "voxels_added": corrections["c"].added,
            "voxels_erased": corrections["c"].erased,
            "sha256": corrections["c"].digest,
        },
    }
    assert read_manifest(manifest_path(archive)).fragments.keys() == noted.keys()
    kept = exported_run(result, RunOptions()).metrics
    assert kept["a"]["voxels_erased"] == corrections["a"].erased
    assert "voxels_added" not in kept["b"]


def test_an_export_without_corrections_is_as_it_was(dataset, out):
    settings = same_setting(dataset, SETTING)
    for name, options in (("one", {}), ("two", {"corrections": {}})):
        (out / name).mkdir()
        export(PipelineSet(dataset), settings, out / name / "submission.zip", **options)
    assert files_in(out / "one") == files_in(out / "two")
    assert not corrections_path(out / "one" / "submission.zip").exists()


def test_what_an_export_wrote_repeats_it(dataset, out, corrections):
    settings = same_setting(dataset, SETTING)
    first, second = out / "one" / "submission.zip", out / "two" / "submission.zip"
    for path in (first, second):
        path.parent.mkdir()
        export(PipelineSet(dataset), settings, path, corrections=corrections)
        corrections = read_corrections(corrections_path(path))
    assert files_in(first.parent) == files_in(second.parent)


def test_corrections_of_another_shape_leave_the_archive_as_it_is(dataset, out, corrections):
    archive = out / "submission.zip"
    archive.write_text("old")
    wrong = {**corrections, "a": Corrections.of(np.ones((2, 3, 4), np.uint8))}
    with pytest.raises(FragmentError, match="fragment a: found corrections of shape"):
        export(PipelineSet(dataset), same_setting(dataset, SETTING), archive, corrections=wrong)
    assert files_in(out) == {"submission.zip": b"old"}


def test_corrections_of_fragments_that_are_not_written_are_left_out(dataset, out, corrections):
    strange = {**corrections, "z": replace(corrections["a"], shape=(9, 9, 9))}
    archive = out / "submission.zip"
    export(PipelineSet(dataset), {"a": SETTING}, archive, corrections=strange)
    assert read_corrections(corrections_path(archive)) == {"a": corrections["a"]}
    export(PipelineSet(dataset), {"b": SETTING}, out / "b.zip", corrections=strange)
    with pytest.raises(VolumeError, match="nothing at this path"):
        read_corrections(corrections_path(out / "b.zip"))
