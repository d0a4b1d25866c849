"""Masks of fragments as OME-Zarr images: the voxels, sizes and places of the TIFF ones."""

from __future__ import annotations

import json

import numpy as np
import pytest
import zarr

from napari_nx46.data.fragments import DataSet
from napari_nx46.files.atomic import WriteError
from napari_nx46.files.submission.mask_tiff import MaskFormat, MaskValues
from napari_nx46.files.volumes.opening import Role, open_volume
from napari_nx46.run.export.export import run, same_setting
from napari_nx46.run.export.manifest import RunOptions
from napari_nx46.run.pipelines import PipelineSet
from napari_nx46.setting import Setting
from napari_nx46.voxels.corrections.corrections import Corrections

SETTING = Setting(quantile=0.8, z_radius=1)


@pytest.fixture
def dataset():
    rng = np.random.default_rng(5)
    scores = {name: rng.random((6, 9, 7), np.float32) for name in ("a", "b")}
    return DataSet.from_arrays(
        {
            name: {"p3d": score, "scale": (8.0, 4.0, 4.0), "units": "µm"}
            for name, score in scores.items()
        }
    )


def _run(dataset, folder, corrections=None, **options):
    settings = same_setting(dataset, SETTING)
    return run(
        *(PipelineSet(dataset), settings, folder, RunOptions(**options)), corrections=corrections
    )


@pytest.mark.parametrize("profile", MaskValues)
def test_images_hold_the_masks_that_tiffs_hold(dataset, tmp_path, profile):
    one = np.zeros((6, 9, 7), np.uint8)
    one[2, 3, 3:6] = 1
    corrections = {"b": Corrections.of(one)}
    tiffs = _run(dataset, tmp_path / "tiff", corrections, profile=profile)
    images = _run(
        *(dataset, tmp_path / "zarr", corrections), profile=profile, format=MaskFormat.OME_ZARR
    )
    for expected, found in zip(tiffs.members, images.members, strict=True):
        assert found.mask_sha256 == expected.mask_sha256
        assert found.density == expected.density
        path = tmp_path / f"zarr/masks/{found.image_id}.zarr"
        volume = open_volume(path, role=Role.IMAGE)
        tiff = open_volume(tmp_path / f"tiff/masks/{found.image_id}.tif", role=Role.IMAGE)
        assert np.array_equal(volume[...], tiff[...])
        assert volume.placement.micrometres == (8, 4, 4)
    manifest = json.loads((tmp_path / "zarr/manifest.json").read_text())
    assert [one["member"] for one in manifest["fragments"]] == ["a.zarr", "b.zarr"]
    assert not [path.name for path in (tmp_path / "zarr").iterdir() if path.name.startswith(".nx")]


def test_an_older_image_is_replaced_and_any_other_folder_is_not(dataset, tmp_path):
    _run(dataset, tmp_path, format=MaskFormat.OME_ZARR)
    again = _run(dataset, tmp_path, format=MaskFormat.OME_ZARR)
    assert again.members[0].size > 0
    array = zarr.open_group(tmp_path / "masks/a.zarr", mode="r")["0"]
    assert array.shape == (6, 9, 7)
    (tmp_path / "masks/a.zarr/metadata.json").unlink()
    with pytest.raises(WriteError, match="folder of that name"):
        _run(dataset, tmp_path, format=MaskFormat.OME_ZARR)
