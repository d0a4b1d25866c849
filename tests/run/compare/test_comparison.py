"""Masks of archives, folders and settings are compared."""

from __future__ import annotations

import json
import re

import numpy as np
import pytest

from napari_nx46.data.fragments import FragmentError
from napari_nx46.files.volumes.origin import VolumeError
from napari_nx46.run.compare.comparison import compare_sides
from napari_nx46.run.compare.pairing import pair_sides
from napari_nx46.run.compare.setting_sides import setting_side
from napari_nx46.run.export.export import run, same_setting
from napari_nx46.run.export.targets import manifest_path
from napari_nx46.run.pipelines import PipelineSet
from napari_nx46.setting import Domain, Setting
from napari_nx46.voxels.workers import Workers
from tests.run.compare.comparing import export_to, sha256, write_archive, write_masks
from tests.run.compare.random_masks import SETTING_A, assert_reported, compared, side_of
from tests.run.data import expected_masks

SETTING_B = Setting(quantile=0.8, blend=0.3, z_radius=1)


# ---- sides ---------------------------------------------------------------------------------


def test_an_archive_is_compared_with_a_setting_of_the_same_data(dataset, out):
    export_to(out / "submission.zip", dataset, SETTING_A, "a tag")
    archive = side_of(out / "submission.zip")
    pipelines = PipelineSet(dataset, workers=Workers(1))
    report = compared(
        archive, setting_side("B's", same_setting(dataset, SETTING_B), pipelines, None)
    )
    expected = [
        expected_masks(dataset, same_setting(dataset, one)) for one in (SETTING_A, SETTING_B)
    ]
    assert_reported(report, *expected)
    assert archive.tag == "a tag"
    assert [(file.path, file.sha256) for file in archive.files] == [
        (out / "submission.zip", sha256(out / "submission.zip"))
    ]
    assert [(one.knob, one.image_id, one.value_a, one.value_b) for one in report.knobs] == [
        ("quantile", None, "0.9", "0.8")
    ]
    assert report.notes == ()


def test_a_threshold_of_the_whole_data_set_makes_the_masks_of_its_definition(dataset):
    setting = SETTING_A.changed(domain=Domain.DATASET)
    pipelines = PipelineSet(dataset, workers=Workers(1), memory_budget=0)
    sides = [
        setting_side(name, same_setting(dataset, one), pipelines)
        for name, one in (("one", setting), ("other", SETTING_B))
    ]
    expected = [expected_masks(dataset, same_setting(dataset, one)) for one in (setting, SETTING_B)]
    assert_reported(compared(*sides), *expected)


def test_what_a_run_has_written_equals_the_archive_of_its_setting(dataset, out):
    export_to(out / "submission.zip", dataset, SETTING_A)
    folder = out / "run"
    run(PipelineSet(dataset), same_setting(dataset, SETTING_A), folder)
    report = compared(side_of(folder), side_of(out / "submission.zip"))
    assert [one.overlap.dice for one in report.fragments] == [1.0, 1.0, 1.0]
    assert all(one.slices.worst_slices(9) == [] for one in report.fragments)
    assert [file.sha256 for file in report.a.files] == [
        sha256(folder / "masks" / f"{name}.tif") for name in dataset.image_ids
    ]
    assert report.knobs == ()
    assert report.notes == ("the settings of A and B are the same",)


@pytest.mark.parametrize("foreground", [1, 255])
def test_archives_of_either_convention_are_compared(tmp_path, masks_a, masks_b, foreground):
    first = write_archive(
        tmp_path / "a.zip", {name: mask * np.uint8(foreground) for name, mask in masks_a.items()}
    )
    second = write_archive(tmp_path / "b.zip", masks_b)
    report = compared(side_of(first), side_of(second))
    assert_reported(report, masks_a, masks_b)
    assert report.knobs == ()
    assert [note.partition(" are not known")[0] for note in report.notes] == [
        "the settings of A (a.zip)",
        "the settings of B (b.zip)",
    ]


def test_an_archive_that_is_not_valid_is_no_side(tmp_path, masks_a):
    path = write_archive(tmp_path / "a.zip", masks_a | {"c": masks_a["a"][:1]})
    with pytest.raises(VolumeError, match=r"a\.zip: found no valid submission: .*single page"):
        side_of(path)
    with pytest.raises(FragmentError, match=r"gone\.zip: found nothing"):
        side_of(tmp_path / "gone.zip")


def test_a_mask_that_is_not_binary_is_an_error(tmp_path, masks_a):
    grey = masks_a | {"b": masks_a["b"] * np.arange(1, 9, dtype=np.uint8)}
    sides = [side_of(write_masks(tmp_path / name, m)) for name, m in (("g", grey), ("m", masks_a))]
    with pytest.raises(FragmentError, match=r"fragment b: found values from 1 to \d besides 0"):
        compared(*sides)


