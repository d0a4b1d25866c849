"""Stores on a server, chosen levels, and stores of which little is there."""

from __future__ import annotations

import numpy as np
import pytest
import zarr

from napari_nx46.campaign.execute.cluster import ClusterChoice
from napari_nx46.scale.execute.progress import ApplyState
from napari_nx46.scale.execute.run import RunOptions, apply
from napari_nx46.scale.plan.errors import ApplyError
from napari_nx46.scale.plan.plan import OutputOptions, plan_apply
from napari_nx46.scale.plan.sources import StoreAddress, StoreSources
from napari_nx46.scale.results.receipt import read_receipt
from napari_nx46.setting import Setting, ThresholdRule
from tests.command import nx46_here
from tests.files.stores.server import BUCKET, served
from tests.scale.execute.stores import applied, level, mask_in_memory, scores, write_store

SETTING = Setting(
    rule=ThresholdRule.PROBABILITY,
    probability=0.55,
    z_radius=1,
    hysteresis=True,
    low_probability=0.45,
    fill_cavities=True,
)
THREADS = RunOptions(ClusterChoice(threads=2))


def test_a_store_on_a_server_has_the_mask_of_the_one_on_the_disk(tmp_path):
    voxels = scores()
    folder = tmp_path / "server"
    folder.mkdir()
    write_store(folder / "p.zarr", voxels)
    with served(folder) as server:
        url = f"{server.url}/p.zarr"
        sources = StoreSources(p3d=StoreAddress(location=url, level="0"))
        last = applied(sources, SETTING, tmp_path / "mask.zarr", options=THREADS)[-1]
    assert last.state is ApplyState.DONE, last
    assert np.array_equal(level(tmp_path / "mask.zarr"), 255 * mask_in_memory(voxels, SETTING))


@pytest.mark.parametrize("way", ["http", "s3"])
@pytest.mark.parametrize("fault", [503, "hang", "cut"])
def test_a_server_that_fails_for_a_while_changes_nothing(tmp_path, monkeypatch, way, fault):
    monkeypatch.setenv("NX46_TIMEOUT", "0.5")
    voxels = scores()
    folder = tmp_path / "server"
    folder.mkdir()
    chunks = [
        path.relative_to(folder).as_posix()
        for path in write_store(folder / "p.zarr", voxels).glob("0/*/*/*")
    ]
    with served(folder) as server:
        for name in chunks[::40]:
            server.faults[name] = [fault]
        base = f"s3://{BUCKET}" if way == "s3" else server.url
        sources = StoreSources(
            p3d=StoreAddress(location=f"{base}/p.zarr", level="0", endpoint=server.url)
        )
        last = applied(sources, SETTING, tmp_path / "mask.zarr", options=THREADS)[-1]
        assert not any(server.faults.values())
    assert last.state is ApplyState.DONE, last
    assert np.array_equal(level(tmp_path / "mask.zarr"), 255 * mask_in_memory(voxels, SETTING))


def test_of_a_store_of_which_little_is_there_little_is_computed(tmp_path):
    shape, chunk = (2048, 2048, 2048), 32
    array = zarr.create_array(
        store=str(tmp_path / "p.zarr"),
        shape=shape,
        chunks=(chunk,) * 3,
        dtype="uint8",
        zarr_format=2,
        fill_value=0,
        chunk_key_encoding={"name": "v2", "separator": "/"},
    )
    voxels = scores((64, 64, 64), empty=False)
    for corner in ((0, 0, 0), (1024, 512, 1984)):
        array[tuple(slice(start, start + 64) for start in corner)] = voxels
    output = OutputOptions(chunk=32, levels=2)
    plan = plan_apply(tmp_path / "p.zarr", SETTING, tmp_path / "mask.zarr", tile=64, output=output)
    progress = list(apply(plan, options=THREADS))
    assert progress[-1].state is ApplyState.DONE
    assert max(one.total for one in progress) <= 5
    counts = read_receipt(plan.receipt).counts
    assert (counts["tiles"], counts["tiles with chunks"]) == (32768, 5)
    mask = zarr.open_group(plan.out, mode="r")["0"]
    # The volume ends with the second box along x, and goes on elsewhere.
    around = [(8, 8), (8, 8), (8, 0)]
    expected = mask_in_memory(np.pad(voxels, around), SETTING)[8:-8, 8:-8, 8:]
    assert expected.any()
    assert np.array_equal(mask[1024:1088, 512:576, 1984:], 255 * expected)
    assert mask[1090:1092].max() == 0


def test_a_mask_is_confined_to_the_ct_of_a_store(tmp_path):
    voxels, image = scores(seed=1, empty=False), scores(seed=2, empty=False)
    setting = SETTING.changed(ct_gate="mask", ct_threshold=120.0, ct_margin=1)
    probabilities = StoreAddress.of(write_store(tmp_path / "p.zarr", voxels))
    with pytest.raises(ApplyError, match="--ct-gate mask: found no CT; give --ct STORE"):
        plan_apply(StoreSources(p3d=probabilities), setting, tmp_path / "mask.zarr")
    ct = StoreAddress.of(write_store(tmp_path / "ct.zarr", image))
    sources = StoreSources(p3d=probabilities, image=ct)
    last = applied(sources, setting, tmp_path / "mask.zarr", options=THREADS)[-1]
    assert last.state is ApplyState.DONE, last
    expected = mask_in_memory(voxels, setting, image=image)
    assert 0 < expected.sum() < mask_in_memory(voxels, SETTING).sum()
    assert np.array_equal(level(tmp_path / "mask.zarr"), 255 * expected)


def test_logits_without_prediction_are_counted_and_are_no_probability(tmp_path):
    logits = np.zeros((2, 24, 20, 16), np.float16)
    surface = np.random.default_rng(1).normal(0, 2, (24, 20, 16)).astype(np.float16)
    surface[:, :6] = 0
    logits[1] = surface
    array = zarr.create_array(
        store=str(tmp_path / "l.zarr"),
        shape=logits.shape,
        chunks=(1, 8, 8, 8),
        dtype="float16",
        zarr_format=2,
        fill_value=0,
    )
    array[...] = logits
    flags = ("--probability", 0.4, "--z-radius", 0, "--out", tmp_path / "mask.zarr")
    more = ("--tile", 16, "--chunk", 8, "--levels", 1, "--threads", 1)
    result = nx46_here("apply", tmp_path / "l.zarr", *flags, *more)
    assert result.exit_code == 0, result.output
    mask = level(tmp_path / "mask.zarr")
    assert mask[:, :6].max() == 0
    p = 1 / (1 + np.exp(-surface.astype(float)))
    certain = np.abs(p - 0.4) > 1e-3
    certain[:, :6] = False
    assert np.array_equal((mask > 0)[certain], (p >= 0.4)[certain])
    counts = read_receipt(tmp_path / "mask.zarr.receipt.json").counts
    assert counts["no prediction in p3d"] == (logits == 0).all(0).sum()
