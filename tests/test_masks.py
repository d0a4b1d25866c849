"""What a notebook calls: the same masks, scores and archives as on the command line."""

from __future__ import annotations

import io
import json
import zipfile

import dask.array as da
import numpy as np
import pytest
import tifffile

from napari_nx46 import (
    DataSet,
    FragmentError,
    Setting,
    VolumeError,
    export,
    leaderboard,
    make_mask,
    open_data,
    score,
    validate_submission,
    write_data_folder,
)
from napari_nx46.setting import Averaging, Domain, ScoreFrom
from napari_nx46.voxels.corrections.corrections import Corrections, CorrectionsError
from tests.command import nx46_here

SHAPE = (12, 40, 44)
SETTINGS = (
    Setting(),
    Setting(quantile=0.8, blend=0.3, z_radius=1, smallest_object=20, opening=1),
    Setting(quantile=0.9, hysteresis=True, low_quantile=0.8),
    Setting(weights=(("m1", 0.5), ("p3d", 1.0)), averaging=Averaging.LOGIT, quantile=0.85),
    Setting(source=ScoreFrom.GRADIENT, quantile=0.9),
    Setting(quantile=0.9, domain=Domain.SLICE),
)


def volumes(seed=46):
    rng = np.random.default_rng(seed)
    z, y, x = np.meshgrid(*(np.linspace(0, 1, n) for n in SHAPE), indexing="ij")
    sheets = 0.5 + 0.5 * np.sin(12 * (x + 0.4 * y) + 3 * z)
    return {
        "p3d": np.clip(0.7 * sheets + 0.3 * rng.random(SHAPE), 0, 1).astype(np.float32),
        "p2d": (255 * np.clip(0.5 * sheets + 0.5 * rng.random(SHAPE), 0, 1)).astype(np.uint8),
        "image": rng.integers(0, 256, SHAPE, dtype=np.uint8),
        "models": {"m1": rng.random(SHAPE).astype(np.float16)},
    }


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Return a data folder with these volumes."""
    root = tmp_path_factory.mktemp("data")
    arrays = volumes()
    models = {"models/m1": arrays.pop("models")["m1"]}
    write_data_folder(root, "a", {**arrays_by_folder(arrays)})
    (root / "models/m1").mkdir(parents=True)
    tifffile.imwrite(root / "models/m1/a.tif", models["models/m1"], photometric="minisblack")
    return root


def arrays_by_folder(arrays):
    return {{"image": "test_images"}.get(name, name): array for name, array in arrays.items()}


@pytest.mark.parametrize("setting", SETTINGS, ids=lambda setting: setting.domain.value)
def test_a_mask_of_arrays_is_bit_for_bit_that_of_the_command_and_of_an_export(
    setting, folder, tmp_path
):
    mask = make_mask(**volumes(), setting=setting)
    assert (mask.shape, mask.dtype) == (SHAPE, np.uint8)
    file = tmp_path / "setting.json"
    file.write_text(setting.model_dump_json())
    run = nx46_here("run", folder, "--out", tmp_path / "out", "--setting", file)
    assert run.exit_code == 0, run.output
    np.testing.assert_array_equal(tifffile.imread(tmp_path / "out/masks/a.tif"), mask)
    data = DataSet.from_arrays({"a": volumes()})
    result = export(data, setting, tmp_path / "submission.zip", tag="arrays")
    assert validate_submission(tmp_path / "submission.zip").ok
    of_files = export(open_data(folder), {"a": setting}, tmp_path / "files.zip")
    assert [m.mask_sha256 for m in result.members] == [m.mask_sha256 for m in of_files.members]


def test_a_lazy_array_makes_the_same_mask():
    arrays = volumes()
    lazy = {name: da.from_array(arrays[name], chunks=(5, 16, 16)) for name in ("p3d", "p2d")}
    np.testing.assert_array_equal(make_mask(**lazy), make_mask(arrays["p3d"], arrays["p2d"]))


def test_one_path_alone_stands_for_both():
    p3d = volumes()["p3d"]
    np.testing.assert_array_equal(make_mask(p3d), make_mask(p3d, p3d))
    np.testing.assert_array_equal(make_mask(p2d=p3d), make_mask(p3d))


def test_a_slice_is_a_mask_of_one_slice():
    p3d = volumes()["p3d"]
    np.testing.assert_array_equal(make_mask(p3d[3]), make_mask(p3d[3:4]))


def test_what_is_missing_or_no_probability_is_said():
    with pytest.raises(FragmentError, match="no volume to make a score from"):
        make_mask()
    with pytest.raises(FragmentError, match="no CT image"):
        make_mask(volumes()["p3d"], setting=Setting(source=ScoreFrom.GRADIENT))
    spoiled = volumes()["p3d"]
    spoiled[0, 0, 0] = np.nan
    with pytest.raises(VolumeError, match=r"array p3d .*NaN"):
        make_mask(spoiled)


def test_a_score_is_the_competitions():
    label = (volumes()["p3d"] > 0.6).astype(np.uint8)
    mask = make_mask(volumes()["p3d"])
    assert score(mask, label) == leaderboard.score(mask, label)


def test_an_export_says_of_arrays_what_can_be_said(tmp_path):
    data = DataSet.from_arrays({"a": volumes(), "b": volumes(47)})
    result = export(data, {"b": Setting(quantile=0.9)}, tmp_path / "s.zip", tag="from arrays")
    manifest = json.loads((tmp_path / "s.manifest.json").read_text())
    (fragment,) = manifest["fragments"]
    assert (manifest["run_tag"], fragment["image_id"]) == ("from arrays", "b")
    assert fragment["sources"]["p2d"] == data["b"].p2d.record()
    assert fragment["sources"]["p3d"]["shape"] == list(SHAPE)
    assert result.report.ok


def test_corrections_come_last_in_a_mask_and_in_an_export(tmp_path):
    p3d = volumes()["p3d"]
    labels = np.random.default_rng(7).integers(0, 3, SHAPE)
    computed = make_mask(p3d)
    expected = np.where(labels == 0, computed, labels == 1)
    np.testing.assert_array_equal(make_mask(p3d, corrections=labels), expected)
    of_labels = Corrections.of(labels.astype(np.uint8))
    np.testing.assert_array_equal(make_mask(p3d, corrections=of_labels), expected)
    data = DataSet.from_arrays({"a": {"p3d": p3d}, "b": {"p3d": p3d}})
    export(data, Setting(), tmp_path / "s.zip", corrections={"a": labels, "b": None})
    with zipfile.ZipFile(tmp_path / "s.zip") as archive:
        written = {
            name: tifffile.imread(io.BytesIO(archive.read(name))) for name in ("a.tif", "b.tif")
        }
    np.testing.assert_array_equal(written["a.tif"], expected)
    np.testing.assert_array_equal(written["b.tif"], computed)


@pytest.mark.parametrize(
    ("labels", "found"),
    [
        (np.full(SHAPE, 257, np.int64), "from 257 to 257"),
        (np.full(SHAPE, -1), "from -1 to -1"),
        (np.zeros(SHAPE, np.float32), "float32"),
        (np.zeros(SHAPE[1:], np.uint8), "shape"),
    ],
    ids=["too large", "negative", "no integers", "one slice"],
)
def test_invalid_corrections_are_refused(labels, found):
    with pytest.raises(CorrectionsError, match=found):
        make_mask(volumes()["p3d"], corrections=labels)


def test_corrections_of_another_shape_are_refused():
    with pytest.raises(FragmentError, match="corrections of shape"):
        make_mask(volumes()["p3d"], corrections=np.zeros((1, 2, 3), np.uint8))
