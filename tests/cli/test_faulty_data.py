"""Commands on data folders with faults, and on folders of slices."""

from __future__ import annotations

import zipfile

import numpy as np
import pytest
import tifffile

from napari_nx46.data.fragments import write_data_folder
from tests.command import nx46_here

KNOBS = ("--probability", 0.5, "--z-radius", 0)


def probabilities(seed=0):
    return np.random.default_rng(seed).integers(0, 256, (4, 12, 14), dtype=np.uint8)


@pytest.fixture
def data_folder(tmp_path):
    root = tmp_path / "data"
    for seed, image_id in enumerate(("bad", "good", "worse")):
        write_data_folder(root, image_id, {"p3d": probabilities(seed)})
    (root / "p3d" / "bad.tif").write_bytes(b"")
    (root / "p3d" / "worse.tif").write_bytes((root / "p3d" / "worse.tif").read_bytes()[:90])
    (root / "p3d" / "good (1).tif").touch()
    return root


def masks_in(folder):
    return sorted(path.name for path in (folder / "masks").iterdir())


def test_a_chosen_fragment_needs_only_its_own_files(data_folder, tmp_path):
    done = nx46_here("run", data_folder, "--fragment", "good", *KNOBS, "--out", tmp_path / "o")
    assert (done.exit_code, done.stderr) == (0, "")
    assert masks_in(tmp_path / "o") == ["good.tif"]
    mask = tifffile.imread(tmp_path / "o" / "masks" / "good.tif")
    np.testing.assert_array_equal(mask, probabilities(1) / np.float32(255) >= 0.5)


@pytest.mark.parametrize("command", ["run", "export"])
def test_all_faults_are_listed_and_may_be_left_out(data_folder, tmp_path, command):
    out = tmp_path / ("o.zip" if command == "export" else "o")
    refused = nx46_here(command, data_folder, *KNOBS, "--out", out)
    assert refused.exit_code == 2
    assert not out.exists()
    done = nx46_here(command, data_folder, *KNOBS, "--out", out, "--skip-faulty")
    assert done.exit_code == 1
    assert "left out 3 of the data" in done.stderr
    for result in (refused, done):
        for name in ("bad.tif", "worse.tif", "good (1).tif"):
            assert name in result.stderr
    if command == "run":
        assert masks_in(out) == ["good.tif"]
    else:
        assert zipfile.ZipFile(out).namelist() == ["good.tif"]


def test_a_quantile_over_all_fragments_leaves_none_out(data_folder, tmp_path):
    dataset = ("--domain", "dataset", "--out", tmp_path / "o")
    for flags in (("--skip-faulty",), ("--fragment", "good")):
        refused = nx46_here("run", data_folder, *flags, *dataset)
        assert refused.exit_code == 2
        assert "bad.tif" in refused.stderr


def test_slices_are_scored_measured_and_compared_as_volumes(tmp_path):
    mask, label = probabilities(1) // 128, probabilities(2) // 128
    for name, voxels in (("mask", mask), ("label", label)):
        (tmp_path / name).mkdir()
        (tmp_path / f"{name}s" / "f").mkdir(parents=True)
        tifffile.imwrite(tmp_path / f"{name}.tif", voxels, photometric="minisblack")
        for z, page in enumerate(voxels):
            tifffile.imwrite(tmp_path / name / f"{z}.tif", page)
            tifffile.imwrite(tmp_path / f"{name}s" / "f" / f"{z}.tif", page)
    for command in (("score",), ("measure", "--label"), ("compare",)):
        outcomes = set()
        for ending, plural in ((".tif", ""), ("", ""), ("", "s")):
            a, b = (tmp_path / f"{name}{plural}{ending}" for name in ("mask", "label"))
            done = nx46_here(command[0], a, *command[1:], b)
            assert done.exit_code == 0, done.output
            first = next(line for line in done.stdout.splitlines() if "0." in line)
            outcomes.add(tuple(word for word in first.split() if "0." in word))
        assert len(outcomes) == 1
