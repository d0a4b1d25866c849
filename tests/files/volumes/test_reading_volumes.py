"""Every format is read in the same way, and holds what its role allows."""

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
from hypothesis import given
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
from tests.files.volumes.written_volumes import make_zarr, voxels_of, write_tiff


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
    with pytest.raises(VolumeError, match="URL of kind ftp"):
        open_volume("ftp://127.0.0.1/a.zarr")


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
