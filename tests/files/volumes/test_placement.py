"""The voxel sizes that files give, and grids that are the same."""

from __future__ import annotations

import json

import numpy as np
import pytest
import tifffile
import zarr
from hypothesis import given
from hypothesis import strategies as st

from napari_nx46 import FragmentError, open_data, open_volume
from napari_nx46.files.volumes.placement import Placement

VOXELS = np.random.default_rng(46).random((5, 8, 9), np.float32)


def ome_tiff(path, **metadata):
    tifffile.imwrite(path, VOXELS, ome=True, metadata={"axes": "ZYX", **metadata})
    return open_volume(path).placement


def imagej_tiff(path, resolution=None, **metadata):
    tifffile.imwrite(
        path, VOXELS, imagej=True, resolution=resolution, metadata={"axes": "ZYX", **metadata}
    )
    return open_volume(path).placement


def ome_zarr(path, axes, datasets, common=None, version="0.4"):
    group = zarr.open_group(str(path), mode="w", zarr_format=2 if version == "0.4" else 3)
    group.create_array("0", shape=VOXELS.shape, chunks=(5, 8, 9), dtype=VOXELS.dtype)[:] = VOXELS
    image = {"axes": axes, "datasets": [{"path": "0", **datasets}], "version": version}
    if common is not None:
        image["coordinateTransformations"] = common
    if version == "0.4":
        group.attrs["multiscales"] = [image]
    else:
        group.attrs["ome"] = {"version": version, "multiscales": [image]}
    return open_volume(path).placement


def axes(unit="micrometer"):
    return [{"name": name, "type": "space", "unit": unit} for name in "zyx"]


def test_the_size_in_an_ome_tiff_is_read(tmp_path):
    placement = ome_tiff(
        tmp_path / "a.ome.tif",
        PhysicalSizeZ=7.91,
        PhysicalSizeY=3.5,
        PhysicalSizeX=3.25,
        PhysicalSizeZUnit="µm",
        PhysicalSizeYUnit="µm",
        PhysicalSizeXUnit="nm",
    )
    assert placement.scale == (7.91, 3.5, 3.25)
    assert placement.micrometres == pytest.approx((7.91, 3.5, 0.00325))


@pytest.mark.parametrize(
    "metadata", [{}, {"PhysicalSizeX": 2.0, "PhysicalSizeY": 2.0}, {"PhysicalSizeX": -1.0}]
)
def test_an_ome_tiff_may_give_no_size(metadata, tmp_path):
    assert ome_tiff(tmp_path / "a.ome.tif", **metadata) is None


def test_an_ome_tiff_whose_size_is_no_number_is_still_read(tmp_path):
    path = tmp_path / "a.ome.tif"
    ome_tiff(path, PhysicalSizeZ=1234.5, PhysicalSizeY=1.0, PhysicalSizeX=1.0)
    path.write_bytes(path.read_bytes().replace(b"1234.5", b"wide!!"))
    volume = open_volume(path)
    assert volume.placement is None
    np.testing.assert_array_equal(volume.read(), VOXELS)


def test_the_size_in_an_imagej_tiff_is_read(tmp_path):
    placement = imagej_tiff(tmp_path / "a.tif", (1 / 3.25, 1 / 3.5), spacing=7.91, unit="micron")
    assert placement.micrometres == pytest.approx((7.91, 3.5, 3.25), rel=1e-5)


def test_the_unit_of_imagej_may_be_escaped(tmp_path):
    placement = imagej_tiff(tmp_path / "a.tif", (0.5, 0.5), spacing=2.0, unit="\\u00B5m")
    assert placement.micrometres == pytest.approx((2.0, 2.0, 2.0))


@pytest.mark.parametrize("metadata", [{}, {"unit": "pixel", "spacing": 2.0}])
def test_an_imagej_tiff_without_a_unit_gives_no_size(metadata, tmp_path):
    assert imagej_tiff(tmp_path / "a.tif", (72, 72), **metadata) is None


def test_the_resolution_for_printing_is_no_voxel_size(tmp_path):
    tifffile.imwrite(tmp_path / "a.tif", VOXELS, resolution=(300, 300), photometric="minisblack")
    assert open_volume(tmp_path / "a.tif").placement is None


@pytest.mark.parametrize("version", ["0.4", "0.5"])
def test_size_and_place_in_an_ome_zarr_are_read(version, tmp_path):
    steps = [
        {"type": "scale", "scale": [8.0, 4.0, 2.0]},
        {"type": "translation", "translation": [1.0, 2.0, 3.0]},
    ]
    placement = ome_zarr(
        tmp_path / "a.zarr",
        axes(),
        {"coordinateTransformations": steps},
        [{"type": "scale", "scale": [1.0, 0.5, 2.0]}],
        version,
    )
    assert placement == Placement((8, 2, 4), (1, 1, 6), ("micrometer",) * 3)


@pytest.mark.parametrize(
    "steps",
    [
        None,
        [],
        [{"type": "scale", "scale": [1.0, 2.0]}],
        [{"type": "scale", "scale": ["a", 1, 1]}],
        [{"type": "scale", "scale": [0, 1, 1]}],
        "wrong",
        [["scale"]],
    ],
)
def test_an_ome_zarr_may_give_no_size_that_makes_sense(steps, tmp_path):
    assert ome_zarr(tmp_path / "a.zarr", axes(), {"coordinateTransformations": steps}) is None
    np.testing.assert_array_equal(open_volume(tmp_path / "a.zarr").read(), VOXELS)


def test_volumes_of_a_folder_on_different_grids_are_refused(tmp_path):
    for folder, size in (("p3d", 2.0), ("test_images", 4.0)):
        (tmp_path / folder).mkdir()
        sizes = {f"PhysicalSize{axis}": size for axis in "ZYX"}
        tifffile.imwrite(
            tmp_path / folder / "a.ome.tif", VOXELS, ome=True, metadata={"axes": "ZYX", **sizes}
        )
    with pytest.raises(FragmentError, match=r"fragment a: found voxels of \(2, 2, 2\) µm in .*p3d"):
        open_data(tmp_path)


def test_a_volume_without_a_size_fits_any_grid(tmp_path):
    (tmp_path / "p3d").mkdir()
    (tmp_path / "p2d").mkdir()
    sizes = {f"PhysicalSize{axis}": 2.0 for axis in "ZYX"}
    tifffile.imwrite(
        tmp_path / "p3d/a.ome.tif", VOXELS, ome=True, metadata={"axes": "ZYX", **sizes}
    )
    np.save(tmp_path / "p2d/a.npy", VOXELS)
    assert open_data(tmp_path)["a"].placement.micrometres == (2, 2, 2)


@given(st.tuples(*[st.floats(1e-3, 1e3)] * 3), st.sampled_from(["nm", "um", "mm", "pixel", "ell"]))
def test_a_grid_is_the_same_as_itself_and_as_itself_in_other_units(scale, unit):
    placement = Placement.of(scale, units=unit)
    assert placement.is_same_grid(placement)
    if placement.micrometres is not None:
        assert placement.is_same_grid(Placement.of(placement.micrometres, units="µm"))
        coarser = tuple(2 * size for size in placement.micrometres)
        assert not placement.is_same_grid(Placement.of(coarser, units="micron"))


def test_a_grid_in_another_place_is_another_one():
    here, there = Placement.of((2, 2, 2)), Placement.of((2, 2, 2), (0, 1, 0))
    assert not here.is_same_grid(there)
    assert json.dumps(there.in_words()) == '"voxels of (2, 2, 2) pixel from (0, 1, 0) on"'
