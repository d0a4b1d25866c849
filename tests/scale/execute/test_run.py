"""What is written is, bit for bit, what the same setting gives in memory."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_nx46.campaign.execute.cluster import ClusterChoice
from napari_nx46.core.pipeline import FragmentPipeline
from napari_nx46.scale.execute.progress import ApplyState
from napari_nx46.scale.execute.run import RunOptions
from napari_nx46.scale.plan.errors import ApplyError
from napari_nx46.scale.plan.plan import plan_apply
from napari_nx46.scale.plan.sources import StoreAddress, StoreSources
from napari_nx46.scale.results.checking import check_mask_image, compare_tiles
from napari_nx46.scale.results.receipt import read_receipt
from napari_nx46.setting import Setting, ThresholdRule
from napari_nx46.voxels.blocks import FragmentVolumes, whole_block
from napari_nx46.voxels.halving import halved
from tests.scale.execute.stores import OUTPUT, applied, level, mask_in_memory, scores, write_store
from tests.scale.test_tiles import ALONE

PLAIN = Setting(rule=ThresholdRule.PROBABILITY, probability=0.55, z_radius=1)
SETTINGS = {
    "threshold": PLAIN,
    "hysteresis": PLAIN.changed(hysteresis=True, low_probability=0.45),
    "objects": PLAIN.changed(closing_z=1, closing_xy=1, smallest_object=40),
    "cavities": PLAIN.changed(fill_cavities=True, stabilise_radius=1, opening=True),
    "gap": PLAIN.changed(closing_ball=1, sheet_gap=1, smallest_object=20, border=2),
    "patches": PLAIN.changed(patch_holes=4, patch_blocks=16, plug_tunnels=True),
}


COUNTED = {
    "quantile": (PLAIN.changed(rule="quantile", quantile=0.8), "volume"),
    "above 0": (PLAIN.changed(rule="quantile", quantile=0.7, domain="nonzero"), "volume"),
    "pair": (PLAIN.changed(rule="quantile", hysteresis=True), "volume"),
    "slice": (PLAIN.changed(rule="quantile", quantile=0.8, domain="slice"), None),
    "adaptive": (PLAIN.changed(rule="adaptive", smallest_object=20), None),
    "gradient": (PLAIN.changed(source="gradient", probability=0.3, z_radius=0), None),
    "residual": (PLAIN.changed(rule="quantile", source="residual", quantile=0.9), "volume"),
}


MEASURED = {
    "diffusion": PLAIN.changed(smooth="diffusion", diffusion_iterations=2),
    "each volume": PLAIN.changed(
        smooth="diffusion", smooth_stage="volumes", diffusion_iterations=2, rule="adaptive"
    ),
    "sheetness": PLAIN.changed(sheetness="mix", sheet_sigma=0.7, smooth="gaussian"),
    "gate": PLAIN.changed(hysteresis=True, low_probability=0.4, sheetness="gate", sheet_sigma=0.7),
    "ranks": PLAIN.changed(averaging="rank", probability=0.7, ct_gate="score", ct_threshold=30),
}


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    voxels = scores()
    return write_store(tmp_path_factory.mktemp("store") / "p.zarr", voxels), voxels


@pytest.mark.parametrize("name", SETTINGS)
def test_the_mask_is_that_in_memory(store, tmp_path, name):
    path, voxels = store
    out = tmp_path / "mask.zarr"
    last = applied(path, SETTINGS[name], out)[-1]
    assert last.state is ApplyState.DONE, last
    expected = mask_in_memory(voxels, SETTINGS[name]) * 255
    assert expected.any()
    assert np.array_equal(level(out), expected)
    for number in range(1, OUTPUT.levels):
        expected = halved(expected.astype(np.uint8))
        assert np.array_equal(level(out, number), expected)
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "mask.zarr",
        "mask.zarr.receipt.json",
    ]


@settings(max_examples=8, deadline=None)
@given(
    chosen=st.lists(st.sampled_from(ALONE), min_size=1, max_size=3),
    tile=st.sampled_from([8, 16, 24, 48]),
    threads=st.integers(1, 3),
)
def test_no_steps_tile_or_number_of_workers_change_the_mask(store, chosen, tile, threads):
    path, voxels = store
    setting = PLAIN.changed(low_probability=0.45)
    for knobs in chosen:
        setting = setting.changed(**knobs)
    image = {"image": voxels} if setting.ct_gate != "off" else {}
    sources = StoreSources(
        p3d=StoreAddress.of(path), image=StoreAddress.of(path) if image else None
    )
    options = RunOptions(ClusterChoice(threads=threads))
    with TemporaryDirectory() as folder:
        out = Path(folder) / "mask.zarr"
        last = applied(sources, setting, out, tile=tile, options=options)[-1]
        assert last.state is ApplyState.DONE, last
        assert np.array_equal(level(out), 255 * mask_in_memory(voxels, setting, **image))


@pytest.mark.parametrize("name", COUNTED)
def test_thresholds_that_are_counted_are_those_in_memory(store, tmp_path, name):
    (path, voxels), (setting, over) = store, COUNTED[name]
    sources = StoreSources(p3d=StoreAddress.of(path), image=StoreAddress.of(path))
    last = applied(sources, setting, tmp_path / "mask.zarr", quantile_over=over)[-1]
    assert last.state is ApplyState.DONE, last
    expected = mask_in_memory(voxels, setting, image=voxels)
    assert 0 < expected.mean() < 1
    assert np.array_equal(level(tmp_path / "mask.zarr"), 255 * expected)
    receipt = read_receipt(tmp_path / "mask.zarr.receipt.json")
    assert len(receipt.thresholds) == (len(voxels) if name in ("slice", "adaptive") else 1)


@pytest.mark.parametrize("name", MEASURED)
def test_scores_that_follow_from_the_whole_volume_are_those_in_memory(store, tmp_path, name):
    (path, voxels), setting, out = store, MEASURED[name], tmp_path / "mask.zarr"
    other = scores(seed=1)
    p2d = write_store(tmp_path / "p2d.zarr", other)
    sources = StoreSources(
        p3d=StoreAddress.of(path), p2d=StoreAddress.of(p2d), image=StoreAddress.of(path)
    )
    # Cancelled once that is measured, it goes on with what was kept.
    kept = tmp_path / "mask.zarr.work/measured.json"
    assert applied(sources, setting, out, cancelled=kept.exists)[-1].state == "cancelled"
    assert applied(sources, setting, out)[-1].state is ApplyState.DONE
    expected = mask_in_memory(voxels, setting, p2d=other, image=voxels)
    assert 0.02 < expected.mean() < 0.98
    assert np.array_equal(level(out), 255 * expected)
    for tile in compare_tiles(check_mask_image(out), 8):
        assert tile.compared > 0
        assert tile.wrong == 0


def test_ranks_of_volumes_with_as_many_values_as_voxels_are_refused(tmp_path):
    path = write_store(tmp_path / "p.zarr", np.random.default_rng(0).random((9, 9, 9), np.float32))
    with pytest.raises(ApplyError, match="rank: found float32"):
        plan_apply(path, PLAIN.changed(averaging="rank"), tmp_path / "mask.zarr", tile=128)


def test_a_quantile_over_what_is_written_leaves_absent_chunks_out(tmp_path):
    voxels = scores(empty=False)
    voxels[:, :24] = 0
    path = write_store(tmp_path / "p.zarr", voxels)
    setting = PLAIN.changed(rule="quantile", quantile=0.9, z_radius=0)
    for over, counted in (("volume", voxels), ("written", voxels[:, 24:])):
        out = tmp_path / f"{over}.zarr"
        applied(path, setting, out, quantile_over=over)
        pipeline = FragmentPipeline(FragmentVolumes(counted, counted))
        threshold = pipeline.threshold(setting)
        found = read_receipt(tmp_path / f"{over}.zarr.receipt.json").threshold
        assert found.values == threshold.values
        whole = FragmentPipeline(FragmentVolumes(voxels, voxels))
        expected = whole.mask(setting, threshold, whole_block(voxels.shape))
        assert np.array_equal(level(out), 255 * expected)
