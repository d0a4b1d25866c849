"""What is written equals the plain definition, whole or not at all, however it was computed."""

from __future__ import annotations

import io
import tracemalloc
import zipfile

import numpy as np
import pytest
import tifffile
import zarr

from napari_nx46.data.fragments import (
    FolderNames,
    FragmentError,
    VolumeError,
    open_data,
    write_data_folder,
)
from napari_nx46.files.atomic import WriteError
from napari_nx46.files.submission.mask_tiff import Compression, MaskValues
from napari_nx46.run.export.export import export, run, same_setting
from napari_nx46.run.export.manifest import RunOptions
from napari_nx46.run.pipelines import PipelineSet
from napari_nx46.run.preflight import preflight
from napari_nx46.setting import Domain, Setting
from napari_nx46.voxels import tiles
from napari_nx46.voxels.workers import Cancelled, Workers
from tests.core.definition import defined_score
from tests.run.data import expected_masks, files_in, pairs_of

BLOCK = ((1, 4), (2, 9), (0, 7))


def masks_in_archive(path):
    with zipfile.ZipFile(path) as archive:
        return {
            name.removesuffix(".tif"): tifffile.imread(io.BytesIO(archive.read(name)))
            for name in archive.namelist()
        }


def masks_in_folder(folder):
    return {path.stem: tifffile.imread(path) for path in (folder / "masks").iterdir()}


def assert_equal_masks(found, expected):
    assert list(found) == list(expected)
    for image_id, mask in expected.items():
        assert found[image_id].dtype == np.uint8
        np.testing.assert_array_equal(found[image_id], mask)


class StopAfter:
    """Cancels at the n-th question."""

    def __init__(self, questions):
        self.questions = questions
        self.asked = 0

    def __call__(self):
        self.asked += 1
        return self.asked > self.questions


@pytest.mark.parametrize("domain", Domain)
def test_export_run_and_definition_give_equal_masks(dataset, out, domain):
    setting = Setting(quantile=0.9, blend=0.4, z_radius=1, domain=domain, block=BLOCK)
    settings = same_setting(dataset, setting)
    expected = expected_masks(dataset, settings)
    export(PipelineSet(dataset), settings, out / "submission.zip")
    run(PipelineSet(dataset), settings, out / "run")
    assert_equal_masks(masks_in_archive(out / "submission.zip"), expected)
    found = masks_in_folder(out / "run")
    assert_equal_masks({image_id: found[image_id] for image_id in sorted(found)}, expected)


def test_each_fragment_has_its_own_setting_and_others_are_left_out(dataset, out):
    settings = {
        "c": Setting(quantile=0.5, domain=Domain.SLICE),
        "a": Setting(quantile=0.99, blend=0, z_radius=8),
    }
    result = export(PipelineSet(dataset), settings, out / "submission.zip")
    assert [record.image_id for record in result.records] == ["a", "c"]
    assert [record.setting for record in result.records] == [settings["a"], settings["c"]]
    found = masks_in_archive(out / "submission.zip")
    assert_equal_masks(found, expected_masks(dataset, settings))


def test_the_domain_dataset_pools_all_fragments_even_those_not_written(dataset, out):
    setting = Setting(quantile=0.93, blend=0.6, z_radius=2, domain=Domain.DATASET)
    result = export(PipelineSet(dataset), {"b": setting}, out / "submission.zip")
    scores = [defined_score(*pair, setting).ravel() for pair in pairs_of(dataset)]
    pooled = np.quantile(np.concatenate(scores).astype(np.float64), 0.93)
    assert result.records[0].threshold.values == (pooled,)
    own = np.quantile(scores[1].astype(np.float64), 0.93)
    assert own != pooled
    found = masks_in_archive(out / "submission.zip")
    assert_equal_masks(found, expected_masks(dataset, {"b": setting}))


@pytest.mark.parametrize("domain", Domain)
def test_equal_bytes_whatever_the_threads_the_memory_and_the_cut(dataset, out, domain, monkeypatch):
    setting = Setting(quantile=0.9, domain=domain, block=BLOCK)
    settings = same_setting(dataset, setting)
    written = []
    for count, budget, slab_voxels in ((1, 1 << 30, 1 << 24), (3, 0, 300), (2, 20_000, 700)):
        monkeypatch.setattr(tiles, "SLAB_VOXELS", slab_voxels)
        monkeypatch.setattr(tiles, "INLINE_VOXELS", 0 if count > 1 else 1 << 19)
        workers = Workers(count)
        pipelines = PipelineSet(dataset, workers=workers, memory_budget=budget)
        folder = out / f"{count}"
        folder.mkdir()
        export(pipelines, settings, folder / "submission.zip")
        run(pipelines, settings, folder / "run")
        workers.close()
        written.append(files_in(folder))
    assert "submission.manifest.json" in written[0]
    assert written[0] == written[1] == written[2]


