"""Volumes of every format give the voxels that were written."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import tifffile
import zarr
from hypothesis import given
from hypothesis import strategies as st

from napari_nx46.files.volumes.opening import VolumeError, VolumeWarning, open_volume
from tests.files.volumes.written_volumes import make_zarr, voxels_of, write_tiff

PROBABILITY_TYPES = ("uint8", "uint16", "float16", "float32", "float64")


# TIFF
@pytest.mark.parametrize("dtype", PROBABILITY_TYPES)
@pytest.mark.parametrize(
    "options",
    [
        {},
        {"compression": "lzw"},
        {"compression": "zlib", "predictor": True},
        {"compression": "zstd"},
        {"compression": "adobe_deflate", "rowsperstrip": 2},
        {"bigtiff": True},
        {"bigtiff": True, "compression": "lzw"},
        {"byteorder": ">"},
        {"byteorder": ">", "compression": "zlib"},
        {"byteorder": ">", "bigtiff": True, "compression": "lzw"},
        {"tile": (16, 16)},
        {"tile": (16, 32), "compression": "zlib"},
        {"rowsperstrip": 3},
        {"metadata": None},
        {"metadata": None, "rowsperstrip": 3, "compression": "lzw"},
        {"ome": True},
        {"ome": True, "compression": "zlib"},
        {"truncate": True},
        {"resolution": (1, 1), "description": "a scan"},
    ],
    ids=str,
)
def test_every_kind_of_tiff_gives_its_voxels_in_native_order(tmp_path, dtype, options):
    voxels = voxels_of(dtype, (5, 37, 41))
    if dtype == "float16" and options.get("ome"):
        pytest.skip("OME-TIFF has no float16")
    volume = open_volume(write_tiff(tmp_path / "a.tif", voxels, **options))
    assert volume.shape == voxels.shape
    assert volume.dtype == np.dtype(dtype)
    assert volume.dtype.isnative
    read = volume.read()
    assert read.dtype.isnative
    np.testing.assert_array_equal(read, voxels)
    np.testing.assert_array_equal(volume[1:4, 3:30:4, 20:39], voxels[1:4, 3:30:4, 20:39])


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float32"])
def test_imagej_hyperstacks_of_one_axis_are_read(tmp_path, dtype):
    voxels = voxels_of(dtype)
    volume = open_volume(write_tiff(tmp_path / "a.tif", voxels, imagej=True))
    np.testing.assert_array_equal(volume.read(), voxels)


@given(
    shape=st.tuples(*[st.integers(1, 20)] * 3),
    compression=st.sampled_from([None, "lzw", "zlib", "zstd"]),
    metadata=st.sampled_from(["default", "ome"]),
)
def test_odd_shapes_keep_their_axes_through_tiff(tmp_path_factory, shape, compression, metadata):
    voxels = voxels_of("uint8", shape)
    path = tmp_path_factory.mktemp("odd") / "a.tif"
    write_tiff(path, voxels, compression=compression, ome=metadata == "ome")
    volume = open_volume(path)
    assert volume.shape == shape
    np.testing.assert_array_equal(volume.read(), voxels)
    np.testing.assert_array_equal(volume[0], voxels[0])


@pytest.mark.parametrize("compression", [None, "lzw"])
def test_pages_that_were_appended_one_by_one_are_one_volume(tmp_path, compression):
    voxels = voxels_of("uint8")
    with tifffile.TiffWriter(tmp_path / "a.tif") as writer:
        for plane in voxels:
            writer.write(plane, compression=compression, contiguous=False)
    np.testing.assert_array_equal(open_volume(tmp_path / "a.tif").read(), voxels)


def test_pages_written_by_pillow_are_read(tmp_path):
    from PIL import Image

    voxels = voxels_of("uint8")
    first, *others = [Image.fromarray(plane) for plane in voxels]
    first.save(tmp_path / "a.tif", save_all=True, append_images=others, compression="tiff_lzw")
    np.testing.assert_array_equal(open_volume(tmp_path / "a.tif").read(), voxels)


def test_a_single_page_is_one_slice(tmp_path):
    plane = voxels_of("uint8", (7, 9))
    volume = open_volume(write_tiff(tmp_path / "a.tif", plane))
    assert volume.shape == (1, 7, 9)
    np.testing.assert_array_equal(volume[0], plane)


def test_values_of_min_is_white_pages_are_those_stored(tmp_path):
    voxels = voxels_of("uint8")
    tifffile.imwrite(tmp_path / "a.tif", voxels, photometric="miniswhite")
    np.testing.assert_array_equal(open_volume(tmp_path / "a.tif").read(), voxels)


@pytest.mark.parametrize(
    ("shape", "options", "found"),
    [
        ((5, 8, 9, 3), {"photometric": "rgb"}, "colour"),
        ((3, 8, 9), {"photometric": "rgb", "planarconfig": "separate"}, "colour"),
        ((3, 2, 8, 9), {"photometric": "minisblack"}, "4 axes"),
        ((2, 3, 2, 8, 9), {"photometric": "minisblack", "imagej": True}, "2 along t"),
        ((2, 3, 2, 8, 9), {"photometric": "minisblack", "ome": True}, "2 along t"),
        ((3, 2, 8, 9), {"photometric": "minisblack", "truncate": True}, "4 axes"),
        ((5, 16, 16), {"photometric": "minisblack", "compression": "jpeg"}, "JPEG compression"),
        ((5, 16, 16), {"photometric": "minisblack", "volumetric": True, "tile": (16, 16, 16)},
         "slices deep"),
    ],
)  # fmt: skip
def test_tiffs_that_are_no_grey_volume_are_refused_with_what_was_found(
    tmp_path, shape, options, found
):
    tifffile.imwrite(tmp_path / "a.tif", voxels_of("uint8", shape), **options)
    with pytest.raises(VolumeError, match=found) as refused:
        open_volume(tmp_path / "a.tif", image_id="a")
    assert str(tmp_path / "a.tif") in str(refused.value)
    assert "fragment a" in str(refused.value)
    assert "expected" in str(refused.value)


def test_pages_of_different_sizes_are_refused(tmp_path):
    with tifffile.TiffWriter(tmp_path / "a.tif") as writer:
        writer.write(np.zeros((8, 9), np.uint8))
        writer.write(np.zeros((8, 10), np.uint8))
    with pytest.raises(VolumeError, match="pages that differ"):
        open_volume(tmp_path / "a.tif")


def test_two_volumes_in_one_tiff_are_refused(tmp_path):
    with tifffile.TiffWriter(tmp_path / "a.tif") as writer:
        writer.write(voxels_of("uint8"), photometric="minisblack")
        writer.write(voxels_of("uint8"), photometric="minisblack")
    with pytest.raises(VolumeError, match="metadata that declare shape"):
        open_volume(tmp_path / "a.tif")


def test_an_ome_tiff_opens_no_file_that_its_metadata_name(tmp_path):
    voxels = voxels_of("uint8", (4, 7, 9))
    write_tiff(tmp_path / "other.ome.tif", voxels, ome=True)
    write_tiff(tmp_path / "a.ome.tif", voxels[:1], ome=True)
    with tifffile.TiffFile(tmp_path / "other.ome.tif") as tiff:
        description = tiff.pages.first.description
    with tifffile.TiffFile(tmp_path / "other.ome.tif") as tiff:
        uuid = tiff.pages.first.description.split('UUID="')[1].split('"')[0]
    pointed = "".join(
        f'<TiffData IFD="{z}" FirstZ="{z}" PlaneCount="1">'
        f'<UUID FileName="other.ome.tif">{uuid}</UUID></TiffData>'
        for z in range(4)
    )
    start, end = description.index("<TiffData"), description.rindex("</Pixels>")
    crafted = description[:start] + pointed + description[end:]
    tifffile.imwrite(tmp_path / "a.ome.tif", voxels[0], description=crafted.encode(), metadata=None)
    with pytest.raises(VolumeError, match="expected"):
        open_volume(tmp_path / "a.ome.tif")


# NumPy
@pytest.mark.parametrize("dtype", [*PROBABILITY_TYPES, ">f4", ">u2", "<f8"])
@pytest.mark.parametrize("order", ["C", "F"])
def test_npy_is_read_in_both_orders_and_any_byte_order(tmp_path, dtype, order):
    voxels = np.asarray(voxels_of(np.dtype(dtype).newbyteorder("=")).astype(dtype), order=order)
    np.save(tmp_path / "a.npy", voxels)
    volume = open_volume(tmp_path / "a.npy")
    assert volume.dtype.isnative
    np.testing.assert_array_equal(volume.read(), voxels)
    np.testing.assert_array_equal(volume[::2, -1, 3], voxels[::2, -1, 3])


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("dtype", ["float16", "float32", ">f4"])
def test_nnunet_npz_gives_the_channel_asked_for_and_the_last_by_default(
    tmp_path, save, order, dtype
):
    channels = np.asarray(voxels_of("float32", (3, 4, 5, 6)).astype(dtype), order=order)
    save(tmp_path / "a.npz", other=np.zeros(3), probabilities=channels)
    with pytest.warns(VolumeWarning, match="channel 2, the last of 3 channels"):
        np.testing.assert_array_equal(open_volume(tmp_path / "a.npz").read(), channels[2])
    for channel in range(-3, 3):
        volume = open_volume(tmp_path / "a.npz", channel=channel)
        assert volume.shape == (4, 5, 6)
        assert volume.dtype.isnative
        np.testing.assert_array_equal(volume[1:3, :, ::2], channels[channel][1:3, :, ::2])


@pytest.mark.parametrize("channel", [3, -4])
def test_a_channel_that_is_not_there_is_an_error(tmp_path, channel):
    np.savez(tmp_path / "a.npz", probabilities=voxels_of("float32", (3, 4, 5, 6)))
    with pytest.raises(VolumeError, match="3 channel"):
        open_volume(tmp_path / "a.npz", channel=channel)


def test_an_npz_without_probabilities_says_what_it_holds(tmp_path):
    np.savez(tmp_path / "a.npz", other=voxels_of("float32", (3, 4, 5, 6)))
    with pytest.raises(VolumeError, match=r"other\.npy.*expected one array probabilities\.npy"):
        open_volume(tmp_path / "a.npz")


def test_an_npz_of_three_axes_is_refused(tmp_path):
    np.savez(tmp_path / "a.npz", probabilities=voxels_of("float32"))
    with pytest.raises(VolumeError, match=r"four axes, \(C, Z, Y, X\)"):
        open_volume(tmp_path / "a.npz")


class Bomb:
    """Leaves a trace when it is unpickled."""

    def __init__(self, trace):
        self.trace = trace

    def __reduce__(self):
        return (Path.touch, (self.trace,))


@pytest.mark.parametrize("name", ["a.npy", "a.npz"])
def test_pickles_in_numpy_files_are_never_loaded(tmp_path, name):
    trace = tmp_path / "trace"
    objects = np.array([[[Bomb(trace)]]], dtype=object)
    if name == "a.npy":
        np.save(tmp_path / name, objects, allow_pickle=True)
    else:
        np.savez(tmp_path / name, probabilities=objects[None])
    with pytest.raises(VolumeError, match="elements of type object"):
        open_volume(tmp_path / name)
    (tmp_path / "raw.npy").write_bytes(__import__("pickle").dumps(Bomb(trace)))
    with pytest.raises(VolumeError, match="no readable NumPy header"):
        open_volume(tmp_path / "raw.npy")
    assert not trace.exists()


@pytest.mark.parametrize("shape", [(5,), (2, 3, 4, 5, 6), ()])
def test_arrays_of_another_rank_are_refused(tmp_path, shape):
    np.save(tmp_path / "a.npy", np.zeros(shape, np.uint8))
    with pytest.raises(VolumeError, match=r"\(Z, Y, X\)"):
        open_volume(tmp_path / "a.npy")


@pytest.mark.parametrize("shape", [(0, 5, 6), (5, 0, 6), (5, 6, 0)])
def test_empty_axes_are_refused(tmp_path, shape):
    np.save(tmp_path / "a.npy", np.zeros(shape, np.uint8))
    with pytest.raises(VolumeError, match="empty axis"):
        open_volume(tmp_path / "a.npy")


@pytest.mark.parametrize("zarr_format", [2, 3])
@pytest.mark.parametrize("dtype", [*PROBABILITY_TYPES, ">u2"])
def test_zarr_arrays_are_read_in_both_versions(tmp_path, zarr_format, dtype):
    voxels = voxels_of(np.dtype(dtype).newbyteorder("=")).astype(dtype)
    make_zarr(tmp_path / "a.zarr", voxels, zarr_format, chunks=(2, 3, 4))
    volume = open_volume(tmp_path / "a.zarr")
    assert volume.shape == voxels.shape
    assert volume.dtype.isnative
    np.testing.assert_array_equal(volume.read(), voxels)
    np.testing.assert_array_equal(volume[4, ::-2, 1:8:3], voxels[4, ::-2, 1:8:3])


def test_sharded_zarr_is_read(tmp_path):
    voxels = voxels_of("uint8", (8, 8, 8))
    make_zarr(tmp_path / "a.zarr", voxels, chunks=(2, 2, 2), shards=(4, 4, 4))
    np.testing.assert_array_equal(open_volume(tmp_path / "a.zarr")[3], voxels[3])


def make_ome_zarr(path, levels, axes, version):
    group = zarr.open_group(path, mode="w", zarr_format=2 if version == "0.4" else 3)
    datasets = []
    for number, level in enumerate(levels):
        array = group.create_array(f"s/{number}", shape=level.shape, dtype=level.dtype)
        array[...] = level
        datasets.append({"path": f"s/{number}"})
    image = {"datasets": datasets, "axes": axes, "version": version}
    if axes is None:
        del image["axes"]
    if version == "0.5":
        group.attrs["ome"] = {"version": "0.5", "multiscales": [image]}
    else:
        group.attrs["multiscales"] = [image]
    return path


@pytest.mark.parametrize("version", ["0.4", "0.5"])
def test_the_first_resolution_of_an_ome_zarr_image_is_the_volume(tmp_path, version):
    voxels = voxels_of("uint8", (6, 8, 10))
    axes = [{"name": name, "type": "space"} for name in "zyx"]
    make_ome_zarr(tmp_path / "a.ome.zarr", [voxels, voxels[::2, ::2, ::2]], axes, version)
    np.testing.assert_array_equal(open_volume(tmp_path / "a.ome.zarr").read(), voxels)


@pytest.mark.parametrize(
    ("leading", "names"), [((2,), "czyx"), ((1, 2), "tczyx"), ((1,), "tzyx"), ((1, 2), None)]
)
def test_leading_time_and_channel_axes_of_ome_zarr_are_taken_off(tmp_path, leading, names):
    voxels = voxels_of("uint8", (*leading, 4, 5, 6))
    axes = None if names is None else [{"name": name} for name in names]
    version = "0.2" if axes is None else "0.5"
    path = make_ome_zarr(tmp_path / "a.zarr", [voxels], axes, version)
    flat = voxels.reshape(-1, 4, 5, 6)
    np.testing.assert_array_equal(open_volume(path).read(), flat[-1])
    np.testing.assert_array_equal(open_volume(path, channel=0).read(), flat[0])


@pytest.mark.parametrize(
    ("shape", "names"),
    [((2, 4, 5, 6), "tzyx"), ((4, 5, 6), "cyx"), ((4, 5, 6), "xyz"),
     ((2, 4, 5, 6), ("angle", *"zyx")), ((5, 6), "xy"),
     ((2, 3, 4, 5, 6), None)],
)  # fmt: skip
def test_ome_zarr_of_other_axes_is_refused(tmp_path, shape, names):
    axes = None if names is None else [{"name": name} for name in names]
    version = "0.5" if axes else "0.2"
    make_ome_zarr(tmp_path / "a.zarr", [voxels_of("uint8", shape)], axes, version)
    with pytest.raises(VolumeError, match="ax"):
        open_volume(tmp_path / "a.zarr")


def test_a_plain_zarr_array_of_four_axes_is_refused_if_it_is_ambiguous_and_has_no_names(tmp_path):
    voxels = voxels_of("uint8", (4, 2, 5, 6))
    with pytest.raises(VolumeError, match="ambiguous"):
        open_volume(make_zarr(tmp_path / "a.zarr", voxels))
    named = make_zarr(tmp_path / "b.zarr", voxels, dimension_names=["z", "c", "y", "x"])
    np.testing.assert_array_equal(open_volume(named).read(), voxels[:, 1])


def test_a_zarr_group_without_an_image_says_what_it_holds(tmp_path):
    group = zarr.open_group(tmp_path / "a.zarr", mode="w")
    group.create_array("inner", shape=(2, 2, 2), dtype="uint8")
    with pytest.raises(VolumeError, match="inner"):
        open_volume(tmp_path / "a.zarr")
