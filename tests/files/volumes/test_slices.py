"""Folders of slices as volumes, and the stamps of the files that a volume is read from."""

from __future__ import annotations

import os
import shutil

import numpy as np
import pytest
import tifffile
import zarr
from hypothesis import given
from hypothesis import strategies as st

from napari_nx46.files.volumes.opening import Role, VolumeError, is_volume_folder, open_volume
from napari_nx46.files.volumes.paths import slices_of
from napari_nx46.files.volumes.stack_reader import OPEN_SLICES

pytestmark = pytest.mark.filterwarnings("ignore::napari_nx46.files.volumes.opening.VolumeWarning")


def voxels_of(shape=(12, 5, 7), dtype="uint8"):
    return np.random.default_rng(0).integers(0, 200, shape).astype(dtype)


def write_slices(folder, voxels, name="{:04d}.tif", numbers=None, **options):
    folder.mkdir(parents=True, exist_ok=True)
    for number, page in zip(numbers or range(len(voxels)), voxels, strict=True):
        path = folder / name.format(number)
        if path.suffix == ".npy":
            np.save(path, page)
        else:
            tifffile.imwrite(path, page, photometric="minisblack", **options)
    return folder


@pytest.mark.parametrize(
    "name",
    ["{:04d}.tif", "{}.tif", "s_{}_prob.TIF", "v2 z{:02d}.tiff", "{:03d}.npy", "10_{:02d}.ome.tif"],
)
@pytest.mark.parametrize("start", [0, 95])
def test_numbered_slices_are_one_volume_in_natural_order(tmp_path, name, start):
    voxels = voxels_of()
    write_slices(tmp_path / "a", voxels, name, range(start, start + 12))
    assert is_volume_folder(tmp_path / "a")
    volume = open_volume(tmp_path / "a")
    assert volume.shape == voxels.shape
    assert len(volume.slices) == 12
    np.testing.assert_array_equal(volume.read(), voxels)


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float32", "float64"])
@pytest.mark.parametrize("compression", [None, "zlib", "lzw"])
def test_slices_may_have_every_type_and_compression(tmp_path, dtype, compression):
    voxels = voxels_of(dtype=dtype)
    write_slices(tmp_path / "a", voxels, compression=compression)
    volume = open_volume(tmp_path / "a", role=Role.IMAGE)
    assert volume.dtype == dtype
    np.testing.assert_array_equal(volume[3:9:2, 1:4, ::3], voxels[3:9:2, 1:4, ::3])


@given(
    z=st.slices(OPEN_SLICES + 5), y=st.slices(5), x=st.slices(7), single=st.integers(0, OPEN_SLICES)
)
def test_any_box_of_slices_is_that_of_the_array(tmp_path_factory, z, y, x, single):
    voxels = voxels_of((OPEN_SLICES + 5, 5, 7))
    folder = tmp_path_factory.getbasetemp() / "boxes"
    if not folder.exists():
        write_slices(folder, voxels)
    volume = open_volume(folder)
    np.testing.assert_array_equal(volume[z, y, x], voxels[z, y, x])
    np.testing.assert_array_equal(volume[single], voxels[single])


@pytest.mark.parametrize(
    ("numbers", "named"),
    [((1, 2, 4), "without 3"), ((1, 2, 5, 8), "without 3 to 4, 6 to 7"), ((0, 10, 20), "1 to 9")],
)
def test_gaps_in_a_sequence_are_named(tmp_path, numbers, named):
    write_slices(tmp_path / "a", voxels_of((len(numbers), 5, 7)), numbers=numbers)
    with pytest.raises(VolumeError, match=named):
        open_volume(tmp_path / "a")


@pytest.mark.parametrize(
    "names",
    [
        ("a.tif", "b.tif"),
        ("1.tif",),
        ("1407735.tif", "2131.tif", "53.tif"),
        ("x1y1.tif", "x2y2.tif"),
    ],
)
def test_other_single_slices_are_no_volume_together(tmp_path, names):
    (tmp_path / "a").mkdir()
    for name in names:
        tifffile.imwrite(tmp_path / "a" / name, voxels_of((5, 7)))
    assert slices_of(tmp_path / "a") == ()
    with pytest.raises(VolumeError, match="neither Zarr metadata nor the slices"):
        open_volume(tmp_path / "a")