def test_a_folder_without_masks_or_with_two_of_one_fragment_is_an_error(tmp_path, masks_a):
    (tmp_path / "empty").mkdir()
    with pytest.raises(FragmentError, match="empty: found no volume"):
        side_of(tmp_path / "empty")
    folder = write_masks(tmp_path / "twice", masks_a)
    np.save(folder / "a.npy", masks_a["a"])
    with pytest.raises(FragmentError, match="fragment a: found two files"):
        side_of(folder)


# ---- manifests -----------------------------------------------------------------------------


def entry_changed(**changes):
    return lambda manifest: manifest["fragments"][0].update(changes)


@pytest.mark.parametrize(
    ("change", "found"),
    [
        (lambda manifest: manifest["fragments"].pop(), "describes other masks .*fragment c"),
        (entry_changed(mask_sha256="0" * 64), "describes other masks .*fragment a"),
        (entry_changed(mask_sha256="../.."), "found no manifest"),
        (entry_changed(setting={"quantile": 7}), "found no manifest .*quantile"),
        (entry_changed(setting={"unheard": 1}), "found no manifest .*unheard"),
        (entry_changed(image_id="../a"), "found the fragment '../a'"),
        (entry_changed(image_id="b"), "found the fragment 'b': it is there twice"),
        (lambda manifest: manifest.update(fragments=[]), "found no manifest"),
        (lambda manifest: manifest.update(run_tag=3), "found no manifest"),
    ],
)
def test_a_manifest_that_cannot_be_trusted_gives_no_settings(dataset, out, change, found):
    archive = out / "submission.zip"
    export_to(archive, dataset, SETTING_A)
    manifest = json.loads(manifest_path(archive).read_bytes())
    change(manifest)
    manifest_path(archive).write_text(json.dumps(manifest))
    side = side_of(archive)
    assert side.settings == {}
    assert side.tag == ""
    (note,) = side.notes
    assert note.endswith("the settings are not known")
    assert re.search(found, note)


@pytest.mark.parametrize(
    "content", [b"", b"[]", b"[" * 100_000, b"\xff\xfe", b'{"fragments": NaN}']
)
def test_a_manifest_that_is_none_is_reported(dataset, out, content):
    archive = out / "submission.zip"
    export_to(archive, dataset, SETTING_A)
    manifest_path(archive).write_bytes(content)
    (note,) = side_of(archive).notes
    assert "submission.manifest.json: found no manifest" in note
    assert len(note) < 500


# ---- which masks belong together -----------------------------------------------------------


def test_sides_of_different_fragments_or_shapes_are_an_error(tmp_path, masks_a, masks_b):
    whole = side_of(write_masks(tmp_path / "whole", masks_a))
    lacking = side_of(write_masks(tmp_path / "lacking", {"b": masks_b["b"]}))
    with pytest.raises(FragmentError, match=r"found no mask of a in B \(lacking\)"):
        pair_sides(whole, lacking)
    with pytest.raises(FragmentError, match=r"no mask of x in A \(whole\) and no mask of x in B"):
        pair_sides(whole, lacking, ["x"])
    report = compare_sides(pair_sides(whole, lacking, ["b"]))
    assert_reported(report, {"b": masks_a["b"]}, {"b": masks_b["b"]})
    cut = side_of(write_masks(tmp_path / "cut", masks_b | {"b": masks_b["b"][:, :, :-1]}))
    with pytest.raises(
        FragmentError, match=r"b: found shape \(3, 7, 8\) in A \(whole\) but \(3, 7, 7\) in B"
    ):
        pair_sides(whole, cut)


def test_a_single_mask_is_compared_whatever_its_name(tmp_path, masks_a, masks_b):
    write_masks(tmp_path, {"mine": masks_a["a"], "theirs": masks_b["a"]})
    mine, theirs = (side_of(tmp_path / f"{name}.tif") for name in ("mine", "theirs"))
    archive = side_of(write_archive(tmp_path / "b.zip", {"a": masks_b["a"]}))
    for a, b, image_id in ((mine, theirs, "mine"), (mine, archive, "a")):
        report = compared(a, b)
        assert_reported(report, {image_id: masks_a["a"]}, {image_id: masks_b["a"]})
        assert any(
            f"is compared as the fragment {image_id}, the only one" in n for n in report.notes
        )
    assert compared(archive, mine).fragments[0].image_id == "a"
    several = side_of(write_masks(tmp_path / "several", masks_b))
    with pytest.raises(FragmentError, match=r"no mask of mine in B \(several\)"):
        pair_sides(mine, several)


def test_a_setting_makes_the_masks_of_the_fragments_that_the_other_side_has(dataset, tmp_path):
    expected = expected_masks(dataset, {"b": SETTING_B})
    single = side_of(write_masks(tmp_path / "m", expected) / "b.tif")
    setting = setting_side("s", same_setting(dataset, SETTING_B), PipelineSet(dataset))
    (fragment,) = compared(setting, single).fragments
    assert fragment.image_id == "b"
    assert fragment.overlap.dice == 1.0