@pytest.mark.parametrize("compression", Compression)
def test_the_profile_gives_the_values_and_any_compression_the_same_voxels(
    dataset, out, compression
):
    settings = same_setting(dataset, Setting(quantile=0.9))
    options = RunOptions(compression=compression, profile=MaskValues.NX47)
    export(PipelineSet(dataset), settings, out / "submission.zip", options)
    expected = expected_masks(dataset, settings)
    found = masks_in_archive(out / "submission.zip")
    assert_equal_masks(found, {name: mask * np.uint8(255) for name, mask in expected.items()})


@pytest.mark.parametrize("write", [export, run])
def test_cancelling_at_any_moment_leaves_what_was_there(dataset, out, write):
    settings = same_setting(dataset, Setting(quantile=0.9))
    target = out / "submission.zip" if write is export else out
    (out / "submission.zip").write_bytes(b"the old archive")
    (out / "manifest.json").write_bytes(b"the old manifest")
    before = files_in(out)
    uncancelled = StopAfter(10**9)
    trial = out.parent / "trial"
    trial.mkdir()
    write(
        PipelineSet(dataset),
        settings,
        trial / target.name if write is export else trial,
        cancelled=uncancelled,
    )
    assert uncancelled.asked > 20
    moments = {*range(0, uncancelled.asked, 7), uncancelled.asked - 1}
    for moment in sorted(moments):
        with pytest.raises(Cancelled):
            write(PipelineSet(dataset), settings, target, cancelled=StopAfter(moment))
        assert files_in(out) == before
    write(PipelineSet(dataset), settings, target, cancelled=StopAfter(uncancelled.asked))
    assert files_in(out) != before


@pytest.mark.parametrize("write", [export, run])
def test_a_damaged_second_fragment_leaves_nothing_of_the_first(dataset, out, write):
    volume = dataset["b"].p3d.read()
    volume[4, 10, 23] = np.nan
    write_data_folder(dataset.root, "b", {"p3d": volume})
    damaged = open_data(dataset.root)
    target = out / "submission.zip" if write is export else out / "new" / "run"
    with pytest.raises(VolumeError, match=r"b\.tif.*fragment b.*NaN"):
        write(PipelineSet(damaged), same_setting(damaged, Setting()), target)
    assert files_in(out) == {}


def test_a_run_replaces_its_files_and_leaves_others_alone(dataset, out):
    (out / "masks").mkdir()
    (out / "masks" / "a.tif").write_bytes(b"old")
    (out / "masks" / "other.tif").write_bytes(b"other")
    result = run(PipelineSet(dataset), {"a": Setting()}, out)
    assert (out / "masks" / "other.tif").read_bytes() == b"other"
    assert (out / "masks" / "a.tif").stat().st_size == result.members[0].size
    assert sorted(files_in(out)) == [
        "manifest.json",
        "masks",
        "masks/a.tif",
        "masks/other.tif",
        "metrics.csv",
    ]


def test_a_run_never_overwrites_its_own_sources(tmp_path):
    volume = np.full((2, 3, 4), 0.5, np.float32)
    write_data_folder(tmp_path, "a", {"masks": volume})
    dataset = open_data(tmp_path, folders=FolderNames(p3d="masks"))
    before = files_in(tmp_path)
    with pytest.raises(WriteError, match=r"masks/a\.tif.*volume of the data set"):
        run(PipelineSet(dataset), same_setting(dataset, Setting()), tmp_path)
    assert files_in(tmp_path) == before


def test_an_unknown_fragment_is_refused_with_the_ones_there_are(dataset, out):
    with pytest.raises(FragmentError, match="no fragment x; there are a, b, c"):
        run(PipelineSet(dataset), {"a": Setting(), "x": Setting()}, out)
    with pytest.raises(FragmentError, match="no fragment is chosen"):
        export(PipelineSet(dataset), {}, out / "submission.zip")
    assert files_in(out) == {}


def test_a_block_outside_one_fragment_is_refused_before_anything_is_written(dataset, out):
    setting = Setting(domain=Domain.BLOCK, block=((6, 8), (0, 2), (0, 2)))
    with pytest.raises(FragmentError, match=r"fragment b: .* lies outside"):
        export(PipelineSet(dataset), same_setting(dataset, setting), out / "submission.zip")
    assert files_in(out) == {}


def test_progress_says_every_slice_of_every_fragment(dataset, out):
    reported = []
    export(
        PipelineSet(dataset),
        same_setting(dataset, Setting()),
        out / "submission.zip",
        progress=lambda *step: reported.append(step),
    )
    assert reported == [
        (fragment.image_id, z + 1, fragment.shape[0])
        for fragment in dataset
        for z in range(fragment.shape[0])
    ]


def test_preflight_reads_every_voxel_and_writes_nothing(dataset, out):
    steps = []
    settings = same_setting(dataset, Setting())
    before = files_in(out.parent)
    plans = preflight(dataset, settings, lambda *step: steps.append(step))
    assert [(plan.image_id, plan.shape) for plan in plans] == [
        (fragment.image_id, fragment.shape) for fragment in dataset
    ]
    assert plans[0].sources == {"p3d": "a.tif float32", "p2d": "a.tif uint8"}
    assert plans[2].sources == {"p3d": "c.tif float32"}
    assert plans[2].memory_bytes == 7 * 13 * 10 * (4 + 4 + 1)
    assert len(steps) == sum(fragment.shape[0] for fragment in dataset)
    assert files_in(out.parent) == before


