"""Volumes: every format gives the same voxels, lazily, under NumPy's indexing, role by role."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import threading
import warnings
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import tifffile
import zarr
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from napari_nx46.files.volumes.opening import (
    VOLUME_SUFFIXES,
    Role,
    VolumeError,
    VolumeWarning,
    image_id_of,
    open_volume,
    write_volume,
)

PROBABILITY_TYPES = ("uint8", "uint16", "float16", "float32", "float64")


def voxels_of(dtype="uint8", shape=(6, 7, 9), seed=0):
    rng = np.random.default_rng(seed)
    if np.dtype(dtype).kind == "f":
        return rng.random(shape).astype(dtype)
    return rng.integers(0, np.iinfo(dtype).max, shape, dtype=dtype, endpoint=True)


def write_tiff(path, voxels, **options):
    tifffile.imwrite(path, voxels, photometric="minisblack", **options)
    return path


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


# Zarr


def make_zarr(path, voxels, zarr_format=3, **options):
    array = zarr.create_array(
        store=path, shape=voxels.shape, dtype=voxels.dtype, zarr_format=zarr_format, **options
    )
    array[...] = voxels
    return path


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


# All formats


def all_formats(folder, voxels):
    folder.mkdir(exist_ok=True)
    write_tiff(folder / "plain.tif", voxels)
    write_tiff(folder / "lzw.tif", voxels, compression="lzw", rowsperstrip=2)
    write_tiff(folder / "tiled.tif", voxels, compression="zlib", tile=(16, 16))
    np.save(folder / "a.npy", voxels)
    np.savez(folder / "stored.npz", probabilities=np.stack([voxels // 2, voxels]))
    np.savez_compressed(folder / "small.npz", probabilities=np.stack([voxels // 2, voxels]))
    make_zarr(folder / "a.zarr", voxels, chunks=(2, 8, 8))
    return sorted(folder.iterdir())


@pytest.fixture(scope="module")
def same_voxels(tmp_path_factory):
    voxels = voxels_of("uint8", (7, 19, 23))
    paths = all_formats(tmp_path_factory.mktemp("formats"), voxels)
    return voxels, [open_volume(path) for path in paths]


@given(index=hnp.basic_indices((7, 19, 23), allow_newaxis=False))
def test_every_format_answers_an_index_as_numpy_does(same_voxels, index):
    voxels, volumes = same_voxels
    expected = voxels[index]
    for volume in volumes:
        answer = volume[index]
        assert answer.shape == expected.shape, volume
        assert answer.dtype == expected.dtype
        np.testing.assert_array_equal(answer, expected, err_msg=str(volume))


@pytest.mark.parametrize(
    "index",
    [7, -8, (0, 19), (0, 0, 0, 0), (..., ...), None, True, 1.0, "a", [0, 1], np.array([0, 1])],
    ids=str,
)
def test_indices_that_are_not_basic_or_out_of_bounds_are_index_errors(same_voxels, index):
    for volume in same_voxels[1]:
        with pytest.raises(IndexError):
            volume[index]


def test_integers_of_numpy_are_indices(same_voxels):
    voxels, volumes = same_voxels
    for volume in volumes:
        np.testing.assert_array_equal(volume[np.int64(3), np.uint8(2)], voxels[3, 2])


def test_what_is_read_belongs_to_the_reader(same_voxels):
    voxels, volumes = same_voxels
    for volume in volumes:
        volume[2][...] = 0
        volume.read()[...] = 0
        np.testing.assert_array_equal(volume.read(), voxels)


def test_volumes_look_like_arrays(same_voxels):
    voxels, volumes = same_voxels
    for volume in volumes:
        assert (volume.ndim, len(volume), volume.size) == (3, 7, voxels.size)
        assert volume.nbytes == voxels.nbytes
        np.testing.assert_array_equal(np.asarray(volume), voxels)
        np.testing.assert_array_equal(np.asarray(volume, dtype=float), voxels.astype(float))
        np.testing.assert_array_equal(np.stack(list(volume)), voxels)
        with pytest.raises(ValueError, match="without a copy"):
            np.asarray(volume, copy=False)


def test_threads_may_read_at_once(same_voxels):
    voxels, volumes = same_voxels
    faults = []

    def read(seed):
        rng = np.random.default_rng(seed)
        try:
            for _ in range(30):
                z, y = rng.integers(7), rng.integers(19)
                for volume in volumes:
                    np.testing.assert_array_equal(volume[z:, y], voxels[z:, y])
                    if rng.random() < 0.1:
                        volume.release()
        except (AssertionError, VolumeError) as fault:
            faults.append(fault)

    threads = [threading.Thread(target=read, args=(seed,)) for seed in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not faults


def test_no_file_is_held_open_between_reads(same_voxels):
    handles = Path("/proc/self/fd")
    if not handles.is_dir():
        pytest.skip("needs /proc to count open files")
    before = len(list(handles.iterdir()))
    for volume in same_voxels[1]:
        volume.read()
    assert len(list(handles.iterdir())) <= before


def test_a_volume_that_is_replaced_after_opening_is_noticed(tmp_path):
    for path in all_formats(tmp_path / "formats", voxels_of("uint8", (7, 19, 23))):
        if path.is_dir():
            continue
        volume = open_volume(path)
        volume[0]
        other = tmp_path / "other"
        other.write_bytes(path.read_bytes())
        other.replace(path)
        with pytest.raises(VolumeError, match="changed or replaced"):
            volume[0]


def test_the_page_cache_serves_neighbours_and_stays_small(tmp_path):
    voxels = voxels_of("uint8", (60, 32, 32))
    volume = open_volume(write_tiff(tmp_path / "a.tif", voxels, compression="lzw"))
    for z in range(60):
        np.testing.assert_array_equal(volume[max(0, z - 8) : z + 9], voxels[max(0, z - 8) : z + 9])
    kept = volume._source._cache._segments
    assert {page for page, _ in kept} == set(range(42, 60))
    volume.release()
    assert not kept


def open_files_of(path):
    """Return how many handles this process has on a file."""
    links = [Path("/proc/self/fd", name) for name in os.listdir("/proc/self/fd")]
    return sum(link.is_symlink() and os.readlink(link) == str(path.resolve()) for link in links)


@pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="needs /proc to count handles")
def test_no_tiff_is_held_open_between_two_reads(tmp_path):
    voxels = voxels_of("uint8", (6, 32, 32))
    path = write_tiff(tmp_path / "a.tif", voxels, compression="zlib")
    volume = open_volume(path)
    for z in (0, 5, 3):
        np.testing.assert_array_equal(volume[z], voxels[z])
        assert open_files_of(path) == 0
    volume.release()
    np.testing.assert_array_equal(volume.read(), voxels)
    assert open_files_of(path) == 0


@pytest.mark.parametrize("options", [{}, {"tile": (16, 16)}, {"rowsperstrip": 5}], ids=str)
def test_threads_read_one_tiff_while_it_is_released(tmp_path, options):
    voxels = voxels_of("uint8", (40, 48, 32))
    volume = open_volume(write_tiff(tmp_path / "a.tif", voxels, compression="zlib", **options))

    def read(start):
        for z in range(start, start + 60, 3):
            part = slice(z % 40, z % 40 + 4)
            np.testing.assert_array_equal(volume[part], voxels[part])
            volume.release()
        return True

    with ThreadPoolExecutor(6) as pool:
        assert all(pool.map(read, range(12)))


def test_uncompressed_pages_at_irregular_distances_are_read(tmp_path):
    voxels = voxels_of("uint16")
    with tifffile.TiffWriter(tmp_path / "a.tif") as writer:
        for z, plane in enumerate(voxels):
            writer.write(plane, metadata=None, contiguous=False, description="x" * (z * z))
    volume = open_volume(tmp_path / "a.tif")
    np.testing.assert_array_equal(volume.read(), voxels)
    np.testing.assert_array_equal(volume[4, 2:6], voxels[4, 2:6])


def test_fingerprints_are_of_contents(tmp_path, same_voxels):
    for volume in same_voxels[1]:
        if volume.path.is_file():
            expected = hashlib.sha256(volume.path.read_bytes()).hexdigest()
            assert volume.fingerprint() == expected
    voxels = voxels_of("uint8")
    first = open_volume(make_zarr(tmp_path / "a.zarr", voxels, chunks=(3, 3, 3)))
    second = open_volume(make_zarr(tmp_path / "b.zarr", voxels, chunks=(3, 3, 3)))
    assert first.fingerprint() == second.fingerprint()
    assert len(first.fingerprint()) == 64
    chunk = next(path for path in (tmp_path / "b.zarr" / "c").rglob("*") if path.is_file())
    chunk.rename(chunk.with_name("9"))
    assert first.fingerprint() != open_volume(tmp_path / "b.zarr").fingerprint()
    with pytest.raises(VolumeError, match="changed or replaced"):
        second.fingerprint()


@pytest.mark.parametrize("dtype", ["uint8", "float16", "float32", "int16"])
def test_written_volumes_read_back_and_equal_arrays_give_equal_bytes(tmp_path, dtype):
    voxels = voxels_of(dtype, (3, 40, 50))
    for name in ("a.tif", "b.tif"):
        write_volume(tmp_path / name, voxels)
    assert (tmp_path / "a.tif").read_bytes() == (tmp_path / "b.tif").read_bytes()
    np.testing.assert_array_equal(tifffile.imread(tmp_path / "a.tif"), voxels)


# Roles


def test_probabilities_may_only_be_of_the_known_types(tmp_path):
    for dtype in ("int8", "int16", "uint32", "int64", "bool", "uint64"):
        np.save(tmp_path / "a.npy", np.zeros((2, 3, 4), dtype))
        with pytest.raises(VolumeError, match=f"{dtype} voxels in a probability volume"):
            open_volume(tmp_path / "a.npy")
        assert open_volume(tmp_path / "a.npy", role=Role.IMAGE).dtype == dtype


@pytest.mark.parametrize("role", list(Role))
def test_complex_and_structured_voxels_are_refused(tmp_path, role):
    for dtype in ("complex64", "datetime64[s]", "S3", [("a", "u1"), ("b", "u1")]):
        np.save(tmp_path / "a.npy", np.zeros((2, 3, 4), dtype))
        with pytest.raises(VolumeError, match="expected"):
            open_volume(tmp_path / "a.npy", role=role)


@pytest.mark.parametrize(
    ("value", "named"),
    [(np.nan, "NaN"), (1.5, "value 1.5"), (-0.25, "value -0.25"), (np.inf, "value inf")],
)
@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
@pytest.mark.parametrize("name", ["a.tif", "a.npy", "a.npz", "a.zarr"])
def test_impossible_probabilities_are_named_where_they_are_read(
    tmp_path, value, named, dtype, name
):
    voxels = voxels_of(dtype)
    voxels[4, 3, 5] = value
    if name == "a.tif":
        write_tiff(tmp_path / name, voxels, compression="zlib")
    elif name == "a.npy":
        np.save(tmp_path / name, voxels)
    elif name == "a.npz":
        np.savez_compressed(tmp_path / name, probabilities=voxels[None])
    else:
        make_zarr(tmp_path / name, voxels)
    volume = open_volume(tmp_path / name, image_id="77")
    np.testing.assert_array_equal(volume[:4], voxels[:4])
    for index in (..., 4, slice(4, None), (slice(None, None, -1), 3), (4, slice(1, 6, 2), 5)):
        with pytest.raises(VolumeError) as refused:
            volume[index]
        message = str(refused.value)
        assert f"found {named} at (z, y, x) = (4, 3, 5)" in message
        assert str(tmp_path / name) in message
        assert "fragment 77" in message
        assert "expected probabilities in [0, 1]" in message


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_the_ends_of_the_range_are_probabilities_as_they_are(tmp_path, dtype):
    ends = np.array([[[0.0, 1.0, -0.0]]], dtype)
    np.save(tmp_path / "a.npy", ends)
    volume = open_volume(tmp_path / "a.npy")
    assert volume.read().tobytes() == ends.tobytes()
    assert volume.notes == ()


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_probabilities_a_hair_beyond_the_range_are_clipped_with_one_note(tmp_path, dtype):
    values = np.array([[[1.00098, -1e-7, 0.25, 0, 1]]] * 2, dtype)
    np.save(tmp_path / "a.npy", values)
    volume = open_volume(tmp_path / "a.npy")
    with pytest.warns(VolumeWarning, match=r"a\.npy.*beyond \[0, 1\].*clipped"):
        first = volume[0]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        second = volume[1]
    assert first.dtype == second.dtype == dtype
    np.testing.assert_array_equal([first, second], np.clip(values, 0, 1))
    assert len(volume.notes) == 1
    for beyond in (1.0021, -0.0021):
        np.save(tmp_path / "b.npy", np.full((1, 1, 2), beyond, dtype))
        with pytest.raises(VolumeError, match=r"2 such voxels in the block read"):
            open_volume(tmp_path / "b.npy").read()


def test_labels_are_0_1_and_2(tmp_path):
    labels = voxels_of("uint8") % 3
    np.save(tmp_path / "a.npy", labels)
    np.testing.assert_array_equal(open_volume(tmp_path / "a.npy", role=Role.LABEL).read(), labels)
    labels[2, 1, 0] = 255
    np.save(tmp_path / "b.npy", labels)
    volume = open_volume(tmp_path / "b.npy", role=Role.LABEL)
    np.testing.assert_array_equal(volume[3:], labels[3:])
    with pytest.raises(VolumeError, match=r"value 255 at .*\(2, 1, 0\).*labels 0, 1 or 2"):
        volume[2]
    np.save(tmp_path / "c.npy", -labels.astype(np.int8))
    with pytest.raises(VolumeError, match="value -"):
        open_volume(tmp_path / "c.npy", role=Role.LABEL).read()
    np.save(tmp_path / "d.npy", labels.astype(np.float32))
    with pytest.raises(VolumeError, match="float32 voxels in a label"):
        open_volume(tmp_path / "d.npy", role=Role.LABEL)
    np.save(tmp_path / "e.npy", labels > 0)
    assert open_volume(tmp_path / "e.npy", role=Role.LABEL).read().dtype == bool


def test_images_may_have_any_real_value(tmp_path):
    voxels = voxels_of("float32")
    voxels[0, 0] = [np.nan, -5, 1e9, *voxels[0, 0, 3:]]
    np.save(tmp_path / "a.npy", voxels)
    np.testing.assert_array_equal(open_volume(tmp_path / "a.npy", role=Role.IMAGE).read(), voxels)


# Names


def test_image_ids_are_names_without_their_ending():
    for suffix in VOLUME_SUFFIXES:
        assert image_id_of(f"folder/1407735{suffix}") == "1407735"
        assert image_id_of(Path(f"a.b{suffix.upper()}")) == "a.b"
    assert image_id_of("a.ome.zarr") == "a"
    assert image_id_of("no_ending") == "no_ending"


def test_paths_without_a_volume_are_errors(tmp_path):
    (tmp_path / "a.txt").touch()
    (tmp_path / "folder").mkdir()
    for name in ("missing.tif", "a.txt", "folder", "http://example.org/a.zarr"):
        with pytest.raises(VolumeError, match="expected"):
            open_volume(tmp_path / name)
    with pytest.raises(VolumeError, match="nothing at this path"):
        open_volume("https://example.org/a.zarr")


def test_the_competitions_own_kind_of_file_is_read_fast_enough_and_right(shared):
    path = shared / "real" / "masks" / "competitor_r01.tif"
    if not path.is_file():
        pytest.skip(f"needs {path}")
    volume = open_volume(path, role=Role.IMAGE)
    expected = tifffile.imread(path)
    assert volume.shape == (320, 320, 320)
    np.testing.assert_array_equal(volume.read(), expected)


def test_importing_volumes_imports_no_reader():
    program = (
        "import sys, napari_nx46.files.volumes.opening, napari_nx46.data.fragments; "
        "print({'tifffile', 'zarr', 'imagecodecs', 'PIL', 'napari', 'qtpy', 'numba'} "
        "& set(sys.modules))"
    )
    answer = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert answer.stdout.strip() == "set()"
