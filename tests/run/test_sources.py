"""Scores from several models and from the CT image: what is read, recorded, refused and held."""

from __future__ import annotations

import hashlib
import json

import numpy as np
import pytest
import tifffile
from scipy import stats

from napari_nx46.core.score.ct_paths import ct_sources, intensity_extent
from napari_nx46.core.score.ensemble import mean_of_logits, mean_of_powers, mean_of_probabilities
from napari_nx46.data.fragments import (
    FolderNames,
    FragmentError,
    VolumeError,
    open_data,
    write_data_folder,
)
from napari_nx46.files.atomic import WriteError
from napari_nx46.run.export.export import export, run, same_setting
from napari_nx46.run.pipelines import PipelineSet
from napari_nx46.run.preflight import (
    check_block,
    checked_fragments,
    fitting_setting,
    preflight,
    sources_read,
)
from napari_nx46.setting import Averaging, Domain, ScoreFrom, Setting
from napari_nx46.voxels import tiles
from napari_nx46.voxels.blocks import whole_block
from napari_nx46.voxels.workers import Workers
from tests.core.definition import defined_score, mask_of_scores, probability
from tests.run.data import files_in

SHAPE = (9, 20, 17)
VOXELS = 9 * 20 * 17
IMAGE_IDS = ("a", "m", "o")
EVERY_SOURCE = {
    "mean of probabilities": Setting(weights={"p3d": 2, "unet": 1, "p2d": 1}),
    "mean of logits": Setting(weights={"a-net": 1, "p2d": 1}, averaging=Averaging.LOGIT),
    "logits of the two paths": Setting(averaging=Averaging.LOGIT, blend=0.3),
    "gradient": Setting(source=ScoreFrom.GRADIENT, blend=0.4),
    "residual": Setting(source=ScoreFrom.RESIDUAL, residual_sigma=0.7),
    "logits of gradients": Setting(source=ScoreFrom.GRADIENT, averaging=Averaging.LOGIT),
}
READ = {
    "mean of probabilities": ["p3d", "p2d", "unet"],
    "mean of logits": ["p2d", "a-net"],
    "logits of the two paths": ["p3d", "p2d"],
    "gradient": ["image"],
    "residual": ["image"],
    "logits of gradients": ["image"],
}
KNOBS = {"quantile": 0.9, "z_radius": 1}


@pytest.fixture
def dataset(tmp_path):
    """Return three fragments: one with every volume, one of models, one with a single path."""
    root = tmp_path / "data"
    rng = np.random.default_rng(4)
    paths = {
        "p3d": rng.random(SHAPE, dtype=np.float32),
        "p2d": rng.integers(0, 256, SHAPE, dtype=np.uint8),
        "test_images": rng.integers(0, 65536, SHAPE, dtype=np.uint16),
    }
    models = {
        "unet": rng.integers(0, 65536, SHAPE, dtype=np.uint16),
        "a-net": rng.random(SHAPE).astype(np.float16),
    }
    write_data_folder(root, "a", paths)
    write_data_folder(root / "models", "a", models)
    write_data_folder(root / "models", "m", models)
    write_data_folder(root, "o", {"p2d": paths["p2d"], "train_images": paths["test_images"]})
    return open_data(root)


@pytest.fixture
def images(tmp_path):
    """Return two fragments that have nothing but their CT image."""
    rng = np.random.default_rng(5)
    for image_id in ("1", "2"):
        image = rng.random((6, 14, 12), dtype=np.float32) * 500 - 250
        write_data_folder(tmp_path / "images", image_id, {"test_images": image})
    return open_data(tmp_path / "images")


def smoothed(volume, setting):
    return defined_score(volume, volume, setting.changed(blend=1.0))


def ranked(volume):
    """Return the rank of each voxel as a share of all, ties in the middle."""
    middles = stats.rankdata(volume, method="average") - 0.5
    return (middles / volume.size).astype(np.float32).reshape(volume.shape)


