"""The manifest and metrics.csv say what was done, as recomputed by other means."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import zipfile
from importlib.metadata import version

import numpy as np
import pytest
from scipy import ndimage

from napari_nx46.files.submission.mask_tiff import Compression, MaskValues
from napari_nx46.run.export.export import export, run, same_setting
from napari_nx46.run.export.manifest import METRICS_COLUMNS, RunOptions, installed_version
from napari_nx46.run.export.targets import (
    check_targets,
    export_targets,
    kept_if_used,
    manifest_path,
    preflight_json,
    run_targets,
)
from napari_nx46.run.pipelines import PipelineSet
from napari_nx46.run.preflight import preflight
from napari_nx46.setting import Domain, Setting
from tests.core.definition import defined_score, defined_thresholds
from tests.run.data import expected_masks, pairs_of

SETTING = Setting(quantile=0.9, blend=0.3, z_radius=1)
OPTIONS = RunOptions("a tag", Compression.LZW, MaskValues.NX47, (0.05, 0.2))


def sha256(content):
    return hashlib.sha256(content).hexdigest()


def expected_row(image_id, z, masks, scores):
    mask = masks[image_id].astype(bool)
    continuity = ""
    if z:
        common = (mask[z] & mask[z - 1]).sum()
        both = mask[z].sum() + mask[z - 1].sum()
        continuity = f"{2 * common / both if both else 1:.9g}"
    _, components = ndimage.label(mask[z], np.ones((3, 3)))
    percentiles = np.quantile(scores[image_id][z].astype(np.float64), [0.5, 0.9, 0.95, 0.99])
    return [
        image_id,
        str(z),
        f"{mask[z].mean():.9g}",
        continuity,
        str(components),
        *(f"{value:.9g}" for value in percentiles),
    ]


@pytest.mark.parametrize("setting", [SETTING, Setting(quantile=1.0), Setting(quantile=0.0)])
def test_metrics_are_those_of_a_plain_recomputation(dataset, out, setting):
    settings = same_setting(dataset, setting)
    export(PipelineSet(dataset), settings, out / "submission.zip")
    masks = expected_masks(dataset, settings)
    pairs = dict(zip(dataset.image_ids, pairs_of(dataset), strict=True))
    scores = {image_id: defined_score(*pair, setting) for image_id, pair in pairs.items()}
    text = (out / "metrics.csv").read_text()
    assert text.endswith("\n")
    assert "\r" not in text
    rows = list(csv.reader(io.StringIO(text)))
    assert rows[0] == list(METRICS_COLUMNS)
    assert rows[1:] == [
        expected_row(fragment.image_id, z, masks, scores)
        for fragment in dataset
        for z in range(fragment.shape[0])
    ]


def test_metrics_do_not_depend_on_where_slabs_are_cut(dataset, out, monkeypatch):
    settings = same_setting(dataset, SETTING)
    run(PipelineSet(dataset), settings, out / "whole")
    monkeypatch.setattr("napari_nx46.voxels.tiles.SLAB_VOXELS", 1)
    run(PipelineSet(dataset, memory_budget=0), settings, out / "cut")
    whole, cut = ((out / name / "metrics.csv").read_bytes() for name in ("whole", "cut"))
    assert whole == cut


def test_the_manifest_of_an_export_says_setting_versions_and_hashes(dataset, out):
    settings = same_setting(dataset, SETTING)
    target = out / "submission.zip"
    export(PipelineSet(dataset), settings, target, OPTIONS)
    manifest = json.loads((out / "submission.manifest.json").read_bytes())
    assert manifest["run_tag"] == "a tag"
    assert manifest["archive"] == "submission.zip"
    assert manifest["setting"] == SETTING.model_dump(mode="json")
    assert manifest["compression"] == "lzw"
    assert manifest["profile"] == "nx47"
    assert manifest["band"] == [0.05, 0.2]
    assert manifest["versions"]["numpy"] == np.__version__
    assert manifest["versions"]["tifffile"] == version("tifffile")
    masks = expected_masks(dataset, settings)
    pairs = pairs_of(dataset)
    for which, (entry, fragment) in enumerate(zip(manifest["fragments"], dataset, strict=True)):
        mask = masks[fragment.image_id]
        scores = [defined_score(*pair, SETTING) for pair in pairs]
        assert entry["image_id"] == fragment.image_id
        assert entry["shape"] == list(mask.shape)
        assert entry["density"] == mask.mean()
        assert entry["threshold"] == defined_thresholds(scores, SETTING, which)[0][0]
        assert entry["setting"] == SETTING.model_dump(mode="json")
        assert entry["mask_sha256"] == sha256(mask.tobytes())
        with zipfile.ZipFile(target) as archive:
            assert entry["member_sha256"] == sha256(archive.read(entry["member"]))
        assert entry["sources"] == {
            path: {"file": volume.path.name, "sha256": sha256(volume.path.read_bytes())}
            for path, volume in fragment.sources.items()
        }


def test_the_manifest_of_a_run_says_the_setting_of_each_fragment(dataset, out):
    settings = {"a": SETTING, "c": SETTING.changed(domain=Domain.SLICE)}
    run(PipelineSet(dataset), settings, out)
    manifest = json.loads((out / "manifest.json").read_bytes())
    assert manifest["archive"] is None
    assert manifest["setting"] is None
    first, second = manifest["fragments"]
    assert Setting.model_validate(first["setting"]) == settings["a"]
    assert Setting.model_validate(second["setting"]) == settings["c"]
    assert second["member_sha256"] == sha256((out / "masks" / second["member"]).read_bytes())
    score = defined_score(*pairs_of(dataset)[2], SETTING)
    assert second["threshold"] == [np.quantile(part.astype(np.float64), 0.9) for part in score]


def test_manifest_and_metrics_lie_beside_the_archive(tmp_path):
    archive = tmp_path / "my.submission.zip"
    assert manifest_path(archive) == tmp_path / "my.submission.manifest.json"
    assert export_targets(archive) == (archive, tmp_path / "metrics.csv", manifest_path(archive))


def test_the_preflight_report_says_what_would_be_written(dataset, out):
    plans = preflight(dataset, {"b": SETTING})
    report = json.loads(preflight_json(plans, OPTIONS, run_targets(out, ["b"])))
    assert report["run_tag"] == "a tag"
    assert report["targets"] == [
        str(out / name) for name in ("masks/b.tif", "metrics.csv", "manifest.json")
    ]
    assert report["fragments"] == [
        {
            "image_id": "b",
            "shape": [5, 11, 24],
            "setting": SETTING.model_dump(mode="json"),
            "sources": {"p3d": "b.tif float16", "p2d": "b.tif uint16"},
            "memory_bytes": 5 * 11 * 24 * (2 + 2 + 5),
            "notes": [],
        }
    ]


def test_targets_that_are_folders_are_refused(dataset, out):
    (out / "metrics.csv").mkdir()
    with pytest.raises(OSError, match=r"metrics\.csv.*there is a folder of that name"):
        check_targets(dataset, run_targets(out, ["a"]))
    check_targets(dataset, run_targets(out / "elsewhere", ["a"]))


def test_a_folder_that_was_made_for_nothing_is_removed(tmp_path):
    (tmp_path / "there").mkdir()
    with pytest.raises(RuntimeError), kept_if_used(tmp_path / "there" / "new" / "deep"):
        raise RuntimeError
    assert [path.name for path in tmp_path.rglob("*")] == ["there"]
    with kept_if_used(tmp_path / "there" / "new"):
        (tmp_path / "there" / "new" / "file").touch()
    assert (tmp_path / "there" / "new" / "file").exists()


def test_a_package_that_is_not_installed_is_recorded_as_such():
    assert installed_version("no-such-package-at-all") == "not installed"
    assert installed_version("numpy") == np.__version__
