"""What is written is, bit for bit, what the same setting gives in memory."""

from __future__ import annotations

import numpy as np
import pytest

from napari_nx46.scale.execute.progress import ApplyState
from napari_nx46.setting import Setting, ThresholdRule
from napari_nx46.voxels.halving import halved
from tests.scale.execute.stores import OUTPUT, applied, level, mask_in_memory, scores, write_store

PLAIN = Setting(rule=ThresholdRule.PROBABILITY, probability=0.55, z_radius=1)
SETTINGS = {
    "threshold": PLAIN,
    "hysteresis": PLAIN.changed(hysteresis=True, low_probability=0.45),
    "objects": PLAIN.changed(closing_z=1, closing_xy=1, smallest_object=40),
    "cavities": PLAIN.changed(fill_cavities=True, stabilise_radius=1, opening=True),
    "gap": PLAIN.changed(closing_ball=1, sheet_gap=1, smallest_object=20, border=2),
    "patches": PLAIN.changed(patch_holes=4, patch_blocks=16, plug_tunnels=True),
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