def expected_score(fragment, setting):
    """Return the score of a whole fragment, its volumes averaged as arrays."""
    if setting.source is ScoreFrom.PROBABILITIES:
        volumes = {name: volume.read() for name, volume in fragment.sources.items()}
    else:
        image = fragment.image.read()
        extent = intensity_extent(image)
        paths = ct_sources(image, setting.source, setting.residual_sigma, extent)
        made = [path[whole_block(image.shape)] for path in paths]
        volumes = dict(zip(("p3d", "p2d"), made, strict=True))
    weights = dict(setting.weights) if setting.source is ScoreFrom.PROBABILITIES else {}
    if not weights and "p3d" not in volumes:
        weights = dict.fromkeys(volumes, 1.0)
    if setting.averaging is Averaging.RANK:
        volumes = {name: ranked(volume) for name, volume in volumes.items()}
    volumes.setdefault("p2d", volumes.get("p3d"))
    if not weights and setting.averaging is Averaging.PROBABILITY:
        return defined_score(volumes["p3d"], volumes["p2d"], setting)
    weights = weights or {"p3d": setting.blend, "p2d": 1 - setting.blend}
    parts = {
        name: probability(volumes[name]).astype(np.float32)
        if name == "p2d"
        else smoothed(volumes[name], setting)
        for name in weights
    }
    score = np.empty(fragment.shape, np.float32)
    shares = {name: weight / sum(weights.values()) for name, weight in weights.items()}
    power = 0.0 if setting.averaging is Averaging.GEOMETRIC else setting.power
    if setting.averaging in (Averaging.GEOMETRIC, Averaging.POWER):
        mean_of_powers(parts, shares, power, score)
    elif setting.averaging is Averaging.LOGIT:
        mean_of_logits(parts, shares, score)
    else:
        mean_of_probabilities(parts, shares, score)
    return score


