"""Stores of some size: against a plain chain in SciPy, and 8192 voxels a side with little in it."""

from __future__ import annotations

import numpy as np
import pytest
import zarr
from scipy import ndimage

from napari_nx46.campaign.execute.cluster import ClusterChoice
from napari_nx46.scale.execute.run import RunOptions, apply
from napari_nx46.scale.plan.plan import OutputOptions, plan_apply
from napari_nx46.scale.results.receipt import read_receipt
from napari_nx46.setting import Setting
from tests.scale.execute.stores import mask_in_memory, scores, write_store

CHAIN = Setting(
    rule="probability",
    probability=0.6,
    low_probability=0.35,
    hysteresis=True,
    fill_cavities=True,
    smallest_object=500,
    z_radius=0,
)
WHOLE = np.ones((3, 3, 3), bool)


def plain_mask(voxels):
    """Return the mask of the chain of uint8 probabilities, step by step in SciPy."""
    labels, count = ndimage.label(voxels >= 0.35 * 255, WHOLE)
    kept = np.zeros(count + 1, bool)
    kept[labels[voxels >= 0.6 * 255]] = True
    kept[0] = False
    filled = ndimage.binary_fill_holes(kept[labels])
    labels, _ = ndimage.label(filled, WHOLE)
    sizes = np.bincount(labels.ravel())
    sizes[0] = 0
    return (sizes >= CHAIN.smallest_object)[labels]


@pytest.mark.slow
def test_a_store_of_640_slices_has_the_mask_of_a_plain_chain(tmp_path):
    noise = np.random.default_rng(15).integers(0, 256, (640, 512, 512), np.uint8)
    voxels = ndimage.uniform_filter(noise, 3)
    voxels = np.clip((voxels.astype(np.int16) - 96) * 4, 0, 255).astype(np.uint8)
    path = write_store(tmp_path / "p.zarr", voxels, 128)
    output = OutputOptions(levels=2)
    plan = plan_apply(path, CHAIN, tmp_path / "mask.zarr", tile=128, output=output)
    *_, last = apply(plan, workers=2)
    assert last.state == "done", last
    expected = plain_mask(voxels)
    assert 0.05 < expected.mean() < 0.95
    assert np.array_equal(zarr.open_group(plan.out, mode="r")["0"][...] > 0, expected)


def test_of_8192_voxels_a_side_what_is_there_is_computed(tmp_path):
    chunk, corners = 64, ((0, 0, 0), (4096, 2048, 8128), (4160, 2048, 8128))
    array = zarr.create_array(
        store=str(tmp_path / "p.zarr"),
        shape=(8192,) * 3,
        chunks=(chunk,) * 3,
        dtype="uint8",
        zarr_format=2,
        fill_value=0,
        chunk_key_encoding={"name": "v2", "separator": "/"},
    )
    voxels = scores((64, 64, 64), empty=False)
    for z, y, x in corners:
        array[z : z + chunk, y : y + chunk, x : x + chunk] = voxels
    output = OutputOptions(chunk=64, levels=2)
    plan = plan_apply(tmp_path / "p.zarr", CHAIN, tmp_path / "mask.zarr", tile=128, output=output)
    progress = list(apply(plan, options=RunOptions(ClusterChoice(threads=2))))
    assert progress[-1].state == "done"
    assert max(one.total for one in progress) == 2  # the last two are in one tile
    counts = read_receipt(plan.receipt).counts
    assert (counts["tiles"], counts["tiles with chunks"]) == (64**3, 2)
    expected = mask_in_memory(np.pad(np.concatenate([voxels] * 2), [(8, 8), (8, 8), (8, 0)]), CHAIN)
    found = zarr.open_group(plan.out, mode="r")["0"][4096:4224, 2048:2112, 8128:]
    assert expected.any()
    assert np.array_equal(found, 255 * expected[8:-8, 8:-8, 8:])
