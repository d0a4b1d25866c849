"""The command nx46 thickness."""

from __future__ import annotations

import json

import numpy as np
import tifffile

from napari_nx46.core.measure.thickness import measure_thickness
from tests.command import nx46_here
from tests.run.compare.comparing import write_masks


def test_figures_and_maps_are_those_of_the_masks(tmp_path):
    rng = np.random.default_rng(46)
    masks = {
        "a": (rng.random((6, 9, 11)) < 0.5).astype(np.uint8),
        "empty": np.zeros((3, 4, 5), np.uint8),
        "full": np.ones((1, 4, 5), np.uint8),
    }
    folder, maps = write_masks(tmp_path / "masks", masks), tmp_path / "maps"
    ran = nx46_here("thickness", folder, "--maps", maps, "--json")
    assert ran.exit_code == 0, ran.stderr
    records = {record.pop("fragment"): record for record in json.loads(ran.stdout)}
    for name, mask in masks.items():
        measured = measure_thickness(mask)
        np.testing.assert_array_equal(
            tifffile.imread(maps / f"{name}.tif"), np.squeeze(measured.map)
        )
        assert records[name]["median"] == measured.median
        assert records[name]["ridge_voxels"] == measured.ridge_voxels
    table = nx46_here("thickness", folder)
    assert table.stdout.splitlines()[0].split()[:2] == ["fragment", "ridge"]
    assert f"{measure_thickness(masks['a']).median:.3f}" in table.stdout


def test_a_mask_that_is_not_there_is_said_to_be_missing(tmp_path):
    ran = nx46_here("thickness", tmp_path / "none.tif")
    assert ran.exit_code == 2
    assert "none.tif" in ran.stderr
