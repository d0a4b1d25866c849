"""Scores from further models, and from the CT alone, by way of the command line."""

from __future__ import annotations

import json

import numpy as np
import pytest
import tifffile

from napari_nx46.cli.flags.data import DataFlags
from napari_nx46.data.fragments import write_data_folder
from tests.command import nx46_here

SHAPE = (5, 16, 18)


@pytest.fixture
def volumes(tmp_path):
    """Write a fragment that two further models have seen, and return their volumes by name."""
    rng = np.random.default_rng(12)
    volumes = {name: rng.random(SHAPE, dtype=np.float32) for name in ("unet", "former")}
    for name, volume in volumes.items():
        write_data_folder(tmp_path / "data" / "nets", "a", {name: volume})
    return volumes


def test_models_are_read_from_their_folder_and_weighed_by_name(tmp_path, volumes):
    dataset = DataFlags([tmp_path / "data"], models="nets").opened()
    assert set(dataset["a"].models) == set(volumes)
    out = tmp_path / "out"
    flags = ("--models", "nets", "--weights", "unet=3,former=1", "--probability", "0.5")
    ran = nx46_here("run", tmp_path / "data", "--out", out, *flags, "--z-radius", "0")
    assert ran.exit_code == 0, ran.stderr
    score = np.float32(0.25) * volumes["former"] + np.float32(0.75) * volumes["unet"]
    np.testing.assert_array_equal(tifffile.imread(out / "masks" / "a.tif"), score >= 0.5)


@pytest.mark.parametrize("source", ["gradient", "residual"])
def test_a_folder_of_images_alone_needs_a_source_that_reads_them(tmp_path, source):
    rng = np.random.default_rng(13)
    image = rng.integers(0, 256, SHAPE, dtype=np.uint8)
    write_data_folder(tmp_path / "data", "a", {"test_images": image})
    arguments = ("run", tmp_path / "data", "--out", tmp_path / "out", "--quantile", "0.9")
    without = nx46_here(*arguments)
    assert (without.exit_code, without.stdout) == (2, "")
    assert "fragment a" in without.stderr
    assert "gradient" in without.stderr
    assert not (tmp_path / "out").exists()
    ran = nx46_here(*arguments, "--source", source)
    assert ran.exit_code == 0, ran.stderr
    (entry,) = json.loads((tmp_path / "out" / "manifest.json").read_bytes())["fragments"]
    assert entry["setting"]["source"] == source
    assert entry["density"] == pytest.approx(0.1, abs=0.01)
    assert list(entry["sources"]) == ["image"]