@pytest.mark.parametrize("folder", ["p3d", "train_labels"])
def test_preflight_finds_the_one_bad_voxel(dataset, tmp_path, folder):
    volume = np.zeros((9, 20, 17), np.float32 if folder == "p3d" else np.uint8)
    volume[8, 19, 16] = 7
    write_data_folder(dataset.root, "a", {folder: volume})
    reopened = open_data(dataset.root)
    with pytest.raises(VolumeError, match=rf"{folder}/a\.tif.*\(8, 19, 16\)"):
        preflight(reopened, same_setting(reopened, Setting()))


def test_preflight_can_be_cancelled(dataset):
    with pytest.raises(Cancelled):
        preflight(dataset, same_setting(dataset, Setting()), cancelled=StopAfter(10))


def test_one_fragment_at_a_time_is_in_memory(dataset, out):
    pipelines = PipelineSet(dataset)
    held = []

    def look(*_):
        held.append([image_id for image_id in dataset.image_ids if pipelines.is_loaded(image_id)])

    settings = same_setting(dataset, Setting(domain=Domain.DATASET))
    export(pipelines, settings, out / "submission.zip", progress=look)
    assert held == [[fragment.image_id] for fragment in dataset for _ in range(fragment.shape[0])]
    pipelines.release()
    assert not any(pipelines.is_loaded(image_id) for image_id in dataset.image_ids)


def test_what_exceeds_the_budget_is_streamed_and_never_loaded(dataset, out):
    pipelines = PipelineSet(dataset, memory_budget=9 * 20 * 17 * 9 - 1)
    held = []

    def look(image_id, *_):
        held.append((image_id, pipelines.is_loaded(image_id), pipelines[image_id].keep_score))

    export(pipelines, same_setting(dataset, Setting()), out / "submission.zip", progress=look)
    assert set(held) == {("a", False, False), ("b", True, True), ("c", True, True)}


def test_releasing_gives_the_memory_of_volumes_and_score_back(tmp_path):
    volume = np.random.default_rng(1).random((20, 200, 100), dtype=np.float32)
    write_data_folder(tmp_path, "a", {"p3d": volume})
    pipelines = PipelineSet(open_data(tmp_path))
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        pipelines.loaded("a").stage(Setting())
        held = tracemalloc.get_traced_memory()[0] - before
        pipelines.release()
        kept = tracemalloc.get_traced_memory()[0] - before
    finally:
        tracemalloc.stop()
    assert held >= 2 * volume.nbytes
    # The histogram stays: 65,536 counts.
    assert kept < volume.nbytes


def _write_slices(folder, voxels):
    folder.mkdir()
    for z, page in enumerate(voxels):
        tifffile.imwrite(folder / f"{z}.tif", page)


def _write_zarr(folder, voxels):
    zarr.create_array(str(folder), data=voxels, chunks=(2, 16, 16))


FORMATS = {
    "a.tif": lambda path, voxels: tifffile.imwrite(path, voxels, photometric="minisblack"),
    "a.npy": np.save,
    "a.npz": lambda path, voxels: np.savez_compressed(path, probabilities=voxels[None]),
    "a.zarr": _write_zarr,
    "a": _write_slices,
}


@pytest.mark.filterwarnings("ignore:.*as one volume")
@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize("write", [export, run])
@pytest.mark.parametrize("budget", [0, 2**30])
@pytest.mark.parametrize("image", [False, True])
def test_a_source_that_is_replaced_meanwhile_leaves_the_old_files(
    tmp_path, out, name, write, budget, image
):
    rng = np.random.default_rng(0)
    old, new = rng.random((2, 6, 16, 16), dtype=np.float32)
    write_data_folder(tmp_path / "d", "b", {"p3d": old, "test_images": old})
    folder = tmp_path / "d" / ("test_images" if image else "p3d")
    FORMATS[name](folder / name, old)
    if image:
        write_data_folder(tmp_path / "d", "a", {"p3d": old})
    FORMATS[name](tmp_path / name, new)
    target = out / "s.zip" if write is export else out
    setting = Setting(source="gradient") if image else Setting()

    def progress(image_id, done, of):
        if (image_id, done) == ("b", 2):  # after the whole of fragment a, before the end
            (folder / name).rename(tmp_path / f"old-{name}")
            (tmp_path / name).rename(folder / name)

    data = open_data(tmp_path / "d")
    pipelines = PipelineSet(data, memory_budget=budget)
    write(pipelines, same_setting(data, setting), target)
    before = files_in(out)
    with pytest.raises(VolumeError, match=r"changed or replaced since it was opened"):
        write(pipelines, same_setting(data, setting), target, progress=progress)
    assert files_in(out) == before