def sha256(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.mark.parametrize("kind", EVERY_SOURCE)
def test_a_run_reads_and_records_the_volumes_of_its_setting_alone(dataset, out, kind):
    setting, fragment = EVERY_SOURCE[kind].changed(**KNOBS), dataset["a"]
    run(PipelineSet(dataset), {"a": setting}, out)
    expected = mask_of_scores([expected_score(fragment, setting)], setting)
    np.testing.assert_array_equal(tifffile.imread(out / "masks" / "a.tif"), expected)
    (entry,) = json.loads((out / "manifest.json").read_bytes())["fragments"]
    volumes = {**fragment.sources, "image": fragment.image}
    assert list(entry["sources"]) == READ[kind]
    assert entry["sources"] == {
        name: {"file": "a.tif", "sha256": sha256(volumes[name].path)} for name in READ[kind]
    }
    (plan,) = preflight(dataset, {"a": setting})
    assert list(plan.sources) == READ[kind]


@pytest.mark.parametrize("averaging", Averaging)
def test_models_alone_are_averaged_evenly_without_weights(dataset, out, averaging):
    setting = Setting(averaging=averaging, **KNOBS)
    run(PipelineSet(dataset), {"m": setting}, out)
    expected = mask_of_scores([expected_score(dataset["m"], setting)], setting)
    np.testing.assert_array_equal(tifffile.imread(out / "masks" / "m.tif"), expected)


def test_a_single_volume_stands_for_both_paths_whatever_averages_them(dataset, out):
    settings = [
        Setting(averaging=Averaging.LOGIT, **KNOBS),
        Setting(weights={"p3d": 0.3, "p2d": 0.7}, **KNOBS),
        Setting(weights={"p2d": 1}, **KNOBS),
    ]
    for number, setting in enumerate(settings):
        run(PipelineSet(dataset), {"o": setting}, out / str(number))
        expected = mask_of_scores([expected_score(dataset["o"], setting)], setting)
        found = tifffile.imread(out / str(number) / "masks" / "o.tif")
        np.testing.assert_array_equal(found, expected)
        assert list(sources_read(dataset["o"], setting)) == ["p3d"]
    blended = Setting(blend=0.3, **KNOBS)
    run(PipelineSet(dataset), {"o": blended}, out / "blended")
    masks = [out / folder / "masks" / "o.tif" for folder in ("1", "blended")]
    assert masks[0].read_bytes() == masks[1].read_bytes()


@pytest.mark.parametrize("kind", EVERY_SOURCE)
def test_threads_memory_and_cut_change_no_byte_of_any_source(dataset, out, kind, monkeypatch):
    settings = {"a": EVERY_SOURCE[kind].changed(**KNOBS)}
    written = []
    for count, budget, slab_voxels in ((1, 1 << 30, 1 << 24), (3, 0, 700), (2, 1 << 30, 1)):
        monkeypatch.setattr(tiles, "SLAB_VOXELS", slab_voxels)
        monkeypatch.setattr(tiles, "INLINE_VOXELS", 0 if count > 1 else 1 << 19)
        workers = Workers(count)
        folder = out / f"{count}"
        folder.mkdir()
        pipelines = PipelineSet(dataset, workers=workers, memory_budget=budget)
        export(pipelines, settings, folder / "submission.zip")
        workers.close()
        written.append(files_in(folder))
    assert written[0] == written[1] == written[2]


@pytest.mark.parametrize("domain", [Domain.FRAGMENT, Domain.DATASET])
@pytest.mark.parametrize("source", [ScoreFrom.GRADIENT, ScoreFrom.RESIDUAL])
def test_images_alone_go_from_raw_data_to_masks(images, out, source, domain):
    setting = Setting(source=source, domain=domain, **KNOBS)
    result = run(PipelineSet(images), same_setting(images, setting), out)
    scores = [expected_score(fragment, setting) for fragment in images]
    for which, record in enumerate(result.records):
        assert list(record.sources) == ["image"]
        found = tifffile.imread(out / "masks" / f"{record.image_id}.tif")
        np.testing.assert_array_equal(found, mask_of_scores(scores, setting, which))


@pytest.mark.parametrize("write", [export, run, preflight])
def test_a_setting_whose_source_is_missing_is_refused_before_anything_is_written(
    dataset, images, out, write
):
    faults = [
        (images, "1", Setting(), "fragment 1: has no probability volume.*gradient or residual"),
        (dataset, "m", Setting(source="residual"), "fragment m: has no CT image.*residual needs"),
        (dataset, "m", Setting(weights={"p3d": 1}), "fragment m: .*p3d; there are: a-net, unet"),
        (dataset, "a", Setting(weights={"x": 1}), "fragment a: .*x; there are: p3d, p2d, a-net"),
        # The fragment itself has what the setting reads, but another of its domain has not.
        (dataset, "a", Setting(source="gradient", domain="dataset"), "fragment m: has no CT image"),
    ]
    target = out / "submission.zip" if write is export else out / "run"
    for opened, image_id, setting, message in faults:
        with pytest.raises(FragmentError, match=message):
            if write is preflight:
                preflight(opened, {image_id: setting})
            else:
                write(PipelineSet(opened), {image_id: setting}, target)
    assert files_in(out) == {}


def test_a_domain_that_does_not_apply_is_not_checked(dataset):
    fixed = {"rule": "probability", "probability": 0.5}
    outside = ((99, 100), (0, 1), (0, 1))
    check_block(dataset["a"], Setting(domain=Domain.BLOCK, block=outside, **fixed))
    setting = Setting(source="gradient", domain="dataset", **fixed)
    assert checked_fragments(dataset, {"a": setting}) == [dataset["a"]]
    assert PipelineSet(dataset).prepare_dataset(setting) == []


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_an_image_that_is_no_number_somewhere_is_reported_with_its_voxel(tmp_path, out, value):
    image = np.zeros((4, 5, 6), np.float32)
    image[2, 3, 1] = value
    write_data_folder(tmp_path, "1", {"test_images": image, "p3d": np.zeros_like(image)})
    opened = open_data(tmp_path)
    settings = {"1": Setting(source=ScoreFrom.GRADIENT)}
    message = r"test_images/1\.tif \(fragment 1\): found value (nan|inf) at .*\(2, 3, 1\)"
    with pytest.raises(VolumeError, match=message):
        preflight(opened, settings)
    for budget in (0, 1 << 30):
        with pytest.raises(VolumeError, match=message):
            run(PipelineSet(opened, memory_budget=budget), settings, out)
    assert files_in(out) == {}
    preflight(opened, {"1": Setting()})  # which does not read the image's values


def test_only_what_a_setting_reads_is_loaded(dataset):
    pipelines = PipelineSet(dataset)
    settings = {kind: setting.changed(**KNOBS) for kind, setting in EVERY_SOURCE.items()}
    for kind, setting in settings.items():
        pipelines.release()
        assert not pipelines.is_loaded("a", setting)
        pipelines.loaded("a", setting)
        assert pipelines.is_loaded("a", setting)
        for other, other_setting in settings.items():
            assert pipelines.is_loaded("a", other_setting) == (set(READ[other]) <= set(READ[kind]))
    pipelines.loaded("a")
    assert pipelines.is_loaded("a")
    assert pipelines.is_loaded("a", settings["mean of probabilities"])
    pipelines.loaded("m")
    assert not pipelines.is_loaded("a", settings["gradient"])


def test_without_a_setting_the_image_is_loaded_where_there_is_nothing_else(images):
    pipelines = PipelineSet(images)
    pipelines.loaded("1")
    assert pipelines.is_loaded("1")
    assert pipelines.is_loaded("1", Setting(source=ScoreFrom.RESIDUAL))
    assert not pipelines.is_loaded("2")


@pytest.mark.parametrize(
    ("setting", "bytes_per_voxel"),
    [
        (Setting(), 4 + 1 + 4),
        (Setting(weights={"unet": 1, "a-net": 1}), 2 + 2 + 4),
        (Setting(source=ScoreFrom.GRADIENT), 2 + 8 + 4),
        (Setting(source=ScoreFrom.RESIDUAL), 2 + 4 + 4),
    ],
)
def test_the_budget_counts_what_is_read_and_what_is_computed(dataset, setting, bytes_per_voxel):
    for spare in (0, -1):
        pipelines = PipelineSet(dataset, memory_budget=VOXELS * bytes_per_voxel + spare)
        pipeline = pipelines.loaded("a", setting)
        assert pipeline.keep_score == pipelines.is_loaded("a", setting) == (spare == 0)
    (plan,) = preflight(dataset, {"a": setting})
    assert plan.memory_bytes == VOXELS * (bytes_per_voxel + 1)


def test_volumes_that_are_not_read_any_more_stay_as_long_as_the_budget_allows(dataset):
    paths, models = Setting(), Setting(weights={"unet": 1, "a-net": 1})
    for budget, stay in ((VOXELS * (5 + 4 + 4), True), (VOXELS * (5 + 4 + 4) - 1, False)):
        pipelines = PipelineSet(dataset, memory_budget=budget)
        pipelines.loaded("a", paths)
        pipelines.loaded("a", models)
        assert pipelines.is_loaded("a", models)
        assert pipelines.is_loaded("a", paths) is stay


def test_no_model_is_overwritten_by_a_run(tmp_path):
    volume = np.full((2, 3, 4), 0.5, np.float32)
    write_data_folder(tmp_path, "a", {"masks": volume})
    opened = open_data(tmp_path, folders=FolderNames(models="."))
    assert list(opened["a"].models) == ["masks"]
    before = files_in(tmp_path)
    with pytest.raises(WriteError, match=r"masks/a\.tif.*volume of the data set"):
        run(PipelineSet(opened), same_setting(opened, Setting()), tmp_path)
    assert files_in(tmp_path) == before


def test_a_setting_is_fitted_to_the_volumes_that_a_fragment_has(dataset, images):
    every, models, single = (dataset[image_id] for image_id in IMAGE_IDS)
    assert fitting_setting(Setting(), images["1"]) == Setting(source=ScoreFrom.GRADIENT)
    residual = Setting(source=ScoreFrom.RESIDUAL, residual_sigma=3)
    assert fitting_setting(residual, images["1"]) == residual
    assert fitting_setting(residual, every) == residual
    assert fitting_setting(residual, models) == Setting(residual_sigma=3)
    weighed = Setting(weights={"p2d": 1, "unet": 3})
    assert fitting_setting(weighed, every) == weighed
    assert fitting_setting(weighed, models) == Setting(weights={"unet": 3})
    assert fitting_setting(weighed, single) == Setting(weights={"p2d": 1})
    assert fitting_setting(Setting(weights={"p3d": 1}), models) == Setting()
    for fragment in (*dataset, *images):
        for setting in (*EVERY_SOURCE.values(), Setting()):
            assert sources_read(fragment, fitting_setting(setting, fragment))
