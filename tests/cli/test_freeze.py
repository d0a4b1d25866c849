"""``nx46 freeze``: quantiles over the boxes of a store, as probabilities."""

from __future__ import annotations

import numpy as np

from napari_nx46.files.settings import read_setting
from napari_nx46.setting import Setting, ThresholdRule
from tests.command import nx46_here
from tests.scale.execute.stores import level, mask_in_memory, scores, write_store

BOXES = ("0:20,0:24,0:29", "20:37,16:40,4:20")


def test_a_frozen_setting_has_the_masks_of_the_quantile_over_all_boxes(tmp_path):
    voxels = scores()
    store = write_store(tmp_path / "p.zarr", voxels)
    out = tmp_path / "frozen.json"
    flags = [part for box in BOXES for part in ("--box", box)]
    asked = ("--quantile", 0.8, "--low-quantile", 0.6, "--hysteresis", "--z-radius", 0)
    result = nx46_here("freeze", store, *flags, *asked, "--out", out)
    assert result.exit_code == 0, result.output
    setting = read_setting(out)
    assert setting.rule is ThresholdRule.PROBABILITY
    parts = [
        voxels[tuple(slice(*map(int, axis.split(":"))) for axis in box.split(","))].ravel()
        for box in BOXES
    ]
    p = np.float32(np.concatenate(parts)) / np.float32(255)
    assert setting.probability == np.quantile(p.astype(float), 0.8)
    assert setting.low_probability == np.quantile(p.astype(float), 0.6)
    flags = ("--tile", 16, "--chunk", 8, "--levels", 1, "--threads", 1)
    result = nx46_here("apply", store, "--setting", out, "--out", tmp_path / "m.zarr", *flags)
    assert result.exit_code == 0, result.output
    assert np.array_equal(level(tmp_path / "m.zarr"), 255 * mask_in_memory(voxels, setting))


def test_what_follows_from_each_slice_cannot_be_frozen(tmp_path):
    store = write_store(tmp_path / "p.zarr", scores())
    out = tmp_path / "frozen.json"
    result = nx46_here("freeze", store, "--domain", "slice", "--out", out)
    assert result.exit_code == 2
    assert "slice" in result.output
    assert not out.exists()
    assert Setting().rule is ThresholdRule.QUANTILE