def test_volumes_with_numbered_names_are_not_slices(tmp_path):
    for number in (1, 2, 3):
        tifffile.imwrite(tmp_path / f"{number}.tif", voxels_of((1 + number % 2, 5, 7)))
    assert slices_of(tmp_path) == ()


def test_slices_that_differ_are_damaged_or_double_are_refused(tmp_path):
    write_slices(tmp_path / "a", voxels_of())
    (tmp_path / "a" / "0003.tif").write_bytes(b"II*\0")
    with pytest.raises(VolumeError, match=r"cannot be opened.*0003\.tif"):
        slices_of(tmp_path / "a")
    tifffile.imwrite(tmp_path / "a" / "0003.tif", voxels_of((5, 8)))
    with pytest.raises(VolumeError, match=r"5 x 7 voxels of uint8; 0003\.tif has 5 x 8"):
        slices_of(tmp_path / "a")
    tifffile.imwrite(tmp_path / "a" / "0003.tif", voxels_of((5, 7)))
    shutil.copy(tmp_path / "a" / "0003.tif", tmp_path / "a" / "3.tif")
    with pytest.raises(VolumeError, match="two slices with the number 3"):
        slices_of(tmp_path / "a")


def test_the_digest_of_slices_is_of_names_and_contents(tmp_path):
    digests = set()
    for name in ("a", "b"):
        digests.add(open_volume(write_slices(tmp_path / name, voxels_of())).fingerprint())
    assert len(digests) == 1
    (tmp_path / "b" / "notes.txt").touch()
    digests.add(open_volume(tmp_path / "b").fingerprint())
    assert len(digests) == 1
    digests.add(open_volume(write_slices(tmp_path / "c", voxels_of()[::-1])).fingerprint())
    assert len(digests) == 2


# Stamps


def _as_tiff(path, voxels):
    tifffile.imwrite(path, voxels, compression="zlib", photometric="minisblack")


def _as_zarr(path, voxels):
    zarr.save_array(str(path), voxels)


def _first_chunk(folder):
    return next(path for path in sorted((folder / "c").rglob("*")) if path.is_file())


@pytest.mark.parametrize(
    ("name", "write", "changed"),
    [
        ("a.tif", _as_tiff, lambda path: path),
        ("a.npy", np.save, lambda path: path),
        ("a.npz", lambda path, voxels: np.savez(path, probabilities=voxels[None]), lambda p: p),
        ("a.zarr", _as_zarr, _first_chunk),
        ("a.zarr", _as_zarr, lambda path: path / "zarr.json"),
        ("slices", write_slices, lambda path: path / "0004.tif"),
    ],
)
@pytest.mark.parametrize("how", ["replaced", "in place", "removed"])
def test_a_file_that_changes_after_opening_is_noticed_by_the_digest(
    tmp_path, name, write, changed, how
):
    write(tmp_path / name, voxels_of())
    volume = open_volume(tmp_path / name)
    volume.read()
    file = changed(tmp_path / name)
    content, status = file.read_bytes(), file.stat()
    if how == "removed":
        file.unlink()
    else:
        if how == "replaced":
            file.unlink()
        file.write_bytes(content)
        os.utime(file, ns=(status.st_atime_ns, status.st_mtime_ns))
    with pytest.raises(VolumeError):
        volume.fingerprint()


def test_a_chunk_that_is_added_after_reading_is_noticed(tmp_path):
    array = zarr.create_array(
        str(tmp_path / "a.zarr"), shape=(4, 5, 7), chunks=(2, 5, 7), dtype="u1"
    )
    array[:2] = 1
    volume = open_volume(tmp_path / "a.zarr")
    volume.read()
    first = volume.fingerprint()
    assert volume.fingerprint() == first
    array[2:] = 1
    with pytest.raises(VolumeError, match="changed or replaced"):
        volume.check_unchanged()
    with pytest.raises(VolumeError, match="changed or replaced"):
        volume.fingerprint()
